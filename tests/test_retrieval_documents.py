"""Explicit documents against their definitions in whole numbers and fractions, and number formats against others."""

import itertools
import math
import struct
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import AssayError
from assay.retrieval.documents import (
    CyclicCodeDocuments,
    CyclicDocuments,
    OneHotCodeDocuments,
    SignDocuments,
    rise_and_fall,
)
from assay.retrieval.rounded_documents import INTEGER_BITS, STORED_BITS, drawn_sets, is_retrieved, retrieved, rounded


def all_sets(documents, top):
    return np.array(list(itertools.combinations(range(documents), top)))


def whole(matrix):
    """Python integers; that they are whole is part of what is asked."""
    assert (matrix == np.rint(matrix)).all()
    return [[int(number) for number in row] for row in matrix]


def check_exactly(explicit, sets):
    """Every one of these sets is ranked first by its query, in Python integers."""
    vectors = whole(explicit.vectors())
    assert len(vectors) == explicit.documents
    assert {len(vector) for vector in vectors} == {explicit.dimensions}
    for chosen, query in zip(sets, whole(explicit.queries(sets)), strict=True):
        scores = [sum(a * b for a, b in zip(query, vector, strict=True)) for vector in vectors]
        inside = set(chosen.tolist())
        assert min(scores[i] for i in inside) > max(score for i, score in enumerate(scores) if i not in inside)


@pytest.mark.parametrize(("documents", "top"), [(2, 1), (3, 1), (3, 2), (7, 1), (7, 2), (9, 3), (8, 4), (6, 5)])
def test_cyclic_documents_are_the_points_and_polynomials_they_are_said_to_be(documents, top):
    cyclic = CyclicDocuments(documents, top)
    vectors, sets = cyclic.vectors(), all_sets(documents, top)
    queries = cyclic.queries(sets)
    assert vectors.shape == (documents, 2 * top) == (documents, cyclic.dimensions)
    for j in range(documents):
        t = 2 * math.pi * j / documents
        point = [part for i in range(1, top + 1) for part in (math.cos(i * t), math.sin(i * t))]
        assert np.allclose(vectors[j] * math.sqrt(top), point, atol=1e-14)
    assert np.allclose(np.abs(queries).max(axis=1), 1)
    for chosen, scores in zip(sets, queries @ vectors.T, strict=True):
        # 0 at the members and -prod (1 - cos(t - t_j)) elsewhere, up to a constant and a scale above 0
        turns = 2 * math.pi * (np.arange(documents)[:, None] - chosen) / documents
        wanted = -np.prod(1 - np.cos(turns), axis=1)
        away = wanted < -1e-12
        assert away.sum() == documents - top
        scale = (scores[chosen[0]] - scores[away]) / -wanted[away]
        assert scale.min() > 0
        assert np.allclose(scale, scale[0], rtol=1e-6)
        assert np.ptp(scores[chosen]) < 1e-13


@pytest.mark.parametrize(("documents", "top"), [(5, 1), (40, 1), (12, 2), (30, 2), (14, 3), (9, 4), (9, 8), (2, 1)])
def test_one_hot_codes_serve_every_set_in_whole_numbers(documents, top):
    codes = OneHotCodeDocuments(documents, top)
    check_exactly(codes, all_sets(documents, top))
    vectors, queries = codes.vectors(), codes.queries(all_sets(documents, top))
    assert set(np.unique(vectors)) == {0, 1}
    assert set(np.unique(queries)) == {0, 1}
    assert np.array_equal(queries, vectors[all_sets(documents, top)].max(axis=1))
    # words agree in at most r places: k r + 1 places in all
    places = vectors.sum(axis=1)
    assert len(set(places)) == 1
    agreements = vectors @ vectors.T - np.diag(places)
    assert top * agreements.max() < places[0]


