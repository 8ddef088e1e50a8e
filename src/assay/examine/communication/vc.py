"""VC dimension of the columns of a matrix, and the largest over all splits of a function's positions.

Rows are shattered if the columns show every 0/1 pattern on them; the VC dimension is the largest number of rows that
are (Vapnik and Chervonenkis 1971). Columns with different patterns on shattered rows need different messages, so a
one-way message from Bob has at least that many bits; with error probability delta and shared coins, at least
(1 - H(delta)) times as many (Kremer, Nisan and Ron 1999).

The split-VC dimension (Kozachinskiy, "Lower bounds on transformers with infinite precision", 2024, arXiv 2412.20195)
is the largest VC dimension over all sets of positions that Alice may have. One layer of softmax attention of any
precision that computes the function at a token without input has size at least a power of it; where the token that asks
has an input, the theorem speaks of the function with that input fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from assay.errors import require
from assay.examine.communication.matrix import AnswerTable, CommunicationMatrix

USUAL_NODES = 200_000
_ALLOWED = "one of answers 0 and 1; a threshold makes them so"


@dataclass(frozen=True)
class VCDimension:
    """The largest shattered set that was found.

    Attributes:
        shattered: its rows, ascending.
        exact: whether it is proved that none is larger.
        nodes: of the search: rows that were tried beside a shattered set.
    """

    shattered: tuple[int, ...]
    exact: bool
    nodes: int

    @property
    def dimension(self) -> int:
        """Rows in the set: the VC dimension, or a lower bound on it."""
        return len(self.shattered)


@dataclass(frozen=True)
class SplitVCDimension:
    """The largest shattered set over all splits.

    Attributes:
        alice: the positions of the party whose inputs are shattered.
        shattered: these inputs: tokens in the order of `alice`.
        exact: whether it is proved that no split has a larger set.
        splits: how many there are.
        nodes: of all searches.
    """

    alice: tuple[int, ...]
    shattered: tuple[tuple[int, ...], ...]
    exact: bool
    splits: int
    nodes: int

    @property
    def dimension(self) -> int:
        """Inputs in the set: the split-VC dimension, or a lower bound on it."""
        return len(self.shattered)


def vc_dimension(matrix: CommunicationMatrix, *, nodes: int = USUAL_NODES) -> VCDimension:
    """VC dimension of the columns, as sets of rows.

    A depth-first search: rows that cannot be added to a shattered set cannot be added to a larger one, and a set can
    grow by at most log2 of the columns in its rarest pattern. A node costs O(2^size) operations on integers of as many
    bits as there are different columns; at most O(rows^log2(columns)) nodes.

    >>> from assay.examine.communication import matrix_of
    >>> found = vc_dimension(matrix_of(lambda x: x[0] & x[1] == 0, [8, 8], [0]))  # are these sets disjoint?
    >>> found.dimension, [f"{row:03b}" for row in found.shattered], found.exact
    (3, ['001', '010', '100'], True)

    Raises:
        AssayError: answers other than 0 and 1.
    """
    require(matrix.is_boolean, "matrix", "one of other answers", _ALLOWED)
    search = _Search(matrix.multiples, nodes, beyond=0)
    return VCDimension(tuple(search.best), search.nodes <= nodes, min(search.nodes, nodes))


def split_vc(table: AnswerTable, *, nodes: int = USUAL_NODES) -> SplitVCDimension:
    """Split-VC dimension: the largest VC dimension over all 2^positions splits of a table of answers.

    Splits are taken in the order of what their numbers of rows and columns allow, and those that cannot have a larger
    set are skipped. Cost: that of `vc_dimension` for the others.

    >>> from assay.examine.communication import table_of
    >>> found = split_vc(table_of(lambda x: x[0] & x[1] ^ x[2] & x[3], [2, 2, 2, 2]))
    >>> found.dimension, found.alice, found.shattered, found.exact
    (2, (0,), ((0,), (1,)), True)

    Raises:
        AssayError: answers other than 0 and 1.
    """
    require(table.is_boolean, "table", "one of other answers", _ALLOWED)
    positions = range(table.multiples.ndim)
    splits = list(chain.from_iterable(combinations(positions, size) for size in range(len(positions) + 1)))
    best = SplitVCDimension((), (), True, len(splits), 0)
    spent, exact = 0, True
    for alice in sorted(splits, key=lambda alice: -_ceiling(table, alice)):
        if _ceiling(table, alice) <= best.dimension:
            break
        matrix = table.split(alice)
        search = _Search(matrix.multiples, nodes - spent, beyond=best.dimension)
        exact &= search.nodes <= nodes - spent
        spent = min(nodes, spent + search.nodes)
        if search.best:
            shattered = tuple(matrix.row_tokens(row) for row in search.best)
            best = SplitVCDimension(alice, shattered, True, len(splits), 0)
    return SplitVCDimension(best.alice, best.shattered, exact, len(splits), spent)


def _ceiling(table: AnswerTable, alice: Sequence[int]) -> int:
    """Shattered rows are at most the rows, and at most log2 of the columns."""
    rows = 1
    for position in alice:
        rows *= table.multiples.shape[position]
    return min(rows, (table.multiples.size // rows).bit_length() - 1)


class _Search:
    """The largest shattered set of more than `beyond` rows, in `best`; `nodes` exceeds its limit if it was cut off."""

    def __init__(self, entries: NDArray[np.int64], limit: int, beyond: int) -> None:
        _, first = np.unique(entries, axis=0, return_index=True)
        distinct = np.unique(entries[np.sort(first)], axis=1)
        packed = np.packbits(distinct.astype(np.uint8), axis=1, bitorder="little")
        ones = [int.from_bytes(row.tobytes(), "little") for row in packed]
        self.rows = [(int(row), bits) for row, bits in zip(np.sort(first), ones, strict=True)]
        self.limit, self.beyond, self.nodes = limit, beyond, 0
        self.best: list[int] = []
        self._extend([], [(1 << distinct.shape[1]) - 1], self.rows)

    def _extend(self, shattered: list[int], patterns: list[int], candidates: list[tuple[int, int]]) -> None:
        """Look for larger sets that add candidates; `patterns` are the columns of each pattern on the set, as bits."""
        if len(shattered) > self.beyond:
            self.best, self.beyond = shattered, len(shattered)
        growth = min(pattern.bit_count() for pattern in patterns).bit_length() - 1
        if len(shattered) + min(growth, len(candidates)) <= self.beyond:
            return
        children = []
        for row, bits in candidates:
            self.nodes += 1
            if self.nodes > self.limit:
                return
            halves = [half for pattern in patterns for half in (pattern & bits, pattern & ~bits)]
            if all(halves):
                children.append((row, bits, halves))
        for place, (row, _, halves) in enumerate(children):
            if len(shattered) + min(growth, len(children) - place) <= self.beyond or self.nodes > self.limit:
                return
            rest = [(other, bits) for other, bits, _ in children[place + 1 :]]
            self._extend([*shattered, row], halves, rest)
