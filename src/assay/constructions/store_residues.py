"""Any matching task by a recurrent network that keeps every residue: N numbers of log2 M bits, in two passes.

The first pass writes residue t to slot t of the state, the second reads the state and answers. Match2 and Match3 need
a number of bits of the order of N (see `assay show match-state`); an arbitrary read-out map is allowed, as there.
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
class StoreResidues(Construction[Matching]):
    """h_t = h_(t-1) + e_t x_t in whole numbers; called on residues (batch, N), it returns 0 or 1 (batch, N).

    >>> from assay import Match2
    >>> from assay.constructions import build
    >>> network = build(Match2(length=4, modulus=10), method="store-residues")
    >>> network(torch.tensor([[3, 7, 5, 1]])).tolist(), network.size.state_bits
    ([[1.0, 1.0, 1.0, 0.0]], 16)
    """

    method: ClassVar[str] = "store-residues"
    model: ClassVar[str] = "bare-recurrent"
    solves: ClassVar[tuple[str, ...]] = ("match2", "match3", "match3-bigram", "match3-local")
    slots: Tensor

    def __init__(self, task: Matching, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        self.register_buffer("slots", torch.arange(task.length))

    @classmethod
    def build(cls, task: Matching, tolerance: float) -> Self:
        """The network for this task; it is exact, whatever the tolerance."""
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width and state N, of numbers that hold a residue."""
        bits = (self.task.modulus - 1).bit_length()
        return Size(width=self.task.length, state=self.task.length, precision=bits, parameters=self.task.length)

    def step(self, state: Tensor, residue: Tensor, position: int) -> Tensor:
        """State (batch, N) after the token at `position` with this residue (batch,)."""
        return state.index_add(1, self.slots[position : position + 1], residue.unsqueeze(1))

    def forward(self, inputs: Tensor) -> Tensor:
        state = torch.zeros_like(inputs)
        for position, residue in enumerate(self.rounded_residues(inputs, self.task.modulus).unbind(1)):
            state = self.step(state, residue, position)
        return self.task.targets(state)

    def certificate(self) -> Certificate:
        return Certificate(
            method=self.method,
            guaranteed_error=0.0,
            justification="each slot holds its residue exactly, for all residues; the second pass reads the task's own "
            "exact answer off the state, an arbitrary map",
            size=self.size,
            dtype="int64",
        )