def twin_rise_and_fall(prime, top, bits):
    """By loops over all sets of up to k symbols, with queries from products of polynomials, one at a time."""
    scale = 2 ** (bits - 1) - 1
    angles = [2 * math.pi * j / prime for j in range(prime)]
    points = [[round(f(i * t) * scale) for i in range(1, top + 1) for f in (math.cos, math.sin)] for t in angles]
    rise, fall = 0, math.inf
    for count in range(1, top + 1):
        for chosen in itertools.combinations(range(prime), count):
            laurent = {0: complex(-1)}
            for j in chosen:
                longer: dict[int, complex] = {}
                for power, value in laurent.items():
                    for step, factor in ((0, 1), (1, -np.exp(-1j * angles[j]) / 2), (-1, -np.exp(1j * angles[j]) / 2)):
                        longer[power + step] = longer.get(power + step, 0) + value * factor
                laurent = longer
            plain = [
                part for i in range(1, top + 1) for part in (2 * laurent.get(i, 0j).real, -2 * laurent.get(i, 0j).imag)
            ]
            most = max(map(abs, plain))
            query = [round(part / most * scale) for part in plain]
            scores = [sum(a * b for a, b in zip(query, point, strict=True)) for point in points]
            inside = [scores[j] for j in chosen]
            rise = max(rise, max(inside) - min(inside))
            fall = min(fall, min(inside) - max(score for j, score in enumerate(scores) if j not in chosen))
    return rise, fall


# Numbers of bits at which no entry lies so near the middle of two whole numbers that roundings of its digits decide.
@pytest.mark.parametrize(
    ("prime", "top"), [(3, 1), (5, 1), (17, 1), (101, 1), (3, 2), (7, 2), (13, 2), (5, 3), (11, 3), (7, 4)]
)
def test_rises_and_falls_are_those_of_loops(prime, top):
    for bits in (2, 3, 5, 8, 13, 20, 26):
        assert rise_and_fall(prime, top, bits) == twin_rise_and_fall(prime, top, bits)


@pytest.mark.parametrize(
    ("prime", "top", "bits", "says"),
    [(5, 2, 1, "bits = 1"), (5, 2, 27, "bits = 27"), (3, 3, 8, "top = 3"), (5, 0, 8, "top = 0"), (5, 2, 0, "bits = 0")],
)
def test_what_has_no_rise_and_fall_is_refused(prime, top, bits, says):
    with pytest.raises(AssayError, match=f"{says} is not allowed"):
        rise_and_fall(prime, top, bits)


def small_codes(top, bits, most):
    """Codes that are proved, cut to so many documents."""
    return [c for c in CyclicCodeDocuments.all(top, bits) if c.bits == bits and c.dimensions <= most]


@pytest.mark.parametrize(("top", "bits"), [(1, 2), (1, 3), (1, 6), (2, 7), (2, 10), (3, 13)])
def test_codes_serve_every_set_of_few_documents_in_whole_numbers(top, bits):
    """All sets of the first words, and of the words farthest into the code."""
    codes = small_codes(top, bits, 60)[:6]
    assert codes
    for code in codes:
        few = {1: 40, 2: 14, 3: 8}[top]
        cut = CyclicCodeDocuments(min(few, code.documents), top, code.degree, code.prime, code.points, code.bits)
        check_exactly(cut, all_sets(cut.documents, top))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_inequality_means_retrieval_of_the_hardest_sets(data):
    """Random codes that are proved, random sets of words that share symbols, against all words up to thousands."""
    top = data.draw(st.sampled_from([1, 2, 2, 3, 4]))
    bits = data.draw(st.integers(2, 26))
    codes = [code for code in CyclicCodeDocuments.all(top, bits) if code.bits == bits and code.dimensions <= 400]
    if not codes:
        return
    code = data.draw(st.sampled_from(codes))
    rise, fall = rise_and_fall(code.prime, top, bits)
    worst = top * code.degree
    assert worst * rise < (code.points - worst) * fall
    assert code.points == 1 or worst * rise >= (code.points - 1 - worst) * fall  # one place fewer is not proved
    assert code.points <= code.prime
    documents = min(code.documents, 3_000)
    cut = CyclicCodeDocuments(documents, top, code.degree, code.prime, code.points, bits)
    if documents <= top:
        return
    generator = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    sets = np.sort(np.array([generator.choice(documents, top, replace=False) for _ in range(10)]), axis=1)
    near = np.sort((sets[:5, :1] + np.arange(top) * code.prime) % documents, axis=1)  # words that differ in one digit
    near = near[(np.diff(near, axis=1) > 0).all(axis=1)]
    sets = np.concatenate([sets, near])
    vectors, queries = cut.vectors(), cut.queries(sets)
    most = 2 ** (bits - 1) - 1
    assert max(np.abs(vectors).max(), np.abs(queries).max()) <= most
    scores = np.array(whole(queries), dtype=object) @ np.array(whole(vectors), dtype=object).T
    for chosen, own in zip(sets, scores, strict=True):
        others = np.delete(own, chosen)
        least = min(own[chosen])
        assert len(others) == 0 or least > max(others)
        margin = (code.points - worst) * fall - worst * rise
        assert len(others) == 0 or least - max(others) >= margin


