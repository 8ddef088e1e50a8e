"""Examples for many training runs at once, drawn once for all runs of one seed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from assay.models.batched.own_products import ALIGNED
from assay.tasks.counter import Split
from assay.tasks.task import Task
from assay.training.recipe import Recipe

_DRAWN_AT_ONCE = 1024  # examples of one seed, whatever the batch: drawing few costs nearly as much as drawing many
_NUMBERS_AHEAD = 1 << 22  # of all seeds, drawn for steps to come
_NUMBERS_KEPT = 1 << 25  # of validation inputs, which are looked at again and again
_JUDGED_NUMBERS = 1 << 20  # of one network's largest activation; a constant, so that no rounding depends on company
Part = tuple[Tensor, ...]  # tokens, targets, and which of them are scored


class Examples:
    """What runs with these seeds are trained and measured on; row i is the i-th seed's.

    Args:
        task: that is trained on.
        seeds: all different.
        recipe: of the runs.
        device: where they are wanted.
    """

    def __init__(self, task: Task, seeds: list[int], recipe: Recipe, device: str) -> None:
        self._task, self.seeds, self._recipe, self._device = task, seeds, recipe, device
        self._ahead: Part = ()
        self._first = self._steps = 0  # the steps that are drawn
        self._next = 1  # steps to be drawn next
        self._validation: list[Part] | None = None

    def training(self, step: int) -> Part:
        """The tokens of this step, the exact answers, and which count: each (seeds, batch, ...)."""
        batch = self._recipe.batch
        if not self._first <= step < self._first + self._steps:
            self._draw_ahead(step)
        begin = (step - self._first) * batch
        return tuple(part[:, begin : begin + batch] for part in self._ahead)

    def keep(self, rows: list[int]) -> None:
        """Go on with these seeds only."""
        self.seeds = [self.seeds[row] for row in rows]
        self._ahead = tuple(part[rows] for part in self._ahead)
        if self._validation is not None:
            self._validation = [tuple(part[rows] for part in parts) for parts in self._validation]

    def validation(self, start: int, activations: int) -> Iterator[Part]:
        """Test examples from `start` on, in parts, for networks with so many numbers at once for an example.

        Parts are multiples of 16, for which no rounding depends on company: there may be more than are judged.
        """
        if self._validation is not None:
            yield from self._validation
            return
        kept: list[Part] | None = []
        numbers, count = 0, -(-self._recipe.validation // ALIGNED) * ALIGNED
        at_once = max(ALIGNED, min(256, _JUDGED_NUMBERS // activations // ALIGNED * ALIGNED))
        for first in range(0, count, _DRAWN_AT_ONCE):
            drawn = self._draw("test", start + first, min(_DRAWN_AT_ONCE, count - first))
            numbers += drawn[0].numel()
            kept = None if kept is None or numbers > _NUMBERS_KEPT else kept
            for part in zip(*(whole.split(at_once, dim=1) for whole in drawn), strict=True):
                if kept is not None:
                    kept.append(part)
                yield part
        self._validation = kept

    def _draw_ahead(self, step: int) -> None:
        recipe, batch = self._recipe, self._recipe.batch
        self._first = step
        self._steps = min(self._next, recipe.steps - step)
        self._ahead = self._draw("train", step * batch, self._steps * batch)
        affordable = _NUMBERS_AHEAD // max(1, self._ahead[0].numel() // self._steps)
        self._next = max(1, min(_DRAWN_AT_ONCE // batch, affordable))

    def _draw(self, split: Split, start: int, count: int) -> Part:
        drawn = []
        for seed in self.seeds:
            inputs, *exact = self._task.sample(
                count, seed=seed, split=split, start=start, distribution=self._recipe.distribution
            )
            drawn.append((self._task.encode(inputs), *exact))
        return tuple(torch.stack(parts).to(self._device) for parts in zip(*drawn, strict=True))
