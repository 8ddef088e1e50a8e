"""Predictions for generic keys against counting theorems, simulated projections, linear and convex programs."""

from __future__ import annotations

import math
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import linprog, minimize, minimize_scalar, root
from scipy.special import lambertw, ndtr
from scipy.stats import norm

from assay.errors import AssayError
from assay.probing.gaussian_norm import _distances, predicted_norm
from assay.probing.thresholds import face_dimension, face_probability, face_threshold, separation_dimension
from assay.probing.volumes import log_tail, log_volumes
from assay.tasks.counter import example_keys, normals, words


def draws(seed, count, length, width):
    """Standard normal keys, shape (count, N, d)."""
    even = length * width + length * width % 2
    flat = normals(words(example_keys(seed, "test", 0, count), 0, even))
    return flat[:, : length * width].reshape(count, length, width)


def excess_square(t):
    """E max(Z - t, 0)^2, by quadrature."""
    return quad(lambda z: (z - t) ** 2 * norm.pdf(z), t, max(t, 0) + 12, epsabs=1e-14)[0]


def naive_dimension(length, size, asked):
    share = size / length

    def mean_square(t):
        on = 1 + t * t if asked == "exists" else excess_square(-t)
        return share * on + (1 - share) * excess_square(t)

    found = minimize_scalar(mean_square, bounds=(-8, 8), method="bounded", options={"xatol": 1e-9})
    return length * found.fun, found.x


# Thresholds


@pytest.mark.parametrize(
    ("length", "size"), [(2, 1), (64, 1), (64, 17.5), (512, 6.5), (512, 300), (10**6, 5), (9, 8.9)]
)
def test_dimensions_are_the_minima_of_their_definitions(length, size):
    for asked, dimension in (("exists", face_dimension), ("separates", separation_dimension)):
        expected = min(naive_dimension(length, size, asked)[0], length - 1)
        assert dimension(length, size) == pytest.approx(expected, rel=1e-8)


@given(st.integers(1, 2000), st.integers(1, 10**7))
@settings(deadline=None, max_examples=200)
def test_the_threshold_inverts_the_dimension(width, length):
    size = face_threshold(width, length)
    assert 0 < size <= length
    if size < length:
        assert face_dimension(length, size) == pytest.approx(width, rel=1e-7)
    else:
        assert width >= length - 1


@given(st.integers(2, 3000), st.floats(0.01, 0.99))
@settings(deadline=None)
def test_dimensions_are_ordered_and_symmetric(length, share):
    size = share * length
    assert separation_dimension(length, size) == pytest.approx(separation_dimension(length, length - size), rel=1e-9)
    assert separation_dimension(length, size) <= face_dimension(length, size) + 1e-9
    assert face_dimension(length, size * 0.9) <= face_dimension(length, size) + 1e-9


def test_edges_of_the_thresholds():
    assert face_dimension(1, 1) == separation_dimension(1, 1) == face_dimension(50, 50) == 0
    assert face_threshold(1, 1) == 1
    assert face_threshold(49, 50) == face_threshold(400, 50) == 50
    assert face_threshold(48, 50) < 49
    assert separation_dimension(100, 50) == pytest.approx(50)
    # One position out of many: 2 log N to leading order, from below.
    assert 0.6 < face_dimension(10**7, 1) / (2 * np.log(10**7)) < 1
    assert face_threshold(1, 10**7) < 1


# Exact probabilities


def separation_probability(width, length, size):
    """That a query scores the set above all other positions, by the formula of `assay.probing.thresholds`."""
    if width >= length - 1 or size == length:
        return 1.0
    above = width >= separation_dimension(length, size)
    tail = 2 * math.exp(log_tail(width, length, size, "separates", above=above))
    return 1 - tail if above else tail


@pytest.mark.parametrize("length", [2, 3, 5, 8, 20, pytest.param(40, marks=pytest.mark.long)])
def test_separations_add_up_to_covers_count(length):
    for width in range(1, length):
        found = 2 + sum(comb(length, q) * separation_probability(width, length, q) for q in range(1, length))
        assert found == pytest.approx(2 * sum(comb(length - 1, i) for i in range(width + 1)), rel=1e-9)


