"""Worst case: what the state of a causal network must hold to match tokens that it has passed"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match2 import Match2
from assay.tasks.match3 import Match3


def state_behind_half(task: Match3, network: Resources) -> int | None:
    """Bits of state after token 0 and the n tokens of Alice's, in the first pass."""
    return network.state_bits(task.hard_bits() + 1)


@BOUNDS.register
class MatchState(Bound[Match2 | Match3]):
    """State bits >= n = N/2 for Match2, and >= n = (N - 1)/2 for Match3 in two passes, n rounded down.

    Match2, in any number of passes, by the encoding of `Match2.hard_residues` with all bits of Bob's being 1: each of
    his tokens answers one bit of Alice's n. His tokens are always the same, so that their answers in the last pass are
    a function of the state that enters his half, and it takes 2^n values.

    Match3, in two passes, by that of `Match3.hard_residues`: token 0 answers whether two sets of n bits meet. It does
    so at the start of the second pass, knowing the state after the first. Alice's tokens come before Bob's; she sends
    the state that enters his half in the first pass, and he finishes. Any two of her sets are told apart by a set of
    Bob's, so the state takes 2^n values. In one pass token 0 has seen nothing; in three, the state passes between the
    halves more than once.

    >>> from assay import Match2, Match3
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=8, passes=2, state=lambda tokens: 3)
    >>> [MatchState().check(task, lstm).slack for task in (Match2(length=60), Match3(length=65))]
    [-6.0, -8.0]
    """

    name: ClassVar[str] = "match-state"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "between the halves: in the last pass for Match2, in the first of two for Match3"
    source: ClassVar[str] = (
        "state bits >= n = N/2 for Match2, >= n = (N-1)/2 in two passes for Match3, n rounded down: injectivity of the "
        "state on the bits of half the tokens"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match2", "match3")

    def unmet(self, task: Match2 | Match3, error: float, distribution: str, network: Resources) -> str:
        """A causal network, in any number of passes for Match2 and in two for Match3; an error below 1/2; M >= 2n + 3
        for Match2, M >= N + 1 for Match3.
        """
        if error >= 0.5:
            return "needs an error below 1/2"
        if isinstance(task, Match3) and network.passes != 2:
            return "needs two passes"
        missing = task.hard_unmet()
        return f"needs {missing}" if missing else ""

    def amount(self, task: Match2 | Match3, error: float, distribution: str, network: Resources) -> float:
        return float(task.hard_bits())

    def available(self, task: Match2 | Match3, network: Resources) -> float | None:
        if isinstance(task, Match3):
            return state_behind_half(task, network)
        return state_in_last_pass(task, network, task.hard_bits())
