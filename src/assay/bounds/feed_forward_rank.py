"""Feed-forward, worst case: the first layer must not lose any direction of the values"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound
from assay.evidence import ErrorKind
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class FeedForwardRank(Bound):
    """First-layer width >= N d for errors up to 1/(2q), q < N; >= (N - q + 1) d for errors below 1/q.

    Theorem 10, sharpened. If the first layer has rank below N d on the values, some v != 0 is lost; scale it so that
    its longest v_i has norm 1, and let a_k = <v_k, v_i>, so a_i = 1. If some a_k < 0, exchanging i for k in a q-set
    moves the sum of a by more than 1; otherwise a set with i has sum at least 1. Either way some q-set has |sum of v|
    > 1/2. The inputs +v and -v then get one answer for targets more than 1/q apart, so one errs by more than 1/(2q).
    If the rank is below (N - q + 1) d, v can be 0 on q - 1 values; those and i make a set whose targets are 2/q apart.

    >>> from assay import SparseAveraging
    >>> FeedForwardRank().required(SparseAveraging(length=16, sparsity=3, dimension=4))
    64.0
    """

    name: ClassVar[str] = "feed-forward-rank"
    family: ClassVar[str] = "feed-forward"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource = "first-layer width"
    source: ClassVar[str] = (
        "first-layer rank >= N d (error <= 1/(2q)), >= (N - q + 1) d (error < 1/q) (Theorem 10, sharpened)"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str) -> str:
        """An error below 1/q."""
        if error >= 1 / task.sparsity:
            return f"needs an error below 1/q = {1 / task.sparsity:g}"
        return ""

    def amount(self, task: SparseAveraging, error: float, distribution: str) -> float:
        """Rank, in rows."""
        sharp = error <= 1 / (2 * task.sparsity) and task.sparsity < task.length
        rows = task.length if sharp else task.length - task.sparsity + 1
        return float(rows * task.dimension)