def test_blocks_of_queries_do_not_depend_on_what_stands_beside_them():
    """A query alone is, to the last bit, that among others: so that what was proved is what is used."""
    for code in (
        CyclicCodeDocuments.smallest(50_000, 2, 16),
        CyclicCodeDocuments.smallest(5_000, 3, 24),
        CyclicCodeDocuments.smallest(10_000, 1, 3),
    ):
        sets = drawn_sets(code.documents, code.top, 200, 1)
        together = code.queries(sets)
        for row in range(0, 200, 7):
            assert np.array_equal(code.queries(sets[row : row + 1])[0], together[row])


@cache
def smallest(documents, top, bits):
    return CyclicCodeDocuments.smallest(documents, top, bits)


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 2**53 - 1), st.integers(1, 4), st.integers(1, 30))
def test_the_smallest_code_is_monotone_and_within_its_bits(documents, top, bits):
    if documents <= top + 1:
        return
    found, more, fewer = (smallest(documents, top, b) for b in (bits, bits + 1, bits)) if documents else ()
    fewer = smallest(documents - 1, top, bits)
    if found is None:
        return
    assert found.documents == documents
    assert 2 <= found.bits <= min(bits, 26)
    assert found.prime ** (found.degree + 1) >= documents
    assert more.dimensions <= found.dimensions
    assert fewer.dimensions <= found.dimensions
    assert found.dimensions == 2 * top * found.points
    all_of_them = [code for code in CyclicCodeDocuments.all(top, bits) if code.documents >= documents]
    assert found.dimensions == min(code.dimensions for code in all_of_them)
    assert found.bits == min(code.bits for code in all_of_them if code.dimensions == found.dimensions)


def test_all_grow_with_bits():
    for top in (1, 2, 3, 4, 5):
        for bits in range(28):
            fewer, more = CyclicCodeDocuments.all(top, bits), CyclicCodeDocuments.all(top, bits + 1)
            assert set(fewer) <= set(more)
            assert all(code.bits <= bits for code in fewer)
    assert CyclicCodeDocuments.all(5, 26) == ()
    assert smallest(1_000, 5, 26) is None


@pytest.mark.parametrize(
    ("documents", "top", "bits", "wanted"),
    [
        (50_000, 2, 18, (20, 18)),
        (50_000, 2, 17, (24, 17)),
        (50_000, 2, 16, (28, 14)),
        (50_000, 2, 13, (32, 13)),
        (50_000, 2, 11, (36, 11)),
        (10**6, 2, 18, (28, 18)),
        (10**9, 2, 22, (36, 22)),
        (10**9, 2, 19, (44, 19)),
        (50_000, 1, 13, (4, 13)),
        (50_000, 1, 8, (6, 8)),
        (50_000, 1, 5, (8, 5)),
        (50_000, 3, 24, (42, 24)),
    ],
)
def test_codes_are_at_least_as_small_as_those_of_another_program(documents, top, bits, wanted):
    found = smallest(documents, top, bits)
    assert (found.dimensions, found.bits) <= wanted


@pytest.mark.long
def test_fifty_thousand_documents_of_28_dimensions_serve_random_and_adversarial_pairs():
    code = smallest(50_000, 2, 16)
    prime = code.prime
    near = np.array([[i, i + prime**j] for i in range(0, 30_000, 97) for j in range(code.degree + 1)])
    near = near[near[:, 1] < code.documents]
    vectors = code.vectors().astype(np.int64)
    for part in np.array_split(np.concatenate([near, drawn_sets(50_000, 2, 5_000, 0)]), 60):
        scores = code.queries(part).astype(np.int64) @ vectors.T
        assert is_retrieved_by_sorting(scores, part).all()


