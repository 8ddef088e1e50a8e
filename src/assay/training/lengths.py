"""At which lengths a network is trained and tested: at the task's own, a range up to it or rising to it, and others."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from assay.errors import AssayError
from assay.models.task_network import TaskNetwork, joined
from assay.tasks import counter
from assay.tasks.task import Task
from assay.training.recipe import Recipe

_CURRICULUM = 0.5  # share of the budget over which the length rises to the task's own


class Lengths:
    """A network at several lengths of its task; `TaskNetwork`s of one set of weights.

    Args:
        network: at the task's own length.
    """

    def __init__(self, network: TaskNetwork) -> None:
        self._at = {network.task.spec.length: network}
        self._network = network

    def at(self, length: int) -> TaskNetwork:
        """The network on the task at this length.

        Raises:
            AssayError: its tokens or answers there are not those that the network is made for.
        """
        if length not in self._at:
            self._at[length] = joined(task_at(self._network.task, length), self._network.network)
        return self._at[length]


def task_at(task: Task, length: int) -> Task:
    """The task at another length, with the same tokens and answers.

    Raises:
        AssayError: tokens or answers are others there.
    """
    other = task.at(length)
    if (other.spec.tokens, other.spec.answer) != (task.spec.tokens, task.spec.answer):
        raise AssayError(f"a network for {task.name} at one length is none for another: tokens or answers differ")
    return other


def length_of(step: int, seed: int, longest: int, recipe: Recipe) -> int:
    """The length of all examples of a step: at random from the range, or with a curriculum rising, then the longest.

    >>> recipe = Recipe(steps=100, distribution="uniform", shortest=2, curriculum=True)
    >>> [length_of(step, 0, 16, recipe) for step in (0, 30, 60, 99)]
    [2, 10, 16, 16]
    """
    if not recipe.shortest:
        return longest
    if recipe.curriculum:
        share = min(1.0, step / (_CURRICULUM * recipe.steps))
        return recipe.shortest + round((longest - recipe.shortest) * share)
    word = counter.words(counter.example_keys(seed, "train", step, 1), 0, 1)[:, 0]
    return recipe.shortest + int(counter.integers(np.bitwise_not(word), longest - recipe.shortest + 1)[0])


def beyond(scored: Tensor, length: int, trained: int) -> Tensor:
    """Of scored query positions (batch, queries) at this length, those beyond the length of training."""
    positions = torch.arange(length - scored.shape[1], length)
    return scored & (positions >= trained)
