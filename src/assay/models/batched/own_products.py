"""Products of each network's own matrix with what its tokens hold, the same in every bit whatever the company.

BLAS may round differently where a matrix begins at another alignment in memory. So matrices of a network's parameters,
and their gradients, are laid out such that every network's begin at a multiple of 64 bytes; activations do so by
themselves for batches that are a multiple of 16.
"""

from __future__ import annotations

import torch
from torch import Tensor

from assay.layers.kernels.autograd import Context

ALIGNED = 16  # numbers of 4 bytes


class _Product(torch.autograd.Function):
    """x @ matrix of (networks, ., .), of which `matrix` is of the networks' parameters."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, matrix: Tensor) -> Tensor:
        matrix = _room(matrix, *matrix.shape).copy_(matrix)
        ctx.save_for_backward(x, matrix)
        return x @ matrix

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (x, matrix), (gradient,) = ctx.saved_tensors, gradients
        towards_x = gradient @ matrix.mT if ctx.needs_input_grad[0] else None
        return towards_x, _laid_out(x.mT, gradient) if ctx.needs_input_grad[1] else None


def rows_by(x: Tensor, matrix: Tensor) -> Tensor:
    """Tokens that are rows: (networks, tokens, in), (networks, out, in) -> (networks, tokens, out)."""
    if matrix.shape[1] == 1:  # BLAS has another routine for a vector of one network alone
        return (x * matrix).sum(dim=2, keepdim=True)
    return _Product.apply(x, matrix.mT) if matrix.shape[1] * matrix.shape[2] % ALIGNED else x @ matrix.mT


def _laid_out(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, each network's at a multiple of 64 bytes."""
    product = _room(a, len(a), a.shape[1], b.shape[2])
    for left, right, result in zip(a, b, product, strict=True):
        torch.mm(left, right, out=result)
    return product


def _room(like: Tensor, networks: int, rows: int, columns: int) -> Tensor:
    """Empty matrices, each network's at a multiple of 64 bytes."""
    numbers = -(-rows * columns // ALIGNED) * ALIGNED
    return like.new_empty(networks, numbers)[:, : rows * columns].view(networks, rows, columns)
