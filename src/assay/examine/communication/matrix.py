"""Communication matrices: a function under a split of its positions between two parties.

The flow of this package: a task or a Python function -> the table of all its answers -> its matrix under one split ->
ranks, fooling sets, one-way messages, VC dimension. All of them compare answers or add them up, so answers are whole
numbers here, in units of one real number: that keeps every later step exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, require, require_integer

if TYPE_CHECKING:
    from assay.tasks.task import Task

MOST_ENTRIES = 1 << 22
_INPUTS_AT_ONCE = 1 << 16
_MOST_DENOMINATOR = 1024
_ROUNDING = 1e-9  # of an answer in units, so far below the distance 1 of two answers that it is taken for rounding


@dataclass(frozen=True, eq=False)
class CommunicationMatrix:
    """Rows are Alice's inputs and columns Bob's, each in product order, the last position fastest.

    Attributes:
        multiples: int64 (rows, columns): the answers in units of `unit`.
        unit: the real number that the multiples are of; 1 where all answers are whole numbers.
        alice: Alice's positions, in the order in which they make up a row.
        bob: all other positions, ascending.
        alice_sizes: choices at each of Alice's positions.
        bob_sizes: choices at each of Bob's.
    """

    multiples: NDArray[np.int64]
    unit: float
    alice: tuple[int, ...]
    bob: tuple[int, ...]
    alice_sizes: tuple[int, ...]
    bob_sizes: tuple[int, ...]

    @property
    def entries(self) -> NDArray[np.float64]:
        """The answers themselves: float64 (rows, columns)."""
        return self.multiples.astype(np.float64) * self.unit

    @property
    def is_boolean(self) -> bool:
        """Whether all answers are 0 or 1."""
        return _is_boolean(self.multiples, self.unit)

    def transposed(self) -> CommunicationMatrix:
        """The parties change places."""
        return CommunicationMatrix(
            np.ascontiguousarray(self.multiples.T), self.unit, self.bob, self.alice, self.bob_sizes, self.alice_sizes
        )

    def row_tokens(self, row: int) -> tuple[int, ...]:
        """Alice's tokens in a row, in the order of `alice`."""
        return tuple(int(token) for token in np.unravel_index(row, self.alice_sizes)) if self.alice else ()

    def column_tokens(self, column: int) -> tuple[int, ...]:
        """Bob's tokens in a column, in the order of `bob`."""
        return self.transposed().row_tokens(column)


@dataclass(frozen=True, eq=False)
class AnswerTable:
    """The answers of a function on all its inputs; every split of its positions is a view of it.

    Attributes:
        multiples: int64, one axis for each position, as long as there are choices there: answers in units of `unit`.
        unit: the real number that the multiples are of.
    """

    multiples: NDArray[np.int64]
    unit: float

    @property
    def is_boolean(self) -> bool:
        """Whether all answers are 0 or 1."""
        return _is_boolean(self.multiples, self.unit)

    def split(self, alice: Sequence[int]) -> CommunicationMatrix:
        """The matrix in which Alice has these positions, in this order, and Bob the others.

        >>> table = table_of(lambda x: x[0] * x[1] + x[2], [2, 2, 3])
        >>> table.split([1]).entries.astype(int).tolist()
        [[0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 3]]

        Raises:
            AssayError: a position that is not there, or one that is named twice.
        """
        sizes = self.multiples.shape
        for position in alice:
            require_integer("position of alice", position, 0, len(sizes) - 1)
        require(len(set(alice)) == len(alice), "alice", list(alice), "positions that differ from each other")
        bob = [position for position in range(len(sizes)) if position not in alice]
        alice_sizes, bob_sizes = tuple(sizes[i] for i in alice), tuple(sizes[i] for i in bob)
        moved = self.multiples.transpose([*alice, *bob]).reshape(math.prod(alice_sizes), math.prod(bob_sizes))
        return CommunicationMatrix(
            np.ascontiguousarray(moved), self.unit, tuple(alice), tuple(bob), alice_sizes, bob_sizes
        )


def table_of(
    function: Callable[[tuple[int, ...]], float], sizes: Sequence[int], *, threshold: float | None = None
) -> AnswerTable:
    """All answers of a Python function, which is called once for each input.

    Args:
        function: from a tuple of tokens, one for each position, to a bool, an int or a float.
        sizes: choices at each position: tokens there are 0 ... size-1.
        threshold: if given, answers become 1 above it and 0 elsewhere.

    Raises:
        AssayError: no choice at a position, more than 2^22 inputs, an answer that is not finite, or real answers
            without a common unit: their ratios to the largest are not fractions of one denominator up to 1024.
    """
    count = _input_count(sizes)
    answers = np.fromiter((float(function(tokens)) for tokens in product(*map(range, sizes))), np.float64, count)
    return _table(answers, sizes, threshold)


