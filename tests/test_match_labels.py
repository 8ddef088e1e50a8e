"""Labels of the match tasks against twins written from the definitions, method by method and at the largest sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError
from assay.tasks import match_labels
from assay.tasks.match_labels import (
    LARGEST_MODULUS,
    MATCH3_METHODS,
    match2_labels,
    match3_bigram_labels,
    match3_labels,
    match3_local_labels,
)

SMALL = [(1, 1), (1, 2), (1, 9), (2, 16), (3, 7), (4, 5), (5, 3), (6, 2)]


def naive_match2(x, modulus):
    return [any((a + b) % modulus == 0 for b in x) for a in x]


def naive_match3(x, modulus):
    return [any((a + b + c) % modulus == 0 for b in x for c in x) for a in x]


def naive_bigram(x, modulus):
    return [any((a + x[j] + x[j + 1]) % modulus == 0 for j in range(len(x) - 1)) for a in x]


def naive_local(x, modulus, window):
    return [
        any(
            abs(i - j1) <= window and abs(i - j2) <= window and (x[i] + x[j1] + x[j2]) % modulus == 0
            for j1 in range(len(x))
            for j2 in range(len(x))
        )
        for i in range(len(x))
    ]


def every_sequence(length, modulus):
    return np.indices((modulus,) * length).reshape(length, -1).T.astype(np.int64)


def assert_equals_twin(labels, twin, residues, modulus, *arguments):
    assert labels.dtype == np.bool_
    assert labels.shape == residues.shape
    expected = [twin(row, modulus, *arguments) for row in residues.tolist()]
    wrong = np.flatnonzero((labels != np.array(expected)).any(axis=1))
    assert not wrong.size, f"M={modulus} x={residues[wrong[0]].tolist()} labels {labels[wrong[0]].tolist()}"


@st.composite
def sequences(draw, longest=24):
    """A few sequences with M small, about N, N^2 or N^3, or huge; negatives of sums are planted where M is large."""
    length = draw(st.integers(1, longest))
    largest = draw(st.sampled_from([4, length + 1, 8 * length, length**2 + 2, length**3 + 2, 10**12, LARGEST_MODULUS]))
    modulus = draw(st.integers(1, largest)) if draw(st.booleans()) else largest
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    residues = random.integers(0, modulus, (3, length))
    kind = draw(st.sampled_from(["uniform", "few", "ends"]))
    if kind == "few":
        residues = residues[:, random.integers(0, min(3, length), length)]
    elif kind == "ends":  # close to 0 and M, where sums wrap around
        residues = (random.integers(-3, 4, (3, length)) + modulus * random.integers(0, 2, (3, length))) % modulus
    for row in residues:
        a, b, c = random.integers(0, length, 3)
        row[c] = (-int(row[a]) - int(row[b]) * int(random.integers(0, 2))) % modulus
    return residues, modulus


@pytest.mark.parametrize(("length", "modulus"), SMALL)
def test_all_sequences_of_small_sizes_are_labelled_as_defined(length, modulus):
    residues = every_sequence(length, modulus)
    assert_equals_twin(match2_labels(residues, modulus), naive_match2, residues, modulus)
    assert_equals_twin(match3_labels(residues, modulus), naive_match3, residues, modulus)
    assert_equals_twin(match3_bigram_labels(residues, modulus), naive_bigram, residues, modulus)
    for window in range(length + 1):
        local = match3_local_labels(residues, modulus, window)
        assert_equals_twin(local, naive_local, residues, modulus, window)


@pytest.mark.parametrize("method", MATCH3_METHODS)
@pytest.mark.parametrize(("length", "modulus"), SMALL)
def test_each_method_alone_labels_all_sequences_of_small_sizes(method, length, modulus):
    residues = every_sequence(length, modulus)
    residues = residues[:: max(1, len(residues) // 1000)] if method == "convolution" else residues
    assert_equals_twin(MATCH3_METHODS[method](residues, modulus), naive_match3, residues, modulus)


@settings(max_examples=150, deadline=None)
@given(sequences())
def test_random_sequences_are_labelled_as_defined(case):
    residues, modulus = case
    assert_equals_twin(match2_labels(residues, modulus), naive_match2, residues, modulus)
    assert_equals_twin(match3_labels(residues, modulus), naive_match3, residues, modulus)
    assert_equals_twin(match3_bigram_labels(residues, modulus), naive_bigram, residues, modulus)
    for name, method in MATCH3_METHODS.items():
        if name == "hash" or modulus < 2**17:
            assert_equals_twin(method(residues, modulus), naive_match3, residues, modulus)


@settings(max_examples=60, deadline=None)
@given(sequences(longest=16), st.integers(0, 17))
def test_random_windows_are_labelled_as_defined(case, window):
    residues, modulus = case
    assert_equals_twin(match3_local_labels(residues, modulus, window), naive_local, residues, modulus, window)


def test_zero_and_half_the_modulus_match_by_themselves():
    residues = np.array([[0], [8], [5]])
    assert match2_labels(residues, 16).tolist() == [[True], [True], [False]]
    assert match3_labels(residues, 16).tolist() == [[True], [False], [False]]
    assert match3_labels(residues, 15).tolist() == [[True], [False], [True]]


@pytest.mark.parametrize("modulus", [LARGEST_MODULUS, LARGEST_MODULUS - 1])
def test_sums_do_not_overflow_at_the_largest_modulus(modulus):
    top = modulus - 1
    residues = np.array([[top, top, 2, 1], [top, top - 1, top, top], [modulus // 2, modulus // 2, 1, 1]])
    assert_equals_twin(match2_labels(residues, modulus), naive_match2, residues, modulus)
    assert_equals_twin(match3_labels(residues, modulus), naive_match3, residues, modulus)
    assert_equals_twin(match3_bigram_labels(residues, modulus), naive_bigram, residues, modulus)
    assert_equals_twin(match3_local_labels(residues, modulus, 1), naive_local, residues, modulus, 1)


@pytest.mark.parametrize("modulus", [8194, 8 * 8192, 8192**2, 10**12])
def test_long_sequences_of_odd_residues_match_only_what_is_planted(modulus):
    residues = np.random.default_rng(0).integers(0, modulus // 2, (2, 8192)) * 2 + 1
    assert not match3_labels(residues, modulus).any()
    assert not match3_bigram_labels(residues, modulus).any()
    assert not match3_local_labels(residues, modulus, 3).any()
    even = residues[0, 17] = (-residues[0, 1] - residues[0, 8191]) % modulus
    odd = set(residues[0].tolist()) - {int(even)}
    expected = [a == even or (-a - even) % modulus in odd for a in residues[0].tolist()]  # odd + odd + even
    assert match3_labels(residues, modulus).tolist() == [expected, [False] * 8192]


def test_methods_agree_on_long_sequences():
    random = np.random.default_rng(1)
    for modulus in (4099, 2**14, 3 * 5**6, 10**6 + 3):  # the first and the last are prime
        residues = random.integers(0, modulus, (3, 1024))
        results = [method(residues, modulus) for method in MATCH3_METHODS.values()]
        results.append(match3_labels(residues, modulus))
        results.append(match_labels._local(residues, modulus, 1023, match_labels._hash_bits(1024)))
        assert all((result == results[0]).all() for result in results)


def test_a_scan_out_of_budget_is_finished_by_the_convolution(monkeypatch):
    monkeypatch.setattr(match_labels, "CALL_LOOKUPS", 0)
    monkeypatch.setattr(match_labels, "STEP_LOOKUPS", 0.01)
    residues = np.random.default_rng(2).integers(0, 300, (40, 12))
    _, decided = match_labels._scan(residues, 300, dense=True, budget=int(0.01 * 300 * np.log2(300)))
    assert not decided.any()
    assert_equals_twin(match3_labels(residues, 300), naive_match3, residues, 300)


def test_counts_in_single_precision_stay_far_from_the_threshold_at_the_limit():
    length = match_labels.SINGLE_PRECISION_LIMIT
    residues = np.arange(length)  # sums are 0 ... 2n - 2: one of them n times, and the next residues not at all
    for modulus in (2 * length, 2 * length + 1):
        expected = (residues == 0) | (modulus - residues <= 2 * length - 2)
        assert (match_labels._convolution_labels(residues, modulus) == expected).all()


@pytest.mark.parametrize(
    ("residues", "modulus", "named"),
    [([[0, 5]], 5, "residues"), ([[-1, 2]], 5, "residues"), ([0, 1], 5, "shape"), ([[0]], 2**61, "modulus")],
)
def test_inputs_out_of_range_are_named(residues, modulus, named):
    for labels in (match2_labels, match3_labels, match3_bigram_labels):
        with pytest.raises(AssayError, match=named):
            labels(np.array(residues), modulus)
