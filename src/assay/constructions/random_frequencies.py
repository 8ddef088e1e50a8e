"""Match2 by one attention unit of width 2D + 1 with D random frequencies: temperatures of order log N, not M^2 log N.

With D of about 3 ln M frequencies drawn at random, the mean cosine of every non-zero residue is at most 1/2; that is
checked for all M residues when the unit is built. The price of low precision is width.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.cosine_unit import CosineUnit
from assay.constructions.softmax_bound import UNIT_ROUNDOFF, gamma
from assay.errors import CertificateError, require
from assay.models.structured.residues import table_mass
from assay.tasks import counter
from assay.tasks.match2 import Match2

MOST_RESIDUES = 1 << 24  # all of which are checked, 16 million at a time for some dozens of frequencies
_MISS = 0.5 - 1e-9  # what the mean cosine of a miss may be as computed in float64
_TRIES = 8
_RESIDUE_COST = 32  # scores that take as long as one entry of the table, measured


@CONSTRUCTIONS.register
class RandomFrequencies(CosineUnit):
    """Mean cosine over D random frequencies; a match is 1/2 above every miss.

    >>> from assay import Match2
    >>> from assay.constructions import build
    >>> unit = build(Match2(length=64, modulus=4099), method="random-frequencies")
    >>> unit.size.width, unit.certificate().dtype, round(unit.certificate().temperature)
    (39, 'float32', 21)
    """

    method: ClassVar[str] = "random-frequencies"

    @classmethod
    def build(cls, task: Match2, tolerance: float) -> Self:
        """The unit for this task and tolerance; O(M log M) cosines, about a second at M = 10^6."""
        require(task.modulus <= MOST_RESIDUES, "modulus", task.modulus, f"at most {MOST_RESIDUES} to be checked")
        frequencies = separating_frequencies(task.modulus)
        unit = cls(task, tolerance, gap=0.25, frequencies=len(frequencies))
        unit.frequencies.copy_(frequencies)
        return unit

    def structured_mass(
        self, residues: NDArray[np.int64], temperature: float, sink: float
    ) -> NDArray[np.float64] | None:
        """By a table of the weights of all M sums, and a Fourier transform; time O(M (D + log M)).

        Only where that is less than N^2 D, and where its error is below half of what the certificate allows the sums of
        the softmax.
        """
        modulus, length = self.task.modulus, self.task.length
        if length**2 < _RESIDUE_COST * modulus:
            return None
        table = np.exp(temperature * (mean_cosines(self.frequencies, modulus) - 1))
        table[0] = 1.0
        allowed = gamma(length, UNIT_ROUNDOFF[self.arithmetic.dtype])  # half of what sums are allowed
        return table_mass(residues, np.concatenate([table, table[1 : (modulus + 1) // 2][::-1]]), sink, allowed)

    def certificate(self) -> Certificate:
        """Guarantee for all residues.

        Raises:
            CertificateError: these are not frequencies that separate them.
        """
        worst = worst_miss(self.frequencies, self.task.modulus)
        if not worst <= _MISS:
            raise CertificateError(f"frequencies {self.frequencies.tolist()} give a miss the mean cosine {worst:.4f}")
        return self.certify(
            f"the mean cosine over {len(self.frequencies)} frequencies is at most {worst:.4f} <= 1/2 at all "
            f"{self.task.modulus - 1} non-zero residues, checked one by one"
        )


def separating_frequencies(modulus: int) -> Tensor:
    """The fewest of some random draws at which every miss has a mean cosine of at most 1/2; int64."""
    count = max(1, math.ceil(1.2 * math.log(modulus)) - 1)
    while True:
        for seed in range(_TRIES):
            random = counter.words(counter.example_keys(seed, "train", 0, 1), 0, count)[0]
            frequencies = torch.from_numpy(1 + counter.integers(random, max(1, modulus - 1)))
            if worst_miss(frequencies, modulus) <= _MISS:
                return frequencies
        count += 1


def worst_miss(frequencies: Tensor, modulus: int) -> float:
    """The largest mean cosine over all non-zero residues, in float64."""
    return float(mean_cosines(frequencies, modulus)[1:].max())


def mean_cosines(frequencies: Tensor, modulus: int) -> NDArray[np.float64]:
    """Mean cosines of the residues 0 ... M // 2; those of others are the same up to sign, as cosine is even."""
    residues = np.arange(modulus // 2 + 1)
    total = np.zeros(len(residues))
    for frequency in frequencies.tolist():
        total += np.cos(2 * np.pi / modulus * (residues * frequency % modulus))
    return total / len(frequencies)
