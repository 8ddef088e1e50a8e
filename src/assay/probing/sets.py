"""Sets of positions that heads are probed on: random ones, runs of adjacent ones, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer
from assay.tasks import counter

KINDS = {
    "random": "positions drawn uniformly without replacement",
    "contiguous": "runs of adjacent positions with uniform starts",
}


@dataclass(frozen=True)
class DrawnSets:
    """Sets that are drawn; they depend on these fields alone.

    Attributes:
        kind: random or contiguous.
        count: how many of each size.
        sparsities: sizes q, made ascending.
        length: positions that they are drawn among.
        seed: of the draws.

    Raises:
        AssayError: no such kind, or sets of that size do not fit.
    """

    kind: str
    count: int
    sparsities: tuple[int, ...]
    length: int
    seed: int

    def __post_init__(self) -> None:
        require(self.kind in KINDS, "kind of sets", self.kind, " or ".join(KINDS))
        require_integer("sets", self.count, 1, None)
        for size in self.sparsities:
            require_integer("sparsity", size, 1, self.length, "positions seen")
        object.__setattr__(self, "sparsities", tuple(sorted(set(self.sparsities))))

    def positions(self) -> dict[int, NDArray[np.int64]]:
        """The sets by their size q: int64 (sets, q), each sorted.

        >>> DrawnSets("contiguous", 2, (3,), 10, seed=0).positions()[3].tolist()
        [[1, 2, 3], [4, 5, 6]]
        """
        return {sparsity: self._of_size(sparsity) for sparsity in self.sparsities}

    @property
    def text(self) -> str:
        """Which sets, in words."""
        sizes = ", ".join(map(str, self.sparsities))
        return (
            f"{self.count} sets of each size q = {sizes} of {self.length} positions: "
            f"{KINDS[self.kind]}, seed {self.seed}"
        )

    def _of_size(self, sparsity: int) -> NDArray[np.int64]:
        keys = counter.example_keys(self.seed, "test", 0, self.count)
        if self.kind == "random":
            return counter.subsets(counter.words(keys, 0, sparsity), self.length)
        starts = counter.integers(counter.words(keys, 0, 1), self.length - sparsity + 1)
        return starts + np.arange(sparsity)


def given(sets: Iterable[Iterable[int]], length: int) -> list[list[int]]:
    """Sets that a user chose among `length` positions, each sorted.

    Raises:
        AssayError: a position is not one of the keys', or stands twice in a set.

    >>> given([[4, 1], [0, 9]], 10)
    [[1, 4], [0, 9]]
    """
    chosen = [sorted(positions) for positions in sets]
    for positions in chosen:
        fits = positions and len(set(positions)) == len(positions) and positions[0] >= 0 and positions[-1] < length
        require(bool(fits), "set", positions, f"different positions from 0 to {length - 1}")
    return chosen
