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
- *search*: with D of all heads fixed, all N and the constant are a linear program. D are drawn, then changed at random
  as long as fewer inputs fall short; what is found is rounded to integers and checked in rationals at all inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from assay.booleans.blocks import restricted
from assay.booleans.degree import Degree, threshold_degree
from assay.booleans.function import BooleanFunction
from assay.booleans.properties import on_subcubes
from assay.errors import Refuted
from assay.schema import Json

if TYPE_CHECKING:
    from assay.booleans.symmetric_heads import SymmetricHeads

Floats = NDArray[np.float64]
TERMS_INPUTS = 12  # up to which terms are looked for
SEARCH_INPUTS = 8  # up to which layers are
_TOLD_INPUTS = 6  # from which a number of heads takes a second
_FRESH = 10  # layers that are drawn anew before weights are changed
_LARGEST_COEFFICIENT = 1e4
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

    def to_json(self) -> Json:
        """Plain JSON values; the margin as text p/q."""
        return {"constant": self.constant, "margin": str(self.margin), "heads": [asdict(head) for head in self.heads]}


@dataclass(frozen=True)
class Constructed:
    """How many heads are enough, and why.

    Attributes:
        heads: H.
        layer: weights that were checked at all inputs; None where they follow from a formula.
        justification: the construction.
        symmetric: weights of a function of the count, checked at all counts; None for others, and large ones.
    """

    heads: int
    layer: Layer | None
    justification: str
    symmetric: SymmetricHeads | None = None

    @property
    def margin(self) -> Fraction | None:
        """The least |output| by the sum of the readout's absolute values; None where no weights were written down."""
        weights = self.layer or self.symmetric
        return None if weights is None else weights.margin


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


def constructed_heads(
    function: BooleanFunction, at_least: int, tell: Callable[[str], None] = lambda _: None
) -> Constructed | None:
    """Heads that are enough for a function with a table; None above 12 inputs.

    Up to 8 inputs layers are searched for, from `at_least` heads on: up to 400 linear programs for each number of
    heads, 60 at 7 inputs, 12 at 8.

    Args:
        function: of n bits.
        at_least: a lower bound on the heads.
        tell: is told of searches that take long.

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
    search = _Search(function, max(at_least, 1))
    while search.count < terms:
        if function.inputs >= _TOLD_INPUTS:
            tell(f"{search.count} heads: up to {_steps(function.inputs)} linear programs")
        layer = search.run(_steps(function.inputs))
        if layer is not None:
            searched = f"weights of integers, checked in rationals at all {len(function.table)} inputs"
            return Constructed(search.count, layer, searched)
        search.add_head()
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


def _steps(inputs: int) -> int:
    """Linear programs for each number of heads: one takes 3 ms at 6 inputs and 60 ms at 8."""
    return {7: 60, 8: 12}.get(inputs, 400)


class _Search:
    """For a number of heads, weights that are powers of two, changed one or two at a time.

    A change is kept unless the least sum of shortfalls, over all numerators and constants, grows: a linear program. At
    0 all inputs are on the right side.
    """

    def __init__(self, function: BooleanFunction, count: int) -> None:
        self.function, self.count = function, count
        self._generator = np.random.default_rng(0)
        self._affine = np.column_stack([np.ones(len(function.table)), self._bits])
        self._powers = self._drawn(count)  # row h: the powers of u_0(0), u_0(1), u_1(0), ... and u
        self._shortfall = np.inf

    @property
    def _bits(self) -> NDArray[np.int64]:
        return np.arange(len(self.function.table))[:, None] >> np.arange(self.function.inputs) & 1

    def add_head(self) -> None:
        """Go on with one more."""
        self._powers = np.concatenate([self._powers, self._drawn(1)])
        self.count, self._shortfall = self.count + 1, np.inf

    def run(self, steps: int) -> Layer | None:
        """A layer that is right, or None after so many changes."""
        if self.count == 1:
            self._powers = np.zeros_like(self._powers)  # uniform attention is as good as any
        signs = np.where(self.function.table, 1.0, -1.0)
        for step in range(1 if self.count == 1 else steps):
            powers = self._powers if not step else self._drawn(self.count) if step < _FRESH else self._changed()
            columns = self._columns(powers)
            shortfall = _shortfall(columns, signs)
            if shortfall <= self._shortfall:
                self._powers, self._shortfall = powers, shortfall
            if shortfall < _POSITIVE and (layer := self._rounded(powers, columns, signs)) is not None:
                return layer
        return None

    def _drawn(self, count: int) -> NDArray[np.int64]:
        return self._generator.integers(0, _LARGEST_POWER + 1, (count, 2 * self.function.inputs + 1))

    def _changed(self) -> NDArray[np.int64]:
        powers = self._powers.copy()
        for _ in range(self._generator.integers(1, 3)):
            place = tuple(self._generator.integers(powers.shape))
            powers[place] = self._generator.integers(0, _LARGEST_POWER + 1)
        return powers

    def _columns(self, powers: NDArray[np.int64]) -> Floats:
        """1, and 1 / D, x_0 / D, x_1 / D, ... of each head, at each input."""
        pairs = (1 << powers[:, :-1]).reshape(len(powers), -1, 2)
        chosen = np.where(self._bits[None], pairs[:, None, :, 1], pairs[:, None, :, 0])
        below = (1 << powers[:, -1])[:, None] + chosen.sum(axis=2)
        return np.column_stack([np.ones(len(self._bits)), *(self._affine / one[:, None] for one in below)])

    def _rounded(self, powers: NDArray[np.int64], columns: Floats, signs: Floats) -> Layer | None:
        """The layer of largest margin with these weights, its coefficients rounded, if that is right."""
        found = _widest(columns, signs)
        if found is None:
            return None
        width = self.function.inputs + 1
        for size in _BITS:
            whole = [int(entry) for entry in np.rint(found / np.abs(found).max() * 2.0**size).tolist()]
            heads = []
            for h, row in enumerate((1 << powers).tolist()):
                weights = tuple(zip(row[:-1:2], row[1::2], strict=True))
                heads.append(Head(weights, row[-1], tuple(whole[1 + h * width : 1 + (h + 1) * width])))
            try:
                return checked(self.function, heads, whole[0])
            except Refuted:
                continue
        return None


def _shortfall(columns: Floats, signs: Floats) -> float:
    """The least sum over inputs of what f times the sum of columns lacks to 1, coefficients bounded."""
    count, width = columns.shape
    rows = np.column_stack([-signs[:, None] * columns / np.abs(columns).max(axis=0), -np.eye(count)])
    objective = np.append(np.zeros(width), np.ones(count))
    bounds = [(-_LARGEST_COEFFICIENT, _LARGEST_COEFFICIENT)] * width + [(0, None)] * count
    found = linprog(objective, A_ub=rows, b_ub=-np.ones(count), bounds=bounds, method="highs")
    return float(found.fun) if found.x is not None else float("inf")


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
