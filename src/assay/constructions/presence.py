"""Shared by the constructions that detect matches: a softmax with one sink entry tells whether a high score occurs.

Scores of matches are equal and highest, the sink's lies `gap` below them, all others lie `gap` below the sink. Then the
mass on what is not the sink is within n exp(-gap) of 1 if there is a match and of 0 if there is none, where n counts
the entries beside the sink. Floating point is covered by taking what rounding may do to two scores off the gap, and by
adding the rounding of the softmax (`softmax_bound`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.arithmetic.torch_settings import dtype_name
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF, rounding_of_average, rounding_of_differences
from assay.errors import AssayError
from assay.models.bare import SCORES_AT_ONCE

TO_ROUNDING = 0.5  # share of the gap that rounding may take; beyond, a wider dtype is used or the request refused
_ANGLE_ROUNDINGS = 4  # of 2 pi x / M in float64, and of its cosine


@dataclass(frozen=True)
class Arithmetic:
    """What a presence detector computes with.

    Attributes:
        dtype: of scores and softmax.
        temperature: factor on the scores.
        error: guaranteed worst-case error of the mass.
    """

    dtype: torch.dtype
    temperature: float
    error: float


def presence_error(entries: int, gap: float) -> float:
    """n exp(-gap) / (1 + n exp(-gap)): error of the mass, in exact arithmetic.

    >>> round(presence_error(3, math.log(3)), 12)
    0.5
    """
    off = entries * math.exp(-gap)
    return off / (1 + off)


def choose_arithmetic(
    what: str,
    entries: int,
    gap: float,
    rounding: dict[torch.dtype, float],
    tolerance: float,
    outputs: int = 1,
    magnified: float = 1.0,
) -> Arithmetic:
    """The narrowest dtype that holds the gap, and the least temperature that meets the tolerance in it.

    Args:
        what: the request, for the message of a refusal.
        entries: softmax entries beside the sink.
        gap: between match and sink, and sink and the rest, at temperature 1.
        rounding: for each dtype, how far a computed score may be from the exact one at temperature 1.
        tolerance: of the output.
        outputs: masses that are added up.
        magnified: by how much what follows the softmax multiplies its rounding.

    Raises:
        AssayError: no dtype holds the gap, or the tolerance is below the rounding of the softmax.
    """
    for dtype in DTYPES:
        kept = gap - 2 * rounding[dtype]
        # Two entries more than there are leave room for four roundings of what follows.
        of_softmax = outputs * magnified * rounding_of_average(entries + 3, UNIT_ROUNDOFF[dtype])
        goal = (0.99 * tolerance - of_softmax) / outputs
        if kept < (1 - TO_ROUNDING) * gap or goal <= 0:
            continue
        temperature = max(0.0, math.log(entries * (1 - goal) / goal)) / kept if goal < 1 else 0.0
        moved = rounding_of_differences(entries, temperature * kept, 0.0, UNIT_ROUNDOFF[dtype])
        error = outputs * (presence_error(entries, temperature * kept) + magnified * moved) + of_softmax
        if error <= tolerance:
            return Arithmetic(dtype, temperature, error)
    raise AssayError(
        f"{what} cannot be built: scores of a match and of a miss are {2 * gap:.3g} apart, and rounding in "
        f"{dtype_name(DTYPES[-1])} may move two of them by {2 * rounding[DTYPES[-1]]:.3g}; the tolerance is "
        f"{tolerance:g}, of which the softmax's rounding takes {of_softmax:.3g}"
    )


def integer_mass(
    queries: Tensor, keys: Tensor, values: Tensor, temperature: float, numbers: FixedPoint | None = None
) -> Tensor:
    """Softmax attention whose scores are whole numbers, exact until their largest is subtracted. Time O(T L m).

    Args:
        queries: int64 (batch, T, m).
        keys: int64 (batch, L, m); no dot product may reach 2^63 (partial sums may: they wrap around and back).
        values: floating point (batch, L), 1 for real entries and 0 for sinks.
        temperature: factor on the scores.
        numbers: the fixed-point format of queries, keys, scores, weights and mass; the temperature, part of the query,
            is then raised to a power of two, so that whole numbers stay such, and products are taken in float64.

    Returns:
        The mass on real entries, in the values' dtype: (batch, T).
    """
    if numbers is not None:
        power = 2.0 ** math.ceil(math.log2(max(1.0, temperature)))
        hot, held = numbers.round(power * queries.double()), numbers.round(keys.double())
        weights = numbers.round(torch.softmax(numbers.round(hot @ held.transpose(1, 2)), dim=2))
        return numbers.round(weights @ numbers.round(values.double()).unsqueeze(2)).squeeze(2)
    rows = max(1, SCORES_AT_ONCE // (keys.shape[0] * keys.shape[1]))
    masses = []
    for block in queries.split(rows, dim=1):
        scores = block @ keys.transpose(1, 2)
        below = scores - scores.amax(dim=2, keepdim=True)
        weights = torch.softmax(temperature * below.to(values.dtype), dim=2)
        masses.append((weights @ values.unsqueeze(2)).squeeze(2))
    return torch.cat(masses, dim=1)


def residue_angles(residues: Tensor, modulus: int) -> Tensor:
    """2 pi x / M in float64, between -pi and pi: the smaller the angle, the smaller its rounding error."""
    centred = residues - modulus * (2 * residues > modulus)
    return centred.double() * (2 * math.pi / modulus)


def coordinate_error(dtype: torch.dtype) -> float:
    """How far a cosine or sine of a residue's angle, computed in float64 and cast, may be from the exact one."""
    return math.pi * _ANGLE_ROUNDINGS * UNIT_ROUNDOFF[torch.float64] + UNIT_ROUNDOFF[dtype]


def sink_gap(modulus: int) -> float:
    """Half of 1 - cos(2 pi / M), at most 1/2: what lies between match and sink, and sink and the nearest miss.

    1 - cos(2 pi / M) = 2 sin^2(pi / M), which does not cancel.
    """
    return min(math.sin(math.pi / modulus) ** 2, 0.5)
