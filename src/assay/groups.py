"""Finite groups by name, as multiplication tables: Z7 (cyclic), D4 (of a square), S5 (permutations), A5 (even ones)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError

Table = NDArray[np.int64]
_SIZES = {"Z": (1, 1000), "D": (3, 500), "S": (2, 6), "A": (3, 6)}


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group; its elements are the numbers 0 ... |G| - 1, the identity 0.

    Attributes:
        name: as it was asked for.
        table: the product a b at [a, b], int64 (|G|, |G|); of permutations, b comes first.
        generators: elements that generate it; with the identity where one does alone.
    """

    name: str
    table: Table
    generators: tuple[int, ...]

    @property
    def order(self) -> int:
        """|G|."""
        return len(self.table)


@cache
def named_group(name: str) -> Group:
    """The group of this name, generated as the field does it.

    S_n by the n - 1 transpositions of neighbours, A_n by the cycles (0 1 j), D_n by a rotation either way and a
    reflection, Z_m by 1.

    >>> [(group.order, len(group.generators)) for group in map(named_group, ("Z7", "D4", "S5", "A5"))]
    [(7, 2), (8, 3), (120, 4), (60, 3)]

    Raises:
        AssayError: no such group.
    """
    found = re.fullmatch(r"([ZDSA])([1-9][0-9]{0,3})", name)
    kind, n = (found[1], int(found[2])) if found else ("", 0)
    if not found or not _SIZES[kind][0] <= n <= _SIZES[kind][1]:
        known = ", ".join(f"{kind}{least} to {kind}{most}" for kind, (least, most) in _SIZES.items())
        raise AssayError(f"group = {name} is not allowed; it must be one of {known}")
    table, generators = {"Z": _cyclic, "D": _dihedral, "S": _symmetric, "A": _alternating}[kind](n)
    return Group(name, table, generators if len(generators) > 1 else tuple({0, *generators}))


def _cyclic(m: int) -> tuple[Table, tuple[int, ...]]:
    numbers = np.arange(m)
    return (numbers[:, None] + numbers) % m, (1 % m,)


def _dihedral(n: int) -> tuple[Table, tuple[int, ...]]:
    """Element r + n s rotates by r after s reflections."""
    flip, turn = np.divmod(np.arange(2 * n), n)
    turns = (turn[:, None] + (1 - 2 * flip[:, None]) * turn) % n
    return turns + n * (flip[:, None] ^ flip), (1, n - 1, n)


def _symmetric(n: int) -> tuple[Table, tuple[int, ...]]:
    elements = list(permutations(range(n)))
    swaps = [(*range(i), i + 1, i, *range(i + 2, n)) for i in range(n - 1)]
    return _permutations(elements), tuple(map(elements.index, swaps))


def _alternating(n: int) -> tuple[Table, tuple[int, ...]]:
    even = [one for one in permutations(range(n)) if not sum(a > b for i, a in enumerate(one) for b in one[i:]) % 2]
    cycles = [tuple({0: 1, 1: j, j: 0}.get(i, i) for i in range(n)) for j in range(2, n)]
    return _permutations(even), tuple(map(even.index, cycles))


def _permutations(elements: list[tuple[int, ...]]) -> Table:
    places = len(elements[0]) ** np.arange(len(elements[0]))
    array = np.array(elements)
    codes = array @ places
    order = np.argsort(codes)
    products = array[:, array] @ places  # a(b(i)) at [a, b, i]
    return order[np.searchsorted(codes, products, sorter=order)]
