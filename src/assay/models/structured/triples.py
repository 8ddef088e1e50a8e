"""Third-order attention over residues whose weight depends on the distance of a sum of three from 0 only.

Two ways to the same number, the cheaper of which is taken: a sweep as for pairs, once for each partner, O(N^2) at any
modulus; or how many pairs there are of each sum, from a Fourier transform of how often residues occur, O(N + M log M).
Numbers of pairs are whole and are rounded to such, so that the transform's error, which is bounded first, is not left
in the result.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.models.structured.profile import Profile, weight_at
from assay.models.structured.residues import Masses, Residues, ends, reduced
from assay.models.structured.transform import LARGEST_TRANSFORM, cyclic_convolution, transform_error, transform_length

_STEP = 2e-9  # seconds: a step of the sweep, and one of the n log2 n of a transform, measured
_TRANSFORM_STEP = 2.5e-9
_WIDEST = 4096  # reach that is added up number by number
_OF_A_PAIR = 1 / 8  # bound on the error of a number of pairs that is safe to round


def triple_mass(residues: Residues, profile: Profile, sink: float, mixed: float) -> Masses:
    """For each token the share of its attention on pairs of residues; (batch, N) to (batch, N).

        mass_i = S_i / (S_i + exp(-sink) + 2 N exp(-mixed)),   S_i = sum over j, k of w(x_i + x_j + x_k)

    with the profile's weights w on a circle of M residues: the softmax runs over pairs of residues, one pair of sinks,
    and 2 N pairs of a residue and a sink. Time O(N min(N, M)) or O(N + M log M), memory O(N) or O(N + M).

    Error: as for pairs; numbers of pairs are exact.

    Args:
        residues: int64, taken modulo M.
        profile: the weights, with a modulus.
        sink: exponent of the pair of sinks, by how much it scores below a match.
        mixed: exponent of each mixed pair.

    >>> profile = Profile(modulus=11, sharpness=200.0)
    >>> triple_mass(np.array([[1, 3, 4]]), profile, sink=16.0, mixed=200.0).round(3).tolist()  # 4 + 4 + 3
    [[0.0, 1.0, 1.0]]
    """
    residues = reduced(residues, profile.modulus)
    if not all(math.isfinite(number) for number in (profile.sharpness, sink, mixed)):
        return np.full(residues.shape, np.nan)
    length = residues.shape[1]
    reach = profile.reach(length**2, sink)
    others = math.exp(-sink) + 2 * length * math.exp(-mixed)
    transformed = _prefers_transform(residues, profile.modulus, reach)
    masses = np.empty(residues.shape)
    for row, sequence in enumerate(residues):
        points, back, counts = np.unique(sequence, return_inverse=True, return_counts=True)
        totals = _transformed(points, counts, profile, reach) if transformed else None
        if totals is None:
            totals = _swept(points, counts, profile.modulus, profile.sharpness, reach)
        masses[row] = (totals / (totals + others))[back]
    return masses


def pair_counts(points: Residues, counts: Residues, modulus: int) -> NDArray[np.float64] | None:
    """How many ordered pairs of residues have each sum modulo M: whole numbers (M,); None if rounding might err.

    >>> pair_counts(np.array([1, 3]), np.array([2, 1]), 4).tolist()
    [4.0, 0.0, 5.0, 0.0]
    """
    occurs = np.zeros(modulus)
    occurs[points] = counts
    if float(occurs @ occurs) * transform_error(modulus) > _OF_A_PAIR:
        return None
    return np.rint(cyclic_convolution(occurs))


def _prefers_transform(residues: Residues, modulus: int, reach: int) -> bool:
    if 2 * modulus > LARGEST_TRANSFORM or reach > _WIDEST:
        return False
    size = transform_length(modulus)
    crowd = 1 + 8 * min(1.0, residues.shape[1] / modulus) * (2 * reach + 1)  # entries that a step finds
    return _TRANSFORM_STEP * size * math.log2(size + 1) < _STEP * min(residues.shape[1], modulus) ** 2 * crowd


def _transformed(points: Residues, counts: Residues, profile: Profile, reach: int) -> NDArray[np.float64] | None:
    """S for each different residue, from numbers of pairs."""
    pairs = pair_counts(points, counts, profile.modulus)
    if pairs is None:
        return None
    down, up = ends(reach, profile.modulus)
    totals = np.zeros(len(points))
    for distance in range(-down, up + 1):
        totals += profile.weight(abs(distance)) * pairs[(distance - points) % profile.modulus]
    return totals


@njit(cache=True)
def _swept(points: Residues, counts: Residues, modulus: int, sharpness: float, reach: int) -> NDArray[np.float64]:
    """The same, from a sweep for each."""
    size = len(points)
    totals = np.empty(size, dtype=np.float64)
    down, up = ends(reach, modulus)
    around = np.empty(4 * size, dtype=np.int64)  # the residues less two moduli, less one, themselves, and one more
    for place in range(4 * size):
        around[place] = points[place % size] + modulus * (place // size - 2)
    start = len(around)
    for asking in range(size):
        total = 0.0
        target = modulus - points[asking] - points[0]
        while start > 0 and around[start - 1] >= target - down:
            start -= 1
        first = start
        for partner in range(size):
            target = modulus - points[asking] - points[partner]
            while first > 0 and around[first - 1] >= target - down:
                first -= 1
            place = first
            while place < len(around) and around[place] <= target + up:
                pairs = float(counts[partner]) * float(counts[place % size])
                total += pairs * weight_at(abs(around[place] - target), modulus, sharpness)
                place += 1
        totals[asking] = total
    return totals
