"""Document embeddings as they are asked about: their exact numbers, and a float32 copy that is multiplied with queries.

Scores in float32 only choose which documents are looked at: every bound is made of float64 scores of the exact numbers,
and documents that were not looked at are excluded by a bound on the error of their float32 scores.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.errors import require

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Singles = NDArray[np.float32]

SMALLEST, LARGEST = 1e-100, 1e100  # magnitudes with which nothing over- or underflows
ROWS = 8192  # of one piece of the documents: its scores stay in the cache
_SINGLE, _DOUBLE = 2.0**-24, 2.0**-53  # unit roundoffs


@dataclass(frozen=True, eq=False)
class Leaders:
    """The outsiders that score highest for one query.

    Attributes:
        places: documents, not in the set, highest float32 score first.
        scores: their scores in float64.
        unseen: no other outsider scores more; -inf if there is no other.
        doubt: bound on the rounding error of `scores`.
    """

    places: Places
    scores: Floats
    unseen: float
    doubt: float

    @property
    def highest(self) -> float:
        """No outsider scores more, but for `doubt`."""
        return max(self.unseen, float(self.scores.max(initial=-math.inf)))

    def rivals(self, lowest: float) -> Places:
        """Those that rounding errors may hide above this score."""
        return self.places[self.scores >= lowest - 2 * self.doubt]


class Documents:
    """Documents (n, d), of float16, float32 or float64, and what all questions need of them.

    Attributes:
        exact: the numbers as they were given; may be a memory map.
        centre: float64 (d,), their mean.
        spread: a power of two; no document is further from the centre.
        longest: the largest length of a document.
        largest_sum: the largest sum of absolute coordinates of a document.

    Raises:
        AssayError: no finite numbers (n, d) with n >= 2, or magnitudes out of range.

    >>> documents = Documents(np.eye(3, dtype=np.float32))
    >>> documents.count, documents.width, documents.spread
    (3, 3, 1.0)
    """

    def __init__(self, exact: NDArray[np.floating]) -> None:
        shape = getattr(exact, "shape", None)
        require(
            shape is not None and len(shape) == 2 and shape[0] > 1 and shape[1] > 0,
            "shape of documents",
            shape,
            "(n, d), at least 2 documents of at least 1 number",
        )
        kept = (np.float16, np.float32, np.float64)
        require(exact.dtype in kept, "dtype of documents", exact.dtype, "float16, float32 or float64")
        self.exact = exact
        total = np.zeros(self.width)
        lengths, sums, largest = [], [], 0.0
        for start, rows in self._pieces():
            finite = np.isfinite(rows).all(axis=1)
            if not finite.all():
                require(False, f"document {start + int(np.argmin(finite))}", "not finite", "finite numbers")
            largest = max(largest, float(np.abs(rows).max()))
            require(largest <= LARGEST, "largest magnitude in the documents", largest, f"at most {LARGEST:g}")
            total += rows.sum(axis=0)
            lengths.append(np.linalg.norm(rows, axis=1).max())
            sums.append(np.abs(rows).sum(axis=1).max())
        allowed = f"at least {SMALLEST:g}, or 0"
        require(largest == 0 or largest >= SMALLEST, "largest magnitude in the documents", largest, allowed)
        self.centre = total / self.count
        self.longest, self.largest_sum = float(max(lengths)), float(max(sums))
        radius = max(float(np.linalg.norm(rows - self.centre, axis=1).max()) for _, rows in self._pieces())
        self.spread = 2.0 ** math.ceil(math.log2(radius)) if radius > 0 else 1.0

    @property
    def count(self) -> int:
        """Documents n."""
        return self.exact.shape[0]

    @property
    def width(self) -> int:
        """Numbers d of a document."""
        return self.exact.shape[1]

    def rows(self, places: Places) -> Floats:
        """These documents, exactly, float64 (len(places), d)."""
        return self.exact[places].astype(np.float64)

    def doubt(self, length: float) -> float:
        """Bound on the rounding error of a score in float64 for a query of this length (Higham 2002, section 3.1)."""
        return 1.01 * (self.width + 2) * _DOUBLE * length * self.longest

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shape, type and numbers, in hexadecimal."""
        found = hashlib.sha256(f"{self.exact.shape} {self.exact.dtype.newbyteorder('<').str} ".encode())
        for start in range(0, self.count, ROWS):
            piece = np.ascontiguousarray(self.exact[start : start + ROWS])
            found.update(piece.astype(piece.dtype.newbyteorder("<"), copy=False).tobytes())
        return found.hexdigest()

    def leaders(self, queries: Floats, levels: Floats, sets: Sequence[Places], most: int) -> list[Leaders]:
        """For each query the outsiders of its set above a level: all of them, or the `most` with highest float32 score.

        Args:
            queries: (b, d).
            levels: (b,), in scores <query, document>; -inf: every outsider.
            sets: b sets, ascending.
            most: outsiders that are returned for each query, at most.
        """
        most = min(most, self.count)
        lengths = np.linalg.norm(queries, axis=1)
        offsets = queries @ self.centre
        # of float32 scores of the centred documents, and of what float64 lost when these were made
        doubts = 1.01 * (self.width + 6) * _SINGLE * lengths
        doubts += 8 * np.array([self.doubt(length) for length in lengths]) / self.spread
        floors = (levels - offsets) / self.spread - doubts
        heap, places, counts = self._highest(queries, floors, sets, most)
        found = []
        for b, query in enumerate(queries):
            order = np.argsort(-heap[b, : counts[b]], kind="stable")
            chosen = places[b, : counts[b]][order].astype(np.intp)
            if counts[b] + len(sets[b]) == self.count:
                unseen = -math.inf
            elif counts[b] < most:
                unseen = float(levels[b])
            else:
                unseen = (float(heap[b, : counts[b]].min()) + float(doubts[b])) * self.spread + float(offsets[b])
            found.append(Leaders(chosen, self.rows(chosen) @ query, unseen, self.doubt(float(lengths[b]))))
        return found

    def _highest(
        self, queries: Floats, floors: Floats, sets: Sequence[Places], most: int
    ) -> tuple[Singles, NDArray[np.int64], NDArray[np.int64]]:
        """Heaps of float32 scores above floors and their documents, each (b, most), and how many of them count."""
        heap = np.full((len(queries), most), -np.inf, dtype=np.float32)
        places, counts = np.zeros((len(queries), most), dtype=np.int64), np.zeros(len(queries), dtype=np.int64)
        singles, lowest = queries.astype(np.float32), np.nextafter(floors.astype(np.float32), np.float32(-np.inf))
        owners = np.repeat(np.arange(len(sets)), list(map(len, sets)))
        members = np.concatenate(sets)
        for start in range(0, self.count, ROWS):
            scores = singles @ self.centred[start : start + ROWS].T
            here = (members >= start) & (members < start + ROWS)
            scores[owners[here], members[here] - start] = -np.inf
            _collect(scores, start, lowest, heap, places, counts)
        return heap, places, counts

    @cached_property
    def centred(self) -> Singles:
        """float32 (n, d), the documents less their mean, over the spread: lengths are at most 1."""
        found = np.empty(self.exact.shape, dtype=np.float32)
        for start, rows in self._pieces():
            found[start : start + len(rows)] = (rows - self.centre) / self.spread
        return found

    def _pieces(self) -> Iterator[tuple[int, Floats]]:
        for start in range(0, self.count, ROWS):
            yield start, self.exact[start : start + ROWS].astype(np.float64)


