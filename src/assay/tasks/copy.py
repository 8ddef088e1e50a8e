"""Copy: a string, then the same string, or its reverse, symbol by symbol"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.errors import require
from assay.tasks import TASKS, Classes, Spec, Symbols, Task, counter


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Copy(Task[torch.Tensor]):
    """A string of L = N/2 symbols, a separator, and the string again (Jelassi et al. 2024), or backwards.

    The separator and the first L - 1 symbols of the copy are queries for the symbol that comes next. Inputs are the
    symbols 0 ... A-1, and A for the separator, int64 (batch, N).

    Attributes:
        length: N, even: twice the number of symbols that are copied.
        alphabet: A, different symbols.
        reverse: whether the copy is backwards.

    >>> Copy(length=6, alphabet=4).targets(torch.tensor([[2, 0, 3, 4, 2, 0]])).tolist()
    [[2, 0, 3]]
    """

    name: ClassVar[str] = "copy"
    distributions: ClassVar[dict[str, str]] = {"uniform": "symbols uniform"}
    symbols: ClassVar[dict[str, str]] = {"length": "N", "alphabet": "A"}
    length: int
    alphabet: int = 8
    reverse: bool = False

    @property
    def spec(self) -> Spec:
        """A symbol a token; the second half are queries."""
        require(self.length % 2 == 0, "length", self.length, "even")
        return Spec(Symbols(self.alphabet + 1), Classes(self.alphabet), self.length, queries=self.length // 2)

    def draw(self, example_keys: counter.Words, distribution: str) -> torch.Tensor:
        string = counter.integers(counter.words(example_keys, 0, self.length // 2), self.alphabet)
        copy = string[:, ::-1] if self.reverse else string
        separator = np.full((len(string), 1), self.alphabet)
        return torch.from_numpy(np.concatenate([string, separator, copy[:, :-1]], axis=1))

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """The string, int64 (batch, N/2), or its reverse."""
        string = inputs[:, : self.length // 2]
        return string.flip(1) if self.reverse else string
