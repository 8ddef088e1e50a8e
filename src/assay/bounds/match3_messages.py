"""Attention, worst case: what the heads of one layer must tell of half the tokens to detect triples"""

from __future__ import annotations

import math
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound
from assay.evidence import ErrorKind
from assay.size import Size
from assay.tasks.match3 import Match3


@BOUNDS.register
class Match3Messages(Bound):
    """H (m log2(2H 2^p + 1) + log2((2^p + ln N) H 2^(p-1) + 1)) >= (N - 1)/2 rounded down: Theorem 7.

    One layer of H heads that write m coordinates each, with inputs of any embedding, computes Match3 at token 0. All
    numbers have p bits: values are multiples of a step s of size at most V = s 2^(p-1), scores lie in an interval of
    length 2^p, the sum over heads is again within V, and the answer is right for every p-bit output vector within a
    step of the exact one (it does not hang on how the last bit is rounded). Positions and everything after the
    attention are arbitrary. Floating-point numbers of as many bits cover a wider range and are not spoken of.

    Alice holds half of the tokens, Bob the other half, both know token 0 and with it its query in each head. With Z_A
    and u_A the sum of exponentials and the average value over Alice's tokens, the head's output is the average of u_A
    and u_B with weights Z_A and Z_B. Alice sends, for each head, u_A to within s/(4H) in each coordinate, one of
    2H 2^p + 1 levels, and ln Z_A to within 1/(H 2^p), one of (2^p + ln N) H 2^(p-1) + 1 levels. The weights are a
    logistic function of ln Z_A - ln Z_B, of slope at most 1/4, so the sum over heads errs by at most H (s/(4H) +
    2V/(4H 2^p)) = s/2; Bob rounds it to p bits and has an output vector within a step of the exact one.

    By the encoding of `Match3.hard_residues`, valid for every M >= N + 1, token 0 answers whether two sets of
    n = (N - 1)/2 bits, rounded down, meet. Any two of Alice's 2^n sets are told apart by a set of Bob's, so there must
    be 2^n messages. So m p H is of order N as long as H is at most exponential in p; the paper has N / log log N
    without that proviso.

    >>> from assay import Match3
    >>> bound = Match3Messages()
    >>> bound.smallest(Match3(length=4096), precision=32), bound.smallest(Match3(length=4096), precision=8, heads=4)
    (61, 45)
    """

    name: ClassVar[str] = "match3-messages"
    family: ClassVar[str] = "attention"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource = "bits of head messages"
    source: ClassVar[str] = (
        "H (m log2(2H 2^p + 1) + log2((2^p + ln N) H 2^(p-1) + 1)) >= (N-1)/2, rounded down, for one layer in p-bit "
        "fixed point with scores within 2^p and answers that do not hang on the last bit: set disjointness (Theorem 7)"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)
    depth: ClassVar[int] = 1
    per_head: ClassVar[bool] = True

    def unmet(self, task: Match3, error: float, distribution: str) -> str:
        """M >= N + 1, N >= 3, and answers on the right side of 1/2."""
        if error >= 0.5:
            return "needs an error below 1/2"
        missing = task.hard_unmet()
        return f"needs {missing}" if missing else ""

    def amount(self, task: Match3, error: float, distribution: str) -> float:
        """(N - 1)/2 bits, rounded down."""
        return task.hard_bits()

    def available(self, task: Match3, size: Size) -> float:
        """Bits of the messages that simulate one layer of this size; of several layers the bound does not speak."""
        if size.depth > 1:
            return math.inf
        heads, bits = size.heads, size.precision
        small = 2.0 ** -min(bits, 1000)  # of no account beyond
        average = bits + math.log2(2 * heads + small)
        normaliser = 2 * bits - 1 + math.log2(heads * (1 + math.log(task.length) * small) + 2 * small**2)
        return heads * ((size.head_width or size.width) * average + normaliser)
