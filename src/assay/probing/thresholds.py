"""Which sets of keys a query can average or separate when the keys are generic: thresholds and exact probabilities.

Keys k_1 ... k_N in R^d, S a set of q positions. S *exists* (is a face) if some query w has <w, k_i> = c on S and
<w, k_j> < c elsewhere; w *separates* S if all its scores on S are larger than all others. Neither changes if the keys
are moved by an invertible affine map, so keys from any Gaussian distribution with a non-singular covariance behave as
independent standard normal ones do, and this module needs d, N and q only.

The centred scores of all queries form a uniformly random d-dimensional subspace of {y : sum y = 0} = R^(N-1). By
Gordan's alternative S fails if and only if the orthogonal complement of that subspace, of dimension N - 1 - d, meets
a cone T in more than the origin:

    exists:     T = {y : sum y = 0, y_j >= 0 off S}                   the tangent cone of the simplex at its face S
    separates:  T = {y : sum y = 0, y_j >= 0 off S, y_i <= 0 on S}

and by the conic kinematic formula (Affentranger and Schneider 1992, Random projections of regular simplices; Amelunxen,
Lotz, McCoy and Tropp 2014, Living on the edge; that Gaussian keys are a uniform projection of the simplex: Baryshnikov
and Vitale 1994, Regular simplices and Gaussian samples) this has probability

    2 (v_{d+1} + v_{d+3} + v_{d+5} + ...),                  v_k the intrinsic volumes of T.            (1)

The v_k are the distribution of the dimension V of the face of T on which the projection of a standard normal vector g
onto T lies. That projection is y_j = max(g_j - c, 0) off S, and y_i = g_i - c or min(g_i - c, 0) on S, where c makes
the sum zero. With a active elements of S (all q of them, or those below c) and b active elements off S (those above
c), V = a + b - 1; or 0 if none is active. As the mean of the n = a + b active elements is independent of their
deviations from it,

    P(a, b) = C(q, a) C(N-q, b) * external * internal,

which `assay.probing.volumes` computes. No random numbers are used.

For large N the law of V is concentrated at its mean, and (1) falls from 1 to 0 where d passes it: see `face_dimension`.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from assay.errors import require, require_integer
from assay.probing.volumes import Property, log_tail

LONGEST = 2**53  # float64 holds every N up to it

_EDGE = 12.0  # |t| of every optimum is below it, for shares q/N down to 1e-30


def face_dimension(length: int, size: float) -> float:
    """The statistical dimension for exists: the width from which a query can average most sets, for generic keys.

    N min over t of [rho (1 + t^2) + (1 - rho) E max(Z - t, 0)^2] with rho = q/N and Z standard normal: the statistical
    dimension of the descent cone of the l1 norm at a non-negative q-sparse vector (Amelunxen, Lotz, McCoy, Tropp 2014;
    the threshold is the weak one of Donoho and Tanner 2009). At the optimum rho t = (1 - rho) E max(Z - t, 0), so that
    its value is q + (N - q) P(Z > t): the mean number of active elements.
    Asymptotic, N and q growing in proportion; the transition has width O(sqrt N) in d. `face_probability` is exact.

    Never more than N - 1, with which every set of N affinely independent keys exists; 0 for q = N, as no position is
    left out. One root in one unknown, well below a millisecond at any N.

    Args:
        length: N, the number of keys.
        size: q in (0, N], not necessarily an integer.

    Raises:
        AssayError: length below 1, or size outside (0, N].

    >>> round(face_dimension(256, 8), 1), face_dimension(256, 256), face_dimension(1, 1)
    (30.8, 0.0, 0.0)
    """
    return _dimension(length, size, "exists")


def separation_dimension(length: int, size: float) -> float:
    """The statistical dimension for separates: the width from which most sets can be separated, for generic keys.

    N min over t of [rho E max(Z + t, 0)^2 + (1 - rho) E max(Z - t, 0)^2] = q P(Z < t) + (N - q) P(Z > t) at the
    optimum; N/2 for q = N/2, as in Cover's theorem (1965). Conventions, errors and cost as for `face_dimension`.

    >>> round(separation_dimension(256, 8), 1), separation_dimension(256, 128)
    (30.5, 128.0)
    """
    return _dimension(length, size, "separates")


def face_threshold(width: int, length: int) -> float:
    """The q, a real number, at which `face_dimension` is the width: about half of the sets of this size exist.

    N if the width is at least N - 1. Below 1 if the width is too small for most single positions. One root, below a
    millisecond at any N.

    Raises:
        AssayError: width or length below 1.

    >>> round(face_threshold(64, 512), 1), face_threshold(7, 8), round(face_threshold(64, 32768), 1)
    (16.9, 8.0, 5.8)
    """
    _check(width, length)
    if width >= length - 1:
        return float(length)

    def share(t: float) -> float:
        """The share rho of which t is the optimum."""
        return _excess(t) / (_excess(t) + t)

    def gap(t: float) -> float:
        return length * _active(share(t), t, "exists") - width

    return length * share(float(brentq(gap, 0.0, _EDGE, xtol=1e-14)))


def face_probability(width: int, length: int, size: int) -> float:
    """The probability that a given set of q among N Gaussian keys in R^d is one that a query can average.

    By formula (1) of the module, exact up to rounding; no draws. The same for every set of q positions, and the
    expected share of all of them. 1 if d >= N - 1 or q = N, else 0 if q > d. Milliseconds, at any N.

    Args:
        width: d, the rank of the keys' covariance.
        length: N, the number of keys.
        size: q, the number of positions of the set.

    Raises:
        AssayError: an argument that is not an integer, or size outside 1 ... N.

    With one coordinate only the two ends are faces, each of N positions with probability 2/N:

    >>> round(face_probability(1, 50, 1), 10), round(face_probability(64, 512, 16), 3)
    (0.04, 0.669)
    """
    _check(width, length)
    require_integer("size", size, 1, length, "length")
    if width >= length - 1 or size == length:
        return 1.0
    if size > width:
        return 0.0
    above = width >= face_dimension(length, size)  # the shorter sum is the more precise one
    tail = 2 * math.exp(log_tail(width, length, size, "exists", above=above))
    return float(np.clip(1 - tail if above else tail, 0.0, 1.0))


def _check(width: int, length: int) -> None:
    require_integer("width", width, 1, None)
    _check_length(length)


def _check_length(length: int) -> None:
    require_integer("length", length, 1, LONGEST, "2^53")


def _density(t: float) -> float:
    return float(np.exp(-t * t / 2) / np.sqrt(2 * np.pi))


def _excess(t: float) -> float:
    """E max(Z - t, 0)."""
    return _density(t) - t * float(ndtr(-t))


def _optimum(share: float, asked: Property) -> float:
    """The t that minimises the mean squared distance to the cone, for a share rho = q/N in (0, 1)."""

    def slope(t: float) -> float:
        return share * (t if asked == "exists" else _excess(-t)) - (1 - share) * _excess(t)

    return float(brentq(slope, -_EDGE, _EDGE, xtol=1e-14))


def _active(share: float, t: float, asked: Property) -> float:
    """The share of active elements at t, which at the optimum is the statistical dimension over N."""
    return share * (1.0 if asked == "exists" else float(ndtr(t))) + (1 - share) * float(ndtr(-t))


def _dimension(length: int, size: float, asked: Property) -> float:
    _check_length(length)
    require(0 < size <= length, "size", size, f"above 0 and at most length = {length}")
    if size == length:
        return 0.0
    share = size / length
    return min(length * _active(share, _optimum(share, asked), asked), length - 1.0)
