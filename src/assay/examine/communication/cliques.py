"""Largest cliques of a graph by branch and bound: what fooling sets and sets of distinguishable rows are.

Vertices are coloured greedily, so that a clique among them has at most one of each colour (Tomita and Seki 2003), with
sets of vertices as bits of one Python integer (San Segundo, Rodriguez-Losada and Jimenez 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clique:
    """The largest clique that was found.

    Attributes:
        members: its vertices, ascending.
        exact: whether there is proved to be no larger one.
        nodes: of the search.
    """

    members: tuple[int, ...]
    exact: bool
    nodes: int


def largest_clique(
    adjacent: NDArray[np.bool_], *, nodes: int, start: tuple[int, ...] = (), at_most: int | None = None
) -> Clique:
    """A largest clique, or the best one within a number of search nodes.

    Exponential time in the worst case; one node costs O(V) operations on integers of V bits.

    Args:
        adjacent: bool (V, V), symmetric, False on the diagonal.
        nodes: search nodes at most.
        start: a clique that is known.
        at_most: a bound on the size of all cliques, where one is known; the search ends when it is reached.

    >>> pentagon = np.array([[(i - j) % 5 in (1, 4) for j in range(5)] for i in range(5)])
    >>> clique = largest_clique(pentagon, nodes=100)
    >>> len(clique.members), clique.exact
    (2, True)
    """
    count = len(adjacent)
    limit = count if at_most is None else at_most
    order = np.argsort(-adjacent.sum(axis=1), kind="stable")
    packed = np.packbits(adjacent[np.ix_(order, order)], axis=1, bitorder="little")
    neighbours = [int.from_bytes(row.tobytes(), "little") for row in packed]

    best: list[int] = []
    size = len(start)
    visited = 0
    clique: list[int] = []
    levels = [_coloured((1 << count) - 1, neighbours)] if size < limit else []
    allowed = [(1 << count) - 1]
    while levels:
        branches = levels[-1]
        if not branches or len(clique) + branches[-1][1] <= size:
            levels.pop()
            allowed.pop()
            if clique:
                clique.pop()
            continue
        if visited >= nodes:
            break
        visited += 1
        vertex, _ = branches.pop()
        inside = allowed[-1] & neighbours[vertex]
        allowed[-1] ^= 1 << vertex
        clique.append(vertex)
        if len(clique) > size:
            best, size = clique.copy(), len(clique)
            if size >= limit:
                levels = []
                break
        levels.append(_coloured(inside, neighbours))
        allowed.append(inside)
    members = sorted(int(order[vertex]) for vertex in best) or sorted(start)
    return Clique(tuple(members), exact=not levels, nodes=visited)


def _coloured(vertices: int, neighbours: list[int]) -> list[tuple[int, int]]:
    """Vertices with their colours 1, 2, ..., ascending; no two neighbours share one."""
    coloured = []
    colour = 0
    while vertices:
        colour += 1
        free = vertices
        while free:
            lowest = free & -free
            vertex = lowest.bit_length() - 1
            vertices ^= lowest
            free = (free ^ lowest) & ~neighbours[vertex]
            coloured.append((vertex, colour))
    return coloured
