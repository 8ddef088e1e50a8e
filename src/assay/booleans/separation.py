"""Is a Boolean function the sign of a polynomial of degree d? Decided in exact integers, found in floating point.

Either a polynomial of degree at most d has the sign of f at every input, or there are weights >= 0 on the inputs, not
all 0, with which f is orthogonal to every monomial of degree at most d: sum of w(x) f(x) m(x) = 0 with f = +-1 (Gordan
1873). Both are searched for at once. The sum of exp(-f p) is minimised over polynomials p by Newton's method, whose
step q is a least-squares fit to f with weights w = exp(-f p). Then f is orthogonal to all monomials with weights
w (1 - f q), so these prove "no" if f q < 1; and f q > 0, or f p > 0, prove "yes".

What was found is made exact. Weights are rounded to integers and projected: by the characters of {0, 1}^n, setting
those of degree at most d to zero, in integers. They then hold if none is negative. A polynomial is rounded and
evaluated. Where all weights that prove "no" have zeros, the projection does not help: there a basis is solved for in
rationals (`assay.probing.rational`), if it is small. If not, weights are looked for on half of the inputs, with one bit
fixed: f is orthogonal to all monomials on all inputs, too, where the other half has weight 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from assay.arithmetic.threads import one_thread
from assay.booleans.blocks import (
    Blocks,
    Whole,
    along_axes,
    binomials,
    characters_in_binomials,
    krawtchouk,
    outer,
    transposed,
)
from assay.probing.candidates import Whitened, half_candidates
from assay.probing.rational import exact_halves, whole_numbers

Floats = NDArray[np.float64]
LARGEST_WORK = 5e10  # points times monomials squared of one Newton step, which takes some seconds then
_HALVES_WORK = 5e9  # the same, where weights are looked for on half of the inputs, for each bit in turn
_EXACT_NUMBERS = 1 << 19  # points times monomials, for a solution in rationals
_STEPS = 60
_ROUNDED = (6, 12, 24, 48)  # bits of coefficients that are tried
_WEIGHT_BITS = (8, 20, 60)  # of weights, before the projection
_CONVERGED = 1e-9  # share by which a step lowers the sum
_LEAST_HELD = 1e-9  # of a weight in the equations of a step, beside the largest: else they are too near to singular
_LONGEST = 4.0  # step, so that weights do not fall out of reach at once


@dataclass(frozen=True, eq=False)
class Separation:
    """What was proved of one degree; one of the two tables, or neither where it stayed open.

    Attributes:
        degree: d.
        polynomial: integers in the shape of `Blocks.values`: coefficients of the products of C(c_i, e_i), at place e.
        weights: integers >= 0 in that shape: the weight of all inputs with these counts together.
        positive: whether all weights are > 0. Then no polynomial p of degree at most d but 0 has f p >= 0 everywhere.
    """

    degree: int
    polynomial: Whole | None
    weights: Whole | None
    positive: bool = False


def work(blocks: Blocks, degree: int) -> float:
    """Points times monomials squared, which a Newton step takes twice as many operations as."""
    return float(blocks.values.size) * float((blocks.orders <= degree).sum()) ** 2


def separate(blocks: Blocks, degree: int) -> Separation:
    """A polynomial of degree at most `degree` with the signs of f, or weights that exclude one; neither if left open.

    Time: up to 60 solutions of a least-squares problem with as many rows as points and as many columns as monomials.

    >>> from assay.booleans.blocks import blocks_of
    >>> from assay.booleans.function import BooleanFunction
    >>> exactly_one = blocks_of(BooleanFunction.symmetric("exactly-1", 3, lambda ones: ones == 1))
    >>> excluded, found = separate(exactly_one, 1), separate(exactly_one, 2)
    >>> moments(exactly_one, excluded.weights)[:2].tolist(), polynomial_values(exactly_one, found.polynomial)[1] > 0
    ([0, 0], True)
    """
    with one_thread():
        found = _searched(blocks, degree)
        left_open = found.polynomial is None and found.weights is None
        if left_open and work(blocks, degree) <= _HALVES_WORK:
            found = next(_on_halves(blocks, degree), found)
    return found


def _searched(blocks: Blocks, degree: int) -> Separation:
    """The same, on all inputs at once."""
    signs = blocks.signs.ravel().astype(np.float64)
    features = _features(blocks, degree)
    multiplicity = np.asarray(blocks.inputs_of, dtype=np.float64).ravel()
    total, values = np.zeros(features.shape[1]), np.zeros(len(signs))  # the polynomial p so far, and f p
    for _ in range(_STEPS):
        weights = np.exp(_exponents(values, multiplicity))
        held = np.maximum(weights, _LEAST_HELD)
        step = _step(features, signs * weights, held)
        if step is None:
            break
        moved = signs * (features @ step)
        for candidate, agreement in ((step, moved), (total, values)):
            if agreement.min() > 0 and (found := _exact_polynomial(blocks, degree, candidate)) is not None:
                return Separation(degree, found, None)
        excess = weights - held * moved  # f is orthogonal to all monomials with these
        if excess.min() > 0 and (dual := _exact_weights(blocks, degree, excess)) is not None:
            return Separation(degree, None, dual, bool((dual > 0).all()))
        decrement = float(weights @ moved) / float(weights.sum())
        if decrement < _CONVERGED:
            break
        length = _length(values, moved, decrement, multiplicity)
        total, values = total + length * step, values + length * moved
    return _solved(blocks, degree)


def _on_halves(blocks: Blocks, degree: int) -> Iterator[Separation]:
    """Weights on the inputs of which one is fixed, for each that may be; 0 on the others.

    A block without one input has the counts from 0 or, if that is 1, from 1. Weights of all inputs with the same counts
    together stay what they are.
    """
    shape = blocks.values.shape
    for axis, size in enumerate(blocks.sizes):
        for bit in (0, 1):
            kept = tuple(slice(bit, bit + size) if other == axis else slice(None) for other in range(len(shape)))
            values, rest = blocks.values[kept], list(blocks.blocks)
            rest[axis] = rest[axis][1:]
            if size == 1:
                values = np.asarray(values.take(0, axis))
                del rest[axis]
            half = _searched(Blocks(tuple(rest), (), values), degree)
            if half.weights is not None:
                weights = np.zeros(shape, dtype=object)
                weights[kept] = half.weights.reshape(weights[kept].shape)
                yield Separation(degree, None, weights)


def truncated(blocks: Blocks, degree: int) -> Whole | None:
    """The characters of degree at most `degree` of f itself, if they have its signs; in the time of two transforms.

    Degree n - 1 is enough for all functions but parity and its complement, whose only character has degree n.
    """
    bases = [transposed(krawtchouk(size)) for size in blocks.sizes]
    characters = along_axes(blocks.signs.astype(object), bases)  # of one set of inputs with these sizes in blocks
    kept = np.asarray(np.where(blocks.orders <= degree, characters, 0), dtype=object)
    polynomial = along_axes(kept, [characters_in_binomials(size) for size in blocks.sizes])
    values = polynomial_values(blocks, polynomial)
    return _reduced(polynomial) if bool(np.all(values * blocks.signs > 0)) else None


def polynomial_values(blocks: Blocks, polynomial: Whole) -> Whole:
    """The polynomial at every vector of counts, exactly."""
    return along_axes(polynomial, [binomials(size) for size in blocks.sizes])


def moments(blocks: Blocks, weights: Whole) -> Whole:
    """Sum of w f times every product of binomials, exactly: at place e that of C(c_1, e_1) ... C(c_k, e_k)."""
    signed = np.asarray(weights * blocks.signs.astype(object), dtype=object)
    return along_axes(signed, [transposed(binomials(size)) for size in blocks.sizes])


def _features(blocks: Blocks, degree: int) -> Floats:
    """(points, monomials): characters of degree at most d, averaged in blocks and orthonormal, times the sign of f."""
    factors = []
    for size in blocks.sizes:
        scale = np.sqrt([float(math.comb(size, e)) for e in range(size + 1)])
        factors.append(np.array(krawtchouk(size), dtype=np.float64).T / scale)  # row c, column e
    return _columns(factors, degree)


def _columns(factors: list[Floats], degree: int) -> Floats:
    """(points, monomials): products of one column of each factor, for exponents that add up to at most `degree`."""
    table, orders = np.ones((1, 1)), np.zeros(1, dtype=np.int64)
    for factor in factors:
        orders = np.add.outer(orders, np.arange(factor.shape[1])).ravel()
        table, orders = np.kron(table, factor)[:, orders <= degree], orders[orders <= degree]
    return np.ascontiguousarray(table)


def _step(features: Floats, right: Floats, weights: Floats) -> Floats | None:
    """q with the sum of weights q m equal to that of `right` m for all monomials m; None if it is not found."""
    rows = features * np.sqrt(weights)[:, None]
    try:
        factor = cho_factor(rows.T @ rows, lower=True, check_finite=False)
    except LinAlgError:
        return None
    step = cho_solve(factor, features.T @ right, check_finite=False)
    left = features.T @ (right - weights * (features @ step))  # of rounding
    return step + cho_solve(factor, left, check_finite=False)


def _length(values: Floats, step: Floats, decrement: float, multiplicity: Floats) -> float:
    """Of a step of Newton's method for the logarithm of the sum of exp(-f p), halved until that falls."""
    length = min(1 / max(1 - decrement, _CONVERGED), _LONGEST)
    before = _log_sum(values, multiplicity)
    while length > _CONVERGED and _log_sum(values + length * step, multiplicity) > before - 0.1 * length * decrement:
        length /= 2
    return length


