"""How many bits of one random set tell whether another random set meets it: one-way, with errors."""

from __future__ import annotations

import math

import numpy as np


def bits_to_tell_meeting(size: int, choices: int, error: float) -> float:
    """Bits of message, at least, by which who has a set B tells with this share of errors whether a set A meets it.

    A and B are independent uniform sets of k = `size` out of u = `choices` >= 2k elements; f = 1 if they are disjoint,
    q the chance of it, the same for every B. The b bits about A cut the sets into at most 2^b cells T. With pi_T(B) =
    P(f = 1 | T, B), the errors are at least E min(pi, 1 - pi), so that E pi (1 - pi) <= e (1 - e) for e <= 1/2, and E
    (pi - q)^2 >= q (1 - q) - e (1 - e).

    In a cell of mass m the mean over B of (pi - q)^2 is the mean, over two random A and A' of the cell, of
    K = P(neither meets B) - q^2, which grows with the size j of their intersection. For given A it is at most the mean
    K of the sets A' of total mass m that have the largest intersections with A, which falls as m grows; times m it is
    concave in m and the same for each A, so that all 2^b cells may be taken to have equal mass. Hence

        mean of P(neither meets B) over the A' of total mass 2^-b nearest to A  >=  q - e (1 - e).

    Masses are hypergeometric; they and the chances come from ratios of neighbours, in logarithms, at any size.

    >>> [round(bits_to_tell_meeting(32, 1477, error)) for error in (0.1, 0.05, 0.02)]
    [120, 165, 201]
    >>> round(2 ** bits_to_tell_meeting(3, 8, 0.0)) == math.comb(8, 3), bits_to_tell_meeting(3, 8, 0.5)
    (True, 0.0)
    """
    if error >= 0.5:
        return 0.0
    fewer, left = np.arange(float(size)), choices - 2 * size + np.arange(1.0, size + 1)  # |complement of A or A'|
    chance = float(np.log1p(-size / (choices - fewer)).sum())  # ln q, which is also that of no common element
    wanted = math.exp(chance) - error * (1 - error)
    with np.errstate(divide="ignore"):  # the logarithm of 0, where too few elements are left for B
        neither = np.log1p(-np.minimum(1.0, size / left))
    chances = chance + np.append(0.0, np.cumsum(neither[::-1]))  # from the most common elements to the fewest
    grown = chance + np.append(0.0, np.cumsum(2 * np.log(size - fewer) - np.log(fewer + 1) - np.log(left)))
    masses = grown[::-1]
    nearest = np.logaddexp.accumulate(masses)
    means = np.exp(np.logaddexp.accumulate(masses + chances) - nearest)
    enough = max(1, int((means >= wanted).sum()))
    if enough > size:
        return 0.0
    share = max(0.0, means[enough - 1] - wanted) / (
        wanted - math.exp(chances[enough])
    )  # of the next, to the masses so far
    return max(0.0, -(nearest[enough - 1] + math.log1p(share)) / math.log(2))
