"""What random documents serve: how likely it is that a set of k among n Gaussian vectors in R^d is retrieved.

Exact probabilities by the conic kinematic formula (`assay.probing.thresholds`; a set is retrieved if it is *separated*
there), in logarithms, so that expected numbers of sets that fail are right where they are small. The answers are those
for real numbers: nothing is rounded. Any Gaussian distribution with a non-singular covariance gives the same.
"""

from __future__ import annotations

import math
from functools import lru_cache

from assay.bounds.bound import log2_binomial
from assay.errors import require, require_integer
from assay.probing.thresholds import separation_dimension
from assay.probing.volumes import log_tail
from assay.retrieval.limits import check_sets

MOST_TOP = 10_000


def log_failure(dimensions: int, documents: int, top: int) -> float:
    """ln of the probability that no query retrieves a given set of k among n Gaussian documents in R^d.

    The expected share of all sets, too. -inf where every set is retrieved: d >= n - 1.
    Milliseconds; tenths of a second for k in the thousands.

    >>> round(log_failure(43, 50_000, 2) / math.log(10), 2), log_failure(9, 10, 3)
    (-2.1, -inf)

    Raises:
        AssayError: d below 1; not 1 <= k < n <= 2^53; min(k, n - k) above 10,000.
    """
    return _logs(dimensions, documents, top)[0]


def share_served(dimensions: int, documents: int, top: int) -> float:
    """The probability that some query retrieves a given set: 1 - e^`log_failure`, precise where it is small, too.

    >>> round(share_served(1, 5, 2), 10), round(share_served(43, 50_000, 2), 4)
    (0.2, 0.992)
    """
    return math.exp(_logs(dimensions, documents, top)[1])


def dimensions_for_share(documents: int, top: int, share: float) -> int:
    """The smallest d at which a given set is retrieved with at least this probability; see `log_failure`.

    >>> dimensions_for_share(50_000, 2, 0.99), dimensions_for_share(10**9, 100, 0.99)
    (43, 2527)

    Raises:
        AssayError: what `log_failure` raises, or a share outside (0, 1).
    """
    check_sets(documents, top)
    require(0 < share < 1, "share", share, "above 0 and below 1")
    return _smallest(documents, top, share)


def dimensions_for_all(documents: int, top: int) -> int:
    """The smallest d at which n Gaussian documents are sure to serve every set of k with probability at least 1/2.

    There the expected number of sets that fail, C(n, k) e^`log_failure`, is at most 1/2. So documents that serve every
    set, with real numbers, exist, and a draw or two finds them.

    >>> dimensions_for_all(50_000, 2), dimensions_for_all(1_000, 100)
    (75, 615)

    Raises:
        AssayError: what `log_failure` raises.
    """
    check_sets(documents, top)
    return _smallest(documents, top, 1.0)


def serves(dimensions: int, documents: int, top: int, share: float) -> bool:
    """Whether d dimensions serve a share of the sets below 1, or at share 1 all of them with probability at least 1/2.

    The same as d >= `dimensions_for_share` or d >= `dimensions_for_all`, in one step.

    >>> serves(43, 50_000, 2, 0.99), serves(42, 50_000, 2, 0.99), serves(75, 50_000, 2, 1)
    (True, False, True)

    Raises:
        AssayError: what `log_failure` raises, or a share outside (0, 1].
    """
    require(0 < share <= 1, "share", share, "above 0 and at most 1")
    if share < 1:
        return share_served(dimensions, documents, top) >= share
    return math.log(2) * log2_binomial(documents, top) + log_failure(dimensions, documents, top) <= -math.log(2)


def _smallest(documents: int, top: int, share: float) -> int:
    """The smallest d from 1 to n - 1, which serves all, that serves the share; found around the statistical one."""

    def enough(dimensions: int) -> bool:
        return serves(dimensions, documents, top, share)

    middle = math.ceil(separation_dimension(documents, min(top, documents - top)))
    low, high = 0, documents - 1
    guess = min(max(1, middle), high)
    step = 1 + math.isqrt(guess) // 4  # the share rises over about this many dimensions
    if enough(guess):
        high = guess
        while high - step > 0 and enough(high - step):
            high, step = high - step, 2 * step
        low = max(0, high - step)
    else:
        low = guess
        while low + step < high and not enough(low + step):
            low, step = low + step, 2 * step
        high = min(low + step, high)
    while high - low > 1:
        between = (low + high) // 2
        low, high = (low, between) if enough(between) else (between, high)
    return high


@lru_cache(maxsize=4096)
def _logs(dimensions: int, documents: int, top: int) -> tuple[float, float]:
    """ln of the probabilities that a set fails and that it does not. The shorter sum of volumes gives both."""
    check_sets(documents, top)
    require_integer("dimensions", dimensions, 1, None)
    fewer = min(top, documents - top)  # opposite queries retrieve the others
    require(fewer <= MOST_TOP, "top", top, f"at most {MOST_TOP}, or as close to all documents")
    if dimensions >= documents - 1:
        return -math.inf, 0.0
    above = dimensions >= separation_dimension(documents, fewer)
    tail = min(math.log(2) + log_tail(dimensions, documents, fewer, "separates", above=above), 0.0)
    other = math.log(-math.expm1(tail)) if tail < 0 else -math.inf
    return (tail, other) if above else (other, tail)
