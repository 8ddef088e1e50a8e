"""The largest share of the softmax that a query of a budget can put on a set of keys, with equal scores on the set.

For queries axes u with |u| <= 1, scores on the set S that all equal c, and f(u) = log of the sum over j off S of
exp(score_j - c), the share is q / (q + e^f), so the best one minimises f: convex, on the part of a ball where scores on
S are equal, which is a smaller ball. Each step minimises its quadratic model on the ball exactly (an eigenvalue problem
and one unknown) and searches on the way there.

Both sides are bounded. A query found shows that its share is reached. By convexity no query of the ball has f below
f(u) + min over |v| <= 1 of <g, v - u> = f(u) - <g, u> - |g|, with g the gradient at u. That is proved in exact
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
_NUMBERS = 500_000  # of rows that are held at once: they fit into a cache
_EPSILON = float(np.finfo(np.float64).eps)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Margins:
    """Log-odds of the best share on each set, above those of the share asked for, in nats; 0 or more is reached.

    Attributes:
        at_least: float64 (sets,); a query that was found has this margin; infinity where the set is all there is.
        at_most: float64 (sets,); no query of the budget has more.
        queries: float64 (sets, d), those found.
    """

    at_least: Floats
    at_most: Floats
    queries: Floats

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
    copies: NDArray[np.integer] | None = None,
    mass: float = MASS,
    decide: bool = False,
) -> Margins:
    """How far each set is within, or out of, the reach of a budget.

    Time O(sets * (N d^2 + d^3)) a step, some ten steps, or some four to decide; memory O(N d) for each set at work.

    Args:
        keys: (N, d).
        sets: (sets, q) positions, distinct in each row.
        budget: of queries, of width d.
        scale: of the scores.
        copies: (sets, N), how often each key off a set is there, 0 or more; once each unless given.
        mass: the share asked for, above 0 and below 1.
        decide: whether to stop as soon as a bound says on which side of 0 the margin is, instead of at GAP.

    Raises:
        AssayError: shapes that do not fit, positions that are not there or twice in a set, or mass outside (0, 1).

    >>> from assay.probing.budget import query_budget
    >>> found = best_margins(np.eye(4), np.array([[0], [3]]), query_budget(9 * np.eye(4)), scale=1.0)
    >>> found.reached.tolist(), bool((found.at_most - found.at_least).max() <= GAP)
    ([True, True], True)
    """
    keys, sets = np.asarray(keys, dtype=np.float64), np.asarray(sets)
    _check(keys, sets, budget, copies, mass)
    rows = scale * (keys @ budget.axes)
    counts = np.ones((len(sets), len(keys))) if copies is None else copies.astype(np.float64)
    np.put_along_axis(counts, sets, 0.0, axis=1)
    with np.errstate(divide="ignore"):
        offsets = np.log(counts)
    asked = float(np.log(sets.shape[1]) - np.log(mass / (1 - mass)))
    block = max(1, _NUMBERS // max(rows.size, 1))
    parts = [
        _solve(rows, sets[start : start + block], offsets[start : start + block], asked if decide else None)
        for start in range(0, len(sets), block)
    ]
    value, low, at = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Margins(asked - value, asked - low, at @ budget.axes.T)


def _check(
    keys: Floats, sets: NDArray[np.integer], budget: Budget, copies: NDArray[np.integer] | None, mass: float
) -> None:
    require(0 < mass < 1, "mass", mass, "above 0 and below 1")
    require(keys.ndim == 2 and keys.size > 0, "shape of keys", keys.shape, "(N, d), each at least 1")
    require(len(budget.axes) == keys.shape[1], "width of keys", keys.shape[1], f"{len(budget.axes)}, the budget's")
    require(sets.ndim == 2 and sets.size > 0, "shape of sets", sets.shape, "(sets, q), each at least 1")
    inside = sets.min() >= 0 and sets.max() < len(keys)
    require(bool(inside), "positions", (int(sets.min()), int(sets.max())), f"from 0 to {len(keys) - 1}")
    twice = (np.diff(np.sort(sets, axis=1), axis=1) == 0).any()
    require(not twice, "set", "a position twice", "different positions")
    if copies is not None:
        require(copies.shape == (len(sets), len(keys)), "shape of copies", copies.shape, f"({len(sets)}, {len(keys)})")
        require(bool((copies >= 0).all()), "copies", int(copies.min()), "0 or more")


def _solve(
    rows: Floats, sets: NDArray[np.integer], offsets: Floats, asked: float | None
) -> tuple[Floats, Floats, Floats]:
    """f at the minimisers, lower bounds of it, and the minimisers u: (sets,), (sets,) and (sets, r)."""
    value, low, at = np.full(len(sets), -np.inf), np.full(len(sets), -np.inf), np.zeros((len(sets), rows.shape[1]))
    todo = np.flatnonzero(np.isfinite(offsets).any(axis=1))
    if todo.size:
        mean = rows[sets[todo]].mean(axis=1)
        axes = _apart(rows[sets[todo]] - mean[:, None])
        moved = rows[None] - mean[:, None]
        moved -= (moved @ axes.transpose(0, 2, 1)) @ axes
        at[todo], value[todo], low[todo] = _minimise(moved, offsets[todo], axes, asked)
    return value, low, at


def _apart(within: Floats) -> Floats:
    """Orthonormal axes (sets, min(q, r), r) of the span of rows (sets, q, r), zero where not needed."""
    if within.shape[1] == 1 or not within.shape[2]:
        return np.zeros((len(within), min(1, within.shape[2]), within.shape[2]))
    _, sizes, axes = np.linalg.svd(within, full_matrices=False)
    kept = sizes > 8 * max(within.shape[1:]) * _EPSILON * sizes.max(axis=1, keepdims=True)
    return axes * kept[:, :, None]


def _minimise(rows: Floats, offsets: Floats, axes: Floats, asked: float | None) -> tuple[Floats, Floats, Floats]:
    """Minimise log sum exp(<row, v> + offset) over |v| <= 1 and v orthogonal to `axes`, as the rows are.

    Returns v (sets, r), the values and lower bounds of them (sets,). Given `asked`, it is enough that one of both is on
    its side.
    """
    at = np.zeros((len(rows), rows.shape[2]))
    value, weights = _log_sum(rows, offsets, at)
    low = np.full(len(rows), -np.inf)
    todo = np.arange(len(rows))
    for step in range(_STEPS + 1):
        mean = np.einsum("bn,bnr->br", weights[todo], rows[todo])
        gap = np.einsum("br,br->b", mean, at[todo]) + np.linalg.norm(mean, axis=1)
        low[todo] = np.maximum(low[todo], value[todo] - np.maximum(gap, 0))
        going = value[todo] - low[todo] > GAP
        if asked is not None:
            going &= (value[todo] > asked) & (low[todo] <= asked)
        todo, mean = todo[going], mean[going]
        if not len(todo) or step == _STEPS:
            break
        weighted = rows[todo] * np.sqrt(weights[todo])[:, :, None]
        curvature = weighted.transpose(0, 2, 1) @ weighted - mean[:, :, None] * mean[:, None, :]
        way = _in_ball(curvature, mean, at[todo]) - at[todo]
        # Along the axes there is neither slope nor curvature, so that rounding errors decide: equal scores come first.
        way -= np.einsum("bmr,bm->br", axes[todo], np.einsum("bmr,br->bm", axes[todo], way))
        at[todo], value[todo], weights[todo] = _search(rows[todo], offsets[todo], at[todo], value[todo], mean, way)
    return at, value, low


def _in_ball(curvature: Floats, gradient: Floats, at: Floats) -> Floats:
    """The minimiser of the quadratic model around `at` over |x| <= 1: the trust-region problem, convex."""
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(sizes, 0)
    linear = np.einsum("brk,br->bk", axes, gradient) - sizes * np.einsum("brk,br->bk", axes, at)
    shift = 1e-14 * (1 + sizes.max(axis=1))
    for _ in range(_SECULAR):  # Newton's method on 1 / |x(shift)| = 1 rises to the root, and never beyond it
        inverse = 1 / (sizes + shift[:, None])
        square = np.square(linear * inverse)
        norm = np.sqrt(square.sum(axis=1))
        if (norm <= 1 + 1e-12).all():
            break
        slope = np.maximum((square * inverse).sum(axis=1), np.finfo(np.float64).tiny)
        shift += np.where(norm > 1, (norm - 1) * norm**2 / slope, 0.0)
    return -np.einsum("brk,bk->br", axes, linear * inverse) / np.maximum(norm, 1)[:, None]


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
