"""Intrinsic volumes of the two cones of `assay.probing.thresholds`, in logarithms: right wherever they lie.

v_j is the sum over a + b = j + 1 of

    P(a, b) = C(q, a) C(N-q, b) * external * internal,       n = a + b,
    external = integral of  Q(c)^(q-a) Phi(c)^(N-q-b) sqrt(n / 2 pi) e^(-n c^2 / 2)  over real c
    internal = sqrt(n / 2 pi) * integral of  F(w)^a G(w)^b  over real y, w = s + i y, for any real s

with Q = 1 - Phi, G(w) = E[e^(-w Z); Z > 0] = e^(w^2 / 2) Q(w) and, for exists (where a = q), F(w) = E e^(-w Z) =
e^(w^2 / 2), for separates F(w) = G(-w): the density at 0 of a sum of independent terms, by its characteristic function.
The product of the two is what Affentranger and Schneider call C(N-q, b) times an internal and an external angle.

Every pair (a, b) has contours of its own, through the saddle points of its integrands, which have one peak there; by
the trapezoidal rule, which converges geometrically. So ln P is right to about 1e-11 in the far tail, too, and N may be
up to 2^53.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, gammaln, log_ndtr, logsumexp, wofz

Property = Literal["exists", "separates"]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_BLOCK = 16  # volumes computed at once, for small sets
_FALL = 32.0  # what is smaller than the largest term by e^-32 is left out
_SPACING = 0.4  # of nodes of the integral over c, in standard deviations at its peak
_STEP = 0.1  # of the integral over y, after y = width sinh(u)
_FEW = 40  # counts of active members of S that are all tried
_ASIDE = 4  # counts by which the width of the bell of terms is judged
_LARGE = 10**5  # totals from which log-gamma loses digits


def log_tail(width: int, length: int, size: int, asked: Property, *, above: bool) -> float:
    """ln of v_{d+1} + v_{d+3} + ... or, not above, of v_{d-1} + v_{d-3} + ...: half the probabilities of no and yes.

    d < N - 1 and q < N. Milliseconds for small q; for q in the thousands a second where d is far below its mean.
    """
    least = size - 1 if asked == "exists" else 0
    orders = range(width + 1, length, 2) if above else range(width - 1, least - 1, -2)
    parts: list[float] = []
    block = _BLOCK * (1 + math.isqrt(size) // 4)  # the larger the set, the wider the law
    for place in range(0, len(orders), block):
        found = log_volumes(np.array(orders[place : place + block]), length, size, asked)
        parts.append(float(logsumexp(found)))
        if found[-1] < max(parts) - _FALL:
            break
    return float(logsumexp(parts)) if parts else -math.inf


def log_volumes(orders: Counts, length: int, size: int, asked: Property) -> Floats:
    """ln v_j for each order j from 0 to N - 1, shape (orders,); -inf where it is zero.

    >>> found = np.exp(log_volumes(np.arange(8), 8, 3, "separates"))
    >>> round(float(found[::2].sum()), 12), round(float(found[1::2].sum()), 12)
    (0.5, 0.5)
    """
    on, stride = _active(orders, length - size, size, asked)
    off = orders[:, None] + 1 - on
    least = 0 if asked == "exists" else 1
    rows, columns = np.nonzero((on >= 1) & (on <= size) & (off >= least) & (off <= length - size))
    found = np.full(on.shape, -np.inf)
    if len(rows):
        found[rows, columns] = _log_terms(on[rows, columns], off[rows, columns], size, length - size, asked)
    result = logsumexp(found, axis=1) + math.log(stride)
    if asked == "separates":  # no element is active where all of S lies above all others
        result[orders == 0] = -_log_binomial(length, np.array([float(size)]))[0]
    return result


def _active(orders: Counts, others: int, size: int, asked: Property) -> tuple[Counts, int]:
    """Counts a of active members of S that matter, for each order, shape (orders, counts), and their distance.

    The terms are a bell in a. Every s-th of them makes 1/s of their sum where the bell is wide enough: what a Poisson
    law of that variance v has at the frequency 1/s is e^(-v (1 - cos(2 pi / s))), of others no more, and below 1e-14.
    """
    if asked == "exists":
        return np.full((len(orders), 1), size), 1
    if size <= _FEW:
        return np.broadcast_to(np.arange(1, size + 1), (len(orders), size)), 1
    low = np.maximum(1, orders + 1 - others)
    high = np.maximum(low, np.minimum(size, orders))
    first, last = low.copy(), high.copy()
    while (last - first > 2).any():  # the terms have one peak: by ternary search
        third = (last - first) // 3
        one, other = first + third, last - third
        rising = _rough(one, orders, size, others) < _rough(other, orders, size, others)
        first, last = np.where(rising, one, first), np.where(rising, last, other)
    # as a binomial law no wider than the root of a, nor of k - a
    reach, stride = int(12 * math.sqrt(min(first.max(), (size - first).max()))) + 30, 1
    if (first - _ASIDE > low).all() and (first + _ASIDE < high).all():
        beside = [_rough(first + step, orders, size, others) for step in (-_ASIDE, 0, _ASIDE)]
        falls = (2 * beside[1] - beside[0] - beside[2]).max() / _ASIDE**2
        while falls < (1 - math.cos(2 * math.pi / (stride + 1))) / 33:
            stride += 1
    counts = math.ceil(reach / stride)
    return first[:, None] + stride * np.arange(-counts, counts + 1), stride


def _rough(on: Counts, orders: Counts, size: int, others: int) -> Floats:
    """ln P(a, j + 1 - a) by the peaks alone."""
    a, b = on.astype(float), np.maximum(orders + 1.0 - on, 1.0)
    return _peaks(a, b, size, others, "separates")[0]


def _peaks(a: Floats, b: Floats, size: int, others: int, asked: Property) -> tuple[Floats, tuple[Floats, ...]]:
    """ln P(a, b) by Laplace's method, and the peaks: of both integrals the place, curvature and logarithm there."""
    peak, curve, outer = _outer_peak(a, b, size, others)
    saddle, bend, inner = _inner_peak(a, b, asked)
    choices = _log_binomial(size, a) + _log_binomial(others, b)
    near = choices + np.log((a + b) / (2 * math.pi)) + outer + inner - np.log(curve * bend) / 2
    return near, (peak, curve, outer, saddle, bend, inner)


