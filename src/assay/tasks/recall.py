"""Recall: pairs of a key and a value, then keys again: which value did each come with?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.errors import require_integer
from assay.tasks import TASKS, counter
from assay.tasks.answers import Classes
from assay.tasks.base import Task
from assay.tasks.counter import Words
from assay.tasks.spec import Spec, Symbols

FILLERS = 8  # symbols that are neither key nor value, for what pairs and queries leave of the length


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Recall(Task[torch.Tensor]):
    """K distinct keys of V and a value of V for each, filler between them, then all keys, or `one` (MQAR; Arora 2023).

    Tokens, int64: key and value together (batch, N, 2), V for no value; or `flat`, value v as symbol V+v (batch, N).

    >>> Recall(pairs=2, vocabulary=8).targets(torch.tensor([[[5, 2], [3, 7], [3, 8], [5, 8]]])).tolist()
    [[7, 2]]
    """

    name: ClassVar[str] = "recall"
    distributions: ClassVar[dict[str, str]] = {"uniform": "distinct keys, values uniform, pairs at random places"}
    symbols: ClassVar[dict[str, str]] = {"length": "N", "vocabulary": "V", "pairs": "K"}
    length: int = 0  # ty: ignore[incompatible-attribute-override]  # 0: no filler
    pairs: int
    vocabulary: int = 32
    flat: bool = False
    one: bool = False

    def __post_init__(self) -> None:
        require_integer("pairs", self.pairs, 1, self.vocabulary, "vocabulary")
        least = (1 + self.flat) * self.pairs + self._asked
        object.__setattr__(self, "length", self.length or least)
        require_integer("length", self.length, least, None)

    @property
    def _asked(self) -> int:
        return 1 if self.one else self.pairs

    @property
    def spec(self) -> Spec:
        """Symbols, or pairs of them; the last tokens are queries."""
        v = self.vocabulary
        tokens = Symbols(2 * v + FILLERS) if self.flat else Symbols(v + FILLERS, v + 1)
        return Spec(tokens, Classes(v), self.length, queries=self._asked)

    def draw(self, example_keys: Words, distribution: str) -> torch.Tensor:
        """Keys, values, the order of the queries, and places of the pairs among filler."""
        v, count, first, wide = self.vocabulary, self.pairs, self.length - self._asked, 1 + self.flat
        sizes = np.cumsum([v, count, count, first - self.flat * count])
        keys, values, order, places, filler = np.split(counter.words(example_keys, 0, sizes[-1] + first), sizes, axis=1)
        keys, values = np.argsort(keys, axis=1)[:, :count], counter.integers(values, v)
        start = np.sort(np.argsort(places, axis=1)[:, :count], axis=1) + self.flat * np.arange(count)
        tokens = np.full((len(keys), self.length, 2), v)
        tokens[:, :first, 0] = wide * v + counter.integers(filler, FILLERS)
        tokens[:, first:, 0] = np.take_along_axis(keys, np.argsort(order, axis=1)[:, : self._asked], axis=1)
        np.put_along_axis(tokens[..., 0], start, keys, axis=1)
        np.put_along_axis(tokens[..., 1 - self.flat], start + self.flat, values + self.flat * v, axis=1)
        return torch.from_numpy(tokens[..., 0].copy() if self.flat else tokens)

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """The value of the last pair with the queried key, int64 (batch, queries)."""
        v, first = self.vocabulary, self.length - self._asked
        tokens = torch.stack([inputs, inputs.roll(-1, 1) - v], dim=2) if self.flat else inputs
        keys, values = tokens[:, :first].unbind(2)
        pair = (keys < v) & (values >= 0) & (values < v)
        last = torch.where((tokens[:, first:, :1] == keys.unsqueeze(1)) & pair.unsqueeze(1), torch.arange(first), -1)
        found = last.amax(dim=2)
        return torch.where(found >= 0, values.gather(1, found.clamp(min=0)), -1)