def is_retrieved_by_sorting(scores, sets):
    found = []
    for own, chosen in zip(scores, sets, strict=True):
        ranked = np.argsort(own)
        top = len(chosen)
        found.append(set(ranked[-top:]) == set(chosen) and own[ranked[-top]] > own[ranked[-top - 1]])
    return np.array(found)


def test_signs_are_signs_and_their_queries_sums():
    signs = SignDocuments(200, 3, width=33, seed=4)
    vectors, sets = signs.vectors(), drawn_sets(200, 3, 50, 0)
    assert vectors.shape == (200, 33) == (200, signs.dimensions)
    assert set(np.unique(vectors)) == {-1, 1}
    assert np.array_equal(signs.queries(sets), [sum(vectors[i] for i in chosen) for chosen in sets])
    assert np.array_equal(SignDocuments(150, 3, width=33, seed=4).vectors(), vectors[:150])  # whatever n is
    assert not np.array_equal(SignDocuments(200, 3, width=33, seed=5).vectors(), vectors)
    assert abs(vectors.mean()) < 5 / math.sqrt(vectors.size)
    assert (
        retrieved(SignDocuments(60, 2, width=64), "int8").share
        > 0.99
        > retrieved(SignDocuments(60, 2, width=4), "int8").share
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 200), st.data())
def test_drawn_sets_are_sets(documents, data):
    top = data.draw(st.integers(1, documents - 1))
    sets = drawn_sets(documents, top, 20, data.draw(st.integers(0, 9)))
    assert sets.shape == (20, top)
    assert (np.diff(sets, axis=1) > 0).all()
    assert sets.min() >= 0
    assert sets.max() < documents


def test_every_set_is_drawn_as_often():
    sets = drawn_sets(6, 2, 6_000, 3)
    counts = np.unique(sets[:, 0] * 6 + sets[:, 1], return_counts=True)[1]
    assert len(counts) == 15
    assert np.abs(counts - 400).max() < 5 * math.sqrt(400)


def nearest(number, digits, least):
    """The float of so many binary digits that is nearest to a fraction, ties to even; multiples of 2^least at most."""
    if number == 0:
        return 0.0
    exponent = math.frexp(float(number))[1] - digits
    exponent = max(exponent, least)
    steps = number / Fraction(2) ** exponent
    return float(round(steps) * Fraction(2) ** exponent)


FINITE = st.floats(-60_000, 60_000)


@settings(max_examples=300, deadline=None)
@given(FINITE)
def test_floats_are_the_nearest_of_their_format(number):
    """By fractions: of float32 first, as numbers come from there, then of the short ones."""
    given_ = np.array([[number]])
    single = nearest(Fraction(number), 24, -149)
    assert rounded(given_, "float64")[0, 0] == number
    assert rounded(given_, "float32")[0, 0] == single == struct.unpack("f", struct.pack("f", number))[0]
    assert rounded(given_, "float16")[0, 0] == nearest(Fraction(single), 11, -24)
    assert rounded(given_, "bfloat16")[0, 0] == nearest(Fraction(single), 8, -133)


def test_formats_hold_the_integers_they_are_said_to_and_no_more():
    for name, bits in INTEGER_BITS.items():
        if name == "int8":
            continue
        most = 2 ** (bits - 1)
        held = np.array([[most, most - 1, -most, 1.0 - most, 0, 1]], dtype=float)
        assert np.array_equal(rounded(held, name), held)
        if name != "float64":
            assert rounded(np.array([[most + 1.0]]), name)[0, 0] != most + 1
    whole_bytes = np.arange(-127, 128, dtype=float)[None]
    assert np.array_equal(np.rint(rounded(whole_bytes, "int8")), whole_bytes)
    assert STORED_BITS == {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "int8": 8}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.floats(-100, 100), min_size=3, max_size=3), min_size=1, max_size=4))
def test_bytes_have_a_scale_for_each_vector(rows):
    vectors = np.array(rows)
    found = rounded(vectors, "int8")
    for row, numbers in zip(vectors, found, strict=True):
        largest = np.abs(row).max()
        if largest < 1e-300:
            continue
        steps = numbers * 127 / largest
        assert np.allclose(steps, np.round(steps), atol=1e-9)
        assert np.abs(numbers - row).max() <= largest / 254 * (1 + 1e-9)
        assert np.abs(numbers).max() == pytest.approx(largest)


