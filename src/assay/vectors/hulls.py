"""The largest margin at which one query ranks a set on top: the distance of two convex hulls, by cutting planes.

For documents x_1 ... x_n and a set S, the largest value over |w| = 1 of the least <w, x_i> in S less the largest
outside is the distance of the hulls conv(S) and conv(rest), and 0 if they meet (von Neumann's minimax theorem). Both
ends are bounded: a query w shows that its own margin is reached, and convex weights a on S, b on the rest show that no
query has a margin above |sum a x - sum b x|, since <w, sum a x - sum b x> is at least the margin for every w.

Only a few hundred outsiders matter. Each round multiplies a block of queries with all documents in one float32 product,
adds to each set's working set the outsiders that score highest, and finds the nearest points of the two hulls of the
working set by Wolfe's active-set method (`Hulls.solve`; Wolfe, Mathematical Programming 11, 1976), from where the round
before ended. The columns (s (x - c), [x in S], [x not in S]) of the active documents are kept as Q R, as a Gram matrix
would square the condition number: Gram-Schmidt twice to add a column, Givens rotations to delete one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from assay.vectors.active_set import nearest_points
from assay.vectors.documents import Documents, Floats, Leaders, Places
from assay.vectors.ranking import is_on_top

GAP = 1e-3  # of the largest margin, that may lie between both bounds
MEETING = 1e-9  # of the documents' spread: hulls this near are looked at in exact arithmetic
BITS = 40  # of the integers that queries are rounded to
ROUNDS = 500  # at most; the hardest sets that were measured took 44
_TAKEN = 32  # outsiders that join a working set in one round
_BLOCK = 64  # sets that share a product
_BLOCK_BYTES = 1 << 30  # of the factors of a block's sets


@dataclass(frozen=True, eq=False)
class Nearest:
    """What is known of one set when the search for its largest margin has ended.

    Attributes:
        members: (k,), S, ascending.
        query: float64 (d,), integers / 2^BITS, of length about 1.
        lowest: least score of S under `query`, in float64.
        highest: largest score outside, an upper bound.
        doubt: bound on the rounding error of either.
        at_most: no query of length 1 has a larger margin; rounding errors included.
        support: the documents that have weight.
        weights: (len(support),), convex on S and on the rest.
        on_top: whether `query` scores all of S above all others, in exact arithmetic.
    """

    members: Places
    query: Floats
    lowest: float
    highest: float
    doubt: float
    at_most: float
    support: Places
    weights: Floats
    on_top: bool

    @property
    def margin(self) -> float:
        """At least this margin is reached by `query`, over its length; rounding errors included. It may be < 0."""
        length = float(np.linalg.norm(self.query))
        return (self.lowest - self.highest - 2 * self.doubt) / length if length else -math.inf


class Hulls:
    """The working set of one set S, and the nearest points of its two hulls.

    Args:
        documents: all of them.
        members: S.
    """

    def __init__(self, documents: Documents, members: Places) -> None:
        width = documents.width
        self.documents, self.members = documents, members
        self.places = members.copy()
        self.member_rows = documents.rows(members)
        self.points = (self.member_rows - documents.centre) / documents.spread
        self.known = set(members.tolist())
        most = width + 2
        self.support, self.weights = np.zeros(most, np.int64), np.zeros(most)
        self.basis, self.upper = np.empty((most, most)), np.empty((most, most))
        self.count = 0
        self.direction = self.points.mean(axis=0)
        self.distance, self.rounds = math.inf, 0

    def query(self) -> Floats:
        """The direction, of length about 1, in integers / 2^BITS; or zero."""
        length = np.linalg.norm(self.direction)
        return np.rint(self.direction * (2.0**BITS / length)) / 2.0**BITS if length else self.direction

    def lowest(self, query: Floats) -> float:
        """The least score in S, in float64."""
        return float((self.member_rows @ query).min())

    def level(self, query: Floats) -> float:
        """If no outsider scores more, the margin of this query is within GAP of the largest."""
        if math.isinf(self.distance):
            return -math.inf
        most = self.distance * self.documents.spread * float(np.linalg.norm(query))
        return self.lowest(query) - (1 - GAP / 2) * most

    def add(self, places: Places) -> None:
        """Let these outsiders join the working set."""
        self.known.update(places.tolist())
        self.places = np.append(self.places, places)
        rows = (self.documents.rows(places) - self.documents.centre) / self.documents.spread
        self.points = np.vstack([self.points, rows])

    def solve(self) -> None:
        """Find the nearest points of the hulls of S and of the outsiders in the working set."""
        if self.count == 0:
            count, scores = len(self.members), self.points @ self.direction
            inside, outside = int(np.argmin(scores[:count])), int(np.argmax(scores[count:]))
            self.support[:2], self.weights[:2] = (inside, outside + len(self.members)), 1.0
        self.count = nearest_points(
            self.points,
            len(self.members),
            self.support,
            self.weights,
            self.basis,
            self.upper,
            self.count,
            self.direction,
            GAP / 10,
        )
        self.distance = float(np.linalg.norm(self.direction))

    def active(self) -> tuple[Places, Floats]:
        """The documents with weight, and the weights, which are made convex once more."""
        places = self.support[: self.count]
        weights = np.maximum(self.weights[: self.count], 0.0)
        inside = places < len(self.members)
        for half in (inside, ~inside):
            weights[half] /= weights[half].sum()
        return self.places[places], weights


def nearest(documents: Documents, sets: Sequence[Places], pool: ThreadPoolExecutor) -> list[Nearest]:
    """The largest margins of these sets, a block of them, with bounds within GAP of each other wherever possible.

    Args:
        documents: all of them.
        sets: each ascending, at least one document, not all.
        pool: where working sets are solved; the compiled code lets go of Python's lock.
    """
    hulls = [Hulls(documents, members) for members in sets]
    found: list[Nearest | None] = [None] * len(sets)
    taken = _TAKEN
    while waiting := [index for index, one in enumerate(found) if one is None]:
        queries = np.array([hulls[index].query() for index in waiting])
        lowest = [hulls[index].lowest(query) for index, query in zip(waiting, queries, strict=True)]
        levels = [hulls[index].level(query) for index, query in zip(waiting, queries, strict=True)]
        leaders = documents.leaders(queries, np.array(levels), [sets[index] for index in waiting], taken)
        grown, hidden = [], False
        for place, index in enumerate(waiting):
            one, leading = hulls[index], leaders[place]
            one.rounds += 1
            above = leading.places[leading.scores > levels[place]].tolist()
            new = [document for document in above if document not in one.known]
            if one.distance <= MEETING or one.rounds >= ROUNDS or not (new or leading.unseen > levels[place]):
                found[index] = _settled(one, queries[place], lowest[place], leading)
            elif new:
                one.add(np.array(new[:_TAKEN], dtype=np.intp))
                grown.append(one)
            else:
                hidden = True
        list(pool.map(Hulls.solve, grown))
        if hidden:  # many documents score within rounding errors of the level: look at more of them
            taken = min(4 * taken, documents.count)
    return [one for one in found if one is not None]


def block_size(width: int) -> int:
    """How many sets share one product."""
    return max(4, min(_BLOCK, _BLOCK_BYTES // (16 * (width + 2) ** 2)))


def _settled(one: Hulls, query: Floats, lowest: float, leading: Leaders) -> Nearest:
    if one.count:
        support, weights = one.active()
        signs = np.where(np.isin(support, one.members), 1.0, -1.0)
        rows = one.documents.rows(support)
        at_most = float(np.linalg.norm((signs * weights) @ rows))
        at_most += (len(support) + 6) * 2.0**-52 * 2 * float(np.linalg.norm(rows, axis=1).max())
    else:
        support, weights, at_most = one.members[:0], np.zeros(0), math.inf
    on_top = is_on_top(one.documents, query, one.members, leading) is True
    return Nearest(
        members=one.members,
        query=query,
        lowest=lowest,
        highest=leading.highest,
        doubt=leading.doubt,
        at_most=at_most,
        support=support,
        weights=weights,
        on_top=on_top,
    )
