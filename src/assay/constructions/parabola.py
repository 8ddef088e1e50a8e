"""Match2 by one attention unit of width 3 in whole numbers: score -2 (r_i + r_j)^2, and a blank at -1.

r is the residue between -M/2 and M/2. Residues 0 and M/2 always match themselves, so M/2 may be given the code of 0;
for all others x_i + x_j = 0 mod M if and only if r_i + r_j = 0. Scores are dot products of integers, computed as such,
and their largest is subtracted before anything is rounded: right for every M below 2^31, at temperature ln(N / error).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from assay.constructions import CONSTRUCTIONS
from assay.constructions.base import Construction
from assay.constructions.certificate import Certificate
from assay.constructions.presence import choose_arithmetic, integer_mass
from assay.constructions.softmax_bound import DTYPES, dtype_name
from assay.constructions.trigonometric import holds
from assay.errors import require
from assay.size import Size
from assay.tasks.match2 import Match2

LARGEST_MODULUS = 1 << 31  # 2 (r_i + r_j)^2 <= 2 M^2 must stay below 2^63


@CONSTRUCTIONS.register
class Parabola(Construction):
    """Integer attention; token 0 is the blank. Called on residues (batch, N), it returns (batch, N). Time O(N^2).

        phi(x) = (r, 2 r^2, 1),  phi(blank) = (0, 1, 0),  query = (-4 r, -1, -2 r^2),  key = phi,  value = third of phi

    query . key = -4 r_i r_j - 2 r_j^2 - 2 r_i^2 = -2 (r_i + r_j)^2, and -1 for the blank; the query is a linear
    image of phi.

    >>> from assay import Match2, build
    >>> unit = build(Match2(length=64, modulus=10**9), method="parabola")
    >>> residues = torch.tensor([[123_456_789, 10**9 - 123_456_789, 1, 10**9 - 2] * 16])
    >>> (unit(residues) > 0.5).sum().item(), unit.size.width
    (32, 3)
    """

    method: ClassVar[str] = "parabola"
    family: ClassVar[str] = "attention"
    solves: ClassVar[tuple[str, ...]] = ("match2",)
    query: Tensor

    def __init__(self, task: Match2, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        what = f"Match2 with a parabola at N = {task.length}"
        self.arithmetic = choose_arithmetic(what, task.length, 1.0, dict.fromkeys(DTYPES, 0.0), tolerance)
        self.register_buffer("query", torch.tensor([[-4, 0, 0], [0, 0, -1], [0, -1, 0]]))

    @classmethod
    def preferred(cls, task: Match2) -> bool:
        """Where cosines in float32 are too coarse."""
        return not holds(torch.float32, task.modulus)

    @classmethod
    def build(cls, task: Match2, tolerance: float) -> Parabola:
        """The unit for this task and tolerance; milliseconds."""
        require(task.modulus < LARGEST_MODULUS, "modulus", task.modulus, f"below {LARGEST_MODULUS} for 64-bit integers")
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width 3; bits of the largest score, 2 M^2."""
        bits = (2 * self.task.modulus**2).bit_length() + 1
        return Size(width=3, precision=bits, score_width=3, parameters=self.query.numel() + 3)

    def embed(self, residues: Tensor) -> Tensor:
        """phi of the blank and of every residue, int64 (batch, N + 1, 3)."""
        modulus = self.task.modulus
        centred = torch.where(2 * residues > modulus, residues - modulus, residues)
        centred = torch.where(2 * residues == modulus, 0, centred)
        real = torch.stack([centred, 2 * centred**2, torch.ones_like(centred)], dim=2)
        blank = torch.tensor([0, 1, 0]).expand(len(residues), 1, 3)
        return torch.cat([blank, real], dim=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """The mass on real tokens, to be compared with 1/2: (batch, N)."""
        keys = self.embed(inputs)
        values = keys[:, :, 2].to(self.arithmetic.dtype)
        return integer_mass(keys[:, 1:] @ self.query, keys, values, self.arithmetic.temperature, self.numbers)

    def certificate(self) -> Certificate:
        """Guarantee for all residues."""
        return Certificate(
            method=self.method,
            guaranteed_error=self.arithmetic.error,
            rests_on="a match scores 0, the blank -1 and a miss at most -2, in exact integers, for all residues; "
            "N exp(-temperature) bounds the wrong mass; a-priori rounding bounds of the softmax",
            size=self.size,
            dtype=dtype_name(self.arithmetic.dtype),
            temperature=self.arithmetic.temperature,
        )
