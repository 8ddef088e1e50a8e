"""A Boolean function as a function of counts: inputs that may change places are one block, and only their sum matters.

A polynomial can be averaged over the permutations within blocks without a larger degree, and so can weights on inputs.
So what is asked of the 2^n inputs and the monomials is asked of vectors of counts (c_1 ... c_k), one for each block of
b_i inputs, and of products of binomials C(c_1, e_1) ... C(c_k, e_k), which are the averaged monomials. A symmetric
function has one block; one without such symmetry has n blocks of one input, whose counts are the inputs themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from assay.booleans.function import BooleanFunction

Whole = NDArray[np.object_]  # of Python integers


@dataclass(frozen=True, eq=False)
class Blocks:
    """A function of the counts of ones in blocks of inputs.

    Attributes:
        blocks: inputs of each block, ascending; every input that matters is in one.
        ignored: inputs that do not matter.
        values: bool (b_1 + 1, ..., b_k + 1), the value at each vector of counts; () for a constant.
    """

    blocks: tuple[tuple[int, ...], ...]
    ignored: tuple[int, ...]
    values: NDArray[np.bool_]

    @property
    def sizes(self) -> tuple[int, ...]:
        """b_1 ... b_k."""
        return tuple(map(len, self.blocks))

    @property
    def inputs(self) -> int:
        """How many inputs matter."""
        return sum(self.sizes)

    @cached_property
    def signs(self) -> NDArray[np.int64]:
        """1 where the value is 1, -1 where it is 0, as `values`."""
        return np.where(self.values, 1, -1).astype(np.int64)

    @cached_property
    def orders(self) -> NDArray[np.int64]:
        """e_1 + ... + e_k at each place of a table of coefficients, which has the shape of `values`."""
        return np.sum(np.indices(self.values.shape), axis=0) if self.blocks else np.zeros((), np.int64)

    @cached_property
    def inputs_of(self) -> Whole:
        """How many inputs, of those that matter, have each vector of counts."""
        return outer([[math.comb(size, count) for count in range(size + 1)] for size in self.sizes])


def blocks_of(function: BooleanFunction) -> Blocks:
    """The largest blocks of inputs of which any two may change places. Time O(n^2 2^n) for a table.

    >>> mux = BooleanFunction.of_table("multiplexer", [0, 0, 1, 0, 0, 1, 1, 1])
    >>> blocks_of(mux).blocks, blocks_of(BooleanFunction.symmetric("parity", 4, lambda ones: ones % 2)).blocks
    (((0,), (1,), (2,)), ((0, 1, 2, 3),))
    """
    everything = tuple(range(function.inputs))
    if function.by_count is not None:
        if function.sign_changes == 0:
            return Blocks((), everything, function.by_count[:1].reshape(()))
        return Blocks((everything,), (), function.by_count)
    cube = function.cube
    matters = [j for j in everything if not np.array_equal(cube.take(0, j), cube.take(1, j))]
    blocks: list[list[int]] = []
    for j in matters:
        home = next((one for one in blocks if np.array_equal(cube, cube.swapaxes(one[0], j))), None)
        if home is None:
            blocks.append([j])
        else:
            home.append(j)
    firsts = [np.cumsum([0, *(1 << j for j in block)]) for block in blocks]  # the first c inputs of a block are 1
    places = reduce(np.add.outer, firsts)
    return Blocks(tuple(map(tuple, blocks)), tuple(sorted({*everything} - {*matters})), function.table[places])


def outer(vectors: Sequence[Sequence[int]]) -> Whole:
    """The products of one entry from each of these vectors of Python integers, one axis for each vector."""
    product = np.array(1, dtype=object)
    for vector in vectors:
        product = np.multiply.outer(product, np.array(vector, dtype=object))
    return np.asarray(product, dtype=object)


def along_axes(table: Whole, matrices: Sequence[Sequence[Sequence[int]]]) -> Whole:
    """A matrix of integers applied along each axis of a table of Python integers, exactly."""
    for axis, matrix in enumerate(matrices):
        whole = np.array(matrix, dtype=object)
        table = np.moveaxis(np.tensordot(whole, table, axes=(1, axis)), 0, axis)
    return table


def krawtchouk(size: int) -> list[list[int]]:
    """K[e][c], the coefficient of z^e in (1 - z)^c (1 + z)^(size - c): all characters of e bits at a count c, added.

    K K = 2^size I, and C(size, c) K[e][c] = C(size, e) K[c][e] (MacWilliams and Sloane 1977, chapter 5).

    >>> krawtchouk(2)
    [[1, 1, 1], [2, 0, -2], [1, -1, 1]]
    """
    columns = []
    for count in range(size + 1):
        terms = range(size + 1)
        columns.append(
            [sum((-1) ** j * math.comb(count, j) * math.comb(size - count, e - j) for j in range(e + 1)) for e in terms]
        )
    return [list(row) for row in zip(*columns, strict=True)]


def binomials(size: int) -> list[list[int]]:
    """C(c, e) with row c and column e."""
    return [[math.comb(count, e) for e in range(size + 1)] for count in range(size + 1)]


def characters_in_binomials(size: int) -> list[list[int]]:
    """B with K[e] = sum over j of B[j][e] C(c, j): the sum of all characters of e bits, as monomials.

    >>> characters_in_binomials(1)
    [[1, 1], [0, -2]]
    """
    return [[(-2) ** j * math.comb(size - j, e - j) if e >= j else 0 for e in range(size + 1)] for j in range(size + 1)]


def transposed(matrix: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rows and columns exchanged."""
    return [list(row) for row in zip(*matrix, strict=True)]


def restricted(function: BooleanFunction, position: int, bit: int) -> BooleanFunction | None:
    """The function of the other inputs where x_position is this bit; None where there are no others.

    >>> restricted(BooleanFunction.of_table("and", [0, 0, 0, 1]), 0, 1).table.tolist()
    [False, True]
    """
    if function.inputs == 1:
        return None
    if function.by_count is not None:
        values = function.by_count[1:] if bit else function.by_count[:-1]
        return BooleanFunction(function.name, function.inputs - 1, values)
    rest = function.cube.take(bit, position)
    return BooleanFunction.of_table(function.name, rest.T.ravel())