def task_table(task: Task, *, token: int | None = None, threshold: float | None = None) -> AnswerTable:
    """All exact answers of a task in finite form at one of its query tokens, the first coordinate of a vector.

    Time and memory O(inputs) times the task's own; the task is asked 65,536 inputs at a time.

    Args:
        task: one with `choices` and `assemble`.
        token: which query token, from 0; the last unless given.
        threshold: if given, answers become 1 above it and 0 elsewhere.

    >>> from assay import Match2
    >>> task_table(Match2(length=2, modulus=3)).multiples.tolist()  # does token 1 match token 0, or itself?
    [[1, 0, 0], [1, 0, 1], [1, 1, 0]]

    Raises:
        AssayError: a task without finite form, a query token that is not there, or as for `table_of`.
    """
    import torch

    chosen_token = task.spec.queries - 1 if token is None else token
    require_integer("token", chosen_token, 0, task.spec.queries - 1)
    sizes = [task.choices(position) for position in range(task.spec.length)]
    count = _input_count(sizes)
    answers = np.empty(count)
    for start in range(0, count, _INPUTS_AT_ONCE):
        numbers = np.arange(start, min(count, start + _INPUTS_AT_ONCE))
        chosen = np.stack(np.unravel_index(numbers, sizes), axis=1).astype(np.int64)
        targets = task.targets(task.assemble(torch.from_numpy(chosen)))
        answers[numbers] = targets.reshape(len(numbers), task.spec.queries, -1)[:, chosen_token, 0].numpy()
    return _table(answers, sizes, threshold)


def matrix_of(
    function: Callable[[tuple[int, ...]], float],
    sizes: Sequence[int],
    alice: Sequence[int],
    *,
    threshold: float | None = None,
) -> CommunicationMatrix:
    """The communication matrix of a Python function; see `table_of` for its arguments and errors.

    >>> matrix_of(lambda x: x[0] == x[1], [3, 3], [0]).entries.tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return table_of(function, sizes, threshold=threshold).split(alice)


def communication_matrix(
    task: Task, alice: Sequence[int], *, token: int | None = None, threshold: float | None = None
) -> CommunicationMatrix:
    """The communication matrix of a task at one query token; see `task_table` for its arguments and errors.

    >>> from assay import SparseAveraging
    >>> task = SparseAveraging(length=2, sparsity=1, layout="last")
    >>> communication_matrix(task, [0, 1]).entries.astype(int).tolist()  # rows: signs; columns: which one is asked for
    [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    """
    return task_table(task, token=token, threshold=threshold).split(alice)


def _input_count(sizes: Sequence[int]) -> int:
    for size in sizes:
        require_integer("choices at a position", size, 1, None)
    count = math.prod(sizes)
    require(count <= MOST_ENTRIES, "number of inputs", count, f"at most {MOST_ENTRIES} to make a matrix of all answers")
    return count


def _table(answers: NDArray[np.float64], sizes: Sequence[int], threshold: float | None) -> AnswerTable:
    if threshold is not None:
        require(math.isfinite(threshold), "threshold", threshold, "a finite number")
        # In units, so that different roundings of one answer, or of the threshold itself, fall on the same side.
        multiples, unit = _in_units(answers)
        answers = (multiples - threshold / unit > _ROUNDING).astype(np.float64)
    multiples, unit = _in_units(answers)
    return AnswerTable(multiples.reshape(sizes), unit)


def _in_units(answers: NDArray[np.float64]) -> tuple[NDArray[np.int64], float]:
    """Answers as whole multiples of one unit: 1, or the largest of them divided by the least denominator that works."""
    values, where = np.unique(answers, return_inverse=True)
    largest = float(np.abs(values).max())
    require(bool(np.isfinite(largest)), "an answer", largest, "a finite number")
    if np.array_equal(values, np.rint(values)):
        require(largest < 1 << 53, "an answer", largest, "below 2^53 in absolute value, where whole numbers are exact")
        return values.astype(np.int64)[where], 1.0
    for denominator in range(1, _MOST_DENOMINATOR + 1):
        multiples = values / largest * denominator
        if np.abs(multiples - np.rint(multiples)).max() < _ROUNDING:
            return np.rint(multiples).astype(np.int64)[where], largest / denominator
    raise AssayError(
        f"the {len(values)} different answers have no common unit: divided by the largest, {largest:.6g}, they must be "
        f"fractions of one denominator up to {_MOST_DENOMINATOR}"
    )


def _is_boolean(multiples: NDArray[np.int64], unit: float) -> bool:
    return unit == 1.0 and int(multiples.min()) >= 0 and int(multiples.max()) <= 1
