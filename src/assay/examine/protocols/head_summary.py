"""One layer of attention in two halves: what each head finds among some of the tokens, and what the whole makes of it.

Z = sum of exp(score) and mean = average of values with weights exp(score) / Z, over some of the tokens;
the head's output over all tokens is (Z_A mean_A + Z_B mean_B) / (Z_A + Z_B).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from assay.errors import AssayError
from assay.layers.layer import SumsUp
from assay.models.bare import BareUnit
from assay.models.task_network import TaskBackbone

Network = TypeVar("Network", BareUnit, TaskBackbone)


class Layer(ABC, Generic[Network]):
    """A network of one layer of attention, seen from one token that both parties know."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @abstractmethod
    def summary(self, asking: Tensor, some: Tensor) -> tuple[Tensor, Tensor]:
        """For each head log Z (batch, heads, 1, 1) and mean (batch, heads, 1, v) of what one token finds.

        The embedded token is (batch, 1, m), those among which it looks are (batch, some, m).
        """

    @abstractmethod
    def answer(self, asking: Tensor, means: Tensor) -> Tensor:
        """The token's answer (batch,) from its embedding (batch, 1, m) and each head's mean over all tokens.

        NaN where what follows the heads refuses them.
        """


class BareLayer(Layer[BareUnit]):
    """A bare unit."""

    def summary(self, asking: Tensor, some: Tensor) -> tuple[Tensor, Tensor]:
        unit, tokens = self.network, some.unsqueeze(1)
        scores = (asking.unsqueeze(1) @ unit.query) @ (tokens @ unit.key).transpose(2, 3)
        mean = torch.softmax(scores, dim=3) @ (tokens @ unit.value)
        return torch.logsumexp(scores, dim=3, keepdim=True), mean

    def answer(self, asking: Tensor, means: Tensor) -> Tensor:
        return self._read(means.sum(dim=1))

    def _read(self, outputs: Tensor) -> Tensor:
        """psi, by halves where it refuses some of the outputs, as rounded messages may lead to what no input does."""
        try:
            return self.network.read(outputs).flatten()
        except AssayError:
            if len(outputs) == 1:
                return torch.full((1,), torch.nan, dtype=outputs.dtype)
            return torch.cat([self._read(half) for half in outputs.chunk(2)])


class StandardLayer(Layer[TaskBackbone]):
    """One block of the standard backbone around a layer that has summaries."""

    def __init__(self, network: TaskBackbone, layer: SumsUp) -> None:
        super().__init__(network)
        self.layer = layer

    def summary(self, asking: Tensor, some: Tensor) -> tuple[Tensor, Tensor]:
        (block,) = self.network.network.stack
        return self.layer.summary(block.before_layer(asking), block.before_layer(some))

    def answer(self, asking: Tensor, means: Tensor) -> Tensor:
        """Everything after the heads looks at one token alone."""
        (block,) = self.network.network.stack
        token = asking + self.layer.join(means)
        token = token + block.mlp(block.before_mlp(token))
        return self.network.network.read(token).flatten()


def layer_of(network: nn.Module) -> Layer | str:
    """The network as one layer, or what it lacks for that, in words."""
    if isinstance(network, BareUnit) and type(network).answers is BareUnit.answers:
        return BareLayer(network)
    if not isinstance(network, TaskBackbone):
        return "a bare attention unit, or attention in the standard backbone"
    if network.size.depth > 1:
        return "one layer: of several the bound does not speak"
    layer = network.network.stack[0].layer
    if not isinstance(layer, SumsUp):
        return f"a layer that sums up: {type(layer).__name__} has no summary(asking, tokens) and join(means)"
    return StandardLayer(network, layer)


def combine(alice: tuple[Tensor, Tensor], bob: tuple[Tensor, Tensor]) -> Tensor:
    """Each head's mean over all tokens, from both parties' log Z and means."""
    share = torch.sigmoid(alice[0] - bob[0])
    return share * alice[1] + (1 - share) * bob[1]
