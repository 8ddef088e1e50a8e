"""Growth laws: how a smallest or largest size depends on the length, as a power or as a logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Interval = tuple[float, float | None]  # a size is from the first to the second; 0 and None: it is not known

LEAST_POINTS = 4
LEAST_KNOWN = 3  # of them, from both sides
LEAST_SPAN = 4.0  # of the largest N over the smallest
RESAMPLES = 2000
_CLEAR = 0.9  # share of resamples that must agree before one law is called better
_TIE = 1e-9  # differences of squares that are rounding
_ROUNDS = 12  # of finding which one-sided points a law misses
_DAMPING = 1e-9  # so that a law is defined where too few points hold it


@dataclass(frozen=True)
class Growth:
    """Two laws fitted to sizes w against N.

    Attributes:
        power: (a, b) of w = a N^b, least squares of log w.
        logarithm: (a, b) of w = a + b ln N, least squares of the relative error.
        exponent_interval: 2.5 % and 97.5 % of b over the resamplings, widened to hold that of the reported sizes:
            these are upper ends of what the search left open, and their exponent may lie beyond most resamplings.
        preferred: `power`, `logarithm`, or `undecided`: which fits log w better in at least 90 % of the resamplings;
            `constant` where all sizes are equal. Undecided where N spans too little: over a short stretch a logarithm
            with a negative offset is as good as a line.
        note: what limits the fit; empty where nothing does.
    """

    power: tuple[float, float] | None
    logarithm: tuple[float, float] | None
    exponent_interval: tuple[float, float] | None
    preferred: str
    note: str


@dataclass(frozen=True)
class Found:
    """What is known of the size at one N.

    Attributes:
        length: N.
        size: that is reported; where `side` is not 0, only known to lie at or beyond what is sought.
        side: 1 where what is sought is at least `size`, -1 where it is at most, 0 where it is known from both sides.
        seeds: where the size of each seed lies, those first that learned at the hardest value; the reported size is
            that of the first seed by which most have learned.
    """

    length: int
    size: float
    side: int
    seeds: tuple[Interval, ...]


@dataclass(frozen=True)
class _Sizes:
    """Rows of sizes, one at each length, and the side from which each is known (see `Found.side`)."""

    values: Array
    sides: Array


def exactly(length: int, *sizes: float) -> Found:
    """A size at N that is known without error, by each of some seeds.

    >>> exactly(8, 3.0).seeds
    ((3.0, 3.0),)
    """
    ordered = sorted(sizes)
    return Found(length, ordered[len(ordered) // 2], 0, tuple((size, size) for size in ordered))


def fit_growth(found: list[Found], *, seed: int = 0) -> Growth:
    """Fit both laws to the reported sizes, and judge them by resampling.

    A resampling draws the seeds at each length anew, takes the one by which most have learned, and moves its size to a
    random place within its interval. So the exponent's interval and the preferred law cover the differences between
    seeds and the coarseness of the sizes that were tried; not the lengths beyond. A size that is known from one side
    only, such as "> 64", counts against a law that lies on its other side, by the distance, and for no law.

    Args:
        found: ascending in N.
        seed: of the resampling.

    >>> growth = fit_growth([exactly(n, n) for n in (8, 16, 32, 64)])
    >>> growth.preferred, round(growth.power[1], 3)
    ('power', 1.0)
    >>> fit_growth([exactly(n, n) for n in (8, 16, 32)]).note
    'too few points (3) to fit a growth law; 4 are needed'
    """
    known = sum(point.side == 0 for point in found)
    if len(found) < LEAST_POINTS or known < LEAST_KNOWN:
        few = f"too few points ({len(found)}) to fit a growth law; {LEAST_POINTS} are needed"
        open_ones = f"only {known} points are known from both sides; a growth law needs {LEAST_KNOWN}"
        return Growth(None, None, None, "undecided", few if len(found) < LEAST_POINTS else open_ones)
    log_lengths = np.log([float(point.length) for point in found])
    reported = _Sizes(np.array([[point.size for point in found]]), np.array([[float(p.side) for p in found]]))
    power, logarithm = _fit_power(log_lengths, reported), _fit_logarithm(log_lengths, reported)

    resampled = _resampled(found, np.random.default_rng(seed))
    powers, logarithms = _fit_power(log_lengths, resampled), _fit_logarithm(log_lengths, resampled)
    by_power = powers[:, :1] + powers[:, 1:] * log_lengths
    by_logarithm = np.log(np.maximum(logarithms[:, :1] + logarithms[:, 1:] * log_lengths, 1e-9))
    less = _misfit(by_logarithm, resampled) - _misfit(by_power, resampled)
    shares = {"power": (less > _TIE).mean(), "logarithm": (less < -_TIE).mean()}
    preferred = next((law for law, share in shares.items() if share >= _CLEAR), "undecided")
    span = max(point.length for point in found) / min(point.length for point in found)
    note = ""
    if span < LEAST_SPAN:
        preferred = "undecided"
        note = f"its values span a factor of {span:.2g}; laws are told apart from {LEAST_SPAN:g} on"
    if known == len(found) and len({point.size for point in found}) == 1:
        preferred, note = "constant", ""
    low, high = np.quantile(powers[:, 1], [0.025, 0.975])
    return Growth(
        power=(float(np.exp(power[0, 0])), float(power[0, 1])),
        logarithm=(float(logarithm[0, 0]), float(logarithm[0, 1])),
        exponent_interval=(min(float(low), float(power[0, 1])), max(float(high), float(power[0, 1]))),
        preferred=preferred,
        note=note,
    )


def _resampled(found: list[Found], generator: np.random.Generator) -> _Sizes:
    """RESAMPLES rows of sizes."""
    columns = []
    for point in found:
        seeds = len(point.seeds)
        drawn = np.sort(generator.integers(seeds, size=(RESAMPLES, seeds)), axis=1)[:, seeds // 2]
        ends = np.array([(low, np.inf if high is None else high) for low, high in point.seeds])[drawn]
        sides = np.where(np.isinf(ends[:, 1]), 1.0, np.where(ends[:, 0] == 0, -1.0, 0.0))
        low = np.where(sides == -1, ends[:, 1], ends[:, 0])
        high = np.where(sides == 1, ends[:, 0], ends[:, 1])
        columns.append((low * (high / low) ** generator.random(RESAMPLES), sides))
    values, sides = zip(*columns, strict=True)
    return _Sizes(np.stack(values, axis=1), np.stack(sides, axis=1))


def _fit_power(log_lengths: Array, sizes: _Sizes) -> Array:
    """Rows (ln a, b) for rows of sizes: a straight line through log w."""
    design = np.stack([np.ones_like(log_lengths), log_lengths], axis=1)
    return _one_sided(np.broadcast_to(design, (*sizes.values.shape, 2)), np.log(sizes.values), sizes.sides)


def _fit_logarithm(log_lengths: Array, sizes: _Sizes) -> Array:
    """Rows (a, b) for rows of sizes: a + b ln N over w is to be 1."""
    design = np.stack([np.ones_like(log_lengths), log_lengths], axis=1) / sizes.values[..., None]
    return _one_sided(design, np.ones_like(sizes.values), sizes.sides)


def _one_sided(design: Array, target: Array, sides: Array) -> Array:
    """Least squares (rows, 2), in which a point with a side counts where the law is on the other side of its target.

    Args:
        design: (rows, points, 2).
        target: (rows, points).
        sides: of the targets, 0 for one that counts in any case.
    """
    law, counts = np.zeros((len(target), 2)), np.ones_like(target)
    for done in range(_ROUNDS):
        weighted = design * counts[..., None]
        missing = target - (design @ law[..., None])[..., 0]
        normal = weighted.transpose(0, 2, 1) @ design + _DAMPING * np.eye(2)
        law = law + np.linalg.solve(normal, (weighted.transpose(0, 2, 1) @ missing[..., None]))[..., 0]
        missing = target - (design @ law[..., None])[..., 0]
        counted, counts = counts, ((sides == 0) | (sides * missing > 0)).astype(float)
        if done and np.array_equal(counted, counts):  # a second time, as damping makes the first one inexact
            break
    return law


def _misfit(log_law: Array, sizes: _Sizes) -> Array:
    """Sum of squares of log w that a law misses, for each row."""
    missing = np.log(sizes.values) - log_law
    return np.square(np.where((sizes.sides == 0) | (sizes.sides * missing > 0), missing, 0.0)).sum(axis=1)
