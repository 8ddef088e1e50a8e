"""Attention, mean error at one token: what the heads of one layer must tell of a random bit string"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.bounds.first_token import AT_TOKEN_0, index_bits, unmet_at_token_0
from assay.bounds.match3_messages import BETWEEN_HALVES, message_bits, not_fixed_point
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match3 import Match3


@BOUNDS.register
class Match3IndexMessages(Bound[Match3]):
    """Message bits of one layer >= n (1 - h(e)) on `index`, n = (N - 1)/2 rounded down, e at token 0.

    The layer has p-bit fixed-point numbers and an exact softmax (`assay.bounds.match3_messages.message_bits`). An
    answer that is not the same for every p-bit output vector within a step of the exact one counts as wrong. Messages
    about Alice's tokens, formed before the place that Bob asks for is known, let Bob compute such a vector. He then
    tells that bit of hers with a share e of errors, which takes n (1 - h(e)) bits
    (`assay.bounds.first_token.index_bits`).

    >>> from assay import Match3
    >>> from assay.resources import Averages, Resources
    >>> two = Resources(precision=4, averages=Averages(heads=1, coordinates=1, arithmetic="fixed"))
    >>> check = Match3IndexMessages().check(Match3(length=129), two, error=0.1, distribution="index")
    >>> check.status, round(check.required, 1)
    ('binds', 34.0)
    """

    name: ClassVar[str] = "match3-index-messages"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "bits of head messages"
    cut: ClassVar[str] = BETWEEN_HALVES
    source: ClassVar[str] = (
        "message bits >= n (1 - h(e)), n = (N-1)/2 rounded down, for one layer in p-bit fixed point with an exact "
        "softmax, e the share of answers at token 0 that are wrong or hang on the last bit: random access to n bits"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)
    error_at: ClassVar[str] = AT_TOKEN_0

    def unmet(self, task: Match3, error: float, distribution: str, network: Resources) -> str:
        """Inputs called `index`, one layer in fixed point with an exact softmax, an error below 1/2 at token 0,
        M >= N + 1.
        """
        return unmet_at_token_0(task, error, distribution, "index") or not_fixed_point(network)

    def amount(self, task: Match3, error: float, distribution: str, network: Resources) -> float:
        return index_bits(task, error)

    def available(self, task: Match3, network: Resources) -> float | None:
        return message_bits(task.length, network)
