"""The largest share of the softmax that a query of a budget can put on a set of keys, with equal scores on the set.

For queries centre + axes u with |u| <= 1, scores on the set S that all equal c, and f(u) = log of the sum over visible
j off S of exp(score_j - c), the share is q / (q + e^f), so the best one minimises f: convex, on a ball cut by the
equations of equal scores. Those are solved first; what is left is a smooth convex function on a smaller ball. Each step
minimises its quadratic model on the ball exactly (an eigenvalue problem and one unknown) and searches on the way there.

Both sides are bounded. A query found shows that its share is reached. By convexity no query of the ball has f below
f(u) + min over |v| <= R of <g, v - u> = f(u) - <g, u> - R |g|, with g the gradient at u. That is proved in exact
arithmetic; rounding errors of float64 are not bounded (for needed norms in a ball `assay.probing.reach` bounds them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import require
from assay.probing.budget import Budget
from assay.probing.reach import MASS

GAP = 1e-6  # nats between both bounds, where steps are not exhausted
_STEPS, _HALVINGS, _SECULAR = 80, 40, 60
_NUMBERS = 4_000_000  # of rows that are held at once
_SAME = 1e-9  # relative: differences of scores on a set that no query can remove
_EPSILON = float(np.finfo(np.float64).eps)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Margins:
    """Log-odds of the best share on each set, above those of the share asked for, in nats; 0 or more is reached.

    Attributes:
        at_least: float64 (sets,); a query that was found has this margin; minus infinity where no query has equal
            scores on the set, infinity where the set is all that is visible.
        at_most: float64 (sets,); no query of the budget has more.
        queries: float64 (sets, d), those found; NaN where there is none.
        mass: the share asked for.
    """

    at_least: Floats
    at_most: Floats
    queries: Floats
    mass: float

    @property
    def shares(self) -> Floats:
        """The shares of the softmax of the queries found, (sets,)."""
        odds = self.at_least + np.log(self.mass / (1 - self.mass))
        return 1 / (1 + np.exp(-np.clip(odds, -700, 700)))

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Whether each set is in reach, (sets,)."""
        return self.at_least >= 0


