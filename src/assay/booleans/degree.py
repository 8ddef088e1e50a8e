"""Threshold degree of a Boolean function, with a certificate of both sides.

The threshold degree is the least degree of a real polynomial that is positive where f is 1 and negative where it is 0.
For symmetric functions it is how often the value changes as the count of ones goes from 0 to n (Minsky and Papert,
"Perceptrons", 1969): a polynomial averaged over all permutations is one in the count, of no larger degree. For others
it is found degree by degree, see `assay.booleans.separation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np

from assay.booleans.blocks import Blocks, Whole, blocks_of
from assay.booleans.certificate import LARGEST_BLOCK, DegreeCertificate
from assay.booleans.function import BooleanFunction
from assay.booleans.named import known_function
from assay.booleans.separation import LARGEST_WORK, separate, truncated, work
from assay.probing.rational import whole_numbers

_TOLD = 3e9  # work of a step from which progress is told


@dataclass(frozen=True, eq=False)
class Degree:
    """A threshold degree, or the interval that is certified.

    Attributes:
        degree: it; None where the two sides differ.
        at_least: certified lower bound.
        at_most: certified upper bound.
        weak_at_least: no polynomial p but 0 of degree below this has f p >= 0 everywhere, f = +-1. At most `at_least`.
        certificate: of both bounds; None for symmetric functions of more than 256 bits, which rest on the theorem.
        justification: what the bounds follow from.
    """

    degree: int | None
    at_least: int
    at_most: int
    weak_at_least: int
    certificate: DegreeCertificate | None
    justification: str


def threshold_degree(function: BooleanFunction, tell: Callable[[str], None] = lambda _: None) -> Degree:
    """The threshold degree, exact in integers; an interval where a side could not be certified.

    Symmetric functions of any size at once. Others take seconds up to 12 inputs; from 13 inputs on, degrees whose
    linear algebra is too large are left open, unless many inputs may change places.

    Args:
        function: of n bits.
        tell: is told of steps that take long.

    >>> threshold_degree(BooleanFunction.symmetric("mod-3", 8, lambda ones: ones % 3 == 0)).degree
    5
    >>> multiplexer = BooleanFunction.of_table("multiplexer", [0, 0, 1, 0, 0, 1, 1, 1])
    >>> found = threshold_degree(multiplexer)
    >>> found.certificate.check()
    >>> found.degree, found.certificate.at_least
    (2, 2)
    """
    blocks = blocks_of(function)
    if function.by_count is not None:
        return _of_counts(function, blocks)
    return _by_search(function.inputs, blocks, tell)


@cache
def degree_of(name: str, inputs: int) -> Degree:
    """Its threshold degree; all functions of a study have up to 16 bits or are symmetric."""
    return threshold_degree(known_function(name, inputs))


def _of_counts(function: BooleanFunction, blocks: Blocks) -> Degree:
    """A zero of the product of (2 c - 2 j - 1) lies at each change; divided differences are the weights."""
    changes = function.sign_changes
    assert changes is not None
    certificate = None
    if function.inputs <= LARGEST_BLOCK:
        weights = _divided_differences(blocks) if changes else None
        polynomial = _product(blocks)
        certificate = DegreeCertificate(function.inputs, blocks, changes, changes, weights, polynomial)
        certificate.check()
    justification = "the number of changes of the value along the counts 0 to n (Minsky and Papert 1969)"
    return Degree(changes, changes, changes, changes, certificate, justification)


def _changes(blocks: Blocks) -> list[int]:
    """The counts j whose value differs from that of j + 1; none for a constant."""
    return np.flatnonzero(np.diff(blocks.values.astype(int))).tolist() if blocks.blocks else []


def _product(blocks: Blocks) -> Whole:
    """The product of (2 c - 2 j - 1) over all changes j, with the sign of f, in binomials: by its differences at 0."""
    changes = _changes(blocks)
    sign = int(blocks.signs.ravel()[0]) * (-1) ** len(changes)
    values = [sign * math.prod(2 * c - 2 * j - 1 for j in changes) for c in range(len(changes) + 1)]
    coefficients = np.zeros(blocks.values.size, dtype=object)
    for e in range(len(values)):
        coefficients[e] = values[0]
        values = [after - before for before, after in pairwise(values)]
    return coefficients.reshape(blocks.values.shape)


def _divided_differences(blocks: Blocks) -> Whole:
    """Weights on one count k_i of each run of equal values: 1 / product of |k_i - k_j|.

    With alternating signs these give the divided difference, which is 0 for polynomials of degree below the changes.
    """
    changes = _changes(blocks)
    counts = [changes[0], *(j + 1 for j in changes)]
    weights = [Fraction(1, math.prod(abs(k - other) for other in counts if other != k)) for k in counts]
    table = np.zeros(blocks.values.shape, dtype=object)
    table[counts] = whole_numbers(weights)[0]
    return table // math.gcd(*table.tolist())


def _by_search(inputs: int, blocks: Blocks, tell: Callable[[str], None]) -> Degree:
    at_least, at_most, weak = 0, blocks.inputs, 0
    weights = polynomial = None
    for degree in range(blocks.inputs):
        if work(blocks, degree) > LARGEST_WORK:
            break
        if work(blocks, degree) > _TOLD:
            count = int((blocks.orders <= degree).sum())
            tell(f"degree {degree}: {blocks.values.size:,} points, {count:,} monomial{'s' * (count != 1)}")
        found = separate(blocks, degree)
        if found.polynomial is not None:
            at_most, polynomial = degree, found.polynomial
            break
        if found.weights is not None:
            at_least, weights = degree + 1, found.weights
            weak = degree + 1 if found.positive else weak
    while at_least < at_most:  # left open: the characters of f itself may do
        shorter = truncated(blocks, at_most - 1)
        if shorter is None:
            break
        at_most, polynomial = at_most - 1, shorter
    certificate = DegreeCertificate(inputs, blocks, at_least, at_most, weights, polynomial)
    certificate.check()
    exact = "a polynomial of integers with the signs of f" if polynomial is not None else "that f has that many inputs"
    justification = (
        f"at least: weights with which f is orthogonal to lower degrees; at most: {exact}; checked in integers"
    )
    return Degree(at_least if at_least == at_most else None, at_least, at_most, weak, certificate, justification)
