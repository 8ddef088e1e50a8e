"""Growth laws: how a smallest size depends on the length, as a power or as a logarithm."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_POINTS = 4
RESAMPLES = 2000
_CLEAR = 0.9  # share of resamples that must agree before one law is called better


@dataclass(frozen=True)
class Growth:
    """Two laws fitted to smallest widths w against N.

    Attributes:
        power: (a, b) of w = a N^b, least squares of log w.
        logarithm: (a, b) of w = a + b ln N, least squares of the relative error.
        exponent_interval: 2.5 % and 97.5 % of b over the resamplings.
        preferred: `power`, `logarithm`, or `undecided`: which fits log w better in at least 90 % of the resamplings;
            `constant` where all widths are equal.
        note: what limits the fit; empty where nothing does.
    """

    power: tuple[float, float] | None
    logarithm: tuple[float, float] | None
    exponent_interval: tuple[float, float] | None
    preferred: str
    note: str

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)


def fit_growth(
    lengths: list[int], widths: list[list[float]], *, coarseness: float = 1.0, multiple: int = 1, seed: int = 0
) -> Growth:
    """Fit both laws to the medians over seeds, and judge them by resampling.

    A resampling draws the seeds at each length anew, and moves their median to a random place between the width that
    was found and the rung below it on the ladder, where the true smallest width lies. So the interval and the preferred
    law cover the differences between seeds and the coarseness of the widths that were tried; not the lengths beyond.

    Args:
        lengths: N, ascending.
        widths: for each length, the smallest width of every seed (one number where there are no seeds).
        coarseness: of the widths: the ratio of neighbouring rungs; 1 where every width could have come out.
        multiple: what all widths on the ladder are multiples of.
        seed: of the resampling.

    >>> growth = fit_growth([8, 16, 32, 64], [[8.0], [16.0], [32.0], [64.0]])
    >>> growth.preferred, round(growth.power[1], 3)
    ('power', 1.0)
    >>> fit_growth([8, 16, 32], [[8.0], [16.0], [32.0]]).note
    'too few points (3) to fit a growth law; 4 are needed'
    """
    if len(lengths) < LEAST_POINTS:
        note = f"too few points ({len(lengths)}) to fit a growth law; {LEAST_POINTS} are needed"
        return Growth(None, None, None, "undecided", note)
    log_lengths = np.log(np.asarray(lengths, dtype=float))
    medians = np.array([[np.median(row) for row in widths]])
    power, logarithm = _fit_power(log_lengths, medians), _fit_logarithm(log_lengths, medians)

    generator = np.random.default_rng(seed)
    drawn = [np.median(generator.choice(row, (RESAMPLES, len(row))), axis=1) for row in widths]
    found = np.stack([np.asarray(column, dtype=float) for column in drawn], axis=1)
    resampled = found * _step_down(found, coarseness, multiple) ** generator.random(found.shape)
    resampled_power = _fit_power(log_lengths, resampled)
    low, high = np.quantile(resampled_power[:, 1], [0.025, 0.975])
    better = _residual(_power_law, resampled_power, log_lengths, resampled) < _residual(
        _log_law, _fit_logarithm(log_lengths, resampled), log_lengths, resampled
    )
    share = float(better.mean())
    preferred = "power" if share >= _CLEAR else "logarithm" if share <= 1 - _CLEAR else "undecided"
    if len({float(median) for median in medians[0]}) == 1:
        preferred = "constant"
    return Growth(
        power=(float(np.exp(power[0, 0])), float(power[0, 1])),
        logarithm=(float(logarithm[0, 0]), float(logarithm[0, 1])),
        exponent_interval=(float(low), float(high)),
        preferred=preferred,
        note="",
    )


def _step_down(widths: Array, coarseness: float, multiple: int) -> Array:
    """What a width is multiplied by to come to the rung below it, which is at least one `multiple` smaller."""
    if coarseness == 1.0:
        return np.ones_like(widths)
    return np.minimum(1 / coarseness, 1 - multiple / np.maximum(widths, 2 * multiple))


def _fit_power(log_lengths: Array, widths: Array) -> Array:
    """Rows (ln a, b) for rows of widths: a straight line through log w."""
    design = np.stack([np.ones_like(log_lengths), log_lengths], axis=1)
    return np.linalg.lstsq(design, np.log(widths).T, rcond=None)[0].T


def _fit_logarithm(log_lengths: Array, widths: Array) -> Array:
    """Rows (a, b) for rows of widths: weighted least squares of a + b ln N with weights 1 / w^2."""
    design = np.stack([np.ones_like(log_lengths), log_lengths], axis=1) / widths[..., None]
    return np.linalg.solve(design.transpose(0, 2, 1) @ design, design.sum(axis=1)[..., None])[..., 0]


def _power_law(coefficients: Array, log_lengths: Array) -> Array:
    return coefficients[:, :1] + coefficients[:, 1:] * log_lengths


def _log_law(coefficients: Array, log_lengths: Array) -> Array:
    return np.log(np.maximum(coefficients[:, :1] + coefficients[:, 1:] * log_lengths, 1e-9))


def _residual(law: Any, coefficients: Array, log_lengths: Array, widths: Array) -> Array:
    return np.square(law(coefficients, log_lengths) - np.log(widths)).sum(axis=1)