@pytest.mark.parametrize("length", [3, 4, 7, 12, 20])
def test_face_counts_satisfy_eulers_relation(length):
    for width in range(1, length - 1):
        faces = [comb(length, q) * face_probability(width, length, q) for q in range(1, width + 1)]
        expected = 1 - (-1) ** width
        assert sum((-1) ** i * f for i, f in enumerate(faces)) == pytest.approx(expected, abs=1e-9 * sum(faces))
        # Every ridge of a simplicial polytope lies in two facets, and every facet has d ridges.
        if width > 1:
            assert 2 * faces[-2] == pytest.approx(width * faces[-1], rel=1e-9)


@pytest.mark.parametrize("length", [3, 4, 10, 100, 1000])
def test_line_and_plane(length):
    assert face_probability(1, length, 1) == pytest.approx(2 / length, rel=1e-9)
    assert separation_probability(1, length, 1) == pytest.approx(2 / length, rel=1e-9)
    if length > 3:
        # The line through two points has a signed distance of variance 1/2 from the mean; the others lie on one side.
        edge = 2 * quad(lambda p: ndtr(p) ** (length - 2) * norm.pdf(p, scale=np.sqrt(0.5)), -8, 8, epsabs=1e-13)[0]
        assert face_probability(2, length, 2) == pytest.approx(edge, rel=1e-6)
        vertices, edges = length * face_probability(2, length, 1), comb(length, 2) * edge
        assert vertices == pytest.approx(edges, rel=1e-6)


@pytest.mark.parametrize("length", [3, 4, 5, 9, 30])
def test_one_point_too_many(length):
    """d = N - 2: one affine dependence y, a uniform direction, so y_i and y_j have correlation -1/(N - 1)."""
    width = length - 2
    both = 0.25 - np.arcsin(1 / (length - 1)) / (2 * np.pi)
    assert face_probability(width, length, length - 2) == pytest.approx(1 - 2 * both, abs=1e-10)
    assert face_probability(width, length, length - 1) == 0
    for size in range(1, length + 1):
        assert face_probability(length - 1, length, size) == separation_probability(length - 1, length, size) == 1


