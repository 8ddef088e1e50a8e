"""Boolean functions as users give them: a name, a table of digits, or a Python function of a tuple of bits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from sys import stderr
from typing import cast

from assay.booleans.function import MOST_INPUTS, BooleanFunction
from assay.booleans.named import named_function
from assay.errors import AssayError, ParameterError, one_line, require, require_integer
from assay.store.source import entry_at, name_code

_SHOWN = 32  # digits of a table, in its name


def function_from(name: str | None, inputs: int | None, table: str | None) -> BooleanFunction:
    """The function that the command line asks for.

    Args:
        name: one of `assay.booleans.named.NAMES`, or `file.py:function` or `package.module:function`; or None.
        inputs: n; None only where there is a table.
        table: 2^n digits, the value where the bits of the place are x_(n-1) ... x_0; or None.

    >>> function_from(None, None, "0110").name, function_from("mod-2", 2, None).table.astype(int).tolist()
    ('table 0110', [1, 0, 0, 1])

    Raises:
        AssayError: neither or both are given, or what is given is not allowed.
    """
    if (name is None) is (table is None):
        raise ParameterError("either a function's name or {table} is needed, and not both")
    if table is not None:
        return _of_digits(table, inputs)
    assert name is not None
    if inputs is None:
        raise ParameterError("{inputs} is needed: how many bits {} has", one_line(name))
    return _of_user(name, inputs) if ":" in name or name.endswith(".py") else named_function(name, inputs)


def _of_digits(table: str, inputs: int | None) -> BooleanFunction:
    digits = "".join(table.split())
    wrong = next((one for one in digits if one not in "01"), None)
    if wrong is not None:
        raise ParameterError("{table} has {!r}; it must consist of digits 0 and 1", one_line(wrong))
    count = len(digits).bit_length() - 1
    allowed = f"2^n digits for n from 1 to {MOST_INPUTS}"
    require(1 <= count <= MOST_INPUTS and len(digits) == 1 << count, "number of digits of table", len(digits), allowed)
    require(inputs in (None, count), "inputs", inputs, f"{count}, since the table has 2^{count} digits")
    shown = digits if len(digits) <= _SHOWN else f"{digits[:_SHOWN]}..."
    return BooleanFunction.of_table(f"table {shown}", [digit == "1" for digit in digits])


def _of_user(name: str, inputs: int) -> BooleanFunction:
    """A user's function, which is called once for each of the 2^n inputs."""
    require_integer("inputs", inputs, 1, MOST_INPUTS)
    where, _, attribute = name.rpartition(":")
    if not where:
        raise AssayError(f"{one_line(name)} names no function; write {one_line(name)}:function")
    label = name_code(where)
    try:
        function = cast(Callable[[tuple[int, ...]], object], entry_at(f"{label}:{attribute}", object, functions=True))
    except AssayError:
        raise AssayError(f"{label} has no function {one_line(attribute)!r}") from None
    require(not isinstance(function, type), "function", name, "a function of a tuple of bits, not a class")
    values = []
    with redirect_stdout(stderr):  # standard output is for results
        for number in range(1 << inputs):
            bits = tuple(number >> j & 1 for j in range(inputs))
            values.append(_value(name, function, bits))
    return BooleanFunction.of_table(f"{label}:{attribute}", values)


def _value(name: str, function: Callable[[tuple[int, ...]], object], bits: tuple[int, ...]) -> bool:
    try:
        value = function(bits)
        is_bit = bool(value == 0) or bool(value == 1)
        shown = "" if is_bit else repr(value)[:80]
    except Exception as error:  # whatever a user's function does
        said = f"{type(error).__name__}: {one_line(str(error))}"
        raise AssayError(f"{one_line(name)} fails at {_shown(bits)}: {said}") from None
    require(is_bit, f"{name} at {_shown(bits)}", shown, "0, 1, False or True")
    return bool(value)


def _shown(bits: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, bits))})"
