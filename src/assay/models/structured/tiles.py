"""Dense attention, without gradients, in memory linear in the length: scores pass through one small buffer."""

from __future__ import annotations

import torch
from torch import Tensor

LONG = 2048  # positions from which on a tile of scores is better than rows of them
_ROWS, _COLUMNS = 256, 2048  # of a tile of scores: 2 MB in float32
_SCORES = 1 << 22  # of some whole rows: 16 MB in float32


def shifted_attention(queries: Tensor, keys: Tensor, values: Tensor, shifts: Tensor) -> Tensor:
    """softmax(queries keys^T) values, computed from exp(score - shift); time O(T L (m + d)), memory O((T + L) (m + d)).

    Rounds as often as torch.softmax and a product with the values do, each weight: the score, its difference from the
    shift, the exponential, the sums over keys, the quotient. A shift near the largest score, as that of a key in the
    pointer set, leaves the bounds as they are; one that is 88 below it overflows in float32.

    Args:
        queries: (batch, T, m).
        keys: (batch, L, m).
        values: (batch, L, d).
        shifts: (batch, T).

    >>> one = torch.eye(3).unsqueeze(0)
    >>> shifted_attention(30 * one[:, :1], one, 7 * one, torch.tensor([[30.0]])).round().tolist()
    [[[7.0, 0.0, 0.0]]]
    """
    batch, rows, _ = queries.shape
    length, dimension = values.shape[1:]
    outputs = values.new_empty(batch, rows, dimension)
    room = values.new_empty(_ROWS * min(_COLUMNS, length))
    for example in range(batch):
        counted = torch.cat([values[example], values.new_ones(length, 1)], dim=1)
        key = keys[example].contiguous()
        for first in range(0, rows, _ROWS):
            some = queries[example, first : first + _ROWS].contiguous()
            shift = shifts[example, first : first + _ROWS].unsqueeze(1)
            sums = values.new_zeros(len(some), dimension + 1)
            for start in range(0, length, _COLUMNS):
                block = key[start : start + _COLUMNS]
                scores = room[: len(some) * len(block)].view(len(some), len(block))
                torch.mm(some, block.t(), out=scores)
                scores.sub_(shift).exp_()
                sums.addmm_(scores, counted[start : start + _COLUMNS])
            outputs[example, first : first + _ROWS] = sums[:, :-1] / sums[:, -1:]
    return outputs


def row_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """softmax(queries keys^T) values, some rows of scores at a time; time O(T L (m + d)), memory O((T + L) (m + d)).

    The largest score of a row is subtracted, exponentials are taken and summed, with and without values, and divided:
    what torch.softmax and a product with the values round. Shapes as for `shifted_attention`, which is faster in
    float32 where it applies.

    >>> one = torch.eye(3).unsqueeze(0)
    >>> row_attention(30 * one[:, :1], one, 7 * one).round().tolist()
    [[[7.0, 0.0, 0.0]]]
    """
    batch, rows, _ = queries.shape
    length, dimension = values.shape[1:]
    outputs = values.new_empty(batch, rows, dimension)
    height = min(rows, max(1, _SCORES // length))
    room = values.new_empty(height * length)
    for example in range(batch):
        counted = torch.cat([values[example], values.new_ones(length, 1)], dim=1)
        key = keys[example].t()
        for first in range(0, rows, height):
            some = queries[example, first : first + height]
            scores = room[: len(some) * length].view(len(some), length)
            torch.mm(some, key, out=scores)
            scores.sub_(scores.amax(dim=1, keepdim=True)).exp_()
            sums = scores @ counted
            outputs[example, first : first + height] = sums[:, :-1] / sums[:, -1:]
    return outputs
