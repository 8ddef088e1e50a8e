"""Shared by the units that find a partner by cosines: score = mean over frequencies f of cos(2 pi f (x_i + x_j) / M).

A match scores 1; a sink token has a score between 1 and the best miss. Embedding of width m = 2D + 1 for D
frequencies: cosines, sines, and a 1 that is larger for the sink. Theorem 6 of Sanford, Hsu, Telgarsky (NeurIPS 2023)
has D = 1.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.presence import Arithmetic, choose_arithmetic, coordinate_error, residue_angles
from assay.constructions.settings import SHARE, WHOLE, Setting
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF, gamma
from assay.models.bare import BareUnit
from assay.models.structured import SHORTEST
from assay.models.structured.tiles import LONG, row_attention
from assay.sizes import Size
from assay.tasks.match2 import Match2

_NUMBERS_OF_A_TOKEN = 8  # where residues are sorted
_LARGEST_EXPONENT = 700.0  # of the sink, below a match: its weight is a normal float64


class CosineUnit(BareUnit[Tensor], Construction[Match2]):
    """One bare unit; token 0 is the sink. Called on residues (batch, N), it returns (batch, N).

        phi(x) = (cos a_f, sin a_f, 1),  phi(sink) = (0, 0, 1 + b),  Q = c I,  K = (1, -1, 1),  V = (0, 0, 1)

    The attention output is 1 + b mass(sink), from which psi reads the mass on real tokens: at most the error if there
    is no match, at least 1 minus the error if there is one.

    The weight of a pair depends on x_i + x_j mod M alone. In the plain forward pass of SHORTEST tokens or more the
    weights are added up without forming N^2 scores where `structured_mass` can, in float64. Temperature, signs
    and sink are taken as they are stored, so that it is the same function, without the rounding of cosines, scores
    and sums that the certificate allows for. Fixed point, `attention` and `answers` form the scores, time O(N^2 m).

    Attributes:
        arithmetic: dtype, temperature c and guaranteed error.
        gap: between match and sink, and between sink and the best miss; b = 1 - gap.
        frequencies: int64 buffer (D,).
    """

    model: ClassVar[str] = "bare-attention"
    solves: ClassVar[tuple[str, ...]] = ("match2",)
    declares: ClassVar[dict[str, Setting]] = {**Construction.declares, "gap": SHARE, "frequencies": WHOLE}
    frequencies: Tensor

    def __init__(self, task: Match2, tolerance: float, gap: float, frequencies: int) -> None:
        super().__init__()
        self.task, self.tolerance, self.gap = task, tolerance, gap
        self.settings = {"tolerance": tolerance, "gap": gap, "frequencies": frequencies}
        self.arithmetic = _arithmetic(task, gap, frequencies, tolerance)
        self.register_buffer("frequencies", torch.ones(frequencies, dtype=torch.int64))
        dtype, one = self.arithmetic.dtype, torch.ones(frequencies)
        signs = torch.cat([one, -one, one[:1]]).to(dtype)
        pick = torch.eye(2 * frequencies + 1, dtype=dtype)
        self.set_weights(
            (self.arithmetic.temperature * pick).unsqueeze(0), (signs * pick).unsqueeze(0), pick[None, :, -1:].clone()
        )

    @property
    def query_count(self) -> int:
        return self.task.length

    @property
    def size(self) -> Size:
        """Width and score width 2D + 1, one head, one layer."""
        width = 2 * len(self.frequencies) + 1
        bits = torch.finfo(self.arithmetic.dtype).bits
        return Size(
            width=width,
            precision=bits,
            score_width=width,
            parameters=sum(buffer.numel() for buffer in self.buffers()) + 1,
        )

    def numbers_at_work(self) -> int:
        if self.task.length >= SHORTEST:
            return self.task.spec.length * (self.size.width + _NUMBERS_OF_A_TOKEN)
        return super().numbers_at_work()

    def forward(self, inputs: Tensor) -> Tensor:
        """The mass on real tokens, to be compared with 1/2: (batch, N); in float64 where scores are not formed."""
        fits = self.numbers is None and inputs.shape[1] == self.task.length >= SHORTEST
        exponents = self._exponents() if fits else None
        mass = None if exponents is None else self.structured_mass(inputs.numpy(), *exponents)
        if mass is None:
            return super().forward(inputs)
        return self.read(torch.from_numpy(1 + (self._sink_height() - 1) * (1 - mass)).unsqueeze(2))

    def structured_mass(
        self, residues: NDArray[np.int64], temperature: float, sink: float
    ) -> NDArray[np.float64] | None:
        """The mass on residues (batch, N), as it is in real numbers, without N^2 scores; None where there is no way.

        `sink` is by how much the sink scores below a match.
        """
        return None

    def _sink_height(self) -> float:
        return torch.tensor(2 - self.gap, dtype=self.arithmetic.dtype).item()

    def _exponents(self) -> tuple[float, float] | None:
        """Temperature and how far the sink is below a match, if the stored weights are as they were built."""
        count, cold = len(self.frequencies), self.query.flatten()[0]
        one = torch.ones(count, dtype=self.key.dtype)
        pick = torch.eye(2 * count + 1, dtype=self.key.dtype)
        as_built = (
            torch.equal(self.query[0], cold * pick)
            and torch.equal(self.key[0], torch.cat([one, -one, one[:1]]) * pick)
            and torch.equal(self.value[0], pick[:, -1:])
        )
        temperature, sink = cold.item(), cold.item() * (2 - self._sink_height())
        return (temperature, sink) if as_built and 0 <= sink < _LARGEST_EXPONENT else None

    def embed(self, inputs: Tensor) -> Tensor:
        """phi of the sink and of every residue: (batch, N + 1, 2D + 1)."""
        count = len(self.frequencies)
        turns = inputs.unsqueeze(2) * self.frequencies % self.task.modulus
        angles = residue_angles(turns, self.task.modulus)
        embedded = torch.zeros(len(inputs), self.task.length + 1, 2 * count + 1, dtype=self.arithmetic.dtype)
        embedded[:, 1:, :count] = angles.cos() / count**0.5
        embedded[:, 1:, count:-1] = angles.sin() / count**0.5
        embedded[:, 1:, -1] = 1
        embedded[:, 0, -1] = 2 - self.gap
        return embedded

    def answers(self, embedded: Tensor) -> Tensor:
        """The mass on real tokens, to be compared with 1/2: (batch, N). In fixed point from `fixed_embedding`."""
        if self.numbers is None:
            if embedded.shape[1] < LONG:
                return super().answers(embedded)
            queries, keys = embedded[:, 1:] @ self.query[0], embedded @ self.key[0]
            return self.read(row_attention(queries, keys, embedded @ self.value[0]))
        queries, values = embedded[:, 1:, :-1], embedded[:, :, -1]
        scores = self.rounded(queries @ (embedded[:, :, :-1] * self._fixed_signs()).transpose(1, 2))
        return self.rounded((self.rounded(torch.softmax(scores, dim=2)) @ values.unsqueeze(2)).squeeze(2))

    def embedded(self, inputs: Tensor) -> Tensor:
        """What each token knows before it looks at the others: (batch, N + 1, 2D + 1), in fixed point 2D + 2."""
        return super().embedded(inputs) if self.numbers is None else self.rounded(self.fixed_embedding(inputs))

    def fixed_embedding(self, inputs: Tensor) -> Tensor:
        """phi for numbers of few bits: (batch, N + 1, 2D + 2), float64.

        The square root c' of the temperature c on either side of the score, c less than above for all pairs: a match
        scores 0, the sink -c gap, and misses less, which few bits hold as they saturate. The value is a coordinate.

            phi(x) = (c' cos a_f, c' sin a_f, c', 1),  phi(sink) = (0, 0, c' gap, 0),  K = (1, -1, -1)
        """
        plain = self.embed(inputs).double()
        root = self.arithmetic.temperature**0.5
        fixed = torch.cat([root * plain, torch.ones_like(plain[:, :, :1])], dim=2)
        fixed[:, 0, -2], fixed[:, 0, -1] = root * self.gap, 0
        return fixed

    def _fixed_signs(self) -> Tensor:
        count = len(self.frequencies)
        return torch.cat([torch.ones(count), -torch.ones(count + 1)]).double()

    def read(self, outputs: Tensor) -> Tensor:
        """The mass on real tokens, to be compared with 1/2: (batch, N)."""
        return 1 - (outputs.squeeze(2) - 1) / (1 - self.gap)

    def certify(self, proof: str) -> Certificate:
        """The certificate, where `proof` says why a miss scores at most 1 - 2 gap."""
        return Certificate(
            method=self.method,
            guaranteed_error=self.arithmetic.error,
            justification=f"{proof}; the sink scores half-way; N exp(-gap) bounds the wrong mass; "
            "a-priori rounding bounds",
            size=self.size,
            dtype=dtype_name(self.arithmetic.dtype),
            temperature=self.arithmetic.temperature,
        )


def _arithmetic(task: Match2, gap: float, frequencies: int, tolerance: float) -> Arithmetic:
    """Values reach 2 - gap, and psi divides by 1 - gap: both magnify the softmax's rounding."""
    rounding = {dtype: score_error(dtype, frequencies) for dtype in DTYPES}
    what = f"Match2 with cosines at N = {task.length}, M = {task.modulus}"
    grow = (2 - gap) / (1 - gap)
    return choose_arithmetic(what, task.length, gap, rounding, tolerance, outputs=1, magnified=grow)


def score_error(dtype: torch.dtype, frequencies: int) -> float:
    """Of a score at temperature 1: products and sums of 2D + 1 terms that add up to at most 3, and their factors."""
    roundoff = UNIT_ROUNDOFF[dtype]
    factors = 2 * 2**0.5 * (coordinate_error(dtype) + 2 * roundoff) + 2 * roundoff
    return 3 * gamma(2 * frequencies + 4, roundoff) + factors
