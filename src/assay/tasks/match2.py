"""Match2: is there a token whose residue and mine sum to 0 modulo M?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from assay.tasks import TASKS, counter
from assay.tasks.counter import Words
from assay.tasks.matching import Matching, Residues, random_groups


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Match2(Matching):
    """y_i = 1 if x_i + x_j = 0 mod M for some j, which may be i.

    Sanford, Hsu, Telgarsky (NeurIPS 2023): one attention unit of width 3 computes it (Theorem 6).
    The default modulus is N / ln 2.

    >>> task = Match2(length=4, modulus=10)
    >>> task.targets(task.inputs([[3, 7, 5, 1]])).tolist()
    [[1.0, 1.0, 1.0, 0.0]]
    """

    name: ClassVar[str] = "match2"
    digit_agrees: ClassVar[float] = 1 / 3  # share of pairs of -1, 0, 1 that sum to 0
    members: ClassVar[int] = 2
    distributions: ClassVar[dict[str, str]] = {
        "uniform": "residues uniform on 1 ... M-1",
        "digits": "residues of base-4 digits -1, 0, 1, not all 0, uniform",
        "planted": "uniform, then pairs of random tokens made to match, or off from it by 1",
        "hard": "set disjointness: a token of the second half finds one of the first where two bit strings meet",
        "ask": "a bit string in the first half; every token of the second half asks for one bit, each for another",
    }

    def sums(self) -> float:
        return self.length

    def labels(self, residues: Residues) -> NDArray[np.bool_]:
        from assay.tasks.match_labels import match2_labels

        return match2_labels(residues, self.modulus)

    def planted_groups(self, random: Words) -> NDArray[np.int64]:
        return random_groups(random, 2)

    def lacks(self, distribution: str) -> str:
        return self.hard_unmet() if distribution == "ask" else super().lacks(distribution)

    def hard_bits(self) -> int:
        return self.length // 2

    def hard_unmet(self) -> str:
        """The residues 1 ... n, their negatives and one more must not meet by chance."""
        least = 2 * self.hard_bits() + 3
        if self.length < 2:
            return "a length of at least 2"
        return "" if self.modulus >= least else f"a modulus of at least {least} at length {self.length}"

    def hard_residues(self, alice: NDArray[np.int64], bob: NDArray[np.int64]) -> Residues:
        """Alice's token i holds i+1 and Bob's -(i+1), each if its bit is 1; all others hold n+1, which matches none."""
        n, ranks = alice.shape[1], np.arange(1, alice.shape[1] + 1)
        residues = np.full((len(alice), self.length), n + 1, dtype=np.int64)
        residues[:, :n] = np.where(alice == 1, ranks, n + 1)
        residues[:, n : 2 * n] = np.where(bob == 1, self.modulus - ranks, n + 1)
        return residues

    def _ask(self, example_keys: Words) -> Residues:
        """The encoding above, all bits of Bob's being 1: his token i has a match if and only if Alice's bit i is 1."""
        alice = counter.bits(counter.words(example_keys, 0, self.hard_bits()))
        return self.hard_residues(alice, np.ones_like(alice))
