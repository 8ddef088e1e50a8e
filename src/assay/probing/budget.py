"""The queries that a head really uses, as a budget: a ball or an ellipsoid, and whether a set is in its reach.

A ball of the largest norm in use overstates what a head can do: its queries keep to a few directions. The ellipsoid of
their second moments C = (1/M) sum w w^T is {w : w^T C^+ w <= r^2, w in the range of C}; about the mean, C is the
covariance and w - mean takes the place of w. With C = L L^T both are {centre + r L u : |u| <= 1}. r is chosen so that
95 % of the head's own queries lie inside: by definition, not by a model of their distribution.

Whether some query of a budget puts a share of the softmax on a set, with equal scores there, is a convex program:
`assay.probing.best_share`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import require, unknown
from assay.probing.heads import IN_USE

Floats = NDArray[np.float64]
Shape = Literal["second moments", "about the mean", "ball"]
SHAPES: tuple[Shape, ...] = ("second moments", "about the mean", "ball")
_NEGLIGIBLE = 1e-7  # of the largest axis: shorter ones are rounding errors of float32 queries


@dataclass(frozen=True, eq=False)
class Budget:
    """The queries {centre + axes u : |u| <= 1}.

    Attributes:
        shape: which of SHAPES.
        centre: float64 (d,).
        axes: float64 (d, r), orthogonal columns, r the rank; r = 0 if only the centre is allowed.
    """

    shape: Shape
    centre: Floats
    axes: Floats

    def lengths(self, queries: ArrayLike) -> Floats:
        """How much of the budget each query (M, d) takes: up to 1 inside; infinity off the axes' span.

        >>> own = np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2]])
        >>> query_budget(own, "second moments", share=1.0).lengths([[1, 0], [0, 4], [1, 2]]).round(3).tolist()
        [1.0, 2.0, 1.414]
        """
        moved = np.asarray(queries, dtype=np.float64) - self.centre
        sizes = np.linalg.norm(self.axes, axis=0)
        along = moved @ (self.axes / np.square(sizes))
        off = np.linalg.norm(moved - along @ self.axes.T, axis=1)
        allowed = 1e-6 * (np.linalg.norm(moved, axis=1) + np.linalg.norm(self.centre))
        return np.where(off <= allowed, np.linalg.norm(along, axis=1), np.inf)

    def longest(self) -> float:
        """A bound of the norms of its queries: |centre| and the longest axis together."""
        longest = np.linalg.norm(self.axes, axis=0).max(initial=0.0)
        return float(np.linalg.norm(self.centre) + longest)


def query_budget(queries: ArrayLike, shape: Shape = "second moments", *, share: float = IN_USE) -> Budget:
    """The smallest budget of a shape that holds this share of the head's own queries.

    The mean square of the lengths before scaling is the rank, exactly, so that r is near sqrt(d); with fewer than
    several d queries the ellipsoid fits these very queries, and too tightly.

    Args:
        queries: (M, d), of one head; of several texts, one after the other, if it is to hold for them together.
        shape: "second moments", "about the mean", or "ball" for the norm alone.
        share: of the queries, in (0, 1]; the quantile is linear between order statistics.

    Raises:
        AssayError: no such shape, or arguments that are not as above.

    >>> own = np.array([[3.0, 0], [-3, 0], [0, 4], [0, -4]])
    >>> query_budget(own, "ball", share=1.0).axes.tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    >>> query_budget(own, share=1.0).longest()
    4.0
    """
    if shape not in SHAPES:
        raise unknown("shape of a budget", shape, SHAPES)
    own = np.asarray(queries, dtype=np.float64)
    require(own.ndim == 2 and own.size > 0, "shape of queries", own.shape, "(M, d), each at least 1")
    require(bool(np.isfinite(own).all()), "queries", "not finite", "finite numbers")
    require(0 < share <= 1, "share", share, "above 0 and at most 1")
    width = own.shape[1]
    centre = own.mean(axis=0) if shape == "about the mean" else np.zeros(width)
    if shape == "ball":
        axes = np.eye(width)
    else:
        _, sizes, directions = np.linalg.svd((own - centre) / np.sqrt(len(own)), full_matrices=False)
        kept = sizes > _NEGLIGIBLE * max(sizes.max(initial=0.0), float(np.linalg.norm(centre)))
        axes = directions[kept].T * sizes[kept]
    unit = Budget(shape, centre, axes)
    radius = float(np.quantile(unit.lengths(own), share)) if axes.size else 0.0
    if shape == "ball" and radius == 0:
        return Budget(shape, centre, np.zeros((width, 0)))
    return Budget(shape, centre, axes * radius)
