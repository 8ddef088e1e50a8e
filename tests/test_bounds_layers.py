"""Bounds on one layer of attention: messages that simulate it, and answer patterns that it has."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from assay import Match3
from assay.bounds import BOUNDS
from assay.bounds.match3_messages import message_bits
from assay.bounds.match3_warren import pattern_bits
from assay.resources import Averages, Resources


def quantise(numbers, step):
    return np.round(np.asarray(numbers) / step) * step


def _mix(difference, averages):
    weight = 0.5 * (1 + np.tanh(difference / 2))
    return weight * averages[0] + (1 - weight) * averages[1]


@pytest.mark.parametrize("precision", [4, 8, 12])
@pytest.mark.parametrize("heads", [1, 3])
def test_messages_of_the_stated_size_simulate_a_layer_to_half_a_step(precision, heads):
    """The protocol behind match3-messages, run on random p-bit layers at the largest values and sharpest scores."""
    generator = np.random.default_rng(precision + heads)
    step, width, tokens = 2.0**-3, 4, 30
    largest = step * 2.0 ** (precision - 1)
    spacing_average, spacing_normaliser = step / (2 * heads), 2 * 2.0**-precision / heads
    for _ in range(200):
        exact, sent = np.zeros(width), np.zeros(width)
        for _ in range(heads):
            spread = generator.choice([0.0, 1.0, 2.0**precision])
            scores = generator.uniform(-0.5, 0.5, tokens) * spread
            values = generator.choice([-largest, largest], (tokens, width))
            parts = [slice(0, 15), slice(15, tokens)]
            logs = [logsumexp(scores[part]) for part in parts]
            averages = [np.exp(scores[part] - log) @ values[part] for part, log in zip(parts, logs, strict=True)]
            exact += _mix(logs[0] - logs[1], averages)
            told = quantise(logs[0], spacing_normaliser), quantise(averages[0], spacing_average)
            sent += _mix(told[0] - logs[1], [told[1], averages[1]])
        assert np.abs(exact - sent).max() <= step / 2 + 1e-9


def layer(heads, coordinates, precision=32):
    return Resources(precision=precision, averages=Averages(heads, coordinates, "fixed"))


def test_messages_count_their_levels():
    average, normaliser = 2 * 3 * 2**6 + 1, (2**6 + math.log(1025)) * 3 * 2**5 + 1
    for coordinates in (7, 4):
        bits = 3 * (coordinates * math.log2(average) + math.log2(normaliser))
        assert message_bits(1025, layer(3, coordinates, 6)) == pytest.approx(bits)
    assert BOUNDS["match3-messages"]().check(Match3(length=1025), layer(3, 7, 6)).required == 512


def test_messages_at_any_precision():
    """At many bits a single coordinate carries more than is asked for: nothing may be excluded."""
    task, bound = Match3(length=100_001), BOUNDS["match3-messages"]()
    assert message_bits(100_001, layer(1, 1, 50_000)) == pytest.approx(150_000, rel=1e-4)
    assert bound.smallest(task, lambda width: layer(1, width, 50_000)) == 1
    exact = math.log2(2 * 2**40 + 1) + math.log2((2**40 + math.log(100_001)) * 2**39 + 1)
    assert message_bits(100_001, layer(1, 1, 40)) == pytest.approx(exact, rel=1e-12)
    one_bit = math.log2(5) + math.log2(2 + math.log(100_001) + 1)
    assert message_bits(100_001, layer(1, 1, 1)) == pytest.approx(one_bit)


def test_the_width_of_heads_of_4_that_the_readme_names():
    """568 = 4 x 142 at N = 65,536, in 32-bit fixed point with an exact softmax."""
    smallest = BOUNDS["match3-messages"]().smallest(
        Match3(length=65_536), lambda width: layer(width // 4, 4), multiple=4
    )
    assert smallest == 572


def exact_layer(heads):
    return Resources(precision=32, averages=Averages(heads, 1 << 20, arithmetic="exact"))


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_a_layer_has_no_more_answer_patterns_than_are_counted(heads):
    """Random layers, what Bob holds being fixed: thresholds of sums of averages. One head reaches the count."""
    generator = np.random.default_rng(heads)
    questions, draws = 5, 20_000
    for _ in range(5):
        values, masses = generator.normal(size=(questions, heads)), generator.exponential(size=(questions, heads))
        sent = generator.normal(size=(draws, 1, heads)) * np.exp(generator.normal(size=(draws, 1, heads), scale=3))
        weights = np.exp(generator.normal(size=(draws, 1, heads), scale=3))
        patterns = ((sent + values) / (weights + masses)).sum(axis=2) > 0
        count = len(np.unique(patterns, axis=0))
        assert math.log2(count) <= pattern_bits(questions, exact_layer(heads)) + 1e-9
        assert heads > 1 or count == questions + 1


@pytest.mark.parametrize(("questions", "heads"), [(8, 2), (100, 2), (100, 5), (64, 32), (1000, 30)])
def test_patterns_are_counted_by_warrens_formula(questions, heads):
    degree, variables = heads, 2 * heads
    counted = variables * math.log2(4 * math.e * degree * questions / variables)
    assert pattern_bits(questions, exact_layer(heads)) == pytest.approx(min(questions, counted))
    assert pattern_bits(2 * heads - 1, exact_layer(heads)) == pytest.approx(2 * heads - 1)


@pytest.mark.parametrize(("n", "least"), [(32, (3, 2)), (64, (4, 3)), (128, (7, 5)), (256, (13, 9)), (1024, (42, 30))])
def test_least_number_of_heads_in_exact_arithmetic(n, least):
    task = Match3(length=2 * n + 1)
    worst = BOUNDS["match3-warren"]().smallest(task, exact_layer)
    mean = BOUNDS["match3-index-warren"]().smallest(task, exact_layer, error=0.05, distribution="index")
    assert (worst, mean) == least


def test_one_head_with_a_linear_readout_errs_often_on_index():
    """log2(n + 1) >= n (1 - h(e)) forces these shares of errors, whatever the width."""
    for n, least in [(8, 0.148), (32, 0.271), (128, 0.363)]:
        task, bound = Match3(length=2 * n + 1), BOUNDS["match3-index-warren"]()
        for share, status in [(least - 1e-3, "binds"), (least + 1e-3, "vacuous")]:
            assert bound.check(task, exact_layer(1), error=share, distribution="index").status == status
