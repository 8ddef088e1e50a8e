"""Linear memories against loops over pairs, predictions and counts of pairings."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from assay.errors import AssayError
from assay.retrieval.memories import (
    KINDS,
    NUMBER_FORMATS,
    Recalled,
    information_threshold,
    memory_load,
    memory_threshold,
    pairs_at_load,
    recall,
    recall_each,
    recall_grid,
    rounded,
    write,
)
from unit_vectors import drawn

ROUNDING = 1e-4  # more than float32 reads differ from float64 ones at these sizes


def written(kind, keys, values):
    """W by loops over pairs, and for least squares by the pseudo-inverse."""
    memory = np.zeros((keys.shape[1],) * 2)
    for key, value in zip(keys, values, strict=True):
        if kind == "correlation":
            memory += np.outer(value, key)
        elif kind == "delta-rule":
            memory += np.outer(value - memory @ key, key)
    return values.T @ np.linalg.pinv(keys.T) if kind == "least-squares" else memory


def read(kind, keys, values, key):
    """What comes back for a key, without rounding."""
    if kind != "softmax":
        return written(kind, keys, values) @ key
    weights = np.array([math.exp(math.sqrt(len(key)) * float(other @ key)) for other in keys])
    return sum(weight * value for weight, value in zip(weights / weights.sum(), values, strict=True))


def share_between(kind, keys, values, which):
    """The least and the largest share of right answers that small errors of the scores leave possible."""
    surely = perhaps = 0
    for i in which:
        scores = values @ read(kind, keys, values, keys[i])
        ahead = scores[i] - max(np.delete(scores, i), default=-math.inf)
        surely, perhaps = surely + (ahead > ROUNDING), perhaps + (ahead > -ROUNDING)
    return surely / len(which), perhaps / len(which)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dimension", "pairs"), [(7, 5), (8, 20), (9, 40), (12, 1), (6, 150)])
def test_shares_are_those_of_a_loop_over_pairs(kind, dimension, pairs):
    found = recall(kind, dimension, pairs, seeds=[3, 8])
    for seed, share in zip([3, 8], found.shares, strict=True):
        keys, values = drawn(seed, 0, pairs, dimension), drawn(seed, 1 << 39, pairs, dimension)
        low, high = share_between(kind, keys, values, range(pairs))
        assert low <= share <= high
    assert found.asked == pairs
    assert found.share == pytest.approx(sum(found.shares) / 2)


def test_some_keys_are_asked_spread_evenly():
    keys, values = drawn(0, 0, 30, 6), drawn(0, 1 << 39, 30, 6)
    for queries, which in ((1, [0]), (3, [0, 10, 20]), (4, [0, 7, 15, 22])):
        low, high = share_between("correlation", keys, values, which)
        found = recall("correlation", 6, 30, seeds=[0], queries=queries)
        assert low <= found.share <= high
        assert found.asked == queries


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 300), st.integers(0, 2**30))
def test_memories_written_at_once_are_those_written_pair_by_pair(dimension, pairs, seed):
    generator = np.random.default_rng(seed)
    keys, values = (generator.standard_normal((pairs, dimension)) for _ in range(2))
    keys, values = ((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32) for x in (keys, values))
    for kind in ("correlation", "delta-rule"):
        (memory,) = write(kind, keys, values)
        # unit up to float32, so that the delta rule's maps do not expand
        assert np.allclose(memory, written(kind, keys.astype(float), values.astype(float)), atol=1e-9 * pairs)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.integers(1, 30), st.integers(0, 2**30))
def test_least_squares_leave_no_smaller_residue_and_interpolate_if_they_can(dimension, pairs, seed):
    generator = np.random.default_rng(seed)
    keys, values = (generator.standard_normal((pairs, dimension)).astype(np.float32) for _ in range(2))
    (memory,) = write("least-squares", keys, values)
    missing = values - keys @ memory.T
    scale = np.abs(memory).max() + 1
    assert np.abs(missing.T @ keys).max() < 1e-8 * scale * pairs  # stationary, and the sum of squares is convex
    if pairs <= dimension and np.linalg.cond(keys) < 1e3:
        assert np.abs(missing).max() < 1e-6 * scale
        assert np.allclose(memory @ (np.eye(dimension) - np.linalg.pinv(keys) @ keys), 0, atol=1e-4 * scale)


def test_as_many_pairs_as_dimensions_are_interpolated_and_read_right():
    for number_of in (8, 31, 64):
        assert recall("least-squares", 64, number_of).shares == (1.0, 1.0, 1.0)


def test_a_correlation_memory_passes_its_threshold_as_independent_scores_would():
    """Scores of wrong values are about N(0, n/d^2 + 2/d), that of the right one N(1, n/d^2).

    Taken for independent, which they are not: the scores have rank d. The law is one for large d; .1 is a tenth of the
    passage from all to none, and loads differ by more.
    """
    for dimension in (64, 128):
        shares = []
        for at in (0.25, 0.5, 1, 2):
            pairs = pairs_at_load(dimension, at)
            own, other = math.sqrt(pairs) / dimension, math.sqrt(pairs / dimension**2 + 2 / dimension)
            z = np.linspace(-8, 8, 4001)
            predicted = np.sum(norm.pdf(z) * norm.cdf((1 + own * z) / other) ** (pairs - 1)) * (z[1] - z[0])
            shares.append(recall("correlation", dimension, pairs).share)
            assert abs(shares[-1] - predicted) < 0.1
        assert shares[0] > 0.95
        assert shares[-1] < 0.3


def test_the_least_squares_read_more_and_one_pass_of_the_delta_rule_less_than_correlation():
    for dimension in (64, 128):
        by = {one.kind: one.share for one in recall_each(KINDS, dimension, pairs_at_load(dimension, 1), ["float32"])}
        assert by["softmax"] > 0.95 > by["least-squares"] > by["correlation"] > by["delta-rule"] + 0.2


def test_rounding_to_bfloat16_is_to_nearest_with_ties_to_even():
    generator = np.random.default_rng(0)
    for number in [*generator.standard_normal(200), 0.0, 1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-8)]:
        single = float(np.float32(number))
        exponent = math.floor(math.log2(abs(single))) if single else 0
        unit = 2.0 ** (exponent - 7)
        assert rounded(np.array([number]), "bfloat16")[0] == round(single / unit) * unit  # Python rounds ties to even


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20))
def test_int8_holds_the_nearest_of_255_multiples(numbers):
    matrix = np.array(numbers)
    stored = rounded(matrix, "int8")
    scale = np.abs(matrix).max() / 127
    if scale < 1e-30:
        return
    nearest = [min(abs(number - whole * scale) for whole in range(-127, 128)) for number in numbers]
    assert np.allclose(np.abs(stored - matrix), nearest, atol=1e-6 * np.abs(matrix).max())
    assert len(set(np.round(stored / scale).tolist())) <= 255


def test_zeros_stay_zeros_in_every_format():
    for number_format in NUMBER_FORMATS:
        assert rounded(np.zeros((2, 2)), number_format).tolist() == [[0.0, 0.0]] * 2


def test_rounding_hardly_matters_at_eight_bits_but_is_done():
    found = recall_each(["correlation", "least-squares", "softmax"], 64, 349)
    by = {(one.kind, one.number_format): one for one in found}
    for kind in ("correlation", "least-squares", "softmax"):
        for number_format in ("bfloat16", "int8"):
            assert abs(by[kind, number_format].share - by[kind, "float32"].share) < 0.05
    keys, values = (np.random.default_rng(i).standard_normal((9, 4)).astype(np.float32) for i in range(2))
    (memory,) = write("correlation", keys, values)
    assert len({rounded(memory, number_format).tobytes() for number_format in NUMBER_FORMATS}) == 3


def test_one_at_a_time_and_a_grid_read_the_same():
    """Bit for bit in one process: the draws do not depend on what else is asked."""
    grid = recall_grid([16, 9], [0.5, 1.5], seeds=[4], tell=(lines := []).append)
    assert len(grid) == 2 * 2 * len(KINDS) * len(NUMBER_FORMATS)
    assert len(lines) == 4
    for one in grid:
        assert recall(one.kind, one.dimension, one.pairs, one.number_format, [4]) == one
    order = [(one.dimension, one.pairs) for one in grid]
    assert list(dict.fromkeys(order)) == [(d, pairs_at_load(d, at)) for d in (16, 9) for at in (0.5, 1.5)]
    few = recall_grid([16], [0.05, 1.5], ["softmax"], ["int8"], [4], queries=10)
    assert [one.asked for one in few] == [min(10, one.pairs) for one in few]
    assert few[0].pairs < 10 < few[1].pairs


def test_what_is_stored_is_counted_in_bits():
    def bits(kind, number_format):
        return Recalled(kind, 8, 20, number_format, 20, (1.0,)).bits

    assert bits("correlation", "float32") == 8 * 8 * 32
    assert bits("delta-rule", "bfloat16") == 8 * 8 * 16
    assert bits("least-squares", "int8") == 8 * 8 * 8 + 32
    assert bits("softmax", "float32") == 2 * 20 * 8 * 32
    assert bits("softmax", "int8") == 2 * 20 * 8 * 8 + 2 * 32


@given(st.integers(2, 5000), st.floats(0.01, 50))
def test_thresholds_solve_their_equation(dimension, at):
    root = brentq(lambda n: 2 * n * math.log(n) - dimension**2, 1, dimension**2 + 3)
    assert memory_threshold(dimension) == pytest.approx(root, rel=1e-9)
    pairs = pairs_at_load(dimension, at)
    assert memory_load(dimension, pairs) <= at * (1 + 1e-9)
    assert memory_load(dimension, pairs + 1) > at * (1 - 1e-9)


@pytest.mark.parametrize(("dimension", "bits"), [(1, 1), (1, 2), (2, 1), (3, 4), (8, 8), (20, 3)])
def test_information_thresholds_count_pairings(dimension, bits):
    states = 2 ** (bits * dimension**2)
    most = max(n for n in itertools.takewhile(lambda n: math.factorial(n) <= states, itertools.count(1)))
    assert information_threshold(dimension, bits) == most


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hopfield", 8, 4), "kind 'hopfield' is not known"),
        (("softmax", 8, 4, "float16"), "number format 'float16' is not known; did you mean"),
        (("softmax", 0, 4), "dimension = 0 is not allowed"),
        (("softmax", 8, 0), "pairs = 0 is not allowed"),
        (("softmax", 8, 4, "int8", []), r"seeds = \[\] is not allowed"),
        (("softmax", 8, 4, "int8", [0], 5), "queries = 5 is not allowed; it must be an integer from 1 to pairs = 4"),
        (("softmax", 1 << 14, 1 << 14), "are too many"),
    ],
)
def test_wrong_input_is_one_line(arguments, said):
    with pytest.raises(AssayError, match=said) as caught:
        recall(*arguments)
    assert len(caught.value.lines) == 1


def test_wrong_sizes_of_memories_are_one_line():
    for wrong in (lambda: pairs_at_load(64, 0), lambda: memory_threshold(0)):
        with pytest.raises(AssayError, match="is not allowed"):
            wrong()
