"""How long a query must be to average exactly a set of positions: a convex program, solved with a bound on both sides.

For the keys k_j of a head that scores scale * <w, k_j>, and a set S of q positions, the needed norm is the least |w|
with equal scores on S and at least the share `mass` of the softmax on S. With a_j = scale * P (k_j - mean of S), P the
projection onto what is orthogonal to the differences of keys of S, this is

    minimise |w|^2 / 2   subject to   log sum_{j not in S} exp <a_j, w>  <=  log(q (1 - mass) / mass),

one smooth convex condition f(w) <= b. For a multiplier l, the minimum over w of |w|^2 / 2 + l (f(w) - b) is a lower
bound of the optimum (weak duality), found by Newton's method; raising l until f = b closes the gap.

Rounding is bounded too. Rows found in float64 are within some d of the a_j, so f is within d |w|, and so a query that
has f(w) + d |w| <= b does, while one of norm n that does has f <= b + d n, from which n^2 / 2 + l d n is at least the
lower bound above. d grows where keys of S are nearly dependent, up to where nothing is known of the needed norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from assay.errors import require
from assay.probing.rational import integers

MASS = 0.9  # of the softmax that must be on the set
GAP = 1e-3  # largest relative difference between the two bounds of a needed norm that was found
FAR = 1e4  # a query longer than this many times ln(N) over the median distance of keys is not looked for
_NUMBERS = 4_000_000  # of differences between keys that are held at once
_STEPS, _NEWTON, _HALVINGS = 80, 60, 40
_TIE = 1e-12  # in the logarithm of the mass: equal scores that give exactly the mass asked for are enough
_SAME = 1e-9  # relative difference of multipliers from which on the bounds are as close as rounding lets them be
_EPSILON = float(np.finfo(np.float64).eps)
_RESIDUAL = 1e-5  # of the gradient, relative to the query: the lower bound loses its square

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Norms:
    """Needed norms of some sets, bounded from both sides.

    Attributes:
        at_least: float64 (sets,); no shorter query does.
        at_most: float64 (sets,); some query no longer than this does; infinite where none was found.
        queries: float64 (sets, d); those queries within rounding, NaN where none was found.
    """

    at_least: Floats
    at_most: Floats
    queries: Floats


def needed_norms(keys: NDArray[np.floating], sets: NDArray[np.integer], *, scale: float, mass: float = MASS) -> Norms:
    """Needed norms of sets of equal size, of the keys given: rounding errors are within the bounds.

    Where both bounds are finite they are within the share GAP of each other, or as close as rounding allows. A set has
    `at_most` infinite where the lower bound passes FAR ln(N) / (scale * median distance of the keys from their
    coordinates' medians), so in particular where no query does at all, and where its keys are so nearly dependent that
    rounding leaves it open.
    Scaling all keys scales all norms.
    Time O(sets * N d^2) for each of some tens of Newton steps; memory O(N d) for each set at work.

    Args:
        keys: (N, d).
        sets: (sets, q), positions, distinct in each row.
        scale: of the scores.
        mass: share of the softmax that must be on the set, above 0 and below 1.

    >>> keys = np.eye(4)  # orthonormal: the query along the keys of S, by symmetry
    >>> found = needed_norms(keys, np.array([[0, 1]]), scale=1.0)
    >>> direction = found.queries[0] / found.queries[0, 0]
    >>> direction.round(4).tolist(), round(softmax_on(keys @ found.queries[0], [0, 1]), 3)
    ([1.0, 1.0, -1.0, -1.0], 0.9)

    Raises:
        AssayError: mass is not between 0 and 1.
    """
    require(0 < mass < 1, "mass", mass, "above 0 and below 1")
    keys = np.asarray(keys, dtype=np.float64)
    _, size = np.frexp(np.abs(keys).max())
    keys = np.ldexp(keys, -size)  # exact; what is small is then small beside 1
    rows = max(1, _NUMBERS // keys.size)
    blocks = [_solve(keys, sets[start : start + rows], mass) for start in range(0, len(sets), rows)]
    at_least, at_most, queries = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    unit = np.ldexp(float(scale), size)
    return Norms(at_least / unit, at_most / unit, queries / unit)


def softmax_on(scores: Floats, positions: list[int]) -> float:
    """The softmax mass of these scores on these positions."""
    weights = np.exp(scores - scores.max())
    return float(weights[positions].sum() / weights.sum())


def _solve(keys: Floats, sets: NDArray[np.integer], mass: float) -> tuple[Floats, Floats, Floats]:
    """Bounds and queries of a block of sets, for scores that are products with the keys."""
    count, (length, width), sparsity = len(sets), keys.shape, sets.shape[1]
    at_least, at_most = np.zeros(count), np.full(count, np.inf)
    queries = np.full((count, width), np.nan)
    ceiling = np.log(sparsity * (1 - mass) / mass)
    if length == sparsity or np.log(length - sparsity) <= ceiling + _TIE:
        return at_least, np.zeros(count), np.zeros((count, width))
    rows, doubt = _differences(keys, sets)
    longest = np.linalg.norm(rows, axis=2).max(axis=1)
    size = np.square(rows).sum(axis=2).mean(axis=1)
    far = _far(keys)
    low, high = np.zeros(count), np.full(count, np.inf)  # multipliers known to be too small, and large enough
    multiplier = np.divide(1.0, size, out=np.ones(count), where=size > 0)
    at = np.zeros((count, width))
    todo = np.flatnonzero(np.isfinite(doubt))
    for _ in range(_STEPS if len(todo) else 0):
        at[todo], value, residual, slope = _minimise(rows[todo], at[todo], multiplier[todo])
        norm = np.linalg.norm(at[todo], axis=1)
        error = doubt[todo] * norm + 4 * length * _EPSILON * (1 + np.abs(value))
        residual += 2 * multiplier[todo] * longest[todo] * error
        bound = norm**2 / 2 + multiplier[todo] * (value - ceiling - error) - residual**2 / 2
        slack = multiplier[todo] * doubt[todo]
        at_least[todo] = np.maximum(at_least[todo], np.sqrt(slack**2 + 2 * np.maximum(bound, 0)) - slack)
        does = value + error <= ceiling
        better = todo[does & (norm < at_most[todo])]
        at_most[better] = np.linalg.norm(at[better], axis=1) * (1 + keys.shape[1] * _EPSILON)
        queries[better] = at[better]
        high[todo[does]], low[todo[~does]] = multiplier[todo[does]], multiplier[todo[~does]]
        multiplier[todo] = _next(multiplier[todo], low[todo], high[todo], value + error - ceiling, slope)
        closed = (at_most[todo] <= (1 + GAP) * at_least[todo]) | (high[todo] <= (1 + _SAME) * low[todo])
        todo = todo[~closed & (at_least[todo] <= far)]
        if not len(todo):
            break
    beyond = at_least > far
    at_most[beyond], queries[beyond] = np.inf, np.nan
    return at_least, at_most, queries


def _far(keys: Floats) -> float:
    """The norm beyond which no query is looked for. Medians, since one key may be longer than all others together."""
    distances = np.linalg.norm(keys - np.median(keys, axis=0), axis=1)
    typical = float(np.median(distances)) or float(np.sqrt(np.square(distances).mean()))
    return FAR * np.log(len(keys)) / typical if typical > 0 else 0.0


def _differences(keys: Floats, sets: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """The rows a_j for every position off the set: (sets, N - q, d), and bounds of their errors: (sets,).

    The bound takes LAPACK's singular values to be within `least` of exact ones, at least four roundings of the largest,
    and the space of their axes to tilt by no more than twice that over the smallest of those kept (Wedin). It is
    infinite where the tilt may be a half, and where keys of S are dependent within rounding but not exactly.
    """
    count = len(sets)
    off = np.ones((count, len(keys)), dtype=bool)
    np.put_along_axis(off, sets, False, axis=1)
    others = np.nonzero(off)[1].reshape(count, -1)
    centre = keys[sets].mean(axis=1, keepdims=True)
    within = keys[sets] - centre
    _, sizes, axes = np.linalg.svd(within, full_matrices=False)
    # Rounding leaves about eps * |k| in the differences, and equal keys nothing else.
    unit = 8 * _EPSILON * max(keys.shape)
    least = unit * np.abs(keys[sets]).max(axis=(1, 2))
    kept = sizes > least[:, None]
    axes = axes * kept[:, :, None]
    rows = keys[others] - centre
    lengths = np.linalg.norm(rows, axis=2)
    rows -= (rows @ axes.transpose(0, 2, 1)) @ axes
    nothing = np.maximum(unit * np.abs(keys[others]).max(axis=2), least[:, None])
    rows[np.linalg.norm(rows, axis=2) <= nothing] = 0
    tilt = 2 * least / np.where(kept, sizes, np.inf).min(axis=1)
    ranks = kept.sum(axis=1)
    short = np.flatnonzero(ranks < min(sets.shape[1] - 1, keys.shape[1]))
    tilt[[place for place in short if _rank(keys[sets[place]]) > ranks[place]]] = np.inf
    doubt = (np.minimum(tilt, 1)[:, None] * lengths + 2 * nothing).max(axis=1)
    return rows, np.where(tilt < 0.5, doubt, np.inf)


def _rank(points: Floats) -> int:
    """The dimension of the affine hull, exact."""
    whole, _ = integers(points.tolist())
    return fmpz_mat([[a - b for a, b in zip(row, whole[0], strict=True)] for row in whole]).rank()


def _minimise(rows: Floats, at: Floats, multiplier: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Minimisers of |w|^2 / 2 + l f(w) by damped Newton steps from `at`.

    Returns the minimisers, f there, the norms of the gradients that are left, and by how much f falls when l grows by
    the factor e, to first order.
    """
    at = at.copy()
    value, weights = _log_sum(rows, at)
    todo = np.arange(len(at))
    residual, slope = np.zeros(len(at)), np.zeros(len(at))
    for last in range(_NEWTON + 1):
        factor = multiplier[todo, None]
        mean = np.einsum("bn,bnd->bd", weights[todo], rows[todo])
        gradient = at[todo] + factor * mean
        weighted = rows[todo] * np.sqrt(weights[todo])[:, :, None]
        curvature = weighted.transpose(0, 2, 1) @ weighted - mean[:, :, None] * mean[:, None, :]
        curvature = np.eye(at.shape[1]) + factor[:, :, None] * curvature
        solved = np.linalg.solve(curvature, np.stack([gradient, mean], axis=2))
        step = solved[:, :, 0]
        residual[todo] = np.linalg.norm(gradient, axis=1)
        slope[todo] = multiplier[todo] * np.einsum("bd,bd->b", mean, solved[:, :, 1])
        going = residual[todo] > _RESIDUAL * np.maximum(np.linalg.norm(at[todo], axis=1), 1e-12)
        todo, step = todo[going], step[going]
        if not len(todo) or last == _NEWTON:
            break
        decrease = np.einsum("bd,bd->b", gradient[going], step)
        at[todo], value[todo], weights[todo] = _search(
            rows[todo], at[todo], value[todo], multiplier[todo], step, decrease
        )
    return at, value, residual, slope


def _search(
    rows: Floats, at: Floats, value: Floats, multiplier: Floats, step: Floats, decrease: Floats
) -> tuple[Floats, Floats, Floats]:
    """A step back along `step`, halved until the objective falls enough; the point, f and the softmax weights there."""
    before = np.square(at).sum(axis=1) / 2 + multiplier * value
    size = np.ones(len(at))
    for _ in range(_HALVINGS):
        to = at - size[:, None] * step
        value, weights = _log_sum(rows, to)
        after = np.square(to).sum(axis=1) / 2 + multiplier * value
        short = after > before - 1e-4 * size * decrease + 1e-13 * np.abs(before)
        if not short.any():
            break
        size[short] /= 2
    return to, value, weights


def _log_sum(rows: Floats, at: Floats) -> tuple[Floats, Floats]:
    """f(w), and the softmax weights of the rows: (sets,) and (sets, rows)."""
    scores = (rows @ at[:, :, None])[:, :, 0]
    top = scores.max(axis=1, keepdims=True)
    weights = np.exp(scores - top)
    total = weights.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], weights / total


def _next(multiplier: Floats, low: Floats, high: Floats, excess: Floats, slope: Floats) -> Floats:
    """The next multiplier: Newton's on its logarithm, kept within the bracket and at most a factor of 8 away."""
    with np.errstate(divide="ignore", invalid="ignore"):
        move = np.nan_to_num(excess / slope, nan=2.0, posinf=2.0, neginf=-2.0)
    # A little beyond the root, so that the condition is met and the bracket closes from both sides.
    found = multiplier * np.exp(np.clip(move + 1e-5, -2.08, 2.08))
    middle = np.where(np.isinf(high), 8 * multiplier, np.sqrt(np.maximum(low, 1e-300) * high))
    inside = (found > low) & (found < high)
    return np.where(inside, found, middle)
