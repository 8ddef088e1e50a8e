"""Match3 with neighbours by two layers of standard attention: average two neighbours, then find a partner.

Layer 1 puts positions on a circle; the query half a step ahead of position j scores highest at j and j + 1, equally.
Values hold the residue in a slot for even or for odd positions, the position, and a flag for the sink at the end: the
average of two neighbours tells both residues (each layer is without residual connection, so a token must carry its own
on). Layer 2 is Match2 between x_i and x_j + x_(j+1), in whole numbers.

Sanford, Hsu, Telgarsky (NeurIPS 2023) state that depth 2 suffices for constant width; these weights are our own.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.presence import choose_arithmetic, integer_mass
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF, averaging_error, rounding_of_average, temperature
from assay.errors import AssayError, require
from assay.sizes import Size
from assay.tasks.match3_bigram import Match3Bigram

LARGEST_MODULUS = 1 << 31  # 2 (r - s)^2 <= 2 M^2 must stay below 2^63
_SCORE_ERROR = 64 * UNIT_ROUNDOFF[torch.float64]  # of angles up to 2 pi, their cos and sin, and the dot product
_DECODED = 0.25  # an average of two integers is read off right if it errs by less


@CONSTRUCTIONS.register
class NeighboursThenPartner(Construction[Match3Bigram]):
    """Two bare layers, one head each; called on residues (batch, N), it returns (batch, N). Time O(N^2).

    >>> from assay import Match3Bigram
    >>> from assay.constructions import build
    >>> network = build(Match3Bigram(length=4, modulus=20))
    >>> (network(torch.tensor([[3, 7, 10, 4]])) > 0.5).tolist(), network.size.depth  # 3 + 7 + 10 = 20
    ([[True, False, True, False]], 2)
    """

    method: ClassVar[str] = "bigram"
    model: ClassVar[str] = "bare-attention"
    solves: ClassVar[tuple[str, ...]] = ("match3-bigram",)
    keys: Tensor
    queries: Tensor

    def __init__(self, task: Match3Bigram, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        self.sharpness, self.average_error = _first_layer(task)
        what = f"Match3 with neighbours at N = {task.length}"
        self.arithmetic = choose_arithmetic(what, task.length + 1, 1.0, dict.fromkeys(DTYPES, 0.0), tolerance)
        half_step = _half_step(task.length)
        angles = 2 * half_step * torch.arange(task.length + 1, dtype=torch.float64)
        self.register_buffer("keys", torch.stack([angles.cos(), angles.sin()], dim=1))
        ahead = angles + half_step
        self.register_buffer("queries", self.sharpness * torch.stack([ahead.cos(), ahead.sin()], dim=1))

    @classmethod
    def preferred(cls, task: Match3Bigram) -> bool:
        """Its width is constant."""
        return True

    @classmethod
    def build(cls, task: Match3Bigram, tolerance: float) -> Self:
        require(task.modulus < LARGEST_MODULUS, "modulus", task.modulus, f"below {LARGEST_MODULUS} for 64-bit integers")
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width 8 (two numbers of the query, two of the key, four of the value), depth 2, score width 3."""
        bits = max(64, (2 * self.task.modulus**2).bit_length() + 1)
        return Size(width=8, depth=2, precision=bits, score_width=3, parameters=2 * 3 * 8**2)

    def forward(self, inputs: Tensor) -> Tensor:
        """The mass on bigrams that match, to be compared with 1/2: (batch, N)."""
        own, following, real = self.decode(self.neighbours(inputs))
        modulus = self.task.modulus
        wanted, found = (-own[:, :-1]) % modulus, (own + following) % modulus
        one = torch.ones_like(wanted)
        queries = torch.stack([4 * wanted, -one, -2 * wanted**2], dim=2)
        sink = torch.tensor([0, 1, 0])
        keys = torch.where(real.unsqueeze(2), torch.stack([found, 2 * found**2, torch.ones_like(found)], dim=2), sink)
        values = real.to(self.arithmetic.dtype)
        return integer_mass(queries, keys, values, self.arithmetic.temperature, self.numbers)

    def neighbours(self, residues: Tensor) -> Tensor:
        """Output of layer 1: averages over each token and the next of (even slot, odd slot, position, sink flag)."""
        length = self.task.length
        places = torch.arange(length + 1)
        values = torch.zeros(len(residues), length + 1, 4, dtype=torch.float64)
        values[:, 0:length:2, 0] = residues[:, 0::2].double()
        values[:, 1:length:2, 1] = residues[:, 1::2].double()
        values[:, :, 2] = places.double()
        values[:, length, 3] = 1
        rows = max(1, (1 << 22) // (length + 1))
        queries, keys, values = (self.rounded(part) for part in (self.queries, self.keys, values))
        scores = (self.rounded(block @ keys.T) for block in queries.split(rows))
        weights = (self.rounded(torch.softmax(block, dim=1)) for block in scores)
        return torch.cat([self.rounded(block @ values) for block in weights], dim=1)

    def decode(self, averages: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Each token's own residue, that of the next, and whether both are residues: from its own average alone."""
        place = averages[:, :, 2].floor().long()
        slots = (2 * averages[:, :, :2]).round().long()
        own = slots.gather(2, (place % 2).unsqueeze(2)).squeeze(2)
        following = slots.gather(2, ((place + 1) % 2).unsqueeze(2)).squeeze(2)
        return own, following, averages[:, :, 3] < _DECODED

    def certificate(self) -> Certificate:
        """Guarantee for all residues; the temperature is that of layer 1, the larger one."""
        return Certificate(
            method=self.method,
            guaranteed_error=self.arithmetic.error,
            justification=f"layer 1 averages two neighbours within {self.average_error:.2g} of a value's range, so "
            "that whole numbers are read off exactly; layer 2 has scores in exact integers, a match 0, the sink -1 and "
            "a miss at most -2, for all residues; a-priori rounding bounds",
            size=self.size,
            dtype=" and ".join(sorted({"float64", dtype_name(self.arithmetic.dtype)}, reverse=True)),
            temperature=self.sharpness,
        )


def _half_step(length: int) -> float:
    """Half the angle between positions, on a circle with room for three more than the N + 1 there are."""
    return math.pi / (length + 4)


def _first_layer(task: Match3Bigram) -> tuple[float, float]:
    """Temperature of layer 1, and the error of its averages as a share of the values' range.

    Raises:
        AssayError: float64 does not average integers up to M or N so exactly that they can be read off.
    """
    half_step, positions = _half_step(task.length), task.length + 1
    largest = max(task.modulus, positions)
    gap = 2 * math.sin(2 * half_step) * math.sin(half_step) - 2 * _SCORE_ERROR  # cos h - cos 3h
    sharpness = temperature(1, positions, gap, _DECODED / (4 * largest))
    errors = [
        averaging_error(count, positions, sharpness * gap, 2 * sharpness * _SCORE_ERROR) for count in (1, 2)[:positions]
    ]
    error = max(errors) + rounding_of_average(positions, UNIT_ROUNDOFF[torch.float64])
    if not largest * error < _DECODED:
        raise AssayError(
            f"Match3 with neighbours cannot be built at N = {task.length}, M = {task.modulus}: in float64 the average "
            f"of two residues errs by up to {largest * error:.3g}, and it must be read off within {_DECODED}"
        )
    return sharpness, error
