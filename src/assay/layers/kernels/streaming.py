"""Third-order attention by tiles of scores and a running maximum, with public operators only.

Slower than the flash kernel at many positions, faster at few; keeps maximum and sum of a query apart, so that scores of
any size lose no more to rounding than they do in a softmax.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from assay.layers.kernels.position_pairs import Inputs, Mask, blocks

TILE_SCORES = 1 << 18  # scores formed at a time: 1 MB in float32


class Streamed(NamedTuple):
    """What streaming leaves: largest score and sum of exp(score - largest) of each query, (batch, rows)."""

    largest: Tensor
    total: Tensor


class Tile(NamedTuple):
    """A block of a block: its examples and rows, its first positions, its scores, and views of what it needs."""

    at: tuple[slice, slice]
    first: tuple[slice, slice]
    inputs: Inputs
    pseudo: Tensor  # (examples, rows, positions, m)
    scores: Tensor  # (examples, rows, positions * n)


def _tiles(inputs: Inputs, allowed: Tensor | None) -> Iterator[Tile]:
    """Tiles of about TILE_SCORES scores; those of the same queries one after another."""
    length = inputs.key1.shape[1]
    for block in blocks(inputs, Mask(causal=False, window=None), TILE_SCORES):
        whole, rows = block.of(inputs), block.rows
        wide = min(length, max(1, TILE_SCORES // (math.prod(whole.query.shape[:2]) * length)))
        for start in range(0, length, wide):
            column = slice(start, min(length, start + wide))
            part = whole._replace(key1=whole.key1[:, column], value1=whole.value1[:, column])
            pseudo = part.query.unsqueeze(2) * part.key1.unsqueeze(1)
            scores = (pseudo.flatten(1, 2) @ part.key2.mT).view(*pseudo.shape[:3], length)
            if allowed is not None:  # finite: a tile may allow nothing to a query, whose maximum comes later
                outside = ~(allowed[rows, column].unsqueeze(2) & allowed[rows].unsqueeze(1))
                scores.masked_fill_(outside, torch.finfo(scores.dtype).min)
            yield Tile((block.examples, rows), (block.examples, column), part, pseudo, scores.flatten(2))


def streaming_forward(inputs: Inputs, allowed: Tensor | None) -> tuple[Tensor, Streamed]:
    """Outputs (batch, rows, d), and what the backward pass needs; allowed: (rows, n), or None if that is all."""
    shape, width = inputs.query.shape[:2], inputs.value1.shape[2]
    largest = inputs.query.new_full(shape, torch.finfo(inputs.query.dtype).min)
    total, outputs = torch.zeros_like(largest), inputs.value1.new_zeros(*shape, width)
    for at, _, part, pseudo, scores in _tiles(inputs, allowed):
        before = largest[at]
        now = torch.maximum(before, scores.amax(dim=2))
        weights = scores.sub_(now.unsqueeze(2)).exp_()
        inner = (weights.view(scores.shape[0], -1, part.value2.shape[1]) @ part.value2).view(*pseudo.shape[:3], width)
        shrink = (before - now).exp()
        total[at] = total[at] * shrink + weights.sum(dim=2)
        outputs[at] = outputs[at] * shrink.unsqueeze(2) + (inner * part.value1.unsqueeze(1)).sum(dim=2)
        largest[at] = now
    return outputs / total.unsqueeze(2), Streamed(largest, total)


def streaming_backward(
    inputs: Inputs, allowed: Tensor | None, state: Streamed, gradient: Tensor, result: Tensor
) -> Inputs:
    """Gradients of the inputs, given the outputs `result` and their gradient."""
    grads = Inputs(*(torch.zeros_like(x) for x in inputs))
    mean = (gradient * result).sum(dim=2, keepdim=True)  # of the weights' gradients under the weights
    for at, first, part, pseudo, scores in _tiles(inputs, allowed):
        weights = scores.sub_(state.largest[at].unsqueeze(2)).exp_().div_(state.total[at].unsqueeze(2))
        outer = gradient[at].unsqueeze(2)
        inner = (outer * part.value1.unsqueeze(1)).flatten(1, 2)
        d_scores = (inner @ part.value2.mT).view_as(weights).sub_(mean[at]).mul_(weights)
        d_scores, weights = (x.view(*inner.shape[:2], -1) for x in (d_scores, weights))
        d_pseudo = (d_scores @ part.key2).view_as(pseudo)
        grads.query[at] += (d_pseudo * part.key1.unsqueeze(1)).sum(dim=2)
        grads.key1[first] += (d_pseudo * part.query.unsqueeze(2)).sum(dim=1)
        grads.key2[at[0]] += d_scores.mT @ pseudo.flatten(1, 2)
        grads.value1[first] += ((weights @ part.value2).view(*pseudo.shape[:3], -1) * outer).sum(dim=1)
        grads.value2[at[0]] += weights.mT @ inner
    return grads
