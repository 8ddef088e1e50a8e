"""The averaging inequality, against weights worked out one by one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.constructions.softmax_bound import averaging_error, gamma, temperature


def worst_error_over_values(scores, sparsity):
    """L1 distance of the softmax from uniform on the first `sparsity` positions: the worst over all values."""
    largest = max(scores)
    weights = [math.exp(score - largest) for score in scores]
    total = sum(weights)
    return sum(abs(w / total - (1 / sparsity if i < sparsity else 0)) for i, w in enumerate(weights))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=1, max_size=6), st.lists(st.floats(-8, 8), min_size=1, max_size=12))
def test_no_softmax_average_is_worse_than_the_bound(on, off):
    gap, spread = min(on) - max(off), max(on) - min(on)
    limit = averaging_error(len(on), len(on) + len(off), gap, spread)
    assert worst_error_over_values(on + off, len(on)) <= limit * (1 + 1e-12) + 1e-15


@pytest.mark.parametrize(("sparsity", "positions", "gap"), [(1, 2, 0.7), (3, 40, 5.0), (16, 64, 2.0)])
def test_the_bound_is_attained_without_spread(sparsity, positions, gap):
    scores = [gap] * sparsity + [0.0] * (positions - sparsity)
    assert worst_error_over_values(scores, sparsity) == pytest.approx(
        averaging_error(sparsity, positions, gap), rel=1e-12
    )


def test_the_bound_is_attained_with_spread():
    spread = 2 * math.log(2)  # weights 2/3, 1/6, 1/6
    assert worst_error_over_values([spread, 0.0, 0.0], 3) == pytest.approx(
        averaging_error(3, 3, 100.0, spread), rel=1e-12
    )


@pytest.mark.parametrize(("margin", "error"), [(0.5, 0.05), (1.0, 1e-6), (4.0, 0.9)])
def test_the_temperature_is_the_least_that_reaches_the_error(margin, error):
    alpha = temperature(8, 1024, margin, error)
    assert averaging_error(8, 1024, alpha * margin) == pytest.approx(error, rel=1e-9)
    assert averaging_error(8, 1024, 0.999 * alpha * margin) > error


def test_rounding_of_a_dot_product_stays_below_gamma():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        a, b = torch.randn(2, 300, generator=generator)
        exact = (a.double() * b.double()).sum().item()
        limit = gamma(301, 2.0**-24) * (a.double().abs() * b.double().abs()).sum().item()
        assert abs((a @ b).item() - exact) <= limit


def test_gamma_without_a_correct_digit_is_infinite():
    assert gamma(1 << 24, 2.0**-24) == math.inf
