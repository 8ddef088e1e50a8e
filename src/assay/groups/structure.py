"""What a multiplication table says of its group: orders, classes, centre, derived and lower central series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.groups.group import Group, Table

Elements = NDArray[np.bool_]  # a set of elements, (|G|,)


@dataclass(frozen=True)
class ConjugacyClass:
    """All g x g^-1 of one element x.

    Attributes:
        representative: its first element.
        size: number of elements.
        order: least k >= 1 with x^k = 1.
    """

    representative: int
    size: int
    order: int


@dataclass(frozen=True)
class Structure:
    """Facts that follow from the table alone.

    Attributes:
        order: |G|.
        abelian: whether all elements commute.
        nilpotent: whether the lower central series ends at 1.
        solvable: whether the derived series ends at 1.
        derived_length: steps of the derived series; None where it does not end at 1.
        derived_series: orders of its groups, from |G| to where it stays.
        centre: number of elements that commute with all.
        exponent: least k >= 1 with x^k = 1 for all x.
        element_orders: pairs of an order and the number of elements that have it.
        classes: by their first elements; the first is that of the identity.
    """

    order: int
    abelian: bool
    nilpotent: bool
    solvable: bool
    derived_length: int | None
    derived_series: tuple[int, ...]
    centre: int
    exponent: int
    element_orders: tuple[tuple[int, int], ...]
    classes: tuple[ConjugacyClass, ...]


def structure_of(group: Group) -> Structure:
    """All of it, in time O(|G|^2 log |G|).

    >>> from assay.groups import named_group
    >>> found = structure_of(named_group("S4"))
    >>> found.derived_series, found.derived_length, found.nilpotent, [one.size for one in found.classes]
    ((24, 12, 4, 1), 3, False, [1, 6, 8, 3, 6])
    """
    table = group.table
    orders, numbers = element_orders(table), class_numbers(table)
    series = derived_series(table)
    whole = np.ones(len(table), dtype=bool)
    lower = _series(table, lambda last: subgroup(table, commutators(table, whole, last)))
    firsts = np.unique(numbers, return_index=True)[1]
    classes = tuple(
        ConjugacyClass(int(first), int((numbers == place).sum()), int(orders[first]))
        for place, first in enumerate(firsts)
    )
    solvable = bool(series[-1].sum() == 1)
    return Structure(
        order=group.order,
        abelian=len(classes) == group.order,
        nilpotent=bool(lower[-1].sum() == 1),
        solvable=solvable,
        derived_length=len(series) - 1 if solvable else None,
        derived_series=tuple(int(one.sum()) for one in series),
        centre=sum(one.size == 1 for one in classes),
        exponent=int(np.lcm.reduce(orders)),
        element_orders=tuple(sorted(Counter(orders.tolist()).items())),
        classes=classes,
    )


def inverses(table: Table) -> NDArray[np.int64]:
    """The inverse of each element, int64 (|G|,)."""
    return np.argmin(table, axis=1)  # the identity is 0


def element_orders(table: Table) -> NDArray[np.int64]:
    """The order of each element, int64 (|G|,)."""
    numbers = np.arange(len(table))
    power, orders = numbers, np.ones_like(numbers)
    while power.any():
        orders += power != 0
        power = np.where(power != 0, table[power, numbers], 0)
    return orders


def powers_of(table: Table, element: int) -> list[int]:
    """1, x, x^2, ... up to the last before 1 comes again."""
    found, power = [0], element
    while power:
        found.append(power)
        power = int(table[power, element])
    return found


def class_numbers(table: Table) -> NDArray[np.int64]:
    """The number of each element's conjugacy class, int64 (|G|,); classes are numbered by their first elements."""
    numbers = np.arange(len(table))
    conjugates = table[table, inverses(table)[:, None]]  # g x g^-1 at [g, x]
    return np.unique(conjugates.min(axis=0), return_inverse=True)[1].reshape(numbers.shape)


def subgroup(table: Table, members: Elements) -> Elements:
    """The subgroup that these elements generate.

    Every element of a finite group is a product of generators alone, so inverses need not be added.
    """
    generators = np.flatnonzero(members)
    found = np.zeros(len(table), dtype=bool)
    found[0] = True
    new = np.array([0])
    while len(new):
        reached = np.zeros_like(found)
        reached[table[np.ix_(new, generators)]] = True
        new = np.flatnonzero(reached & ~found)
        found |= reached
    return found


def commutators(table: Table, left: Elements, right: Elements) -> Elements:
    """All a b a^-1 b^-1, a in `left` and b in `right`."""
    a, b = np.flatnonzero(left), np.flatnonzero(right)
    products = table[np.ix_(a, b)]
    found = np.zeros(len(table), dtype=bool)
    found[table[products, inverses(table)[table[np.ix_(b, a)].T]]] = True  # a b (b a)^-1
    return found


def derived_series(table: Table) -> list[Elements]:
    """G, its commutator subgroup, that one's, ... down to the first that is its own."""
    return _series(table, lambda last: subgroup(table, commutators(table, last, last)))


def _series(table: Table, after: Callable[[Elements], Elements]) -> list[Elements]:
    series = [np.ones(len(table), dtype=bool)]
    while True:
        smaller = after(series[-1])
        if smaller.sum() == series[-1].sum():
            return series
        series.append(smaller)
