"""Mean error at one token, two passes: what the state of a causal network must tell of a random bit string"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.bounds.first_token import AT_TOKEN_0, index_bits, unmet_at_token_0
from assay.bounds.match_state import state_behind_half
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match3 import Match3


@BOUNDS.register
class Match3IndexState(Bound[Match3]):
    """State bits >= n (1 - h(e)) on the distribution `index`, n = (N - 1)/2 rounded down, two passes, e at token 0.

    Token 0 answers at the start of the second pass. It knows the state after the first pass and its own residue, which
    is always 1. The state after the first pass is a function of the state behind Alice's tokens and of Bob's tokens,
    and so is the answer. The state behind Alice's tokens is formed before the place that Bob asks for is known. The
    answer tells that bit of Alice's with a share e of errors, which takes n (1 - h(e)) bits
    (`assay.bounds.first_token.index_bits`).

    The cut behind Alice's tokens is sharper than one after the first pass wherever the state grows with the number of
    tokens. In one pass token 0 has seen nothing; in three, the state passes between the halves more than once.

    >>> from assay import Match3
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=8, passes=2, state=lambda tokens: 2)
    >>> check = Match3IndexState().check(Match3(length=65), lstm, error=0.1, distribution="index")
    >>> check.status, round(check.required, 1), check.available
    ('binds', 17.0, 16)
    """

    name: ClassVar[str] = "match3-index-state"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "between the halves, in the first of two passes"
    source: ClassVar[str] = (
        "state bits >= n (1 - h(e)), n = (N-1)/2 rounded down, in two passes, e the share of errors at token 0: random "
        "access to n bits"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)
    error_at: ClassVar[str] = AT_TOKEN_0

    def unmet(self, task: Match3, error: float, distribution: str, network: Resources) -> str:
        """A causal network in two passes, inputs called `index`, an error below 1/2 at token 0, M >= N + 1."""
        if network.passes != 2:
            return "needs two passes"
        return unmet_at_token_0(task, error, distribution, "index")

    def amount(self, task: Match3, error: float, distribution: str, network: Resources) -> float:
        return index_bits(task, error)

    def available(self, task: Match3, network: Resources) -> float | None:
        return state_behind_half(task, network)
