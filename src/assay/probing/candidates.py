"""Keys, and what float64 finds for them: queries that may do, and multipliers that may refute them; none is checked.

Whether a query can average exactly a set of keys, or rank it above the rest, asks for a vector x with <row, x> > 0 for
every row of a matrix, and by Gordan's theorem either there is one or there are multipliers y >= 0, sum 1, with
rows^T y = 0. The point of least norm in the convex hull of the rows tells which (it is x, or it is zero with weights
y), and non-negative least squares finds it (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23). Where
that does not come to an end, a linear program is solved by HiGHS.

The answers do not change under affine maps of the keys, nor when a row is scaled. So keys are centred and whitened and
rows normalised first: keys of real heads have means far larger than their spread and spectra over four decades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lstsq, qr, solve_triangular
from scipy.optimize import linprog, nnls

from assay.errors import AssayError, require

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Whitened:
    """Keys in coordinates in which they are centred and have the identity as covariance.

    Attributes:
        scaled: float64 (N, d), the keys with each coordinate times a power of two, so that its range is about 1.
        shift: (d,), these powers: scaled = keys * 2^shift.
        exact: whether that holds without rounding. It does unless a coordinate of some key is too small beside those
            of others for float64: 2^-970 of their range.
        points: float64 (N, r), whitened, r the rank.
        matrix: float64 (d, r), with points = (scaled - mean) @ matrix.
        noise: about the largest rounding error in points.
    """

    scaled: Floats
    shift: Places
    exact: bool
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
        shift = -(large + spread)
        exact = bool((np.ldexp(np.ldexp(scaled, spread), large) == keys).all())
        return cls(scaled, shift, exact, centred @ matrix, matrix, noise)


def check_keys(keys: ArrayLike, positions: Sequence[int]) -> tuple[Floats, Places, Places]:
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
    places = np.sort(chosen).astype(np.intp)
    others[places] = False
    return array, places, np.flatnonzero(others)


def require_exact(name: str, array: NDArray[np.generic]) -> None:
    """Raise the standard error unless float64 holds these numbers exactly."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    exact = kind in "iu" or (kind == "f" and size <= 8)
    require(exact, f"dtype of {name}", array.dtype, "float64, or a type that converts to it without loss")
    if kind in "iu" and array.size:
        largest = max(abs(int(array.min())), abs(int(array.max())))
        require(largest <= 2**53, f"largest of integer {name}", largest, "at most 2^53, so that float64 holds it")


def _array(name: str, value: object) -> NDArray[np.generic]:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise AssayError(f"{name} are not an array: {str(error).splitlines()[0]}") from None


def face_candidates(white: Whitened, inside: Places, outside: Places) -> tuple[Floats | None, Floats, Span]:
    """For keys in S with equal scores and others with lower ones: a query (d,) in scaled coordinates, if one is at
    hand, and multipliers (N,) that may refute every query; with the span of the differences of the whitened keys in S.
    """
    base = white.points[inside[0]]
    span = Span.of(white.points[inside[1:]] - base, white.noise)
    rows = (white.points[outside] - base) @ span.complement
    norms = np.linalg.norm(rows, axis=1)
    weights = np.zeros(len(white.points))
    if norms.max(initial=0.0) == 0:
        weights[outside[0]] = 1
        return None, weights, span
    direction, found = gordan(rows / np.maximum(norms, white.noise)[:, None])
    if norms.min() <= white.noise:
        weights[outside[np.argmin(norms)]] = 1
    else:
        weights[outside] = found / norms
        weights /= weights.sum()
    query = white.matrix @ (span.complement @ -direction)
    # refined once: a second time changes nothing
    wrong = (white.scaled[inside[1:]] - white.scaled[inside[0]]) @ query
    return query - white.matrix @ (span.inverse @ wrong[span.order]), weights, span


def half_candidates(white: Whitened, inside: Places, outside: Places) -> tuple[Floats, Floats]:
    """For keys in S with larger scores than all others: a query (d,) in scaled coordinates, and multipliers (N,)."""
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
        inverse: float64 (r, k): the shortest vector with products p with these vectors is inverse @ p.
        complement: float64 (r, r - k), orthonormal.
    """

    order: Places
    inverse: Floats
    complement: Floats

    @classmethod
    def of(cls, vectors: Floats, noise: float) -> Span:
        """By a factorisation with pivots: `vectors` (n, r), those within `noise` of the span of others left out."""
        if not vectors.size:
            width = vectors.shape[1]
            return cls(np.zeros(0, dtype=np.intp), np.zeros((width, 0)), np.eye(width))
        orthonormal, upper, order = qr(vectors.T, pivoting=True, check_finite=False)
        rank = int((np.abs(np.diag(upper)) > noise).sum())
        return cls(order[:rank], right_inverse(orthonormal[:, :rank], upper[:rank, :rank]), orthonormal[:, rank:])


def right_inverse(orthonormal: Floats, upper: Floats) -> Floats:
    """(n, m), the right inverse of least norm of the matrix (m, n) whose transpose is `orthonormal` @ `upper`."""
    if not upper.size:  # SciPy before 1.14 does not solve empty systems
        return np.zeros(orthonormal.shape)
    return solve_triangular(upper, orthonormal.T, check_finite=False).T


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
        np.append(np.zeros(width), -1.0),
        A_ub=np.column_stack([-rows, np.ones(count)]),
        b_ub=np.zeros(count),
        bounds=[(-1, 1)] * width + [(None, None)],
        method="highs-ds",
        options=tight,
    )
    if solution.status != 0:
        return np.zeros(width), np.full(count, 1 / count)
    weights = np.maximum(-solution.ineqlin.marginals, 0.0)
    return solution.x[:-1], weights / weights.sum()
