"""Heads of one softmax layer: how many a Boolean function needs at least, and explicit weights for any function.

The layer: bits x_0 ... x_(n-1) in n different tokens, a query token that is the same for all inputs, H heads, and the
sign of a constant plus a linear function of all heads' outputs. Token j weighs u_j(x_j) > 0 in a head, the exponential
of its score, and has value v_j(x_j); other tokens weigh u > 0 together. So a head gives N(x) / D(x), with

    D(x) = u + sum of u_j(x_j),    N(x) = u v + sum of u_j(x_j) v_j(x_j),

both affine in x, D > 0. Multiplied by all D, the sign is that of a polynomial of degree at most H: **H is at least the
threshold degree**, in exact real arithmetic, for any positions, width and scores. Conversely any affine N and any
affine D > 0 on {0, 1}^n are those of a head: let eta be the least value of D over 2 n, u_j(b) = eta plus the part of
the coefficient of x_j that is needed, u what is left, v_j(0) = 0 and v_j(1), v what N asks for.

Upper bounds for any function:

- *terms*: if f is an OR of m ANDs of literals, m heads are enough. Head i is e / (e + literals of AND i that x
  violates), e = 1 / (2 m). Where f is 1, some head gives 1; where f is 0, all together give at most
  m e / (1 + e) < 1/2. So their sum minus 1/2 has the right sign. The same holds for an AND of ORs. So 2^(n-1) heads
  are enough for every f.
- *search*: with D of all heads fixed, all N and the constant are a linear program. D are drawn at random, and what is
  found is rounded to integers and checked in rationals at all inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from assay.boolean.blocks import restricted
from assay.boolean.degree import Degree, threshold_degree
from assay.boolean.function import BooleanFunction
from assay.boolean.structure import on_subcubes
from assay.errors import Refuted

Floats = NDArray[np.float64]
TERMS_INPUTS = 12  # up to which terms are looked for
SEARCH_INPUTS = 8  # up to which layers are
_DRAWS = (100, 10)  # of the denominators for each number of heads, up to 6 inputs and above
_SMALL = 6
_LARGEST_POWER = 8  # of two, among the weights that are drawn
_BITS = (6, 12, 24, 48)  # of coefficients
_POSITIVE = 1e-7  # margin of a solution that is worth rounding


@dataclass(frozen=True)
class Head:
    """One head of exact weights.

    Attributes:
        weights: (n, 2) integers > 0, u_j(0) and u_j(1): the exponentials of the scores.
        sink: u > 0, the weight of tokens that hold no bit.
        numerator: (n + 1) integers: N is the first plus the others times x_0 ... x_(n-1). So the values are
            v = first / u at the sink, v_j(0) = 0 and v_j(1) = numerator_j / u_j(1).
    """

    weights: tuple[tuple[int, int], ...]
    sink: int
    numerator: tuple[int, ...]

    def output(self, bits: Sequence[int]) -> Fraction:
        """N(x) / D(x).

        >>> Head(((1, 3), (1, 1)), 2, (0, 6, 0)).output((1, 0))
        Fraction(1, 1)
        """
        below = self.sink + sum(pair[bit] for pair, bit in zip(self.weights, bits, strict=True))
        above = self.numerator[0] + sum(a for a, bit in zip(self.numerator[1:], bits, strict=True) if bit)
        return Fraction(above, below)


@dataclass(frozen=True)
class Layer:
    """Heads and a constant whose sum has the sign of f.

    Attributes:
        heads: H of them.
        constant: of the readout, which adds up the heads' outputs.
        margin: the least distance of that sum from 0 over all inputs, where the largest outputs of the heads and the
            constant are scaled to add up to 1.
    """

    heads: tuple[Head, ...]
    constant: int
    margin: Fraction

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the margin as text p/q."""
        return {"constant": self.constant, "margin": str(self.margin), "heads": [asdict(head) for head in self.heads]}


@dataclass(frozen=True)
class Constructed:
    """How many heads are enough, and why.

    Attributes:
        heads: H.
        layer: weights that were checked at all inputs; None where they follow from a formula.
        rests_on: the construction.
    """

    heads: int
    layer: Layer | None
    rests_on: str


def checked(function: BooleanFunction, heads: Sequence[Head], constant: int) -> Layer:
    """The layer, if it has the sign of f at all 2^n inputs, in rationals.

    Raises:
        Refuted: it has not, at an input that the message names.

    >>> one = BooleanFunction.of_table("x0", [0, 1])
    >>> checked(one, [Head(((1, 1),), 1, (-1, 2))], 0).margin
    Fraction(1, 1)
    """
    largest, least = [Fraction(0)] * len(heads), None
    for number, value in enumerate(function.table.tolist()):
        bits = [number >> j & 1 for j in range(function.inputs)]
        outputs = [head.output(bits) for head in heads]
        total = constant + sum(outputs, Fraction(0))
        if total == 0 or (total > 0) is not value:
            raise Refuted(f"the layer gives {total} at {tuple(bits)}, where the function is {int(value)}")
        largest = [max(one, abs(output)) for one, output in zip(largest, outputs, strict=True)]
        least = abs(total) if least is None else min(least, abs(total))
    assert least is not None
    return Layer(tuple(heads), constant, least / (abs(constant) + sum(largest, Fraction(0))))


