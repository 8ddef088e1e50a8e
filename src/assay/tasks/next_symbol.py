"""Next symbol of a random sequence: a control that nothing causal can learn"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from assay.tasks import TASKS, Classes, Spec, Symbols, Task, counter


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class NextSymbol(Task[torch.Tensor]):
    """y_i = x_(i+1) for symbols drawn independently: what is learned of it, a network has seen of later tokens.

    Inputs are the symbols 0 ... A-1, int64 (batch, N). No causal network errs less than 1 - 1/A on average.

    Attributes:
        length: N.
        alphabet: A, different symbols.

    >>> NextSymbol(length=4, alphabet=3).targets(torch.tensor([[0, 2, 1, 1]])).tolist()
    [[2, 1, 1, -1]]
    """

    name: ClassVar[str] = "next-symbol"
    ahead: ClassVar[bool] = True
    distributions: ClassVar[dict[str, str]] = {"uniform": "symbols uniform"}
    symbols: ClassVar[dict[str, str]] = {"length": "N", "alphabet": "A"}
    length: int
    alphabet: int = 4

    @property
    def spec(self) -> Spec:
        """A symbol a token; every token is a query, the last one has no answer."""
        return Spec(Symbols(self.alphabet), Classes(self.alphabet), self.length)

    def draw(self, example_keys: counter.Words, distribution: str) -> torch.Tensor:
        return torch.from_numpy(counter.integers(counter.words(example_keys, 0, self.length), self.alphabet))

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """The symbols one to the right, -1 at the end."""
        return torch.nn.functional.pad(inputs[:, 1:], (0, 1), value=-1)
