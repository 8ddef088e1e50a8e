"""Linear memories and softmax attention that hold n random pairs: the share read correctly, without any training.

Keys k_i and values v_i are random unit vectors of R^d, independent. A memory is written with all n pairs and read with
each key; the answer is the value, of all n, that has the largest inner product with what was read, and it is right if
that is v_i, strictly before all others. Kinds:

- `correlation`: W = sum v_i k_i^T, read W k;
- `least-squares`: the W of least Frobenius norm among those with the least sum |W k_i - v_i|^2;
- `delta-rule`: one pass W <- W + (v_i - W k_i) k_i^T from W = 0, a rate of 1;
- `softmax`: the keys and values themselves, read sum_i softmax(sqrt(d) <k_i, k>) v_i. On unit vectors, 1 / sqrt(d) as
  the temperature is that of usual attention on keys and queries of length sqrt(d).

Number formats are of what is stored: the entries of W, for softmax the keys and the values. They are computed in
float64 and rounded to float32, to bfloat16 (to nearest, ties to even), or to int8: whole multiples,
-127 to 127, of the largest entry by magnitude over 127, with one such scale for each matrix. The keys that ask, the
values that answers are looked up in, and the arithmetic of reading are float32 in each format.

All vectors have length 1. Normal vectors, whose lengths differ, are read less well below the threshold, as long values
win: a correlation memory of d = 64 at half the threshold's load reads .88 of unit and .81 of normal pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import lambertw

from assay.errors import AssayError, require, require_integer, unknown
from assay.retrieval import rounded_documents as rounding
from assay.tasks import counter

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Kind = Literal["correlation", "least-squares", "delta-rule", "softmax"]
NumberFormat = Literal["float32", "bfloat16", "int8"]

KINDS: tuple[Kind, ...] = get_args(Kind)
NUMBER_FORMATS: tuple[NumberFormat, ...] = get_args(NumberFormat)
BITS: dict[str, int] = {"float32": 32, "bfloat16": 16, "int8": 8}
LOADS = (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
SEEDS = (0, 1, 2)
MOST_NUMBERS = 1 << 26  # of all keys, and of all values

_SCALE_BITS = 32  # of a scale of int8
_FIRST_VALUE = 1 << 39  # counter-based examples from here on are values, those before keys
_BLOCK = 1 << 22  # scores at once
_CHUNK = 128  # pairs that the delta rule writes at once


@dataclass(frozen=True)
class Recalled:
    """How many of a memory's pairs are read correctly.

    Attributes:
        kind: of the memory.
        dimension: d, of keys and values.
        pairs: n.
        number_format: of what is stored.
        asked: keys that were read with, of each draw.
        shares: of them read correctly, for each seed: a draw of all keys and values.
    """

    kind: Kind
    dimension: int
    pairs: int
    number_format: NumberFormat
    asked: int
    shares: tuple[float, ...]

    @property
    def share(self) -> float:
        """Read correctly, the mean over draws."""
        return math.fsum(self.shares) / len(self.shares)

    @property
    def load(self) -> float:
        """2 n ln n / d^2."""
        return memory_load(self.dimension, self.pairs)

    @property
    def bits(self) -> int:
        """That are stored: d^2 numbers, for softmax 2 n d, and the scales of int8."""
        softmax = self.kind == "softmax"
        numbers = 2 * self.pairs * self.dimension if softmax else self.dimension**2
        scales = (1 + softmax) * _SCALE_BITS if self.number_format == "int8" else 0
        return numbers * BITS[self.number_format] + scales


def memory_load(dimension: int, pairs: int) -> float:
    """2 n ln n / d^2: 1 where a correlation memory is predicted to pass from reading nearly all pairs to nearly none.

    The largest of n scores of wrong values, each about normal with variance n / d^2, is about sqrt(2 ln n n / d^2), the
    right value's score about 1. As a limit for d to infinity it is conjectured to be sharp (arXiv 2605.05189); at
    d = 64 or 128 the passage is wide.

    >>> round(memory_load(64, 350), 3)
    1.001
    """
    require_integer("dimension", dimension, 1, None)
    require_integer("pairs", pairs, 1, None)
    return 2 * pairs * math.log(pairs) / dimension**2


def memory_threshold(dimension: int) -> float:
    """The n, a real number, with d^2 = 2 n ln n: e^W(d^2 / 2), W Lambert's function. See `memory_load`.

    >>> [round(memory_threshold(d), 1) for d in (16, 64, 128, 1024)]
    [35.8, 349.7, 1160.8, 48585.3]
    """
    require_integer("dimension", dimension, 1, None)
    return _pairs(dimension, 1.0)


def pairs_at_load(dimension: int, load: float) -> int:
    """The largest n with 2 n ln n <= load d^2, at least 1, up to rounding.

    >>> [pairs_at_load(64, a) for a in (0.25, 1, 2)]
    [109, 349, 634]
    """
    require_integer("dimension", dimension, 1, None)
    require(0 < load < math.inf, "load", load, "a positive number")
    return int(_pairs(dimension, load))


def information_threshold(dimension: int, number_bits: int) -> int:
    """The most pairs that d^2 numbers of p bits can hold for every pairing of n known keys with n known values.

    The largest n with log2 n! <= p d^2, since there are n! pairings and each needs a state of its own. No training, no
    other way of writing and no other way of reading get beyond it.

    >>> information_threshold(64, 32), information_threshold(64, 8)
    (10944, 3210)
    """
    require_integer("dimension", dimension, 1, None)
    require_integer("number_bits", number_bits, 1, None)
    bits = number_bits * dimension**2
    low, high = 1, 2
    while math.lgamma(high + 1) <= bits * math.log(2):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if math.lgamma(middle + 1) <= bits * math.log(2) else (low, middle)
    return low


def recall(
    kind: Kind,
    dimension: int,
    pairs: int,
    number_format: NumberFormat = "float32",
    seeds: Sequence[int] = SEEDS,
    queries: int | None = None,
) -> Recalled:
    """Write a memory with random pairs, and count how many are read correctly.

    Key i and value i of a seed are the same for every number of pairs, by counter-based random numbers.

    Args:
        kind: `correlation`, `least-squares`, `delta-rule` or `softmax`.
        dimension: d.
        pairs: n; n d at most 2^26.
        number_format: `float32`, `bfloat16` or `int8`.
        seeds: of the draws.
        queries: how many of the keys to ask, spread evenly; all unless given.

    Raises:
        AssayError: an argument that is not allowed.

    >>> shares = [recall(kind, 64, 349).share for kind in ("delta-rule", "correlation", "least-squares", "softmax")]
    >>> shares == sorted(shares)
    True
    """
    return recall_each([kind], dimension, pairs, [number_format], seeds, queries)[0]


def recall_each(
    kinds: Sequence[Kind],
    dimension: int,
    pairs: int,
    number_formats: Sequence[NumberFormat] = NUMBER_FORMATS,
    seeds: Sequence[int] = SEEDS,
    queries: int | None = None,
) -> tuple[Recalled, ...]:
    """Like `recall`, for several kinds, and number formats within each, on the same draws: each is written once.

    >>> [one.number_format for one in recall_each(["delta-rule"], 8, 10, seeds=[5])]
    ['float32', 'bfloat16', 'int8']
    """
    for kind in kinds:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
    for number_format in number_formats:
        if number_format not in NUMBER_FORMATS:
            raise unknown("number format", number_format, NUMBER_FORMATS)
    require_integer("dimension", dimension, 1, None)
    require_integer("pairs", pairs, 1, None)
    require(len(seeds) > 0, "seeds", seeds, "one or more integers")
    asked = pairs if queries is None else queries
    require_integer("queries", asked, 1, pairs, "pairs")
    if pairs * dimension > MOST_NUMBERS:
        raise AssayError(f"{pairs} pairs of dimension {dimension} are too many; at most {MOST_NUMBERS} numbers are")
    which = np.arange(asked) * pairs // asked
    shares: dict[tuple[Kind, NumberFormat], list[float]] = {
        (kind, number_format): [] for kind in kinds for number_format in number_formats
    }
    for seed in seeds:
        keys, values = _drawn(seed, 0, pairs, dimension), _drawn(seed, _FIRST_VALUE, pairs, dimension)
        for kind in kinds:
            written = write(kind, keys, values)
            for number_format in number_formats:
                stored = tuple(rounded(matrix, number_format) for matrix in written)
                shares[kind, number_format].append(_share(kind, stored, keys, values, which))
    return tuple(
        Recalled(kind, dimension, pairs, number_format, asked, tuple(of_seeds))
        for (kind, number_format), of_seeds in shares.items()
    )


def recall_grid(
    dimensions: Sequence[int],
    loads: Sequence[float] = LOADS,
    kinds: Sequence[Kind] = KINDS,
    number_formats: Sequence[NumberFormat] = NUMBER_FORMATS,
    seeds: Sequence[int] = SEEDS,
    queries: int | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> tuple[Recalled, ...]:
    """`recall_each` at the numbers of pairs of some loads, for some dimensions: in order of d, n, kind, format.

    Args:
        dimensions: d.
        loads: 2 n ln n / d^2, see `pairs_at_load`.
        kinds: of memories.
        number_formats: of what they store.
        seeds: of the draws.
        queries: how many of the keys to ask, at most: all where there are fewer; all unless given.
        tell: takes a line about each d and n that is done.

    >>> [(one.pairs, one.kind) for one in recall_grid([8], [0.5, 1], ["softmax"], ["int8"], [0])]
    [(7, 'softmax'), (12, 'softmax')]
    """
    found: list[Recalled] = []
    for dimension in dimensions:
        for at in loads:
            pairs = pairs_at_load(dimension, at)
            asked = None if queries is None else min(queries, pairs)
            found.extend(recall_each(kinds, dimension, pairs, number_formats, seeds, asked))
            tell(f"d = {dimension}, {pairs} pairs (load {at:g}): done")
    return tuple(found)


def write(kind: Kind, keys: Floats, values: Floats) -> tuple[Doubles, ...]:
    """What a memory stores of keys and values, rows (n, d): W, (d, d), or for softmax both of them; not yet rounded.

    >>> write("correlation", np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[::-1])[0].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    k, v = keys.astype(np.float64), values.astype(np.float64)
    if kind == "softmax":
        return k, v
    if kind == "correlation":
        return (v.T @ k,)
    if kind == "least-squares":
        return (np.linalg.lstsq(k, v, rcond=None)[0].T,)
    return (_by_delta_rule(k, v),)


