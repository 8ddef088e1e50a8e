"""Documents that are equal, or nearly so: no query, or none that survives rounding, tells them apart.

A margin is at most the distance from a document of the set to one outside it. Near pairs are found completely: a
projection on a unit vector moves no two documents apart, so after sorting by one projection only documents within a
window can be near, and more projections exclude most of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.vectors.documents import ROWS, Documents

NEAR = 1e-3  # of the longer document's length: about what float16 tells apart
MOST = 10_000  # near pairs that are looked for
_PROJECTIONS = 12


@dataclass(frozen=True)
class Duplicates:
    """Equal and nearly equal documents.

    Attributes:
        groups: documents that are equal, two or more in each group, ascending.
        pairs: (i, j, distance) with i < j, of documents that differ by less than NEAR of the longer one's length, the
            first of each group standing for it; nearest first.
        complete: whether these are all near pairs; if not, the search ended at MOST.
    """

    groups: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int, float], ...]
    complete: bool

    @property
    def equal(self) -> int:
        """Documents that equal an earlier one."""
        return sum(len(group) - 1 for group in self.groups)


def find_duplicates(documents: Documents, seed: int = 0) -> Duplicates:
    """Equal documents and near pairs; the seed is that of the projections, and changes no answer.

    >>> rows = np.array([[1, 0], [0, 1], [1, 0], [0, 1.0001], [5, 5]], dtype=np.float32)
    >>> found = find_duplicates(Documents(rows))
    >>> found.groups, [(i, j) for i, j, _ in found.pairs]
    (((0, 2),), [(1, 3)])
    """
    groups = _groups(documents)
    extra = {place for group in groups for place in group[1:]}
    kept = np.array([place for place in range(documents.count) if place not in extra], dtype=np.int64)
    random = np.random.default_rng(seed)
    axes = np.linalg.qr(random.standard_normal((documents.width, min(_PROJECTIONS, documents.width))))[0]
    projections, lengths = np.empty((len(kept), axes.shape[1])), np.empty(len(kept))
    for start in range(0, len(kept), ROWS):
        rows = documents.rows(kept[start : start + ROWS])
        projections[start : start + ROWS] = (rows - documents.centre) @ axes
        lengths[start : start + ROWS] = np.linalg.norm(rows, axis=1)
    order = np.argsort(projections[:, 0], kind="stable")
    # wider than any near pair by what rounding may add to projections
    widest = NEAR * documents.longest + 2**-40 * documents.width * documents.longest
    found, complete = _near(documents, kept[order], projections[order], lengths[order], widest)
    return Duplicates(groups, tuple(sorted(found, key=lambda pair: (pair[2], pair))), complete)


def _groups(documents: Documents) -> tuple[tuple[int, ...], ...]:
    """Equal documents, by their bytes; -0 equals 0."""
    by_bytes: dict[int, list[int]] = {}
    for start in range(0, documents.count, ROWS):
        piece = documents.exact[start : start + ROWS] + 0.0  # -0 becomes 0
        for place, row in enumerate(piece, start):
            by_bytes.setdefault(hash(row.tobytes()), []).append(place)
    groups: list[tuple[int, ...]] = []
    for places in by_bytes.values():
        if len(places) > 1:  # the hash may collide
            same: dict[bytes, list[int]] = {}
            for place in places:
                same.setdefault((documents.exact[place] + 0.0).tobytes(), []).append(place)
            groups += [tuple(group) for group in same.values() if len(group) > 1]
    return tuple(sorted(groups))


def _near(
    documents: Documents,
    places: NDArray[np.int64],
    projections: NDArray[np.float64],
    lengths: NDArray[np.float64],
    widest: float,
) -> tuple[list[tuple[int, int, float]], bool]:
    found: list[tuple[int, int, float]] = []
    candidates = np.empty((1 << 16, 2), dtype=np.int64)
    row, column = 0, 1
    while row < len(places):
        count, row, column = _candidates(projections, lengths, widest, row, column, candidates)
        for start in range(0, count, ROWS):
            first, second = candidates[start : min(start + ROWS, count)].T
            distances = np.linalg.norm(documents.rows(places[first]) - documents.rows(places[second]), axis=1)
            near = distances < NEAR * np.maximum(lengths[first], lengths[second])
            for i, j, distance in zip(places[first[near]], places[second[near]], distances[near], strict=True):
                found.append((int(min(i, j)), int(max(i, j)), float(distance)))
            if len(found) >= MOST:
                return found[:MOST], False
    return found, True


@njit(cache=True, nogil=True)
def _candidates(
    projections: NDArray[np.float64],
    lengths: NDArray[np.float64],
    widest: float,
    row: int,
    column: int,
    candidates: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Pairs whose projections are near, from a pair on until the table is full; where to go on."""
    count = 0
    slack = widest - NEAR * lengths.max()
    while row < len(projections):
        while column < len(projections) and projections[column, 0] - projections[row, 0] <= widest:
            window = NEAR * max(lengths[row], lengths[column]) + slack
            near = True
            for c in range(projections.shape[1]):
                if abs(projections[column, c] - projections[row, c]) > window:
                    near = False
                    break
            if near:
                if count == len(candidates):
                    return count, row, column
                candidates[count, 0], candidates[count, 1] = row, column
                count += 1
            column += 1
        row += 1
        column = row + 1
    return count, row, column
