"""What a Boolean function is: symmetric, monotone, a decision list, which inputs it depends on, how sensitive it is."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.booleans.function import BooleanFunction

LARGEST_TERNARY = 12  # inputs up to which all 3^n subcubes are looked at


@dataclass(frozen=True)
class Rule:
    """One line of a decision list: if x_position is `bit`, the value is `value`."""

    position: int
    bit: int
    value: int


@dataclass(frozen=True)
class Structure:
    """Properties that are found out exactly, from all values.

    Attributes:
        constant: whether all values are equal.
        symmetric: whether only the count of ones matters.
        monotone: whether no value falls where an input becomes 1.
        unate: whether each input can only raise, or only lower, the value.
        depends_on: the inputs that matter; f is a junta of that many.
        decision_list: rules of a 1-decision list, tried in order, the last default left out; None if f is none.
        default: the value where no rule of that list applies; None without one.
        fewest_fixed: the fewest inputs which, fixed to some bits, make it constant; None above 12 inputs of a function
            that is not symmetric.
        average_sensitivity: inputs that change the value when they are flipped, in the mean over uniform inputs.
    """

    constant: bool
    symmetric: bool
    monotone: bool
    unate: bool
    depends_on: tuple[int, ...]
    decision_list: tuple[Rule, ...] | None
    default: int | None
    fewest_fixed: int | None
    average_sensitivity: Fraction


def structure_of(function: BooleanFunction) -> Structure:
    """All of it; time O(n^2 2^n) for a table, O(n) for a symmetric function.

    >>> found = structure_of(BooleanFunction.of_table("x0 and not x1", [0, 1, 0, 0]))
    >>> found.monotone, found.unate, found.decision_list, found.default, found.average_sensitivity
    (False, True, (Rule(position=0, bit=0, value=0), Rule(position=1, bit=0, value=1)), 0, Fraction(1, 1))
    """
    rises, falls = _changes(function)
    matters = tuple(j for j in range(function.inputs) if rises[j] or falls[j])
    found = decision_list(function)
    return Structure(
        constant=function.constant,
        symmetric=function.by_count is not None,
        monotone=not any(falls),
        unate=not any(up and down for up, down in zip(rises, falls, strict=True)),
        depends_on=matters,
        decision_list=None if found is None else found[0],
        default=None if found is None else found[1],
        fewest_fixed=fewest_fixed(function),
        average_sensitivity=average_sensitivity(function),
    )


def average_sensitivity(function: BooleanFunction) -> Fraction:
    """2^-n times the sum over inputs x and places j of [f(x) != f(x with bit j flipped)].

    >>> [average_sensitivity(BooleanFunction.symmetric("", 4, f)) for f in (lambda c: c % 2, lambda c: c == 4)]
    [Fraction(4, 1), Fraction(1, 2)]
    """
    n = function.inputs
    if function.by_count is not None:
        total, edges = 0, n  # edges between c and c + 1 ones: C(n, c) (n - c)
        for c in range(n):
            if function.by_count[c] != function.by_count[c + 1]:
                total += edges
            edges = edges * (n - c - 1) // (c + 1)
        return Fraction(2 * total, 1 << n)
    cube = function.cube
    differing = sum(int((cube.take(0, j) != cube.take(1, j)).sum()) for j in range(n))
    return Fraction(2 * differing, 1 << n)


def decision_list(function: BooleanFunction) -> tuple[tuple[Rule, ...], int] | None:
    """Rules of a 1-decision list that is f, and its default; None if f is none.

    Greedy, which is exact (Rivest 1987): where some literal decides the value on what is left, some list that is f on
    what is left begins with it. Time O(n^2 2^n) for a table, O(n) for a symmetric function.

    >>> decision_list(BooleanFunction.symmetric("or", 3, lambda ones: ones > 0))[1]
    0
    >>> decision_list(BooleanFunction.symmetric("majority", 3, lambda ones: ones > 1)) is None
    True
    """
    if function.by_count is not None:
        return _list_of_counts(function)
    cube, free = function.cube, list(range(function.inputs))
    rules: list[Rule] = []
    while not (cube == cube.ravel()[0]).all():
        found = next(
            ((axis, bit) for axis in range(len(free)) for bit in (0, 1) if _is_constant(cube.take(bit, axis))), None
        )
        if found is None:
            return None
        axis, bit = found
        rules.append(Rule(free.pop(axis), bit, int(np.ravel(cube.take(bit, axis))[0])))
        cube = cube.take(1 - bit, axis)
    return tuple(rules), int(cube.ravel()[0])


def fewest_fixed(function: BooleanFunction) -> int | None:
    """The fewest inputs which, fixed to some bits, make it constant; None where that takes too long. Time O(n 3^n).

    H hard-attention heads need at least as many, whatever is made of their outputs: fixing the one bit that a head
    prefers to all others makes its output constant, so that after H bits f is.

    >>> [fewest_fixed(BooleanFunction.symmetric("", 5, f)) for f in (lambda c: c % 2, lambda c: c > 2, lambda c: c > 0)]
    [5, 3, 1]
    """
    n = function.inputs
    if function.by_count is not None:
        ends = np.flatnonzero(np.append(function.by_count[1:] != function.by_count[:-1], True))
        return n + 1 - int(np.diff(ends, prepend=-1).max())  # m free bits reach m + 1 counts
    if n > LARGEST_TERNARY:
        return None
    found = [on_subcubes(cube, np.logical_and) for cube in (function.cube, ~function.cube)]
    constant = np.argwhere(found[0] | found[1])  # places of subcubes
    return int((constant < 2).sum(axis=1).min())


def on_subcubes(cube: NDArray[Any], join: np.ufunc) -> NDArray[Any]:
    """(3, ..., 3): for each subcube, all values in it joined; 2 stands for an input that is free.

    >>> on_subcubes(np.array([False, True]), np.logical_and).tolist()
    [False, True, False]
    """
    for axis in range(cube.ndim):
        both = join(cube.take(0, axis), cube.take(1, axis))
        cube = np.concatenate([cube, np.expand_dims(both, axis)], axis=axis)
    return cube


def _list_of_counts(function: BooleanFunction) -> tuple[tuple[Rule, ...], int] | None:
    """A symmetric f is one only if it is constant but for no ones, or but for all ones."""
    assert function.by_count is not None
    values = function.by_count.astype(int)
    if function.constant:
        return (), int(values[0])
    for bit, same, other in ((1, values[1:], values[0]), (0, values[:-1], values[-1])):
        if (same == same[0]).all():
            return tuple(Rule(j, bit, int(same[0])) for j in range(function.inputs)), int(other)
    return None


def _is_constant(values: NDArray[np.bool_] | np.bool_) -> bool:
    return bool(np.all(values) or not np.any(values))


def _changes(function: BooleanFunction) -> tuple[list[bool], list[bool]]:
    """For each input, whether the value rises somewhere where it becomes 1, and whether it falls."""
    if function.by_count is not None:
        before, after = function.by_count[:-1], function.by_count[1:]
        return [bool((after & ~before).any())] * function.inputs, [bool((before & ~after).any())] * function.inputs
    halves = [(function.cube.take(0, j), function.cube.take(1, j)) for j in range(function.inputs)]
    return [bool((b & ~a).any()) for a, b in halves], [bool((a & ~b).any()) for a, b in halves]
