"""One-way messages: what Alice must tell Bob, who has the other tokens, for him to know the answer.

Inputs of Alice may share a message exactly if one answer for each input of Bob serves both. For answers within an error
eps, several rows may share one if any two of them differ by at most 2 eps in every column: the middle of the least and
the largest entry of a column is within eps of all. So the messages needed are as many as the colours of the graph that
joins rows further apart, and a clique of that graph is a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import require
from assay.examine.communication.cliques import largest_clique
from assay.examine.communication.matrix import CommunicationMatrix

MOST_ROWS = 2048  # different rows, where all pairs of them are compared
USUAL_NODES = 100_000
_ROUNDING = 1e-9  # of 2 eps in units: rows at a distance of exactly 2 eps may share a message


@dataclass(frozen=True)
class OneWay:
    """How many messages a deterministic one-way protocol needs.

    Attributes:
        error: the worst error of Bob's answers that is allowed.
        at_least: messages that are needed: there are this many rows of which no two may share one.
        at_most: messages that suffice.
        apart: such rows.
        nodes: of the search for more of them.
    """

    error: float
    at_least: int
    at_most: int
    apart: tuple[int, ...]
    nodes: int

    @property
    def bits_at_least(self) -> int:
        """log2 of `at_least`, rounded up."""
        return (self.at_least - 1).bit_length()

    @property
    def bits_at_most(self) -> int:
        """log2 of `at_most`, rounded up."""
        return (self.at_most - 1).bit_length()


def may_share(matrix: CommunicationMatrix, error: float = 0.0) -> NDArray[np.bool_]:
    """Which two inputs of Alice may have one message: bool (rows, rows). Time O(rows^2 columns).

    >>> from assay.examine.communication import matrix_of
    >>> may_share(matrix_of(lambda x: x[0] // 2 == x[1], [3, 2], [0])).astype(int).tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 1]]

    Raises:
        AssayError: an error that is negative or not finite, or more than 2,048 rows.
    """
    steps = _steps(matrix, error)
    rows = matrix.multiples
    require(len(rows) <= MOST_ROWS, "rows to be compared", len(rows), f"at most {MOST_ROWS}")
    return np.stack([(np.abs(rows - row) <= steps).all(axis=1) for row in rows])


def one_way(matrix: CommunicationMatrix, error: float = 0.0, *, nodes: int = USUAL_NODES) -> OneWay:
    """Messages from Alice that a deterministic one-way protocol needs for answers within `error`.

    Where 2 eps is below the distance of any two different answers, it is the number of different rows, in time
    O(entries log rows). Else between a clique (branch and bound) and a greedy colouring of rows more than 2 eps apart.

    >>> from assay.examine.communication import matrix_of
    >>> index = matrix_of(lambda x: x[0] >> x[1] & 1, [8, 3], [0])  # Alice: three bits; Bob: which one
    >>> one_way(index).bits_at_least, one_way(index.transposed()).bits_at_least
    (3, 2)

    Raises:
        AssayError: an error that is negative or not finite, or more than 2,048 different rows to be compared in pairs.
    """
    steps = _steps(matrix, error)
    _, first = np.unique(matrix.multiples, axis=0, return_index=True)
    if steps < least_distance(matrix):
        return OneWay(error, len(first), len(first), tuple(sorted(first.tolist())), 0)
    distinct = CommunicationMatrix(
        matrix.multiples[first], matrix.unit, matrix.alice, matrix.bob, matrix.alice_sizes, matrix.bob_sizes
    )
    apart = ~may_share(distinct, error)
    colours = _colours(apart)
    clique = largest_clique(apart, nodes=nodes, at_most=colours)
    rows = tuple(sorted(int(first[member]) for member in clique.members))
    return OneWay(error, len(rows), colours, rows, clique.nodes)


def least_distance(matrix: CommunicationMatrix) -> int:
    """Least distance of two different answers, in units; 2^63 - 1 where all answers are equal.

    Errors below half of it leave no doubt about the exact answer, so that bounds on exact protocols hold for them too.
    """
    return int(np.diff(np.unique(matrix.multiples)).min(initial=np.iinfo(np.int64).max))


def _steps(matrix: CommunicationMatrix, error: float) -> int:
    """How many units apart two answers may be for one to serve both."""
    require(0 <= error < float("inf"), "error", error, "a finite number from 0 up")
    return int(min(2 * error / matrix.unit + _ROUNDING, 2.0**62))


def _colours(apart: NDArray[np.bool_]) -> int:
    """Colours of a greedy colouring, rows with most others apart from them first."""
    classes: list[list[int]] = []
    for row in np.argsort(-apart.sum(axis=1), kind="stable"):
        home = next((members for members in classes if not apart[row, members].any()), None)
        if home is None:
            classes.append([int(row)])
        else:
            home.append(int(row))
    return len(classes)