def _log_terms(on: Counts, off: Counts, size: int, others: int, asked: Property) -> Floats:
    """ln P(a, b) for pairs of counts, shape (pairs,); -inf for those far below the largest."""
    a, b = on.astype(np.float64), off.astype(np.float64)
    near, peaks = _peaks(a, b, size, others, asked)
    kept = near > near.max() - _FALL - 5
    a, b, near = a[kept], b[kept], near[kept]
    peak, curve, outer, saddle, bend, inner = (part[kept] for part in peaks)
    found = np.full(len(on), -np.inf)
    found[kept] = (
        near
        + np.log(curve * bend) / 2
        + _log_outer(a, b, size, others, peak, curve, outer)
        + _log_inner(a, b, saddle, bend, inner, asked)
    )
    return found


def _log_binomial(total: int, chosen: Floats) -> Floats:
    """ln C(n, b). For large n from ln n (n-1) ... (n-b+1), by the midpoint rule with its first correction."""
    if total < _LARGE:
        return gammaln(total + 1.0) - gammaln(chosen + 1.0) - gammaln(total - chosen + 1.0)
    fewer = np.minimum(chosen, total - chosen)
    rest, whole = total - fewer + 0.5, total + 0.5
    integral = fewer * math.log(whole) - fewer - rest * np.log1p(-fewer / whole)
    return integral + (1 / rest - 1 / whole) / 24 - gammaln(fewer + 1.0)


def _hazard(c: Floats) -> Floats:
    """phi(c) / Q(c), to full precision for large c, too, where phi and Q underflow."""
    return math.sqrt(2 / math.pi) / erfcx(c / math.sqrt(2))


def _outer_peak(a: Floats, b: Floats, size: int, others: int) -> tuple[Floats, Floats, Floats]:
    """Where the integrand over c is largest, minus the second derivative of its logarithm there, and that logarithm.

    By bisection to 1e-6: the integral is taken to far on both sides.
    """
    left, right = others - b, size - a
    below, above = np.full(a.shape, -40.0), np.full(a.shape, 40.0)
    for _ in range(26):
        c = (below + above) / 2
        rising = left * _hazard(-c) - right * _hazard(c) - (a + b) * c > 0
        below, above = np.where(rising, c, below), np.where(rising, above, c)
    down, up = _hazard(-c), _hazard(c)
    curve = (a + b) + left * down * (down + c) + right * up * (up - c)
    return c, curve, left * log_ndtr(c) + right * log_ndtr(-c) - (a + b) * c * c / 2


