"""Numbers of three significant digits that are said of bounds: never above a lower bound, never below an upper one."""

from __future__ import annotations

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


def _rounded(number: Fraction | float, way: str) -> str:
    exact = Fraction(number)
    many = Context(prec=40, rounding=way).divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return f"{Context(prec=3, rounding=way).plus(many).normalize():f}"
