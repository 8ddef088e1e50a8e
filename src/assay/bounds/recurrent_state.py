"""Recurrent, worst case: the state must differ for all sequences of values"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound
from assay.evidence import ErrorKind
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class RecurrentState(Bound):
    """State bits >= n, the data tokens before the last one that asks: N - 1 where every token asks, N where one does.

    Theorem 11 with the constant of its proof. For any two different sign sequences z, z' of length n and any q < n some
    q-set has sums that differ by at least 2, so equal states force an error of at least 1/q there. So the 2^n sequences
    lead to different states. One pass, causal; all of the past reaches the last token through the state.

    >>> from assay import SparseAveraging
    >>> RecurrentState().required(SparseAveraging(length=64, sparsity=2))
    63.0
    """

    name: ClassVar[str] = "recurrent-state"
    family: ClassVar[str] = "recurrent"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource = "state bits"
    source: ClassVar[str] = "state bits >= n: injectivity of the state on sign sequences (Theorem 11)"

    def unmet(self, task: SparseAveraging, error: float, distribution: str) -> str:
        """q below n and an error below 1/q."""
        if error >= 1 / task.sparsity:
            return f"needs an error below 1/q = {1 / task.sparsity:g}"
        return "" if task.sparsity < task.others else "needs more than q data tokens before the asking one"

    def amount(self, task: SparseAveraging, error: float, distribution: str) -> float:
        """n bits."""
        return float(task.others)