@pytest.mark.parametrize(("width", "length"), [(1, 2), (2, 9), (5, 30), (16, 64), (64, 512), (64, 4096)])
def test_order_of_the_probabilities(width, length):
    sizes = sorted({1, 2, 3, width // 2 or 1, width, width + 1, length // 2, length - 1} & set(range(1, length)))
    exists = [face_probability(width, length, q) for q in sizes]
    separates = [separation_probability(width, length, q) for q in sizes]
    assert all(later <= earlier + 1e-11 for earlier, later in pairwise(exists))
    assert all(s >= e - 1e-11 for s, e in zip(separates, exists, strict=True))
    assert separates[0] == pytest.approx(exists[0], abs=1e-11)  # one position: the same question
    for q, s in zip(sizes, separates, strict=True):
        assert separation_probability(width, length, length - q) == pytest.approx(s, abs=1e-11)
        assert face_probability(width + 1, length, q) >= face_probability(width, length, q) - 1e-11


@pytest.mark.parametrize(
    ("length", "size"), [(2, 1), (5, 5), (40, 7), (40, 39), (512, 1), (512, 511), (4096, 50), (32768, 40)]
)
def test_intrinsic_volumes_add_up(length, size):
    for asked in ("exists", "separates"):
        if size < length:
            # of 32768, all but 1e-30 of it
            law = np.exp(log_volumes(np.arange(min(length, 4096)), length, size, asked))
            assert law[::2].sum() == pytest.approx(0.5, abs=1e-10)
            assert law[1::2].sum() == pytest.approx(0.5, abs=1e-10)
        assert face_probability(1, length, length) == 1


def projected_dimension(g, size, asked):
    """The dimension of the face of the cone on which g is projected, by bisection for c, one row at a time."""
    on, off = g[:size], g[size:]
    low, high = g.min() - 1, g.max() + 1
    for _ in range(60):
        c = (low + high) / 2
        part = on - c if asked == "exists" else np.minimum(on - c, 0)
        low, high = (c, high) if part.sum() + np.maximum(off - c, 0).sum() > 0 else (low, c)
    if asked == "separates" and on.min() > off.max():
        return 0
    active = size if asked == "exists" else int((on < c).sum())
    return active + int((off > c).sum()) - 1


@pytest.mark.parametrize(("length", "size"), [(6, 2), (40, 3), (40, 15), pytest.param(200, 12, marks=pytest.mark.long)])
def test_the_law_is_that_of_projections(length, size):
    """Over 1500 draws, every probability for every width within 4.5 standard errors."""
    count = 1500
    for asked, probability in (("exists", face_probability), ("separates", separation_probability)):
        dimensions = np.array([projected_dimension(g[:, 0], size, asked) for g in draws(1, count, length, 1)])
        law = np.exp(log_volumes(np.arange(length), length, size, asked))
        seen = np.bincount(dimensions, minlength=length)
        assert seen.sum() == count
        error = np.sqrt(law * (1 - law) / count) + 1 / count
        assert (np.abs(seen / count - law) < 4.5 * error).all()
        for width in range(1, length - 1):
            lost = 2 * law[width + 1 :: 2].sum()
            assert probability(width, length, size) == pytest.approx(1 - lost, abs=1e-9)


def linear_program(keys, size, asked):
    """Whether the first `size` keys are a face, or separated: the largest gap over queries of bounded entries."""
    on, off = keys[:size], keys[size:]
    width = keys.shape[1]
    # Variables: the query, the level c, the gap.
    others = np.column_stack([off, -np.ones(len(off)), np.ones(len(off))])
    inside = np.column_stack([on, -np.ones(size), np.zeros(size)])
    above = others if asked == "exists" else np.vstack([others, -inside])
    found = linprog(
        np.r_[np.zeros(width + 1), -1.0],
        A_ub=above,
        b_ub=np.zeros(len(above)),
        A_eq=inside if asked == "exists" else None,
        b_eq=np.zeros(size) if asked == "exists" else None,
        bounds=[(-1, 1)] * width + [(None, None), (None, 1)],
        method="highs",
    )
    return -found.fun > 1e-7


@pytest.mark.parametrize(
    ("width", "length", "size"), [(2, 6, 2), (3, 9, 2), (8, 24, 4), pytest.param(16, 48, 9, marks=pytest.mark.long)]
)
def test_probabilities_are_those_of_linear_programs(width, length, size):
    """Over 250 draws each, within 4 standard errors."""
    count = 250
    keys = draws(2, count, length, width)
    for asked, probability in (("exists", face_probability), ("separates", separation_probability)):
        expected = probability(width, length, size)
        share = np.mean([linear_program(k, size, asked) for k in keys])
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / count)


# Needed norms


def needed_norm(keys, size, mass, scale):
    """The least |w| with equal scores on the first `size` keys and the mass on them, by quadratic programs."""
    scores = scale * (keys[size:] - keys[0])
    basis = np.eye(keys.shape[1])
    if size > 1:
        basis = np.linalg.svd(keys[1:size] - keys[0])[2][size - 1 :].T
    scores, level = scores @ basis, np.log(size * (1 - mass) / mass)

    def slack(w):
        top = (scores @ w).max()
        return level - top - np.log(np.exp(scores @ w - top).sum())

    def slope(w):
        shares = np.exp(scores @ w - (scores @ w).max())
        return -(shares / shares.sum()) @ scores

    start = -np.linalg.lstsq(scores, np.ones(len(scores)), rcond=None)[0] * 4
    found = minimize(
        lambda w: w @ w / 2,
        start,
        jac=lambda w: w,
        method="SLSQP",
        constraints={"type": "ineq", "fun": slack, "jac": slope},
        options={"maxiter": 500, "ftol": 1e-9},
    )
    return np.linalg.norm(found.x) if found.success and slack(found.x) > -1e-5 else np.inf


def test_predicted_norms_are_near_the_medians():
    """Over 61 draws in each of eight cases: each within 20 %, their mean within 6 %, three standard errors."""
    count, ratios = 61, []
    for length, width, size in ((64, 16, 1), (64, 16, 2), (256, 32, 2), (256, 32, 4)):
        for spectrum in (np.ones(width), np.geomspace(1, 0.01, width)):
            keys = draws(len(ratios), count, length, width) * np.sqrt(spectrum) + 5.0
            norms = [needed_norm(k, size, 0.9, width**-0.5) for k in keys]
            ratios.append(np.log(predicted_norm(spectrum, length, size, scale=width**-0.5) / np.median(norms)))
    assert max(np.abs(ratios)) < 0.2
    assert abs(np.mean(ratios)) < 0.06


def distance(point, size, allowed):
    """The distance of a point to X, by a quadratic program in (c, x off S) with one convex constraint."""
    on, off = point[:size], point[size:]

    def cost(y):
        return ((on - y[0]) ** 2).sum() + ((off - y[1:]) ** 2).sum()

    def cost_slope(y):
        return np.r_[2 * (y[0] - on).sum(), 2 * (y[1:] - off)]

    def slack(y):
        top = y[1:].max()
        return np.log(allowed) + y[0] - top - np.log(np.exp(y[1:] - top).sum())

    def slope(y):
        shares = np.exp(y[1:] - y[1:].max())
        return np.r_[1.0, -shares / shares.sum()]

    found = minimize(
        cost,
        np.r_[on.mean() + np.log(len(off) / allowed), np.minimum(off, 0)],
        jac=cost_slope,
        method="SLSQP",
        constraints={"type": "ineq", "fun": slack, "jac": slope},
        options={"maxiter": 300},
    )
    assert found.success
    return found.fun


@pytest.mark.parametrize(("length", "size", "spread"), [(30, 1, 1.0), (30, 4, 3.0), (40, 12, 0.5)])
def test_mean_squared_distance(length, size, spread):
    """Over 150 draws: within 4 standard errors and 1 %, where leaving out the term for the fitted c errs by more."""
    allowed = size / 9
    found = np.array([distance(spread * g[:, 0], size, allowed) for g in draws(4, 150, length, 1)])
    predicted = _distances(np.array([spread]), length, size, allowed)[0] ** 2
    assert abs(found.mean() - predicted) < 4 * found.std() / np.sqrt(len(found)) + 0.01 * predicted


@pytest.mark.parametrize(
    ("length", "size", "spread", "mass"), [(30, 1, 1.0, 0.9), (30, 4, 3.0, 0.5), (40, 20, 0.5, 0.9), (1000, 8, 8, 0.99)]
)
def test_squared_distance_is_the_corrected_saddle_value(length, size, spread, mass):
    """The Lagrangian's mean by quadrature with Lambert's W, its gradient and Hessian by differences."""
    others, allowed = length - size, size * (1 - mass) / mass

    def mean(function):
        return quad(lambda z: function(z) * norm.pdf(z), -9, 9, epsabs=1e-13, epsrel=1e-12, limit=400)[0]

    def w(z, shift):
        return lambertw(np.exp(spread * z + shift)).real

    def value(c, eta):
        part = mean(lambda z: w(z, eta - c) ** 2 + 2 * w(z, eta - c))
        return size * (spread**2 + c * c) + others * part - 2 * np.exp(eta) * allowed

    def slope(y):
        total = others * mean(lambda z: w(z, y[1] - y[0]))
        return np.array([2 * size * y[0] - 2 * total, 2 * total - 2 * np.exp(y[1]) * allowed])

    def stationary(y):
        total = others * mean(lambda z: w(z, y[1] - y[0]))
        return [y[0] - total / size, y[1] - np.log(total / allowed)]

    found = root(stationary, np.array([spread, np.log(size * spread / allowed)]), tol=1e-11)
    assert found.success
    step = 1e-4 * np.eye(2)
    hessian = np.array([(slope(found.x + e) - slope(found.x - e)) / 2e-4 for e in step])
    shift = found.x[1] - found.x[0]
    variance = 4 * others * (mean(lambda z: w(z, shift) ** 2) - mean(lambda z: w(z, shift)) ** 2)
    covariance = np.array([[4 * size * spread**2 + variance, -variance], [-variance, variance]])
    expected = value(*found.x) - np.trace(np.linalg.solve(hessian, covariance)) / 2
    assert _distances(np.array([spread]), length, size, allowed)[0] ** 2 == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("length", "size"), [(64, 1), (512, 8), (10**5, 20)])
