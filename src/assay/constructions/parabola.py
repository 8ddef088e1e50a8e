"""Match2 by one attention unit of width 3 in whole numbers: score -2 (r_i + r_j)^2, and a sink at -1.

r is the residue between -M/2 and M/2. Residues 0 and M/2 always match themselves, so M/2 may be given the code of 0;
for all others x_i + x_j = 0 mod M if and only if r_i + r_j = 0. Scores are whole numbers, and their largest is
subtracted before anything is rounded: right for every M, at temperature ln(N / error). Below 2^31, scores fit into 64
bits and can be formed as dot products; beyond, and for long sequences, r_i + r_j is what is looked at.
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.presence import choose_arithmetic, integer_mass
from assay.constructions.softmax_bound import DTYPES
from assay.constructions.trigonometric import holds
from assay.errors import require
from assay.models.structured import SHORTEST
from assay.models.structured.profile import Profile
from assay.models.structured.residues import pair_mass
from assay.sizes import Size
from assay.tasks.match2 import Match2

LARGEST_MODULUS = 1 << 31  # of scores in 64 bits: 2 (r_i + r_j)^2 <= 2 M^2 must stay below 2^63
_QUERY = [[-4, 0, 0], [0, 0, -1], [0, -1, 0]]
_NUMBERS_OF_A_TOKEN = 8  # where residues are sorted


@CONSTRUCTIONS.register
class Parabola(Construction[Match2]):
    """Integer attention; token 0 is the sink. Called on residues (batch, N), it returns (batch, N).

        phi(x) = (r, 2 r^2, 1),  phi(sink) = (0, 1, 0),  query = (-4 r, -1, -2 r^2),  key = phi,  value = third of phi

    query . key = -4 r_i r_j - 2 r_j^2 - 2 r_i^2 = -2 (r_i + r_j)^2, and -1 for the sink; the query is a linear
    image of phi.

    Scores fall with |r_i + r_j|. For SHORTEST tokens or more, and for M from 2^31, the plain forward pass sorts the
    residues and adds up the weights next to each -r_i, time O(N log N), in float64: the same function, as r_i + r_j is
    exact and what is left out is below 2^-60 of the sink's weight. Its roundings are fewer than the softmax's of N + 1
    entries, of which the certificate speaks. In fixed point scores are formed, time O(N^2).

    >>> from assay import Match2
    >>> from assay.constructions import build
    >>> unit = build(Match2(length=64, modulus=10**9), method="parabola")
    >>> residues = torch.tensor([[123_456_789, 10**9 - 123_456_789, 1, 10**9 - 2] * 16])
    >>> (unit(residues) > 0.5).sum().item(), unit.size.width
    (32, 3)
    """

    method: ClassVar[str] = "parabola"
    model: ClassVar[str] = "bare-attention"
    solves: ClassVar[tuple[str, ...]] = ("match2",)
    query: Tensor

    def __init__(self, task: Match2, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        what = f"Match2 with a parabola at N = {task.length}"
        self.arithmetic = choose_arithmetic(what, task.length, 1.0, dict.fromkeys(DTYPES, 0.0), tolerance)
        self.register_buffer("query", torch.tensor(_QUERY))

    @classmethod
    def preferred(cls, task: Match2) -> bool:
        """Where cosines in float32 are too coarse."""
        return not holds(torch.float32, task.modulus)

    @classmethod
    def build(cls, task: Match2, tolerance: float) -> Self:
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width 3; bits of the largest score, 2 M^2."""
        bits = (2 * self.task.modulus**2).bit_length() + 1
        return Size(width=3, precision=bits, score_width=3, parameters=self.query.numel() + 3)

    def numbers_at_work(self) -> int:
        if self.task.length >= SHORTEST:
            return self.task.spec.length * (self.size.width + _NUMBERS_OF_A_TOKEN)
        return super().numbers_at_work()

    def embed(self, residues: Tensor) -> Tensor:
        """phi of the sink and of every residue, int64 (batch, N + 1, 3).

        Raises:
            AssayError: a modulus at which 64 bits do not hold the scores.
        """
        modulus = self.task.modulus
        require(modulus < LARGEST_MODULUS, "modulus", modulus, f"below {LARGEST_MODULUS} for scores in 64-bit integers")
        centred = self._centred(residues)
        real = torch.stack([centred, 2 * centred**2, torch.ones_like(centred)], dim=2)
        sink = torch.tensor([0, 1, 0]).expand(len(residues), 1, 3)
        return torch.cat([sink, real], dim=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """The mass on real tokens, to be compared with 1/2: (batch, N); in float64 where scores are not formed."""
        as_built = torch.equal(self.query, torch.tensor(_QUERY))
        if as_built and self.numbers is None and (self.task.length >= SHORTEST or self.task.modulus >= LARGEST_MODULUS):
            temperature = self.arithmetic.temperature
            profile = Profile(modulus=0, sharpness=temperature)
            return torch.from_numpy(pair_mass(self._centred(inputs).numpy(), profile, sink=temperature))
        keys = self.embed(inputs)
        values = keys[:, :, 2].to(self.arithmetic.dtype)
        return integer_mass(keys[:, 1:] @ self.query, keys, values, self.arithmetic.temperature, self.numbers)

    def _centred(self, residues: Tensor) -> Tensor:
        modulus = self.task.modulus
        centred = torch.where(2 * residues > modulus, residues - modulus, residues)
        return torch.where(2 * residues == modulus, 0, centred)

    def certificate(self) -> Certificate:
        return Certificate(
            method=self.method,
            guaranteed_error=self.arithmetic.error,
            justification="a match scores 0, the sink -1 and a miss at most -2, in exact integers, for all residues; "
            "N exp(-temperature) bounds the wrong mass; a-priori rounding bounds of the softmax",
            size=self.size,
            dtype=dtype_name(self.arithmetic.dtype),
            temperature=self.arithmetic.temperature,
        )
