"""Linear maps of networks that are mapped over: all networks' in one batched product, or of symbols in one sum."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assay.layers.kernels.autograd import Context, Mapped, at_front
from assay.models.batched.own_products import rows_by


class _Linear(torch.autograd.Function):
    """x W^T, which torch.func.vmap maps to `rows_by`."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        return x @ weight.mT

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        return gradient @ weight, gradient.flatten(0, -2).mT @ x.flatten(0, -2)

    @staticmethod
    def vmap(info: Mapped, in_dims: tuple[int | None, ...], *given: Tensor) -> tuple[Tensor, int]:
        x, weight = (at_front(tensor, axis, info) for tensor, axis in zip(given, in_dims, strict=True))
        rows = x.reshape(info.batch_size, -1, x.shape[-1])
        return rows_by(rows, weight).view(*x.shape[:-1], weight.shape[1]), 0


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """x W^T: (..., in), (out, in) -> (..., out)."""
    return _Linear.apply(x, weight)


class MappedLinear(nn.Module):
    """torch.nn.Linear; takes the place of one with the same parameters."""

    def __init__(self, replaced: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = replaced.in_features, replaced.out_features
        self.weight, self.bias = replaced.weight, replaced.bias

    def forward(self, x: Tensor) -> Tensor:
        y = linear(x, self.weight)
        return y if self.bias is None else y + self.bias


class MappedBag(nn.Module):
    """Sums of rows of a table; takes the place of a torch.nn.EmbeddingBag that sums, with the same parameters."""

    def __init__(self, replaced: nn.EmbeddingBag) -> None:
        super().__init__()
        self.weight = replaced.weight

    def forward(self, symbols: Tensor) -> Tensor:
        return nn.functional.embedding(symbols, self.weight).sum(dim=1)
