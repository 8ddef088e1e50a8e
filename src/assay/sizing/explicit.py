"""Explicit keys that serve every set of q of N positions, not only most: how large they are, by formula.

Nothing is built here, so that an answer takes a moment; `assay build sparse-averaging` builds them and certifies them.
Nor is anything imported from the constructions, as they need torch: numbers of theirs that stand here are held against
them by the tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from assay.probing.reach import MASS
from assay.sizing.caches import Cache

_SIGN_SLOPE, _SIGN_LOG, _SIGN_MORE = 2.65, 4.0, 12  # of the width: per q ln N, per ln N, and more than that
_SIGN_CEILING, _SIGN_NORM = 0.5, 4.0  # scores off the set, and a query's norm over sqrt(q), at most
_MOST_DEGREE = 11  # of the polynomials of Reed-Solomon keys
_PEAK = 0.3211  # x with ln(9 (1 - x) / x) = 2 / (1 - x)


@dataclass(frozen=True)
class Explicit:
    """Keys for one head, with a query for every set.

    Attributes:
        name: the construction, as `assay build --method` takes it; `one-hot` is its case of degree 0.
        width: coordinates of a key.
        bits: of an entry of a key.
        one_scale: whether entries must be integers on one scale for all keys, which caches with a factor a key lose.
        norm: n of the longest query that is needed for 90 % of the softmax on the set, in units of `sizing.generic`.
        justification: why it serves every set, and what its numbers are.
    """

    name: str
    width: int
    bits: int
    one_scale: bool
    norm: float
    justification: str

    def fits(self, width: int, cache: Cache, norm: float = math.inf) -> bool:
        """Whether a head of this width with keys in this cache and queries of at most this norm can be this one."""
        held = cache.whole_bits() if self.one_scale else cache.bits
        return self.width <= width and self.bits <= held and self.norm_at(width) <= norm

    def norm_at(self, width: int) -> float:
        """n in a head of this width: its own width's at first, as coordinates that are added are zero."""
        return self.norm * math.sqrt(self.width / width)


@lru_cache(maxsize=1 << 12)
def explicit_keys(keys: int, average: int) -> tuple[Explicit, ...]:
    """All of them, the narrowest first; every q and N has these. Wider Reed-Solomon keys need shorter queries.

    >>> [(one.name, one.width, one.bits) for one in explicit_keys(1024, 8)][:3]
    [('cyclic', 16, 162), ('sign', 187, 2), ('reed-solomon', 289, 2)]
    """
    codes: list[Explicit] = []
    for code in sorted((_code(keys, average, degree) for degree in range(_MOST_DEGREE + 1)), key=lambda one: one.width):
        if not codes or code.norm_at(keys) < min(other.norm_at(keys) for other in codes):
            codes.append(code)
    return tuple(sorted([_cyclic(keys, average), _sign(keys, average), *codes], key=lambda one: one.width))


def _scores_apart(keys: int, average: int) -> float:
    """By how much scores on the set must exceed all others, by the softmax's definition: 90 % of it is then there."""
    return max(0.0, math.log((keys - average) * MASS / (average * (1 - MASS)))) if keys > average else 0.0


def _longest(keys: int, average: int) -> float:
    """The largest sqrt(q') times `_scores_apart` over sizes q' up to q: keys for sets of q serve smaller ones as well.

    It grows with q' up to about 0.32 N and falls from there.
    """
    peak = math.floor(_PEAK * keys)
    sizes = {average} if average < peak else {min(average, peak + more) for more in range(-1, 3)} - {0, -1}
    return max(math.sqrt(size) * _scores_apart(keys, size) for size in sizes)


def _cyclic(keys: int, average: int) -> Explicit:
    """Points (t, t^2, ..., t^2q) of integers t. Scores are at most N^2q, so 2q log2 N + 2 bits hold all numbers."""
    return Explicit(
        "cyclic",
        2 * average,
        math.ceil(2 * average * math.log2(keys)) + 2 if keys > 1 else 2,
        True,
        math.inf,
        "proved for every set (cyclic polytope, Theorem 3): 2q coordinates, at most 2q log2 N + 2 bits of every key "
        "and query, integers on one scale; by formula, not built",
    )


def _sign(keys: int, average: int) -> Explicit:
    """Entries -1 and 1. The norm is the largest that its certificate allows; 1.03 sqrt(q) is usual."""
    wide = math.ceil((_SIGN_SLOPE * average + _SIGN_LOG) * math.log(keys)) + _SIGN_MORE
    width = min(wide, keys)  # as many independent keys as positions can be given any scores
    norm = _SIGN_NORM / math.sqrt(width) * _longest(keys, average) / (1 - _SIGN_CEILING)
    return Explicit(
        "sign",
        width,
        2,
        False,
        norm,
        "certified query by query (sign keys, Theorem 2); the width (2.65 q + 4) ln N + 12 is not proved: those that "
        "were built were no wider; by formula, not built",
    )


def _code(keys: int, average: int, degree: int) -> Explicit:
    """Entries 0 and 1, L ones of L P. The query is the OR of the keys, at most q L ones; scores have a gap of 1."""
    points, symbols = code_size(keys, average, degree)
    norm = _longest(keys, average) * math.sqrt(points * (1 - 1 / symbols) / symbols)
    what = f"0/1 keys of {points} blocks of {symbols}, of which no q imitate another" if degree else "one for each key"
    return Explicit(
        "reed-solomon" if degree else "one-hot",
        points * symbols,
        2,
        False,
        norm,
        f"proved for every set: {what}; by formula, not built",
    )


def code_size(keys: int, average: int, degree: int) -> tuple[int, int]:
    """L = q r + 1 and the least P >= L with P^(r+1) >= N, prime but for r = 0.

    >>> code_size(4096, 8, 2), code_size(4096, 8, 0)
    ((17, 17), (1, 4096))
    """
    points = average * degree + 1
    symbols = max(2, points, math.floor(keys ** (1 / (degree + 1))) - 1)
    while symbols ** (degree + 1) < keys or (degree and not _is_prime(symbols)):
        symbols += 1
    return points, symbols


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))
