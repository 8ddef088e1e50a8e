"""How often H heads are wrong at least, on uniform bits: the threshold degree in the mean.

H heads give the sign of a polynomial p of degree at most H (see `assay.booleans.softmax_heads`), which is compared with
f. Let D be the weak degree: no polynomial g but 0 of degree below D has f g >= 0 everywhere, f = +-1. If p is wrong at
fewer inputs than there are monomials of degree at most t = floor((D - H - 1) / 2), some q != 0 of degree t is 0 at all
of them, and g = p q^2 has degree below D and f g >= 0 everywhere, but is not 0: a contradiction. So p is wrong at

    at least C(n, 0) + ... + C(n, t) of the 2^n inputs

(the argument of Aspnes, Beigel, Furst and Rudich, "The expressive power of voting polynomials", 1994, for parity). It
holds on every subcube, and errors on disjoint subcubes add up.

For symmetric f the weak degree is the number s of changes along the counts, as the threshold degree is. Averaged over
permutations, g becomes a polynomial in the count c, not 0 at every count. Between two counts where it is not 0, it has
at least as many zeros as f changes: a gap between neighbours with a change holds a zero; a run of m zeros at whole
counts covers at most m + 1 changes, and if m + 1, then the parity asks for one zero more. At either end, m zeros cover
at most m changes. So it has at least s zeros.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from assay.booleans.degree import Degree, threshold_degree
from assay.booleans.function import BooleanFunction
from assay.errors import CertificateError, require_integer
from assay.probing.candidates import Whitened, half_candidates
from assay.probing.rational import exact_halves

_ALL_SUBCUBES = 256  # inputs of a symmetric function, up to which all sizes of subcubes are tried
_PARITY_INPUTS = 12  # of another function, up to which subcubes with parity on them are counted
OPTIMUM_INPUTS = 5  # up to which the least number of errors itself is found
_ROUNDS = 2000


@dataclass(frozen=True)
class LeastError:
    """A lower bound on the share of wrong answers on uniform bits.

    Attributes:
        heads: H.
        error: H heads are wrong on at least this share of the 2^n inputs.
        optimum: whether some polynomial of degree H is wrong on no more than that; H heads may still be.
        justification: what it follows from.
    """

    heads: int
    error: Fraction
    optimum: bool
    justification: str


def least_error(function: BooleanFunction, heads: int, degree: Degree | None = None) -> LeastError:
    """What H heads of one layer get wrong at least, on uniform bits, in exact arithmetic.

    Args:
        function: of n bits.
        heads: H.
        degree: its threshold degree, found anew unless given.

    >>> parity = BooleanFunction.symmetric("parity", 16, lambda ones: ones % 2)
    >>> [round(float(least_error(parity, heads).error), 3) for heads in (1, 4, 8, 16)]
    [0.402, 0.151, 0.018, 0.0]

    Raises:
        AssayError: a number of heads that is not allowed.
    """
    require_integer("heads", heads, 0, None)
    degree = degree or threshold_degree(function)
    if heads >= degree.at_least:
        return LeastError(heads, Fraction(0), heads >= degree.at_most, "the threshold degree excludes none of them")
    if heads == 0:
        ones = _share_of_ones(function)
        return LeastError(heads, min(ones, 1 - ones), True, "a constant is wrong wherever the rarer value is")
    if function.inputs <= OPTIMUM_INPUTS:
        with suppress(CertificateError):  # then the formulas below still hold
            fewest = len(fewest_errors(function, heads))
            return LeastError(heads, Fraction(fewest, 1 << function.inputs), True, _OPTIMUM)
    if function.by_count is not None:
        return _of_counts(function, heads)
    bounds = [(1, "it is above 0, since the threshold degree is")]
    if degree.weak_at_least > heads:
        t = (degree.weak_at_least - heads - 1) // 2
        counted = sum(math.comb(function.inputs, i) for i in range(t + 1))
        bounds.append((counted, f"the weak degree is at least {degree.weak_at_least} (Aspnes and others 1994)"))
    if function.inputs <= _PARITY_INPUTS:
        bounds += _on_parities(function, heads)
    most, why = max(bounds, key=lambda bound: bound[0])
    return LeastError(heads, Fraction(most, 1 << function.inputs), False, why)


_OPTIMUM = (
    "the fewest inputs without which it is the sign of a polynomial of degree H: a smallest set that hits the supports "
    "of weights which exclude one, each exact"
)


def _share_of_ones(function: BooleanFunction) -> Fraction:
    if function.by_count is None:
        return Fraction(int(function.table.sum()), len(function.table))
    total, inputs = 0, 1  # inputs with c ones
    for c, value in enumerate(function.by_count.tolist()):
        total += inputs * value
        inputs = inputs * (function.inputs - c) // (c + 1)
    return Fraction(total, 1 << function.inputs)


def _of_counts(function: BooleanFunction, heads: int) -> LeastError:
    """The largest of the bounds with j bits fixed: 2^j subcubes, on which f is the function of a range of counts."""
    assert function.by_count is not None
    n = function.inputs
    changes = [0, *accumulate((function.by_count[1:] != function.by_count[:-1]).tolist())]
    best, fixed = 0, 0
    for j in range(n if n <= _ALL_SUBCUBES else 2):
        m = n - j
        degrees = [changes[i + m] - changes[i] for i in range(j + 1)]
        if max(degrees) <= heads:
            break
        sums = list(accumulate(math.comb(m, i) for i in range((max(degrees) - heads - 1) // 2 + 1)))
        errors = sum(
            math.comb(j, i) * sums[(degree - heads - 1) // 2] for i, degree in enumerate(degrees) if degree > heads
        )
        best, fixed = max((best, fixed), (errors, j), key=lambda found: found[0])
    where = f", with {fixed} bit{'s' * (fixed != 1)} fixed in all ways" if fixed else ""
    justification = f"the changes along the counts are the weak degree (Aspnes and others 1994){where}"
    return LeastError(heads, Fraction(best, 1 << n), False, justification)


def _on_parities(function: BooleanFunction, heads: int) -> Iterator[tuple[int, str]]:
    """The bound for parity on all subcubes in the same directions on which f is parity, or its complement."""
    cube, n = function.cube, function.inputs
    flips = [cube != np.flip(cube, j) for j in range(n)]  # where flipping x_j changes the value
    for size in range(heads + 1, n + 1):
        each = sum(math.comb(size, i) for i in range((size - heads - 1) // 2 + 1))
        if (each << (n - size)) <= 1:
            continue
        for free in combinations(range(n), size):
            parities = int(np.logical_and.reduce([flips[j] for j in free]).all(axis=free).sum())
            if parities:
                yield each * parities, f"f is parity of the inputs {list(free)} at {parities} values of the others"


def fewest_errors(function: BooleanFunction, degree: int) -> list[int]:
    """A smallest set of inputs (by number in the table) without which f is the sign of a polynomial of this degree.

    Where what is left is none, weights on some inputs prove it, and one of these inputs must go: a smallest set that
    hits all such supports found so far is tried next. Each support and the final polynomial are exact; the smallest
    sets are found by branch and bound (HiGHS). For functions of few inputs.

    Raises:
        CertificateError: it was not found in the steps that are allowed.

    >>> len(fewest_errors(BooleanFunction.symmetric("parity", 3, lambda ones: ones % 2), 1))
    2
    """
    n = function.inputs
    numbers = np.arange(1 << n)
    sets = [one for size in range(1, degree + 1) for one in combinations(range(n), size)]
    monomials = np.array([[(x >> np.array(one) & 1).all() for one in sets] for x in numbers], dtype=float)
    monomials = monomials.reshape(len(numbers), len(sets))
    supports: list[list[int]] = []
    removed: list[int] = []
    for _ in range(_ROUNDS):
        kept = np.setdiff1d(numbers, removed)
        support = _support(monomials[kept], function.table[kept])
        if support is None:
            return removed
        supports.append(kept[support].tolist())
        removed = _smallest_hitting(supports, len(numbers))
    raise CertificateError(f"{_ROUNDS} sets of inputs were not enough")


def _support(monomials: np.ndarray, values: np.ndarray) -> list[int] | None:
    """Rows with weight in a proof that no polynomial has these signs; None if one has."""
    ones, zeros = np.flatnonzero(values), np.flatnonzero(~values)
    if not len(ones) or not len(zeros):
        return None
    if not monomials.shape[1]:
        return [int(ones[0]), int(zeros[0])]
    varying = np.ptp(monomials, axis=0) > 0
    if not varying.any():
        return [int(ones[0]), int(zeros[0])]
    white = Whitened.of(monomials[:, varying])
    proved = exact_halves(monomials[:, varying], white, ones, *half_candidates(white, ones, zeros))
    if proved is None:
        raise CertificateError("neither answer could be proved in rationals")
    return None if isinstance(proved, tuple) else list(proved.multipliers)


def _smallest_hitting(sets: list[list[int]], count: int) -> list[int]:
    """A smallest set of numbers below `count` that has one of each of these sets."""
    rows = np.zeros((len(sets), count))
    for row, one in zip(rows, sets, strict=True):
        row[one] = 1
    found = milp(
        np.ones(count), constraints=LinearConstraint(rows, lb=1), integrality=np.ones(count), bounds=Bounds(0, 1)
    )
    return np.flatnonzero(np.rint(found.x)).tolist()
