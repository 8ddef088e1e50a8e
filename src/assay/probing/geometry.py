"""Whether a query can average exactly a set of keys, or rank it above the rest. What is answered is proved.

float64 finds a query or multipliers that refute every query (`assay.probing.candidates`), and its rounding errors are
bounded: "yes" and "no" hold for the very keys given. Where the bounds do not suffice, as for keys on a grid or so close
to a degenerate position that float64 does not tell, the same is tried in exact fractions (`assay.probing.rational`).

Both answers need an exact solution near one that was found: of equal scores on S for "yes", of multipliers >= 0 for
"no". Let A be the matrix of these equations, R a right inverse found in float64 and |A x - b| <= v. If |I - A R| v is
at most v / 4 in every entry, as is verified, then A (x + z) = b has a solution with |z| <= 2 |R| v: z = R w with w the
sum of (I - A R)^k (b - A x) over k, and |w| <= 4 v / 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import qr

from assay.probing.candidates import (
    EPSILON,
    Floats,
    Places,
    Span,
    Whitened,
    check_keys,
    face_candidates,
    half_candidates,
    right_inverse,
)
from assay.probing.rational import Query, Refutation, exact_face, exact_halves

TINY = 2.0**-1000  # more than underflow takes from a sum of products


@dataclass(frozen=True, eq=False)
class Found:
    """The answer for one set S of positions, with what shows it.

    Attributes:
        answer: yes or no, which is proved of the keys given; or undecided where neither float64 nor fractions show one.
        query: for yes, float64 (d,), the largest entry between 1/2 and 1 in size unless all are 0. It does what was
            asked up to rounding: scores on S are equal within the rounding errors of its products with differences of
            keys, all others lower by more than these. None for other answers, and where float64 holds no such query.
        margin: where there is a query, its least score in S less the largest outside, over the range of all scores: at
            most 1, and 1 if nothing is outside. It is not the largest possible. Otherwise 0.
        multipliers: for no, float64 (N,), >= 0 with sum 1, which no query agrees with: rounded from exact ones. None
            otherwise. For `exists` they are 0 on S, and the mean of keys that they weigh lies in the affine hull of S;
            for `separates` half the weight is on S, and the means of both halves coincide.
        rational: whether exact fractions were needed, as float64 did not suffice.
    """

    answer: Literal["yes", "no", "undecided"]
    query: Floats | None = None
    margin: float = 0.0
    multipliers: Floats | None = None
    rational: bool = False


def exists(keys: ArrayLike, positions: Sequence[int]) -> Found:
    """Is there a query with equal scores on S and lower ones elsewhere, so that softmax can average exactly S?

    That is, is the convex hull of S a face of the convex hull of all keys, with no other key in it. A key outside S
    that equals one in S forbids it.

    Args:
        keys: (N, d), finite.
        positions: S, distinct, from 0 to N - 1, at least one.

    Raises:
        AssayError: keys or positions that are not as above.

    Time grows as N d² for whitening and, at most sizes, less for the rest: 3 ms at N = 256, d = 64. There, it is 20 ms
    where fractions have to decide.

    >>> square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> exists(square, [0, 1]).query
    array([-0.5,  0. ])
    >>> found = exists(square, [0, 3])
    >>> found.answer, found.multipliers
    ('no', array([0. , 0.5, 0.5, 0. ]))
    """
    array, inside, outside = check_keys(keys, positions)
    if not outside.size:
        return Found("yes", np.zeros(array.shape[1]), margin=1.0)
    white = Whitened.of(array)
    query, weights, span = face_candidates(white, inside, outside)
    if query is not None and is_face(white, inside, outside, query, span):
        return _yes(white, inside, outside, query)
    multipliers = face_multipliers(white, inside, weights, span)
    if multipliers is not None:
        return Found("no", multipliers=multipliers)
    proved = exact_face(array, white, inside, query, weights)
    return _rational(proved, white, inside, outside, scores_as_face)


def separates(keys: ArrayLike, positions: Sequence[int]) -> Found:
    """Is there a query whose scores on S are all larger than all others?

    That is, do the convex hulls of S and of the other keys not meet. Arguments, errors and time are those of `exists`.

    >>> square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> separates(square, [0, 1, 2]).answer, separates(square, [0, 3]).answer
    ('yes', 'no')
    >>> separates([[0.0], [1.0], [2.0]], [0, 2]).multipliers
    array([0.25, 0.5 , 0.25])
    """
    array, inside, outside = check_keys(keys, positions)
    if not outside.size:
        return Found("yes", np.zeros(array.shape[1]), margin=1.0)
    white = Whitened.of(array)
    query, weights = half_candidates(white, inside, outside)
    if is_above(white, inside, outside, query):
        return _yes(white, inside, outside, query)
    multipliers = half_multipliers(white, inside, weights)
    if multipliers is not None:
        return Found("no", multipliers=multipliers)
    proved = exact_halves(array, white, inside, query, weights)
    return _rational(proved, white, inside, outside, is_above)


def _differences(white: Whitened, places: Places, base: np.intp, query: Floats) -> tuple[Floats, Floats]:
    """Scores of some keys less that of `base`, and bounds on their rounding errors; each (len(places),)."""
    offsets = white.scaled[places] - white.scaled[base]
    return offsets @ query, (len(query) + 2) * EPSILON * (np.abs(offsets) @ np.abs(query)) + TINY


def scores_as_face(white: Whitened, inside: Places, outside: Places, query: Floats) -> bool:
    """Whether scores in S are equal within rounding, and others lower by more than rounding."""
    unequal, error = _differences(white, inside[1:], inside[0], query)
    above, doubt = _differences(white, outside, inside[0], query)
    equal = (np.abs(unequal) <= max(doubt.max(), error.max(initial=0.0))).all()
    return bool(equal and (above + doubt < 0).all())


def is_face(white: Whitened, inside: Places, outside: Places, query: Floats, span: Span) -> bool:
    """Whether a query near this one is sure to have equal scores in S and lower ones elsewhere."""
    independent = len(span.order) == len(inside) - 1
    if not (white.exact and independent and scores_as_face(white, inside, outside, query)):
        return False
    members = inside[1:][span.order]
    unequal, error = _differences(white, members, inside[0], query)
    equations = white.scaled[members] - white.scaled[inside[0]]
    inverse = white.matrix @ span.inverse
    steps = _steps(equations, inverse, np.abs(unequal) + error)
    if steps is None:
        return False
    others = white.scaled[outside] - white.scaled[inside[0]]
    rounding = (len(query) + 3) * EPSILON * (np.abs(others) @ (np.abs(inverse) @ steps))
    above, doubt = _differences(white, outside, inside[0], query)
    return bool((above + doubt + np.abs(others @ inverse) @ steps + rounding < 0).all())


def is_above(white: Whitened, inside: Places, outside: Places, query: Floats) -> bool:
    """Whether this query is sure to have larger scores in S than elsewhere."""
    scores, _ = _differences(white, inside, inside[0], query)
    lowest = inside[np.argmin(scores)]
    above, doubt = _differences(white, outside, lowest, query)
    below, error = _differences(white, inside, lowest, query)
    return white.exact and bool((above + doubt).max() < (below - error).min())


def face_multipliers(white: Whitened, inside: Places, weights: Floats, span: Span) -> Floats | None:
    """Multipliers (N,) near these that are sure to be within rounding of exact ones that show `exists` wrong."""
    support = np.flatnonzero(weights)
    members = inside[1:][span.order]
    offsets = white.scaled[[*members, *support]] - white.scaled[inside[0]]
    ones = np.repeat([0.0, 1.0], [len(members), len(support)])
    return _positive(white, np.vstack([offsets.T, ones]), support, weights)


def half_multipliers(white: Whitened, inside: Places, weights: Floats) -> Floats | None:
    """The same for `separates`."""
    support = np.flatnonzero(weights)
    signs = np.where(np.isin(support, inside), -1.0, 1.0)
    offsets = white.scaled[support] - white.scaled[inside[0]]
    return _positive(white, np.vstack([signs * offsets.T, signs, np.ones(len(support))]), support, weights)


def _positive(white: Whitened, equations: Floats, support: Places, weights: Floats) -> Floats | None:
    """The solution near `weights` of equations @ x = (0 ... 0, 1), if exact entries on `support`, the last, are > 0.

    Equations without a coordinate in which keys differ are left out, as they hold.
    """
    equations = equations[np.append(np.ptp(white.scaled, axis=0) > 0, np.ones(len(equations) - len(white.shift), bool))]
    count, unknowns = equations.shape
    if not white.exact or unknowns < count:
        return None
    orthonormal, upper = qr(equations.T, mode="economic", check_finite=False)
    sizes = np.abs(np.diag(upper))
    if sizes.min() <= EPSILON * sizes.max():
        return None
    inverse = right_inverse(orthonormal, upper)
    right = np.append(np.zeros(count - 1), 1.0)
    guess = np.append(np.zeros(unknowns - len(support)), weights[support])
    found = guess + inverse @ (right - equations @ guess)
    error = (unknowns + 3) * EPSILON * (np.abs(equations) @ np.abs(found)) + TINY
    steps = _steps(equations, inverse, np.abs(right - equations @ found) + error)
    last = slice(unknowns - len(support), None)
    if steps is None or (found[last] <= np.abs(inverse[last]) @ steps).any():
        return None
    multipliers = np.zeros(len(weights))
    multipliers[support] = found[last]
    return multipliers


def _steps(matrix: Floats, inverse: Floats, wrong: Floats) -> Floats | None:
    """(m,), w such that matrix (m, n) @ z = v has a solution with |z| <= |inverse| w for every |v| <= wrong, if sure.

    Entries of `matrix` may be off by one rounding. See the module; the room between 4/3 and 2 is for rounding here.
    """
    left = np.abs(np.eye(len(wrong)) - matrix @ inverse)
    left += (matrix.shape[1] + 3) * EPSILON * (np.abs(matrix) @ np.abs(inverse))
    return 2 * wrong if (left @ wrong <= wrong / 4).all() else None


def _yes(white: Whitened, inside: Places, outside: Places, query: Floats) -> Found:
    """The answer yes with the query in the coordinates of the keys given, if float64 holds it, and its margin."""
    sizes = np.frexp(query)[1] + white.shift
    powers = white.shift - sizes[query != 0].max()
    unscaled = np.ldexp(query, powers)
    if (np.ldexp(unscaled, -powers) != query).any():  # coordinates of sizes too different
        return Found("yes")
    scores, _ = _differences(white, np.arange(len(white.scaled)), inside[0], query)
    margin = (scores[inside].min() - scores[outside].max()) / np.ptp(scores)
    return Found("yes", unscaled, float(margin))


def _rational(
    proved: Query | Refutation | None,
    white: Whitened,
    inside: Places,
    outside: Places,
    shows: Callable[[Whitened, Places, Places, Floats], bool],
) -> Found:
    """What was proved in fractions; for yes with the query that was, rounded, if `shows` says that it does then."""
    if proved is None:
        return Found("undecided")
    if isinstance(proved, Refutation):
        multipliers = np.zeros(len(white.scaled))
        multipliers[list(proved.multipliers)] = list(map(float, proved.multipliers.values()))
        return Found("no", multipliers=multipliers, rational=True)
    largest = max(map(abs, proved))
    query = np.array([float(entry / largest) for entry in proved])
    found = _yes(white, inside, outside, query) if shows(white, inside, outside, query) else Found("yes")
    return replace(found, rational=True)