def _exponents(values: Floats, multiplicity: Floats) -> Floats:
    """Logarithms of the weights exp(-f p), the largest 0."""
    exponents = np.log(multiplicity) - values
    return exponents - exponents.max()


def _log_sum(values: Floats, multiplicity: Floats) -> float:
    exponents = np.log(multiplicity) - values
    most = float(exponents.max())
    return most + float(np.log(np.exp(exponents - most).sum()))


def _exact_polynomial(blocks: Blocks, degree: int, coefficients: Floats) -> Whole | None:
    """Integers near a multiple of these coefficients whose polynomial has the signs of f; None if none was found."""
    kept = blocks.orders <= degree
    norms = np.sqrt(np.asarray(outer([[math.comb(b, e) for e in range(b + 1)] for b in blocks.sizes]), np.float64))
    scaled = np.zeros(kept.shape)
    scaled[kept] = coefficients / norms[kept]
    bases = [characters_in_binomials(size) for size in blocks.sizes]
    for bits in _ROUNDED:
        rounded = np.rint(scaled / np.abs(scaled).max() * 2.0**bits)
        polynomial = along_axes(_integers(rounded), bases)
        if bool(np.all(polynomial_values(blocks, polynomial) * blocks.signs > 0)):
            return _reduced(polynomial)
    return None


