"""Linear maps of networks that are mapped over: all networks' in one batched product, or of symbols in one sum."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from assay.models.batched.own_products import rows_by


class _Linear(torch.autograd.Function):
    """x W^T, which torch.func.vmap maps to `rows_by`."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        """Of one network."""
        return x @ weight.mT

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """What a gradient needs."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:  # ty: ignore[incompatible-method-override]
        """Of one network, should one ever be computed by itself."""
        x, weight = ctx.saved_tensors
        return gradient @ weight, gradient.flatten(0, -2).mT @ x.flatten(0, -2)

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, weight: Tensor) -> tuple[Tensor, int]:  # ty: ignore
        """Of all networks; x may be the same for all."""
        networks = info.batch_size
        x = x.expand(networks, *x.shape) if in_dims[0] is None else x.movedim(in_dims[0], 0)
        weight = weight.expand(networks, *weight.shape) if in_dims[1] is None else weight.movedim(in_dims[1], 0)
        rows = x.reshape(networks, -1, x.shape[-1])
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
        """x W^T + b."""
        y = linear(x, self.weight)
        return y if self.bias is None else y + self.bias


class MappedBag(nn.Module):
    """Sums of rows of a table; takes the place of a torch.nn.EmbeddingBag that sums, with the same parameters."""

    def __init__(self, replaced: nn.EmbeddingBag) -> None:
        super().__init__()
        self.weight = replaced.weight

    def forward(self, symbols: Tensor) -> Tensor:
        """(batch, symbols) -> (batch, width)."""
        return nn.functional.embedding(symbols, self.weight).sum(dim=1)