def _inner_peak(a: Floats, b: Floats, asked: Property) -> tuple[Floats, Floats, Floats]:
    """About where F(s)^a G(s)^b is least over real s, the second derivative of its logarithm there, and that logarithm.

    (ln G)' = s - h(s) and (ln G)'' = 1 - h (h - s) with h the hazard. The place depends on a / b alone and is read off
    a table: any s will do, one nearby with few nodes.
    """
    face = asked == "exists"
    s = np.interp(np.log(a / np.maximum(b, 1e-9)), *_saddles(asked))
    up, down = _hazard(s), _hazard(-s)
    bend = a * (1 if face else 1 - down * (down + s)) + b * (1 - up * (up - s))
    return s, bend, a * (s * s / 2 if face else _log_g(-s)) + b * _log_g(s)


@cache
def _saddles(asked: Property) -> tuple[Floats, Floats]:
    """ln(a / b), ascending, at a fine grid of s: b (h(s) - s) = a s for exists, or = a (h(-s) + s) for separates."""
    s = np.sinh(np.linspace(20.0, 1e-3 if asked == "exists" else -20.0, 4001))
    s = s[np.abs(s) < 1e3]  # beyond, h(s) - s is lost in rounding
    falling = _hazard(s) - s
    rising = s if asked == "exists" else _hazard(-s) + s
    kept = (falling > 0) & (rising > 0)  # both are, but for rounding at large |s|
    return np.log(falling[kept] / rising[kept]), s[kept]


def _log_g(w: Floats) -> Floats:
    return w * w / 2 + log_ndtr(-w)


def _log_outer(a: Floats, b: Floats, size: int, others: int, peak: Floats, curve: Floats, level: Floats) -> Floats:
    """ln of the integral over c, over its largest value, to where e^(-n (c - peak)^2/2) alone has fallen by e^-40."""
    reach = 9 * (a + b) ** -0.5
    nodes = math.ceil(2 * float((reach * curve**0.5).max()) / _SPACING)
    c = peak[:, None] + reach[:, None] * np.linspace(-1, 1, nodes + 1)
    logs = (others - b)[:, None] * log_ndtr(c) + (size - a)[:, None] * log_ndtr(-c) - (a + b)[:, None] * c * c / 2
    return np.log(np.exp(logs - level[:, None]).sum(axis=1) * 2 * reach / nodes)


def _log_inner(a: Floats, b: Floats, saddle: Floats, bend: Floats, level: Floats, asked: Property) -> Floats:
    """ln of the integral over w = s + i y, over its value at y = 0: twice that over y = width sinh(u), u > 0.

    The integrand falls like a Gaussian at first and in the end at least as y^-n, so as e^(-n u).
    """
    end = max(4.0, (_FALL + 4.0) / max(float((a + b).min()) - 1, 1))
    nodes = math.ceil(end / _STEP)
    u = np.linspace(0, end, nodes + 1)
    w = saddle[:, None] + 1j * bend[:, None] ** -0.5 * np.sinh(u)
    log_f = w * w / 2 if asked == "exists" else _complex_log_g(-w)
    values = np.exp(a[:, None] * log_f + b[:, None] * _complex_log_g(w) - level[:, None]).real * np.cosh(u)
    values[:, 0] /= 2
    return np.log(2 * values.sum(axis=1) * bend**-0.5 * end / nodes)


def _complex_log_g(w: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """ln G(w) = ln(erfcx(w / sqrt 2) / 2); for Re w < 0 by erfcx(-z) = 2 e^(z^2) - erfcx(z), without overflow."""
    z = w / math.sqrt(2)
    mirrored = (z.real < 0) & (z.real**2 > z.imag**2)
    value = wofz(1j * np.where(mirrored, -z, z))
    square = np.where(mirrored, z * z, 0)
    with np.errstate(under="ignore"):
        return np.where(mirrored, square + np.log(2 - value * np.exp(-square)), np.log(value)) - math.log(2)
