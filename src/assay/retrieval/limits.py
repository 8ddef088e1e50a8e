"""What no vectors can do: dimensions that are necessary for every set of k documents to be retrieved by some query.

Three theorems. Each has its hypotheses in its function; none speaks of random or trained vectors only.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from assay.bounds.bound import log2_binomial
from assay.errors import require_integer

MOST_DOCUMENTS = 2**53  # float64 holds every number up to it
_SLACK = 1e-12  # relative error of log2_binomial, generously: a bound is rounded down, never up


def check_sets(documents: int, top: int) -> None:
    """Raise the standard error unless 1 <= k < n <= 2^53."""
    require_integer("documents", documents, 2, MOST_DOCUMENTS)
    require_integer("top", top, 1, documents - 1, "documents - 1")


def radon_dimensions(documents: int, top: int) -> int:
    """The least d that Radon's theorem leaves, for vectors and queries of real numbers: 2k from n = 3k on.

    With k' = min(k, n - k), it is min(2k', n - k'). Of any d + 2 points, two disjoint groups A and B have convex hulls
    that meet (Radon 1921), so that no query scores all of A above all of B, nor the other way round. Let A be the
    smaller group. If d < min(2k', n - k') then |A| <= (d + 2)/2 <= k' and |B| <= d + 1 <= n - k': some set of k'
    documents contains A and avoids B, and is retrieved by no query. Sets of k and of n - k documents are retrieved by
    opposite queries. Cyclic polytopes reach 2k (`assay.retrieval.documents.CyclicDocuments`).

    >>> radon_dimensions(50_000, 2), radon_dimensions(4, 2), radon_dimensions(3, 1), radon_dimensions(2, 1)
    (4, 2, 2, 1)

    Raises:
        AssayError: not 1 <= k < n <= 2^53.
    """
    check_sets(documents, top)
    fewer = min(top, documents - top)
    return min(2 * fewer, documents - fewer)


def query_dimensions(documents: int, top: int, bits: int) -> int:
    """The least d if every number of a query has p bits: 2^(p d) >= C(n, k), as the query determines the set.

    Holds for any documents, and for any way to score them. p is the size of the format, such as 16 for bfloat16.

    >>> query_dimensions(50_000, 2, 16), query_dimensions(10**9, 10, 1)
    (2, 278)

    Raises:
        AssayError: not 1 <= k < n <= 2^53, or bits below 1.
    """
    check_sets(documents, top)
    require_integer("bits", bits, 1, None)
    return max(1, math.ceil(log2_binomial(documents, top) * (1 - _SLACK) / bits))


def document_dimensions(documents: int, top: int, bits: int) -> int:
    """The least d if every number of a document is one of 2^p equally spaced ones, with queries of any precision.

    One grid for all documents: not for formats with a scale for each document. The sums of different sets of k
    documents differ: were they equal for S and T, so would be the means of S without T and of T without S, and the
    query that retrieves S would score a member of S no higher than one outside. In grid steps each coordinate of such a
    sum is one of k (2^p - 1) + 1 integers, and its entropy over a uniformly drawn set is at most that of a Gaussian of
    its variance plus 1/12; the variance of a sum without replacement is at most k times ((2^p - 1)/2)^2. So

        log2 C(n, k) <= d min(log2(k (2^p - 1) + 1), log2(2 pi e (k ((2^p - 1)/2)^2 + 1/12)) / 2).

    >>> document_dimensions(50_000, 2, 1), document_dimensions(1_000, 100, 1)
    (20, 107)

    Raises:
        AssayError: not 1 <= k < n <= 2^53, or bits below 1.
    """
    check_sets(documents, top)
    require_integer("bits", bits, 1, None)
    fewer = min(top, documents - top)  # the sums of the others determine these
    steps = 2**bits - 1
    counted = _log2(fewer * steps + 1)
    # the variance of a sum of whole numbers, in quarters: k steps^2; 1/12 is a third of a quarter
    gaussian = (math.log2(2 * math.pi * math.e / 12) + _log2(3 * fewer * steps**2 + 1)) / 2
    return max(1, math.ceil(log2_binomial(documents, top) * (1 - _SLACK) / min(counted, gaussian)))


def necessary_dimensions(documents: int, top: int, bits: int) -> int:
    """The least d that neither Radon's theorem nor the bits of a query exclude.

    Neither falls as n grows. Raises what they raise.

    >>> necessary_dimensions(50_000, 2, 16), necessary_dimensions(50_000, 2, 2)
    (4, 16)
    """
    return max(radon_dimensions(documents, top), query_dimensions(documents, top, bits))


def most_documents(fits: Callable[[int], bool], top: int) -> int:
    """The largest n above k, up to 2^53, that fits, where every smaller one does, too; k if there is none.

    >>> most_documents(lambda n: necessary_dimensions(n, 2, 8) <= 4, 2)
    92682
    >>> most_documents(lambda n: radon_dimensions(n, 2) <= 3, 2), most_documents(lambda n: False, 2)
    (5, 2)
    """
    low, high = top, top + 1
    while high < MOST_DOCUMENTS and fits(high):
        low, high = high, min(2 * high, MOST_DOCUMENTS)
    if high == MOST_DOCUMENTS and fits(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _log2(number: int) -> float:
    """log2 of a whole number of any size, within a relative error of 2^-52."""
    shift = max(0, number.bit_length() - 64)
    return math.log2(number >> shift) + shift if shift else math.log2(number)
