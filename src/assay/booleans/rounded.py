"""Numbers as they are said: of bounds, never more than is proved, in three significant digits; of margins, in bits."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction


def at_least(number: Fraction | float) -> str:
    """The number, rounded down.

    >>> at_least(Fraction(2633300, 65536)), at_least(Fraction(25, 4)), at_least(0)
    ('40.1', '6.25', '0')
    """
    return _rounded(number, ROUND_FLOOR)


def at_most(number: Fraction | float) -> str:
    """The number, rounded up.

    >>> at_most(Fraction(1, 3)), at_most(0.5)
    ('0.334', '0.5')
    """
    return _rounded(number, ROUND_CEILING)


def bits_of(margin: Fraction) -> float:
    """log2 of 1 / margin, which may be far below float64's range.

    >>> bits_of(Fraction(1, 2**2000))
    2000.0
    """
    return math.log2(margin.denominator) - math.log2(margin.numerator)


def _rounded(number: Fraction | float, way: str) -> str:
    exact = Fraction(number)
    many = Context(prec=40, rounding=way).divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return f"{Context(prec=3, rounding=way).plus(many).normalize():f}"
