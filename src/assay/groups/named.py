"""Finite groups by name, as multiplication tables: Z7 (cyclic), D4 (of a square), S5 (permutations), A5 (even ones),
Q8 (quaternions), and direct products such as Z2xS3."""

from __future__ import annotations

import math
import re
from functools import cache, reduce
from itertools import permutations

import numpy as np

from assay.errors import AssayError
from assay.groups.group import LARGEST_ORDER, Group, Table, cycles, letters_of

_SIZES = {"Z": (1, 1000), "D": (3, 500), "S": (2, 6), "A": (3, 6)}
_KNOWN = (
    f"{', '.join(f'{kind}{least} to {kind}{most}' for kind, (least, most) in _SIZES.items())}, Q8, "
    f"or a direct product such as Z2xS3 of order at most {LARGEST_ORDER}"
)


@cache
def named_group(name: str) -> Group:
    """The group of this name, generated as the field does it.

    S_n by the n - 1 transpositions of neighbours, A_n by the cycles (0 1 j), D_n by a rotation either way and a
    reflection, Z_m by 1, Q8 by i and j, a direct product by the generators of its factors.

    >>> [(group.order, len(group.generators)) for group in map(named_group, ("Z7", "D4", "S5", "A5", "Q8", "Z2xS3"))]
    [(7, 2), (8, 3), (120, 4), (60, 3), (8, 2), (12, 3)]

    Raises:
        AssayError: no such group.
    """
    factors = [_factor(name, word) for word in name.split("x")]
    if math.prod(order for _, _, order in factors) > LARGEST_ORDER:
        raise AssayError(f"group = {name} is not allowed: it has more than {LARGEST_ORDER} elements, the most allowed")
    group = reduce(_product, [_simple(kind, n) for kind, n, _ in factors])
    return Group(name, group.table, letters_of(group.generators), group.labels, group.action)


def _factor(name: str, word: str) -> tuple[str, int, int]:
    """Kind, number and order of a group that is no product."""
    found = re.fullmatch(r"([ZDSA])([1-9][0-9]{0,3})|(Q)(8)", word)
    kind, n = (found[1] or found[3], int(found[2] or found[4])) if found else ("", 0)
    if not found or (kind != "Q" and not _SIZES[kind][0] <= n <= _SIZES[kind][1]):
        raise AssayError(f"group = {name} is not allowed; it must be one of {_KNOWN}")
    factorial = math.factorial(n) if kind in "SA" else 1
    return kind, n, {"Z": n, "D": 2 * n, "S": factorial, "A": factorial // 2, "Q": 8}[kind]


def _simple(kind: str, n: int) -> Group:
    return {"Z": _cyclic, "D": _dihedral, "S": _symmetric, "A": _alternating, "Q": _quaternions}[kind](n)


def _product(left: Group, right: Group) -> Group:
    """Pairs (a, b), numbered a |right| + b; points of the left action come first."""
    m = right.order
    a, b = np.divmod(np.arange(left.order * m), m)
    table = left.table[np.ix_(a, a)] * m + right.table[np.ix_(b, b)]
    action = np.concatenate([left.action[a], right.action[b] + left.action.shape[1]], axis=1)
    labels = tuple(f"({x}, {y})" for x in left.labels for y in right.labels)
    generators = (*(one * m for one in left.generators), *right.generators)
    return Group("", table, generators, labels, action)


def _cyclic(m: int) -> Group:
    numbers = np.arange(m)
    table = (numbers[:, None] + numbers) % m
    return Group("", table, (1 % m,), tuple(map(str, range(m))), table)


def _dihedral(n: int) -> Group:
    """Element r + n s rotates by r after s reflections; corner x of the n-gon goes to r + x or r - x."""
    flip, turn = np.divmod(np.arange(2 * n), n)
    signs = (1 - 2 * flip)[:, None]
    table = (turn[:, None] + signs * turn) % n + n * (flip[:, None] ^ flip)
    action = (turn[:, None] + signs * np.arange(n)) % n
    turns = ["", "r", *(f"r{k}" for k in range(2, n))]
    labels = ("1", *turns[1:], *(f"{one}s" for one in turns))
    return Group("", table, (1, n - 1, n), labels, action)


def _symmetric(n: int) -> Group:
    elements = list(permutations(range(n)))
    swaps = [(*range(i), i + 1, i, *range(i + 2, n)) for i in range(n - 1)]
    return _permutations(elements, tuple(map(elements.index, swaps)))


def _alternating(n: int) -> Group:
    even = [one for one in permutations(range(n)) if not sum(a > b for i, a in enumerate(one) for b in one[i:]) % 2]
    threes = [tuple({0: 1, 1: j, j: 0}.get(i, i) for i in range(n)) for j in range(2, n)]
    return _permutations(even, tuple(map(even.index, threes)))


def _permutations(elements: list[tuple[int, ...]], generators: tuple[int, ...]) -> Group:
    places = len(elements[0]) ** np.arange(len(elements[0]))
    array = np.array(elements)
    codes = array @ places
    order = np.argsort(codes)
    products = array[:, array] @ places  # a(b(i)) at [a, b, i]
    table = order[np.searchsorted(codes, products, sorter=order)]
    return Group("", table, generators, tuple(map(cycles, elements)), array)


def _quaternions(_: int) -> Group:
    """Element u + 4 s is 1, i, j or k, negative where s = 1; it acts on all eight by multiplication."""
    units = np.array([[0, 1, 2, 3], [1, 4, 3, 6], [2, 7, 4, 1], [3, 2, 5, 4]])  # k i = j, i k = -j = 6, ...
    sign, unit = np.divmod(np.arange(8), 4)
    product = units[np.ix_(unit, unit)]
    table: Table = (product + 4 * (sign[:, None] + sign)) % 8
    return Group("", table, (1, 2), ("1", "i", "j", "k", "-1", "-i", "-j", "-k"), table)
