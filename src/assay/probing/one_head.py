"""One attention head on one text as plain arrays: what the questions about budgets, contexts and caches take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import require

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeadOnText:
    """A head that scores position j for query i as scale * <w_i, k_j>, wherever `visible` lets it; see `one_head`.

    Attributes:
        queries: float64 (M, d), as they enter the scores.
        keys: float64 (N, d), likewise.
        values: float64 (N, d_v); None where they are not known.
        scale: that scores are multiplied by.
        visible: bool (M, N), whether query i sees key j; each query sees at least one.
    """

    queries: Floats
    keys: Floats
    values: Floats | None
    scale: float
    visible: NDArray[np.bool_]

    def scores(self, keys: Floats | None = None) -> Floats:
        """Scores (M, N), minus infinity where a query does not see; with other keys of the same shape if given."""
        found = self.scale * self.queries @ (self.keys if keys is None else keys).T
        return np.where(self.visible, found, -np.inf)

    def weights(self, keys: Floats | None = None) -> Floats:
        """The softmax of the scores of each query: (M, N), rows that sum to 1.

        >>> one_head(np.zeros((2, 3)), np.eye(2, 3), causal=True).weights().tolist()
        [[1.0, 0.0], [0.5, 0.5]]
        """
        return softmax(self.scores(keys))


def one_head(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike | None = None,
    *,
    scale: float | None = None,
    visible: NDArray[np.bool_] | None = None,
    causal: bool = False,
) -> HeadOnText:
    """A head from arrays, in float64.

    Args:
        queries: (M, d).
        keys: (N, d).
        values: (N, d_v), where questions about the head's output are to be asked.
        scale: that scores are multiplied by; 1/sqrt(d) unless given.
        visible: bool (M, N); all of them unless given.
        causal: whether query i sees keys up to i + N - M only, the queries being those of the last M positions; not
            together with `visible`.

    Raises:
        AssayError: shapes that do not fit, numbers that are not finite, a scale that is not positive, or a query that
            sees no key.

    >>> head = one_head(np.ones((4, 16)), np.ones((4, 16)), causal=True)
    >>> head.scale, head.visible.sum()
    (0.25, np.int64(10))
    """
    rows = {"queries": _rows("queries", queries), "keys": _rows("keys", keys)}
    (count, width), length = rows["queries"].shape, len(rows["keys"])
    require(rows["keys"].shape[1] == width, "width of keys", rows["keys"].shape[1], f"{width}, that of the queries")
    found = None if values is None else _rows("values", values)
    require(
        found is None or len(found) == length,
        "number of values",
        0 if found is None else len(found),
        f"{length}, that of the keys",
    )
    scale = width**-0.5 if scale is None else float(scale)
    require(0 < scale < np.inf, "scale", scale, "a positive number")
    require(not causal or visible is None, "causal", causal, "False where visible is given")
    require(not causal or count <= length, "queries of a causal head", count, f"at most {length}, its keys")
    if visible is None:
        visible = np.ones((count, length), dtype=bool)
        visible = np.tril(visible, length - count) if causal else visible
    require(visible.shape == (count, length), "shape of visible", visible.shape, f"({count}, {length})")
    require(visible.dtype == np.bool_, "dtype of visible", visible.dtype, "bool")
    blind = np.flatnonzero(~visible.any(axis=1))
    require(not blind.size, "visible keys of a query", f"none for query {next(iter(blind), 0)}", "at least one")
    return HeadOnText(rows["queries"], rows["keys"], found, scale, visible)


def softmax(scores: Floats) -> Floats:
    """Softmax along the last axis; minus infinity gets weight 0."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def _rows(name: str, array: ArrayLike) -> Floats:
    found = np.asarray(array, dtype=np.float64)
    require(found.ndim == 2 and found.size > 0, f"shape of {name}", found.shape, "(positions, width), each at least 1")
    require(bool(np.isfinite(found).all()), name, "not finite", "finite numbers")
    return found
