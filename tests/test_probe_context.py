"""Longest contexts: against a scan of all of them, on keys written out one by one."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import AssayError
from assay.probing.best_share import best_margins
from assay.probing.budget import query_budget
from assay.probing.context import longest_contexts


def drawn(seed, length=20, width=5, size=2, strength=1.5):
    rng = np.random.default_rng(seed)
    keys = rng.standard_normal((length, width)) * np.linspace(2, 0.5, width) + rng.standard_normal(width)
    own = strength * rng.standard_normal((60, width)) + 0.5
    sets = np.array([rng.choice(length, size, replace=False) for _ in range(3)])
    return keys, sets, query_budget(own)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("strength", [0.3, 1.0, 4.0])
def test_the_longest_context_is_the_last_one_reached_in_a_scan_of_all(strength, size):
    keys, sets, budget = drawn(3, size=size, strength=strength)
    found = longest_contexts(keys, sets, budget, scale=0.7, draws=70, seed=1)
    for one, measured in zip(sets, found, strict=True):
        others = np.delete(keys, one, axis=0)
        longer = others[np.random.default_rng(1).integers(len(others), size=70)]
        last = 0
        for extra in range(1, 71):  # not by bisection
            together = np.vstack([keys[one], longer[:extra]])
            if best_margins(together, np.arange(size)[None], budget, scale=0.7).reached[0]:
                last = extra
        assert measured == size + last


def test_contexts_are_those_of_each_set_alone_and_end_at_the_draws():
    keys, sets, budget = drawn(4, strength=2.0)
    together = longest_contexts(keys, sets, budget, scale=1.0, draws=500)
    alone = [longest_contexts(keys, one[None], budget, scale=1.0, draws=500)[0] for one in sets]
    assert together.tolist() == alone
    strong = drawn(4, size=1, strength=1e4)[2]
    place = np.linalg.norm(keys, axis=1).argmax(keepdims=True)[None]
    assert longest_contexts(keys, place, strong, scale=1.0, draws=10**6).tolist() == [10**6 + 1]


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        (np.eye(2)[:1], {"draws": 3}, "number of keys = 1"),
        (np.eye(2), {"draws": 0}, "draws = 0"),
        (np.eye(2), {"draws": 3, "mass": 1.0}, "mass = 1.0"),
    ],
)
def test_what_does_not_fit_is_refused(keys, options, message):
    with pytest.raises(AssayError, match=message):
        longest_contexts(keys, np.array([[0]]), query_budget(np.eye(2)), scale=1.0, **options)
