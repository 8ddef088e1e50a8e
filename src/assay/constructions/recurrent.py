"""A recurrent network that keeps every value: state of N d numbers, the order that Theorem 11 says is needed.

The state adds z_t to its t-th slot at step t; the query token reads the slots it points to. Where every token asks,
its pointers may lie to the right, so a second pass reads the state that the first one left.
(Theorem 11: Sanford, Hsu, Telgarsky, NeurIPS 2023.)
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
from assay.sizes import Size
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs


@CONSTRUCTIONS.register
class StoreAll(Construction[SparseAveraging]):
    """h_t = h_(t-1) + e_t (x) z_t, answer = mean of the slots pointed to. Time O(N d + queries q d) a sequence.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> network = build(SparseAveraging(length=64, sparsity=2, layout="last"), method="recurrent", tolerance=0.01)
    >>> network.size.state, network.size.state_bits
    (64, 2048)
    """

    method: ClassVar[str] = "recurrent"
    model: ClassVar[str] = "bare-recurrent"
    declares: ClassVar[dict[str, Setting]] = {**Construction.declares, "dtype": FLOAT_DTYPE}
    slots: Tensor

    def __init__(self, task: SparseAveraging, tolerance: float, dtype: str) -> None:
        super().__init__()
        self.task, self.tolerance = task, tolerance
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.settings = {"tolerance": tolerance, "dtype": dtype}
        self.register_buffer("slots", torch.arange(task.length))

    @classmethod
    def build(cls, task: SparseAveraging, tolerance: float) -> Self:
        dtype = choose_dtype(tolerance, {dtype: _rounding(task, dtype) for dtype in DTYPES})
        return cls(task, tolerance, dtype_name(dtype))

    @property
    def size(self) -> Size:
        """Width and state N d."""
        numbers = self.task.length * self.task.dimension
        return Size(width=numbers, state=numbers, precision=torch.finfo(self.dtype).bits, parameters=self.task.length)

    def numbers_at_work(self) -> int:
        return self.size.state + self.task.spec.queries * self.task.sparsity * self.task.dimension

    def step(self, state: Tensor, value: Tensor, position: int) -> Tensor:
        """State (batch, N, d) after the token at `position` with this value (batch, d); written in place."""
        return state.index_add_(1, self.slots[position : position + 1], value.unsqueeze(1))

    def read(self, state: Tensor, pointers: Tensor) -> Tensor:
        """Answers (batch, queries, d) from the last state."""
        gathered = state.gather(1, pointers.flatten(1).unsqueeze(2).expand(-1, -1, state.shape[2]))
        return gathered.view(*pointers.shape, -1).mean(dim=2)

    def forward(self, inputs: SparseAveragingInputs) -> Tensor:
        """Outputs of the query tokens: shape (batch, queries, d)."""
        values = self.rounded(inputs.values.to(self.dtype))
        state = torch.zeros_like(values)
        for position, value in enumerate(values.unbind(1)):
            state = self.step(state, value, position)
        return self.rounded(self.read(state, inputs.pointers))

    def certificate(self) -> Certificate:
        """Exact but for the rounding of one mean."""
        return Certificate(
            method=self.method,
            guaranteed_error=_rounding(self.task, self.dtype),
            justification="each slot holds its value exactly, for every input; rounding bound of a mean of q numbers",
            size=self.size,
            dtype=dtype_name(self.dtype),
        )


def _rounding(task: SparseAveraging, dtype: torch.dtype) -> float:
    """q - 1 additions, a division, the cast of the value and that of the exact answer it is compared with."""
    return gamma(task.sparsity + 6, UNIT_ROUNDOFF[dtype])
