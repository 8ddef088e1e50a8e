"""Mean error at one token, two passes: what the state of a causal network must tell of a random set"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.bounds.first_token import AT_TOKEN_0, halves_bits, unmet_at_token_0
from assay.bounds.match_state import state_behind_half
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match3 import Match3


@BOUNDS.register
class Match3HalvesState(Bound[Match3]):
    """State bits that tell whether a random n-set meets another, on the distribution `halves`, two passes, at token 0.

    n = (N - 1)/2, rounded down. Token 0 answers at the start of the second pass. It knows the state after the first
    pass and its own residue, which is always 1. The state after the first pass is a function of the state behind
    Alice's tokens and of Bob's tokens, and so is the answer. The state behind Alice's tokens is a function of Alice's
    set alone, and the answer tells whether Bob's independent set meets it. With a share e of errors this takes the bits
    of `assay.bounds.disjoint_sets`, of order n log n for M of order N^2: more than the n bits that the worst case needs
    by `match-state`, whose sets are of another kind.

    The balanced share of errors at token 0 allows a plain share of 2 max(r, 1 - r) as much, r the share of answers that
    are 1. In one pass token 0 has seen nothing; in three, the state passes between the halves more than once.

    >>> from assay import Match3
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=8, passes=2, state=lambda tokens: 14)
    >>> check = Match3HalvesState().check(Match3(length=65), lstm, error=0.1, distribution="halves")
    >>> check.status, round(check.required), check.available
    ('binds', 119, 112)
    """

    name: ClassVar[str] = "match3-halves-state"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "between the halves, in the first of two passes"
    source: ClassVar[str] = (
        "state bits >= -log2 x, x the mass of the sets nearest to a set of n = (N-1)/2 out of (M-2)/2 at which two of "
        "them both miss a third with chance q - e (1 - e), two passes, error at token 0: disjointness of random sets"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)
    error_at: ClassVar[str] = AT_TOKEN_0

    def unmet(self, task: Match3, error: float, distribution: str, network: Resources) -> str:
        """A causal network in two passes, inputs called `halves`, an error below 1/2 at token 0, M >= 4n + 2."""
        if network.passes != 2:
            return "needs two passes"
        return unmet_at_token_0(task, error, distribution, "halves")

    def amount(self, task: Match3, error: float, distribution: str, network: Resources) -> float:
        return halves_bits(task, error)

    def available(self, task: Match3, network: Resources) -> float | None:
        return state_behind_half(task, network)
