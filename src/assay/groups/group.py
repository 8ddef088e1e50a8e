"""What a finite group is here: a multiplication table, letters of words, names of its elements, and an action."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]

LARGEST_ORDER = 1000


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group; its elements are the numbers 0 ... |G| - 1, the identity 0.

    Attributes:
        name: as it was asked for.
        table: the product a b at [a, b], int64 (|G|, |G|); of permutations, b comes first.
        generators: elements that generate it; with the identity where one does alone.
        labels: a name for each element, such as `(1 2)(3 4)`.
        action: where each element takes the points 0 ... m - 1, int64 (|G|, m): (a b)(i) = a(b(i)), and only the
            identity leaves all points where they are.
    """

    name: str
    table: Table
    generators: tuple[int, ...]
    labels: tuple[str, ...]
    action: Table

    @property
    def order(self) -> int:
        """|G|."""
        return len(self.table)


def letters_of(generators: tuple[int, ...]) -> tuple[int, ...]:
    """Generators as letters of words: each once, and with the identity where fewer than two are there.

    >>> letters_of((1, 2, 1)), letters_of((1,)), letters_of((0, 3, 5))
    ((1, 2), (0, 1), (3, 5))
    """
    others = tuple(dict.fromkeys(one for one in generators if one))
    return others if len(others) > 1 else (0, *others)


def cycles(permutation: NDArray[np.int64] | tuple[int, ...], points: tuple[int, ...] | range | None = None) -> str:
    """A permutation of 0 ... m - 1 in cycle notation; `points` are names of its points, 1 ... m unless given.

    >>> cycles((1, 0, 3, 2)), cycles((0, 1)), cycles((1, 2, 0), (4, 7, 9))
    ('(1 2)(3 4)', '()', '(4 7 9)')
    """
    named = range(1, len(permutation) + 1) if points is None else points
    written = [" ".join(str(named[point]) for point in cycle) for cycle in cycle_points(permutation)]
    return "".join(f"({cycle})" for cycle in written) or "()"


def cycle_points(permutation: NDArray[np.int64] | tuple[int, ...]) -> list[list[int]]:
    """The cycles of at least two points, each from its smallest point on.

    >>> cycle_points((1, 2, 0, 3, 5, 4))
    [[0, 1, 2], [4, 5]]
    """
    images, seen, found = list(map(int, permutation)), set(), []
    for start in range(len(images)):
        cycle, point = [], start
        while point not in seen:
            seen.add(point)
            cycle.append(point)
            point = images[point]
        if len(cycle) > 1:
            found.append(cycle)
    return found
