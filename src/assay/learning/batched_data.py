"""Examples for many training runs at once, drawn once for all runs of one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from assay.learning.training import Recipe
from assay.networks.batched.products import ALIGNED
from assay.tasks.base import Task

_DRAWN_AT_ONCE = 1024  # examples of one seed, whatever the batch: drawing few costs nearly as much as drawing many
_NUMBERS_AHEAD = 1 << 22  # of all seeds, drawn for steps to come
_NUMBERS_KEPT = 1 << 25  # of validation inputs, which are looked at again and again
_JUDGED_NUMBERS = 1 << 20  # of one network's largest activation; a constant, so that no rounding depends on company


class Examples:
    """What runs with these seeds are trained and measured on; row i is the i-th seed's.

    Args:
        task: that is trained on.
        shown: inputs as the network is shown them, (batch, ...).
        seeds: all different.
        recipe: of the runs.
        device: where they are wanted.
    """

    def __init__(
        self, task: Task[Any], shown: Callable[[Any], Tensor], seeds: list[int], recipe: Recipe, device: str
    ) -> None:
        self._task, self._shown, self.seeds, self._recipe, self._device = task, shown, seeds, recipe, device
        self._ahead: tuple[Tensor, Tensor] = (torch.empty(0), torch.empty(0))
        self._first = self._steps = 0  # the steps that are drawn
        self._next = 1  # steps to be drawn next
        self._validation: list[tuple[Tensor, Tensor]] | None = None

    def training(self, step: int) -> tuple[Tensor, Tensor]:
        """What is shown at this step, and the answers: (seeds, batch, ...), (seeds, batch, *answer shape)."""
        batch = self._recipe.batch
        if not self._first <= step < self._first + self._steps:
            self._draw_ahead(step)
        begin = (step - self._first) * batch
        shown, targets = (part[:, begin : begin + batch] for part in self._ahead)
        return shown, targets

    def keep(self, rows: list[int]) -> None:
        """Go on with these seeds only."""
        self.seeds = [self.seeds[row] for row in rows]
        self._ahead = (self._ahead[0][rows], self._ahead[1][rows])
        if self._validation is not None:
            self._validation = [(shown[rows], targets[rows]) for shown, targets in self._validation]

    def validation(self, start: int, activations: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Test examples from `start` on, in parts, for networks with so many numbers at once for an example.

        Parts are multiples of 16, for which no rounding depends on company: there may be more than are judged.
        """
        if self._validation is not None:
            yield from self._validation
            return
        kept: list[tuple[Tensor, Tensor]] | None = []
        numbers, count = 0, -(-self._recipe.validation // ALIGNED) * ALIGNED
        at_once = max(ALIGNED, min(256, _JUDGED_NUMBERS // activations // ALIGNED * ALIGNED))
        for first in range(0, count, _DRAWN_AT_ONCE):
            drawn = self._draw("test", start + first, min(_DRAWN_AT_ONCE, count - first))
            numbers += drawn[0].numel()
            kept = None if kept is None or numbers > _NUMBERS_KEPT else kept
            for part in zip(drawn[0].split(at_once, dim=1), drawn[1].split(at_once, dim=1), strict=True):
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

    def _draw(self, split: Any, start: int, count: int) -> tuple[Tensor, Tensor]:
        shown, targets = [], []
        for seed in self.seeds:
            drawn = self._task.sample(
                count, seed=seed, split=split, start=start, distribution=self._recipe.distribution
            )
            shown.append(self._shown(drawn.inputs))
            targets.append(drawn.targets)
        return torch.stack(shown).to(self._device), torch.stack(targets).to(self._device)