def best_margins(
    keys: NDArray[np.floating],
    sets: NDArray[np.integer],
    budget: Budget,
    *,
    scale: float,
    visible: NDArray[np.bool_] | None = None,
    mass: float = MASS,
) -> Margins:
    """How far each set is within, or out of, the reach of a budget.

    Time O(sets * (N d^2 + d^3)) a step, some ten steps; memory O(N d) for each set at work, and never N x N.

    Args:
        keys: (N, d).
        sets: (sets, q) positions, distinct in each row.
        budget: of queries, of width d.
        scale: of the scores.
        visible: bool (sets, N), the keys that count for each set; all unless given.
        mass: the share asked for, above 0 and below 1.

    Raises:
        AssayError: shapes that do not fit, positions that are not there, twice in a set or not visible, or mass
            outside (0, 1).

    >>> from assay.probing.budget import query_budget
    >>> found = best_margins(np.eye(4), np.array([[0], [3]]), query_budget(9 * np.eye(4), "ball"), scale=1.0)
    >>> found.reached.tolist(), found.shares.round(3).tolist()
    ([True, True], [1.0, 1.0])
    """
    keys, sets = np.asarray(keys, dtype=np.float64), np.asarray(sets)
    visible = _checked(keys, sets, budget, visible, mass)
    rows = scale * (keys @ budget.axes)
    offsets = scale * (keys @ budget.centre)
    block = max(1, _NUMBERS // max(rows.size, 1))
    asked = np.log(sets.shape[1]) - np.log(mass / (1 - mass))
    parts = [
        _solve(rows, offsets, sets[start : start + block], visible[start : start + block])
        for start in range(0, len(sets), block)
    ]
    value, low, at = (np.concatenate(part) for part in zip(*parts, strict=True))
    with np.errstate(invalid="ignore"):
        queries = budget.centre + at @ budget.axes.T
    return Margins(asked - value, asked - low, queries, mass)


def _checked(
    keys: Floats, sets: NDArray[np.integer], budget: Budget, visible: NDArray[np.bool_] | None, mass: float
) -> NDArray[np.bool_]:
    require(0 < mass < 1, "mass", mass, "above 0 and below 1")
    require(keys.ndim == 2 and keys.size > 0, "shape of keys", keys.shape, "(N, d), each at least 1")
    require(len(budget.centre) == keys.shape[1], "width of keys", keys.shape[1], f"{len(budget.centre)}, the budget's")
    require(sets.ndim == 2 and sets.size > 0, "shape of sets", sets.shape, "(sets, q), each at least 1")
    inside = sets.min() >= 0 and sets.max() < len(keys)
    require(bool(inside), "positions", (int(sets.min()), int(sets.max())), f"from 0 to {len(keys) - 1}")
    twice = (np.diff(np.sort(sets, axis=1), axis=1) == 0).any()
    require(not twice, "set", "a position twice", "different positions")
    if visible is None:
        visible = np.ones((len(sets), len(keys)), dtype=bool)
    require(visible.shape == (len(sets), len(keys)), "shape of visible", visible.shape, f"({len(sets)}, {len(keys)})")
    seen = bool(np.take_along_axis(visible, sets, axis=1).all())
    require(seen, "positions of a set", "not all visible", "visible ones")
    return visible


def _solve(
    rows: Floats, offsets: Floats, sets: NDArray[np.integer], visible: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """f at the minimisers, lower bounds of it, and the minimisers u: (sets,), (sets,) and (sets, r)."""
    count, width = len(sets), rows.shape[1]
    off = visible.copy()
    np.put_along_axis(off, sets, False, axis=1)
    mean, level = rows[sets].mean(axis=1), offsets[sets].mean(axis=1)
    start, radius, axes = _equal(rows[sets] - mean[:, None], offsets[sets] - level[:, None])
    moved = rows[None] - mean[:, None]
    constant = np.where(off, offsets - level[:, None] + np.einsum("bnr,br->bn", moved, np.nan_to_num(start)), -np.inf)
    moved -= (moved @ axes.transpose(0, 2, 1)) @ axes
    value, low, at = np.full(count, np.inf), np.full(count, np.inf), np.full((count, width), np.nan)
    possible = np.isfinite(radius)
    alone = possible & ~off.any(axis=1)
    value[alone] = low[alone] = -np.inf
    at[alone] = start[alone]
    todo = np.flatnonzero(possible & ~alone)
    if todo.size:
        found, value[todo], low[todo] = _minimise(moved[todo], constant[todo], radius[todo], axes[todo])
        at[todo] = start[todo] + found
    return value, low, at


def _equal(within: Floats, levels: Floats) -> tuple[Floats, Floats, Floats]:
    """The shortest u with within @ u = -levels, the radius of the ball that is left around it, and its axes.

    `within` is (sets, q, r), the axes are (sets, min(q, r), r), zero where not needed; radius is NaN where no u of
    norm up to 1 does, up to rounding.
    """
    count, _, width = within.shape
    if not width:
        fits = np.abs(levels).max(axis=1) == 0
        return np.zeros((count, 0)), np.where(fits, 0.0, np.nan), np.zeros((count, 1, 0))
    left, sizes, axes = np.linalg.svd(within, full_matrices=False)
    kept = sizes > 8 * max(within.shape[1:]) * _EPSILON * sizes.max(axis=1, keepdims=True)
    axes = axes * kept[:, :, None]
    along = np.einsum("bqm,bq->bm", left, -levels) * np.divide(1.0, sizes, out=np.zeros_like(sizes), where=kept)
    start = np.einsum("bm,bmr->br", along, axes)
    residual = np.abs(np.einsum("bqr,br->bq", within, start) + levels).max(axis=1)
    fits = residual <= _SAME * np.maximum(np.abs(levels).max(axis=1), sizes.max(axis=1))
    square = 1 - np.square(start).sum(axis=1)
    return start, np.where(fits & (square >= 0), np.sqrt(np.maximum(square, 0)), np.nan), axes


def _minimise(rows: Floats, offsets: Floats, radius: Floats, axes: Floats) -> tuple[Floats, Floats, Floats]:
    """Minimise log sum exp(<row, v> + offset) over |v| <= radius and v orthogonal to `axes`, as the rows are.

    Returns v (sets, r), the values and lower bounds of them (sets,).
    """
    at = np.zeros((len(rows), rows.shape[2]))
    value, weights = _log_sum(rows, offsets, at)
    low = np.full(len(rows), -np.inf)
    todo = np.arange(len(rows))
    for step in range(_STEPS + 1):
        mean = np.einsum("bn,bnr->br", weights[todo], rows[todo])
        size = np.linalg.norm(mean, axis=1)
        gap = np.einsum("br,br->b", mean, at[todo]) + radius[todo] * size
        low[todo] = np.maximum(low[todo], value[todo] - np.maximum(gap, 0))
        going = value[todo] - low[todo] > GAP
        todo, mean = todo[going], mean[going]
        if not len(todo) or step == _STEPS:
            break
        weighted = rows[todo] * np.sqrt(weights[todo])[:, :, None]
        curvature = weighted.transpose(0, 2, 1) @ weighted - mean[:, :, None] * mean[:, None, :]
        way = _in_ball(curvature, mean, at[todo], radius[todo]) - at[todo]
        # Along the axes there is neither slope nor curvature, so that rounding errors decide: equal scores come first.
        way -= np.einsum("bmr,bm->br", axes[todo], np.einsum("bmr,br->bm", axes[todo], way))
        at[todo], value[todo], weights[todo] = _search(rows[todo], offsets[todo], at[todo], value[todo], mean, way)
    return at, value, low


def _in_ball(curvature: Floats, gradient: Floats, at: Floats, radius: Floats) -> Floats:
    """The minimiser of the quadratic model around `at` over |x| <= radius: the trust-region problem, convex."""
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(sizes, 0)
    linear = np.einsum("brk,br->bk", axes, gradient) - sizes * np.einsum("brk,br->bk", axes, at)
    floor = 1e-14 * (1 + sizes.max(axis=1))

    def norm(shift: Floats) -> Floats:
        return np.linalg.norm(linear / (sizes + shift[:, None]), axis=1)

    # |x| falls with the shift and is at most |linear| / shift; bisection on the logarithm, as it is cheap
    with np.errstate(divide="ignore", over="ignore"):
        high = np.maximum(np.linalg.norm(linear, axis=1) / radius, 2 * floor)
    high = np.where(np.isfinite(high), high, 1e300)
    low, inner = floor.copy(), norm(floor) <= radius
    for _ in range(_SECULAR):
        middle = np.sqrt(low) * np.sqrt(high)
        long = norm(middle) > radius
        low, high = np.where(long, middle, low), np.where(long, high, middle)
    shift = np.where(inner, floor, high)
    return -np.einsum("brk,bk->br", axes, linear / (sizes + shift[:, None]))


def _search(
    rows: Floats, offsets: Floats, at: Floats, value: Floats, gradient: Floats, way: Floats
) -> tuple[Floats, Floats, Floats]:
    """A step along `way`, halved until f falls by a tenth of what its slope promises; stays in the ball, as that is
    convex and holds both ends."""
    slope = np.einsum("br,br->b", gradient, way)
    size = np.ones(len(at))
    for _ in range(_HALVINGS):
        to = at + size[:, None] * way
        new, weights = _log_sum(rows, offsets, to)
        short = new > value + 0.1 * size * slope + 1e-13 * (1 + np.abs(value))
        if not short.any():
            break
        size[short] /= 2
    return to, new, weights


def _log_sum(rows: Floats, offsets: Floats, at: Floats) -> tuple[Floats, Floats]:
    """log sum exp and the softmax weights of the rows: (sets,) and (sets, rows)."""
    scores = (rows @ at[:, :, None])[:, :, 0] + offsets
    top = scores.max(axis=1, keepdims=True)
    weights = np.exp(scores - top)
    total = weights.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], weights / total
