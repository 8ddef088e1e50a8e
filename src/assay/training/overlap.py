"""How fresh test inputs are: which share of them also occurred in training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from assay.tasks.counter import Split, mixed
from assay.tasks.task import Task
from assay.training.lengths import length_of
from assay.training.recipe import Recipe

_COUNTED_FIRST = 16_384  # training inputs; if no test input is among them, the others are not looked at
_DRAWN_AT_ONCE = 2048


@dataclass(frozen=True)
class Overlap:
    """What is known of a run's test inputs.

    Attributes:
        drawn: how many there are.
        different: how many of them differ.
        share: of those drawn, which also occurred among the training inputs counted.
        counted: training inputs of the task's own length, the first ones of the run.
        trained: all of these.
        exhaustive: whether the test inputs are all that there are: all that training drew are among them, and the
            other way round.
    """

    drawn: int
    different: int
    share: float
    counted: int
    trained: int
    exhaustive: bool

    @property
    def line(self) -> str:
        """In words."""
        if self.exhaustive:
            return (
                f"exhaustive, not fresh: training drew all {self.different} different ones, and no other of this length"
            )
        if self.share or self.counted == self.trained:
            return f"{100 * self.share:.3g} % of them also occurred in training"
        return f"none of them among the first {self.counted} of {self.trained} training inputs"


def count_test_inputs(task: Task, seed: int, recipe: Recipe, steps: int) -> Overlap:
    """Count a run's test inputs among its training inputs, by 64-bit hashes of what was drawn.

    Memory does not grow with the number of steps. Steps with examples of another length than the task's have no test
    input among them. Where the first 16,384 of the others have none either, there are so many inputs that further ones
    have few, and they are not drawn a second time.
    """
    test = np.concatenate(list(_keys(task, seed, "test", [(0, recipe.test)], recipe.distribution)))
    known, times = np.unique(test, return_counts=True)
    spans = _spans(task, seed, recipe, steps)
    trained, counted = sum(count for _, count in spans), 0
    seen, others = np.zeros(len(known), dtype=bool), False
    for keys in _keys(task, seed, "train", spans, recipe.distribution):
        at = np.searchsorted(known, keys).clip(max=len(known) - 1)
        hit = known[at] == keys
        seen[at[hit]], others = True, others or not hit.all()
        counted += len(keys)
        if counted >= _COUNTED_FIRST and not seen.any():
            break
    share = float(times[seen].sum() / len(test))
    return Overlap(len(test), len(known), share, counted, trained, bool(seen.all()) and not others)


def _spans(task: Task, seed: int, recipe: Recipe, steps: int) -> list[tuple[int, int]]:
    """First and number of the training examples of the task's own length, neighbouring ones together."""
    spans: list[tuple[int, int]] = [] if recipe.shortest else [(0, steps * recipe.batch)]
    for step in range(steps if recipe.shortest else 0):
        if length_of(step, seed, task.length, recipe) == task.length:
            first = step * recipe.batch
            if spans and sum(spans[-1]) == first:
                spans[-1] = spans[-1][0], spans[-1][1] + recipe.batch
            else:
                spans.append((first, recipe.batch))
    return spans


def _keys(
    task: Task, seed: int, split: Split, spans: Iterable[tuple[int, int]], distribution: str
) -> Iterator[NDArray[np.uint64]]:
    """Hashes of these examples, in parts."""
    for start, count in spans:
        for first in range(start, start + count, _DRAWN_AT_ONCE):
            size = min(_DRAWN_AT_ONCE, start + count - first)
            yield hashes(task.drawn(size, seed=seed, split=split, start=first, distribution=distribution))


def hashes(inputs: torch.Tensor | tuple[torch.Tensor, ...]) -> NDArray[np.uint64]:
    """A hash of each example, from all of its bits."""
    tensors = (inputs,) if isinstance(inputs, torch.Tensor) else inputs
    found = np.zeros(len(tensors[0]), dtype=np.uint64)
    for tensor in tensors:
        rows = tensor.detach().cpu().contiguous().flatten(1).numpy()
        bits = np.ascontiguousarray(rows).view(f"u{rows.dtype.itemsize}").astype(np.uint64)
        for column in bits.T:
            found = mixed(found + column)
    return found
