"""Products of each network's own matrix with what its tokens hold, the same in every bit whatever the company.

BLAS may round differently where a matrix begins at another alignment in memory. So matrices of a network's parameters,
and their gradients, are laid out such that every network's begin at a multiple of 64 bytes; activations do so by
themselves for batches that are a multiple of 16.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ALIGNED = 16  # numbers of 4 bytes


class _Product(torch.autograd.Function):
    """a @ b of (networks, ., .); `small` says which of a, b and the product are a network's matrices."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, small: tuple[bool, bool, bool]) -> Tensor:
        """The product."""
        a, b = (_aligned(x) if is_small else x for x, is_small in zip((a, b), small[:2], strict=True))
        ctx.save_for_backward(a, b)
        ctx.small = small
        return _multiply(a, b, small[2])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # ty: ignore
        """Towards both."""
        a, b = ctx.saved_tensors
        if ctx.small[2]:
            gradient = _aligned(gradient)
        towards_a = _multiply(gradient, b.mT, ctx.small[0]) if ctx.needs_input_grad[0] else None
        towards_b = _multiply(a.mT, gradient, ctx.small[1]) if ctx.needs_input_grad[1] else None
        return towards_a, towards_b, None


def rows_by(x: Tensor, matrix: Tensor) -> Tensor:
    """Tokens that are rows: (networks, tokens, in), (networks, out, in) -> (networks, tokens, out)."""
    if matrix.shape[1] == 1:  # BLAS has another routine for a vector of one network alone
        return (x * matrix).sum(dim=2, keepdim=True)
    return _Product.apply(x, matrix.mT, (False, True, False)) if _odd(matrix) else x @ matrix.mT


def by_columns(matrix: Tensor, x: Tensor) -> Tensor:
    """Tokens that are columns: (networks, out, in), (networks, in, tokens) -> (networks, out, tokens)."""
    return _Product.apply(matrix, x, (True, False, False)) if _odd(matrix) else matrix @ x


def small(a: Tensor, b: Tensor) -> Tensor:
    """Matrices of the networks' parameters: (networks, ., .), (networks, ., .)."""
    if _odd(a) or _odd(b) or a.shape[1] * b.shape[2] % ALIGNED:
        return _Product.apply(a, b, (True, True, True))
    return a @ b


def _odd(matrix: Tensor) -> bool:
    return matrix.shape[1] * matrix.shape[2] % ALIGNED != 0


def _aligned(matrix: Tensor) -> Tensor:
    """The same numbers, each network's at a multiple of 64 bytes."""
    return _room(matrix, *matrix.shape).copy_(matrix)


def _multiply(a: Tensor, b: Tensor, lay_out: bool) -> Tensor:
    if not lay_out or a.shape[1] * b.shape[2] % ALIGNED == 0:
        return a @ b
    product = _room(a, len(a), a.shape[1], b.shape[2])
    for left, right, result in zip(a, b, product, strict=True):
        torch.mm(left, right, out=result)
    return product


def _room(like: Tensor, networks: int, rows: int, columns: int) -> Tensor:
    numbers = -(-rows * columns // ALIGNED) * ALIGNED
    return like.new_empty(networks, numbers)[:, : rows * columns].view(networks, rows, columns)
