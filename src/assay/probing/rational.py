"""Whether a query averages exactly a set of keys, or ranks it above the rest, decided in exact fractions.

The search begins at what float64 found and moves on in integers (python-flint), so that what it returns holds for the
very keys given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpz, fmpz_mat, nmod_mat
from scipy.linalg import qr

from assay.probing.candidates import Floats, Places, Whitened

Whole = int | fmpz
PRIME = 2**61 - 1  # what is independent modulo it is so indeed; if less is found, what is solved for does not hold
PIVOTS = 200  # of the exact search: from what float64 finds few are needed; each takes 25 ms at N = 256, d = 64
BITS = (16, 32, 64, 128)  # kept of a query's free coordinates, tried in turn


Query = tuple[Fraction, ...]


@dataclass(frozen=True)
class Refutation:
    """Why no query does, in exact arithmetic.

    Attributes:
        multipliers: those above 0, by position; their sum is 1.
        coefficients: those other than 0, by position in S; see `Certificate`.
    """

    multipliers: dict[int, Fraction]
    coefficients: dict[int, Fraction]


def exact_face(
    array: Floats, white: Whitened, inside: Places, query: Floats | None, weights: Floats
) -> Query | Refutation | None:
    """A query with equal scores on S and lower ones elsewhere, or why none does; None if PIVOTS steps do not tell.

    Args:
        array: the keys (N, d).
        white: the same, whitened.
        inside: S, ascending, not all positions.
        query: a candidate for yes, (d,) in scaled coordinates, if there is one.
        weights: candidates for multipliers, (N,); the search begins with those above 0.

    Returns the query in the scaled coordinates of `white`.
    """
    offsets = _offsets(array, white, int(inside[0]))
    if query is not None and _is_likely(white, inside, query):
        confirmed = _confirmed(offsets, white, inside, query)
        if confirmed is not None:
            return confirmed
    members = inside[1:].tolist()
    places = members + np.delete(np.arange(len(array)), inside).tolist()
    table = offsets.tolist()
    start = np.flatnonzero(weights[places]).tolist()
    below, found = _alternative([table[place] for place in places], len(members), start)
    if below is not None:
        return tuple(below)
    if found is None:
        return None
    coefficients = {place: -value for place, value in zip(members, found, strict=False) if value != 0}
    others = zip(places[len(members) :], found[len(members) :], strict=True)
    return Refutation({place: value for place, value in others if value != 0}, coefficients)


def exact_halves(
    array: Floats, white: Whitened, inside: Places, query: Floats, weights: Floats
) -> Query | Refutation | None:
    """A query with larger scores on S than elsewhere, or why none does; else as `exact_face`. No coefficients."""
    offsets = _offsets(array, white, int(inside[0]))
    scores = [int(score) for score in (offsets * fmpz_mat(integers([query.tolist()])[0]).transpose()).entries()]
    members = set(inside.tolist())
    if min(scores[i] for i in members) > max(score for j, score in enumerate(scores) if j not in members):
        return tuple(Fraction(entry) for entry in query.tolist())
    lifted = [[-entry for entry in (*row, 1)] if j in members else [*row, 1] for j, row in enumerate(offsets.tolist())]
    below, found = _alternative(lifted, 0, np.flatnonzero(weights).tolist())
    if below is not None:
        return tuple(below[:-1])
    return None if found is None else Refutation({j: value for j, value in enumerate(found) if value != 0}, {})


def integers(rows: Iterable[Iterable[float | Fraction]]) -> tuple[list[list[int]], int]:
    """Finite floating-point numbers, or fractions like them, times the least 2^power >= 1 that makes all integers.

    >>> integers([[0.5, -3.0], [0.25, 0.0]])
    ([[2, -12], [1, 0]], 2)
    """
    ratios = [[entry.as_integer_ratio() for entry in row] for row in rows]
    power = max(below.bit_length() - 1 for row in ratios for _, below in row)
    return [[above << (power - below.bit_length() + 1) for above, below in row] for row in ratios], power


def _offsets(array: Floats, white: Whitened, base: int) -> fmpz_mat:
    """(N, d): the scaled keys less that at `base`, times a power of two that makes all integers."""
    if white.exact:
        rows: list[list[float]] | list[list[Fraction]] = white.scaled.tolist()
    else:
        units = [Fraction(2) ** int(power) for power in white.shift]
        rows = [[Fraction(entry) * unit for entry, unit in zip(row, units, strict=True)] for row in array.tolist()]
    whole = fmpz_mat(integers(rows)[0])
    return whole - fmpz_mat([[1]] * len(array)) * fmpz_mat([whole.tolist()[base]])


def _confirmed(offsets: fmpz_mat, white: Whitened, inside: Places, query: Floats) -> Query | None:
    """The answer yes by a query near a multiple of this one, if there is one."""
    order = np.arange(len(query))
    if len(inside) > 1:  # pivots among the coordinates such that solving for them moves the query little
        order = qr(white.scaled[inside[1:]] - white.scaled[inside[0]], mode="r", pivoting=True)[1]
    table = offsets.tolist()
    equations = [table[place] for place in inside[1:]]
    rows, pivots = _independent(equations, order)
    square = [[equations[r][c] for c in pivots] for r in rows]
    free = sorted(set(range(len(query))) - set(pivots))
    largest = int(np.frexp(np.abs(query).max())[1])
    members = set(inside.tolist())
    for bits in BITS:
        rounded = [round(Fraction(float(entry)) * 2 ** (bits - largest)) for entry in query]
        right = [-sum(int(equations[r][c]) * rounded[c] for c in free) for r in rows]
        values = [*(Fraction(rounded[c]) for c in free), *_solved(square, right)]
        scores = _products(offsets, [*free, *pivots], values)
        if all(score == 0 if j in members else score < 0 for j, score in enumerate(scores)):
            found = dict(zip([*free, *pivots], values, strict=True))
            return tuple(found[c] for c in range(len(query)))
    return None


def _is_likely(white: Whitened, inside: Places, query: Floats) -> bool:
    """Whether all scores outside S are lower than the first in S, in float64."""
    return bool(np.delete((white.scaled - white.scaled[inside[0]]) @ query, inside).max() < 0)


def _alternative(
    vectors: Sequence[Sequence[Whole]], free: int, start: list[int]
) -> tuple[list[Fraction] | None, list[Fraction] | None]:
    """Either w with product 0 with the first `free` vectors and below 0 with the others, or else numbers x with which
    all vectors add up to 0, those after the first `free` >= 0 with sum 1. Both None if PIVOTS steps do not tell.

    By the least-index criss-cross method (Terlaky 1985) from a basis with the vectors in `start`. With A the vectors as
    columns above a row of zeros and ones, A x = (0 ... 0, 1) is solved. Where a basic solution has an entry below 0 and
    that row u of the basis's inverse no product below 0 with a column, u = (-w, t) with t < 0.
    """
    count, width = len(vectors), len(vectors[0])
    columns = fmpz_mat([[*vector, int(place >= free)] for place, vector in enumerate(vectors)])
    first = [*range(free), *start]
    order = [*first, *(c for c in range(count) if c not in set(first))]
    rows, basis = _independent(columns.transpose().tolist(), order)
    for _ in range(PIVOTS):
        square = [[columns[c, r] for r in rows] for c in basis]  # columns of the basis as rows
        if rows[-1] < width:  # the last row of A is a sum of others
            return _if_below(columns, free, rows, _solved(square, [-columns[c, width] for c in basis])), None
        values = _solved([*map(list, zip(*square, strict=True))], [0] * (len(rows) - 1) + [1])
        found = dict(zip(basis, values, strict=True))
        negative = [c for c, value in found.items() if c >= free and value < 0]
        if not negative:
            return None, _if_zero(columns, [found.get(c, Fraction(0)) for c in range(count)])
        row = _solved(square, [int(c == min(negative)) for c in basis])
        products = _products(columns, rows, row)
        entering = [c for c, product in enumerate(products) if product < 0 and c not in found]
        if not entering:
            return _if_below(columns, free, rows[:-1], [-entry for entry in row[:-1]]), None
        basis[basis.index(min(negative))] = min(entering)
    return None, None


def _solved(square: Sequence[Sequence[Whole]], right: Sequence[Whole]) -> list[Fraction]:
    """x with square @ x = right, the matrix being regular."""
    if not square:
        return []
    solution = fmpz_mat(square).solve(fmpz_mat([[entry] for entry in right]))
    return [Fraction(int(x.p), int(x.q)) for x in solution.entries()]


def _products(vectors: fmpz_mat, places: list[int], values: list[Fraction]) -> list[int]:
    """Some number > 0 times the products of rows with the vector of these values at these places and 0 elsewhere."""
    whole = dict(zip(places, whole_numbers(values)[0], strict=True))
    return [int(entry) for entry in (vectors * fmpz_mat([[whole.get(c, 0)] for c in range(vectors.ncols())])).entries()]


def _if_below(columns: fmpz_mat, free: int, places: list[int], values: list[Fraction]) -> list[Fraction] | None:
    """w with these values at these places and 0 elsewhere, if it holds."""
    products = _products(columns, places, values)
    holds = not any(products[:free]) and max(products[free:]) < 0
    entries = dict(zip(places, values, strict=True))
    return [entries.get(c, Fraction(0)) for c in range(columns.ncols() - 1)] if holds else None


def _if_zero(columns: fmpz_mat, numbers: list[Fraction]) -> list[Fraction] | None:
    """The same numbers if the vectors add up to 0 with them; that their sum is 1 was solved for."""
    whole, factor = whole_numbers(numbers)
    left = [int(entry) for entry in (fmpz_mat([whole]) * columns).entries()]
    return numbers if not any(left[:-1]) and left[-1] == factor else None


def whole_numbers(values: Sequence[Fraction]) -> tuple[list[int], int]:
    """Fractions times their least common denominator, and that."""
    factor = math.lcm(*(value.denominator for value in values))
    return [value.numerator * (factor // value.denominator) for value in values], factor


def _independent(rows: Sequence[Sequence[Whole]], order: Iterable[int]) -> tuple[list[int], list[int]]:
    """Rows and columns of a square submatrix of full rank; columns that come first in `order` are preferred."""
    order = [int(c) for c in order]
    table = [[int(entry) % PRIME for entry in row] for row in rows]
    columns = [order[c] for c in _leading([[row[c] for c in order] for row in table])]
    return _leading([[row[c] for row in table] for c in columns]), columns


def _leading(table: list[list[int]]) -> list[int]:
    """The columns with leading entries in the echelon form modulo PRIME: each independent of those before it."""
    if not table or not table[0]:
        return []
    echelon, rank = nmod_mat(table, PRIME).rref()
    return [next(c for c, entry in enumerate(row) if int(entry)) for row in echelon.tolist()[:rank]]
