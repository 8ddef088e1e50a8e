"""Mean error on chained pointers: the state of a causal network must describe each value before it comes"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.bounds.recurrent_state_mean import rate
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class RecurrentStateChain(Bound[SparseAveraging]):
    """State bits >= K R((q error)^2 N / K) on the distribution `chain`, K = N - q + 1 (N - 1 at q = 1), any passes.

    W is the state before the last pass, in which answers are read off. Pointers are fixed: K tokens t each point to
    1 ... q-1 and to j = q-1+t, or to j = t+1 at q = 1. The answer of such a token is a function of W and of the values
    1 ... t, and t < j. So W and the values before j give a guess of value j, q times the answer less the other q-1
    values, whose error is q times that of the answer. Values are independent: what W tells of them is at least the sum
    over j of what W and the values before j tell of value j, which is at least R(q^2 e_j^2) each, R the rate-distortion
    function of a random vertex of the cube. R is convex, and the mean of e_j^2 over these K tokens is at most
    error^2 N / K, since the error is that of all N tokens.

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=8, passes=2, state=lambda tokens: 2)
    >>> check = RecurrentStateChain().check(SparseAveraging(length=64, sparsity=2), lstm, distribution="chain")
    >>> check.status, round(check.required, 1), check.available
    ('binds', 40.4, 16)
    """

    name: ClassVar[str] = "recurrent-state-chain"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "before the last pass"
    source: ClassVar[str] = (
        "state bits >= K R((q error)^2 N / K), K = N - q + 1 or N - 1 at q = 1, on chained pointers: rate-distortion "
        "of values that are asked for before they come"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """A causal network in any number of passes, inputs called `chain`, every token asks."""
        if distribution != "chain":
            return f"needs 'chain' inputs, not {distribution!r}"
        if task.layout != "all":
            return "needs the layout in which every token asks"
        return "" if task.chained else "needs more than one token"

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        distortion = (task.sparsity * error) ** 2 * task.length / task.chained
        return task.chained * rate(distortion, task.dimension, "sign")

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return state_in_last_pass(task, network)
