"""Worst case: the state of a causal network must differ for all sequences of values"""

from __future__ import annotations

import math
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class RecurrentState(Bound[SparseAveraging]):
    """State bits >= n, the data tokens before a token that asks; in several passes >= N - q + log2 q.

    One pass, Theorem 11 with the constant of its proof: for any two different sign sequences z, z' of length n and any
    q < n some q-set has sums that differ by at least 2, so equal states force an error of at least 1/q there, and the
    2^n sequences lead to different states. Where every token asks, the cut is before the last one, n = N - 1. In the
    layout `last` it is behind the N values, before the first token that asks, whose answer is spoken of: n = N. In a
    second pass the tokens that ask may have shown their pointers before, and where they alone do, only the values that
    these name need be kept: nothing is said then.

    Several passes where every token asks: the cut is before the last pass, in which the answers are read off, N tokens
    to come. Pointers are fixed, so that token t's answer is a function of this state and of the values 1 ... t. For q
    >= 2 token t points to 1 ... q-1 and q-1+t, while there is one. Value 1 is +1; the values 2 ... q are one of the q
    sequences that are +1 first and -1 then; the others are free: q 2^(N-q) inputs. Suppose that two of them have one
    state. If their values 2 ... q differ, so do the sums of these, by 2 or more, while token 1, with pointers 1 ... q,
    has seen the same: one of its answers errs by at least 1/q. If not, the first value j > q that differs is asked for
    by token t = j - q + 1 <= j - 1, which has seen the same too. So all states differ. For q = 1 token t points to t +
    1, and the values 2 ... N must lead to different states. (Theorem 11: Sanford, Hsu, Telgarsky, NeurIPS 2023.)

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> for passes in (1, 2):
    ...     lstm = Resources(precision=32, passes=passes, state=lambda tokens: 2 * 16)
    ...     print(RecurrentState().check(SparseAveraging(length=64, sparsity=4), lstm).required)
    63.0
    62.0
    """

    name: ClassVar[str] = "recurrent-state"
    version: ClassVar[int] = 2
    error_kind: ClassVar[ErrorKind] = "worst"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = (
        "behind the values before a token that asks (one pass); before the last pass (several, every token asks)"
    )
    source: ClassVar[str] = (
        "state bits >= n in one pass, >= N - q + log2 q in several where every token asks: injectivity of the state on "
        "sign sequences (Theorem 11)"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """A causal network, an error below 1/q; in one pass q < n, and one pass in the layout `last`."""
        if error >= 1 / task.sparsity:
            return f"needs an error below 1/q = {1 / task.sparsity:g}"
        if network.passes > 1:
            return "" if task.layout == "all" else "needs one pass in the layout last"
        return "" if task.sparsity < task.others else "needs more than q data tokens before the query token"

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        return float(task.others) if network.passes == 1 else task.length - task.sparsity + math.log2(task.sparsity)

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return state_in_last_pass(task, network, task.others if network.passes == 1 else 0)
