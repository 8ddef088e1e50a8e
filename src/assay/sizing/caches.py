"""How keys are stored: p-bit integers with a factor for each key, and the caches q8_0, q4_0 and fp16 of llama.cpp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from assay.errors import require, require_integer, unknown

MOST_BITS = 32  # a float32 holds the query; keys of more bits make no difference to it
_QUERY_BITS = 25  # float32 holds integers of 24 bits and a sign
_FINE = 64  # levels on a side from which on rounding errors are uniform
_BLOCK = 32
_QUANTILES = (np.arange(8) + 0.5) / 8
_HALF_PRECISION = 2.0**-12  # root mean square error of a float16, relative to the number, rounded up


@dataclass(frozen=True)
class Cache:
    """How keys are stored; make one with `make_cache`.

    Attributes:
        name: `8 bits`, `q8_0`, ...
        levels: L, so that entries are multiples of the largest of their block over L; 0 for floating point.
        block: entries that share a factor; 0 for all of a key.
        bits: of a number, factors apart.
        factor_bits: of a factor.
    """

    name: str
    levels: int
    block: int
    bits: int
    factor_bits: int

    def stored_bits(self, width: int) -> int:
        """Bits of one key."""
        return self.bits * width + self.factor_bits * -(-width // (self.block or width))

    def whole_bits(self) -> int:
        """Bits of integers, sign included, that keys and a float32 query hold exactly on one scale for all keys."""
        if self.block:
            return 0  # each block's own step is a rounded float16
        return min(_QUERY_BITS, {16: 12}.get(self.bits, self.bits) if not self.levels else self.bits)

    def noise(self, width: int) -> tuple[float, float]:
        """(beta, v): a rounded standard normal entry is beta times itself and an uncorrelated error of variance v.

        Exact but for the law of the largest entry M of a block, of which eight quantiles are taken; the others are
        normal within -M ... M. From 64 levels on beta is 1 and v the usual step^2 / 12.

        >>> beta, variance = make_cache(bits=8).noise(64)
        >>> beta, round(variance**0.5, 4)
        (1.0, 0.0059)
        """
        if not self.levels:
            return 1.0, _HALF_PRECISION**2 if self.bits == 16 else 0.0
        return _noise(self.levels, self.block or width)

    def rounded(self, keys: NDArray[np.floating]) -> NDArray[np.float64]:
        """Keys (N, d) as they come out of the cache, float64.

        p bits: the entry that is largest in absolute value becomes 2^(p-1) - 1 steps, the step a float of full
        precision. q8_0: the same with 127, for blocks of 32 entries, and the step stored as float16. q4_0: the largest
        entry of the block becomes -8 steps, whatever its sign, the others -8 ... 7, and the step is stored as float16.
        """
        keys = np.asarray(keys, dtype=np.float64)
        if not self.levels:
            return keys.astype(np.float16).astype(np.float64) if self.bits == 16 else keys
        blocks = keys.reshape(len(keys), -1, self.block or keys.shape[1])
        places = np.abs(blocks).argmax(axis=2, keepdims=True)
        largest = np.take_along_axis(blocks, places, axis=2)
        if self.name == "q4_0":
            step = np.where(largest == 0, 1.0, largest) / -self.levels
            whole = np.minimum(np.floor(blocks / step + 0.5), self.levels - 1)
        else:
            step = np.where(largest == 0, 1.0, np.abs(largest)) / self.levels
            whole = np.rint(blocks / step)
        if self.block:
            step = step.astype(np.float16).astype(np.float64)
        return (whole * step).reshape(keys.shape)


CACHES = {
    "q4_0": Cache("q4_0", 8, _BLOCK, 4, 16),
    "q8_0": Cache("q8_0", 127, _BLOCK, 8, 16),
    "fp16": Cache("fp16", 0, 0, 16, 0),
}


def make_cache(*, bits: int = MOST_BITS, name: str | None = None) -> Cache:
    """The cache of this name, or one of p-bit integers with a float32 factor for each key; 32 bits: float32, unrounded.

    Raises:
        AssayError: no such cache, or bits outside 2 ... 32.

    >>> make_cache(bits=8).levels, make_cache(name="q4_0").stored_bits(64)
    (127, 288)
    """
    if name is not None:
        if name not in CACHES:
            raise unknown("cache", name, CACHES)
        return CACHES[name]
    require_integer("bits", bits, 2, MOST_BITS)
    if bits == MOST_BITS:
        return Cache("32 bits", 0, 0, bits, 0)
    return Cache(f"{bits} bits", 2 ** (bits - 1) - 1, 0, bits, 32)


@lru_cache(maxsize=1024)
def _noise(levels: int, entries: int) -> tuple[float, float]:
    largest = ndtri((1 + _QUANTILES ** (1 / entries)) / 2)
    step = largest / levels
    if levels >= _FINE:
        return 1.0, float(np.square(step).mean()) / 12
    k = np.arange(levels)[:, None]
    ends, top, tail = (k + 0.5) * step, _density(largest), ndtr(-largest)  # ends: between k and k + 1 steps
    whole = 1 - 2 * tail
    product = 2 * step * (_density(ends) - top).sum(axis=0) / whole
    square = 2 * step**2 * ((2 * k + 1) * (ndtr(-ends) - tail)).sum(axis=0) / whole
    plain = 1 - 2 * largest * top / whole
    # The largest entry is exact. Not counted where it is the only one: a head of width 1 must not beat one of width 2.
    exact = 1 / entries if entries > 1 else 0.0
    product, square, plain = (
        float(((1 - exact) * one + exact * largest**2).mean()) for one in (product, square, plain)
    )
    beta = product / plain
    return beta, max(0.0, square - beta**2 * plain) / plain


def _density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)


def require_blocks(cache: Cache, width: int) -> None:
    """Raise the standard error unless keys of this width are whole blocks.

    Raises:
        AssayError: the width is no multiple of the cache's block.
    """
    fits = not cache.block or width % cache.block == 0
    require(fits, "head_width", width, f"a multiple of {cache.block}, the block of {cache.name}")
