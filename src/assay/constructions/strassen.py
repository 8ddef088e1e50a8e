"""Match3 by two heads of Strassen attention of width 8, in whole numbers: score -2 (x_i + x_j + x_k - S)^2.

"Strassen Attention" (Kozachinskiy et al. 2025, arXiv 2501.19215): a softmax over pairs (j, k) whose scores f_i.g_j +
g_j.h_k + h_k.f_i only compare two tokens at a time computes Match3. Three residues 0 ... M-1 that are not all 0 sum to
0 modulo M if and only if they sum to S = M or 2M: a head for each.

A sink pair at -1, half-way between a match and the best miss, absorbs the softmax where there is no match, so that the
mass on residues is the answer. (Reading the answer from second moments of the values, as is also done, needs the
query token's residue beside the attention output; the bare model has no residual connection that would carry it.)
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.presence import choose_arithmetic, presence_error
from assay.constructions.softmax_bound import UNIT_ROUNDOFF, gamma, rounding_of_differences
from assay.errors import require
from assay.layers.kernels.strassen import strassen_attention
from assay.sizes import Size
from assay.tasks.match3 import Match3

LARGEST_MODULUS = 1 << 23  # scores of up to 90 M^2 and their partial sums stay exact integers in float64
_WIDTH, _HEADS = 8, 2


@CONSTRUCTIONS.register
class StrassenHeads(Construction[Match3]):
    """Two Strassen heads; called on residues (batch, N), it returns (batch, N). Time O(N^3).

    With a = x_i, b = x_j, c = x_k - S, a pair of residues scores -2 (a + b + c)^2 = -4ab - 4bc - 4ca - 2a^2 - 2b^2 -
    2c^2. A pair of a residue and the sink scores at least 20 M^2 less than any pair of residues may need. Residue 0
    always matches, with itself twice: for it all pairs of residues are raised above the sink pair.

    >>> from assay import Match3
    >>> from assay.constructions import build
    >>> unit = build(Match3(length=4, modulus=23), method="strassen")
    >>> (unit(torch.tensor([[3, 7, 13, 4]])) > 0.5).tolist(), unit.size.width, unit.size.heads  # 3 + 7 + 13 = 23
    ([[True, True, True, False]], 8, 2)
    """

    method: ClassVar[str] = "strassen"
    model: ClassVar[str] = "bare-strassen"
    solves: ClassVar[tuple[str, ...]] = ("match3",)
    root: Tensor

    def __init__(self, task: Match3, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        entries, what = (task.length + 1) ** 2, f"Match3 with Strassen heads at N = {task.length}"
        exact = {torch.float32: math.inf, torch.float64: 0.0}
        least = choose_arithmetic(what, entries, 1.0, exact, tolerance, outputs=_HEADS)
        root = 2.0 ** math.ceil(math.log2(max(1.0, least.temperature)) / 2)  # whole numbers stay exact times this
        self.temperature = root**2
        self.error = _HEADS * (presence_error(entries, self.temperature) + _rounding(task.length + 1, self.temperature))
        self.register_buffer("root", torch.tensor(root, dtype=torch.float64))

    @classmethod
    def build(cls, task: Match3, tolerance: float) -> Self:
        require(task.modulus <= LARGEST_MODULUS, "modulus", task.modulus, f"at most {LARGEST_MODULUS} for float64")
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width and score width 8, two heads."""
        parameters = _HEADS * 5 * _WIDTH**2
        return Size(width=_WIDTH, heads=_HEADS, precision=64, score_width=_WIDTH, parameters=parameters)

    def numbers_at_work(self) -> int:
        return 8 * (self.task.length + 1) ** 2

    def forward(self, inputs: Tensor) -> Tensor:
        """The mass on pairs of residues in either head, at most 1, to be compared with 1/2: (batch, N)."""
        value = torch.ones(len(inputs), self.task.length + 1, 1, dtype=torch.float64)
        value[:, 0] = 0
        totals = (self.task.modulus, 2 * self.task.modulus)
        if self.numbers is None:
            masses = [strassen_attention(*self.factors(inputs, total), value, value) for total in totals]
        else:
            masses = [self._fixed_mass(*map(self.rounded, self.factors(inputs, total))) for total in totals]
        return torch.stack(masses).sum(dim=0).squeeze(2).clamp(max=1.0)

    def factors(self, residues: Tensor, total: int) -> tuple[Tensor, Tensor, Tensor]:
        """f (batch, N, 8), g and h (batch, N + 1, 8) of the head for the sum `total`; position 0 is the sink.

        Each carries the square root of the temperature.
        """
        large = 20.0 * self.task.modulus**2
        x = residues.double()
        shifted, zero, one = x - total, torch.zeros_like(x), torch.ones_like(x)
        raised = torch.where(residues == 0, large, -2 * x**2)
        f = torch.stack([-4 * x, zero, x, one, one, raised, zero, zero], dim=2)
        g = torch.stack([x, -4 * x, zero, -2 * x**2, zero, one, zero, one], dim=2)
        h = torch.stack([zero, shifted, -4 * shifted, zero, -2 * shifted**2, zero, -2 * large * one, zero], dim=2)
        sink_g = torch.tensor([0, 0, 0, -1, 0, 0, 1, 0], dtype=x.dtype).expand(len(x), 1, _WIDTH)
        sink_h = torch.tensor([0, 0, 0, 0, 0, 0, 0, -2 * large], dtype=x.dtype).expand(len(x), 1, _WIDTH)
        return self.root * f, self.root * torch.cat([sink_g, g], dim=1), self.root * torch.cat([sink_h, h], dim=1)

    def _fixed_mass(self, f: Tensor, g: Tensor, h: Tensor) -> Tensor:
        """The mass on pairs of residues (batch, N, 1), scores and weights rounded; holds all N^3 scores."""
        middle = self.rounded(g @ h.transpose(1, 2)).unsqueeze(1)
        first, last = self.rounded(f @ g.transpose(1, 2)), self.rounded(f @ h.transpose(1, 2))
        scores = self.rounded(first.unsqueeze(3) + middle + last.unsqueeze(2))
        weights = self.rounded(torch.softmax(scores.flatten(2), dim=2)).view_as(scores)
        return self.rounded(weights[:, :, 1:, 1:].sum(dim=(2, 3))).unsqueeze(2)

    def certificate(self) -> Certificate:
        return Certificate(
            method=self.method,
            guaranteed_error=self.error,
            justification="a match scores 0, the sink pair -1 and a miss at most -2, in exact integers below 2^53, for "
            "all residues; (N + 1)^2 exp(-temperature) bounds the wrong mass of a head; a-priori rounding bounds of "
            "the softmax",
            size=self.size,
            dtype="float64",
            temperature=self.temperature,
        )


def _rounding(tokens: int, temperature: float) -> float:
    """Of the mass of one head: by products of exponentials, two sums over tokens each, or by one sum over all pairs.

    In products, three exponentials, two of their products and four sums; scores less their largest; underflow.
    """
    roundoff = UNIT_ROUNDOFF[torch.float64]
    sums = max(gamma(tokens**2 + 2 * tokens + 9, roundoff), gamma(4 * tokens + 29, roundoff))
    return sums + 24 * roundoff + rounding_of_differences(tokens**2, temperature, 0.0, roundoff)
