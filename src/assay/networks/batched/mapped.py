"""Networks around any mixer together, by torch.func.vmap of the module's own forward pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.func import functional_call, vmap

from assay.networks.batched.recurrent import replace_parts
from assay.networks.standard import StandardBackbone


class ShownTask:
    """A task to a network that is handed what it would be shown, rather than inputs."""

    def __init__(self, task: Any) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_task"], name)

    @staticmethod
    def tokens(shown: Tensor) -> Tensor:
        """What is handed."""
        return shown

    flat = tokens


def reading_shown(network: Any) -> Any:
    """A copy of the network that takes what it would be shown, rather than inputs."""
    task, network.task = network.task, None
    try:
        copied = copy.deepcopy(network)
    finally:
        network.task = task
    copied.task = ShownTask(task)
    return copied


def mapped_form(network: StandardBackbone) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    """The form of a backbone around any mixer; what a mixer draws at random differs between networks."""
    template = reading_shown(network)
    replace_parts(template)

    def one(parameters: dict[str, Tensor], shown: Tensor) -> Tensor:
        return functional_call(template, parameters, (shown,))

    def forward(parameters: dict[str, Tensor], shown: Tensor) -> Tensor:
        return vmap(one, randomness="different")(parameters, shown)

    return forward


__all__ = ["mapped_form", "reading_shown"]
