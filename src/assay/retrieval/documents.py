"""Explicit documents and the query of every set: from 2k dimensions at many bits to 1 bit in many dimensions.

Each is a frozen dataclass with `vectors`, all documents (n, d), and `queries`, a query for each set. In exact
arithmetic these queries retrieve their sets. What number formats leave of that is measured by
`assay.retrieval.rounded_documents`; the codes have a proof in integers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.constructions.reed_solomon import code_parameters, code_values
from assay.errors import require, require_integer
from assay.retrieval.limits import MOST_DOCUMENTS, check_sets
from assay.tasks import counter

Floats = NDArray[np.float64]
Sets = NDArray[np.int64]

MOST_CODE_BITS = 26  # products of so many bits have exact sums in float64
_FEWEST_BITS = 2
_MOST_DEGREE = 11
# Of alphabets, by k: all primes to begin with, then some, up to where all sets of k symbols are tried in a moment.
_PRIMES = {
    1: (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 53, 67, 101, 151, 227, 331, 503, 1009),
    2: (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 53, 67, 101, 151, 227),
    3: (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 53, 67),
    4: (5, 7, 11, 13, 17, 19, 23, 29, 31, 37),
}


@dataclass(frozen=True)
class Documents(ABC):
    """Explicit vectors for n documents, of which every set of k has a query.

    Attributes:
        documents: n.
        top: k.
    """

    documents: int
    top: int

    def __post_init__(self) -> None:
        check_sets(self.documents, self.top)

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """d."""

    @abstractmethod
    def vectors(self) -> Floats:
        """All documents, (n, d)."""

    @abstractmethod
    def queries(self, sets: Sets) -> Floats:
        """A query (sets, d) for each set (sets, k), which in exact arithmetic retrieves it."""


@dataclass(frozen=True)
class CyclicDocuments(Documents):
    """Points of a cyclic polytope in 2k dimensions, the least there can be: (cos i t, sin i t), i = 1 ... k.

    n values of t are equally spaced. The query of S holds the Fourier coefficients of -prod over j in S of
    (1 - cos(t - t_j)), without its constant: a function that is 0 at the members and negative elsewhere
    (Carathéodory 1911; Gale 1963). Its margin falls like n^-2k, so that about 2k log2 n
    bits are needed. Vectors have length 1.

    >>> cyclic = CyclicDocuments(12, 2)
    >>> scores = cyclic.queries(np.array([[3, 7]])) @ cyclic.vectors().T
    >>> cyclic.dimensions, sorted(np.argsort(scores[0])[-2:].tolist())
    (4, [3, 7])
    """

    @property
    def dimensions(self) -> int:
        """2k."""
        return 2 * self.top

    def vectors(self) -> Floats:
        """All documents, (n, 2k)."""
        return _circle(self.documents, self.top) / math.sqrt(self.top)

    def queries(self, sets: Sets) -> Floats:
        """A query for each set, its largest entry 1."""
        return _touching(2 * math.pi * sets / self.documents, self.top)


@dataclass(frozen=True)
class SignDocuments(Documents):
    """Random signs, 1 bit a number; the query of S is the sum of its documents, whole numbers up to k in size.

    Two documents' product has mean 0 and variance d, a document's with itself is d, so that S scores about d more than
    the others. Nothing is proved of a draw: the share of sets that are retrieved is measured.

    Attributes:
        width: d.
        seed: of the signs.

    >>> SignDocuments(100, 2, width=64).queries(np.array([[0, 1]])).shape
    (1, 64)
    """

    width: int
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("width", self.width, 1, None)

    @property
    def dimensions(self) -> int:
        """d."""
        return self.width

    def vectors(self) -> Floats:
        """All documents, (n, d), of 1 and -1."""
        keys = counter.example_keys(self.seed, "train", 0, self.documents)
        return 2.0 * counter.bits(counter.words(keys, 0, self.width)) - 1

    def queries(self, sets: Sets) -> Floats:
        """Sums of the members, (sets, d)."""
        return self.vectors()[sets].sum(axis=1)


@dataclass(frozen=True)
class OneHotCodeDocuments(Documents):
    """Reed-Solomon codes, each symbol one-hot: documents and queries of 1 bit, about k^2 log n dimensions.

    Different documents agree in at most r of L = k r + 1 symbols, so that the OR of the documents of S scores L at
    members and at most k r elsewhere, in integers (Kautz and Singleton 1964).

    >>> OneHotCodeDocuments(50_000, 2).dimensions
    99
    """

    @property
    def dimensions(self) -> int:
        """L P, symbols times letters."""
        _, points, prime = code_parameters(self.documents, self.top)
        return points * prime

    def vectors(self) -> Floats:
        """All documents, (n, L P), of zeros and ones."""
        return self._one_hot(np.arange(self.documents))

    def queries(self, sets: Sets) -> Floats:
        """The OR of the members, (sets, L P)."""
        return self._one_hot(sets.ravel()).reshape(*sets.shape, -1).max(axis=1)

    def _one_hot(self, indices: Sets) -> Floats:
        degree, points, prime = code_parameters(self.documents, self.top)
        symbols = code_values(self.documents, degree, points, prime)[indices]
        return (symbols[:, :, None] == np.arange(prime)).reshape(len(indices), -1).astype(np.float64)


@dataclass(frozen=True)
class CyclicCodeDocuments(Documents):
    """Reed-Solomon codes, each symbol a point of a small cyclic polytope: few dimensions at few bits, with a proof.

    A document is a polynomial of degree at most r over the field of P elements, as its index has r + 1 digits; its
    values at L points are its symbols. Each is written as the 2k numbers of `CyclicDocuments` for P points, rounded to
    integers of p bits, and so is each block of the query: that of the symbols that S has there. Let `rise` be the most
    by which one member's score exceeds another's in a block, and `fall` the least by which members exceed symbols that
    no member has, over all sets of at most k symbols, in integers. A document outside S has a symbol of a member in at
    most k r blocks, so that S is retrieved if k r rise < (L - k r) fall.

    Attributes:
        degree: r.
        prime: P.
        points: L.
        bits: p of every number of documents and queries.
    """

    degree: int
    prime: int
    points: int
    bits: int

    @classmethod
    def smallest(cls, documents: int, top: int, bits: int) -> CyclicCodeDocuments | None:
        """The one of fewest dimensions at p bits or fewer, and of fewest bits among those; None if there is none.

        It has no more dimensions at more bits, nor for fewer documents. Codes of up to 26 bits are tried, and k up
        to 4: from there on random documents need fewer dimensions. Two seconds for the first answer at some k.

        >>> found = CyclicCodeDocuments.smallest(50_000, 2, 16)
        >>> found.dimensions, found.bits
        (28, 14)
        """
        check_sets(documents, top)
        fitting = [code for code in cls.all(top, bits) if code.documents >= documents]
        best = min(fitting, key=lambda code: (code.points, code.bits), default=None)
        return None if best is None else replace(best, documents=documents)

    @classmethod
    def all(cls, top: int, bits: int) -> tuple[CyclicCodeDocuments, ...]:
        """All proved at p bits or fewer, each for as many documents as it has words, or 2^53; none for k above 4."""
        return _codes(top, min(bits, MOST_CODE_BITS))

    @property
    def dimensions(self) -> int:
        """2k L."""
        return 2 * self.top * self.points

    def vectors(self) -> Floats:
        """All documents, (n, 2k L), whole numbers of p bits."""
        symbols = code_values(self.documents, self.degree, self.points, self.prime)
        return _rounded(_circle(self.prime, self.top), self.bits)[symbols].reshape(self.documents, -1)

    def queries(self, sets: Sets) -> Floats:
        """A query for each set, (sets, 2k L), whole numbers of p bits."""
        symbols = code_values(self.documents, self.degree, self.points, self.prime)[sets]
        blocks = symbols.transpose(0, 2, 1).reshape(-1, self.top)
        found = np.zeros((len(blocks), 2 * self.top))
        blocks.sort(axis=1)
        repeated = np.diff(blocks, axis=1, prepend=-1) == 0
        for count in range(1, self.top + 1):
            rows = np.flatnonzero((~repeated).sum(axis=1) == count)
            different = blocks[rows][~repeated[rows]].reshape(len(rows), count)
            found[rows] = _block_queries(different, self.prime, self.top, self.bits)
        return found.reshape(len(sets), -1)


@lru_cache(maxsize=256)
def _codes(top: int, bits: int) -> tuple[CyclicCodeDocuments, ...]:
    """All that are proved at p bits or fewer; a code of fewer bits is one of more."""
    if bits < _FEWEST_BITS or top not in _PRIMES:
        return ()
    found = list(_codes(top, bits - 1))
    for prime in _PRIMES[top]:
        rise, fall = rise_and_fall(prime, top, bits)
        if fall <= 0:
            continue
        for degree in range(_MOST_DEGREE + 1):
            points = top * degree + (top * degree * rise) // fall + 1
            if points <= prime:
                most = min(prime ** (degree + 1), MOST_DOCUMENTS)
                found.append(CyclicCodeDocuments(most, top, degree, prime, points, bits))
    return tuple(found)


def rise_and_fall(prime: int, top: int, bits: int) -> tuple[int, int]:
    """The `rise` and `fall` of `CyclicCodeDocuments`, over all sets of 1 to k < P symbols; exact.

    >>> rise_and_fall(17, 2, 14)
    (13508, 161619)

    Raises:
        AssayError: not 1 <= k < P, or bits outside 2 ... 26.
    """
    require_integer("top", top, 1, prime - 1, "prime - 1")
    require_integer("bits", bits, _FEWEST_BITS, MOST_CODE_BITS)
    return _rises_and_falls(prime, top)[bits - _FEWEST_BITS]


@lru_cache(maxsize=256)
def _rises_and_falls(prime: int, top: int) -> list[tuple[int, int]]:
    """The same for all numbers of bits: the queries are found once, and rounded to each."""
    scales = 2.0 ** (np.arange(_FEWEST_BITS, MOST_CODE_BITS + 1) - 1) - 1
    rises, falls = np.zeros(len(scales)), np.full(len(scales), np.inf)
    for count in range(1, top + 1):
        sets = np.array(list(combinations(range(prime), count)))
        queries = _touching(2 * math.pi * sets / prime, top)
        _note_extremes(queries, _circle(prime, top), sets, scales, rises, falls)
    return [(int(rise), int(fall)) for rise, fall in zip(rises, falls, strict=True)]


@njit(cache=True)
def _note_extremes(queries: Floats, vectors: Floats, sets: Sets, scales: Floats, rises: Floats, falls: Floats) -> None:
    """At each scale the most by which members of a set differ, and the least by which they exceed all others."""
    for place in range(len(scales)):
        rounded = np.rint(vectors * scales[place])
        query = np.zeros(vectors.shape[1])
        for row in range(len(sets)):
            for coordinate in range(len(query)):
                query[coordinate] = np.rint(queries[row, coordinate] * scales[place])
            low, high, other, member = np.inf, -np.inf, -np.inf, 0
            for symbol in range(len(vectors)):
                score = 0.0
                for coordinate in range(len(query)):
                    score += query[coordinate] * rounded[symbol, coordinate]
                if member < sets.shape[1] and sets[row, member] == symbol:
                    member += 1
                    low, high = min(low, score), max(high, score)
                else:
                    other = max(other, score)
            rises[place], falls[place] = max(rises[place], high - low), min(falls[place], low - other)


def _block_queries(sets: Sets, prime: int, top: int, bits: int) -> Floats:
    """Queries of sets of as many symbols, (sets, 2k), rounded to p bits."""
    return _rounded(_touching(2 * math.pi * sets / prime, top), bits)


def _rounded(numbers: Floats, bits: int) -> Floats:
    """Numbers from -1 to 1 as integers of p bits."""
    return np.rint(numbers * (2.0 ** (bits - 1) - 1))


def _circle(count: int, order: int) -> Floats:
    """(cos t, sin t, cos 2t, sin 2t, ...) up to `order`, at `count` equally spaced t: (count, 2 order)."""
    angles = 2 * math.pi * np.arange(count)[:, None] * np.arange(1, order + 1) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(count, -1)


def _touching(angles: Floats, order: int) -> Floats:
    """Coefficients of -prod over the given t_j of (1 - cos(t - t_j)) in the order of `_circle`, the largest 1 in size.

    Args:
        angles: t_j, (sets, members), at most `order` members.
        order: of the polynomial that is written; coefficients above the number of members are 0.
    """
    count, members = angles.shape
    require(members <= order, "members", members, f"at most {order}")
    terms = np.zeros((count, 2 * members + 1), dtype=np.complex128)  # of e^(i m t), m = -members ... members
    terms[:, members] = -1
    for angle in angles.T:
        turn = np.exp(-1j * angle)[:, None]
        up, down = np.zeros_like(terms), np.zeros_like(terms)
        up[:, 1:], down[:, :-1] = terms[:, :-1], terms[:, 1:]
        terms = terms - (turn * up + turn.conj() * down) / 2
    found = np.zeros((count, order, 2))
    found[:, :members, 0] = 2 * terms[:, members + 1 :].real
    found[:, :members, 1] = -2 * terms[:, members + 1 :].imag
    found = found.reshape(count, 2 * order)
    return found / np.abs(found).max(axis=1, keepdims=True)
