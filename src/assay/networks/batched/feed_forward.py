"""Feed-forward networks together: every layer one batched product."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from assay.networks.batched.products import rows_by
from assay.networks.batched.tables import look_up
from assay.networks.feed_forward import FeedForward, flattened


def feed_forward_form(network: FeedForward) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    """The form of `FeedForward`, from tokens (networks, batch, length, ...)."""
    symbols, spec = isinstance(network.first, nn.EmbeddingBag), network.spec

    def forward(parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        flat = flattened(spec, tokens.flatten(0, 1)).unflatten(0, tokens.shape[:2])
        hidden = look_up(parameters["layers.0.weight"], flat).sum(dim=2) if symbols else _affine(parameters, 0, flat)
        for layer in (2, 4):
            hidden = _affine(parameters, layer, torch.nn.functional.gelu(hidden))
        return hidden.unflatten(2, spec.output_shape)

    return forward


def _affine(parameters: dict[str, Tensor], layer: int, x: Tensor) -> Tensor:
    weight, bias = parameters[f"layers.{layer}.weight"], parameters[f"layers.{layer}.bias"]
    return rows_by(x, weight) + bias.unsqueeze(1)
