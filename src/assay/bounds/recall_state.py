"""Mean error of recall: the state of a causal network must hold the values before their keys are asked for"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.bounds.information import told
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.recall import Recall


@BOUNDS.register
class RecallState(Bound[Recall]):
    """State bits >= K r(e), r(e) = log2 V - h(e) - e log2(V - 1), e the error rate: random access to K values.

    The K values are independent and uniform. Keys, filler, the places of both and the order of the queries are drawn
    independently of them. Fix these; then the input is a function of the values, and so is the state T that enters the
    queries in the last pass. T takes at most 2^s values, so it tells at most s bits of the values.

    All keys are asked for: in the last pass the answer to a query is a function of T and of the queries up to it, which
    are fixed. So it guesses one value from T. If it is wrong with probability e_i, T tells at least r(e_i) bits of that
    value (`told`). The values are independent, so T tells at least the sum of r(e_i) of them together. r is convex, so
    the sum is at least K r of the mean of the e_i, and the mean over what was fixed is at least K r(e). Earlier passes
    may know all queries: these are fixed, so any number of passes is allowed.

    One uniform key is asked for: in one pass T is formed before the query, so the same T would answer any of the K. e
    is the mean over what they would be answered, and the rest is as before. In two passes T may depend on the query,
    and need hold no value but the one that is asked for.

    Counting the patterns of errors asks for a few bits more than entropies do: 321.2, not 315.7, at K = V = 64 and
    e = .1. That is less than a number of 32 bits, and is left out.

    >>> from assay.resources import Resources
    >>> task = Recall(pairs=64, vocabulary=64)
    >>> lstm = Resources(precision=32, state=lambda tokens: 2 * 4)
    >>> check = RecallState().check(task, lstm, error=0.1)
    >>> check.status, round(check.required, 1), check.available
    ('binds', 315.7, 256)
    """

    name: ClassVar[str] = "recall-state"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "between the last pair and the first query, in the last pass"
    source: ClassVar[str] = (
        "state bits >= K (log2 V - h(e) - e log2(V - 1)), e the error rate: random access to K values, by Fano's "
        "inequality"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("recall",)

    def unmet(self, task: Recall, error: float, distribution: str, network: Resources) -> str:
        """A causal network, inputs called `uniform`, an error below 1 - 1/V; one pass where one of several keys is
        asked for, any number where all are.
        """
        if distribution != "uniform":
            return f"needs 'uniform' inputs, not {distribution!r}"
        if task.spec.queries < task.pairs and network.passes > 1:
            return "needs one pass where one of several keys is asked for"
        guess = 1 - 1 / task.vocabulary
        return "" if error < guess else f"needs an error below 1 - 1/V = {guess:g}, that of a guess"

    def amount(self, task: Recall, error: float, distribution: str, network: Resources) -> float:
        return task.pairs * told(error, task.vocabulary)

    def available(self, task: Recall, network: Resources) -> float | None:
        return state_in_last_pass(task, network, task.length - task.spec.queries)