def _exact_weights(blocks: Blocks, degree: int, weights: Floats) -> Whole | None:
    """Integers near a multiple of these weights, projected so that f is orthogonal to all monomials; None if they fail.

    The projection sets the characters of degree at most d of w f to 0, which leaves 2^n times integers.
    """
    counted = np.asarray(blocks.inputs_of)
    each = weights.reshape(blocks.values.shape) / counted.astype(np.float64)  # of one input
    bases = [transposed(krawtchouk(size)) for size in blocks.sizes]
    for bits in _WEIGHT_BITS:
        rounded = _integers(np.rint(each / each.max() * 2.0**bits))
        characters = along_axes(np.asarray(rounded * blocks.signs, dtype=object), bases)
        characters = np.where(blocks.orders <= degree, 0, characters)
        found = along_axes(np.asarray(characters, dtype=object), bases) * blocks.signs
        if not np.any(found < 0) and np.any(found > 0):
            return _reduced(np.asarray(found * counted, dtype=object))
    return None


def _solved(blocks: Blocks, degree: int) -> Separation:
    """The same from a search in rationals over all points and monomials, if they are few."""
    kept = (blocks.orders <= degree).ravel()
    if blocks.values.size * int(kept.sum()) > _EXACT_NUMBERS:
        return Separation(degree, None, None)
    factors = [np.array(binomials(size), dtype=np.float64) for size in blocks.sizes]
    monomials = _columns(factors, degree)[:, 1:]  # without the constant
    ones, zeros = np.flatnonzero(blocks.values.ravel()), np.flatnonzero(~blocks.values.ravel())
    white = Whitened.of(monomials)
    proved = exact_halves(monomials, white, ones, *half_candidates(white, ones, zeros))
    if proved is None:
        return Separation(degree, None, None)
    shape = blocks.values.shape
    if isinstance(proved, tuple):
        unscaled = [entry * Fraction(2) ** int(power) for entry, power in zip(proved, white.shift, strict=True)]
        return Separation(degree, _with_threshold(blocks, np.flatnonzero(kept), unscaled), None)
    places = list(proved.multipliers)
    weights = np.zeros(math.prod(shape), dtype=object)
    weights[places] = whole_numbers([proved.multipliers[place] for place in places])[0]
    return Separation(degree, None, _reduced(weights.reshape(shape)), bool((weights > 0).all()))


def _with_threshold(blocks: Blocks, places: NDArray[np.intp], coefficients: list[Fraction]) -> Whole:
    """Coefficients of all but the constant, whose values are larger where f is 1, as one with the signs of f."""
    whole, _ = whole_numbers(coefficients)
    polynomial = np.zeros(blocks.values.size, dtype=object)
    polynomial[places[1:]] = [2 * entry for entry in whole]
    values = polynomial_values(blocks, polynomial.reshape(blocks.values.shape))
    polynomial[0] = -(min(values[blocks.values]) + max(values[~blocks.values])) // 2
    return _reduced(polynomial.reshape(blocks.values.shape))


def _integers(values: Floats) -> Whole:
    found = np.empty(values.shape, dtype=object)
    found[...] = np.array([int(value) for value in values.ravel().tolist()], dtype=object).reshape(values.shape)
    return found


def _reduced(table: Whole) -> Whole:
    """Divided by the greatest common divisor."""
    factor = math.gcd(*(int(entry) for entry in np.ravel(table))) or 1
    return np.asarray(table // factor, dtype=object)
