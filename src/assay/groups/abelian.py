"""Abelian groups as products of cyclic ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.groups.group import Table
from assay.groups.structure import element_orders, powers_of


@dataclass(frozen=True, eq=False)
class CyclicFactors:
    """An Abelian group as Z_m1 x Z_m2 x ..., each m a multiple of the next: as few factors as can be.

    Attributes:
        orders: m1, m2, ...; empty for the trivial group.
        generators: an element of each factor that generates it.
        exponents: of the generators, for each element, int64 (|G|, factors).
    """

    orders: tuple[int, ...]
    generators: tuple[int, ...]
    exponents: NDArray[np.int64]


def cyclic_factors(table: Table) -> CyclicFactors:
    """The invariant factors of an Abelian group.

    For each prime p, elements of p-power order are taken greedily, the largest orders first, as long as their powers
    meet what is generated in 1 alone: each such subgroup is a direct factor of the p-part, of which the next largest
    cyclic one splits off. The i-th largest of all primes together generate the i-th factor.

    >>> from assay.groups import named_group
    >>> cyclic_factors(named_group("Z2xZ6xZ4").table).orders
    (12, 2, 2)
    """
    orders = element_orders(table)
    bases = [_basis(table, orders, p) for p in _primes(len(table))]
    generators = []
    for place in range(max(map(len, bases), default=0)):
        product = 0
        for basis in bases:
            product = int(table[product, basis[place]]) if place < len(basis) else product
        generators.append(product)
    elements, exponents = np.array([0]), np.zeros((1, 0), dtype=np.int64)
    for generator in generators:
        powers = np.array(powers_of(table, generator))
        elements = table[np.ix_(elements, powers)].ravel()
        last = np.tile(np.arange(len(powers)), len(exponents))
        exponents = np.column_stack([exponents.repeat(len(powers), axis=0), last])
    return CyclicFactors(
        tuple(int(orders[one]) for one in generators), tuple(generators), exponents[elements.argsort()]
    )


def _primes(n: int) -> list[int]:
    return [p for p in range(2, n + 1) if n % p == 0 and all(p % q for q in range(2, p))]


def _basis(table: Table, orders: NDArray[np.int64], p: int) -> list[int]:
    """Generators of cyclic factors of the elements of p-power order, the largest first."""
    largest = p
    while len(table) % (largest * p) == 0:
        largest *= p
    part = np.flatnonzero((largest % orders == 0) & (orders > 1))
    found, reached = [], np.array([0])
    for element in part[np.argsort(-orders[part], kind="stable")]:
        if len(reached) == largest:
            break
        powers = np.array(powers_of(table, int(element)))
        if np.isin(powers[1:], reached).any():
            continue
        found.append(int(element))
        reached = table[np.ix_(reached, powers)].ravel()
    return found
