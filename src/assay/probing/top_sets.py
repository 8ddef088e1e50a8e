"""The sets of keys that a head weighs most, each with the query that does: what a cache must not lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.errors import require_integer
from assay.probing.one_head import Floats, HeadOnText
from assay.probing.statistics import sinks


@dataclass(frozen=True)
class TopSet:
    """The keys that a query weighs most.

    Attributes:
        query: row of the head's queries, 0 ... M - 1.
        positions: of keys, ascending, all visible to the query.
    """

    query: int
    positions: tuple[int, ...]


def top_sets(
    head: HeadOnText, *, size: int, queries: int, seed: int = 0, weights: Floats | None = None
) -> tuple[TopSet, ...]:
    """The keys that a head itself weighs most, for queries of the later half, without sinks.

    Sinks are position 0 and the key with the largest mean weight. Queries that see fewer other keys have no set.

    Args:
        head: on one text.
        size: keys of a set.
        queries: how many rows are drawn, without replacement; all of that half if it is smaller.
        seed: of the draw.
        weights: of the head, (M, N), if they are known.

    Raises:
        AssayError: a size or number of queries below 1.

    >>> from assay.probing.one_head import one_head
    >>> head = one_head([[1.0], [1.0]], [[0.0], [5.0], [2.0], [3.0], [1.0]])
    >>> sinks(head), top_sets(head, size=2, queries=1)
    ((1,), (TopSet(query=1, positions=(2, 3)),))
    """
    require_integer("size", size, 1, None)
    require_integer("queries", queries, 1, None)
    rows = len(head.queries)
    later = np.arange(rows // 2, rows)
    drawn = np.sort(np.random.default_rng(seed).choice(later, min(queries, len(later)), replace=False))
    weights = head.weights() if weights is None else weights
    left_out = [0, *sinks(head, weights)]
    found = []
    for row in drawn.tolist():
        allowed = head.visible[row].copy()
        allowed[left_out] = False
        seen = np.flatnonzero(allowed)
        if size <= len(seen):
            order = np.argsort(-weights[row, seen], kind="stable")
            found.append(TopSet(row, tuple(sorted(seen[order[:size]].tolist()))))
    return tuple(found)


def own_mass(sets: Sequence[TopSet], weights: Floats) -> Floats:
    """The share of the softmax (weights, (M, N)) that each set gets from its own query, (sets,)."""
    return np.array([weights[one.query, list(one.positions)].sum() for one in sets])
