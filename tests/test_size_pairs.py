"""Sizing recall: bounds and tables by enumeration, and the measured law of linear memories measured again."""

import json
import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import AssayError
from assay.bounds.recall_state import RecallState
from assay.resources import Resources
from assay.sizing.stored_pairs import (
    LEAST_SQUARES,
    existing_bits,
    kept,
    largest_pairs,
    linear_width,
    necessary_bits,
    size_pairs,
    table_bits,
)
from assay.sizing.text import sized_text
from assay.tasks.recall import Recall

# bounds and tables


@pytest.mark.parametrize(("pairs", "values", "error"), [(64, 64, 0.0), (64, 64, 0.1), (5, 8, 0.3), (30, 32, 0.05)])
def test_what_is_necessary_is_the_bound_on_the_task_itself(pairs, values, error):
    network = Resources(precision=1, state=lambda tokens: 10**6)
    bound = RecallState().check(Recall(pairs=pairs, vocabulary=values), network, error=error).required
    assert bound <= necessary_bits(pairs, values, error) + 1e-9
    assert necessary_bits(pairs, values, error) < bound + 1


@pytest.mark.parametrize(("pairs", "values"), [(1, 2), (2, 2), (3, 2), (2, 3)])
def test_no_state_below_the_bound_has_an_error_as_small(pairs, values):
    """Every map of the V^K inputs to S states, by enumeration: the best decoder's error against the bound."""
    inputs = list(product(range(values), repeat=pairs))
    for states in range(1, 4):
        best = Fraction(1)
        if states ** len(inputs) > 70_000:
            continue
        for code in product(range(states), repeat=len(inputs)):
            right = 0
            for state in set(code):
                cell = [word for word, at in zip(inputs, code, strict=True) if at == state]
                right += sum(max(sum(word[i] == v for word in cell) for v in range(values)) for i in range(pairs))
            best = min(best, 1 - Fraction(right, len(inputs) * pairs))
        assert math.log2(states) >= pairs * _told(float(best), values) - 1e-9
        bits = math.ceil(math.log2(states))
        assert bits >= necessary_bits(pairs, values, float(best)) or float(best) >= 1 - 1 / values - 1e-12


def _told(error, values):
    """log2 V - h(e) - e log2(V - 1), written out."""
    if error >= 1 - 1 / values:
        return 0.0
    entropy = sum(-p * math.log2(p) for p in (error, 1 - error) if p > 0)
    return math.log2(values) - entropy - error * math.log2(values - 1)


@given(st.integers(1, 12), st.integers(2, 9), st.fractions(0, 1))
def test_a_table_that_keeps_some_pairs_errs_as_little_as_asked(pairs, values, share):
    error = float(share) * (1 - 1 / values) * 0.999
    some = kept(pairs, values, error)
    assert 0 <= some <= pairs
    assert (pairs - some) * (1 - 1 / values) / pairs <= error + 1e-8
    if some:
        assert (pairs - some + 1) * (1 - 1 / values) / pairs > error - 1e-8


def test_a_table_counts_its_contents():
    """All key sets with all values, by enumeration, and all values of all keys: the fewer."""
    for universe in range(1, 7):
        for pairs in range(1, universe + 1):
            for values in (2, 3, 5):
                named = sum(1 for _ in combinations(range(universe), pairs)) * values**pairs
                fewest = min(named, values**universe)
                assert table_bits(pairs, values, universe, 0.0) == (fewest - 1).bit_length()


def test_memories_that_exist_lie_between_the_bound_and_the_least_covering_array():
    """K = V = 2: the covering array numbers of 2, 3, 4 and 5 keys are 4, 4, 5 and 6."""
    for universe, states in ((2, 4), (3, 4), (4, 5), (5, 6)):
        exists = existing_bits(2, 2, universe, 0.0)
        assert necessary_bits(2, 2, 0.0) <= math.ceil(math.log2(states)) <= exists


@given(st.integers(1, 300), st.integers(2, 10**6), st.floats(0, 0.45), st.one_of(st.none(), st.integers(0, 10**6)))
def test_recall_never_contradicts_itself(pairs, values, error, more):
    universe = None if more is None else pairs + more
    needed, enough = necessary_bits(pairs, values, error), table_bits(pairs, values, universe or pairs, error)
    assert needed <= enough
    assert necessary_bits(pairs + 1, values, error) >= needed
    assert necessary_bits(pairs, values, error / 2) >= needed
    assert table_bits(pairs, values, universe or pairs, error / 2) >= enough
    for there in {max(1, needed - 1), needed, enough, enough + 1} - {0}:
        fits = size_pairs(pairs, values, state_bits=there, keys_of=universe, error=error).fits
        most, held = largest_pairs(values, there, universe, error)
        assert (fits is False) == (most < pairs)
        assert fits or held < pairs
        assert held <= most