def constructed_heads(function: BooleanFunction, at_least: int) -> Constructed | None:
    """Heads that are enough for a function with a table; None above 12 inputs.

    Up to 8 inputs layers are searched for, from `at_least` heads on, with up to 100 draws for each number of heads.

    Args:
        function: of n bits.
        at_least: a lower bound on the heads.

    >>> xor = BooleanFunction.of_table("x0 xor x2", [0, 1, 0, 1, 1, 0, 1, 0])
    >>> found = constructed_heads(xor, 2)
    >>> found.heads, found.layer.margin > 0
    (2, True)
    """
    if at_least == 0 and function.constant:
        return Constructed(0, checked(function, (), 1 if function.table[0] else -1), "a constant")
    if function.inputs > TERMS_INPUTS:
        return None
    terms = min(len(cover(function.cube)), len(cover(~function.cube)))
    most = f"{terms} terms, one head each: e / (e + literals that are violated), e = 1 / (2 x terms)"
    if function.inputs > SEARCH_INPUTS:
        return Constructed(terms, None, most)
    generator = np.random.default_rng(0)
    draws = _DRAWS[function.inputs > _SMALL]
    for heads in range(max(at_least, 1), terms):
        for draw in range(draws if heads > 1 else 1):
            layer = _layer(function, heads, generator if draw else None)
            if layer is not None:
                searched = f"weights of integers, checked in rationals at all {len(function.table)} inputs"
                return Constructed(heads, layer, searched)
    return Constructed(terms, _of_terms(function), f"{most}; checked in rationals at all {len(function.table)} inputs")


def heads_with_bit(function: BooleanFunction, degree: Degree) -> int:
    """Heads that are needed where the query token holds one of the bits, whichever that is.

    With that bit fixed, the layer is one with a fixed query for the function of the others: it needs as many heads as
    the larger threshold degree of both restrictions. That is at least the degree less 1, since x_j p + (1 - x_j) q has
    the signs of f if p and q have those of the restrictions; above 8 inputs only this is said of a function that is not
    symmetric.

    >>> parity = BooleanFunction.symmetric("parity", 5, lambda ones: ones % 2)
    >>> heads_with_bit(parity, threshold_degree(parity))
    4
    """
    if function.by_count is None and function.inputs > SEARCH_INPUTS:
        return max(degree.at_least - 1, 0)
    found = []
    for position in range(function.inputs if function.by_count is None else 1):
        halves = [restricted(function, position, bit) for bit in (0, 1)]
        found.append(max(0 if half is None else threshold_degree(half).at_least for half in halves))
    return min(found)


def cover(cube: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Terms whose OR is f: for each input 0, 1, or 2 where the term does not look at it; few, by the greedy method.

    Time O(n 3^n) for each term.

    >>> cover(np.array([[False, True], [False, True]]))
    [(2, 1)]
    """
    implied = on_subcubes(cube, np.logical_and)
    left, terms = cube.copy(), []
    while left.any():
        gained = np.where(implied, on_subcubes(left.astype(np.int32), np.add), 0)
        term = tuple(int(place) for place in np.unravel_index(int(gained.argmax()), gained.shape))
        left[tuple(slice(None) if place == 2 else place for place in term)] = False
        terms.append(term)
    return terms


def _of_terms(function: BooleanFunction) -> Layer:
    """The layer of the docstring above, all weights times 4 m n, so that they are integers."""
    positive, negative = cover(function.cube), cover(~function.cube)
    terms, sign = (positive, 1) if len(positive) <= len(negative) else (negative, -1)
    unit = 4 * len(terms) * function.inputs  # of e: 2 n, so that n tokens of weight 1 leave n for the sink
    heads = []
    for term in terms:
        weights = tuple((1 + unit * (place == 1), 1 + unit * (place == 0)) for place in term)
        heads.append(Head(weights, function.inputs, (sign * 4 * function.inputs, *[0] * function.inputs)))
    return checked(function, heads, -sign)


def _layer(function: BooleanFunction, count: int, generator: np.random.Generator | None) -> Layer | None:
    """A layer with weights from a generator, or with uniform ones, and the numerators that a linear program finds."""
    n = function.inputs
    if generator is None:
        weights = np.ones((count, n, 2), dtype=np.int64) + np.arange(count)[:, None, None] * np.array([0, 1])
        sinks = np.ones(count, dtype=np.int64)
    else:
        weights = 1 << generator.integers(0, _LARGEST_POWER + 1, (count, n, 2))
        sinks = 1 << generator.integers(0, _LARGEST_POWER + 1, count)
    bits = np.arange(1 << n)[:, None] >> np.arange(n) & 1
    below = sinks[:, None] + np.where(bits[None], weights[:, None, :, 1], weights[:, None, :, 0]).sum(axis=2)
    affine = np.column_stack([np.ones(1 << n), bits])
    columns = np.column_stack([np.ones(1 << n), *(affine / one[:, None] for one in below)])
    found = _widest(columns, np.where(function.table, 1.0, -1.0))
    if found is None:
        return None
    for size in _BITS:
        whole = [int(entry) for entry in np.rint(found / np.abs(found).max() * 2.0**size).tolist()]
        numerators = [tuple(whole[1 + h * (n + 1) : 1 + (h + 1) * (n + 1)]) for h in range(count)]
        heads = [
            Head(tuple((int(a), int(b)) for a, b in weights[h].tolist()), int(sinks[h]), numerators[h])
            for h in range(count)
        ]
        try:
            return checked(function, heads, whole[0])
        except Refuted:
            continue
    return None


def _widest(columns: Floats, signs: Floats) -> Floats | None:
    """Coefficients with the largest least margin, each column scaled to 1 at most; None if there is no margin."""
    scale = np.abs(columns).max(axis=0)
    rows = np.column_stack([-signs[:, None] * columns / scale, np.ones(len(signs))])
    objective = np.append(np.zeros(len(scale)), -1.0)
    bounds = [(-1, 1)] * len(scale) + [(None, 1)]
    found = linprog(objective, A_ub=rows, b_ub=np.zeros(len(signs)), bounds=bounds, method="highs")
    if found.x is None or found.x[-1] < _POSITIVE:
        return None
    return found.x[:-1] / scale
