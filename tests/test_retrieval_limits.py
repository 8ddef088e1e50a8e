"""Limits of retrieval against linear programs, exhaustive searches and whole numbers of any size."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy.optimize import linprog

from assay.errors import AssayError
from assay.retrieval.documents import CyclicDocuments
from assay.retrieval.limits import (
    MOST_DOCUMENTS,
    document_dimensions,
    most_documents,
    necessary_dimensions,
    query_dimensions,
    radon_dimensions,
)


def is_served(points, chosen):
    """Whether some query scores the chosen ones above all others, by a linear program: w x >= t + 1, else w x <= t."""
    points = np.asarray(points, dtype=float)
    points = points / max(1.0, np.abs(points).max())
    inside = np.isin(np.arange(len(points)), chosen)
    signs = np.where(inside, -1.0, 1.0)
    rows = np.column_stack([signs[:, None] * points, -signs])
    for method in ("highs", "highs-ds", "highs-ipm"):  # the first leaves one in some thousands open
        found = linprog(np.zeros(rows.shape[1]), rows, np.where(inside, -1.0, 0.0), bounds=(None, None), method=method)
        if found.status in (0, 2):
            return found.status == 0
    raise AssertionError(f"no method decides: {found.message}")


def serves_all(points, top):
    """Whether every set of k is served; ends at the first that is not."""
    return all(is_served(points, chosen) for chosen in itertools.combinations(range(len(points)), top))


def structured(documents, dimensions):
    """Point sets with a plan: a curve of moments, a circle in every plane, corners, random whole numbers, a ball."""
    t = np.arange(1, documents + 1) / documents
    yield t[:, None] ** np.arange(1, dimensions + 1)
    angles = 2 * math.pi * t[:, None] * np.arange(1, dimensions // 2 + 2)
    yield np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(documents, -1)[:, :dimensions]
    yield np.array([[(i >> j) & 1 for j in range(dimensions)] for i in range(documents)]) + 0.01 * t[:, None] ** 2
    generator = np.random.default_rng(documents * 100 + dimensions)
    yield generator.permutation(documents * dimensions).reshape(documents, dimensions)
    for _ in range(3):
        gauss = generator.standard_normal((documents, dimensions))
        yield gauss
        yield gauss / np.linalg.norm(gauss, axis=1, keepdims=True)


SMALL = [(n, k) for n in range(3, 9) for k in range(1, n)]


@pytest.mark.parametrize(("documents", "top"), SMALL)
def test_below_radons_dimensions_some_set_of_any_vectors_is_not_served(documents, top):
    for dimensions in range(1, radon_dimensions(documents, top)):
        for points in structured(documents, dimensions):
            assert not serves_all(points, top)


@pytest.mark.parametrize(("documents", "top"), [(3, 1), (7, 1), (6, 2), (9, 2), (9, 3), (11, 3)])
def test_radons_dimensions_are_reached_from_3k_documents_on(documents, top):
    cyclic = CyclicDocuments(documents, top)
    assert cyclic.dimensions == radon_dimensions(documents, top)
    assert serves_all(cyclic.vectors(), top)


@pytest.mark.parametrize("documents", [4, 5, 6, 7])
def test_a_simplex_and_its_centre_serve_all_sets_but_of_one(documents):
    """n points in n - 2 dimensions, where Radon's theorem asks for as many: the centre against the rest is the only
    partition whose hulls meet."""
    simplex = np.vstack([np.zeros(documents - 2), np.eye(documents - 2)])
    points = np.vstack([simplex, simplex.mean(axis=0)])
    for top in range(1, documents):
        fewer = min(top, documents - top)
        assert serves_all(points, top) is (fewer > 1)
        assert fewer == 1 or radon_dimensions(documents, top) <= documents - 2
    assert radon_dimensions(4, 2) == 2
    assert radon_dimensions(5, 2) == radon_dimensions(5, 3) == 3


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 2**53 - 1), st.data())
def test_radons_dimensions_are_the_least_that_the_inequalities_of_the_proof_leave(documents, data):
    top = data.draw(st.integers(1, documents - 1) | st.integers(1, min(documents - 1, 50)))
    fewer = min(top, documents - top)

    def excluded(dimensions):
        smaller = (dimensions + 2) // 2  # of the two groups of d + 2 points at most this, and the other at most d + 1
        return dimensions + 2 <= documents and smaller <= fewer and dimensions + 1 <= documents - fewer

    least = radon_dimensions(documents, top)
    assert not excluded(least)
    assert least == 1 or excluded(least - 1)
    assert least == radon_dimensions(documents, documents - top)
    assert least <= radon_dimensions(documents + 1, top)


@cache
def rankings(dimensions, steps):
    """Scores of all points of a grid of {0 ... steps}^d by queries that show every ranking of any of its subsets.

    A query that ranks strictly lies inside a cone bounded by planes normal to differences; so do sums of d of its
    edges, which are minors of differences: whole numbers up to d (d - 1)! steps^(d - 1).
    """
    most = dimensions * math.factorial(dimensions - 1) * steps ** (dimensions - 1)
    grid = np.array(list(itertools.product(range(steps + 1), repeat=dimensions)))
    queries = np.array(list(itertools.product(range(-most, most + 1), repeat=dimensions)))
    return grid, queries @ grid.T


def serves_on_grid(scores, members, top):
    """Whether these grid points serve every set of k, by all rankings, in whole numbers."""
    own = scores[:, members]
    ranked = np.sort(own, axis=1)
    level = ranked[:, -top]
    strict = ranked[:, -top - 1] < level
    sets = (own[strict] >= level[strict, None]) @ (1 << np.arange(len(members)))
    return len(np.unique(sets)) == math.comb(len(members), top)


GRIDS = [(n, k, p) for n in range(2, 6) for k in range(1, n) for p in (1, 2)] + [(6, 2, 1), (6, 3, 1), (8, 2, 1)]


@pytest.mark.parametrize(("documents", "top", "bits"), GRIDS)
def test_no_documents_on_a_grid_of_fewer_dimensions_serve_all_sets(documents, top, bits):
    """Every choice of documents of p bits a number, queries being any real numbers."""
    steps = 2**bits - 1
    for dimensions in range(1, document_dimensions(documents, top, bits)):
        grid, scores = rankings(dimensions, steps)
        for members in itertools.combinations(range(len(grid)), documents):  # two that are equal are never told apart
            assert not serves_on_grid(scores, list(members), top)


@pytest.mark.parametrize(
    ("documents", "top", "bits", "least"),
    [(2, 1, 1, 1), (3, 1, 1, 2), (4, 1, 1, 2), (4, 2, 1, 3), (4, 2, 2, 2), (4, 3, 2, 2), (5, 2, 1, 4)],
)
def test_the_exhaustive_search_is_not_blind(documents, top, bits, least):
    """It finds documents where there are some, not before; the bound is met in four of these cases."""
    found = (
        dimensions
        for dimensions in (1, 2, 3)
        if any(
            serves_on_grid(rankings(dimensions, 2**bits - 1)[1], list(members), top)
            for members in itertools.combinations(range(2 ** (bits * dimensions)), documents)
        )
    )
    assert next(found, 4) == least >= document_dimensions(documents, top, bits)


def test_no_fourteen_corners_of_a_cube_of_four_dimensions_serve_all_pairs():
    """Where the grid asks for more than Radon's theorem: 5 instead of 4."""
    assert (document_dimensions(14, 2, 1), radon_dimensions(14, 2)) == (5, 4)
    corners = np.array(list(itertools.product((0, 1), repeat=4)))
    for left_out in itertools.combinations(range(16), 2):
        assert not serves_all(np.delete(corners, left_out, axis=0), 2)


