"""Many networks of one shape computed together: the same functions as their modules', with a leading axis of networks.

A form takes parameters with a leading axis, by the names of the module's own, and what the networks are shown, and
returns their answers (networks, batch, *answer shape). Its rounding is not the module's, but no network's answers or
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
from assay.networks.standard import StandardBackbone
from assay.tasks.base import Task

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Form:
    """How networks of one shape are computed together.

    Attributes:
        forward: (parameters, shown (networks, batch, ...)) -> answers (networks, batch, *answer shape).
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
    if type(network) is StandardBackbone:
        if type(network.blocks[0].mixer) is Attention:
            return Form(attention_form(network), fewest=1)
        fast = any(isinstance(module, nn.LSTM) for module in network.modules())  # oneDNN's is hard to beat
        return Form(mapped_form(network), fewest=12 if fast else 4)
    return None


def shown(network: Network, task: Task[Any], inputs: Any) -> Tensor:
    """What a network for which there is a form makes of inputs before its parameters come in: (batch, ...)."""
    return task.flat(inputs) if isinstance(network, FeedForward) else task.tokens(inputs)


__all__ = ["Form", "Parameters", "form_of", "shown"]
