"""What attention over pairs of positions shares: which pairs a query may use, and its work cut into blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Mask(NamedTuple):
    """Which positions a query may use in its pairs, itself always among them."""

    causal: bool
    window: int | None

    def span(self, first: int, end: int, length: int) -> slice:
        """Positions that some query of first, ..., end - 1 may use."""
        start = 0 if self.window is None else max(0, first - self.window)
        reach = length if self.window is None else min(length, end + self.window)
        return slice(start, min(end, reach) if self.causal else reach)

    def allowed(self, queries: slice, positions: slice, device: torch.device) -> Tensor | None:
        """(number of queries, number of positions), True where a query may use a position; None if that is all."""
        if not self.causal and self.window is None:
            return None
        row, column = (torch.arange(x.start, x.stop, device=device) for x in (queries, positions))
        ahead = column - row.unsqueeze(1)
        allowed = ahead <= 0 if self.causal else torch.ones_like(ahead, dtype=torch.bool)
        return allowed if self.window is None else allowed & (ahead.abs() <= self.window)


class Inputs(NamedTuple):
    """The five tensors of third-order attention: (batch, T or N, width)."""

    query: Tensor
    key1: Tensor
    key2: Tensor
    value1: Tensor
    value2: Tensor


class Block(NamedTuple):
    """Some of the queries: examples, rows, the positions they may use together, and which of them each may use."""

    examples: slice
    rows: slice
    span: slice
    allowed: Tensor | None

    def of(self, inputs: Inputs) -> Inputs:
        """What the block needs of the inputs, as views."""
        return Inputs(
            inputs.query[self.examples, self.rows], *(tensor[self.examples, self.span] for tensor in inputs[1:])
        )


def blocks(inputs: Inputs, mask: Mask, scores: int) -> Iterator[Block]:
    """Blocks with about `scores` scores: whole examples if they fit, else some rows of one."""
    (batch, rows, _), length = inputs.query.shape, inputs.key1.shape[1]
    reach = length if mask.window is None else min(length, 2 * mask.window + 1)
    height = min(rows, max(1, scores // reach**2))
    depth = max(1, scores // (height * reach**2))
    for first in range(0, rows, height):
        end = min(rows, first + height)
        before = length - rows
        span = mask.span(before + first, before + end, length)
        allowed = mask.allowed(slice(before + first, before + end), span, inputs.query.device)
        for start in range(0, batch, depth):
            yield Block(slice(start, min(batch, start + depth)), slice(first, end), span, allowed)


def flat(rows: int, length: int, window: int | None, *tensors: Tensor) -> Iterator[Tensor]:
    """The tensors with their leading dimensions made one, contiguous."""
    if not 1 <= rows <= length or (window is not None and window < 0):
        raise ValueError(f"{rows} queries, {length} positions, window {window}: 1 <= T <= N and window >= 0 must hold")
    return (tensor.reshape(math.prod(tensor.shape[:-2]), *tensor.shape[-2:]).contiguous() for tensor in tensors)
