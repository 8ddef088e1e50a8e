"""The norm a query needs to average a set of positions, predicted for keys drawn from a Gaussian distribution.

Keys k_j = mean + Sigma^(1/2) z_j, j = 1 ... N, z_j standard normal in R^d; scores scale * <w, k_j>. The needed norm of
a set S of q positions is the least |w| with equal scores on S and a share `mass` of the softmax on S. The mean adds
the same number to all scores, so only the eigenvalues sigma_i of Sigma matter. Put v = scale Sigma^(1/2) w, Z the
matrix with rows z_j, s_i = scale^2 sigma_i and kappa = (1 - mass) / mass. Then the needed norm is the least

    |w|^2 = sum_i v_i^2 / s_i    with  Z v in X = {x : x_i = c on S, sum off S of e^(x_j - c) <= q kappa, c free}.

X is convex, so Gordon's comparison applies (Thrampoulidis, Oymak and Hassibi 2015, Regularized linear regression: a
precise analysis of the estimation error: the convex Gaussian min-max theorem): Z v in X for some v of length
r behaves as  <h, v> >= D(r) = distance of r g from X,  with g in R^N and h in R^d independent standard normal.

*The distance.* With multipliers, D(r)^2 = max over eta, min over c, x of
sum_S (r g_i - c)^2 + sum off S of [(r g_j - x_j)^2 + 2 e^(eta + x_j - c)] - 2 e^eta q kappa. The inner minimum is
x_j = r g_j - omega_j, where omega_j = omega(r g_j + L), L = eta - c, and omega(u) + log omega(u) = u is Wright's
function (Lambert's W of e^u, without its overflow). With A = (N - q) E omega(r Z + L) stationarity in c and eta says
c = A / q and A = e^eta q kappa, hence one equation for L, whose left side increases:

    L + A / q + log(q kappa) - log A = 0,       D0^2 = q (r^2 + c^2) + (N - q) E omega(r Z + L)^2.       (1)

That is the saddle value of the mean. The mean of the saddle value is, to second order, lower by 1/2 tr(H^-1 C), H the
Hessian in (c, eta) and C the covariance of the gradient there: with B = (N - q) E omega', V = (N - q) Var omega

    D^2 = D0^2 - ((A - B) q r^2 + (A - q) V) / (q (A - B) + A B),                                         (2)

about r^2 less: one degree of freedom for c. Without (2) predictions at (N, d) = (64, 16) are 1 to 13 % larger, at
(256, 32) with q = 8, near the limit of existence, 40 %.

*The direction.* The least sum v_i^2 / s_i with <h, v> >= D and |v| <= r has v_i proportional to h_i a_i,
a_i = s_i / (1 + mu s_i), mu >= 0; with h_i^2 replaced by its mean 1,

    sum a_i / sqrt(sum a_i^2) = D / r,       |w|^2 = r^2 sum (a_i^2 / s_i) / sum a_i^2,                   (3)

or mu = 0 and |w|^2 = D^2 / sum s_i where already that is short enough. (|v| <= r serves for |v| = r: D0 is convex and
even in r, so it does not fall. Hence |w| is convex in r, and has one minimum.) The left side of (3) is at most sqrt(d),
d the number of positive eigenvalues. As r grows, D0^2 / r^2 approaches `assay.probing.thresholds.face_dimension`, and
D^2 / r^2 a number less than one below it, so that a norm is predicted for large r where most sets exist. With
q kappa > 1 one may be predicted for small r only: the mass does not need a strict face.

This is a heuristic for finite sizes: the theorem is about N and d to infinity, the true D, h and a_i are random, and
nothing bounds the error. Measured errors: see `predicted_norm`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import wrightomega

from assay.errors import require, require_integer

_Z = np.arange(-8.0, 8.0 + 1e-9, 0.08)  # the trapezoidal rule for expectations over Z
_WEIGHTS = np.exp(-(_Z**2) / 2) / np.exp(-(_Z**2) / 2).sum()
_STEPS = 100  # some 10 are enough
_SPREADS = np.geomspace(0.02, 1e4, 40)  # values of r among which the best is bracketed
_REFINED = 3  # times that the bracket is divided again: to 0.1 % of r
_ROUNDING = 1e-12  # such that q = mass N counts as enough
_NEGLIGIBLE = 1e-12  # eigenvalues below this share of the largest are those of a singular covariance


def predicted_norm(spectrum: NDArray[np.floating], length: int, size: int, *, mass: float = 0.9, scale: float) -> float:
    """The norm that a query needs to average q of N Gaussian keys with this covariance: a prediction of its median.

    Measured against the convex program solved for 80 to 240 draws each at (N, d) = (64, 16), (256, 32), (256, 64),
    q = 1, 2, 4, 8, spectra flat, geometric over two decades and 1/i^2: within 9 % of the median in all 33 cases where
    the prediction is finite, within 4 % in 27. Poor for a handful of keys (48 % too large at N = 2, d = 1), and off by
    factors for spectra over many decades or far from full rank near the largest q that exists.
    Some 10 ms at d = 64 for any N, and growing as d above that.

    Args:
        spectrum: the eigenvalues of the keys' covariance, shape (d,), none negative; zeros are allowed.
        length: N, the number of keys.
        size: q, from 1 to N.
        mass: the share of the softmax that the q positions get together, in (0, 1).
        scale: that scores are multiplied by, positive.

    Returns:
        The norm; 0 where equal scores everywhere give the mass already (q >= mass N); infinity where no query is
        predicted, or only with a standard deviation of scores above 10^4.

    Raises:
        AssayError: an argument that is not allowed.

    >>> flat = np.ones(32)
    >>> [round(predicted_norm(flat, 256, q, scale=32**-0.5), 1) for q in (1, 4, 16)]
    [9.0, 24.9, inf]
    """
    spectrum = np.asarray(spectrum, dtype=np.float64)
    require(spectrum.ndim == 1 and spectrum.size > 0, "shape of spectrum", spectrum.shape, "(d,) with d from 1 up")
    fits = bool(np.isfinite(spectrum).all() and (spectrum >= 0).all())
    require(fits, "spectrum", spectrum.min(), "finite numbers from 0 up")
    require_integer("length", length, 1, None)
    require_integer("size", size, 1, length, "length")
    require(0 < mass < 1, "mass", mass, "above 0 and below 1")
    require(0 < scale < np.inf, "scale", scale, "a positive number")
    allowed = size * (1 - mass) / mass
    variances = scale**2 * spectrum[spectrum > _NEGLIGIBLE * spectrum.max()]
    if length - size <= allowed * (1 + _ROUNDING):
        return 0.0
    if not variances.size:
        return float("inf")
    spreads = _SPREADS
    for _ in range(_REFINED + 1):
        norms = _norms(spreads, _distances(spreads, length, size, allowed), variances)
        best = int(np.argmin(norms))
        spreads = np.geomspace(spreads[max(best - 1, 0)], spreads[min(best + 1, len(spreads) - 1)], 15)
    return float(norms[best])


def _distances(spreads: NDArray[np.float64], length: int, size: int, allowed: float) -> NDArray[np.float64]:
    """D(r) of equations (1) and (2) for each r, shape as `spreads`."""
    others = length - size
    scores = spreads[:, None] * _Z
    # The root's bracket: A/q - log A >= 1 - log q on the right; on the left omega(u) is between e^(u - e^u) and e^u,
    # and all u are at most -depth.
    depth = max(1.0, np.log((others / size + 1) / np.log(others / allowed)))
    low = -_Z[-1] * spreads - depth
    high = shift = np.full_like(spreads, np.log(size / allowed) - 1)
    for _ in range(_STEPS):  # Newton's method, and bisection where it would leave the bracket
        omega = wrightomega(scores + shift[:, None])
        total = others * omega @ _WEIGHTS
        slope = others * (omega / (1 + omega)) @ _WEIGHTS
        value = shift + total / size + np.log(allowed / total)
        low, high = np.where(value < 0, shift, low), np.where(value < 0, high, shift)
        step = shift - value / (1 + slope / size - slope / total)
        new = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        if np.all(np.abs(new - shift) <= 1e-8 * (1 + np.abs(shift))):
            break
        shift = new
    squares = others * omega**2 @ _WEIGHTS
    variance = squares - total**2 / others
    mean = size * (spreads**2 + (total / size) ** 2) + squares
    fitted = (total - slope) * size * spreads**2 + (total - size) * variance
    return np.sqrt(np.maximum(mean - fitted / (size * (total - slope) + total * slope), 0.0))


def _norms(
    spreads: NDArray[np.float64], distances: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The |w| of equation (3) for each r; infinity where no direction is close enough."""
    ratios = distances / spreads

    def direction(log_mu: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The left side of (3), and |w| / r."""
        shrink = 1 / (1 + np.exp(log_mu)[:, None] * variances)
        squares = ((variances * shrink) ** 2).sum(axis=1)
        return (variances * shrink).sum(axis=1) / np.sqrt(squares), np.sqrt(
            (variances * shrink**2).sum(axis=1) / squares
        )

    low = np.full_like(ratios, -np.log(variances.max()) - 14.0)
    high = np.full_like(ratios, -np.log(variances.min()) + 14.0)
    free = direction(low)[0] >= ratios
    impossible = direction(high)[0] <= ratios
    for _ in range(40):
        middle = (low + high) / 2
        short = direction(middle)[0] < ratios
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    found = np.where(free, distances / np.sqrt(variances.sum()), spreads * direction(high)[1])
    return np.where(impossible, np.inf, found)
