"""Which heads serve which sets, and the largest and smallest that do: one monotone condition, searched from any side.

A head serves sets of q of N keys if generic keys serve most of them (`sizing.generic`) or explicit keys serve every one
(`sizing.explicit`), stored in its cache and with queries of the norm allowed. All of it is closed forms, milliseconds.
It grows with the width, the bits and the norm, and falls with N and, up to N / 2, with q; tests go through thousands of
settings. So the searches below are bisections, and agree with the condition that they search.
"""

from __future__ import annotations

import math

from assay.bounds.bound import log2_binomial
from assay.sizing.bisection import last
from assay.sizing.caches import MOST_BITS, Cache, make_cache
from assay.sizing.explicit import Explicit, explicit_keys
from assay.sizing.generic import (
    LONGEST,
    WIDEST,
    hardest_size,
    needs_nothing,
    norm_of_any_keys,
    serves_most,
    solve,
    used_width,
)

QUERY_BITS = 32  # of each number of a query: caches round keys only


def fitting_keys(width: int, keys: int, average: int, cache: Cache, norm: float = math.inf) -> tuple[Explicit, ...]:
    """The explicit keys that serve every set in such a head, the narrowest first."""
    return tuple(one for one in explicit_keys(keys, average) if one.fits(width, cache, norm))


def serves(width: int, keys: int, average: int, cache: Cache, norm: float = math.inf) -> bool:
    """Whether such a head serves most sets, by generic or by explicit keys.

    Args:
        width: d of the head.
        keys: N.
        average: q, at most N.
        cache: how keys are stored.
        norm: n, the largest of a query, in the units of `sizing.generic`.

    >>> [serves(64, 4096, q, make_cache(bits=8), norm=2.6) for q in (2, 3)]
    [True, False]
    """
    if needs_nothing(keys, average) or serves_most(width, keys, average, cache, norm):
        return True
    return bool(fitting_keys(width, keys, average, cache, norm))


def excluded(width: int, keys: int, average: int, norm: float = math.inf) -> str:
    """Why no keys at all let such a head average half of the sets, in words; empty where no theorem says so.

    Two theorems: that of `norm_of_any_keys`, and that a query serves one set, so that queries of 32-bit numbers serve
    at most 2^(32 d) sets.

    >>> excluded(64, 4096, 8, norm=1.0)
    'for half of the sets, keys of any kind take queries of norm 2.11'
    """
    least = norm_of_any_keys(width, keys, average) / math.sqrt(2)
    if norm < least:
        return f"for half of the sets, keys of any kind take queries of norm {least:.2f}"
    needed = log2_binomial(keys, average) - 1
    if not needs_nothing(keys, average) and QUERY_BITS * width < needed:
        return f"queries that tell half of the sets apart have {needed:.0f} bits, not {QUERY_BITS * width}"
    return ""


def largest_average(width: int, keys: int, cache: Cache, norm: float = math.inf) -> int:
    """The largest q up to N / 2 that the head serves; 0 for none.

    >>> largest_average(64, 4096, make_cache(bits=8)), largest_average(64, 4096, make_cache(bits=8), norm=2.6)
    (8, 2)
    """
    return last(max(1, keys // 2), lambda average: serves(width, keys, average, cache, norm))


def largest_keys(width: int, average: int, cache: Cache, norm: float = math.inf) -> int:
    """The largest N, up to LONGEST, of whose keys the head serves sets of q. At least q: an equal average needs none.

    >>> largest_keys(64, 8, make_cache(bits=8))
    5185
    """
    more = last(LONGEST - average, lambda extra: serves(width, average + extra, average, cache, norm))
    return average + more


def smallest_width(keys: int, average: int, cache: Cache, norm: float = math.inf) -> int | None:
    """The smallest d, whole blocks of the cache, of a head that serves sets of q; None up to WIDEST.

    >>> smallest_width(4096, 8, make_cache(bits=8)), smallest_width(4096, 8, make_cache(bits=3))
    (62, 222)
    """
    block = cache.block or 1
    short = last(WIDEST // block, lambda blocks: not serves(blocks * block, keys, average, cache, norm))
    return None if short == WIDEST // block else (short + 1) * block


def smallest_bits(width: int, keys: int, average: int, norm: float = math.inf) -> int | None:
    """The fewest bits of keys at which the head serves sets of q; None where unrounded ones do not."""
    short = last(MOST_BITS - 1, lambda more: not serves(width, keys, average, make_cache(bits=more + 1), norm))
    return None if short == MOST_BITS - 1 else short + 2


def smallest_norm(width: int, keys: int, average: int, cache: Cache) -> float | None:
    """The least norm n with which the head serves sets of q; None where no norm does."""
    if needs_nothing(keys, average):
        return 0.0
    found = [one.norm_at(width) for one in fitting_keys(width, keys, average, cache)]
    if serves_most(width, keys, average, cache):
        used = used_width(width, keys, average, cache) or width
        found.append(solve(used, keys, hardest_size(used, keys, average)).norm)
    finite = [norm for norm in found if math.isfinite(norm)]
    return min(finite) if finite else None
