"""Counter-based random numbers: example number i of a seed is the same whoever draws it, alone or in any batch.

Each example has a 64-bit key made by a bijection from (seed, split, example index), so that no two examples of a seed
share a key and training and test examples differ by construction. The same holds between seeds below 2^23. Keys of a
larger seed go through the bijection once more, under a mask of its own, so that examples of two such seeds share a key
by chance only: once in 2^64 pairs. Word j of an example is a hash of its key and j: SplitMix64 (Steele, Lea, Flood
2014), whose output function is applied to a counter anyway, vectorised over examples and words.
Everything is O(examples x words) NumPy arithmetic on uint64, a few nanoseconds a word.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer

Split = Literal["train", "test"]
Words = NDArray[np.uint64]

LARGEST_SEED = (1 << 63) - 1
_SEED_BITS, INDEX_BITS = 23, 40  # of a counter, beside one that says which split
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: Words) -> Words:
    """The finaliser of SplitMix64: a bijection of 64-bit words."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def mixed(words: Words) -> Words:
    """Another word for each, by a bijection under which similar words become unlike, and 0 does not stay 0."""
    return _mix(words * _GAMMA + _GAMMA)


def example_keys(seed: int, split: Split, start: int, count: int) -> Words:
    """Keys of examples start ... start+count-1, shape (count,): all different over the splits and indices of a seed.

    Raises:
        AssayError: a seed that is no integer in [0, 2^63), or an index outside [0, 2^40).
    """
    require_integer("seed", seed, 0, LARGEST_SEED)
    require(split in ("train", "test"), "split", split, "'train' or 'test'")
    require(0 <= start <= (1 << INDEX_BITS) - count, "start", start, f"from 0 to 2^{INDEX_BITS} - {count}")
    mask, low = divmod(seed, 1 << _SEED_BITS)  # bits above the counter's
    stream = (low << 1 | (split == "test")) << INDEX_BITS
    counters = np.uint64(stream) + np.arange(start, start + count, dtype=np.uint64)
    keys = _mix(counters * _GAMMA + _GAMMA)
    if mask == 0:
        return keys
    return _mix(keys ^ _mix(_mix(np.array([mask], dtype=np.uint64)) + _GAMMA))  # mixed twice: it is no key of seed 0


def words(keys: Words, first: int, count: int) -> Words:
    """Words first ... first+count-1 of each example, shape (len(keys), count)."""
    counters = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    return _mix(keys[:, None] + counters * _GAMMA)


def integers(random: Words, bound: int) -> NDArray[np.int64]:
    """Integers in [0, bound), bound < 2^63; their probabilities differ from uniform by less than a share bound / 2^64.

    Up to 2^20 the words' upper halves are used, with a share of bound / 2^32, below 0.0003.
    """
    if bound > 1 << 20:
        return (random % np.uint64(bound)).astype(np.int64)
    return ((random >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)


def bits(random: Words) -> NDArray[np.int64]:
    """0 or 1, each as likely."""
    return (random >> np.uint64(63)).astype(np.int64)


def disjointness(random: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Instances of set disjointness, from 2n + 1 words each: Alice's and Bob's n bits.

    With probability 1/2 the strings are disjoint, else they meet in exactly one place.
    """
    n = random.shape[1] // 2
    alice = bits(random[:, :n])
    bob = bits(random[:, n : 2 * n]) * (1 - alice)
    meet = integers(random[:, 2 * n], n)
    both = np.flatnonzero(random[:, 2 * n] & np.uint64(1))
    alice[both, meet[both]] = bob[both, meet[both]] = 1
    return alice, bob


def uniforms(random: Words) -> NDArray[np.float64]:
    """Numbers in (0, 1), never 0 nor 1, with 53-bit spacing."""
    return ((random >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normals(random: Words) -> NDArray[np.float64]:
    """Standard normal numbers by the Box-Muller transform; the last axis of `random` has even length."""
    half = random.shape[-1] // 2
    radius = np.sqrt(-2.0 * np.log(uniforms(random[..., :half])))
    angle = 2.0 * np.pi * uniforms(random[..., half:])
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def subsets(random: Words, population: int) -> NDArray[np.int64]:
    """Uniform subsets of range(population), one per row, sorted; their size is the length of the last axis.

    Floyd's algorithm (Bentley and Floyd 1987): one word per element, cost quadratic in the subset's size.
    """
    size = random.shape[-1]
    chosen = np.empty(random.shape, dtype=np.int64)
    for k in range(size):
        last = population - size + k
        drawn = integers(random[..., k], last + 1)
        taken = (chosen[..., :k] == drawn[..., None]).any(axis=-1)
        chosen[..., k] = np.where(taken, last, drawn)
    return np.sort(chosen, axis=-1)