# linear memories


def shares(width, load, ratio, seed):
    """Right answers of a least-squares memory with random unit keys and values, read by the nearest of V values."""
    rng = np.random.default_rng(seed)
    count = 2
    while 2 * count * math.log(max(2, ratio * count)) < load * width**2:
        count += 1
    keys, book = (rng.standard_normal((n, width)) for n in (count, ratio * count))
    keys, book = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (keys, book))
    chosen = rng.permutation(len(book))[:count]
    memory = np.linalg.lstsq(keys, book[chosen], rcond=None)[0]
    return float((((keys @ memory) @ book.T).argmax(1) == chosen).mean())


@pytest.mark.parametrize("load", [0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("ratio", [1, 8])
def test_least_squares_memories_do_as_was_measured(load, ratio):
    stated = dict(LEAST_SQUARES)[load]
    found = np.mean([shares(48, load, ratio, seed) for seed in range(6)])
    assert stated - 0.04 <= found <= stated + 0.15


@pytest.mark.long
@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("ratio", [1, 8])
def test_least_squares_memories_at_every_load(width, ratio):
    for load, stated in LEAST_SQUARES:
        found = np.mean([shares(width, load, ratio, seed) for seed in range(10, 14)])
        print(f"d={width} V={ratio}K load {load}: {found:.3f}, stated {stated}")
        assert found >= stated - 0.03


def test_a_wider_memory_errs_less():
    widths = [linear_width(500, 500, error) for error in (0.6, 0.35, 0.15, 0.04, 0.015, 0.002)]
    assert widths == sorted(widths)
    assert linear_width(500, 500, 0.0) is None


# answers


@pytest.mark.parametrize(
    ("there", "fits", "start"),
    [(300, False, "Impossible: 64 pairs"), (384, True, "Yes: a table"), (5000, True, "Yes: a table")],
)
def test_the_first_line_says_whether_the_state_is_enough(there, fits, start):
    sized = size_pairs(64, 64, state_bits=there)
    json.dumps(sized.to_json(), allow_nan=False)
    assert sized.fits is fits
    assert sized_text(sized).splitlines()[0] == sized.answer
    assert sized.answer.startswith(start)
    assert bool(sized.change) == (not fits)


def test_between_bound_and_table_it_is_left_open_or_exists():
    """Of 1,024 keys: 384 bits are necessary, 393 exist, 726 are a table."""
    verdicts = {there: size_pairs(64, 64, state_bits=there, keys_of=1024).fits for there in (383, 384, 392, 393, 726)}
    assert verdicts == {383: False, 384: None, 392: None, 393: True, 726: True}
    assert "a table that exists" in size_pairs(64, 64, state_bits=400, keys_of=1024).answer


def test_what_was_measured_in_training_is_marked_where_it_is_extrapolated():
    inside = size_pairs(16, 32, error=0.05)
    outside = size_pairs(128, 65536, error=0.05)
    rests = [
        [one.justification for one in sized.statements if one.name.startswith("training")]
        for sized in (inside, outside)
    ]
    assert not any("EXTRAPOLATED" in line for line in rests[0])
    assert all("EXTRAPOLATED" in line for line in rests[1])
    assert inside.amount("training") == 16 * 32


def test_without_pairs_the_most_are_answered():
    sized = size_pairs(values=64, state_bits=400, keys_of=1024)
    assert sized.answer.startswith("400 bits of state hold at most 66 pairs")
    assert (sized.amount("necessary"), sized.amount("enough")) == largest_pairs(64, 400, 1024, 0.0)
    assert size_pairs(values=64, state_bits=1).amount("enough") == 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"pairs": 0, "values": 2}, "pairs = 0"),
        ({"pairs": 2, "values": 1}, "values = 1"),
        ({"values": 2}, "sized by"),
        ({"pairs": 2, "values": 2, "error": 0.5}, "error = 0.5"),
        ({"pairs": 9, "values": 2, "keys_of": 8}, "keys_of = 8"),
        ({"pairs": 2, "values": 2, "state_bits": 0}, "state_bits = 0"),
        ({"pairs": 2, "values": None}, "values = None"),
    ],
)
def test_recall_that_makes_no_sense_is_refused_in_one_line(wrong, says):
    with pytest.raises(AssayError, match=says) as caught:
        size_pairs(**wrong)
    assert len(caught.value.lines) == 1
