"""Attention in exact arithmetic, mean error at one token: how many answer patterns one layer must have"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.bounds.first_token import AT_TOKEN_0, index_bits, unmet_at_token_0
from assay.bounds.match3_messages import BETWEEN_HALVES
from assay.bounds.match3_warren import EXACT_READOUT, pattern_bits
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match3 import Match3


@BOUNDS.register
class Match3IndexWarren(Bound[Match3]):
    """Bits of answer patterns >= n (1 - h(e)) on the distribution `index`, n = (N - 1)/2 rounded down, e at token 0.

    All that matters of Alice's tokens is the pattern of answers at token 0 to Bob's n singletons. This pattern tells
    each of Alice's n uniform bits with the share of errors that it has, e in the mean, which takes n (1 - h(e)) bits
    (`assay.bounds.first_token.index_bits`). One layer of H heads has at most the patterns counted by
    `assay.bounds.match3_warren.pattern_bits` with Q = n, in exact real arithmetic, at any width and any precision.

    >>> from assay import Match3
    >>> from assay.resources import Averages, Resources
    >>> def network(heads):
    ...     return Resources(precision=32, averages=Averages(heads, 1 << 20, arithmetic="exact"))
    >>> Match3IndexWarren().smallest(Match3(length=2049), network, error=0.05, distribution="index")
    30
    """

    name: ClassVar[str] = "match3-index-warren"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "bits of answer patterns"
    cut: ClassVar[str] = BETWEEN_HALVES
    source: ClassVar[str] = (
        "log2 (n + 1) >= n (1 - h(e)) for one head, 2H log2(2 e' n) >= n (1 - h(e)) for H >= 2, e' = 2.718..., n = "
        "(N-1)/2 rounded down, e the share of errors at token 0, for one layer with a threshold of its averages in "
        "exact real arithmetic: signs of polynomials (Warren 1968) and random access to n bits"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)
    error_at: ClassVar[str] = AT_TOKEN_0

    def unmet(self, task: Match3, error: float, distribution: str, network: Resources) -> str:
        """Inputs called `index`, one layer in exact arithmetic with an affine threshold readout, an error below 1/2 at
        token 0, M >= N + 1.
        """
        if network.averages is not None and network.averages.arithmetic != "exact":
            return EXACT_READOUT
        return unmet_at_token_0(task, error, distribution, "index")

    def amount(self, task: Match3, error: float, distribution: str, network: Resources) -> float:
        return index_bits(task, error)

    def available(self, task: Match3, network: Resources) -> float | None:
        return pattern_bits(max(1, task.hard_bits()), network)
