"""k-hop: go to what followed the last occurrence of this symbol, k times (k = 1 is induction)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.errors import require_integer
from assay.tasks import TASKS, Classes, Spec, Symbols, Task, counter


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class KHop(Task[torch.Tensor]):
    """hop_k (Sanford, Hsu, Telgarsky 2024, arXiv 2402.09268): token i points behind the last earlier token equal to it.

    The answer is the symbol that k pointers lead to; where one leads nowhere there is none. Inputs are the symbols
    0 ... A-1, int64 (batch, N).

    Attributes:
        length: N.
        alphabet: A, different symbols.
        hops: k, pointers that are followed.

    >>> KHop(length=6, alphabet=4, hops=1).targets(torch.tensor([[0, 1, 0, 2, 1, 0]])).tolist()
    [[-1, -1, 1, -1, 0, 2]]
    """

    name: ClassVar[str] = "k-hop"
    distributions: ClassVar[dict[str, str]] = {"uniform": "symbols uniform, neighbours different"}
    symbols: ClassVar[dict[str, str]] = {"length": "N", "alphabet": "A", "hops": "k"}
    length: int
    alphabet: int = 4
    hops: int = 1

    @property
    def spec(self) -> Spec:
        """A symbol a token; every token is a query."""
        require_integer("hops", self.hops, 1, None)
        return Spec(Symbols(self.alphabet), Classes(self.alphabet), self.length)

    def draw(self, example_keys: counter.Words, distribution: str) -> torch.Tensor:
        """Steps from one symbol to another one."""
        steps = 1 + counter.integers(counter.words(example_keys, 0, self.length), self.alphabet - 1)
        steps[:, 0] = counter.integers(counter.words(example_keys, self.length, 1), self.alphabet)[:, 0]
        return torch.from_numpy(np.cumsum(steps, axis=1) % self.alphabet)

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """Symbols, int64 (batch, N), -1 where there is none; time O(N k)."""
        behind = torch.zeros(len(inputs), self.alphabet, dtype=torch.int64)  # the last occurrence; 0: none yet
        pointers = torch.zeros_like(inputs)
        for place, column in enumerate(inputs.split(1, dim=1)):
            pointers[:, place : place + 1] = behind.gather(1, column)
            behind.scatter_(1, column, place + 1)
        found = pointers
        for _ in range(self.hops - 1):
            found = torch.where(found > 0, pointers.gather(1, found), 0)
        return torch.where(found > 0, inputs.gather(1, found), -1)
