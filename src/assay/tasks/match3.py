"""Match3: are there two tokens whose residues and mine sum to 0 modulo M?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from assay.tasks import TASKS, counter
from assay.tasks.counter import Words
from assay.tasks.matching import Matching, Residues, random_groups


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Match3(Matching):
    """y_i = 1 if x_i + x_j + x_k = 0 mod M for some j and k; i, j and k may be equal.

    Sanford, Hsu, Telgarsky (NeurIPS 2023): no layer of standard attention computes it unless its size
    grows with N (Theorem 7), one unit of third-order attention of width 5 does (Theorem 18). The default modulus is
    N (N + 1) / (2 ln 2). At moduli of the order of N nearly every answer is 1.

    >>> task = Match3(length=4, modulus=20)
    >>> task.targets(task.inputs([[3, 7, 10, 4]])).tolist()
    [[1.0, 1.0, 1.0, 0.0]]
    """

    name: ClassVar[str] = "match3"
    distributions: ClassVar[dict[str, str]] = {
        "uniform": "residues uniform on 1 ... M-1",
        "digits": "residues of base-4 digits -1, 0, 1, not all 0, uniform",
        "planted": "uniform, then triples of random tokens made to match, or off from it by 1",
        "hard": "set disjointness: the first token finds two others where two bit strings meet (Theorem 7)",
        "index": "as hard, the second string with a single 1: the first token's answer is that bit of the first string",
        "halves": "two random sets of (N-1)/2 small and large residues: the first token finds out whether they meet",
    }

    def sums(self) -> float:
        """N (N + 1) / 2 unordered pairs."""
        return self.length * (self.length + 1) / 2

    def labels(self, residues: Residues) -> NDArray[np.bool_]:
        from assay.tasks.match_labels import match3_labels

        return match3_labels(residues, self.modulus)

    def planted_groups(self, random: Words) -> NDArray[np.int64]:
        return random_groups(random, 3)

    def partners(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.sum(dim=1, keepdim=True).square()

    @property
    def half_choices(self) -> int:
        """u, the residues that the sets of `halves` are taken from: (M - 2)/2, rounded down."""
        return (self.modulus - 2) // 2

    def lacks(self, distribution: str) -> str:
        """Room for a bit string, or for two sets, too."""
        least = 4 * self.hard_bits() + 2
        if distribution == "halves" and self.length >= 3 and self.modulus < least:
            return f"a modulus of at least {least} at length {self.length}"
        return self.hard_unmet() if distribution in ("index", "halves") else super().lacks(distribution)

    def hard_bits(self) -> int:
        return (self.length - 1) // 2

    def hard_unmet(self) -> str:
        """The encoding is exact for every M >= N + 1."""
        if self.length < 3:
            return "a length of at least 3"
        least = self.length + 1
        return "" if self.modulus >= least else f"a modulus of at least {least} at length {self.length}"

    def hard_residues(self, alice: NDArray[np.int64], bob: NDArray[np.int64]) -> Residues:
        """Token 0 holds 1; Alice's token i holds P_i and Bob's M - 1 - P_i, each if its bit is 1; all others hold 1.

        P = 0, 2, 3, ..., n. Sums with token 0: 1 + P_i + M - 1 - P_k is 0 only if i = k. Alice's values are at most n
        and Bob's at least M - 1 - n > n, so no two of one party sum to M - 1, nor does 1 with any: M - 2 never occurs.
        """
        n = alice.shape[1]
        values = np.array([0, *range(2, n + 1)], dtype=np.int64)
        residues = np.ones((len(alice), self.length), dtype=np.int64)
        residues[:, 1 : n + 1] = np.where(alice == 1, values, 1)
        residues[:, n + 1 : 2 * n + 1] = np.where(bob == 1, self.modulus - 1 - values, 1)
        return residues

    def half_residues(self, alice: NDArray[np.int64], bob: NDArray[np.int64]) -> Residues:
        """Token 0 holds 1, Alice's tokens the elements of her set, Bob's M - 1 - those of his; all others hold 1.

        Elements are numbered 0 ... u-1 and are 0, 2, 3, ..., u. Sums with token 0: 1 + x + M - 1 - y is 0 only if
        x = y. As 2u <= M - 2, no two of one party sum to M - 1 modulo M, and M - 2 and 3 - M never occur.

        Args:
            alice: elements of each set of hers, (batch, n).
            bob: elements of each set of his, (batch, n).
        """
        n = alice.shape[1]
        residues = np.ones((len(alice), self.length), dtype=np.int64)
        residues[:, 1 : n + 1] = alice + (alice > 0)
        residues[:, n + 1 : 2 * n + 1] = self.modulus - 1 - bob - (bob > 0)
        return residues

    def _index(self, example_keys: Words) -> Residues:
        words = counter.words(example_keys, 0, self.hard_bits() + 1)
        alice = counter.bits(words[:, :-1])
        asked = counter.integers(words[:, -1], alice.shape[1])
        return self.hard_residues(alice, (np.arange(alice.shape[1]) == asked[:, None]).astype(np.int64))

    def _halves(self, example_keys: Words) -> Residues:
        words = counter.words(example_keys, 0, 2 * self.hard_bits())
        alice, bob = (counter.subsets(half, self.half_choices) for half in np.split(words, 2, axis=1))
        return self.half_residues(alice, bob)
