"""Many networks of one shape computed together: the same functions as their modules', with a leading axis of networks.

A form takes parameters with a leading axis, by the names of the module's own, and the networks' tokens, and returns
their outputs (networks, batch, *output shape). Its rounding is not the module's, but no network's answers or
gradients depend, in any bit, on how many others are computed with it: see `assay.models.batched.own_products`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from assay.models.backbone import Backbone
from assay.models.batched.mapped import mapped_form
from assay.models.feed_forward import FeedForward
from assay.models.network import Network

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Form:
    """How networks of one shape are computed together.

    Attributes:
        forward: (parameters, tokens (networks, batch, ...)) -> outputs (networks, batch, *output shape).
        fewest: networks from which on it is faster than one after the other, if they are small.
    """

    forward: Callable[[Parameters, Tensor], Tensor]
    fewest: int


def form_of(network: Network) -> Form | None:
    """The form for networks like this one; None for networks that read their inputs in a way of their own."""
    if type(network) not in (Backbone, FeedForward):
        return None
    fast = any(isinstance(module, nn.LSTM) for module in network.modules())  # oneDNN's is hard to beat
    return Form(mapped_form(network), fewest=12 if fast else 4)


__all__ = ["Form", "Parameters", "form_of"]