def test_distances_of_large_spreads_give_the_face_dimension(length, size):
    dimension, t = naive_dimension(length, size, "exists")
    mean = quad(lambda z: (z - t) * norm.pdf(z), t, t + 12)[0]
    fitted = (size + (length - size) * (excess_square(t) - mean**2)) / (size + (length - size) * ndtr(-t))
    ratio = _distances(np.array([1e5]), length, size, size / 9)[0] / 1e5
    assert ratio**2 == pytest.approx(dimension - fitted, rel=2e-3)
    assert 0 < fitted < 1


@given(st.integers(2, 64), st.integers(20, 5000), st.floats(0.01, 100), st.floats(0.5, 0.99), st.integers(1, 6))
@settings(deadline=None, max_examples=15)
def test_predicted_norm_scales(width, length, factor, mass, size):
    spectrum = np.geomspace(3, 0.05, width)
    norm_ = predicted_norm(spectrum, length, size, mass=mass, scale=1.0)
    assert norm_ > 0
    if np.isfinite(norm_):
        stretched = predicted_norm(spectrum * factor**2, length, size, mass=mass, scale=1.0)
        assert stretched * factor == pytest.approx(norm_, rel=1e-6)
        assert predicted_norm(spectrum, length, size, mass=mass, scale=factor) * factor == pytest.approx(
            norm_, rel=1e-6
        )
    padded = np.concatenate([np.zeros(3), spectrum[::-1]])
    assert predicted_norm(padded, length, size, mass=mass, scale=1.0) == pytest.approx(norm_, rel=1e-9)
    assert predicted_norm(spectrum, 2 * length, size, mass=mass, scale=1.0) >= norm_ * (1 - 2e-3)
    assert predicted_norm(spectrum, length, size, mass=(1 + mass) / 2, scale=1.0) >= norm_ * (1 - 2e-3)


