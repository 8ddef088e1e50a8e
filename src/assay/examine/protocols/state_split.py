"""Recurrent networks cut before their last token: the state that the first part leaves, and the answer made of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from assay.constructions.recurrent import StoreAll
from assay.layers.common.check import hands_on_state
from assay.models.backbone import Block
from assay.models.task_network import TaskBackbone
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs

Network = TypeVar("Network", bound=nn.Module)


class StateSplit(ABC, Generic[Network]):
    """A recurrent network in two parts, for sparse averaging at the last token."""

    def __init__(self, network: Network, task: SparseAveraging) -> None:
        self.network, self.task = network, task

    @abstractmethod
    def state(self, inputs: SparseAveragingInputs) -> Tensor:
        """What all tokens but the last leave behind, from them alone: (batch, numbers)."""

    @abstractmethod
    def answer(self, inputs: SparseAveragingInputs, state: Tensor) -> Tensor:
        """The last token's answer (batch, d), from that token alone and the state."""


class StoredValues(StateSplit[StoreAll]):
    """The construction that keeps every value."""

    def state(self, inputs: SparseAveragingInputs) -> Tensor:
        values = self._values(inputs)
        slots = torch.zeros_like(values)
        for position in range(self.task.others):
            slots = self.network.step(slots, values[:, position], position)
        return slots.flatten(1)

    def answer(self, inputs: SparseAveragingInputs, state: Tensor) -> Tensor:
        """The last token's value goes to its slot, if it has one, and its pointers are read."""
        values = self._values(inputs)
        slots = state.view(values.shape).clone()
        for position in range(self.task.others, self.task.length):
            slots = self.network.step(slots, values[:, position], position)
        return self.network.rounded(self.network.read(slots, inputs.pointers[:, -1:]))[:, -1]

    def _values(self, inputs: SparseAveragingInputs) -> Tensor:
        return self.network.rounded(inputs.values.to(self.network.dtype))


class StandardStates(StateSplit[TaskBackbone]):
    """Blocks around layers that give their state, each shown the sequence once; all of their states are handed on."""

    def state(self, inputs: SparseAveragingInputs) -> Tensor:
        tokens = self.network.embedded(inputs)[:, :-1]
        states = []
        for block in self.network.network.stack:
            mixed, state = block.layer.run(block.before_layer(tokens))
            tokens = _after(block, tokens, mixed)
            states.append(state)
        return torch.cat(states, dim=1)

    def answer(self, inputs: SparseAveragingInputs, state: Tensor) -> Tensor:
        tokens = self.network.embedded(inputs)[:, -1:]
        blocks = self.network.network.stack
        for block, own in zip(blocks, state.chunk(len(blocks), dim=1), strict=True):
            tokens = _after(block, tokens, block.layer.run(block.before_layer(tokens), own)[0])
        return self.network.network.read(tokens)[:, -1]


def _after(block: Block, tokens: Tensor, mixed: Tensor) -> Tensor:
    """What a block makes of tokens when its layer gives `mixed`."""
    tokens = tokens + mixed
    return tokens + block.mlp(block.before_mlp(tokens))


def state_split(network: nn.Module, task: SparseAveraging) -> StateSplit | str:
    """The network in two parts, or what it lacks for that, in words."""
    if isinstance(network, StoreAll):
        return StoredValues(network, task)
    if not isinstance(network, TaskBackbone) or network.resources.state is None:
        return "a recurrent construction, or causal layers that declare their state in the standard backbone"
    if network.passes > 1:
        return "one pass over the sequence (layout 'last'); of two passes each hands on a state"
    if network.network.loops > 1:
        return "blocks that are run once; of several loops each hands on a state"
    for block in network.network.stack:
        if not hands_on_state(block.layer) or block.layer.block:
            return f"layers that give their state: {type(block.layer).__name__} has no run(tokens, state)"
    return StandardStates(network, task)