def rounded(matrix: Doubles, number_format: NumberFormat) -> Floats:
    """The numbers of a format that are stored for these, as float32: of int8 with one scale for all of them.

    >>> rounded(np.array([1.0, 0.3]), "bfloat16").tolist()
    [1.0, 0.30078125]
    >>> rounded(np.array([127.0, -0.7]), "int8").tolist()
    [127.0, -1.0]
    """
    return rounding.rounded(matrix.reshape(1, -1), number_format).reshape(matrix.shape).astype(np.float32)


def _by_delta_rule(keys: Doubles, values: Doubles) -> Doubles:
    """W after one pass. Within a chunk W grows by sum u_i k_i^T, with u_i = v_i - W k_i - sum over j < i of <k_i, k_j>
    u_j: a triangular system.
    """
    memory = np.zeros((keys.shape[1],) * 2)
    for first in range(0, len(keys), _CHUNK):
        part, wanted = keys[first : first + _CHUNK], values[first : first + _CHUNK]
        missing = wanted - part @ memory.T
        memory += solve_triangular(part @ part.T, missing, lower=True, unit_diagonal=True).T @ part
    return memory


def _share(kind: Kind, stored: tuple[Floats, ...], keys: Floats, values: Floats, which: NDArray[np.int64]) -> float:
    """Of these keys, those whose value has strictly the largest inner product with what is read."""
    right, rows = 0, max(1, _BLOCK // len(keys))
    for first in range(0, len(which), rows):
        asked = which[first : first + rows]
        scores = _read(kind, stored, keys[asked]) @ values.T
        own = (np.arange(len(asked)), asked)
        of_its_own = scores[own]
        scores[own] = -np.inf
        right += int(np.count_nonzero(of_its_own > scores.max(axis=1)))
    return right / len(which)


def _read(kind: Kind, stored: tuple[Floats, ...], asked: Floats) -> Floats:
    if kind != "softmax":
        return asked @ stored[0].T
    keys, values = stored
    scores = asked @ keys.T
    scores *= np.float32(math.sqrt(keys.shape[1]))
    scores -= scores.max(axis=1, keepdims=True)
    weights = np.exp(scores, out=scores)
    return weights @ values / weights.sum(axis=1, keepdims=True)


def _drawn(seed: int, first: int, count: int, dimension: int) -> Floats:
    """Independent unit vectors, uniform on the sphere, float32 (count, dimension)."""
    keys = counter.example_keys(seed, "train", first, count)
    normal = counter.normals(counter.words(keys, 0, dimension + dimension % 2))[:, :dimension]
    return (normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32)


def _pairs(dimension: int, load: float) -> float:
    return math.exp(float(lambertw(load * dimension**2 / 2).real))
