"""Mean error on Gaussian values: how much of them a first layer that alone sees the input must let through"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.bounds.recurrent_state_mean import allowed_distortion
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class FeedForwardRankMean(Bound[SparseAveraging]):
    """First-layer width >= N d (1 - D*), D* the mean squared error per value that the error leaves.

    r linear measurements of N d independent normal coordinates leave a share of at least 1 - r / (N d) of their
    variance unknown; the pointers, which the layer sees too, are independent of it. D* is that of
    `assay.bounds.recurrent_state_mean.allowed_distortion`, for each query token with its own error and so, being
    linear in the square of the error, in the mean. Only for Gaussian values: one real number can hold a whole vertex of
    the cube.

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> task = SparseAveraging(length=16, sparsity=2, dimension=2, layout="last")
    >>> FeedForwardRankMean().smallest(task, lambda width: Resources(precision=32, first_layer=width))
    28
    """

    name: ClassVar[str] = "feed-forward-rank-mean"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "first-layer width"
    cut: ClassVar[str] = "behind the first layer, which sees the input as one vector"
    source: ClassVar[str] = (
        "first-layer rank >= N d (1 - q error^2 (N - 1) / (N - q)): variance left by linear measurements"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """Real numbers, gaussian values, q < N."""
        if distribution != "gaussian":
            return f"needs gaussian values, not {distribution!r}"
        return "" if task.sparsity < task.length else "needs q below N"

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        return task.length * task.dimension * (1 - allowed_distortion(task, error))

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return network.first_layer
