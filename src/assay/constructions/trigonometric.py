"""Match2 by one attention unit of width 3: cosines of sums of angles, and a sink half-way between match and miss.

Theorem 6 of Sanford, Hsu, Telgarsky (NeurIPS 2023). cos(2 pi (x_i + x_j) / M) is 1 for a match and at most
cos(2 pi / M) for a miss, about 20 / M^2 less: the temperature is of order M^2 log N, and a float format holds it up to
a modulus at which that difference is a few of its units, beyond which the request is refused.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.cosine_unit import CosineUnit, score_error
from assay.constructions.presence import TO_ROUNDING, sink_gap
from assay.models.structured.profile import Profile
from assay.models.structured.residues import pair_mass
from assay.tasks.match2 import Match2


@CONSTRUCTIONS.register
class Trigonometric(CosineUnit):
    """Cosines at the one frequency 1; float32 up to M of about 1,200, float64 up to about 19 million.

    >>> from assay import Match2
    >>> from assay.constructions import build
    >>> unit = build(Match2(length=64, modulus=101), method="trigonometric")
    >>> unit.size.width, unit.certificate().dtype, round(unit.certificate().temperature)
    (3, 'float32', 5469)
    >>> (unit(torch.tensor([[3] * 32 + [98] + [50] * 31])) > 0.5).sum().item()
    33
    """

    method: ClassVar[str] = "trigonometric"

    @classmethod
    def preferred(cls, task: Match2) -> bool:
        """Where float32 holds its margin; beyond, whole numbers are better."""
        return holds(torch.float32, task.modulus)

    @classmethod
    def build(cls, task: Match2, tolerance: float) -> Self:
        return cls(task, tolerance, gap=sink_gap(task.modulus), frequencies=1)

    def structured_mass(
        self, residues: NDArray[np.int64], temperature: float, sink: float
    ) -> NDArray[np.float64] | None:
        """By sorting: a weight is exp(-2 c sin^2(pi s / M)) of a match's. Time O(N log N)."""
        if self.frequencies.tolist() != [1]:
            return None
        return pair_mass(residues, Profile(self.task.modulus, temperature), sink)

    def certificate(self) -> Certificate:
        return self.certify(
            f"cos(2 pi s / M) is 1 at s = 0 mod M and at most 1 - {2 * self.gap:.4g} elsewhere, "
            f"as 1 - cos(2 pi / M) = 2 sin^2(pi / M), for all residues"
        )


def holds(dtype: torch.dtype, modulus: int) -> bool:
    """Whether scores at one frequency, computed in this dtype, keep enough of the gap."""
    gap = sink_gap(modulus)
    return 2 * score_error(dtype, 1) <= TO_ROUNDING * gap
