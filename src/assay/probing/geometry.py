"""Whether a query can average exactly a set of keys, or rank it above the rest: both sides checked in float64.

Both questions ask for a vector x with <row, x> > 0 for every row of a matrix, and by Gordan's theorem either there is
one or there are multipliers y >= 0, sum 1, with rows^T y = 0. The point of least norm in the convex hull of the rows
tells which (it is x, or it is zero with weights y), and non-negative least squares finds it (Lawson and Hanson, Solving
Least Squares Problems, 1974, chapter 23). Where that does not come to an end, a linear program is solved by HiGHS.

The answers do not change under affine maps of the keys, nor when a row is scaled. So keys are centred and whitened and
rows normalised first: keys of real heads have means far larger than their spread and spectra over four decades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lstsq, qr, solve_triangular
from scipy.optimize import linprog, nnls

from assay.errors import AssayError, require

Floats = NDArray[np.float64]
EPSILON = float(np.finfo(np.float64).eps)
ROUNDING = 32 * EPSILON  # the change of keys that a "no" may need, over the range of a coordinate


@dataclass(frozen=True, eq=False)
class Found:
    """The answer for one set S of positions, with what shows it.

    Attributes:
        answer: yes, no, or undecided where float64 can show neither (`rational.certify` then may).
        query: for yes, float64 (d,), the largest entry between 1/2 and 1 in size unless all are 0. It does what was
            asked by more than the rounding errors of its products with differences of keys. None otherwise.
        margin: for yes, the least score in S less the largest outside, over the range of all scores: at most 1, and 1
            if nothing is outside. It is this query's, not the largest possible. Otherwise 0.
        multipliers: for no, float64 (N,), >= 0 with sum 1, which no query agrees with. None otherwise. For `exists`
            they are 0 on S, and the mean of keys that they weigh lies in the affine hull of S; for `separates` half the
            weight is on S, and the means of both halves coincide. Either holds for keys that differ from those given by
            at most 2e-14 of the range of each coordinate.
    """

    answer: Literal["yes", "no", "undecided"]
    query: Floats | None = None
    margin: float = 0.0
    multipliers: Floats | None = None


def exists(keys: ArrayLike, positions: Sequence[int]) -> Found:
    """Is there a query with equal scores on S and lower ones elsewhere, so that softmax can average exactly S?

    That is, is the convex hull of S a face of the convex hull of all keys, with no other key in it. A key outside S
    that equals one in S forbids it.

    Args:
        keys: (N, d), finite.
        positions: S, distinct, from 0 to N - 1, at least one.

    Raises:
        AssayError: keys or positions that are not as above.

    Time grows as N d² for whitening and, at most sizes, less for the rest: 2 ms at N = 256, d = 64.

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
    query, multipliers = face_candidates(white, inside, outside)
    if query is not None and is_face(white, inside, outside, query):
        return _yes(white, inside, outside, query)
    found = _no(white, inside, outside, multipliers, hull=False)
    if found.answer != "no" or _has_exact_multipliers(white, inside, multipliers):
        return found
    from assay.probing.rational import refutes  # which imports this module

    return found if refutes(array, white, inside, multipliers) else Found("undecided")


def _has_exact_multipliers(white: Whitened, inside: NDArray[np.intp], weights: Floats) -> bool:
    """Whether near these multipliers there are exact ones, for the very keys given.

    They solve A x = b: x holds the positive weights and the coefficients of the hull's directions, A the differences of
    keys with a row of ones below the weights. Where A has full row rank, x can be mended by at most |b - A x| over its
    least singular value; if that is less than every positive weight, they stay positive.
    """
    offsets = white.scaled - white.scaled[inside[0]]
    support = np.flatnonzero(weights)
    system = np.vstack(
        [
            offsets[np.concatenate([support, inside[1:]])].T,
            np.concatenate([np.ones(len(support)), np.zeros(len(inside) - 1)]),
        ]
    )
    if system.shape[0] > system.shape[1]:
        return False
    hull, mean = offsets[inside[1:]].T, weights[support] @ offsets[support]
    coefficients = -lstsq(hull, mean, check_finite=False)[0] if len(inside) > 1 else np.zeros(0)
    solution = np.concatenate([weights[support], coefficients])
    wrong = system @ solution - np.append(np.zeros(len(mean)), 1.0)
    rounding = 4 * len(solution) * EPSILON * (np.abs(system) @ np.abs(solution) + 1)
    singular = np.linalg.svd(system, compute_uv=False)
    least = singular[-1] - 8 * max(system.shape) * EPSILON * singular[0]
    return bool(least > 0 and np.linalg.norm(np.abs(wrong) + rounding) < least * weights[support].min())


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
    query, multipliers = half_candidates(white, inside, outside)
    if _is_above(white, inside, outside, query):
        return _yes(white, inside, outside, query)
    return _no(white, inside, outside, multipliers, hull=True)


