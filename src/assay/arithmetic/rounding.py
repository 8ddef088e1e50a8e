"""Rounding errors of a forward pass in floating point, as balls: rigorous upper bounds.

What is assumed of the machine, and no more:

- IEEE 754 arithmetic, rounding to nearest; sums and dot products in any order, with or without fused operations.
- exp, cos and sin of torch err by at most 2 units in the last place (for exp in float32 checked over all arguments by
  the tests that are marked long).
- softmax subtracts the largest score, takes exponentials, sums them, and divides or multiplies by the reciprocal.

`gather` also takes atan2 to be within 4 units, and `third-order` that torch's flash kernel is an online softmax with
exponentials within 32 units; their proofs say so.

u is the unit roundoff, 2^-24 for float32 and 2^-53 for float64; gamma(n) = n u / (1 - n u) bounds the relative error
of n roundings (Higham, "Accuracy and Stability of Numerical Algorithms", Lemma 3.1).
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from flint import arb, ctx, fmpq

from assay.errors import AssayError

ASSUMES = (
    "IEEE 754 arithmetic, rounding to nearest, sums in any order",
    "exp, cos and sin within 2 units in the last place",
    "softmax subtracts the largest score, and divides or multiplies by the reciprocal of the sum",
)
_LEAST_NORMAL = {torch.float32: Fraction(1, 1 << 126), torch.float64: Fraction(1, 1 << 1022)}
_EXP_ROUNDINGS = 4  # 2 units in the last place, each at most 2 u

ctx.prec = 160


def exact(number: float | int | Fraction) -> arb:
    """The ball of radius 0, or nearly, around an exactly known number."""
    fraction = Fraction(number)
    return arb(fmpq(fraction.numerator, fraction.denominator))


def unit_roundoff(dtype: torch.dtype) -> Fraction:
    """u."""
    return Fraction(1, 1 << {torch.float32: 24, torch.float64: 53}[dtype])


def gamma(operations: int, dtype: torch.dtype) -> arb:
    """n u / (1 - n u).

    Raises:
        AssayError: n u is not below 1, where nothing can be said.
    """
    product = operations * unit_roundoff(dtype)
    if product >= 1:
        raise AssayError(f"not proved: {operations} roundings in {dtype} may lose everything")
    return exact(product / (1 - product))


def upper(ball: arb) -> float:
    """A float64 that is not below any number of the ball; the least such up to a few units.

    >>> upper(exact(Fraction(1, 3))) >= 1 / 3
    True
    """
    if not ball.is_finite():
        raise AssayError("not proved: the error is finite")
    bound = float(ball.upper())
    while not exact(bound) >= ball:
        bound = math.nextafter(bound, math.inf)
    return bound


def softmax_rounding(entries: int, gap: arb, spread: arb, dtype: torch.dtype) -> arb:
    """Largest change of a softmax average of values of norm 1 by rounding, given the scores as computed.

    The on-entries lie within `spread` of the largest score and all others at least `gap` below an on-entry. Each
    weight takes part in: exponential, sum over the entries and the quotient below; product and sum above; a cast of
    the value. A score less the largest is rounded too, which multiplies its exponential by at most exp(u d) at a
    distance d; exp(-d) (exp(u d) - 1) is largest at d = gap if gap > 2, and at most u / (e (1 - u)) for any d. Weights
    that change by factors r change an average by at most s / (1 - s) with s = sum of p |r - 1|, twice.

    Raises:
        AssayError: a gap or spread that is not certain to be 0 or more.
    """
    if not (gap >= 0 and spread >= 0):
        raise AssayError(f"not proved: gap and spread of the scores are {float(gap):.3g} and {float(spread):.3g}")
    u = exact(unit_roundoff(dtype))
    common = gamma(2 * entries + 2 * _EXP_ROUNDINGS + 6, dtype)
    off = (-gap).exp() * ((u * gap).exp() - 1) if gap > 2 else u / (arb(1).exp() * (1 - u))
    moved = (u * spread).exp() - 1 + entries * off
    if not moved < 1:
        raise AssayError(f"not proved: rounding {entries} scores changes their weights by less than all")
    return (1 + common) * (1 + 2 * moved / (1 - moved)) - 1 + entries * exact(_LEAST_NORMAL[dtype])


def require_scores(temperature: float, largest: arb | int, dtype: torch.dtype) -> arb:
    """The temperature, which must be above 0 and leave all scores and their partial sums finite.

    Args:
        temperature: as stored.
        largest: that any of them may be in absolute value at temperature 1.
        dtype: that they are computed in.

    Raises:
        AssayError: it is not.
    """
    ball = read_number(temperature)
    if not ball > 0:
        raise AssayError(f"not proved: the temperature {temperature!r} is above 0")
    if not 2 * ball * largest < exact(torch.finfo(dtype).max):
        raise AssayError(f"not proved: scores at the temperature {temperature!r} stay finite in {dtype}")
    return ball


def read_number(number: object) -> arb:
    """A stored float64 setting, exactly; refuses what is no finite number."""
    return exact(finite(number))


def finite(number: object) -> float:
    """The setting itself, with the same refusal."""
    if isinstance(number, bool) or not (isinstance(number, int | float) and abs(number) < math.inf):
        raise AssayError(f"not proved: the setting {number!r} is no finite number")
    return number


def weight_roundings(entries: int) -> int:
    """Roundings that a weight of a softmax over `entries` scores takes part in, once these have had their largest off.

    Its exponential and that of each entry below, the sum, and the quotient, or the reciprocal and a product.
    """
    return entries - 1 + 2 * _EXP_ROUNDINGS + 2


def underflow(numbers: int, dtype: torch.dtype) -> arb:
    """What `numbers` results below the normal range may err by together, flushed to 0 or not."""
    return numbers * exact(_LEAST_NORMAL[dtype])


def circle_error(dtype: torch.dtype) -> arb:
    """How far (cos, sin) of 2 pi x / M, computed in float64 at an angle of at most pi and cast, is from the circle's.

    The angle x (2 pi / M) is rounded as pi is, as it is divided, and as the product is.
    """
    double = torch.float64
    error = arb.pi() * gamma(3, double) + _EXP_ROUNDINGS * exact(unit_roundoff(double))
    return error if dtype == double else error + (1 + error) * exact(unit_roundoff(dtype))
