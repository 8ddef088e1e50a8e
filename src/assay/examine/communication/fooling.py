"""Fooling sets: inputs with one answer of which no two can share a rectangle of a protocol.

A set of entries (x, y) with the same answer v is fooling if for any two of them, (x, y) and (x', y'), the answer at
(x, y') or at (x', y) differs from v. A protocol needs a transcript for each, also if only one party learns the answer:
equal rows, or equal columns, in a rectangle with both would make all four answers v. So it sends at least log2 of
their number of bits (Kushilevitz and Nisan, "Communication Complexity", 1997, section 1.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.examine.communication.cliques import largest_clique
from assay.examine.communication.matrix import CommunicationMatrix

MOST_VERTICES = 2048  # entries of one answer, for a search for the largest set
USUAL_NODES = 100_000


@dataclass(frozen=True)
class FoolingSet:
    """The largest fooling set that was found.

    Attributes:
        answer: the answer that its entries share.
        pairs: its (row, column) pairs.
        exact: whether it is proved that no answer has a larger one.
        nodes: of the search for larger ones than the greedy.
    """

    answer: float
    pairs: tuple[tuple[int, int], ...]
    exact: bool
    nodes: int


def is_fooling_set(matrix: CommunicationMatrix, pairs: Sequence[tuple[int, int]]) -> bool:
    """Whether these (row, column) pairs, which must differ from each other, are a fooling set. Time O(pairs^2).

    >>> from assay.examine.communication import matrix_of
    >>> equality = matrix_of(lambda x: x[0] == x[1], [4, 4], [0])
    >>> is_fooling_set(equality, [(i, i) for i in range(4)]), is_fooling_set(equality, [(0, 1), (2, 3)])
    (True, False)
    """
    if not pairs:
        return True
    rows, columns = np.array(pairs).T
    square = matrix.multiples[np.ix_(rows, columns)]
    answer = square[0, 0]
    differs = square != answer
    apart = differs | differs.T | np.eye(len(pairs), dtype=bool)
    return not differs.diagonal().any() and bool(apart.all())


def fooling_set(matrix: CommunicationMatrix, *, nodes: int = USUAL_NODES) -> FoolingSet:
    """A largest fooling set over all answers; by the greedy method where an answer has more than 2,048 entries.

    The greedy set is also what the search starts from, and ends it at once where it has as many pairs as there are
    different rows or columns with the answer: no set has more. Cost: greedy, O(entries log entries + pairs * entries);
    search, exponential in the worst case, at most `nodes` search nodes over all answers.

    >>> from assay.examine.communication import matrix_of
    >>> disjoint = matrix_of(lambda x: x[0] & x[1] == 0, [8, 8], [0])
    >>> found = fooling_set(disjoint)
    >>> len(found.pairs), found.answer, found.exact
    (8, 1.0, True)
    """
    _, rows = np.unique(matrix.multiples, axis=0, return_index=True)
    _, columns = np.unique(matrix.multiples, axis=1, return_index=True)
    distinct = matrix.multiples[np.ix_(rows, columns)]
    answers = [int(answer) for answer in np.unique(distinct)]
    found = {answer: _greedy(distinct == answer) for answer in answers}
    best = max(answers, key=lambda answer: len(found[answer]))
    spent, cut = 0, False
    for answer in answers:
        same = distinct == answer
        most = _most(same)
        if most <= len(found[best]):
            continue
        if np.count_nonzero(same) > MOST_VERTICES:
            cut = True
            continue
        found[answer], proved, used = _search(same, found[answer], most, nodes - spent)
        spent, cut = spent + used, cut or not proved
        best = max(best, answer, key=lambda answer: len(found[answer]))
    exact = not cut or all(_most(distinct == answer) <= len(found[best]) for answer in answers)
    pairs = tuple((int(rows[row]), int(columns[column])) for row, column in found[best])
    return FoolingSet(best * matrix.unit, pairs, exact, spent)


def _most(same: NDArray[np.bool_]) -> int:
    """No two entries of a fooling set share a row or a column."""
    return min(int(same.any(axis=1).sum()), int(same.any(axis=0).sum()))


def _search(
    same: NDArray[np.bool_], known: list[tuple[int, int]], most: int, nodes: int
) -> tuple[list[tuple[int, int]], bool, int]:
    """A largest set among the entries that are set, whether it is proved to be, and the nodes that it took."""
    rows, columns = np.nonzero(same)
    differs = ~same[np.ix_(rows, columns)]
    pairs = list(zip(rows.tolist(), columns.tolist(), strict=True))
    start = tuple(pairs.index(pair) for pair in known)
    clique = largest_clique(differs | differs.T, nodes=nodes, start=start, at_most=most)
    return [pairs[vertex] for vertex in clique.members], clique.exact, clique.nodes


def _greedy(same: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Takes entries that rule out few others first: those whose row and column have the fewest entries of the answer.

    An entry (x, y) rules out those at rows with the answer in column y and columns with the answer in row x.
    """
    rows, columns = np.nonzero(same)
    ruled_out = same.sum(axis=1)[rows] * same.sum(axis=0)[columns]
    left = same.copy()
    taken = []
    for index in np.argsort(ruled_out, kind="stable"):
        row, column = int(rows[index]), int(columns[index])
        if left[row, column]:
            taken.append((row, column))
            left[np.ix_(same[:, column], same[row])] = False
    return taken
