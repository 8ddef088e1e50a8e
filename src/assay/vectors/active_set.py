"""Wolfe's active-set method for the nearest points of two convex hulls, compiled; see `hulls` for its place.

Of points p_1 ... p_m the first k span one hull, the others the second. Column i of Z is (s_i p_i, [i < k], [i >= k])
with s_i = 1 for i < k, else -1. For active columns Z = Q R, the weights a with sum 1 on each side that minimise
|sum s_i a_i p_i| solve Z^T Z a = E^T l, E the two last rows: with u_1, u_2 = R^-T (rows of E) and U their matrix,
l = (U U^T)^-1 (1, 1), and Z a = Q (l_1 u_1 + l_2 u_2), whose first d coordinates are the difference of the points.

Q is kept by rows and R by columns, each contiguous: `basis[j]` is column j of Q, `upper[j]` is column j of R.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_NOISE = 1e-15  # of scores of points of length about 1, for a direction of length 1
_SHORT = 1e-3  # of the difference of nearest points: below, rounding errors of Q, which are of length 1, weigh
_DEPENDENT = 1e-13  # a column this near to the span of others is in it
_SMALLEST = 1e-300


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})
def _dot(a: Floats, b: Floats, count: int) -> float:
    total = 0.0
    for c in range(count):
        total += a[c] * b[c]
    return total


@njit(cache=True, nogil=True)
def _add(column: Floats, basis: Floats, upper: Floats, count: int) -> bool:
    """Add a column, by Gram-Schmidt twice; whether it is independent of the others."""
    size = len(column)
    length = np.sqrt(_dot(column, column, size))
    row = upper[count]
    row[:count] = 0.0
    for _ in range(2):
        for j in range(count):
            part = _dot(basis[j], column, size)
            row[j] += part
            for c in range(size):
                column[c] -= part * basis[j, c]
    left = np.sqrt(_dot(column, column, size))
    if left <= _DEPENDENT * length:
        return False
    row[count] = left
    for c in range(size):
        basis[count, c] = column[c] / left
    return True


@njit(cache=True, nogil=True)
def _delete(place: int, basis: Floats, upper: Floats, count: int) -> None:
    """Delete a column, by Givens rotations."""
    size = basis.shape[1]
    for j in range(place, count - 1):
        for r in range(j + 2):
            upper[j, r] = upper[j + 1, r]
    for j in range(place, count - 1):
        a, b = upper[j, j], upper[j, j + 1]
        h = np.hypot(a, b)
        c, s = a / h, b / h
        upper[j, j] = h
        for later in range(j + 1, count - 1):
            first, second = upper[later, j], upper[later, j + 1]
            upper[later, j] = c * first + s * second
            upper[later, j + 1] = c * second - s * first
        for k in range(size):
            first, second = basis[j, k], basis[j + 1, k]
            basis[j, k] = c * first + s * second
            basis[j + 1, k] = c * second - s * first


@njit(cache=True, nogil=True)
def _minimiser(
    support: Indices,
    inside: int,
    basis: Floats,
    upper: Floats,
    sides: Floats,
    start: int,
    count: int,
    target: Floats,
    direction: Floats,
) -> None:
    """The weights (into `target`) and the difference (into `direction`) for the active columns; `sides` is U.

    Columns of U before `start` are known.
    """
    for j in range(start, count):
        for side in range(2):
            wanted = 1.0 if (support[j] < inside) == (side == 0) else 0.0
            sides[side, j] = (wanted - _dot(upper[j], sides[side], j)) / upper[j, j]
    both = _dot(sides[0], sides[1], count)
    first, second = _dot(sides[0], sides[0], count), _dot(sides[1], sides[1], count)
    determinant = first * second - both * both
    one, two = (second - both) / determinant, (first - both) / determinant
    width = len(direction)
    direction[:] = 0.0
    for j in range(count):
        part = one * sides[0, j] + two * sides[1, j]
        target[j] = part
        for c in range(width):
            direction[c] += part * basis[j, c]
    for j in range(count - 1, -1, -1):
        target[j] /= upper[j, j]
        for r in range(j):
            target[r] -= target[j] * upper[j, r]


@njit(cache=True, nogil=True)
def _refine(
    points: Floats,
    support: Indices,
    inside: int,
    basis: Floats,
    upper: Floats,
    count: int,
    weights: Floats,
    direction: Floats,
) -> None:
    """Correct a short direction: active points of a hull have equal scores, and these differ by what is wrong in it."""
    width = len(direction)
    wrong, level = np.empty(count), np.zeros(2)
    for j in range(count):
        wrong[j] = _dot(points[support[j]], direction, width)
        level[0 if support[j] < inside else 1] += weights[j] * wrong[j]
    for j in range(count):
        is_inside = support[j] < inside
        left = level[0] - wrong[j] if is_inside else wrong[j] - level[1]
        wrong[j] = (left - _dot(upper[j], wrong, j)) / upper[j, j]
    for j in range(count):
        for c in range(width):
            direction[c] += wrong[j] * basis[j, c]


@njit(cache=True, nogil=True)
def _put(column: Floats, point: Floats, is_inside: bool) -> None:
    """The column of Z of a point."""
    width = len(point)
    sign = 1.0 if is_inside else -1.0
    for c in range(width):
        column[c] = sign * point[c]
    column[width], column[width + 1] = (1.0, 0.0) if is_inside else (0.0, 1.0)


@njit(cache=True, nogil=True)
def _furthest(
    points: Floats, inside: int, support: Indices, count: int, weights: Floats, direction: Floats
) -> tuple[int, float]:
    """The point whose score is furthest on the wrong side of its hull's level, and by how much."""
    width = points.shape[1]
    level = np.zeros(2)
    scores = np.empty(len(points))
    for i in range(len(points)):
        scores[i] = _dot(points[i], direction, width)
    for j in range(count):
        level[0 if support[j] < inside else 1] += weights[j] * scores[support[j]]
    best, most = -1, 0.0
    for i in range(len(points)):
        wrong = level[0] - scores[i] if i < inside else scores[i] - level[1]
        if wrong > most:
            best, most = i, wrong
    return best, most


