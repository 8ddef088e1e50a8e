"""Any matching task by one attention unit of width N + 2: carry every residue to every token, then look.

The bound of Theorem 7 is met up to its logarithm: a layer of standard attention does compute Match3 if its width grows
with N. Positions lie on a circle and attention is exp(cos(angle between positions)), a weight each token knows once it
knows where it is. A value holds the residue in its position's own coordinate and the position's point on the circle;
the average of the points has the direction of the query position, by symmetry, and a length of at least 0.446. What
follows the attention reads off the position, divides each coordinate by its weight, rounds, and has all N residues (an
arbitrary element-wise map). (Theorem 7: Sanford, Hsu, Telgarsky, NeurIPS 2023.)
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.softmax_bound import UNIT_ROUNDOFF, gamma
from assay.errors import require
from assay.models.bare import BareUnit, Blocks
from assay.sizes import Size
from assay.tasks.matching import Matching

MOST_TOKENS = 1 << 12  # of which each holds a copy of all: 128 MB in float64


@CONSTRUCTIONS.register
class Gather(BareUnit[Tensor], Construction[Matching]):
    """Called on residues (batch, N), it returns 0 or 1 (batch, N). Time O(N^3), memory O(N^2) for each example.

    >>> from assay import Match3
    >>> from assay.constructions import build
    >>> unit = build(Match3(length=5, modulus=23), method="gather")
    >>> unit(torch.tensor([[3, 7, 13, 4, 1]])).tolist(), unit.size.width
    ([[1.0, 1.0, 1.0, 0.0, 0.0]], 7)
    """

    method: ClassVar[str] = "gather"
    model: ClassVar[str] = "bare-attention"
    solves: ClassVar[tuple[str, ...]] = ("match2", "match3", "match3-bigram", "match3-local")
    points: Tensor

    def __init__(self, task: Matching, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        self.blocks = Blocks({"residues": task.length, "point": 2})
        pick = self.blocks.selector("point", torch.float64).unsqueeze(0)
        self.set_weights(pick, pick.clone(), torch.eye(self.blocks.width, dtype=torch.float64).unsqueeze(0))
        angles = 2 * math.pi / task.length * torch.arange(task.length, dtype=torch.float64)
        self.register_buffer("points", torch.stack([angles.cos(), angles.sin()], dim=1))

    @classmethod
    def build(cls, task: Matching, tolerance: float) -> Self:
        """The unit for this task; it is exact, whatever the tolerance.

        Raises:
            AssayError: too long for N^2 numbers, or float64 does not carry N residues up to M so exactly that they can
                be read off.
        """
        require(task.length <= MOST_TOKENS, "length", task.length, f"at most {MOST_TOKENS} for gather: memory O(N^2)")
        largest = math.floor(0.5 / _relative_error(task.length))
        require(task.modulus <= largest, "modulus", task.modulus, f"at most {largest} for gather at N = {task.length}")
        return cls(task, tolerance)

    @property
    def query_count(self) -> int:
        return self.task.length

    @property
    def size(self) -> Size:
        """Width N + 2, one head, score width 2."""
        width = self.blocks.width
        return Size(width=width, precision=64, score_width=2, parameters=sum(b.numel() for b in self.buffers()))

    def numbers_at_work(self) -> int:
        return self.task.length * (self.task.length + 2)

    def embed(self, inputs: Tensor) -> Tensor:
        """phi: each residue in its position's coordinate, and the position's point: (batch, N, N + 2)."""
        points = self.points.expand(len(inputs), -1, -1)
        return torch.cat([torch.diag_embed(inputs.double()), points], dim=2)

    def read(self, outputs: Tensor) -> Tensor:
        """0 or 1, from each token's attention output alone: (batch, N)."""
        residues, place = self.decode(outputs)
        if self.numbers is not None:  # too few bits may give numbers that are no residues
            residues = residues % self.task.modulus
        labels = self.task.targets(residues.flatten(0, 1)).unflatten(0, place.shape)
        return labels.gather(2, place.unsqueeze(2)).squeeze(2)

    def decode(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """All residues (batch, N, N) and the position (batch, N) that each token's output tells."""
        length = self.task.length
        x, y = outputs[:, :, self.blocks["point"]].unbind(2)
        place = (torch.atan2(y, x) * (length / (2 * math.pi))).round().long() % length
        weights = torch.softmax(self.points @ self.points.T, dim=1)
        return (outputs[:, :, self.blocks["residues"]] / weights[place]).round().long(), place

    def certificate(self) -> Certificate:
        return Certificate(
            method=self.method,
            guaranteed_error=0.0,
            justification=f"each residue comes through with a relative error of at most "
            f"{_relative_error(self.task.length):.2g} in float64, less than half a unit at M = {self.task.modulus}; "
            "then the task's own exact answer is taken from all N residues, an arbitrary map of each token's output",
            size=self.size,
            dtype="float64",
            temperature=1.0,
        )


def _relative_error(length: int) -> float:
    """Of a residue read off: the weight is computed twice, and the zeros it is summed up with are exact.

    Both weights come from scores within 8 units of roundoff, exponentials, sums of N of them and quotients.
    """
    roundoff = UNIT_ROUNDOFF[torch.float64]
    return 2 * (16 * roundoff + gamma(length + 16, roundoff)) + gamma(length + 4, roundoff)
