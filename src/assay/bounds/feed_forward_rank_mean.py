"""Feed-forward, mean error on Gaussian values: how much of them the first layer must let through"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound
from assay.bounds.recurrent_state_mean import allowed_distortion
from assay.evidence import ErrorKind
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class FeedForwardRankMean(Bound):
    """First-layer width >= N d (1 - D*), D* the mean squared error per value that the error leaves.

    r linear measurements of N d independent normal coordinates leave a share of at least 1 - r / (N d) of their
    variance unknown. Only for Gaussian values: one real number can hold a whole vertex of the cube.

    >>> from assay import SparseAveraging
    >>> task = SparseAveraging(length=16, sparsity=2, dimension=2, layout="last")
    >>> FeedForwardRankMean().smallest(task)
    28
    """

    name: ClassVar[str] = "feed-forward-rank-mean"
    family: ClassVar[str] = "feed-forward"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource = "first-layer width"
    source: ClassVar[str] = (
        "first-layer rank >= N d (1 - q error^2 (N - 1) / (N - q)): variance left by linear measurements"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str) -> str:
        """Gaussian values."""
        return "" if distribution == "gaussian" else f"needs gaussian values, not {distribution!r}"

    def amount(self, task: SparseAveraging, error: float, distribution: str) -> float:
        """N d (1 - D*) rows."""
        return task.length * task.dimension * (1 - allowed_distortion(task, error))
