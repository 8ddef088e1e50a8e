"""Boolean functions by name: functions of the count of ones, and the multiplexer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np

from assay.booleans.function import MOST_COUNTED, MOST_INPUTS, BooleanFunction
from assay.errors import AssayError, require, require_integer, unknown

MULTIPLEXER = {address + (1 << address): address for address in range(1, 4)}  # n -> address bits: 3, 6, 11
_NUMBERED = re.compile(r"(exactly|at-least|mod)-([0-9]{1,9})")
NAMES = ("parity", "majority", "and", "or", "half", "exactly-K", "at-least-K", "mod-M", "multiplexer")


def named_function(name: str, inputs: int) -> BooleanFunction:
    """The function of this name.

    parity (the count of ones is odd), majority (more than n/2), and, or, half (n/2, n even), exactly-K, at-least-K,
    mod-M (M divides the count), multiplexer (x_0 ... x_(k-1) are the address a, x_0 its lowest bit; the value is
    x_(k+a); n = k + 2^k).

    >>> named_function("majority", 3).by_count.tolist()
    [False, False, True, True]
    >>> named_function("multiplexer", 3).table.astype(int).tolist()
    [0, 0, 1, 0, 0, 1, 1, 1]

    Raises:
        AssayError: no such name, or a number of inputs or K or M that is not allowed.
    """
    require_integer("inputs", inputs, 1, MOST_COUNTED)
    if name == "multiplexer":
        return _multiplexer(inputs)
    if name == "half":
        require(inputs % 2 == 0, "inputs", inputs, "an even number for half, whose value is 1 at inputs / 2 ones")
    return BooleanFunction.symmetric(name, inputs, _of_count(name, inputs))


def known_function(name: str, inputs: int) -> BooleanFunction:
    """The function, which there is of so many bits."""
    found = function_of(name, inputs)
    assert found is not None
    return found


@cache
def function_of(name: str, inputs: int) -> BooleanFunction | None:
    """The function of this name; None where there is none of so many bits, as `half` of 5."""
    try:
        return named_function(name, inputs)
    except AssayError:
        return None


def _of_count(name: str, inputs: int) -> Callable[[int], bool]:
    simple: dict[str, Callable[[int], bool]] = {
        "parity": lambda ones: ones % 2 == 1,
        "majority": lambda ones: 2 * ones > inputs,
        "and": lambda ones: ones == inputs,
        "or": lambda ones: ones > 0,
        "half": lambda ones: 2 * ones == inputs,
    }
    if name in simple:
        return simple[name]
    found = _NUMBERED.fullmatch(name)
    if found is None:
        raise unknown("function", name, NAMES)
    kind, number = found[1], int(found[2])
    letter = "M" if kind == "mod" else "K"
    low, high = (1, inputs + 1) if kind == "mod" else (0, inputs)
    require_integer(f"{letter} of {kind}-{letter}", number, low, high, "inputs + 1" if kind == "mod" else "inputs")
    numbered: dict[str, Callable[[int], bool]] = {
        "exactly": lambda ones: ones == number,
        "at-least": lambda ones: ones >= number,
        "mod": lambda ones: ones % number == 0,
    }
    return numbered[kind]


def _multiplexer(inputs: int) -> BooleanFunction:
    if inputs not in MULTIPLEXER:
        allowed = ", ".join(f"{n} ({k} + {1 << k})" for n, k in MULTIPLEXER.items())
        raise AssayError(
            f"inputs = {inputs} is not allowed for multiplexer: k address bits and 2^k data bits make {allowed}; "
            f"at most {MOST_INPUTS} inputs have a table"
        )
    address = MULTIPLEXER[inputs]
    numbers = np.arange(1 << inputs)
    return BooleanFunction.of_table("multiplexer", (numbers >> (address + (numbers & (1 << address) - 1)) & 1) == 1)