def grid_entropy(documents, top, bits):
    """The largest entropy of the sum of a column over a random set of k that the theorem allows: 40 digits."""
    steps, fewer = 2**bits - 1, min(top, documents - top)
    with mp.workdps(40):
        gauss = mp.log(2 * mp.pi * mp.e * (mpf(fewer) * mpf(steps) ** 2 / 4 + mpf(1) / 12), 2) / 2
        return min(mp.log(fewer * steps + 1, 2), gauss)


@pytest.mark.parametrize(
    ("documents", "top", "bits"), [(4, 2, 1), (6, 2, 1), (7, 3, 1), (8, 4, 1), (4, 1, 2), (5, 2, 2)]
)
def test_sums_of_any_column_have_no_more_entropy_than_the_theorem_says(documents, top, bits):
    sets = np.array(list(itertools.combinations(range(documents), top)))
    for column in itertools.product(range(2**bits), repeat=documents):
        counts = np.bincount(np.array(column)[sets].sum(axis=1)) / len(sets)
        entropy = -sum(share * math.log2(share) for share in counts if share)
        assert entropy <= grid_entropy(documents, top, bits) + 1e-12


def sets_of(documents, top):
    """C(n, k) by whole numbers."""
    return math.comb(documents, min(top, documents - top))


def binary_logarithm(number):
    with mp.workdps(40):
        return mp.log(number, 2)


