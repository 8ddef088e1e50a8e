"""How large the margins of top-k retrieval can be with unit vectors, in any number of dimensions."""

from __future__ import annotations

import math

from assay.errors import require_integer


def optimal_margin(documents: int, top: int) -> float:
    """The largest margin with which unit queries can rank every set of k of n unit documents first: a theorem.

    The margin of a set S is min over S of <w, x_i> less max over the rest of <w, x_j>, where w is the unit query of S.
    For n unit documents in any number of dimensions, the least margin over all k-sets is at most

        n / sqrt(k (n - 1) (n - k)),

    and in n - 1 dimensions the corners of a regular simplex reach it.

    Proof. Put a_S for the mean of S, b_S for that of the rest and c for that of all documents. A minimum is at most a
    mean and a maximum at least one, so margin(S) <= <w, a_S - b_S> <= |a_S - b_S| = n / (n - k) |a_S - c|. The mean of
    |a_S - c|^2 over all k-sets is the variance of a mean of k draws without replacement, s^2 (n - k) / (k (n - 1)),
    with s^2 = mean |x_i - c|^2 = 1 - |c|^2 <= 1. So the mean of |a_S - b_S|^2 is at most n^2 / (k (n - 1) (n - k)), and
    the least margin is not larger than its root: nor is the root of the mean square of margins that are not negative.
    For the simplex c = 0, all |a_S - b_S| are equal, and w along a_S - b_S gives all of S the same score and all of
    the rest another one: both inequalities are equalities.

    A query with a threshold midway has half of this on either side. Documents longer than 1 scale it.

    Args:
        documents: n, from 2 up.
        top: k, from 1 to n - 1.

    Raises:
        AssayError: an argument that is not allowed.

    >>> [round(optimal_margin(n, 2), 3) for n in (5, 50, 50_000)]
    [1.021, 0.729, 0.707]
    """
    require_integer("documents", documents, 2, None)
    require_integer("top", top, 1, documents - 1, "documents - 1")
    return documents / math.sqrt(top * (documents - 1) * (documents - top))
