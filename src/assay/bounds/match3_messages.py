"""Attention, worst case: what the heads of one layer must tell of half the tokens to detect triples"""

from __future__ import annotations

import math
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match3 import Match3

BETWEEN_HALVES = "between half of the tokens and the rest, in the averages of one layer that token 0 reads"

FIXED_POINT = "needs fixed point with an exact softmax: floating-point numbers of as many bits say more"


def not_fixed_point(network: Resources) -> str:
    """What a network lacks to be spoken of by `message_bits`; empty where nothing."""
    return FIXED_POINT if network.averages is not None and network.averages.arithmetic != "fixed" else ""


def message_bits(length: int, network: Resources) -> float | None:
    """H (m log2(2H 2^p + 1) + log2((2^p + ln N) H 2^(p-1) + 1)): bits that simulate H heads of m coordinates.

    Numbers have p bits in fixed point: values are multiples of a step s of size at most V = s 2^(p-1), scores lie in an
    interval of length 2^p, and the sum over heads is again within V. Exponentials, their sums and the averages are
    exact real numbers. Only then is the sum over heads rounded to p bits, to any p-bit vector within a step of it.

    Token 0's residue is always the same, and with it its query in each head. With Z_A and u_A the sum of exponentials
    and the average value over Alice's tokens, a head's output is the average of u_A and u_B with weights Z_A and Z_B.
    Alice sends, for each head, u_A to within s/(4H) in each coordinate, one of 2H 2^p + 1 levels, and ln Z_A to within
    1/(H 2^p), one of (2^p + ln N) H 2^(p-1) + 1 levels. The weights are a logistic function of ln Z_A - ln Z_B, of
    slope at most 1/4, so that the sum over heads errs by at most H (s/(4H) + 2V/(4H 2^p)) = s/2. Bob rounds it to p
    bits and has an output vector within a step of the exact one. Positions, embeddings and everything after the layer
    are arbitrary.

    >>> from assay.resources import Averages
    >>> message_bits(65, Resources(precision=8)) is None
    True
    >>> averages = Averages(heads=1, coordinates=4, arithmetic="fixed")
    >>> round(message_bits(65, Resources(precision=8, averages=averages)), 1)
    51.0
    """
    if network.averages is None:
        return None
    heads, bits = network.averages.heads, network.precision
    small = 2.0 ** -min(bits, 1000)  # of no account beyond
    average = bits + math.log2(2 * heads + small)
    normaliser = 2 * bits - 1 + math.log2(heads * (1 + math.log(length) * small) + 2 * small**2)
    return heads * (network.averages.coordinates * average + normaliser)


@BOUNDS.register
class Match3Messages(Bound[Match3]):
    """Message bits >= n = (N - 1)/2, rounded down, for one layer of averages in fixed point: Theorem 7.

    The layer computes Match3 at token 0, and the answer is right for every p-bit output vector within a step of the
    exact one: it does not hang on how the last bit is rounded. Alice holds half of the tokens, Bob the other half, and
    both know token 0. Messages of the stated size let Bob compute such a vector (`message_bits`), and with it the
    answer. The softmax is exact there: only what is read of it is rounded. Floating-point numbers of as many bits cover
    a wider range and are not spoken of: a score that makes some of Alice's weights underflow reads other bits of a sum.

    By the encoding of `Match3.hard_residues`, valid for every M >= N + 1, token 0 answers whether two sets of n bits
    meet. Any two of Alice's 2^n sets are told apart by a set of Bob's, so there must be 2^n messages. So m p H is of
    order N as long as H is at most exponential in p; the paper (Sanford, Hsu, Telgarsky, NeurIPS 2023) has
    N / log log N without that proviso.

    >>> from assay import Match3
    >>> from assay.resources import Averages, Resources
    >>> def one_head(width):
    ...     return Resources(precision=32, averages=Averages(heads=1, coordinates=width, arithmetic="fixed"))
    >>> Match3Messages().smallest(Match3(length=4096), one_head)
    61
    """

    name: ClassVar[str] = "match3-messages"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource: ClassVar[Resource] = "bits of head messages"
    cut: ClassVar[str] = BETWEEN_HALVES
    source: ClassVar[str] = (
        "H (m log2(2H 2^p + 1) + log2((2^p + ln N) H 2^(p-1) + 1)) >= (N-1)/2, rounded down, for one layer in p-bit "
        "fixed point with an exact softmax, scores within 2^p and answers that do not hang on the last bit: set "
        "disjointness (Theorem 7)"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)

    def unmet(self, task: Match3, error: float, distribution: str, network: Resources) -> str:
        """One layer in fixed point with an exact softmax, an error below 1/2, M >= N + 1, N >= 3."""
        if error >= 0.5:
            return "needs an error below 1/2"
        missing = task.hard_unmet()
        return f"needs {missing}" if missing else not_fixed_point(network)

    def amount(self, task: Match3, error: float, distribution: str, network: Resources) -> float:
        return float(task.hard_bits())

    def available(self, task: Match3, network: Resources) -> float | None:
        return message_bits(task.length, network)
