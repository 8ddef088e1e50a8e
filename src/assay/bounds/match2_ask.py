"""Mean error where half the tokens hold bits: what the state of a causal network must tell the half that asks"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.bounds.information import plain_error, told
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match2 import Match2


@BOUNDS.register
class Match2Ask(Bound[Match2]):
    """State bits >= n (1 - h(e)) on the distribution `ask`, n = N/2 rounded down, e <= 2 error max(1, (N - n)/n).

    Alice's n bits are uniform and each of Bob's n tokens answers one of them (`match-state`), in any number of passes,
    from the state that enters his half in the last pass and from nothing else that varies. With a share e_i of errors
    an answer tells at least 1 - h(e_i) of its bit, bits are independent and h is concave: n (1 - h(e)), e the share of
    wrong answers among Bob's. Of all answers n are 1 in the mean, half of them Bob's. With a balanced share of errors
    (e_1 + e_0)/2 at most n e_1 + (N - n) e_0 of N answers are wrong, and e is at most an n-th of it.

    >>> from assay import Match2
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=8, passes=2, state=lambda tokens: 1)
    >>> check = Match2Ask().check(Match2(length=64), lstm, error=0.05, distribution="ask")
    >>> check.status, round(check.required, 1)
    ('binds', 17.0)
    """

    name: ClassVar[str] = "match2-ask"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "between the halves, in the last pass"
    source: ClassVar[str] = (
        "state bits >= n (1 - h(e)), n = N/2 rounded down, e <= 2 error max(1, (N - n)/n) the share of errors of those "
        "that ask: random access to n bits"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match2",)

    def unmet(self, task: Match2, error: float, distribution: str, network: Resources) -> str:
        """A causal network in any number of passes, inputs called `ask`, a small enough error, M >= 2n + 3."""
        if distribution != "ask":
            return f"needs 'ask' inputs, not {distribution!r}"
        if task.lacks("ask"):
            return f"needs {task.lacks('ask')}"
        return "" if _bobs_error(task, error) < 0.5 else "the error is one that needs no knowledge of the first half"

    def amount(self, task: Match2, error: float, distribution: str, network: Resources) -> float:
        return task.hard_bits() * told(_bobs_error(task, error))

    def available(self, task: Match2, network: Resources) -> float | None:
        return state_in_last_pass(task, network, task.hard_bits())


def _bobs_error(task: Match2, balanced: float) -> float:
    share = task.hard_bits() / task.length
    return plain_error(balanced, share) / share