def plain_share(cyclic, number_format):
    """By plain loops over all sets: numbers rounded by torch one at a time, scores summed in Python floats."""

    def short(row):
        if number_format == "int8":
            step = max(map(abs, row)) / 127
            return [round(number / step) * step for number in row]
        if number_format == "float64":
            return row
        return torch.tensor(row, dtype=torch.float32).to(getattr(torch, number_format)).tolist()

    vectors = [short(row) for row in cyclic.vectors().tolist()]
    sets = list(itertools.combinations(range(cyclic.documents), cyclic.top))
    lost = sure = 0
    for chosen, query in zip(sets, cyclic.queries(np.array(sets)).tolist(), strict=True):
        query = short(query)
        scores = [math.fsum(a * b for a, b in zip(query, vector, strict=True)) for vector in vectors]
        margin = min(scores[i] for i in chosen) - max(s for i, s in enumerate(scores) if i not in chosen)
        lost += margin < -1e-13  # between the two the order of summation decides
        sure += margin > 1e-13
    return sure, len(sets) - lost, len(sets)


@pytest.mark.parametrize(("documents", "formats"), [(46, list(INTEGER_BITS)), (100, ["bfloat16", "float16"])])
def test_shares_of_pairs_are_those_of_plain_loops(documents, formats):
    cyclic = CyclicDocuments(documents, 2)
    for name in formats:
        low, high, count = plain_share(cyclic, name)
        found = retrieved(cyclic, name)
        assert found.exhaustive
        assert found.tried == count == math.comb(documents, 2)
        assert low <= found.retrieved <= high


def test_float64_keeps_every_pair_and_bytes_do_not():
    for documents in (23, 46, 100, 300):
        assert retrieved(CyclicDocuments(documents, 2), "float64").share == 1
    assert retrieved(CyclicDocuments(100, 2), "int8").share < 0.5


@pytest.mark.parametrize("name", ["float64", "float32", "float16", "int8"])
def test_codes_keep_every_pair_in_formats_that_hold_their_integers(name):
    code = smallest(2_000, 2, INTEGER_BITS[name])
    if code is None or code.dimensions > 200:
        code = CyclicCodeDocuments.smallest(30, 2, INTEGER_BITS[name])
    assert code.bits <= INTEGER_BITS[name]
    if name == "int8":  # each vector's scale would not be 1 there: bytes hold the integers as they are
        most = max(np.abs(code.vectors()).max(), np.abs(code.queries(drawn_sets(code.documents, 2, 200, 0))).max())
        assert most <= 127
        return
    found = retrieved(code, name, draws=3_000)
    assert found.share == 1


def test_numbers_beyond_a_format_are_no_sets_served_and_no_warning():
    code = CyclicCodeDocuments(1_000, 2, degree=1, prime=37, points=3, bits=26)
    found = retrieved(code, "float16", draws=50)
    assert found.share < 1


def test_ties_are_failures():
    vectors = np.array([[1.0, 0], [1, 0], [0, 1]])
    sets = np.array([[0], [2]])
    assert is_retrieved(vectors, np.array([[1.0, 0], [0, 1]]), sets).tolist() == [False, True]


def test_more_sets_than_a_million_are_drawn_and_said_to_be():
    found = retrieved(CyclicDocuments(2_000, 2), "float32", draws=100)
    assert (found.tried, found.exhaustive) == (100, False)
    assert found == retrieved(CyclicDocuments(2_000, 2), "float32", draws=100)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (lambda: CyclicDocuments(3, 3), "top = 3 is not allowed; it must be an integer from 1 to documents - 1 = 2"),
        (lambda: OneHotCodeDocuments(1, 1), "documents = 1 is not allowed"),
        (lambda: SignDocuments(5, 2, width=0), "width = 0 is not allowed; it must be an integer from 1 up"),
        (lambda: retrieved(CyclicDocuments(5, 2), "float8"), "number format 'float8' is not known"),
        (lambda: retrieved(CyclicDocuments(5, 2), "int8", draws=0), "draws = 0 is not allowed"),
        (lambda: CyclicCodeDocuments.smallest(2, 2, 8), "top = 2 is not allowed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(asked, says):
    with pytest.raises(AssayError) as refused:
        asked()
    assert says in str(refused.value)
