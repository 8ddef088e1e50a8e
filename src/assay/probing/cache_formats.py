"""How keys and values come out of a quantised cache: GGUF's q8_0 and q4_0 bit for bit, and integers of b bits.

| name | what shares a step | integers |
|---|---|---|
| q8_0, q4_0 | 32 neighbouring coordinates of a token, step in float16 | GGUF's |
| token-b | all coordinates of a token | 0 ... 2^b - 1 above the least, step and least in float16 |
| channel-b | a coordinate in 32 neighbouring tokens (Liu et al. 2024, KIVI, for keys) | the same |
| rotated-b | 32 coordinates of a token, after a Hadamard rotation (Ashkboos et al. 2024, QuaRot) | the same |

A rotation is orthogonal: queries are rotated too, or keys back, with the same scores. Where d is no power of 2, blocks
of the largest power that divides d are rotated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import hadamard

from assay.errors import AssayError, require, unknown

BLOCK = 32  # numbers that share a step in GGUF's formats, in a rotated token, and tokens in a channel
FAMILIES = ("token", "channel", "rotated")
GGUF = ("q8_0", "q4_0")
MOST_BITS = 8
_LARGEST = 65504.0  # of float16
_SMALLEST = float(np.finfo(np.float32).tiny)

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class CacheFormat:
    """A way to store the keys or the values of a head; make one with `cache_format`.

    Attributes:
        name: as in the table of the module, or `exact`, which changes nothing.
        family: `token`, `channel`, `rotated`, or the name itself.
        bits: of a number, steps and least numbers apart; 32 for `exact`.
    """

    name: str
    family: str
    bits: int

    def fits(self, width: int) -> bool:
        """Whether rows of this width can be stored: of a multiple of 32 where so many coordinates share a step."""
        return self.family in ("token", "channel", "exact") or width % BLOCK == 0

    def takes(self, rows: ArrayLike) -> bool:
        """Whether `rounded` takes these rows: their width, and numbers that float16 holds.

        >>> cache_format("q8_0").takes(np.ones((3, 32))), cache_format("q8_0").takes(np.ones((3, 8)))
        (True, False)
        """
        found = np.asarray(rows)
        if self.family == "exact":
            return True
        return self.fits(found.shape[1]) and bool(np.abs(found).max() <= _LARGEST)

    def rounded(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Rows (N, d) as they come out of the cache, float64 (N, d).

        Inputs are taken as float32, as a cache gets them; `exact` keeps float64.

        Raises:
            AssayError: a width that is no multiple of 32 where 32 coordinates share a step, or numbers beyond float16.

        >>> cache_format("token-2").rounded([[0.0, 1.0, 2.9, 3.0]]).tolist()
        [[0.0, 1.0, 3.0, 3.0]]
        """
        if self.family == "exact":
            return np.asarray(rows, dtype=np.float64)
        found = np.ascontiguousarray(rows, dtype=np.float32)
        require(found.ndim == 2 and found.size > 0, "shape of rows", found.shape, "(N, d), each at least 1")
        largest = float(np.abs(found).max())
        require(largest <= _LARGEST, "largest magnitude", largest, f"at most {_LARGEST:g}, for steps in float16")
        width = found.shape[1]
        require(self.fits(width), "width", width, f"a multiple of {BLOCK}, the block of {self.name}")
        return _ROUNDED[self.family](found, self.bits).astype(np.float64)

    def stored_bits(self, length: int, width: int) -> int:
        """Bits of N x d numbers, with steps (and least numbers) of 16 bits each.

        >>> [cache_format(name).stored_bits(32, 64) / (32 * 64) for name in ("q4_0", "token-4", "channel-4")]
        [4.5, 4.5, 5.0]
        """
        if self.family == "exact":
            return self.bits * length * width
        groups = {"token": length, "channel": -(-length // BLOCK) * width}.get(self.family, length * width // BLOCK)
        return self.bits * length * width + groups * (16 if self.family in GGUF else 32)


def cache_format(name: str) -> CacheFormat:
    """The format of this name: `q8_0`, `q4_0`, `exact`, or a family and from 1 to 8 bits, as `channel-3`.

    Raises:
        AssayError: no such format, or bits out of range.

    >>> cache_format("rotated-4").bits, cache_format("q8_0").bits
    (4, 8)
    """
    fixed = {"q8_0": 8, "q4_0": 4, "exact": 32}
    if name in fixed:
        return CacheFormat(name, name, fixed[name])
    known = [*fixed, *(f"{family}-{bits}" for family in FAMILIES for bits in (2, 4, 8))]
    if not (parts := re.fullmatch(r"([a-z]+)-([0-9]{1,3})", name)) or parts[1] not in FAMILIES:
        raise unknown("cache format", name, known)
    bits = int(parts[2])
    if not 1 <= bits <= MOST_BITS:
        raise AssayError(f"bits = {bits} of {name} is not allowed; it must be an integer from 1 to {MOST_BITS}")
    return CacheFormat(name, parts[1], bits)


def rotation(width: int) -> NDArray[np.float64]:
    """The orthogonal, symmetric matrix (width, width) of a rotated cache: Hadamard blocks, the largest that fit.

    >>> (rotation(2) * 2**0.5).round(9).tolist(), int(np.count_nonzero(rotation(6)[0]))
    ([[1.0, 1.0], [1.0, -1.0]], 2)
    """
    size = width & -width
    return np.kron(np.eye(width // size), hadamard(size) / np.sqrt(size))


def _q8_0(rows: Float32, _: int) -> Float32:
    """quantize_row_q8_0_ref of ggml-quants.c in float32, and back."""
    blocks = rows.reshape(-1, BLOCK)
    step = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    scaled = blocks * _inverse(step)
    size = np.abs(scaled)
    whole = np.copysign(np.floor(size) + (size - np.floor(size) >= np.float32(0.5)), scaled)  # C's roundf
    return (whole * step.astype(np.float16).astype(np.float32)).reshape(rows.shape)


def _q4_0(rows: Float32, _: int) -> Float32:
    """quantize_row_q4_0_ref: the number largest in magnitude, with its sign, becomes -8 steps."""
    blocks = rows.reshape(-1, BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1, keepdims=True), axis=1)
    step = (largest / np.float32(-8)).astype(np.float32)
    whole = np.minimum(np.trunc(blocks * _inverse(step) + np.float32(8.5)), np.float32(15)) - np.float32(8)
    return (whole * step.astype(np.float16).astype(np.float32)).reshape(rows.shape)


def _inverse(step: Float32) -> Float32:
    # A step whose inverse overflows is 0 in float16, so that any finite integer gives the 0 that comes out.
    return np.divide(np.float32(1), step, out=np.zeros_like(step), where=np.abs(step) > _SMALLEST)


def _affine(groups: Float32, bits: int) -> Float32:
    """Rows of numbers that share a step, each the least plus 0 ... 2^b - 1 steps; both are stored in float16."""
    least = groups.min(axis=1, keepdims=True).astype(np.float16).astype(np.float32)
    most = groups.max(axis=1, keepdims=True)
    levels = 2**bits - 1
    step = ((most - least) / np.float32(levels)).astype(np.float16).astype(np.float32)
    whole = np.clip(np.rint((groups - least) * _inverse(step)), 0, levels)
    return least + whole * step


def _token(rows: Float32, bits: int) -> Float32:
    return _affine(rows, bits)


def _channel(rows: Float32, bits: int) -> Float32:
    parts = [_affine(rows[start : start + BLOCK].T, bits).T for start in range(0, len(rows), BLOCK)]
    return np.concatenate(parts)


def _rotated(rows: Float32, bits: int) -> Float32:
    turned = rotation(rows.shape[1])
    blocks = (rows @ turned).astype(np.float32).reshape(-1, BLOCK)
    return (_affine(blocks, bits).reshape(rows.shape) @ turned).astype(np.float32)


_ROUNDED: dict[str, Callable[[Float32, int], Float32]] = {
    "q8_0": _q8_0,
    "q4_0": _q4_0,
    "token": _token,
    "channel": _channel,
    "rotated": _rotated,
}
