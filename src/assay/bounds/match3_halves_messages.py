"""Attention, mean error at one token: what the heads of one layer must tell of a random set"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.bounds.first_token import AT_TOKEN_0, halves_bits, unmet_at_token_0
from assay.bounds.match3_messages import BETWEEN_HALVES, message_bits, not_fixed_point
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match3 import Match3


@BOUNDS.register
class Match3HalvesMessages(Bound[Match3]):
    """Message bits of one layer that tell whether a random n-set meets another, on `halves`, at token 0.

    n = (N - 1)/2, rounded down. The layer has p-bit fixed-point numbers and an exact softmax
    (`assay.bounds.match3_messages.message_bits`). An answer that is not the same for every p-bit output vector within a
    step of the exact one counts as wrong. Messages about Alice's set let Bob compute such a vector. He then tells
    whether his independent set meets hers with a share e of errors, which takes the bits of
    `assay.bounds.disjoint_sets`. A balanced share of errors allows a plain share of 2 max(r, 1 - r) as much, r the
    share of answers that are 1.

    >>> from assay import Match3
    >>> from assay.resources import Averages, Resources
    >>> one_head = Resources(precision=32, averages=Averages(heads=1, coordinates=15, arithmetic="fixed"))
    >>> check = Match3HalvesMessages().check(Match3(length=257), one_head, error=0.1, distribution="halves")
    >>> check.status, round(check.required)
    ('binds', 652)
    """

    name: ClassVar[str] = "match3-halves-messages"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "bits of head messages"
    cut: ClassVar[str] = BETWEEN_HALVES
    source: ClassVar[str] = (
        "message bits >= -log2 x, x the mass of the sets nearest to a set of n = (N-1)/2 out of (M-2)/2 at which two "
        "of them both miss a third with chance q - e (1 - e), for one layer in p-bit fixed point with an exact "
        "softmax, e the share of answers at token 0 that are wrong or hang on the last bit: disjointness of random "
        "sets"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)
    error_at: ClassVar[str] = AT_TOKEN_0

    def unmet(self, task: Match3, error: float, distribution: str, network: Resources) -> str:
        """Inputs called `halves`, one layer in fixed point with an exact softmax, an error below 1/2 at token 0,
        M >= 4n + 2.
        """
        return unmet_at_token_0(task, error, distribution, "halves") or not_fixed_point(network)

    def amount(self, task: Match3, error: float, distribution: str, network: Resources) -> float:
        return halves_bits(task, error)

    def available(self, task: Match3, network: Resources) -> float | None:
        return message_bits(task.length, network)