@dataclass(frozen=True, eq=False)
class Whitened:
    """Keys in coordinates in which they are centred and have the identity as covariance.

    Attributes:
        scaled: float64 (N, d), the keys with each coordinate times a power of two, so that its range is about 1.
        shift: (d,), these powers: scaled = keys * 2^shift, exactly.
        points: float64 (N, r), whitened, r the rank.
        matrix: float64 (d, r), with points = (scaled - mean) @ matrix.
        noise: about the largest rounding error in points.
    """

    scaled: Floats
    shift: NDArray[np.intp]
    points: Floats
    matrix: Floats
    noise: float

    @classmethod
    def of(cls, keys: Floats) -> Whitened:
        """Whiten by the singular value decomposition of the centred keys."""
        _, large = np.frexp(np.abs(keys).max(axis=0))
        within = np.ldexp(keys, -large)
        _, spread = np.frexp(np.ptp(within, axis=0))
        scaled = np.ldexp(within, -spread)
        centred = scaled - scaled[0]
        centred -= centred.mean(axis=0)
        _, singular, axes = np.linalg.svd(centred, full_matrices=False)
        rank = int((singular > max(keys.shape) * EPSILON * singular[0]).sum()) if singular[0] > 0 else 0
        matrix = axes[:rank].T / (singular[:rank] / np.sqrt(len(keys)))
        noise = 16 * EPSILON * max(1.0, float(np.linalg.norm(matrix, axis=0).max(initial=0.0)))
        return cls(scaled, -(large + spread), centred @ matrix, matrix, noise)


def check_keys(keys: ArrayLike, positions: Sequence[int]) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Keys as float64 (N, d), S sorted, and the other positions.

    Raises:
        AssayError: keys that are not finite numbers (N, d); positions that are not distinct, in range, or none.
    """
    given = _array("keys", keys)
    require(given.ndim == 2 and given.size > 0, "shape of keys", given.shape, "(N, d)")
    require_exact("keys", given)
    array = given.astype(np.float64)
    require(bool(np.isfinite(array).all()), "keys", "not finite", "finite numbers")
    chosen = _array("positions", positions)
    allowed = f"distinct integers from 0 to {len(array) - 1}, at least one"
    fits = chosen.ndim == 1 and chosen.size > 0 and chosen.dtype.kind in "iu"
    require(fits, "positions", chosen.tolist(), allowed)
    distinct = len(np.unique(chosen)) == len(chosen) and chosen.min() >= 0 and chosen.max() < len(array)
    require(bool(distinct), "positions", chosen.tolist(), allowed)
    others = np.ones(len(array), dtype=bool)
    others[chosen] = False
    return array, np.sort(chosen).astype(np.intp), np.flatnonzero(others)


def require_exact(name: str, array: NDArray[Any]) -> None:
    """Raise the standard error unless float64 holds these numbers exactly."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    exact = kind in "iu" or (kind == "f" and size <= 8)
    require(exact, f"dtype of {name}", array.dtype, "float64, or a type that converts to it without loss")
    if kind in "iu" and array.size:
        largest = max(abs(int(array.min())), abs(int(array.max())))
        require(largest <= 2**53, f"largest of integer {name}", largest, "at most 2^53, so that float64 holds it")


