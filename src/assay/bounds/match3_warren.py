"""Attention in exact arithmetic, worst case: how many answer patterns the heads of one layer can tell apart"""

from __future__ import annotations

import math
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource
from assay.bounds.match3_messages import BETWEEN_HALVES
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match3 import Match3

EXACT_READOUT = "needs exact arithmetic: an affine function of the heads' averages, compared with a threshold"


def pattern_bits(questions: int, network: Resources) -> float | None:
    """log2 of the number of answer patterns that Q questions have, over all that Alice may hold: at most this.

    One layer of H heads in exact real arithmetic; the answer at token 0 is whether an affine function of the heads'
    averages exceeds a threshold. In head h let Alice's tokens have the sum of exponentials Z_h > 0 and, after the
    affine function, the weighted sum of values a_h; Bob's i-th set of tokens has z_hi > 0 and b_hi. Token 0 and
    whatever else is always the same is counted with Bob's. With the constant c of the affine function, less the
    threshold, split evenly over the heads and added in, the answer is whether the sum over h of (a_h + b_hi) / (Z_h +
    z_hi) exceeds 0. Times the denominators, which are positive, this is whether a polynomial of degree H in Alice's 2H
    numbers exceeds 0.

    H = 1: whether a_1 exceeds -b_1i. Sorted by these, the answers are at first yes and then no: Q + 1 patterns.

    H >= 2: by Warren's theorem (1968) Q polynomials of degree at most D in l <= Q variables have at most (4 e D Q /
    l)^l patterns of signs none of which is 0. Patterns of "exceeds 0" are such patterns of the polynomials less a
    constant smaller than each positive value among finitely many inputs. With D = H and l = 2H: at most (2 e Q)^(2H).
    And there are at most 2^Q patterns.

    >>> from assay.resources import Averages
    >>> one, four = (Resources(precision=32, averages=Averages(heads, 64, arithmetic="exact")) for heads in (1, 4))
    >>> round(pattern_bits(128, one), 2), round(pattern_bits(128, four), 2)
    (7.01, 75.54)
    """
    if network.averages is None:
        return None
    heads = network.averages.heads
    if heads == 1:
        return math.log2(questions + 1)
    counted = 2 * heads * math.log2(2 * math.e * questions) if questions >= 2 * heads else math.inf
    return min(float(questions), counted)


@BOUNDS.register
class Match3Warren(Bound[Match3]):
    """Bits of answer patterns >= n = (N - 1)/2, rounded down: heads are limited at any width and at any precision.

    By the encoding of `Match3.hard_residues`, token 0's answer to Bob's i-th singleton is bit i of Alice's n bits. So
    the n singletons have all 2^n answer patterns. One layer of H heads has at most those counted by `pattern_bits` with
    Q = n: n + 1 for one head, which fails from n = 2 on, and (2 e n)^(2H) for more.

    Nothing may be rounded. A rounded sum is no longer an affine function: a number that jumps where enough bits are 1
    is a threshold of its own, and a layer of floats can have as many of them as it has coordinates. So this speaks only
    of networks that declare an exact readout, and not of layers with a normalisation or a perceptron behind them.

    >>> from assay import Match3
    >>> from assay.resources import Averages, Resources
    >>> def network(heads):
    ...     return Resources(precision=32, averages=Averages(heads, 1 << 20, arithmetic="exact"))
    >>> Match3Warren().smallest(Match3(length=129), network)
    4
    """

    name: ClassVar[str] = "match3-warren"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource: ClassVar[Resource] = "bits of answer patterns"
    cut: ClassVar[str] = BETWEEN_HALVES
    source: ClassVar[str] = (
        "log2 (n + 1) >= n for one head, 2H log2(2 e n) >= n for H >= 2, n = (N-1)/2 rounded down, for one layer "
        "with a threshold of its averages in exact real arithmetic: signs of polynomials (Warren 1968)"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)

    def unmet(self, task: Match3, error: float, distribution: str, network: Resources) -> str:
        """One layer in exact arithmetic with an affine threshold readout, an error below 1/2, M >= N + 1, N >= 3."""
        if network.averages is not None and network.averages.arithmetic != "exact":
            return EXACT_READOUT
        if error >= 0.5:
            return "needs an error below 1/2"
        missing = task.hard_unmet()
        return f"needs {missing}" if missing else ""

    def amount(self, task: Match3, error: float, distribution: str, network: Resources) -> float:
        return float(task.hard_bits())

    def available(self, task: Match3, network: Resources) -> float | None:
        return pattern_bits(max(1, task.hard_bits()), network)
