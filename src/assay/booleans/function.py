"""A Boolean function: its table of all inputs or, where only the count of ones matters, its value at every count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, require_integer

MOST_INPUTS = 16  # of a function with a table: 65,536 inputs
MOST_COUNTED = 100_000  # of a symmetric function


@dataclass(frozen=True, eq=False)
class BooleanFunction:
    """f: {0, 1}^n -> {0, 1}. Input number i of the table has bit j of i as x_j, so x_0 is the lowest bit.

    Attributes:
        name: what it is called in answers.
        inputs: n.
        by_count: bool (n + 1), the value at every number of ones; None where f is not symmetric.
    """

    name: str
    inputs: int
    by_count: NDArray[np.bool_] | None
    _table: NDArray[np.bool_] | None = None

    @classmethod
    def symmetric(cls, name: str, inputs: int, value: Callable[[int], object]) -> BooleanFunction:
        """The function whose value is `value(number of ones)`.

        >>> BooleanFunction.symmetric("parity", 3, lambda ones: ones % 2).sign_changes
        3

        Raises:
            AssayError: no inputs, or more than 100,000.
        """
        require_integer("inputs", inputs, 1, MOST_COUNTED)
        return cls(name, inputs, np.array([bool(value(ones)) for ones in range(inputs + 1)]))

    @classmethod
    def of_table(cls, name: str, table: Sequence[object] | NDArray[np.bool_]) -> BooleanFunction:
        """The function with this table of 2^n values; it is found out whether only the count matters.

        >>> BooleanFunction.of_table("xor", [0, 1, 1, 0]).by_count.tolist()
        [False, True, False]
        >>> BooleanFunction.of_table("first", [0, 1, 0, 1]).by_count is None
        True

        Raises:
            AssayError: the number of values is not 2^n for n from 1 to 16.
        """
        values = np.array(table, dtype=bool)
        inputs = len(values).bit_length() - 1
        if len(values) != 1 << inputs or not 1 <= inputs <= MOST_INPUTS:
            raise AssayError(f"a table must have 2^n values, n from 1 to {MOST_INPUTS}, got {len(values)}")
        ones = np.bitwise_count(np.arange(len(values)))
        first = np.array([values[(1 << count) - 1] for count in range(inputs + 1)])
        return cls(name, inputs, first if np.array_equal(first[ones], values) else None, values)

    @cached_property
    def table(self) -> NDArray[np.bool_]:
        """Values at all 2^n inputs.

        Raises:
            AssayError: n is above 16.
        """
        if self._table is not None:
            return self._table
        assert self.by_count is not None
        require_integer("inputs", self.inputs, 1, MOST_INPUTS)
        return self.by_count[np.bitwise_count(np.arange(1 << self.inputs))]

    @property
    def cube(self) -> NDArray[np.bool_]:
        """The table with one axis of length 2 for each input: `cube[x_0, x_1, ...]` is the value at x.

        Raises:
            AssayError: n is above 16.
        """
        return self.table.reshape((2,) * self.inputs).T  # the last axis of the table's order is x_0

    @property
    def constant(self) -> bool:
        """Whether all values are equal."""
        values = self.table if self.by_count is None else self.by_count
        return bool((values == values[0]).all())

    @property
    def sign_changes(self) -> int | None:
        """How often the value changes as the count of ones goes from 0 to n; None where f is not symmetric."""
        return None if self.by_count is None else int((self.by_count[1:] != self.by_count[:-1]).sum())

    def __eq__(self, other: object) -> bool:
        """Whether both have the same values, whatever their names."""
        if not isinstance(other, BooleanFunction) or self.inputs != other.inputs:
            return NotImplemented if not isinstance(other, BooleanFunction) else False
        if self.by_count is not None and other.by_count is not None:
            return np.array_equal(self.by_count, other.by_count)
        return self.inputs <= MOST_INPUTS and np.array_equal(self.table, other.table)

    def __hash__(self) -> int:
        return hash((self.inputs, None if self.by_count is None else self.by_count.tobytes()))
