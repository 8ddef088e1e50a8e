"""A feed-forward network whose first layer is as narrow as Theorem 10 allows, up to one number per pointer.

Each token that asks is answered by itself, with the same weights, from all values and its own pointers:

    first layer   the identity: N d values and one number per pointer
    hat layer     ReLU(y - l) for l = -1 ... N; second differences give o_j = 1 if j is pointed to, else 0
    gate layer    ReLU(z_j + 2 - 4 (1 - o_j)), which is z_j + 2 where o_j = 1 and 0 elsewhere, as |z_j| <= 2
    output        sum over j of (gate - 2 o_j), divided by q

First-layer width N d + q; the later layers have q (N + 2) and N d units. The weights are blocks of identities and
columns of ones, so the layers are written as what those blocks do.
(Theorem 10: Sanford, Hsu, Telgarsky, NeurIPS 2023.)
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.settings import FLOAT_DTYPE, Setting
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF, choose_dtype, gamma
from assay.errors import require
from assay.sizes import Size
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs

_EXACT_INTEGERS = 1 << 22  # float32 holds the hat layer's integers exactly well beyond this


@CONSTRUCTIONS.register
class HatsAndGates(Construction[SparseAveraging]):
    """Feed-forward sparse averaging; time and memory O(queries * N (q + d)) a sequence.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> build(SparseAveraging(length=64, sparsity=2, layout="last"), method="feed-forward", tolerance=0.01).size.width
    66
    """

    method: ClassVar[str] = "feed-forward"
    version: ClassVar[int] = 2
    model: ClassVar[str] = "bare-feed-forward"
    declares: ClassVar[dict[str, Setting]] = {**Construction.declares, "dtype": FLOAT_DTYPE}
    levels: Tensor

    def __init__(self, task: SparseAveraging, tolerance: float, dtype: str) -> None:
        super().__init__()
        self.task, self.tolerance = task, tolerance
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.settings = {"tolerance": tolerance, "dtype": dtype}
        self.register_buffer("levels", torch.arange(-1, task.length + 1, dtype=self.dtype))

    @classmethod
    def build(cls, task: SparseAveraging, tolerance: float) -> Self:
        require(task.length < _EXACT_INTEGERS, "length", task.length, f"below {_EXACT_INTEGERS} for feed-forward")
        dtype = choose_dtype(tolerance, {dtype: _rounding(task, dtype) for dtype in DTYPES})
        return cls(task, tolerance, dtype_name(dtype))

    @property
    def size(self) -> Size:
        """Width of the first layer N d + q, depth 4; parameters counted as dense matrices."""
        task = self.task
        numbers, hats = task.length * task.dimension, task.sparsity * (task.length + 2)
        first = numbers + task.sparsity
        dense = first * first + hats * (first + 1) + numbers * (hats + numbers + 1) + task.dimension * numbers
        return Size(width=first, depth=4, precision=torch.finfo(self.dtype).bits, parameters=dense)

    def numbers_at_work(self) -> int:
        return self.task.spec.queries * self.task.length * (self.task.sparsity + self.task.dimension)

    def forward(self, inputs: SparseAveragingInputs) -> Tensor:
        """Outputs of the query tokens: shape (batch, queries, d)."""
        values, pointers = self.rounded(inputs.values.to(self.dtype)), self.rounded(inputs.pointers.to(self.dtype))
        pointed = torch.stack([self._hats(column) for column in pointers.unbind(2)]).sum(dim=0).unsqueeze(3)
        gates = self.rounded(torch.relu(values.unsqueeze(1) + 2 - 4 * (1 - pointed)))
        return self.rounded((gates - 2 * pointed).sum(dim=2) / self.task.sparsity)

    def certificate(self) -> Certificate:
        """Exact but for rounding: hats are exact integers, and gates off the pointers are exactly 0."""
        return Certificate(
            method=self.method,
            guaranteed_error=_rounding(self.task, self.dtype),
            justification="indicators are exact integers and gates off the pointers exactly 0, for every input in the "
            "unit ball; a-priori rounding bounds",
            size=self.size,
            dtype=dtype_name(self.dtype),
        )

    def _hats(self, pointers: Tensor) -> Tensor:
        """Indicator of each pointer (batch, queries): shape (batch, queries, N)."""
        ramps = self.rounded(torch.relu(pointers.unsqueeze(2) - self.rounded(self.levels)))
        return ramps[..., :-2] - 2 * ramps[..., 1:-1] + ramps[..., 2:]


def _rounding(task: SparseAveraging, dtype: torch.dtype) -> float:
    """Each gate rounds z and z + 2 <= 3; q of them add up. The factor sqrt(d) turns coordinates into a norm."""
    roundoff = UNIT_ROUNDOFF[dtype]
    per_number = 8 * roundoff + gamma(task.sparsity + 4, roundoff)
    return per_number * task.dimension**0.5 + 2 * roundoff
