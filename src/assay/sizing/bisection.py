"""A bisection over whole numbers."""

from __future__ import annotations

from collections.abc import Callable


def last(most: int, holds: Callable[[int], bool]) -> int:
    """The last of 1 ... most for which a condition holds that never holds again once it fails; 0 for none.

    About 2 log2 of the answer calls.

    >>> last(100, lambda number: number**2 <= 50), last(100, lambda _: True), last(100, lambda _: False)
    (7, 100, 0)
    """
    low, high = 0, 1
    while high <= most and holds(high):
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