def test_edges_of_predicted_norm():
    flat = np.ones(8, dtype=np.float32)
    assert predicted_norm(flat, 1, 1, scale=1.0) == 0
    assert predicted_norm(flat, 100, 90, scale=1.0) == 0  # equal scores have the mass
    assert predicted_norm(flat, 100, 50, scale=1.0) == np.inf
    assert predicted_norm(np.zeros(8), 100, 2, scale=1.0) == np.inf
    assert predicted_norm(np.full(200, 1e-8), 10**6, 1, scale=1e-3) < np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: face_dimension(8, 0), "size = 0 is not allowed; it must be above 0 and at most length = 8"),
        (lambda: separation_dimension(0, 1), "length = 0 is not allowed; it must be an integer from 1 to 2^53"),
        (lambda: face_threshold(0, 8), "width = 0 is not allowed; it must be an integer from 1 up"),
        (lambda: face_probability(4, 8, 9), "size = 9 is not allowed; it must be an integer from 1 to length = 8"),
        (lambda: face_threshold(4, 2**53 + 1), "length = 9007199254740993 is not allowed; it must be an integer from"),
        (lambda: face_dimension(10**22, 4), "length = 10000000000000000000000 is not allowed"),
        (lambda: predicted_norm(np.ones((2, 2)), 8, 1, scale=1.0), "shape of spectrum"),
        (lambda: predicted_norm(np.array([1.0, -1.0]), 8, 1, scale=1.0), "spectrum = -1.0 is not allowed"),
        (lambda: predicted_norm(np.ones(2), 8, 9, scale=1.0), "size = 9 is not allowed"),
        (lambda: predicted_norm(np.ones(2), 8, 1, mass=1.0, scale=1.0), "mass = 1.0 is not allowed"),
        (lambda: predicted_norm(np.ones(2), 8, 1, scale=0.0), "scale = 0.0 is not allowed"),
    ],
)
def test_errors_name_what_is_allowed(call, message):
    with pytest.raises(AssayError) as error:
        call()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
