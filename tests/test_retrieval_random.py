"""What random documents serve: against linear programs on draws, Cover's count, exact fractions and 30 digits."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from assay.errors import AssayError
from assay.probing.volumes import log_volumes
from assay.retrieval.random_documents import dimensions_for_all, dimensions_for_share, log_failure, serves, share_served
from test_retrieval_limits import is_served


def drawn_share(dimensions, documents, top, draws, seed):
    """The share of first sets of k that are served, of Gaussian draws, by a linear program each."""
    generator = np.random.default_rng(seed)
    return np.mean([is_served(generator.standard_normal((documents, dimensions)), range(top)) for _ in range(draws)])


def check_draws(dimensions, documents, top, draws):
    """Within 4.5 standard errors: one in 150,000 such checks fails by chance."""
    share = share_served(dimensions, documents, top)
    found = drawn_share(dimensions, documents, top, draws, seed=documents)
    assert abs(found - share) <= 4.5 * math.sqrt(max(share * (1 - share), 1 / draws) / draws)
    assert math.exp(log_failure(dimensions, documents, top)) == pytest.approx(1 - share, abs=1e-9)


@pytest.mark.parametrize(("dimensions", "documents", "top"), [(6, 30, 2), (9, 24, 5), (3, 12, 10)])
def test_shares_are_those_of_draws(dimensions, documents, top):
    check_draws(dimensions, documents, top, 400)


SETTINGS = [
    (2, 10, 1),
    (4, 60, 1),
    (10, 100, 2),
    (14, 300, 2),
    (16, 300, 2),
    (12, 60, 3),
    (24, 60, 20),
    (8, 20, 15),
    (30, 100, 10),
    (20, 60, 59),
    (40, 80, 40),
    (5, 400, 1),
]


@pytest.mark.long
@pytest.mark.parametrize(("dimensions", "documents", "top"), SETTINGS)
def test_shares_are_those_of_many_draws(dimensions, documents, top):
    check_draws(dimensions, documents, top, 2_000)


@pytest.mark.parametrize("documents", [2, 3, 5, 12, 40])
def test_sets_that_are_served_are_as_many_as_cover_counts(documents):
    """n points in general position: 2 sum_{i <= d} C(n - 1, i) splits by a hyperplane, of any sizes (Cover 1965)."""
    for dimensions in {*range(1, min(documents, 12)), documents // 2, documents - 1} - {0}:
        served = sum(math.comb(documents, k) * share_served(dimensions, documents, k) for k in range(1, documents))
        counted = 2 * sum(math.comb(documents - 1, i) for i in range(dimensions + 1))
        assert served + 2 == pytest.approx(min(counted, 2**documents), rel=1e-9)


@pytest.mark.parametrize("documents", [6, 40, pytest.param(120, marks=pytest.mark.long)])
def test_sets_that_fail_are_as_many_as_cover_counts_in_the_far_tail(documents):
    """The rest, 2 sum_{i > d} C(n - 1, i): with relative precision, so that small numbers of failures are right."""
    for dimensions in (documents // 2, 3 * documents // 4, documents - 5, documents - 3, documents - 2):
        wanted = 2 * sum(math.comb(documents - 1, i) for i in range(dimensions + 1, documents))
        logs = [
            (math.lgamma(documents + 1) - math.lgamma(k + 1) - math.lgamma(documents - k + 1))
            + log_failure(dimensions, documents, k)
            for k in range(1, documents)
        ]
        assert np.logaddexp.reduce(logs) == pytest.approx(math.log(wanted), abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.data())
def test_on_a_line_only_the_two_ends_are_served(documents, data):
    top = data.draw(st.integers(1, documents - 1))
    share = Fraction(2, math.comb(documents, top)) if documents > 2 else Fraction(1)
    assert share_served(1, documents, top) == pytest.approx(float(share), rel=1e-8)


def test_four_points_in_the_plane_are_convex_as_often_as_known():
    """Orthants of three normal variables with correlations -1/3: 1/8 - 3 asin(1/3) / 4 pi (Sheppard)."""
    orthant = 1 / 8 - 3 * math.asin(1 / 3) / (4 * math.pi)
    assert math.exp(log_failure(2, 4, 1)) == pytest.approx(2 * orthant, rel=1e-10)
    assert math.exp(log_failure(2, 4, 2)) == pytest.approx((1 - 8 * orthant) / 3, rel=1e-10)


@pytest.mark.parametrize("documents", [3, 5, 6, 8])
def test_of_two_more_points_than_dimensions_radons_partition_decides(documents):
    """A set fails if its signs, or their opposites, are those of the one affine dependence: a random direction."""
    draws = 400_000
    normal = np.random.default_rng(1).standard_normal((draws, documents))
    positive = normal > normal.mean(axis=1, keepdims=True)
    for top in range(1, documents):
        inside = np.arange(documents) < top
        found = np.mean((positive == inside).all(axis=1) | (positive != inside).all(axis=1))
        failure = math.exp(log_failure(documents - 2, documents, top))
        assert abs(found - failure) <= 4.5 * math.sqrt(failure * (1 - failure) / draws)


def term(active, others_active, size, others):
    """P(a, b) of `assay.probing.volumes` by quadrature, at 30 digits: the inner integral along its own saddle."""
    a, b, n = active, others_active, active + others_active

    def upper(x):
        return mp.erfc(x / mp.sqrt(2)) / 2

    def outer(c):
        return upper(c) ** (size - a) * upper(-c) ** (others - b) * mp.sqrt(n / (2 * mp.pi)) * mp.exp(-n * c * c / 2)

    def laplace(w):
        return mp.exp(n * w * w / 2) * upper(w) ** b * upper(-w) ** a

    low, high = mpf(-30), mpf(30)
    for _ in range(90):
        one, other = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, other) if laplace(one) < laplace(other) else (one, high)
    scale = 1 / mp.sqrt(n)
    places = [0, *(scale * 2**i for i in range(-1, 14))]
    inner = 2 * mp.quad(lambda y: mp.re(laplace(mp.mpc(low, y))), places)
    peak = max(range(-80, 80), key=lambda i: outer(mpf(i) / 8))
    near = [mpf(peak) / 8 + i * scale / 2 for i in range(-24, 25)]
    return mp.binomial(size, a) * mp.binomial(others, b) * mp.quad(outer, near) * mp.sqrt(n / (2 * mp.pi)) * inner


def slow_volume(order, documents, top):
    """v_j by quadrature."""
    places = [a for a in range(1, top + 1) if 1 <= order + 1 - a <= documents - top]
    return sum((term(a, order + 1 - a, top, documents - top) for a in places), mpf(0))


@pytest.mark.parametrize(
    ("dimensions", "documents", "top"), [pytest.param(10, 14, 2, marks=pytest.mark.long), (7, 10, 3)]
)
def test_small_failures_are_those_of_thirty_digits(dimensions, documents, top):
    """2 (v_(d+1) + v_(d+3) + ...)."""
    with mp.workdps(30):
        tail = sum(slow_volume(order, documents, top) for order in range(dimensions + 1, documents, 2))
        slow = float(mp.log(2 * tail))
    assert log_failure(dimensions, documents, top) == pytest.approx(slow, abs=1e-9)


@pytest.mark.long
@pytest.mark.parametrize(
    ("order", "documents", "top"), [(31, 50, 2), (44, 50_000, 2), (76, 50_000, 2), (150, 50_000, 2), (174, 10**9, 2)]
)
def test_volumes_in_the_far_tail_are_those_of_thirty_digits(order, documents, top):
    with mp.workdps(30):
        slow = float(mp.log(slow_volume(order, documents, top)))
    assert log_volumes(np.array([order]), documents, top, "separates")[0] == pytest.approx(slow, abs=1e-7)


@pytest.mark.parametrize(
    ("length", "size"), [(2, 1), (3, 2), (9, 4), (60, 1), (60, 30), (300, 45), (1000, 100), (1000, 999), (1200, 400)]
)
def test_volumes_are_a_distribution_whose_even_and_odd_halves_are_equal(length, size):
    """Gauss-Bonnet: 1/2 each. Both kinds of cone; sizes on both sides of where few counts are tried."""
    for asked in ("separates", "exists"):
        orders = np.arange(length)
        logs = np.concatenate(
            [log_volumes(part, length, size, asked) for part in np.array_split(orders, length // 16 + 1)]
        )
        assert np.exp(logs[::2]).sum() == pytest.approx(0.5, abs=1e-10)
        assert np.exp(logs[1::2]).sum() == pytest.approx(0.5, abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 10**6), st.integers(1, 60), st.floats(0, 2))
def test_failures_fall_with_dimensions_and_rise_with_documents_and_halves(documents, top, place):
    """To within the precision of 1e-9 where they are near 1."""
    top = min(top, documents // 2)
    dimensions = max(1, min(documents - 2, int(place * dimensions_for_share(documents, top, 0.5))))
    failure = log_failure(dimensions, documents, top)
    assert log_failure(dimensions + 1, documents, top) <= failure + 1e-9
    assert log_failure(dimensions, documents + 1, top) >= failure - 1e-9
    assert log_failure(dimensions, documents, documents - top) == failure
    if top > 1:
        assert log_failure(dimensions, documents, top - 1) <= failure + 1e-9


def test_sets_and_their_complements_fail_together():
    for dimensions, documents, top in itertools.product((2, 3), (7,), (1, 2, 3)):
        generator = np.random.default_rng(dimensions)
        for _ in range(20):
            points = generator.standard_normal((documents, dimensions))
            rest = range(top, documents)
            assert is_served(points, range(top)) == is_served(-points, rest) == is_served(points, rest)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 10**9), st.integers(1, 20), st.sampled_from([1e-9, 0.01, 0.5, 0.9, 0.99, 1 - 1e-6, 1.0]))
@example(2, 1, 1.0)
@example(3, 2, 0.5)
@example(1000, 1, 1 - 1e-6)
@example(2**53, 20, 0.99)
def test_the_smallest_dimensions_are_the_first_that_serve(documents, top, share):
    top = min(top, documents - 1)
    least = dimensions_for_all(documents, top) if share == 1 else dimensions_for_share(documents, top, share)
    assert 1 <= least <= documents - 1
    assert serves(least, documents, top, share)
    assert least == 1 or not serves(least - 1, documents, top, share)
    if share < 1:
        assert share_served(least, documents, top) >= share
        # where at most half a set fails on average, at most that share of them does
        few = 1 - share < 1 / (2 * math.comb(documents, top))
        assert few or least <= dimensions_for_all(documents, top)
    else:
        sets = math.lgamma(documents + 1) - math.lgamma(top + 1) - math.lgamma(documents - top + 1)
        failing = sets + log_failure(least, documents, top)  # log-gammas have a relative error of 1e-16 each
        assert failing <= -math.log(2) + 1e-14 * documents * math.log(documents + 2)


@pytest.mark.parametrize(
    ("documents", "top", "some", "every"),
    [
        (1_000, 2, 26, 39),
        (50_000, 2, 43, 75),
        (10**6, 2, 56, 104),
        (10**9, 2, 87, 173),
        (10**6, 5, 113, 243),
        (10**9, 5, 184, 418),
        (10**6, 10, 195, 458),
        (10**9, 10, 332, 806),
    ],
)
def test_dimensions_are_those_of_another_program(documents, top, some, every):
    """Which had a logarithm of small failures within .003: so within one dimension for all sets."""
    assert dimensions_for_share(documents, top, 0.99) == some
    assert abs(dimensions_for_all(documents, top) - every) <= 1


def test_documents_that_serve_all_sets_are_found_in_a_draw_or_two():
    """At the dimensions for all sets half of the draws serve every set, or more: of 20 all but 4 standard errors."""
    documents, top = 12, 2
    dimensions = dimensions_for_all(documents, top)
    generator = np.random.default_rng(0)
    served = 0
    for _ in range(20):
        points = generator.standard_normal((documents, dimensions))
        served += all(is_served(points, chosen) for chosen in itertools.combinations(range(documents), top))
    assert served >= 10 - 4 * math.sqrt(20) / 2
    # and the expected number of sets that fail is what its share says: Poisson would leave at least e^-1/2
    assert math.comb(documents, top) * math.exp(log_failure(dimensions, documents, top)) <= 0.5


def test_one_dimension_less_fails_about_as_often_as_it_says():
    """Expected failures, as a mean over draws of all sets: within 4.5 standard errors of the draws themselves."""
    documents, top, dimensions = 9, 2, 4
    generator = np.random.default_rng(3)
    failing = []
    for _ in range(40):
        points = generator.standard_normal((documents, dimensions))
        failing.append(sum(not is_served(points, s) for s in itertools.combinations(range(documents), top)))
    expected = math.comb(documents, top) * math.exp(log_failure(dimensions, documents, top))
    assert abs(np.mean(failing) - expected) <= 4.5 * np.std(failing, ddof=1) / math.sqrt(len(failing))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (lambda: log_failure(0, 5, 2), "dimensions = 0 is not allowed; it must be an integer from 1 up"),
        (lambda: log_failure(1, 5, 5), "top = 5 is not allowed; it must be an integer from 1 to documents - 1 = 4"),
        (lambda: log_failure(1, 30_000, 10_001), "top = 10001 is not allowed; it must be at most 10000, or as close"),
        (lambda: dimensions_for_share(5, 2, 1), "share = 1 is not allowed; it must be above 0 and below 1"),
        (lambda: dimensions_for_share(5, 2, 0.0), "share = 0.0 is not allowed; it must be above 0 and below 1"),
        (lambda: dimensions_for_share(5, 2, math.nan), "share = nan is not allowed"),
        (lambda: serves(2, 5, 2, 1.1), "share = 1.1 is not allowed; it must be above 0 and at most 1"),
        (lambda: dimensions_for_all(2**53 + 2, 2), "documents = 9007199254740994 is not allowed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(asked, says):
    with pytest.raises(AssayError) as refused:
        asked()
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
