"""Many networks of one shape computed together: the same functions as their modules', with a leading axis of networks.

A form takes parameters with a leading axis, by the names of the module's own, and the networks' tokens, and returns
their outputs (networks, batch, *output shape). Its rounding is not the module's, but no network's answers or
gradients depend, in any bit, on how many others are computed with it (where `aligned` says so).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from assay.networks.base import Network
from assay.networks.batched.attention import attention_form
from assay.networks.batched.feed_forward import feed_forward_form
from assay.networks.batched.mapped import mapped_form
from assay.networks.feed_forward import FeedForward
from assay.networks.mixers.attention import Attention
from assay.networks.standard import Backbone
from assay.tasks.spec import Vectors

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Form:
    """How networks of one shape are computed together.

    Attributes:
        forward: (parameters, tokens (networks, batch, ...)) -> outputs (networks, batch, *output shape).
        fewest: networks from which on it is faster than one after the other, if they are small; 1 for what is written
            for the architecture, rather than mapped over its module by torch.func.vmap.
    """

    forward: Callable[[Parameters, Tensor], Tensor]
    fewest: int

    @property
    def by_hand(self) -> bool:
        """Whether it is written for the architecture."""
        return self.fewest == 1


def form_of(network: Network) -> Form | None:
    """The form for networks like this one; None for networks that read their inputs in a way of their own."""
    if type(network) is FeedForward:
        return Form(feed_forward_form(network), fewest=1)
    if type(network) is Backbone:
        if _by_hand(network):
            return Form(attention_form(network), fewest=1)
        fast = any(isinstance(module, nn.LSTM) for module in network.modules())  # oneDNN's is hard to beat
        return Form(mapped_form(network), fewest=12 if fast else 4)
    return None


def _by_hand(network: Backbone) -> bool:
    """Whether it is what the form of attention is written for: a table of positions, and no mask that matters."""
    layers: list[Any] = [block.mixer for block in network.blocks]
    plain = all(type(layer) is Attention and not layer.rotary for layer in layers)
    masked = layers[0].causal and (network.spec.queries > 1 or len(layers) > 1) if plain else True
    tokens = network.spec.tokens
    one = isinstance(tokens, Vectors) or len(tokens.counts) == 1
    return plain and not masked and one and network.positions is not None and network.loops == 1


__all__ = ["Form", "Parameters", "form_of"]