def _array(name: str, value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise AssayError(f"{name} are not an array: {str(error).splitlines()[0]}") from None


def face_candidates(
    white: Whitened, inside: NDArray[np.intp], outside: NDArray[np.intp]
) -> tuple[Floats | None, Floats]:
    """For `exists`, neither checked: a query (d,) in scaled coordinates, if one is at hand, and multipliers (N,)."""
    base = white.points[inside[0]]
    span = Span.of(white.points[inside[1:]] - base, white.noise)
    rows = (white.points[outside] - base) @ span.complement
    norms = np.linalg.norm(rows, axis=1)
    weights = np.zeros(len(white.points))
    if norms.max(initial=0.0) == 0:
        weights[outside[0]] = 1
        return None, weights
    direction, found = gordan(rows / np.maximum(norms, white.noise)[:, None])
    if norms.min() <= white.noise:
        weights[outside[np.argmin(norms)]] = 1
    else:
        weights[outside] = found / norms
        weights /= weights.sum()
    query = white.matrix @ (span.complement @ -direction)
    # refined once: a second time changes nothing
    wrong = (white.scaled[inside[1:]] - white.scaled[inside[0]]) @ query
    return query - white.matrix @ span.least(wrong), weights


def half_candidates(white: Whitened, inside: NDArray[np.intp], outside: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """For `separates`, neither checked: a query (d,) in scaled coordinates, and multipliers (N,)."""
    rows = np.column_stack([white.points, np.ones(len(white.points))])
    rows[outside] *= -1
    norms = np.linalg.norm(rows, axis=1)
    direction, found = gordan(rows / norms[:, None])
    weights = found / norms
    for half in (inside, outside):
        weights[half] /= 2 * max(weights[half].sum(), np.finfo(np.float64).tiny)
    return white.matrix @ direction[:-1], weights


@dataclass(frozen=True, eq=False)
class Span:
    """The span of some vectors, and what is orthogonal to it.

    Attributes:
        order: (k,), k of the vectors that are a basis.
        basis: float64 (r, k), orthonormal.
        factor: float64 (k, k), upper triangular: the vectors in order are basis @ factor.
        complement: float64 (r, r - k), orthonormal.
    """

    order: NDArray[np.intp]
    basis: Floats
    factor: Floats
    complement: Floats

    @classmethod
    def of(cls, vectors: Floats, noise: float) -> Span:
        """By a factorisation with pivots: `vectors` (n, r), those within `noise` of the span of others left out."""
        if not vectors.size:
            width = vectors.shape[1]
            return cls(np.zeros(0, dtype=np.intp), np.zeros((width, 0)), np.zeros((0, 0)), np.eye(width))
        orthonormal, upper, order = qr(vectors.T, pivoting=True, check_finite=False)
        rank = int((np.abs(np.diag(upper)) > noise).sum())
        return cls(order[:rank], orthonormal[:, :rank], upper[:rank, :rank], orthonormal[:, rank:])

    def least(self, products: Floats) -> Floats:
        """The shortest vector with these inner products with the vectors."""
        if not self.order.size:  # SciPy before 1.14 does not solve empty systems
            return np.zeros(len(self.basis))
        return self.basis @ solve_triangular(self.factor, products[self.order], trans="T", check_finite=False)

    def changes(self, others: Floats) -> Floats:
        """(n, k): what unit products with each vector in order add to the products of `least` with others (n, r)."""
        if not self.order.size:
            return np.zeros((len(others), 0))
        return solve_triangular(self.factor, (others @ self.basis).T, check_finite=False).T


def gordan(rows: Floats) -> tuple[Floats, Floats]:
    """x (m,) and y (n,) >= 0 with sum 1: rows @ x > 0, or else rows^T y = 0; both are returned, neither is checked.

    `rows` is (n, m), each of length 1. With M = [rows^T; 1], the y that minimises |M y - (0, 1)| over y >= 0 has, by
    its optimality, <row, rows^T y> >= |M y - (0, 1)|² for each row, so x = rows^T y will do unless it is zero.
    """
    count, width = rows.shape
    try:
        weights, _ = nnls(np.vstack([rows.T, np.ones(count)]), np.append(np.zeros(width), 1.0))
    except RuntimeError:  # it ran out of iterations
        return _program(rows)
    weights /= weights.sum()
    # where weights are positive <row, x> is the same: solving for that is more accurate than adding up the rows
    direction = lstsq(rows[weights > 0], np.ones(int((weights > 0).sum())), check_finite=False)[0]
    if not (rows @ direction > 0).all():
        direction = rows.T @ weights
    return direction, weights


def _program(rows: Floats) -> tuple[Floats, Floats]:
    """The same by a linear program: the largest t with <row, x> >= t for each row and |x_c| <= 1."""
    count, width = rows.shape
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least that HiGHS allows
    solution = linprog(
        np.append(np.zeros(width), -1.0), A_ub=np.column_stack([-rows, np.ones(count)]), b_ub=np.zeros(count),
        bounds=[(-1, 1)] * width + [(None, None)], method="highs-ds", options=tight,
    )  # fmt: skip
    if solution.status != 0:
        return np.zeros(width), np.full(count, 1 / count)
    weights = np.maximum(-solution.ineqlin.marginals, 0.0)
    return solution.x[:-1], weights / weights.sum()


def _differences(white: Whitened, places: NDArray[np.intp], base: np.intp, query: Floats) -> tuple[Floats, Floats]:
    """Scores of some keys less that of `base`, and bounds on their rounding errors; each (len(places),)."""
    offsets = white.scaled[places] - white.scaled[base]
    return offsets @ query, (len(query) + 2) * EPSILON * (np.abs(offsets) @ np.abs(query))


def is_face(white: Whitened, inside: NDArray[np.intp], outside: NDArray[np.intp], query: Floats) -> bool:
    """Whether scores in S are equal within rounding, and others lower even after a change that makes them equal."""
    unequal, error = _differences(white, inside[1:], inside[0], query)
    above, doubt = _differences(white, outside, inside[0], query)
    base = white.points[inside[0]]
    span = Span.of(white.points[inside[1:]] - base, white.noise)
    repair = np.abs(span.changes(white.points[outside] - base)) @ (np.abs(unequal) + error)[span.order]
    equal = (np.abs(unequal) <= max(doubt.max(), error.max(initial=0.0))).all()
    return bool(equal and (above + doubt + repair < 0).all())


def _is_above(white: Whitened, inside: NDArray[np.intp], outside: NDArray[np.intp], query: Floats) -> bool:
    """Whether all scores in S are larger than all others by more than rounding."""
    scores, _ = _differences(white, inside, inside[0], query)
    lowest = inside[np.argmin(scores)]
    above, doubt = _differences(white, outside, lowest, query)
    below, error = _differences(white, inside, lowest, query)
    return bool((above + doubt).max() < (below - error).min())


def _yes(white: Whitened, inside: NDArray[np.intp], outside: NDArray[np.intp], query: Floats) -> Found:
    """The answer with its margin, and the query in the coordinates of the keys that were given."""
    scores, _ = _differences(white, np.arange(len(white.scaled)), inside[0], query)
    margin = (scores[inside].min() - scores[outside].max()) / np.ptp(scores)
    sizes = np.frexp(query)[1] + white.shift
    powers = white.shift - sizes[query != 0].max()
    unscaled = np.ldexp(query, powers)
    if (np.ldexp(unscaled, -powers) != query).any():  # coordinates of sizes too different for float64
        return Found("undecided")
    return Found("yes", unscaled, float(margin))


def _no(white: Whitened, inside: NDArray[np.intp], outside: NDArray[np.intp], weights: Floats, hull: bool) -> Found:
    """The answer no if the multipliers hold up to ROUNDING, else undecided.

    The mean that they give to keys outside has to be a mean of keys in S with their weights (`hull`), or with any.
    """
    offsets = white.scaled - white.scaled[inside[0]]
    mean = weights[outside] @ offsets[outside]
    members = offsets[inside].T
    coefficients = weights[inside] if hull else lstsq(members, mean, check_finite=False)[0]
    left = mean - members @ coefficients
    if np.abs(left).max() <= ROUNDING * (weights[outside].sum() + np.abs(coefficients).sum()):
        return Found("no", multipliers=weights)
    return Found("undecided")
