"""Exact labels of the match tasks on residues modulo M, fast enough to make training data as it is consumed.

A sequence x of N residues in 0 ... M-1 is a row of an int64 array of shape (batch, N). Label i says whether x_i makes
up a sum of zero modulo M with one (match2) or two (match3 and its variants) residues of the same sequence, where x_i
itself and repetitions are allowed. No method holds a table of pairs.

Match3 is decided on the distinct residues, sorted. A scan asks for every residue x, and every residue u up to half of
what is missing, whether the rest is present: at most N^2 / 2 look-ups in a table of bits, ended by the first match.
Each residue modulo M has its bit while M <= N^2 and the table stays small; beyond that, bits are addressed by a hash,
and a look-up that succeeds is confirmed by binary search. The convolution of the presence vector with itself counts
all pairs at once in O(M log M). Which is faster depends on the input, as many matches end a scan early. Therefore each
sequence is scanned until that has cost as much as its convolution would, and only then convolved: about twice the
cheaper of the two at worst.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import fft

from assay.errors import require

Residues = NDArray[np.int64]
Labels = NDArray[np.bool_]
Words = NDArray[np.uint64]

LARGEST_MODULUS = 2**61 - 1  # sums of three residues stay below 2^63
TABLE_LIMIT = 2**26  # one bit for each residue modulo M, in at most 8 MiB; beyond it the caches no longer help
CONVOLUTION_LIMIT = 2**24  # at most 48 bytes of work space for each residue modulo M
SINGLE_PRECISION_LIMIT = 2**15  # distinct residues; rounding moves the counts by less than 0.01 up to here

# The price of a convolution in look-ups of a scan, measured: some for the call, and one for each of M log2 M steps.
CALL_LOOKUPS, STEP_LOOKUPS = 16_000, 1.0
UNLIMITED = 2**62

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ZERO, _ONE, _SIX, _LOW_SIX = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(63)
_BLOCK = 4
_ABSENT = -1


def match2_labels(residues: Residues, modulus: int) -> Labels:
    """Whether some j has x_i + x_j = 0 mod M; (batch, N) to (batch, N), O(N) time and memory per sequence.

    >>> match2_labels(np.array([[1, 4, 2, 0]]), 5)
    array([[ True,  True, False,  True]])
    """
    residues = _checked(residues, modulus)
    return _negatives_among(residues, residues, modulus, _hash_bits(residues.shape[1]))


def match3_labels(residues: Residues, modulus: int) -> Labels:
    """Whether some j1, j2 have x_i + x_j1 + x_j2 = 0 mod M; (batch, N) to (batch, N).

    Per sequence O(min(N^2, M log M)) time, O(N^2) where M > 2^24, and less if matches are many; memory
    O(N + min(M, N^2)).

    >>> match3_labels(np.array([[1, 3, 6, 5]]), 10)
    array([[ True,  True,  True, False]])
    """
    residues = _checked(residues, modulus)
    budget = UNLIMITED
    if modulus <= CONVOLUTION_LIMIT:
        budget = CALL_LOOKUPS + int(STEP_LOOKUPS * modulus * math.log2(modulus))
    dense = modulus <= min(TABLE_LIMIT, residues.shape[1] ** 2)
    labels, decided = _scan(residues, modulus, dense=dense, budget=budget)
    for row in np.flatnonzero(~decided):
        labels[row] = _convolution_labels(residues[row], modulus)
    return labels


def match3_bigram_labels(residues: Residues, modulus: int) -> Labels:
    """Whether some j < N-1 has x_i + x_j + x_{j+1} = 0 mod M; (batch, N) to (batch, N), O(N) time and memory.

    >>> match3_bigram_labels(np.array([[1, 2, 4, 0]]), 7)
    array([[ True, False,  True, False]])
    """
    residues = _checked(residues, modulus)
    bigrams = (residues[:, :-1] + residues[:, 1:]) % modulus
    return _negatives_among(residues, bigrams, modulus, _hash_bits(residues.shape[1]))


def match3_local_labels(residues: Residues, modulus: int, window: int) -> Labels:
    """Whether some j1, j2 at most `window` = K from i have x_i + x_j1 + x_j2 = 0 mod M; (batch, N) to (batch, N).

    O(N min(K, N)) time at most, less if matches are many, and O(N) memory per sequence.

    >>> match3_local_labels(np.array([[1, 3, 6, 5]]), 10, window=1)
    array([[False,  True, False, False]])
    """
    residues = _checked(residues, modulus)
    require(window >= 0, "window", window, "an integer of at least 0")
    if window >= residues.shape[1] - 1:
        return match3_labels(residues, modulus)
    return _local(residues, modulus, window, _hash_bits(residues.shape[1]))


def _checked(residues: Residues, modulus: int) -> Residues:
    """The residues as the kernels take them, or an error: an index out of range would write anywhere in memory."""
    residues = np.ascontiguousarray(residues, dtype=np.int64)
    require(1 <= modulus <= LARGEST_MODULUS, "modulus", modulus, "an integer from 1 to 2^61 - 1")
    require(residues.ndim == 2, "shape of residues", residues.shape, "(batch, N)")
    if residues.size:
        least, largest = int(residues.min()), int(residues.max())
        within = least >= 0 and largest < modulus
        require(within, "residues", f"{least} ... {largest}", f"from 0 to M-1 = {modulus - 1}")
    return residues


def _hash_bits(length: int) -> int:
    """The binary logarithm of a table size that leaves three slots of four free."""
    return max(2, (4 * length - 1).bit_length())


def _scan(residues: Residues, modulus: int, *, dense: bool, budget: int) -> tuple[Labels, Labels]:
    """Labels by look-ups, and for each sequence whether `budget` look-ups sufficed; if not, its labels are incomplete.

    `dense` means one bit for each residue modulo M; otherwise 64 to 128 hashed bits for each element of a sequence.
    """
    order = np.argsort(residues, axis=1)
    hash_bits = (64 * residues.shape[1]).bit_length()
    table = np.zeros((modulus + 63) // 64 if dense else 1 << hash_bits - 6, dtype=np.uint64)
    shift = 0 if dense else 64 - hash_bits
    return _scan_rows(residues, order, np.uint64(modulus), table, shift, budget)


@njit(cache=True)
def _bit_slot(value: np.uint64, shift: int) -> np.uint64:
    """The place of a residue in the table of bits: its own if `shift` is 0, else a hash of 64 - shift bits."""
    return (value * _GOLDEN) >> np.uint64(shift) if shift else value


@njit(cache=True)
def _rest_present(
    distinct: Words, first: int, last: int, total: np.uint64, table: Words, shift: int
) -> tuple[bool, int]:
    """Whether total - u is present for some u in distinct[first:last], and how many look-ups that took."""
    start = first
    while start < last:
        stop = min(start + _BLOCK, last)
        bits = _ONE
        if stop - start == _BLOCK:  # one branch for a whole block: 1.6 times as fast as one for each look-up
            bits = _ZERO
            for k in range(_BLOCK):
                slot = _bit_slot(total - distinct[np.uint64(start + k)], shift)  # unsigned: no check for k < 0
                bits |= table[slot >> _SIX] >> (slot & _LOW_SIX)
        if bits & _ONE:
            for k in range(start, stop):
                rest = total - distinct[k]
                slot = _bit_slot(rest, shift)
                if (table[slot >> _SIX] >> (slot & _LOW_SIX)) & _ONE:
                    at = np.searchsorted(distinct, rest) if shift else 0
                    if shift == 0 or (at < len(distinct) and distinct[at] == rest):
                        return True, k + 1 - first
        start = stop
    return False, max(0, last - first)


@njit(cache=True)
def _fill(sequence: Residues, order: Residues, distinct: Words, table: Words, shift: int) -> int:
    """Write the distinct residues in ascending order, set their bits, and return their number."""
    count = 0
    for i in order:
        value = np.uint64(sequence[i])
        if count == 0 or value != distinct[count - 1]:
            distinct[count] = value
            count += 1
            slot = _bit_slot(value, shift)
            table[slot >> _SIX] |= _ONE << (slot & _LOW_SIX)
    return count


@njit(cache=True)
def _scan_rows(
    residues: Residues, order: Residues, modulus: np.uint64, table: Words, shift: int, budget: int
) -> tuple[Labels, Labels]:
    batch, length = residues.shape
    labels = np.zeros((batch, length), dtype=np.bool_)
    decided = np.ones(batch, dtype=np.bool_)
    storage = np.empty(length, dtype=np.uint64)
    for row in range(batch):
        distinct = storage[: _fill(residues[row], order[row], storage, table, shift)]
        spent = ranked = 0
        half_low = above = half_high = len(distinct)
        for value in distinct:
            if spent >= budget:
                decided[row] = False
                break
            found = value == _ZERO  # 0 + 0 + 0
            if not found:
                # u + v = missing with u <= v, or u + v = missing + M with missing < u <= v: in both, u up to half of
                # the sum will do. `value` ascends, so missing and the number of such u only fall.
                missing = modulus - value
                while half_low > 0 and distinct[half_low - 1] > missing >> _ONE:
                    half_low -= 1
                while above > 0 and distinct[above - 1] > missing:
                    above -= 1
                while half_high > 0 and distinct[half_high - 1] > (missing + modulus) >> _ONE:
                    half_high -= 1
                found, looked = _rest_present(distinct, 0, half_low, missing, table, shift)
                spent += looked
                if not found:
                    found, looked = _rest_present(distinct, above, half_high, missing + modulus, table, shift)
                    spent += looked
            while ranked < length and np.uint64(residues[row, order[row, ranked]]) == value:
                labels[row, order[row, ranked]] = found
                ranked += 1
        for value in distinct:
            table[_bit_slot(value, shift) >> _SIX] = _ZERO
    return labels, decided


def _convolution_labels(sequence: Residues, modulus: int) -> Labels:
    """Labels of one sequence, shape (N,), from the number of pairs of distinct residues with each sum modulo M."""
    # A cyclic FFT of awkward length costs more than a linear one of about twice the length, folded afterwards.
    folded = fft.next_fast_len(modulus, real=True) != modulus
    size = fft.next_fast_len(2 * modulus, real=True) if folded else modulus
    single = len(sequence) <= SINGLE_PRECISION_LIMIT
    present = np.zeros(size, dtype=np.float32 if single else np.float64)
    present[sequence] = 1
    spectrum = fft.rfft(present, overwrite_x=True)
    spectrum *= spectrum
    pairs = fft.irfft(spectrum, size, overwrite_x=True)
    missing = np.where(sequence == 0, 0, modulus - sequence)
    found = pairs[missing] > 0.5
    return found | (pairs[missing + modulus] > 0.5) if folded else found


# Match2 and bigrams: membership in a hash table; local match3: the same table with the window's counts


@njit(cache=True)
def _hash_slot(table: Residues, value: int, hash_bits: int) -> np.uint64:
    """Where the value is in a table of 2^hash_bits slots with linear probing, or the free slot where it belongs."""
    slot = (np.uint64(value) * _GOLDEN) >> np.uint64(64 - hash_bits)
    while table[slot] != value and table[slot] != _ABSENT:
        slot = (slot + _ONE) & np.uint64(len(table) - 1)
    return slot


@njit(cache=True)
def _negatives_among(residues: Residues, others: Residues, modulus: int, hash_bits: int) -> Labels:
    """For each residue of a row, whether its negative is in the same row of `others`."""
    batch, length = residues.shape
    labels = np.empty((batch, length), dtype=np.bool_)
    table = np.empty(1 << hash_bits, dtype=np.int64)
    for row in range(batch):
        table[:] = _ABSENT
        for other in others[row]:
            table[_hash_slot(table, other, hash_bits)] = other
        for i in range(length):
            value = residues[row, i]
            negative = modulus - value if value else value
            labels[row, i] = table[_hash_slot(table, negative, hash_bits)] == negative
    return labels


@njit(cache=True)
def _local(residues: Residues, modulus: int, window: int, hash_bits: int) -> Labels:
    """Labels from the pairs within a window that slides along the sequence; window < N."""
    batch, length = residues.shape
    labels = np.zeros((batch, length), dtype=np.bool_)
    table = np.empty(1 << hash_bits, dtype=np.int64)
    held = np.zeros(1 << hash_bits, dtype=np.int32)  # how often the window holds the residue in this slot
    for row in range(batch):
        table[:] = _ABSENT
        held[:] = 0
        sequence = residues[row]
        for value in sequence:
            table[_hash_slot(table, value, hash_bits)] = value
        for value in sequence[:window]:
            held[_hash_slot(table, value, hash_bits)] += 1
        for i in range(length):
            if i + window < length:
                held[_hash_slot(table, sequence[i + window], hash_bits)] += 1
            if i > window:
                held[_hash_slot(table, sequence[i - window - 1], hash_bits)] -= 1
            for j in range(max(0, i - window), min(length, i + window + 1)):
                rest = 2 * modulus - sequence[i] - sequence[j]
                while rest >= modulus:
                    rest -= modulus
                if held[_hash_slot(table, rest, hash_bits)]:
                    labels[row, i] = True
                    break
    return labels


# Each method alone, whatever it costs: what the dispatch in match3_labels must agree with.
MATCH3_METHODS: dict[str, Callable[[Residues, int], Labels]] = {
    "table": lambda residues, modulus: _scan(residues, modulus, dense=True, budget=UNLIMITED)[0],
    "hash": lambda residues, modulus: _scan(residues, modulus, dense=False, budget=UNLIMITED)[0],
    "convolution": lambda residues, modulus: np.stack([_convolution_labels(row, modulus) for row in residues]),
}
