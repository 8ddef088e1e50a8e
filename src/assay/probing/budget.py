"""The queries that a head really uses, as an ellipsoid: which others are like them.

The ellipsoid of the second moments C = (1/M) sum w w^T of the queries is {w : w^T C^+ w <= r^2, w in the range of C};
with C = L L^T it is {r L u : |u| <= 1}. r is chosen so that 95 % of the head's own queries lie inside: by definition,
not by a model of their distribution. A ball of the same norms would overstate what a head can do: its queries keep to a
few directions.

Whether some query of the ellipsoid puts a share of the softmax on a set, with equal scores there, is a convex program:
`assay.probing.best_share`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import require

IN_USE = 0.95  # of a head's own queries that its ellipsoid holds
_NEGLIGIBLE = 1e-7  # of the largest axis: shorter ones are rounding errors of float32 queries

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Budget:
    """The queries {axes u : |u| <= 1}.

    Attributes:
        axes: float64 (d, r), orthogonal columns, r the rank; r = 0 if only the zero query is allowed.
    """

    axes: Floats

    def lengths(self, queries: ArrayLike) -> Floats:
        """How much of the budget each query (M, d) takes: up to 1 inside; infinity off the axes' span.

        >>> own = np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2]])
        >>> query_budget(own, share=1.0).lengths([[1, 0], [0, 4], [1, 2]]).round(3).tolist()
        [1.0, 2.0, 1.414]
        """
        asked = np.asarray(queries, dtype=np.float64)
        along = asked @ (self.axes / np.square(self.axes).sum(axis=0))
        off = np.linalg.norm(asked - along @ self.axes.T, axis=1)
        return np.where(off <= 1e-6 * np.linalg.norm(asked, axis=1), np.linalg.norm(along, axis=1), np.inf)


def query_budget(queries: ArrayLike, *, share: float = IN_USE) -> Budget:
    """The ellipsoid of the second moments that holds this share of the head's own queries.

    The mean square of the lengths before scaling is the rank, exactly, so that r is near sqrt(d); with fewer than
    several d queries the ellipsoid fits these very queries, and too tightly.

    Args:
        queries: (M, d), of one head.
        share: of the queries, in (0, 1]; the quantile is linear between order statistics.

    Raises:
        AssayError: arguments that are not as above.

    >>> own = np.array([[3.0, 0], [-3, 0], [0, 4], [0, -4]])
    >>> np.abs(query_budget(own, share=1.0).axes).round(9).tolist()
    [[0.0, 3.0], [4.0, 0.0]]
    """
    own = np.asarray(queries, dtype=np.float64)
    require(own.ndim == 2 and own.size > 0, "shape of queries", own.shape, "(M, d), each at least 1")
    require(bool(np.isfinite(own).all()), "queries", "not finite", "finite numbers")
    require(0 < share <= 1, "share", share, "above 0 and at most 1")
    _, sizes, directions = np.linalg.svd(own / np.sqrt(len(own)), full_matrices=False)
    kept = sizes > _NEGLIGIBLE * sizes.max(initial=0.0)
    axes = directions[kept].T * sizes[kept]
    radius = float(np.quantile(Budget(axes).lengths(own), share)) if axes.size else 0.0
    return Budget(axes * radius)