@njit(cache=True, nogil=True)
def nearest_points(
    points: Floats,
    inside: int,
    support: Indices,
    weights: Floats,
    basis: Floats,
    upper: Floats,
    count: int,
    direction: Floats,
    gap: float,
) -> int:
    """Go on to the nearest points of the hulls of points[:inside] and points[inside:]; active columns at the end.

    Args:
        points: (m, d), of length about 1 at most.
        inside: points of the first hull, the first ones.
        support: (d + 2,), indices of the active columns, `count` of them; if that is 0, the first two are one of each
            hull, to begin with.
        weights: (d + 2,), theirs.
        basis: (d + 2, d + 2), Q, by rows.
        upper: (d + 2, d + 2), R, by columns.
        count: active columns.
        direction: (d,), receives the difference of the nearest points.
        gap: stop when no point is on the wrong side by more than this share of the squared distance.

    Arrays but `points` are changed in place, and fit a later call with more points after the ones given.
    """
    width = points.shape[1]
    column, target, sides = np.empty(width + 2), np.empty(width + 2), np.zeros((2, width + 2))
    if count == 0:
        for place in range(2):
            _put(column, points[support[place]], place == 0)
            _add(column, basis, upper, place)
        count = 2
    _minimiser(support, inside, basis, upper, sides, 0, count, target, direction)
    weights[:count] = target[:count]
    if _dot(direction, direction, width) < _SHORT**2:
        _refine(points, support, inside, basis, upper, count, weights, direction)
    squared = _dot(direction, direction, width)
    for _ in range(50 * (width + len(points))):
        entering, wrong = _furthest(points, inside, support, count, weights, direction)
        if wrong <= max(gap * squared, _NOISE * np.sqrt(squared), _SMALLEST):
            return count
        if count == width + 2:
            return count
        for j in range(count):
            if support[j] == entering:
                return count
        _put(column, points[entering], entering < inside)
        if not _add(column, basis, upper, count):
            return count
        support[count], weights[count] = entering, 0.0
        count += 1
        changed = count - 1
        while True:
            _minimiser(support, inside, basis, upper, sides, changed, count, target, direction)
            step, leaving = 1.0, -1
            for j in range(count):
                if target[j] <= 0.0:
                    most = weights[j] / (weights[j] - target[j]) if weights[j] > 0.0 else 0.0
                    if most < step or leaving < 0:
                        step, leaving = most, j
            if leaving < 0:
                weights[:count] = target[:count]
                if _dot(direction, direction, width) < _SHORT**2:
                    _refine(points, support, inside, basis, upper, count, weights, direction)
                break
            for j in range(count):
                weights[j] += step * (target[j] - weights[j])
            is_entering = support[leaving] == entering
            _delete(leaving, basis, upper, count)
            support[leaving : count - 1] = support[leaving + 1 : count].copy()
            weights[leaving : count - 1] = weights[leaving + 1 : count].copy()
            count -= 1
            changed = leaving
            if is_entering:
                _minimiser(support, inside, basis, upper, sides, changed, count, target, direction)
                weights[:count] = target[:count]
                return count
        now = _dot(direction, direction, width)
        if now >= squared:
            return count
        squared = now
    return count
