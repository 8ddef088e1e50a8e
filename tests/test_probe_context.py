from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from assay.errors import AssayError
from assay.probing.best_share import GAP, best_margins
from assay.probing.budget import SHAPES, query_budget
from assay.probing.context import context_limits, crowded_out, dispersion_limit, needed_product, resampled
from assay.probing.one_head import one_head

SEEDS = st.integers(0, 2**32 - 1)


# --- the dispersion bound


@given(product=st.floats(0, 8), sparsity=st.integers(1, 20), mass=st.sampled_from([0.5, 0.9, 0.99]))
def test_the_dispersion_limit_is_met_by_extreme_scores_and_by_no_longer_context(product, sparsity, mass):
    # share of q scores D against N - q scores -D, by its definition; N next to the limit on both sides
    limit = dispersion_limit(product, sparsity, mass)

    def share(length):
        return sparsity * math.exp(product) / (sparsity * math.exp(product) + (length - sparsity) * math.exp(-product))

    assert share(math.floor(limit * (1 - 1e-12))) >= mass - 1e-12
    assert share(math.floor(limit * (1 + 1e-12)) + 1) < mass


@given(seed=SEEDS, product=st.floats(0, 4), sparsity=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_no_scores_within_the_bound_do_better(seed, product, sparsity):
    rng = np.random.default_rng(seed)
    length = math.floor(dispersion_limit(product, sparsity)) + 1
    for spread in (0.5, 1.0, 5.0):
        scores = np.clip(spread * product * rng.standard_normal(length), -product, product)
        assert np.sort(softmax(scores))[-sparsity:].sum() < 0.9


@given(length=st.integers(1, 10**6), sparsity=st.integers(1, 50))
def test_the_needed_product_is_the_inverse_of_the_limit(length, sparsity):
    if sparsity > length:
        return
    product = needed_product(length, sparsity)
    if product == 0:
        assert length == sparsity or Fraction(sparsity, length) >= Fraction(9, 10) - Fraction(1, 10**12)
    else:
        assert dispersion_limit(product, sparsity) == pytest.approx(length, rel=1e-9)


def test_the_limit_for_nine_tenths_is_as_stated_and_overflow_is_infinite():
    assert dispersion_limit(2.0, 3) == pytest.approx(3 * (1 + math.exp(4) / 9))
    assert dispersion_limit(1000.0, 1) == math.inf


# --- a head's keys and budget


def drawn(seed, shape, length=20, width=5, size=2, strength=1.5):
    rng = np.random.default_rng(seed)
    keys = rng.standard_normal((length, width)) * np.linspace(2, 0.5, width) + rng.standard_normal(width)
    own = strength * rng.standard_normal((60, width)) + 0.5
    sets = np.array([rng.choice(length, size, replace=False) for _ in range(3)])
    return keys, sets, query_budget(own, shape)


@given(seed=SEEDS, shape=st.sampled_from(SHAPES), size=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_theorems_are_above_what_is_reached_and_in_order(seed, shape, size):
    keys, sets, budget = drawn(seed, shape, size=size)
    found = context_limits(keys, sets, budget, scale=0.5)
    assert (found.if_repeated <= found.by_mean * (1 + 1e-9)).all()
    assert (found.by_mean <= found.by_range * (1 + 1e-9)).all()
    assert found.by_range <= found.by_norms * (1 + 1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_range_is_the_largest_difference_of_scores_over_pairs_and_queries(shape):
    keys, sets, budget = drawn(1, shape)
    found = context_limits(keys, sets, budget, scale=0.5)
    pairs = [0.5 * (x @ budget.centre + np.linalg.norm(budget.axes.T @ x)) for a in keys for x in a - keys]
    assert found.by_range == pytest.approx(2 * (1 + math.exp(max(pairs)) / 9))
    gains = []
    for one in sets:
        others = [key for place, key in enumerate(keys) if place not in one]
        difference = keys[one].mean(axis=0) - np.mean(others, axis=0)
        gains.append(0.5 * (difference @ budget.centre + np.linalg.norm(budget.axes.T @ difference)))
    assert found.by_mean == pytest.approx([2 * (1 + math.exp(gain) / 9) for gain in gains])
    assert found.by_norms == pytest.approx(
        dispersion_limit(0.5 * budget.longest() * max(math.sqrt(key @ key) for key in keys), 2)
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("times", [2, 7])
def test_contexts_of_repeated_keys_are_predicted_from_the_keys_once(shape, times):
    keys, sets, budget = drawn(2, shape, length=12)
    found = context_limits(keys, sets, budget, scale=1.0)
    for one, expected in zip(sets, found.if_repeated, strict=True):
        others = np.delete(keys, one, axis=0)
        long = np.vstack([keys[one], *[others] * times])
        reached = best_margins(long, np.array([[0, 1]]), budget, scale=1.0).at_least[0]
        # the margin falls by log(times), and is 0 at the predicted length
        assert 2 + (len(long) - 2) * np.exp(reached) == pytest.approx(expected, rel=10 * GAP)


@pytest.mark.parametrize("strength", [0.3, 1.0, 4.0])
def test_the_measured_context_is_the_last_one_reached_in_a_scan_of_all(strength):
    keys, sets, budget = drawn(3, "second moments", size=1, strength=strength)
    found = context_limits(keys, sets, budget, scale=0.7, resample=70, seed=1)
    given_keys = context_limits(keys, sets, budget, scale=0.7, longer=resampled(keys - 1, 70))
    assert found.most == given_keys.most == 71
    contexts = [
        (one, resampled(np.delete(keys, one, axis=0), 70, 1), n) for one, n in zip(sets, found.measured, strict=True)
    ]
    contexts += [(one, resampled(keys - 1, 70), n) for one, n in zip(sets, given_keys.measured, strict=True)]
    for one, longer, measured in contexts:
        last = 0
        for extra in range(1, 71):  # not by bisection
            together = np.vstack([keys[one], longer[:extra]])
            if best_margins(together, np.array([[0]]), budget, scale=0.7).reached[0]:
                last = extra
        assert measured == 1 + last


def test_measured_contexts_of_many_keys_need_no_square_of_them():
    keys, _, budget = drawn(4, "second moments", width=3, strength=60)
    sets = np.linalg.norm(keys, axis=1).argmax(keepdims=True)[None]  # the longest key stands out
    found = context_limits(keys, sets, budget, scale=1.0, resample=32_767)  # a square of these would take 8 GB
    assert found.most == 32_768
    assert (found.measured <= 32_768).all()
    assert found.measured.max() > 1000


def test_bounds_of_many_keys_hold_though_the_range_is_not_that_of_all_pairs():
    rng = np.random.default_rng(5)
    keys, budget = rng.standard_normal((5000, 3)), query_budget(rng.standard_normal((50, 3)), "about the mean")
    few = context_limits(keys[:4000], np.array([[7]]), budget, scale=0.5)
    many = context_limits(keys, np.array([[7]]), budget, scale=0.5)
    assert many.by_range >= few.by_range


def test_further_keys_take_what_softmax_gives_them():
    rng = np.random.default_rng(6)
    head = one_head(rng.standard_normal((9, 4)), rng.standard_normal((9, 4)), causal=True)
    more = rng.standard_normal((5, 4))
    scores = np.hstack([head.scores(), head.scale * head.queries @ more.T])
    after = softmax(scores, axis=1)
    assert crowded_out(head, more) == pytest.approx(after[:, 9:].sum(axis=1).mean())
    before = np.hstack([head.weights(), np.zeros((9, 5))])
    assert crowded_out(head, more) == pytest.approx(np.abs(before - after).sum(axis=1).mean() / 2)


def test_resampled_keys_are_rows_of_the_keys_in_equal_shares():
    keys = np.arange(12.0).reshape(4, 3)
    found = resampled(keys, 8000, seed=3)
    counts = [(found == key).all(axis=1).sum() for key in keys]
    assert sum(counts) == 8000
    assert np.abs(np.array(counts) - 2000).max() < 200  # five standard deviations


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dispersion_limit(-1.0, 1), "product = -1.0"),
        (lambda: dispersion_limit(1.0, 0), "sparsity = 0"),
        (lambda: dispersion_limit(1.0, 1, 1.0), "mass = 1.0"),
        (lambda: needed_product(3, 4), "sparsity = 4"),
        (lambda: resampled(np.ones((2, 2)), 0), "count = 0"),
        (lambda: context_limits(np.eye(2), np.array([[0, 1]]), query_budget(np.eye(2)), scale=1), "number of keys = 2"),
        (
            lambda: context_limits(
                np.eye(2), np.array([[0]]), query_budget(np.eye(2)), scale=1.0, longer=np.ones((2, 3))
            ),
            "shape of longer",
        ),
        (
            lambda: context_limits(np.eye(2), np.array([[0]]), query_budget(np.eye(2)), scale=1.0, resample=-1),
            "resample = -1",
        ),
        (
            lambda: context_limits(
                np.eye(2), np.array([[0]]), query_budget(np.eye(2)), scale=1.0, longer=np.eye(2), resample=2
            ),
            "resample = 2",
        ),
        (lambda: crowded_out(one_head(np.eye(2), np.eye(2)), np.ones((2, 3))), "shape of more"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(AssayError, match=message):
        call()
