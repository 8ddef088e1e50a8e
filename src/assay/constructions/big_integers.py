"""Exact matrix products of integers of any size, by float64 matrix products of their limbs.

An integer is split into signed limbs of 20 bits. A product of two limbs has 40 bits, so sums of up to 2^13 of them are
exact in float64, where matrix products are fastest. Numbers of k limbs cost k^2 products; against Python integers that
is tens of times faster.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LIMB_BITS = 20
LARGEST_SUM = 1 << 53 - 2 * LIMB_BITS  # products of two limbs that add up exactly

Limbs = NDArray[np.float64]
Digits = NDArray[np.int64]


def limbs(numbers: NDArray[np.object_]) -> Limbs:
    """Signed limbs, least significant first: shape (limbs, *numbers.shape) for an array of Python integers."""
    signs = np.where(numbers < 0, -1.0, 1.0)
    rest = np.abs(numbers)
    parts = []
    while not parts or rest.any():
        parts.append(signs * (rest & ((1 << LIMB_BITS) - 1)).astype(np.float64))
        rest = rest >> LIMB_BITS
    return np.stack(parts)


def product_digits(left: Limbs, right: Limbs) -> Digits:
    """left @ right.T as digits: entry [d, i, j] is the coefficient of 2^(20 d), not yet carried.

    Args:
        left: (limbs, rows, inner).
        right: (limbs, columns, inner).
    """
    shortest = min(len(left), len(right))
    if shortest * left.shape[2] > LARGEST_SUM:
        raise OverflowError(f"{shortest} limbs of {left.shape[2]} terms do not add up exactly in float64")
    digits = np.empty((len(left) + len(right) - 1, left.shape[1], right.shape[1]), dtype=np.int64)
    for place in range(len(digits)):
        pairs = [(i, place - i) for i in range(len(left)) if 0 <= place - i < len(right)]
        lefts = np.concatenate([left[i] for i, _ in pairs], axis=1)
        rights = np.concatenate([right[j] for _, j in pairs], axis=1)
        digits[place] = (lefts @ rights.T).astype(np.int64)
    return digits


def to_float(digits: Digits) -> NDArray[np.float64]:
    """The numbers that digits stand for, in float64: 0 exactly for 0, else with relative error below 2^-52 a digit.

    Carrying to digits between -2^19 and 2^19 makes the leading digit outweigh the rest, so nothing cancels.
    """
    carried, carry = [], np.zeros(digits.shape[1:], dtype=np.int64)
    for digit in digits:
        total = digit + carry
        carry = (total + (1 << LIMB_BITS - 1)) >> LIMB_BITS
        carried.append(total - (carry << LIMB_BITS))
    value = carry.astype(np.float64)
    for digit in reversed(carried):
        value = value * 2.0**LIMB_BITS + digit
    return value
