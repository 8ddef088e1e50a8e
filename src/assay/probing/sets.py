"""Sets of positions that heads are probed on: random ones, runs of adjacent ones, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer
from assay.tasks import counter

KINDS = {
    "random": "positions drawn uniformly without replacement",
    "contiguous": "runs of adjacent positions with uniform starts",
}


def drawn(kind: str, count: int, sparsities: Iterable[int], length: int, seed: int) -> dict[str, Any]:
    """A description of drawn sets, as plain JSON values: `count` of each of these sizes, among `length` positions.

    Raises:
        AssayError: no such kind, or sets of that size do not fit.
    """
    sizes = sorted(set(sparsities))
    require(kind in KINDS, "kind of sets", kind, " or ".join(KINDS))
    require_integer("sets", count, 1, None)
    for size in sizes:
        require_integer("sparsity", size, 1, length, "positions seen")
    return {"kind": kind, "count": count, "sparsities": sizes, "length": length, "seed": seed}


def given(sets: Iterable[Iterable[int]], length: int) -> dict[str, Any]:
    """A description of sets that a user chose among `length` positions.

    Raises:
        AssayError: a position is not one of the keys', or stands twice in a set.
    """
    chosen = [sorted(positions) for positions in sets]
    for positions in chosen:
        fits = positions and len(set(positions)) == len(positions) and positions[0] >= 0 and positions[-1] < length
        require(bool(fits), "set", positions, f"different positions from 0 to {length - 1}")
    return {"kind": "given", "sets": chosen, "sparsities": sorted(set(map(len, chosen))), "length": length}


def positions_of(described: dict[str, Any]) -> dict[int, NDArray[np.int64]]:
    """The sets by their size q: int64 (sets, q), each sorted. They depend on the description alone.

    >>> positions_of(given([[4, 1], [0, 9]], 10))[2].tolist()
    [[1, 4], [0, 9]]
    >>> positions_of(drawn("contiguous", 2, [3], 10, seed=0))[3].tolist()
    [[1, 2, 3], [4, 5, 6]]
    """
    return {sparsity: _of_size(described, sparsity) for sparsity in described["sparsities"]}


def sets_text(described: dict[str, Any]) -> str:
    """Which sets, in words."""
    if described["kind"] == "given":
        return f"the sets {described['sets']} of {described['length']} positions"
    sizes = ", ".join(map(str, described["sparsities"]))
    return (
        f"{described['count']} sets of each size q = {sizes} of {described['length']} positions: "
        f"{KINDS[described['kind']]}, seed {described['seed']}"
    )


def _of_size(described: dict[str, Any], sparsity: int) -> NDArray[np.int64]:
    if described["kind"] == "given":
        return np.array([chosen for chosen in described["sets"] if len(chosen) == sparsity], dtype=np.int64)
    keys = counter.example_keys(described["seed"], "test", 0, described["count"])
    if described["kind"] == "random":
        return counter.subsets(counter.words(keys, 0, sparsity), described["length"])
    starts = counter.integers(counter.words(keys, 0, 1), described["length"] - sparsity + 1)
    return starts + np.arange(sparsity)
