"""Sets of positions that a head is used for, each with the query that would attend to it.

| kind | positions | query |
|---|---|---|
| needle | a span that a user names | the last one, or as told |
| same token | earlier occurrences of the query's own token | drawn |
| induction | the positions after these | drawn |
| top | those that the head itself weighs most | drawn |
| adjacent | a run with a uniform start | drawn |
| random | uniform, without replacement | drawn |

Sinks (position 0 and the key with the largest mean weight) are in no set but needles, yet stay among the keys that a
set is told from. Sets hold only keys that their query sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer
from assay.probing.best_share import Margins, best_margins
from assay.probing.budget import Budget
from assay.probing.one_head import Floats, HeadOnText
from assay.probing.reach import MASS
from assay.probing.statistics import followers, sinks

KINDS = ("needle", "same token", "induction", "top", "adjacent", "random")


@dataclass(frozen=True)
class Purpose:
    """A set of positions and the query (a row of the head's) that is to attend to it.

    Attributes:
        kind: one of KINDS.
        query: row of the queries, 0 ... M - 1.
        positions: of keys, ascending, all visible to the query.
    """

    kind: str
    query: int
    positions: tuple[int, ...]

    @property
    def size(self) -> int:
        """Positions q of the set."""
        return len(self.positions)


def purposes(
    head: HeadOnText,
    tokens: Sequence[int],
    *,
    sizes: Iterable[int] = (1, 2, 4),
    queries: int = 16,
    needle: Iterable[int] | None = None,
    seed: int = 0,
) -> tuple[Purpose, ...]:
    """The sets that matter for a head on a text, in the order of KINDS.

    Args:
        head: its queries are those of the last M of the N positions.
        tokens: of the text, N of them.
        sizes: q of the top, adjacent and random sets; the other kinds have the size that the text gives them.
        queries: how many rows are drawn, from the later half, without replacement; all of that half if it is smaller.
        needle: positions for the last query to attend to.
        seed: of the draws.

    Raises:
        AssayError: another number of tokens than of keys, sizes below 1, no queries, or a needle that is not visible.

    >>> from assay.probing.one_head import one_head
    >>> rng = np.random.default_rng(0)
    >>> head = one_head(rng.standard_normal((8, 4)), rng.standard_normal((8, 4)), causal=True)
    >>> found = purposes(head, [3, 1, 4, 1, 5, 9, 2, 1], sizes=[1], queries=4, needle=[2, 3])
    >>> sinks(head)  # position 1, so it is in no drawn set
    (1,)
    >>> [(one.query, one.positions) for one in found if one.kind in ("needle", "same token", "induction")]
    [(7, (2, 3)), (7, (3,)), (7, (2, 4))]
    """
    length, rows = len(head.keys), len(head.queries)
    require(len(tokens) == length, "number of tokens", len(tokens), f"{length}, that of the keys")
    require_integer("queries", queries, 1, None)
    sizes = sorted(set(sizes))
    for size in sizes:
        require_integer("size", size, 1, None)
    rng = np.random.default_rng(seed)
    later = np.arange(rows // 2, rows)
    drawn = np.sort(rng.choice(later, min(queries, len(later)), replace=False))
    weights = head.weights()
    left_out = {0, *sinks(head, weights)}
    found = [] if needle is None else [_needle(head, needle)]
    for row in drawn.tolist():
        seen = np.array([place for place in np.flatnonzero(head.visible[row]) if place not in left_out], dtype=np.int64)
        after = followers(tokens, length - rows + row)
        found += _of("same token", row, np.intersect1d(after - 1, seen))
        found += _of("induction", row, np.intersect1d(after, seen))
        for size in sizes:
            if size <= len(seen):
                order = np.argsort(-weights[row, seen], kind="stable")
                found += _of("top", row, seen[order[:size]])
                found += _of("adjacent", row, _run(seen, size, rng))
                found += _of("random", row, rng.choice(seen, size, replace=False))
    return tuple(sorted(found, key=lambda one: KINDS.index(one.kind)))


def margins(head: HeadOnText, sets: Sequence[Purpose], budget: Budget, *, mass: float = MASS) -> Floats:
    """The margin of each set (see `best_share.Margins`) among the keys that its own query sees, nats, (sets,).

    Not the margin of that query, but the best one in the budget: what the head could do from there with its usual
    queries. Minus infinity where no query of the budget has equal scores on the set.

    Raises:
        AssayError: sets that are not of this head.
    """
    found = np.empty(len(sets))
    order = sorted(range(len(sets)), key=lambda index: sets[index].size)
    for _, group in groupby(order, key=lambda index: sets[index].size):
        places = list(group)
        found[places] = _together(head, [sets[place] for place in places], budget, mass).at_least
    return found


def own_mass(head: HeadOnText, sets: Sequence[Purpose], weights: Floats | None = None) -> Floats:
    """The share of the softmax that each set gets from its own query, (sets,); of `weights` (M, N) if given."""
    weights = head.weights() if weights is None else weights
    return np.array([weights[one.query, list(one.positions)].sum() for one in sets])


@dataclass(frozen=True)
class Reach:
    """How far the sets of one kind and size are in reach.

    Attributes:
        kind: of the sets.
        size: q; 0 where sets of a kind have different sizes, which are then taken together.
        sets: how many.
        share: of them that are in reach.
        median: margin, nats; the lower of the two middle ones.
        low: a tenth of the margins are at most this.
    """

    kind: str
    size: int
    sets: int
    share: float
    median: float
    low: float


def reach_by_kind(sets: Sequence[Purpose], found: Floats) -> tuple[Reach, ...]:
    """The margins of sets, gathered by kind and (for top, adjacent and random sets) size, in the order of KINDS."""
    sized = ("top", "adjacent", "random")
    keys = [(KINDS.index(one.kind), one.size if one.kind in sized else 0) for one in sets]
    rows = []
    for place, size in sorted(set(keys)):
        chosen = np.sort(found[[key == (place, size) for key in keys]])
        last = len(chosen) - 1
        rows.append(
            Reach(
                KINDS[place],
                size,
                len(chosen),
                float((chosen >= 0).mean()),
                float(chosen[last // 2]),
                float(chosen[last // 10]),
            )
        )
    return tuple(rows)


@dataclass(frozen=True)
class Spread:
    """A figure on several texts.

    Attributes:
        low, middle, high: the least, the median and the largest; NaN without any finite or infinite number.
        texts: how many have it.
    """

    low: float
    middle: float
    high: float
    texts: int


def spread(figures: Iterable[float]) -> Spread:
    """The spread of a figure over texts; texts without it (NaN) are left out. The median is of the lower half.

    >>> spread([3.0, float("nan"), 1.0, 2.0])
    Spread(low=1.0, middle=2.0, high=3.0, texts=3)
    """
    there = np.sort([figure for figure in figures if not np.isnan(figure)])
    if not there.size:
        return Spread(np.nan, np.nan, np.nan, 0)
    return Spread(float(there[0]), float(there[(len(there) - 1) // 2]), float(there[-1]), len(there))


def _together(head: HeadOnText, sets: Sequence[Purpose], budget: Budget, mass: float) -> Margins:
    positions = np.array([one.positions for one in sets], dtype=np.int64)
    rows = [one.query for one in sets]
    require(max(rows) < len(head.queries), "query of a set", max(rows), f"below {len(head.queries)}")
    return best_margins(head.keys, positions, budget, scale=head.scale, visible=head.visible[rows], mass=mass)


def _needle(head: HeadOnText, needle: Iterable[int]) -> Purpose:
    places, last = sorted(set(needle)), len(head.queries) - 1
    seen = bool(places) and places[0] >= 0 and places[-1] < len(head.keys) and bool(head.visible[last, places].all())
    require(seen, "needle", places, "positions that the last query sees")
    return Purpose("needle", last, tuple(places))


def _of(kind: str, row: int, places: NDArray[np.int64]) -> Iterator[Purpose]:
    if places.size:
        yield Purpose(kind, row, tuple(sorted(places.tolist())))


def _run(seen: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A run of adjacent positions among those seen, with a uniform start; none if there is no such run."""
    starts = np.flatnonzero(seen[size - 1 :] - seen[: len(seen) - size + 1] == size - 1)
    if not starts.size:
        return seen[:0]
    start = int(rng.choice(starts))
    return seen[start : start + size]
