"""Attention over pairs of residues whose weight depends on the distance of their sum from 0 only: sort and look.

Equal residues are taken together. As one residue grows, what it needs for a sum of 0 falls, so that one sweep over the
sorted residues finds all neighbourhoods: O(N log N) for sorting and O(N) for the rest, if the reach is small.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.models.structured.profile import Profile, weight_at
from assay.models.structured.transform import cyclic_convolution, transform_error

Residues = NDArray[np.int64]
Masses = NDArray[np.float64]


def pair_mass(residues: Residues, profile: Profile, sink: float) -> Masses:
    """For each token the share of its attention on other residues, the rest being on a sink; (batch, N) to (batch, N).

        mass_i = S_i / (S_i + exp(-sink)),   S_i = sum over j of w(x_i + x_j)

    with the profile's weights w, of the distance of x_i + x_j from 0, modulo M if there is a modulus. Time O(N log N)
    and memory O(N) for each sequence as long as the reach, some residues, holds a bounded number of different ones.

    Error: weights are within some 2^-53 times their exponent of exact, and those left out together at most TAIL of the
    sink's; a mass is within 1e-13 of exact, if sharpness and sink are taken to be.

    Args:
        residues: int64, taken modulo M; on the line any whole numbers below 2^60 in absolute value.
        profile: the weights.
        sink: exponent of the sink, by how much it scores below a match.

    >>> pair_mass(np.array([[1, 6, 3]]), Profile(modulus=7, sharpness=60.0), sink=11.0).round(3).tolist()
    [[1.0, 1.0, 0.0]]
    """
    residues = reduced(residues, profile.modulus)
    if not (math.isfinite(profile.sharpness) and math.isfinite(sink)):
        return np.full(residues.shape, np.nan)
    order = np.argsort(residues, axis=1)
    reach = profile.reach(residues.shape[1], sink)
    return _pair_mass(residues, order, profile.modulus, profile.sharpness, reach, math.exp(-sink))


def table_mass(residues: Residues, table: Masses, sink: float, allowed: float) -> Masses | None:
    """The same for any even weights w(s) of a sum s modulo M, given as a table (M,) with the largest, 1, at 0.

    By a Fourier transform, time O(M log M) for each sequence. Its error is absolute: that of a mass is at most the
    error of a convolution divided by exp(-sink). None where that is not below `allowed`.

    >>> table_mass(np.array([[1, 2]]), np.array([1.0, 0.25, 0.25]), sink=0.0, allowed=1e-9).round(6).tolist()
    [[0.555556, 0.555556]]
    """
    masses = np.empty(residues.shape)
    error = transform_error(len(table)) * math.sqrt(table @ table) * math.exp(sink)
    for row, sequence in enumerate(reduced(residues, len(table))):
        occurs = np.bincount(sequence, minlength=len(table)).astype(np.float64)
        if not error * math.sqrt(occurs @ occurs) <= allowed:
            return None
        sums = cyclic_convolution(occurs, table)[-sequence % len(table)].clip(0.0)
        masses[row] = sums / (sums + math.exp(-sink))
    return masses


def reduced(residues: Residues, modulus: int) -> Residues:
    """Contiguous int64 residues from 0 to M - 1; as they are on the line."""
    residues = np.ascontiguousarray(residues, dtype=np.int64)
    outside = modulus and residues.size and (residues.min() < 0 or residues.max() >= modulus)
    return residues % modulus if outside else residues


@njit(cache=True)
def distinct(sequence: Residues, order: Residues, points: Residues, counts: Residues) -> int:
    """Write the different residues in ascending order and how often each occurs, and return their number."""
    found = 0
    for i in order:
        if found == 0 or sequence[i] != points[found - 1]:
            points[found] = sequence[i]
            counts[found] = 0
            found += 1
        counts[found - 1] += 1
    return found


@njit(cache=True)
def point(points: Residues, place: int, modulus: int) -> int:
    """The sorted residues continued around the circle: place k is the first one again, a modulus on."""
    size = len(points)
    if 0 <= place < size:
        return points[place]
    return points[place % size] + modulus * (place // size)


@njit(cache=True)
def ends(reach: int, modulus: int) -> tuple[int, int]:
    """How far down and up to look; half a circle down is where half a circle up is."""
    return (min(reach, (modulus - 1) // 2), min(reach, modulus // 2)) if modulus else (reach, reach)


@njit(cache=True)
def _pair_mass(residues: Residues, order: Residues, modulus: int, sharpness: float, reach: int, sink: float) -> Masses:
    batch, length = residues.shape
    masses = np.empty((batch, length), dtype=np.float64)
    points_room, counts_room = np.empty(length, dtype=np.int64), np.empty(length, dtype=np.int64)
    down, up = ends(reach, modulus)
    for row in range(batch):
        size = distinct(residues[row], order[row], points_room, counts_room)
        points, counts = points_room[:size], counts_room[:size]
        least, most = (-size, 2 * size) if modulus else (0, size)
        first, ranked = most, 0
        for value in points:
            target = modulus - value
            while first > least and point(points, first - 1, modulus) >= target - down:
                first -= 1
            total, place = 0.0, first
            while place < most:
                distance = point(points, place, modulus) - target
                if distance > up:
                    break
                total += counts[place % size] * weight_at(abs(distance), modulus, sharpness)
                place += 1
            mass = total / (total + sink)
            while ranked < length and residues[row, order[row, ranked]] == value:
                masses[row, order[row, ranked]] = mass
                ranked += 1
    return masses