def check_counts(documents, top, bits):
    """Both counting bounds against whole numbers and 40 digits: never above, and below by rounding only."""
    sets = sets_of(documents, top)
    by_query = query_dimensions(documents, top, bits)
    assert by_query == 1 or 1 << (bits * (by_query - 1)) < sets  # fewer dimensions have fewer queries than sets
    by_documents = document_dimensions(documents, top, bits)
    with mp.workdps(40):
        needed = binary_logarithm(sets)
        exact = needed / grid_entropy(documents, top, bits)
        assert by_documents == 1 or by_documents - 1 < exact
        assert by_documents >= exact * (1 - mpf("1e-11"))
        assert by_query >= needed / bits * (1 - mpf("1e-11"))


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 64), st.data())
def test_counts_are_those_of_whole_numbers(documents, data):
    check_counts(documents, data.draw(st.integers(1, documents - 1)), data.draw(st.integers(1, 70)))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, MOST_DOCUMENTS), st.integers(1, 12_000), st.booleans(), st.integers(1, 64))
def test_counts_are_those_of_whole_numbers_at_any_size(documents, top, opposite, bits):
    top = min(top, documents - 1)
    check_counts(documents, documents - top if opposite else top, bits)


@pytest.mark.parametrize("top", [5_001, 20_000])
@pytest.mark.parametrize("documents", [40_001, 10**9, MOST_DOCUMENTS - 1, MOST_DOCUMENTS])
def test_counts_of_large_sets_keep_their_digits(documents, top):
    for bits in (1, 3, 16):
        check_counts(documents, top, bits)


def test_a_query_of_exactly_as_many_states_as_sets_is_not_excluded():
    for exponent in range(1, 53):
        assert query_dimensions(2**exponent, 1, 1) == exponent
        assert query_dimensions(2**exponent, 2**exponent - 1, exponent) == 1
        assert document_dimensions(2**exponent, 1, exponent) == 1


@settings(max_examples=200, deadline=None)
@given(st.integers(2, MOST_DOCUMENTS - 1), st.integers(1, 300), st.integers(1, 63))
def test_bounds_do_not_fall_with_documents_nor_rise_with_bits(documents, top, bits):
    top = min(top, documents - 1)
    for bound in (query_dimensions, document_dimensions, necessary_dimensions):
        assert bound(documents, top, bits) <= bound(documents + 1, top, bits)
        assert bound(documents, top, bits + 1) <= bound(documents, top, bits)
    # of sets up to a third, larger ones need more; beyond, Radon's dimensions may fall: the truth may, too
    if 3 * (top + 1) <= documents:
        assert necessary_dimensions(documents, top, bits) <= necessary_dimensions(documents, top + 1, bits)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 40), st.integers(1, 200))
def test_most_documents_is_the_last_that_fits(top, last):
    asked = []
    found = most_documents(lambda n: asked.append(n) or n <= last, top)
    assert found == max(last, top)
    assert all(n > top for n in asked)


def test_most_documents_ends_at_the_largest_number():
    assert most_documents(lambda n: True, 3) == MOST_DOCUMENTS
    assert most_documents(lambda n: n < MOST_DOCUMENTS, 3) == MOST_DOCUMENTS - 1
    for dimensions, top, bits in ((4, 2, 8), (9, 2, 3), (30, 5, 2), (6, 3, 16)):
        most = most_documents(lambda n, d=dimensions, k=top, p=bits: necessary_dimensions(n, k, p) <= d, top)
        assert necessary_dimensions(most, top, bits) <= dimensions < necessary_dimensions(most + 1, top, bits)


@pytest.mark.parametrize(
    "bound", [radon_dimensions, lambda n, k: query_dimensions(n, k, 8), lambda n, k: document_dimensions(n, k, 8)]
)
@pytest.mark.parametrize(
    ("documents", "top", "says"),
    [
        (1, 1, "documents = 1 is not allowed; it must be an integer from 2 to 9007199254740992"),
        (2**53 + 1, 1, "documents = 9007199254740993 is not allowed; it must be an integer from 2 to 9007199254740992"),
        (5.0, 1, "documents = 5.0 is not allowed; it must be an integer from 2"),
        (5, 5, "top = 5 is not allowed; it must be an integer from 1 to documents - 1 = 4"),
        (5, 0, "top = 0 is not allowed; it must be an integer from 1"),
        (5, True, "top = True is not allowed; it must be an integer from 1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(bound, documents, top, says):
    with pytest.raises(AssayError) as refused:
        bound(documents, top)
    assert says in str(refused.value)
    assert "= 4 = 4" not in str(refused.value)


def test_bits_that_cannot_be_are_refused():
    for bound in (query_dimensions, document_dimensions):
        for bits in (0, -1, 2.0, True):
            with pytest.raises(AssayError, match=f"bits = {bits} is not allowed; it must be an integer from 1 up"):
                bound(5, 2, bits)