@njit(cache=True, nogil=True)
def _collect(
    scores: Singles, start: int, floors: Singles, heap: Singles, places: NDArray[np.int64], counts: NDArray[np.int64]
) -> None:
    """Put scores above floors into heaps of the highest ones, the least first; a full heap raises the floor."""
    most = heap.shape[1]
    for b in range(len(scores)):
        floor = floors[b]
        if counts[b] == most:
            floor = max(floor, heap[b, 0])
        for j in range(scores.shape[1]):
            score = scores[b, j]
            if score <= floor:
                continue
            if counts[b] < most:
                child = counts[b]
                counts[b] += 1
                while child > 0 and heap[b, (child - 1) // 2] > score:
                    parent = (child - 1) // 2
                    heap[b, child], places[b, child] = heap[b, parent], places[b, parent]
                    child = parent
                heap[b, child], places[b, child] = score, start + j
            else:
                parent = 0
                while True:
                    child = 2 * parent + 1
                    if child >= most:
                        break
                    if child + 1 < most and heap[b, child + 1] < heap[b, child]:
                        child += 1
                    if heap[b, child] >= score:
                        break
                    heap[b, parent], places[b, parent] = heap[b, child], places[b, child]
                    parent = child
                heap[b, parent], places[b, parent] = score, start + j
            if counts[b] == most:
                floor = max(floors[b], heap[b, 0])
