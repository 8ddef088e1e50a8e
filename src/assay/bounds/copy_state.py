"""Mean error of copies: the state of a causal network must hold the string when the separator comes"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.bounds.information import told
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.copy import Copy


@BOUNDS.register
class CopyState(Bound[Copy]):
    """State bits >= L r(e), L = N/2, r(e) = log2 A - h(e) - e log2(A - 1), e the error rate; backwards, too.

    The L symbols of the string are independent and uniform, and the whole input is a function of them. So is the state
    T that enters the separator in the last pass, whatever earlier passes have seen: any number of them is allowed. T
    takes at most 2^s values, so it tells at most s bits of the string.

    Let X_1 ... X_L be the symbols in the order in which they are asked for. After the cut come the separator, which is
    always the same, and X_1 ... X_(L-1). So answer i is a function of T and of the symbols X_1 ... X_(i-1) shown before
    it. If it is wrong with probability e_i, T tells at least r(e_i) bits of X_i to one who knows X_1 ... X_(i-1)
    (`told`). By the chain rule T tells of the string the sum of what it tells of each symbol given those before. r is
    convex, so that is at least L r(e), e being the mean of the e_i.

    >>> from assay.resources import Resources
    >>> task = Copy(length=128, alphabet=26)
    >>> lstm = Resources(precision=32, state=lambda tokens: 2 * 3)
    >>> check = CopyState().check(task, lstm, error=0.1)
    >>> check.status, round(check.required, 1), check.available
    ('binds', 241.1, 192)
    """

    name: ClassVar[str] = "copy-state"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "between the string and the separator, in the last pass"
    source: ClassVar[str] = (
        "state bits >= L (log2 A - h(e) - e log2(A - 1)), L = N/2, e the error rate: the symbols told one after the "
        "other, by Fano's inequality"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("copy",)

    def unmet(self, task: Copy, error: float, distribution: str, network: Resources) -> str:
        """A causal network in any number of passes, inputs called `uniform`, an error below 1 - 1/A."""
        if distribution != "uniform":
            return f"needs 'uniform' inputs, not {distribution!r}"
        guess = 1 - 1 / task.alphabet
        return "" if error < guess else f"needs an error below 1 - 1/A = {guess:g}, that of a guess"

    def amount(self, task: Copy, error: float, distribution: str, network: Resources) -> float:
        return task.length // 2 * told(error, task.alphabet)

    def available(self, task: Copy, network: Resources) -> float | None:
        return state_in_last_pass(task, network, task.length // 2)
