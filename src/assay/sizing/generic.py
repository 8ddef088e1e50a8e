"""What a head with generic keys does, in closed forms: the norm that a query needs, and what rounding the keys costs.

Generic keys are N independent draws from the standard normal distribution in R^d; scores are <w, k> / sqrt(d). The norm
of a query is counted as n = |w| / sqrt(d): that is the standard deviation of its scores over the keys. For keys of any
other variance, the same in all coordinates, it is n = |w| |k| / d, |k| the root mean square length of the keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp, ndtri, wrightomega

from assay.probing.reach import MASS
from assay.probing.thresholds import face_dimension, face_probability
from assay.sizing.caches import Cache

ALLOWED_ERROR = 0.4  # of an average of values in [-1, 1]: twice what 90 % of the softmax on the set allows
LARGEST_NORM = 1000.0  # a standard deviation of scores above it is not looked for
WIDEST = 1 << 20
LONGEST = 1 << 20  # keys: the exact probability takes a third of a second there
MOST = 0.5  # share of the sets that "most sets" stands for

Floats = NDArray[np.float64]

_KAPPA = (1 - MASS) / MASS
_Z = np.arange(-8.0, 8.0 + 1e-9, 0.1)  # the trapezoidal rule for expectations over a standard normal Z
_WEIGHTS = np.exp(-(_Z**2) / 2) / np.exp(-(_Z**2) / 2).sum()
_GROWTH = 1.3  # between the norms among which the first that does is bracketed
_NEWTON = 60
_MOST_NODES = 4096
_ROUNDING = 1e-12
_PEAK_ABOVE = 0.15  # share of the keys below which the needed norm grows with the size of the set
_WIDE = 3.0  # dimensions below the threshold within which the probability is computed


def needs_nothing(keys: int, average: int) -> bool:
    """Whether equal scores everywhere put the wanted mass on the set already: q >= 0.9 N."""
    return keys - average <= average * _KAPPA * (1 + _ROUNDING)


def most_sets_exist(width: int, keys: int, average: int) -> bool:
    """Whether at least half of all sets of q exist (`assay.probing.thresholds`), for generic keys.

    Exact where it is near: at d >= `face_dimension` it always is so, and never at 3 below it; a test says over what.

    >>> most_sets_exist(64, 4096, 8), most_sets_exist(64, 4096, 9)
    (True, False)
    """
    if width >= keys - 1 or average == keys:
        return True
    threshold = face_dimension(keys, average)
    if not threshold - _WIDE < width < threshold or average > width:
        return width >= threshold and average <= width
    return face_probability(width, keys, average) >= MOST


@dataclass(frozen=True)
class Solved:
    """The least query of a generic set, as the convex Gaussian min-max theorem has it (`probing.gaussian_norm`).

    Attributes:
        norm: n; infinity where none up to LARGEST_NORM does.
        below: scores off the set less that of the set, at the nodes of the quadrature over their law; empty where there
            is nothing to solve.
    """

    norm: float
    below: tuple[float, ...] = ()


@lru_cache(maxsize=1 << 14)
def solve(width: int, keys: int, average: int) -> Solved:
    """The least norm n with which a query averages a set of q of N generic keys, with 90 % of the softmax on it.

    For keys of one variance, equation (3) of `assay.probing.gaussian_norm` says that n is the least standard deviation
    r of scores with D(r) <= r sqrt(d): one equation in one unknown. It is a prediction of the median over sets; that
    module says how it was measured. About 2 ms.

    >>> round(solve(64, 4096, 2).norm, 2), solve(64, 4096, 16).norm
    (2.17, inf)
    """
    if needs_nothing(keys, average):
        return Solved(0.0)
    if width < keys - 1 and (average > width or face_dimension(keys, average) - _WIDE >= width):
        return Solved(math.inf)  # no strict face, so no query of any length

    def excess(log_norm: float) -> float:
        return _distance(math.exp(log_norm), keys, average)[0] - width

    low = math.log(max(0.3 * norm_of_any_keys(width, keys, average), 1e-6))
    step, end = math.log(_GROWTH), math.log(LARGEST_NORM)
    if excess(low) <= 0:
        return _solved(math.exp(low), keys, average)
    while low < end:
        high = low + step
        if excess(high) <= 0:
            return _solved(math.exp(float(brentq(excess, low, high, xtol=1e-9))), keys, average)
        low, step = high, step * 1.2
    return Solved(math.inf)


def norm_of_any_keys(width: int, keys: int, average: int) -> float:
    """The least n at which all sets can be averaged, whatever the keys: a theorem; its root half for half of the sets.

    Let s be the root mean square distance of the keys from their mean, and n = scale |w| s / sqrt(d). With equal scores
    on S, the scores off S have their mean at most ln(9 (N - q) / q) ... below: by Jensen's inequality the softmax has

        mass / (1 - mass) <= q / (N - q) exp(scale <w, mean of S - mean off S>),

    so 90 % of it needs scale |w| |mean of S - mean off S| >= ln(9 (N - q) / q). Over all sets of q the mean square of
    that distance is s^2 N^2 / (q (N - 1) (N - q)), for any keys. So not all sets have queries unless

        n >= ln(9 (N - q) / q) sqrt(q (N - 1) (N - q) / (N^2 d)),

    and, by Markov's inequality, not half of them unless n is at least that over sqrt(2). The vertices of a simplex
    attain it (d = N - 1).

    >>> round(norm_of_any_keys(64, 4096, 8), 2)
    2.98
    """
    if needs_nothing(keys, average):
        return 0.0
    others = keys - average
    return math.log(others / (average * _KAPPA)) * math.sqrt(average * (keys - 1) * others / width) / keys


def hardest_size(width: int, keys: int, average: int) -> int:
    """The size up to q whose sets need the longest query: q itself, until the needed norm falls again, near N / 5.

    Half of the keys are averaged by a shorter query than a fifth of them. A head that averages up to q positions meets
    the sizes below as well, so for q up to N / 2 the hardest of them is what is asked for. Beyond N / 2 it is q itself.

    >>> hardest_size(64, 64, 8), hardest_size(64, 64, 32), hardest_size(64, 64, 50)
    (8, 24, 50)
    """
    if average <= _PEAK_ABOVE * keys or 2 * average > keys:
        return average
    return min(average, _peak(width, keys))


@lru_cache(maxsize=1 << 14)
def _peak(width: int, keys: int) -> int:
    """The first size up to N / 2 that the next one is no harder than."""
    low, high = max(1, math.floor(_PEAK_ABOVE * keys)), max(1, keys // 2)
    while low < high:
        middle = (low + high) // 2
        following = solve(width, keys, middle + 1).norm
        grows = not math.isfinite(following) or following > solve(width, keys, middle).norm
        low, high = (middle + 1, high) if grows else (low, middle)
    return low


@dataclass(frozen=True)
class Rounded:
    """What is left of an average when the keys are rounded and the query is not.

    Attributes:
        mass: share of the softmax on the set.
        error: of the average of values in [-1, 1], at worst: the l1 distance of the softmax from uniform weights.
    """

    mass: float
    error: float


def rounded_average(width: int, keys: int, average: int, cache: Cache) -> Rounded:
    """A prediction of `assay.sizing.simulated`, for the median set: closed forms, no draws.

    A rounded key is beta k and an error that is not correlated with it. So scores shrink by beta and get independent
    errors of standard deviation tau = n sqrt(v), (beta, v) those of `Cache.noise`. On the set the errors are taken at
    the q mid-quantiles of a normal distribution. Off the set the law of the scores at the optimum is known; their
    exponentials have shares p of their sum, and it grows as that of 1 / sum p^2 equal ones would.

    >>> from assay.sizing.caches import make_cache
    >>> [round(rounded_average(64, 4096, 2, make_cache(bits=bits)).mass, 2) for bits in (2, 4, 8)]
    [0.65, 0.9, 0.9]
    """
    solved = solve(width, keys, average)
    if solved.norm == 0 or average == keys:
        mass = average / keys
        return Rounded(mass, 2 * (1 - mass))
    if not math.isfinite(solved.norm):
        return Rounded(average / keys, 2 * (1 - average / keys))
    beta, variance = cache.noise(width)
    tau = solved.norm * math.sqrt(variance)
    logs = beta * np.array(solved.below) + math.log(keys - average)
    total = logsumexp(logs, b=_WEIGHTS)
    shares = logsumexp(2 * logs, b=_WEIGHTS) - math.log(keys - average) - 2 * total  # log of the sum of squared shares
    off = total + _typical_growth(tau, min(max(math.exp(-shares), 1.0), _MOST_NODES))
    on = tau * _mid_quantiles(min(average, _MOST_NODES))
    on = on + math.log(average / len(on))
    peak = max(off, on.max())
    weights, rest = np.exp(on - peak), float(np.exp(off - peak))
    total = weights.sum() + rest
    error = np.abs(weights / total - 1 / len(on)).sum() + rest / total
    return Rounded(float(weights.sum() / total), float(error))


def _typical_growth(tau: float, count: float) -> float:
    """The logarithm by which a sum of `count` equal terms grows, typically, if each gets a factor e^(tau Z).

    At the mid-quantiles of Z; tau^2 / 2 for very many, 0 for one. Linear between whole counts.
    """
    fewer = math.floor(count)
    low, high = (float(logsumexp(tau * _mid_quantiles(number))) - math.log(number) for number in (fewer, fewer + 1))
    return low + (count - fewer) * (high - low)


def _mid_quantiles(count: int) -> Floats:
    return np.asarray(ndtri((np.arange(count) + 0.5) / count))


def serves_most(width: int, keys: int, average: int, cache: Cache, norm: float = math.inf) -> bool:
    """Whether generic keys in this cache serve most sets of up to q, with queries of at most this norm.

    Three conditions, each for the hardest size up to q where q <= N / 2: at least half of the sets exist, the norm that
    the median set needs is allowed, and rounding leaves the average an error of at most ALLOWED_ERROR. Keys may leave
    coordinates of the head at 0 (`used_width`).
    """
    if needs_nothing(keys, average):
        return True
    used = used_width(width, keys, average, cache)
    if used is None:
        return False
    needed = solve(used, keys, hardest_size(used, keys, average)).norm
    return needed <= min(norm, LARGEST_NORM) and most_sets_exist(used, keys, average)


@lru_cache(maxsize=1 << 12)
def used_width(width: int, keys: int, average: int, cache: Cache) -> int | None:
    """The most coordinates, up to the width, that keys can use so that rounding leaves an error that is allowed.

    All of them, but for few bits: the more coordinates, the larger is the largest of them, and with it the step of all.
    At 2 bits errors fall with the width at first and then grow, at 3 bits from some 10,000 coordinates on.
    None where no number of coordinates leaves the error small enough.

    >>> from assay.sizing.caches import make_cache
    >>> [used_width(width, 127, 1, make_cache(bits=2)) for width in (16, 24, 64, 128)]
    [None, 24, 40, 40]
    """

    if _error(width, keys, average, cache) <= ALLOWED_ERROR:
        return width
    if width == 1 or cache.block or not math.isfinite(solve(width, keys, average).norm):
        return None
    if _error(width, keys, average, cache) < _error(width - 1, keys, average, cache):
        return None  # fewer coordinates would err more
    low, high = _best_width(keys, average, cache), width
    if low > width or _error(low, keys, average, cache) > ALLOWED_ERROR:
        return None
    while high - low > 1:  # the last up to which errors are allowed
        middle = (low + high) // 2
        low, high = (middle, high) if _error(middle, keys, average, cache) <= ALLOWED_ERROR else (low, middle)
    return low


@lru_cache(maxsize=1 << 12)
def _best_width(keys: int, average: int, cache: Cache) -> int:
    """The width with the least error after rounding: the first from which on errors grow."""
    low, high = 1, WIDEST
    while low < high:
        middle = (low + high) // 2
        falls = not math.isfinite(solve(middle, keys, average).norm) or (
            _error(middle + 1, keys, average, cache) < _error(middle, keys, average, cache)
        )
        low, high = (middle + 1, high) if falls else (low, middle)
    return low


@lru_cache(maxsize=1 << 14)
def _error(width: int, keys: int, average: int, cache: Cache) -> float:
    """After rounding, of the hardest size up to q."""
    return rounded_average(width, keys, hardest_size(width, keys, average), cache).error


def _distance(spread: float, keys: int, average: int) -> tuple[float, Floats]:
    """D(r)^2 / r^2 by equations (1) and (2) of `assay.probing.gaussian_norm`, and scores off the set less that on it.

    The scores are log omega - eta, as the omegas are the parts of a sum of exponentials that eta multiplies.
    """
    others, allowed = keys - average, average * _KAPPA
    scores = spread * _Z
    depth = max(1.0, math.log((others / average + 1) / math.log(others / allowed)))
    low, high = -_Z[-1] * spread - depth, math.log(average / allowed) - 1
    shift = min(high, max(low, math.log(allowed / others) - spread**2 / 2)) if spread < 2 else high
    for _ in range(_NEWTON):
        omega = wrightomega(scores + shift)
        total = others * float(omega @ _WEIGHTS)
        slope = others * float((omega / (1 + omega)) @ _WEIGHTS)
        value = shift + total / average + math.log(allowed / total)
        low, high = (shift, high) if value < 0 else (low, shift)
        step = shift - value / (1 + slope / average - slope / total)
        new = step if low <= step <= high else (low + high) / 2
        if abs(new - shift) <= 1e-9 * (1 + abs(shift)):
            break
        shift = new
    squares = others * float(omega**2 @ _WEIGHTS)
    variance = squares - total**2 / others
    mean = average * (spread**2 + (total / average) ** 2) + squares
    fitted = (total - slope) * average * spread**2 + (total - average) * variance
    square = mean - fitted / (average * (total - slope) + total * slope)
    return max(square, 0.0) / spread**2, scores + shift - omega - math.log(total / allowed)


def _solved(norm: float, keys: int, average: int) -> Solved:
    return Solved(norm, tuple(_distance(norm, keys, average)[1].tolist()))
