"""Recall: pairs of a key and a value, then keys again: which value did each come with?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.errors import require_integer
from assay.tasks import TASKS, Classes, Spec, Symbols, Task, counter
from assay.tasks.token_features import pair_features

FILLERS = 8  # symbols that are neither key nor value


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Recall(Task[torch.Tensor]):
    """K distinct keys of V with a value of V each, among filler; then all keys, or `one` (MQAR; Arora et al. 2023).

    Tokens, int64: key and value as a pair (batch, N, 2), V for no value; or `flat`, value v as symbol V+v (batch, N).

    Attributes:
        length: N; 0 for no filler.
        pairs: K, keys that have a value.
        vocabulary: V, possible keys, and possible values.
        flat: whether a key and its value are two tokens instead of one pair.
        one: whether one key is asked for instead of all.

    >>> Recall(pairs=2, vocabulary=8).targets(torch.tensor([[[5, 2], [3, 7], [3, 8], [5, 8]]])).tolist()
    [[7, 2]]
    """

    name: ClassVar[str] = "recall"
    distributions: ClassVar[dict[str, str]] = {"uniform": "distinct keys, values uniform, pairs at random places"}
    symbols: ClassVar[dict[str, str]] = {"length": "N", "vocabulary": "V", "pairs": "K"}
    length: int = 0  # 0: no filler
    pairs: int
    vocabulary: int = 32
    flat: bool = False
    one: bool = False

    def __post_init__(self) -> None:
        require_integer("pairs", self.pairs, 1, self.vocabulary, "vocabulary")
        least = (1 + self.flat) * self.pairs + (1 if self.one else self.pairs)
        object.__setattr__(self, "length", self.length or least)
        require_integer("length", self.length, least, None)

    @property
    def spec(self) -> Spec:
        """Symbols, or pairs of them; the last tokens are queries."""
        v = self.vocabulary
        tokens = Symbols(2 * v + FILLERS) if self.flat else Symbols(v + FILLERS, v + 1)
        return Spec(tokens, Classes(v), self.length, queries=1 if self.one else self.pairs)

    def draw(self, example_keys: counter.Words, distribution: str) -> torch.Tensor:
        """Pairs and filler in random order, then keys in random order."""
        v, count, queries = self.vocabulary, self.pairs, self.spec.queries
        units = self.length - queries - self.flat * count  # pairs and filler
        words = np.split(counter.words(example_keys, 0, v + 2 * units + count), [v, v + units, v + 2 * units], axis=1)
        keys, order, asked = (np.argsort(words[part], axis=1) for part in (0, 2, 3))
        symbols = counter.integers(words[1], FILLERS) + (1 + self.flat) * v
        beside = np.full_like(symbols, -1 if self.flat else v)
        symbols[:, :count], beside[:, :count] = (
            keys[:, :count],
            counter.integers(words[1][:, :count], v) + self.flat * v,
        )
        tokens = np.take_along_axis(np.stack([symbols, beside], axis=2), order[..., None], axis=1)
        asked = np.take_along_axis(keys, asked[:, :queries], axis=1)
        if self.flat:
            return torch.from_numpy(np.concatenate([tokens[tokens >= 0].reshape(len(keys), -1), asked], axis=1))
        asked = np.stack([asked, np.full_like(asked, v)], axis=2)
        return torch.from_numpy(np.concatenate([tokens, asked], axis=1))

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """The value that the queried key last stood with, int64 (batch, queries); -1 where there is none."""
        v, first = self.vocabulary, self.length - self.spec.queries
        keys, values = self._columns(inputs)
        last = torch.where(keys[:, first:, None] == keys[:, None, :first], torch.arange(first), -1).amax(dim=2)
        found = values.gather(1, last.clamp(min=0))
        return torch.where((last >= 0) & (found >= 0) & (found < v), found, -1)

    def baseline_features(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Also the values and the last pair; where there is one pair, they would be the task itself."""
        found = super().baseline_features(inputs)
        if self.pairs > 1:
            found |= pair_features(*self._columns(inputs), self.vocabulary, self.spec.queries)
        return found

    def _columns(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Of each token the key, if it is one, and the value that stands with it, if it is one."""
        return (inputs, inputs.roll(-1, 1) - self.vocabulary) if self.flat else inputs.unbind(2)
