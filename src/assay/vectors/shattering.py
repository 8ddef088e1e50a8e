"""How many dimensions a relevance matrix needs, whatever the vectors: half-shattering.

A set T of documents is half-shattered if every split of T into two parts that are not empty is cut out by some query:
the query's relevant documents contain all of one part and none of the other. Then d >= |T| - 1 for vectors of documents
and queries, with a threshold for each query, of any precision. Otherwise |T| >= d + 2, and T has a Radon partition: two
parts whose hulls meet (Radon 1921). Extend it to a split of T; no query scores all of one part above all of the other.

In the other direction, 2 max |S| dimensions are enough for some documents: points of the cyclic polytope, on the
trigonometric moment curve, of which every max |S| are a face (Gale 1963).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from assay.errors import Refuted

TRIALS = 200_000  # documents that are tried as one more of a set
_COLUMNS = 2_000  # documents that are considered: those that most queries split


@dataclass(frozen=True)
class HalfShattered:
    """A half-shattered set of documents: the sets of relevance need at least `dimension` dimensions.

    Attributes:
        documents: T, ascending; empty if no query tells two documents apart.
        queries: for each split of T, the index of a query that cuts it out. Splits are in the order of `splits`.
        enough: 2 max |S|, dimensions that are enough for some documents.
        complete: whether the search ended, so that no larger T is half-shattered. Otherwise it was stopped.
    """

    documents: tuple[int, ...]
    queries: tuple[int, ...]
    enough: int
    complete: bool

    @property
    def dimension(self) -> int:
        """At least this many dimensions are needed."""
        return max(0, len(self.documents) - 1)

    def check(self, sets: Sequence[Sequence[int]]) -> None:
        """Prove it again, from the sets of relevance alone.

        Raises:
            Refuted: a split is not cut out.

        >>> HalfShattered((0, 1), (0,), 2, True).check([[0, 5]])
        """
        for part, query in zip(splits(self.documents), self.queries, strict=True):
            relevant = set(sets[query]) & set(self.documents)
            if relevant not in (part, set(self.documents) - part):
                raise Refuted(f"query {query} does not split {self.documents} at {sorted(part)}")


def splits(documents: Sequence[int]) -> list[set[int]]:
    """One part of each split into two that are not empty: that without the last document.

    >>> splits([3, 5, 8])
    [{3}, {5}, {3, 5}]
    """
    first = documents[:-1]
    return [set(part) for size in range(1, len(first) + 1) for part in combinations(first, size)]


def half_shattered(sets: Sequence[Sequence[int]], count: int) -> HalfShattered:
    """A largest half-shattered set that a depth-first search finds; the search is stopped after TRIALS.

    Args:
        sets: relevant documents of each query.
        count: documents there are.

    All pairs of 8 documents need 4 dimensions:

    >>> half_shattered(list(combinations(range(8), 2)), 8).dimension
    4
    """
    rows: dict[int, int] = {}  # the queries of each document, as bits
    for query, relevant in enumerate(sets):
        for document in relevant:
            rows[document] = rows.get(document, 0) | 1 << query
    everything = (1 << len(sets)) - 1
    never = next((document for document in range(count) if document not in rows), None)
    unlike = {} if never is None else {0: never}  # one document for each column: equal ones are never told apart
    for document in sorted(rows):
        unlike.setdefault(rows[document], document)
    columns = sorted(unlike, key=lambda column: -min(column.bit_count(), (everything ^ column).bit_count()))
    names = [unlike[column] for column in columns]
    enough = 2 * max(map(len, sets))
    search = _Search(columns[:_COLUMNS], everything, enough + 1)
    search.extend([], [(everything, everything)], 0)
    chosen = search.best
    found = tuple(sorted(names[c] for c in chosen)) if len(chosen) > 1 else ()
    complete = len(chosen) > enough or (search.trials <= TRIALS and len(columns) <= _COLUMNS)
    return HalfShattered(found, _queries(found, sets), enough, complete)


class _Search:
    """Depth first; a set is half-shattered only if its subsets are, so what fails is not extended."""

    def __init__(self, columns: list[int], everything: int, most: int) -> None:
        self.columns, self.everything, self.most = columns, everything, most
        self.best: list[int] = []
        self.trials = 0

    def is_over(self) -> bool:
        """Whether no more is to be tried: none can be larger, or it was stopped."""
        return self.trials > TRIALS or len(self.best) == self.most

    def extend(self, chosen: list[int], cells: list[tuple[int, int]], start: int) -> None:
        """Try all sets that begin with `chosen`.

        `cells` has for each split of it into two parts the queries whose relevant documents are exactly one of them,
        and the other one. First comes the split with an empty part, which needs no query.
        """
        if len(chosen) > len(self.best):
            self.best = chosen
        # T of one more document has 2^|chosen| - 1 splits, each with a query of its own
        if 1 << len(chosen) > self.everything.bit_count() + 1:
            return
        for c in range(start, len(self.columns)):
            if len(chosen) + len(self.columns) - c <= len(self.best) or self.is_over():
                return
            self.trials += 1
            column = self.columns[c]
            without, having = cells[0]
            split = [(without & ~column, having & column)]
            for place, (one, other) in enumerate(cells):
                parts = [(one & ~column, other & column)] * bool(place) + [(one & column, other & ~column)] * bool(
                    chosen
                )
                if not all(first | second for first, second in parts):
                    break
                split += parts
            else:
                self.extend([*chosen, c], split, c + 1)


def _queries(documents: tuple[int, ...], sets: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """For each split one query that cuts it out."""
    chosen = set(documents)
    cut: dict[frozenset[int], int] = {}
    for query, relevant in enumerate(sets):
        part = frozenset(chosen.intersection(relevant))
        cut.setdefault(part, query)
        cut.setdefault(frozenset(chosen - part), query)
    return tuple(cut[frozenset(part)] for part in splits(documents))
