"""Recurrent, worst case: what the state must hold to match tokens that it has passed"""

from __future__ import annotations

from typing import Any, ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound
from assay.evidence import ErrorKind
from assay.tasks.match2 import Match2


@BOUNDS.register
class MatchState(Bound):
    """State bits >= n = (N - 1)/2 for Match3 and >= n/3, n = N/2, for Match2, n rounded down, in two passes.

    The state is all that passes between the halves of the sequence; answers are read off in the second pass.

    Match3, by the encoding of `Match3.hard_residues`: token 0 answers whether two sets of n = (N - 1)/2 bits (rounded
    down) meet, at the start of the second pass. Alice's tokens come before Bob's; she sends the state once, and
    Bob answers. Any two of her sets are told apart by a set of Bob's, so the state takes 2^n values.

    Match2, by that of `Match2.hard_residues`: some token of Bob's has a match if and only if two sets of n = N/2 bits
    (rounded down) meet. The state passes from Alice to Bob, back, and once more to Bob, who then knows the answers of
    all his tokens: three messages for set disjointness, whose deterministic complexity is at least n (the pairs of a
    set and its complement are a fooling set of size 2^n).

    >>> from assay import Match2, Match3
    >>> MatchState().required(Match3(length=65)), MatchState().required(Match2(length=60, modulus=100))
    (32, 10.0)
    """

    name: ClassVar[str] = "match-state"
    family: ClassVar[str] = "recurrent"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource = "state bits"
    source: ClassVar[str] = (
        "state bits >= n = (N-1)/2 for Match3, >= n/3 with n = N/2 for Match2, n rounded down, in two passes: set "
        "disjointness of half the tokens"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match2", "match3")

    def unmet(self, task: Any, error: float, distribution: str) -> str:
        """The encoding must fit, and answers must be on the right side of 1/2."""
        if error >= 0.5:
            return "needs an error below 1/2"
        missing = task.hard_unmet()
        return f"needs {missing}" if missing else ""

    def amount(self, task: Any, error: float, distribution: str) -> float:
        """n bits, or a third of n where the state is passed three times."""
        return task.hard_bits() / 3 if isinstance(task, Match2) else task.hard_bits()
