"""Any matching task by a feed-forward network whose first layer copies the N residues; the rest may be any map.

First-layer width N at log2 M bits a number. Without a limit on bits a single number could hold the whole input, so no
bound on the width alone can be proved for the matching tasks.
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.sizes import Size
from assay.tasks.matching import Matching


@CONSTRUCTIONS.register
class CopyResidues(Construction[Matching]):
    """f(x) = g(W x) with W the identity, kept as the order of its rows.

    Called on residues (batch, N), it returns 0 or 1 (batch, N).

    >>> from assay import Match3
    >>> from assay.constructions import build
    >>> network = build(Match3(length=4, modulus=20), method="copy-residues")
    >>> network(torch.tensor([[3, 7, 10, 4]])).tolist(), network.size.width
    ([[1.0, 1.0, 1.0, 0.0]], 4)
    """

    method: ClassVar[str] = "copy-residues"
    model: ClassVar[str] = "bare-feed-forward"
    solves: ClassVar[tuple[str, ...]] = ("match2", "match3", "match3-bigram", "match3-local")
    order: Tensor

    def __init__(self, task: Matching, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        self.register_buffer("order", torch.arange(task.length))

    @classmethod
    def build(cls, task: Matching, tolerance: float) -> Self:
        """The network for this task; it is exact, whatever the tolerance."""
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """First-layer width N, of numbers that hold a residue; parameters counted as a dense matrix."""
        bits = (self.task.modulus - 1).bit_length()
        return Size(width=self.task.length, depth=2, precision=bits, parameters=self.task.length**2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.task.targets(self.rounded_residues(inputs[:, self.order], self.task.modulus))

    def certificate(self) -> Certificate:
        return Certificate(
            method=self.method,
            guaranteed_error=0.0,
            justification="the first layer is the identity on whole numbers; then comes the task's own exact answer, "
            "an arbitrary map",
            size=self.size,
            dtype="int64",
        )
