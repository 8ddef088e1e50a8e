"""Tasks as users write them, for tests: in a file of their own, named by its path."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.tasks import Classes, Spec, Symbols, Task, counter


@dataclass(frozen=True)
class Parity(Task):
    """The parity of all bits so far, at every position."""

    name: ClassVar[str] = "parity"
    distributions: ClassVar[dict[str, str]] = {"uniform": "bits uniform"}
    length: int

    @property
    def spec(self):
        return Spec(Symbols(2), Classes(2), self.length)

    def draw(self, example_keys, distribution):
        return torch.from_numpy(counter.bits(counter.words(example_keys, 0, self.length)))

    def targets(self, inputs):
        return inputs.cumsum(dim=1) % 2


@dataclass(frozen=True)
class Copy(Task):
    """A string of symbols, a separator, then the string again, each symbol asked for from the one before."""

    name: ClassVar[str] = "copy"
    distributions: ClassVar[dict[str, str]] = {"uniform": "symbols uniform"}
    length: int
    alphabet: int = 8

    @property
    def spec(self):
        return Spec(Symbols(self.alphabet + 1), Classes(self.alphabet), self.length, queries=self.length // 2)

    def draw(self, example_keys, distribution):
        half = self.length // 2
        string = counter.integers(counter.words(example_keys, 0, self.length - half), self.alphabet)
        string[:, half:] = self.alphabet
        separator = np.full((len(string), 1), self.alphabet)
        return torch.from_numpy(np.concatenate([string, separator, string[:, : half - 1]], axis=1))

    def targets(self, inputs):
        return inputs[:, : self.length // 2]


@dataclass(frozen=True)
class Recollect(Task):
    """Flat keys and values; the last token is a key whose value is asked for."""

    name: ClassVar[str] = "recollect"
    distributions: ClassVar[dict[str, str]] = {"uniform": "keys distinct, values uniform"}
    length: int

    @property
    def spec(self):
        return Spec(Symbols(self.length, 9), Classes(8), self.length, queries=1)

    def draw(self, example_keys, distribution):
        keys = np.argsort(counter.words(example_keys, 0, self.length), axis=1)
        values = counter.integers(counter.words(example_keys, self.length, self.length), 8)
        asked = counter.integers(counter.words(example_keys, 2 * self.length, 1), self.length - 1)
        keys[:, -1], values[:, -1] = np.take_along_axis(keys, asked, axis=1)[:, 0], 8
        return torch.from_numpy(np.stack([keys, values], axis=2))

    def targets(self, inputs):
        same = inputs[:, :-1, 0] == inputs[:, -1:, 0]
        return (same * inputs[:, :-1, 1]).sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class EvenBlocks(Parity):
    """The language (aa|b)*: after each prefix, whether it is in it."""

    name: ClassVar[str] = "even-blocks"
    distributions: ClassVar[dict[str, str]] = {"uniform": "letters uniform"}

    def targets(self, inputs):
        state, states = torch.zeros(len(inputs), dtype=torch.int64), []  # 0: in it, 1: an a is left, 2: lost
        table = torch.tensor([[1, 0], [0, 2], [2, 2]])
        for letter in inputs.T:
            state = table[state, letter]
            states.append((state == 0).long())
        return torch.stack(states, dim=1)
