"""Worst case: a first layer that alone sees the input must not lose any direction of the values"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class FeedForwardRank(Bound[SparseAveraging]):
    """First-layer width >= N d for errors up to 1/(2q), q < N; >= (N - q + 1) d for errors below 1/q.

    Theorem 10, sharpened; exact real numbers and any number of bits. If the first layer has rank below N d on the
    values, some v != 0 is lost; scale it so that its longest v_i has norm 1, and let a_k = <v_k, v_i>, so a_i = 1. If
    some a_k < 0, exchanging i for k in a q-set, q < N, moves the sum of a by more than 1; otherwise a set with i has
    sum at least 1. Either way some q-set has |sum of v| > 1/2. The inputs +v and -v, with that set for a token that
    asks, then get one answer for targets more than 1/q apart, so one errs by more than 1/(2q). If the rank is below (N
    - q + 1) d, v can be 0 on q - 1 values; those and i make a set whose targets are 2/q apart.
    (Theorem 10: Sanford, Hsu, Telgarsky, NeurIPS 2023.)

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> task = SparseAveraging(length=16, sparsity=3, dimension=4)
    >>> FeedForwardRank().check(task, Resources(precision=32)).reason
    'the network declares no first-layer width'
    >>> FeedForwardRank().smallest(task, lambda width: Resources(precision=32, first_layer=width))
    64
    """

    name: ClassVar[str] = "feed-forward-rank"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource: ClassVar[Resource] = "first-layer width"
    cut: ClassVar[str] = "behind the first layer, which sees the input as one vector"
    source: ClassVar[str] = (
        "first-layer rank >= N d (error <= 1/(2q), q < N), >= (N - q + 1) d (error < 1/q) (Theorem 10, sharpened)"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """Real numbers, an error below 1/q."""
        return f"needs an error below 1/q = {1 / task.sparsity:g}" if error >= 1 / task.sparsity else ""

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        sharp = error <= 1 / (2 * task.sparsity) and task.sparsity < task.length
        rows = task.length if sharp else task.length - task.sparsity + 1
        return float(rows * task.dimension)

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return network.first_layer
