"""Mean error, questions after all values: the rate at which the state of a causal network must describe the values"""

from __future__ import annotations

import math
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, binary_entropy
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging


def allowed_distortion(task: SparseAveraging, error: float) -> float:
    """D* = q error^2 (N - 1) / (N - q): mean squared error per value that an answer with this error leaves.

    If the answer sees the values only through T, which does not depend on the pointers, the best one is the mean of
    E[z_i | T] over the set. With e_i = z_i - E[z_i | T] and D the mean of E|e_i|^2, averaging over uniform q-sets gives
    E|mean of e_i|^2 >= (1/q) (1 - (q - 1)/(N - 1)) D, since |sum of all e_i|^2 >= 0 bounds the cross terms below.

    >>> from assay import SparseAveraging
    >>> round(allowed_distortion(SparseAveraging(length=16, sparsity=2, layout="last"), 0.25), 3)
    0.134
    """
    if task.length == task.sparsity:
        return math.inf
    return task.sparsity * error**2 * (task.length - 1) / (task.length - task.sparsity)


def rate(distortion: float, dimension: int, distribution: str) -> float:
    """Bits that describe one value of this distribution to this mean squared error (rate-distortion function).

    >>> rate(1.0, 2, "gaussian"), rate(0.25, 2, "gaussian"), rate(0.0, 3, "sign")
    (0.0, 2.0, 3.0)
    """
    if distortion >= 1:
        return 0.0
    if distribution == "gaussian":
        return math.inf if distortion == 0 else dimension / 2 * math.log2(1 / distortion)
    return dimension * (1 - binary_entropy((1 - math.sqrt(1 - distortion)) / 2))


@BOUNDS.register
class RecurrentStateMean(Bound[SparseAveraging]):
    """State bits >= N R(D*): R is the rate-distortion function of a value, D* the distortion that the error leaves.

    One pass: the state after the N values is formed before the pointers are known, so it is independent of them given
    the values, and all that a query token knows of the values. It describes them with a mean squared error of at most
    D* each (`allowed_distortion`), for which N R(D*) bits are needed. Where several tokens ask, this holds for each
    with its own error, given the pointers of those before it, and so for the mean, in whose square D* is linear.

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> task = SparseAveraging(length=16, sparsity=2, layout="last")
    >>> gru = Resources(precision=8, state=lambda tokens: 1)
    >>> round(RecurrentStateMean().check(task, gru, distribution="sign").slack, 1)
    -4.5
    """

    name: ClassVar[str] = "recurrent-state-mean"
    version: ClassVar[int] = 2
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "behind the values, before the first token that asks"
    source: ClassVar[str] = (
        "state bits >= N R(q error^2 (N - 1) / (N - q)) in one pass where questions follow the values: rate-distortion "
        "of the values"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """A causal network in one pass, the layout `last`; uniform pointers, values whose rate-distortion function is
        known.
        """
        if task.layout != "last":
            return "needs the layout last"
        if network.passes > 1:
            return "needs one pass"
        known = distribution in ("sign", "gaussian") or (distribution == "uniform" and task.dimension == 1)
        return "" if known else f"the rate-distortion function of {distribution!r} values is not known here"

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        return task.length * rate(allowed_distortion(task, error), task.dimension, distribution)

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return network.state_bits(task.length)
