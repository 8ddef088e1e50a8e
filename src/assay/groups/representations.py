"""Faithful real representations of a group, and the fewest Householder reflections per element that one of them takes.

An orthogonal matrix A is a product of rank(A - I) reflections and of no fewer (Cartan and Dieudonne; Scherk 1950), so
that a layer which applies the matrix of a letter needs as many steps as the largest rank over its letters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.groups.abelian import cyclic_factors
from assay.groups.characters import Characters
from assay.groups.group import Group
from assay.groups.structure import class_numbers

Integers = NDArray[np.int64]

_NODES = 20_000  # of the search; groups for which that is not enough get a lower and an upper end


@dataclass(frozen=True)
class RealIrreducible:
    """An irreducible representation by real matrices.

    Attributes:
        characters: numbers of its complex constituents: one (real), it and its conjugate (complex), or one twice
            (quaternionic), by the Frobenius-Schur indicator.
        kind: `real`, `complex` or `quaternionic`.
        dimension: of its real matrices.
        ranks: rank(rho(x) - I) = dimension - dim fix(x) for each conjugacy class.
    """

    characters: tuple[int, ...]
    kind: str
    dimension: int
    ranks: tuple[int, ...]


@dataclass(frozen=True)
class FewestSteps:
    """The fewest reflections per letter, over all faithful orthogonal representations.

    Attributes:
        steps: of the best one found: the largest rank(rho(x) - I) over the letters x.
        least: no faithful orthogonal representation has less; equal to `steps` unless the search was cut short.
        parts: the irreducible parts of the one found, each once.
    """

    steps: int
    least: int
    parts: tuple[RealIrreducible, ...]

    @property
    def dimension(self) -> int:
        """Of the representation."""
        return sum(part.dimension for part in self.parts)


def real_irreducibles(characters: Characters) -> list[RealIrreducible]:
    """All of them, the trivial one first, then by their complex constituents.

    >>> from assay.groups import named_group
    >>> from assay.groups.characters import characters_of
    >>> [(one.kind, one.dimension, one.ranks) for one in real_irreducibles(characters_of(named_group("Z3")))]
    [('real', 1, (0, 0, 0)), ('complex', 2, (0, 2, 2))]
    """
    ranks = characters.degrees[:, None] - characters.fixed
    found = []
    for number, (indicator, mirrored) in enumerate(zip(characters.indicators, characters.conjugates, strict=True)):
        if indicator == 0 and mirrored < number:
            continue
        kind = {1: "real", 0: "complex", -1: "quaternionic"}[int(indicator)]
        both = (number,) if kind == "real" else (number, int(mirrored))
        dimension = int(characters.degrees[list(both)].sum())
        found.append(RealIrreducible(both, kind, dimension, tuple(map(int, ranks[list(both)].sum(axis=0)))))
    return found


def fewest_steps(group: Group, irreducibles: list[RealIrreducible], letters: tuple[int, ...]) -> FewestSteps:
    """The smallest max over letters of rank(rho(x) - I), rho over faithful sums of real irreducible representations.

    Every orthogonal representation is such a sum, and leaving out what faithfulness does not need never adds to a rank.
    For t = least, least + 1, ... sets whose ranks add to at most t are searched, branching on a class that is still in
    the kernel. `least` begins at what Abelian subgroups take where all elements are letters (see `abelian_steps`), else
    at 1.

    >>> from assay.groups import named_group
    >>> from assay.groups.characters import characters_of
    >>> cube = named_group("S4")
    >>> found = fewest_steps(cube, real_irreducibles(characters_of(cube)), tuple(range(24)))
    >>> found.steps, found.least, found.dimension
    (2, 2, 3)

    Args:
        group: any of at most 720 elements.
        irreducibles: its real irreducible representations.
        letters: elements.
    """
    if group.order == 1:
        return FewestSteps(0, 0, ())
    classes = np.unique(class_numbers(group.table)[list(letters)])
    search = _Search(irreducibles, classes)
    whole = len(set(letters)) == group.order
    least = steps = abelian_floor(group.table) if whole else int(any(letters))
    nodes, cut = _NODES, False
    while True:
        chosen = search.within(steps, nodes)
        if chosen is not None:
            return FewestSteps(search.largest(chosen), least, tuple(irreducibles[one] for one in sorted(chosen)))
        if search.nodes > nodes:  # undecided: from here on, no count is known to be too small
            cut, nodes = True, max(nodes // 2, len(irreducibles))
        steps += 1
        least = least if cut else steps


class _Search:
    """Sets of irreducible representations whose kernels meet in 1 and whose ranks stay small on the letters."""

    def __init__(self, irreducibles: list[RealIrreducible], letters: Integers) -> None:
        ranks = np.array([one.ranks for one in irreducibles])
        self.moves = ranks > 0  # (irreducibles, classes): whether the class is outside the kernel
        self.ranks = ranks[:, letters]
        self.dimensions = np.array([one.dimension for one in irreducibles])
        self.nodes = 0

    def largest(self, chosen: list[int]) -> int:
        """The largest rank of a sum over the letters."""
        return int(self.ranks[chosen].sum(axis=0).max())

    def within(self, steps: int, nodes: int) -> list[int] | None:
        """A faithful set of ranks at most `steps`; None where there is none, or `self.nodes` has passed `nodes`."""
        self.nodes = 0
        kernel = np.ones(self.moves.shape[1], dtype=bool)
        kernel[0] = False
        return self._extend(
            [], kernel, np.full(self.ranks.shape[1], steps), np.ones(len(self.moves), dtype=bool), nodes
        )

    def _extend(
        self, chosen: list[int], kernel: NDArray[np.bool_], room: Integers, allowed: NDArray[np.bool_], nodes: int
    ) -> list[int] | None:
        if not kernel.any():
            return chosen
        self.nodes += 1
        if self.nodes > nodes:
            return None
        allowed = allowed & (self.ranks <= room).all(axis=1)
        helping = self.moves[allowed][:, kernel].sum(axis=0)
        if not helping.all():
            return None
        target = np.flatnonzero(kernel)[helping.argmin()]
        candidates = np.flatnonzero(allowed & self.moves[:, target])
        order = np.lexsort((self.ranks[candidates].sum(axis=1), self.dimensions[candidates]))
        for one in candidates[order]:
            allowed = allowed.copy()
            allowed[one] = False
            found = self._extend([*chosen, int(one)], kernel & ~self.moves[one], room - self.ranks[one], allowed, nodes)
            if found is not None or self.nodes > nodes:
                return found
        return None


def abelian_steps(orders: tuple[int, ...]) -> int:
    """The fewest steps of an Abelian group with all elements as letters: 2 for each invariant factor above 2, else 1.

    Enough: one rotation, or one sign, for each. Necessary: let k factors be even, and c be above 2. The characters of
    a faithful representation generate all characters. Either c factors are multiples of 4, and all k factors are even:
    k of the characters are independent on the elements of order 2, at least c of these have an order above 2, and some
    element of order 2 has -1 in all k: rank 2 c + (k - c). Or an odd prime p divides c factors: c of the characters are
    independent on the elements of order p, and max(0, k - c) more are independent of them on those of order 2; some
    product of an element of order p and one of order 2 lies in the kernel of none: rank 2 c + max(0, k - c). A
    character of order above 2 takes two real dimensions.

    >>> abelian_steps((6,)), abelian_steps((2, 2)), abelian_steps((4, 2)), abelian_steps(())
    (2, 2, 3, 0)
    """
    return sum(1 if m == 2 else 2 for m in orders)


def abelian_floor(table: Integers) -> int:
    """The most that `abelian_steps` demands of an Abelian subgroup, of those found greedily from each class."""
    commute = table == table.T
    found: dict[bytes, int] = {}
    for first in np.unique(class_numbers(table), return_index=True)[1] if not commute.all() else [0]:
        members = _commuting(commute, int(first))
        if members.tobytes() not in found:
            inner = np.searchsorted(members, table[np.ix_(members, members)])
            found[members.tobytes()] = abelian_steps(cyclic_factors(inner).orders)
    return max(found.values())


def _commuting(commute: NDArray[np.bool_], first: int) -> Integers:
    """A maximal Abelian subgroup that contains an element: its centraliser, cut down by its own centralisers.

    A set in which everything that commutes with all of it is in it is a subgroup, and Abelian once all of it commutes.
    """
    inside = commute[first].copy()
    while True:
        counts = commute[np.ix_(inside, inside)].sum(axis=1)
        if counts.min() == inside.sum():
            return np.flatnonzero(inside)
        members = np.flatnonzero(inside)
        proper = np.where(counts < len(members), counts, 0)
        inside &= commute[members[proper.argmax()]]
