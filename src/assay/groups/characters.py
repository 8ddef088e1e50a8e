"""The characters of a finite group, exactly: the method of Burnside, Dixon and Schneider.

Characters are found modulo a prime p that is 1 modulo the exponent e, where Z[zeta_e] maps onto the integers modulo p;
p is far above every number of eigenvalues, so that these are read off without error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import nmod_mat, nmod_poly
from numpy.typing import NDArray

from assay.errors import AssayError
from assay.groups.abelian import cyclic_factors
from assay.groups.group import LARGEST_ORDER, Group
from assay.groups.structure import class_numbers, inverses, powers_of

Integers = NDArray[np.int64]

LARGEST_WITH_CHARACTERS = 720
_PRIMES_FROM = 1 << 25  # squares of residues, added over 720 classes, stay below 2^63
_DRAWS = 30


@dataclass(frozen=True, eq=False)
class Characters:
    """All r irreducible complex characters, the trivial one first, then by degree.

    Attributes:
        prime: p.
        root: an element of order e modulo p, which stands for exp(2 pi i / e).
        exponent: e.
        sizes: of the conjugacy classes, int64 (r,).
        powers: for each class, the classes of x^0, x^1, ..., up to the order of its elements.
        residues: the values modulo p, int64 (r characters, r classes).
    """

    prime: int
    root: int
    exponent: int
    sizes: Integers
    powers: tuple[tuple[int, ...], ...]
    residues: Integers

    @property
    def degrees(self) -> Integers:
        """Dimensions of the representations, int64 (r,)."""
        return self.residues[:, 0]

    @cached_property
    def fixed(self) -> Integers:
        """dim fix(x): how often 1 is an eigenvalue, the mean of a character over the powers of x, (r, r classes)."""
        sums = np.column_stack([self.residues[:, list(powers)].sum(axis=1) for powers in self.powers])
        orders = [pow(len(powers), -1, self.prime) for powers in self.powers]
        return sums % self.prime * np.array(orders) % self.prime

    @cached_property
    def indicators(self) -> Integers:
        """Frobenius-Schur: the mean of chi(x^2); 1 real, 0 complex, -1 quaternionic, int64 (r,)."""
        squares = [powers[2 % len(powers)] for powers in self.powers]
        mean = self.residues[:, squares] @ self.sizes % self.prime * pow(int(self.sizes.sum()), -1, self.prime)
        return (mean + 1) % self.prime - 1

    @cached_property
    def conjugates(self) -> Integers:
        """The number of the complex conjugate of each character, int64 (r,)."""
        mirrored = self.residues[:, [powers[-1] if len(powers) > 1 else 0 for powers in self.powers]]
        places = {tuple(row): place for place, row in enumerate(self.residues.tolist())}
        return np.array([places[tuple(row)] for row in mirrored.tolist()])

    def eigenvalues(self, number: int, rows: Sequence[int] | None = None) -> Integers:
        """How often exp(2 pi i k / o) is an eigenvalue of an element of a class: int64 (rows, o), o its order.

        The value of a character there is the sum of its eigenvalues. A count is at most a degree, and below p.

        Args:
            number: of the class.
            rows: which characters; all unless given.
        """
        powers = list(self.powers[number])
        o = len(powers)
        root = pow(self.root, self.exponent // o, self.prime)
        table = np.array([pow(root, k, self.prime) for k in range(o)])
        transform = table[-np.outer(np.arange(o), np.arange(o)) % o]
        chosen = self.residues if rows is None else self.residues[list(rows)]
        return chosen[:, powers] @ transform % self.prime * pow(o, -1, self.prime) % self.prime

    def values(self, rows: Sequence[int] | None = None) -> NDArray[np.complex128]:
        """The characters as complex numbers, complex128 (rows, r), each within 1e-12 times its degree."""
        columns: dict[int, NDArray[np.complex128]] = {}
        for number, powers in enumerate(self.powers):
            if number in columns:
                continue
            counts, o = self.eigenvalues(number, rows), len(powers)
            for a in range(1, o + 1):  # x^a has the eigenvalues of x to the power a
                if math.gcd(a, o) == 1 and powers[a % o] not in columns:
                    columns[powers[a % o]] = counts @ _roots(o)[a * np.arange(o) % o]
        return np.column_stack([columns[number] for number in range(len(self.powers))])


def characters_of(group: Group) -> Characters:
    """The character table of a group of at most 720 elements.

    A random combination of the class matrices has different eigenvalues, and its eigenvectors are the central
    characters (Burnside; Dixon 1967 modulo a prime; Schneider 1990). Eigenvectors come from one Krylov basis.
    Time O(|G| r + r^3) for r classes.

    >>> from assay.groups import named_group
    >>> found = characters_of(named_group("S3"))
    >>> found.degrees.tolist(), found.values().real.round(6).tolist()
    ([1, 1, 2], [[1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [2.0, 0.0, -1.0]])

    Raises:
        AssayError: the group has more elements.
    """
    if group.order > LARGEST_WITH_CHARACTERS:
        raise AssayError(
            f"characters of {group.name}: it has {group.order} elements; at most {LARGEST_WITH_CHARACTERS} are allowed"
        )
    table = group.table
    numbers = class_numbers(table)
    firsts, sizes = np.unique(numbers, return_index=True, return_counts=True)[1:]
    powers = tuple(tuple(int(numbers[power]) for power in powers_of(table, int(first))) for first in firsts)
    exponent = int(np.lcm.reduce([len(one) for one in powers]))
    prime = next(p for p in range(_PRIMES_FROM // exponent * exponent + 1, 1 << 62, exponent) if _is_prime(p))
    root = _root_of_order(exponent, prime)
    if len(firsts) == group.order:
        residues = _abelian(group, exponent, prime, root)
    else:
        residues = _dixon(group, numbers, sizes, powers, prime)
    trivial = (residues == 1).all(axis=1)
    order = np.lexsort((*residues.T[::-1], ~trivial, residues[:, 0]))
    return Characters(prime, root, exponent, sizes, powers, residues[order])


def _abelian(group: Group, exponent: int, prime: int, root: int) -> Integers:
    """Products of characters of cyclic factors."""
    factors = cyclic_factors(group.table)
    weights = np.array([exponent // m for m in factors.orders], dtype=np.int64)
    phases = (factors.exponents * weights) @ factors.exponents.T % exponent
    return np.array([pow(root, k, prime) for k in range(exponent)])[phases]


def _dixon(group: Group, numbers: Integers, sizes: Integers, powers: tuple[tuple[int, ...], ...], p: int) -> Integers:
    """Residues of the characters, from eigenvectors of a combination of class matrices."""
    r, table = len(sizes), group.table
    firsts = np.unique(numbers, return_index=True)[1]
    quotients = numbers[table[inverses(table)][:, firsts]]  # class of x^-1 z at [x, class of z]
    inverse_classes = np.array([one[-1] if len(one) > 1 else 0 for one in powers])
    random = np.random.default_rng(0)
    for _ in range(_DRAWS):
        weights = random.integers(p, size=r)
        matrix = np.zeros((r, r), dtype=np.int64)  # sum over x with x^-1 z in class k, at [k, class of z]
        np.add.at(matrix, (quotients, np.arange(r)), weights[numbers][:, None])
        vectors = _eigenvectors(matrix % p, p, random)
        if vectors is None or not vectors[:, 0].all():
            continue
        central = vectors * np.array([pow(int(v), -1, p) for v in vectors[:, 0]])[:, None] % p
        inverse_sizes = np.array([pow(int(size), -1, p) for size in sizes])
        norms = (central * central[:, inverse_classes] % p) @ inverse_sizes % p  # |G| / degree^2
        degrees = np.array([_square_root(group.order * pow(int(norm), -1, p) % p) for norm in norms])
        return central * inverse_sizes % p * degrees[:, None] % p
    raise AssertionError("random combinations of class matrices have equal eigenvalues with probability r^2 / 2p")


def _eigenvectors(matrix: Integers, p: int, random: np.random.Generator) -> Integers | None:
    """Right eigenvectors modulo p as rows, if all eigenvalues differ and a random start has a part of each.

    With Krylov vectors v, A v, ... and minimal polynomial f, the eigenvector of a root is (f / (x - root))(A) v.
    """
    r = len(matrix)
    krylov = np.empty((r + 1, r), dtype=np.int64)
    krylov[0] = random.integers(p, size=r)
    for step in range(r):
        krylov[step + 1] = matrix @ krylov[step] % p
    try:
        solved = nmod_mat(r, r, krylov[:r].T.ravel().tolist(), p).solve(nmod_mat(r, 1, krylov[r].tolist(), p))
    except ZeroDivisionError:  # v has no part of some eigenvector
        return None
    tail = [int(solved[i, 0]) for i in range(r)]
    factors = nmod_poly([*(-c % p for c in tail), 1], p).factor()[1]
    roots = sorted(int(-factor[0]) for factor, _ in factors if factor.degree() == 1)
    if len(roots) < r:
        return None
    coefficients = np.empty((r, r), dtype=np.int64)  # of f / (x - root), by synthetic division
    coefficients[:, r - 1] = 1
    for power in range(r - 1, 0, -1):
        coefficients[:, power - 1] = (coefficients[:, power] * np.array(roots) - tail[power]) % p
    return coefficients @ krylov[:r] % p


def _square_root(square: int) -> int:
    """The degree of a character: its square is at most the group's order, and so its own residue."""
    root = round(square**0.5)
    assert root * root == square <= LARGEST_ORDER
    return root


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % q for q in range(2, int(n**0.5) + 1))


def _root_of_order(e: int, p: int) -> int:
    """The first power x^((p - 1) / e), x = 2, 3, ..., that has order e modulo p."""
    divisors = [e // q for q in range(2, e + 1) if e % q == 0 and _is_prime(q)]
    powers = (pow(x, (p - 1) // e, p) for x in range(2, p))
    return next(root for root in powers if all(pow(root, d, p) != 1 for d in divisors))


def _roots(o: int) -> NDArray[np.complex128]:
    return np.exp(2j * np.pi * np.arange(o) / o)
