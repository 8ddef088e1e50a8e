"""How far a softmax average is from the exact mean: the inequality that every attention certificate rests on.

For one query token with q pointers among T tokens, let `gap` be the smallest score on the pointer set less the
largest one off it, and `spread` the largest less the smallest score on it. With t = (T - q) exp(-gap) and rho = t / (q
+ t), for all values in the unit ball

    |output - mean| <= 2 (rho + (1 - rho) tanh(spread / 4)).

rho bounds the attention mass off the set, and a distribution whose largest and smallest weight have ratio exp(s) is
within tanh(s/4) of uniform in total variation. Floating point is covered by widening gap and spread by the scores'
rounding errors and adding that of the softmax and the average (standard a-priori bounds, Higham, "Accuracy and
Stability of Numerical Algorithms", section 3.1; exp is taken to be within 2 units in the last place).
"""

from __future__ import annotations

import math

import torch

from assay.errors import AssayError
from assay.tasks.sparse_averaging import BALL_SLACK

UNIT_ROUNDOFF = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
DTYPES = (torch.float32, torch.float64)


def averaging_error(sparsity: int, positions: int, gap: float, spread: float = 0.0) -> float:
    """The inequality above: worst error over all values in the unit ball, in exact arithmetic.

    >>> round(averaging_error(sparsity=1, positions=2, gap=math.log(3)), 12)  # weights 3/4 and 1/4, values 1 and -1
    0.5
    """
    off = (positions - sparsity) * math.exp(min(-gap, 700.0))
    rho = off / (sparsity + off)
    return 2 * (rho + (1 - rho) * math.tanh(spread / 4))


def temperature(sparsity: int, positions: int, margin: float, error: float) -> float:
    """Least factor on scores that are equal on the set and smaller by `margin` off it at which the error is `error`.

    >>> alpha = temperature(sparsity=8, positions=1024, margin=0.5, error=0.05)
    >>> round(averaging_error(8, 1024, gap=alpha * 0.5), 12)
    0.05
    """
    off = positions - sparsity
    return max(0.0, math.log(off * (2 - error) / (sparsity * error)) / margin) if off else 1.0


def gamma(operations: int, roundoff: float) -> float:
    """n u / (1 - n u): relative error of a chain of n roundings, in whatever order they are taken."""
    product = operations * roundoff
    return product / (1 - product) if product < 1 else math.inf


def rounding_of_average(positions: int, roundoff: float) -> float:
    """What exponentials, their sum, the division and the weighted sum of `positions` unit values add to the error."""
    return gamma(2 * positions + 16, roundoff)


def rounding_of_differences(entries: int, gap: float, spread: float, roundoff: float) -> float:
    """What is added as a score less the largest one is rounded, which multiplies its exponential by exp(u d) at most.

    On the set d is at most the spread; off it, exp(-d) (exp(u d) - 1) is largest at the gap, or at 1 if that is small.
    """
    # exp(-gap) (exp(u gap) - 1), in a form that no gap makes overflow
    off = -math.exp((roundoff - 1) * gap) * math.expm1(-roundoff * gap)
    off = off if gap > 2 else roundoff / (math.e * (1 - roundoff))
    moved = math.expm1(roundoff * spread) + entries * off
    return 2 * moved / (1 - moved) if moved < 1 else math.inf


def guaranteed_error(sparsity: int, positions: int, gap: float, spread: float, roundoff: float) -> float:
    """The inequality and the rounding of the average, for values as long as the task lets them be."""
    rounding = rounding_of_average(positions, roundoff)
    rounding += (1 + rounding) * rounding_of_differences(positions, gap, spread, roundoff)
    return (1 + BALL_SLACK) * (averaging_error(sparsity, positions, gap, spread) + rounding)


def choose_dtype(tolerance: float, guarantee: dict[torch.dtype, float]) -> torch.dtype:
    """The narrowest dtype whose guaranteed error is at most the tolerance.

    Raises:
        AssayError: none is; the message says what float64 reaches.
    """
    for dtype in DTYPES:
        if guarantee[dtype] <= tolerance:
            return dtype
    raise AssayError(
        f"tolerance = {tolerance:g} is not allowed; float64 carries this construction to {guarantee[torch.float64]:.3g}"
    )
