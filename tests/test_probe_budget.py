from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import logsumexp

from assay.errors import AssayError
from assay.probing.best_share import GAP, best_margins
from assay.probing.budget import Budget, query_budget
from assay.probing.one_head import one_head
from assay.probing.reach import needed_norms
from assay.probing.spread import Spread, spread
from assay.probing.statistics import head_statistics, sinks
from assay.probing.top_sets import own_mass, top_sets

SEEDS = st.integers(0, 2**32 - 1)


def drawn_head(seed, length=12, width=4, rows=None, causal=True, scale=1.0):
    rng = np.random.default_rng(seed)
    shape = rng.standard_normal((width, width))
    queries = rng.standard_normal((rows or length, width)) @ shape + rng.standard_normal(width)
    return one_head(
        queries, rng.standard_normal((length, width)), rng.standard_normal((length, 3)), causal=causal, scale=scale
    )


# --- one head


def test_weights_are_those_of_a_loop_over_what_each_query_sees():
    head = drawn_head(1, length=7, rows=4)
    for row, found in enumerate(head.weights()):
        seen = range(row + 4)  # the last four queries of seven
        raised = [np.exp(head.scale * head.queries[row] @ head.keys[place]) for place in seen]
        assert found[: row + 4] == pytest.approx(np.array(raised) / sum(raised))
        assert (found[row + 4 :] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}), "width of keys = 3"),
        ({"keys": np.ones((2, 2)), "values": np.ones((3, 1))}, "number of values = 3"),
        ({"keys": np.ones((2, 2)), "scale": 0.0}, "scale = 0.0"),
        ({"keys": np.ones((2, 2)), "visible": np.zeros((2, 2), dtype=bool)}, "none for query 0"),
        ({"keys": np.ones((2, 2)), "visible": np.ones((2, 2))}, "dtype of visible = float64"),
        ({"keys": np.ones((2, 2)), "visible": np.ones((2, 2), dtype=bool), "causal": True}, "causal = True"),
        ({"keys": np.ones((1, 2)), "causal": True}, "queries of a causal head = 2"),
        ({"keys": np.full((2, 2), np.nan)}, "keys = not finite"),
        ({"keys": np.ones(4)}, r"shape of keys = \(4,\)"),
    ],
)
def test_arrays_of_a_head_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(AssayError, match=message) as error:
        one_head(np.ones((2, 2)), **{"keys": np.ones((2, 3)), **arguments})
    assert "\n" not in str(error.value)


# --- budgets


def ball(radius, width):
    """All queries up to a norm."""
    return Budget(radius * np.eye(width))


@given(seed=SEEDS, width=st.integers(1, 6), share=st.sampled_from([0.5, 0.9, 1.0]))
@settings(max_examples=60, deadline=None)
def test_a_budget_holds_the_share_of_the_queries_asked_for(seed, width, share):
    own = np.random.default_rng(seed).standard_normal((41, width)) + 1
    lengths = query_budget(own, share=share).lengths(own)
    # quantiles of 41 numbers are order statistics here: 20.5, 36 and 40 places up, interpolated
    assert (lengths <= 1 + 1e-9).sum() == int(np.floor(share * 40)) + 1
    assert np.quantile(lengths, share) == pytest.approx(1)


@given(seed=SEEDS, rank=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_ellipsoids_are_those_of_the_pseudo_inverse_and_their_mean_square_length_is_the_rank(seed, rank):
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((30, rank)) @ rng.standard_normal((rank, 5))
    inverse = np.linalg.pinv(own.T @ own / len(own), rcond=1e-10, hermitian=True)
    squares = np.einsum("md,de,me->m", own, inverse, own)
    assert squares.mean() == pytest.approx(rank, rel=1e-6)
    expected = np.sqrt(squares / np.quantile(np.sqrt(squares), 0.95) ** 2)
    assert query_budget(own).lengths(own) == pytest.approx(expected, rel=1e-5)


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_ellipsoids_move_with_the_coordinates(seed):
    rng = np.random.default_rng(seed)
    own, change = rng.standard_normal((20, 3)), rng.standard_normal((3, 3)) + 3 * np.eye(3)
    others = rng.standard_normal((5, 3))
    before = query_budget(own).lengths(others)
    assert query_budget(own @ change).lengths(others @ change) == pytest.approx(before, rel=1e-6)


def test_queries_off_the_span_are_outside_and_without_queries_only_zero_is_allowed():
    flat = query_budget(np.array([[1.0, 0], [2, 0], [-1, 0]]))
    assert flat.axes.shape == (2, 1)
    assert flat.lengths([[1.0, 1e-3]])[0] == np.inf
    nothing = query_budget(np.zeros((5, 2)))
    assert nothing.axes.shape == (2, 0)
    found = best_margins(np.eye(2), np.array([[0]]), nothing, scale=1.0)
    assert found.at_least.tolist() == pytest.approx([-np.log(9)])


@pytest.mark.parametrize(
    ("queries", "share", "message"),
    [
        (np.ones(2), 0.5, "shape of queries"),
        (np.full((2, 2), np.inf), 0.5, "queries = not finite"),
        (np.ones((2, 2)), 0.0, "share = 0.0"),
    ],
)
def test_budgets_that_do_not_exist_are_refused(queries, share, message):
    with pytest.raises(AssayError, match=message):
        query_budget(queries, share=share)


# --- best margins


def by_scipy(keys, positions, budget, scale, mass=0.9):
    """The best margin by SLSQP from many starts: the same program, written from its definition."""
    off = [place for place in range(len(keys)) if place not in positions]

    def scores(u):
        return scale * keys @ (budget.axes @ u)

    rank = budget.axes.shape[1]
    conditions = [{"type": "ineq", "fun": lambda u: 1 - u @ u}]
    if len(positions) > 1:
        conditions.append({"type": "eq", "fun": lambda u: np.diff(scores(u)[list(positions)])})
    best = -np.inf
    for start in 0.1 * np.random.default_rng(0).standard_normal((4, rank)):
        found = minimize(
            lambda u: logsumexp(scores(u)[off]) - scores(u)[list(positions)].mean(),
            start,
            constraints=conditions,
            method="SLSQP",
            options={"maxiter": 300, "ftol": 1e-11},
        )
        s = scores(found.x)
        if found.success and np.ptp(s[list(positions)]) < 1e-6 and found.x @ found.x <= 1 + 1e-6:
            best = max(best, np.log(len(positions)) - found.fun - np.log(mass / (1 - mass)))
    return best


@pytest.mark.parametrize("size", [1, 2, 3])
def test_best_margins_are_those_of_a_general_solver(size):
    compared = 0
    for seed in range(8):
        head = drawn_head(seed, length=10)
        budget = query_budget(2 * head.queries)
        sets = np.array([np.random.default_rng(seed).choice(10, size, replace=False)])
        found = best_margins(head.keys, sets, budget, scale=head.scale)
        expected = by_scipy(head.keys, sets[0].tolist(), budget, head.scale)
        if np.isfinite(expected):
            compared += 1
            assert expected <= found.at_most[0] + 1e-5
            assert found.at_least[0] == pytest.approx(expected, abs=1e-4)
    assert compared >= 6


@given(seed=SEEDS, size=st.integers(1, 3), scale=st.sampled_from([0.05, 1.0, 20.0]))
@settings(max_examples=60, deadline=None)
def test_a_found_query_is_in_the_budget_and_no_other_one_is_better(seed, size, scale):
    rng = np.random.default_rng(seed)
    keys, own = rng.standard_normal((9, 3)), rng.standard_normal((30, 3)) * [2, 1, 0.1]
    budget = query_budget(own)
    positions = rng.choice(9, size, replace=False)
    found = best_margins(keys, positions[None], budget, scale=scale)
    query = found.queries[0]
    assert budget.lengths(query[None])[0] <= 1 + 1e-6
    scores = scale * keys @ query
    assert np.ptp(scores[positions]) <= 1e-6 * max(1, np.abs(scores).max())
    odds = logsumexp(scores[positions]) - logsumexp(np.delete(scores, positions))
    assert odds - np.log(9) == pytest.approx(found.at_least[0], abs=1e-6)
    assert found.at_most[0] - found.at_least[0] <= 2 * GAP
    if size == 1:
        tried = rng.standard_normal((500, budget.axes.shape[1])) @ budget.axes.T
        tried /= np.maximum(budget.lengths(tried), 1)[:, None]
        scores = scale * tried @ keys.T
        odds = scores[:, positions[0]] - logsumexp(np.delete(scores, positions, axis=1), axis=1)
        assert (odds - np.log(9)).max() <= found.at_most[0] + 1e-9


@given(seed=SEEDS, length=st.integers(4, 30), size=st.integers(1, 4), strength=st.sampled_from([0.5, 2.0, 8.0]))
@settings(max_examples=60, deadline=None)
def test_a_decision_is_that_of_the_bounds_and_its_own_bounds_hold(seed, length, size, strength):
    rng = np.random.default_rng(seed)
    keys, budget = rng.standard_normal((length, 5)), query_budget(strength * rng.standard_normal((40, 5)))
    sets = np.array([rng.choice(length, size, replace=False) for _ in range(6)])
    whole = best_margins(keys, sets, budget, scale=1.0)
    fast = best_margins(keys, sets, budget, scale=1.0, decide=True)
    clear = np.abs(whole.at_least) > 2 * GAP
    assert (fast.reached == whole.reached)[clear].all()
    assert ((fast.at_most < 0) | fast.reached)[clear].all()
    assert (fast.at_least <= whole.at_most + 1e-12).all()
    assert (fast.at_most >= whole.at_least - 1e-12).all()


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_of_two_keys_the_best_margin_is_the_dual_norm_of_their_difference(seed):
    rng = np.random.default_rng(seed)
    keys, own = rng.standard_normal((2, 4)), rng.standard_normal((30, 4)) + 1
    budget = query_budget(own)
    expected = np.linalg.norm((keys[0] - keys[1]) @ budget.axes) - np.log(9)
    assert best_margins(keys, np.array([[0]]), budget, scale=1.0).at_least[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_reach_in_the_ball_is_that_of_needed_norms(size):
    rng = np.random.default_rng(size)
    keys = rng.standard_normal((40, 8))
    sets = np.array([rng.choice(40, size, replace=False) for _ in range(30)])
    needed = needed_norms(keys, sets, scale=1.0)
    radius = float(np.median(needed.at_most[np.isfinite(needed.at_most)]))
    found = best_margins(keys, sets, ball(radius, 8), scale=1.0)
    clear = np.abs(needed.at_most / radius - 1) > 2e-3
    assert clear.sum() >= 20
    assert (found.reached == (needed.at_most <= radius))[clear].all()
    assert 0 < found.reached.sum() < 30


def test_reach_in_the_ellipsoid_is_that_of_needed_norms_of_keys_along_its_axes():
    rng = np.random.default_rng(3)
    keys, own = rng.standard_normal((30, 6)), rng.standard_normal((80, 6)) * [3, 3, 3, 1, 1, 0.3]
    budget = query_budget(own)
    sets = np.array(list(itertools.combinations(range(10), 2)))
    needed = needed_norms(keys @ budget.axes, sets, scale=1.0)
    found = best_margins(keys, sets, budget, scale=1.0)
    clear = np.abs(needed.at_most - 1) > 2e-3
    assert clear.sum() >= 40
    assert (found.reached == (needed.at_most <= 1))[clear].all()
    assert 0 < found.reached.sum() < len(sets)


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_copies_of_keys_count_as_often(seed):
    rng = np.random.default_rng(seed)
    keys, budget = rng.standard_normal((9, 3)), query_budget(rng.standard_normal((20, 3)))
    copies = rng.integers(0, 4, (2, 9))
    sets = np.array([[2, 4], [0, 8]])
    found = best_margins(keys, sets, budget, scale=1.0, copies=copies)
    for one, times, margin in zip(sets, copies, found.at_least, strict=True):
        off = [keys[place] for place in range(9) if place not in one for _ in range(times[place])]
        together = np.array([*keys[one], *off])
        alone = best_margins(together, np.array([[0, 1]]), budget, scale=1.0).at_least[0]
        assert margin == pytest.approx(alone, abs=2 * GAP)


def test_sets_of_all_keys_and_of_equal_keys_have_the_margins_they_must():
    line = np.array([[0.0, 0], [1, 0], [3, 0], [0, 1]])
    whole = best_margins(line[:2], np.array([[0, 1]]), ball(5, 2), scale=1.0)
    assert whole.at_least.tolist() == [np.inf]
    alone = best_margins(line, np.array([[0, 1]]), ball(5, 2), scale=1.0, copies=np.array([[3, 3, 0, 0]]))
    assert alone.at_least.tolist() == [np.inf]
    same = best_margins(np.array([[1.0, 1], [1, 1], [0, 0]]), np.array([[0, 1]]), ball(5, 2), scale=1.0)
    assert same.at_least[0] == pytest.approx(np.log(2) + 5 * np.sqrt(2) - np.log(9), abs=1e-5)
    # equal scores on three keys of a line leave queries across it, on which the fourth is alone
    across = best_margins(line, np.array([[0, 1, 2]]), ball(5, 2), scale=1.0)
    assert across.at_least[0] == pytest.approx(np.log(3) + 5 - np.log(9), abs=1e-5)


@pytest.mark.parametrize(
    ("sets", "options", "message"),
    [
        ([[0, 0]], {}, "a position twice"),
        ([[0, 5]], {}, r"positions = \(0, 5\)"),
        ([[0]], {"mass": 1.0}, "mass = 1.0"),
        ([[0]], {"copies": np.full((1, 3), -1)}, "copies = -1"),
        ([[0]], {"copies": np.zeros((1, 2), dtype=int)}, "shape of copies"),
        ([0], {}, "shape of sets"),
    ],
)
def test_sets_that_do_not_fit_are_refused(sets, options, message):
    with pytest.raises(AssayError, match=message):
        best_margins(np.ones((3, 2)), np.array(sets), query_budget(np.eye(2)), scale=1.0, **options)


# --- the sets that a head weighs most


@pytest.mark.parametrize("size", [1, 3])
def test_top_sets_are_those_weighed_most_without_sinks(size):
    head = drawn_head(5)
    weights, left_out = head.weights(), {0, *sinks(head)}
    sets = top_sets(head, size=size, queries=99)
    assert [one.query for one in sets] == list(range(6, 12))
    for one in sets:
        allowed = [place for place in range(one.query + 1) if place not in left_out]
        best = sorted(allowed, key=lambda place, row=one.query: -weights[row, place])[:size]
        assert one.positions == tuple(sorted(best))
    masses = [weights[one.query, list(one.positions)].sum() for one in sets]
    assert own_mass(sets, weights) == pytest.approx(masses)


def test_queries_of_top_sets_are_drawn_and_those_that_see_too_little_have_none():
    head = drawn_head(5)
    drawn = [tuple(one.query for one in top_sets(head, size=1, queries=3, seed=seed)) for seed in range(40)]
    assert all(len(set(rows)) == 3 and list(rows) == sorted(rows) and rows[0] >= 6 for rows in drawn)
    assert {row for rows in drawn for row in rows} == set(range(6, 12))
    assert [one.query for one in top_sets(head, size=9, queries=9)] == [10, 11]
    for options in ({"size": 0, "queries": 1}, {"size": 1, "queries": 0}):
        with pytest.raises(AssayError, match="= 0 is not allowed"):
            top_sets(head, **options)


# --- spreads over texts


@given(st.lists(st.one_of(st.none(), st.floats(-9, 9)), max_size=6))
def test_spreads_are_order_statistics_of_what_is_known(figures):
    known = sorted(figure for figure in figures if figure is not None)
    found = spread(figures)
    if not known:
        assert found is None
        return
    assert found == Spread(known[(len(known) - 1) // 2], known[0], known[-1], len(known))
    for limit in (-1.0, 0.0, 2.5):
        assert found.differs(limit) == (len({figure < limit for figure in known}) == 2)


# --- plain statistics


@pytest.mark.parametrize("causal", [True, False])
def test_statistics_are_those_of_loops(causal):
    head = drawn_head(9, causal=causal)
    weights, found = head.weights(), head_statistics(head)
    spreads, entropies, tops, sunk = [], [], [], []
    rows = [row for row in range(12) if head.visible[row].sum() > 1]
    means = []
    for place in range(12):
        seen = [weights[row, place] for row in rows if head.visible[row, place]]
        enough = 2 * len(seen) >= len(rows) and seen
        means.append(np.mean(seen) if enough else -1.0)
    sink = int(np.argmax(means))
    assert sinks(head) == (sink,)
    for row in range(12):
        if row not in rows:
            continue
        seen = [place for place in range(12) if head.visible[row, place]]
        spreads.append(np.std([head.queries[row] @ head.keys[place] for place in seen]))
        entropies.append(-sum(weights[row, j] * np.log(weights[row, j]) for j in seen) / np.log(len(seen)))
        tops.append(max(weights[row]))
        sunk.append(weights[row, sink])
    assert found.score_spread == pytest.approx(np.mean(spreads))
    assert found.entropy == pytest.approx(np.mean(entropies))
    assert found.top_mass == pytest.approx(np.mean(tops))
    assert found.sink_mass == pytest.approx(np.mean(sunk))
    norms = [np.sqrt(sum(x * x for x in key)) for key in head.keys]
    assert found.key_spread == pytest.approx(np.std(norms) / np.mean(norms))
    outputs = [sum(weights[row, j] * head.values[j] for j in range(12)) for row in range(12)]
    assert found.output_size == pytest.approx(np.sqrt(np.mean([output @ output for output in outputs])))


def test_statistics_without_values_are_not_made_up():
    head = one_head(np.ones((3, 2)), np.zeros((3, 2)))
    found = head_statistics(head)
    assert np.isnan(found.output_size)
    assert found.key_spread == 0
    with pytest.raises(AssayError, match="queries that see two keys = 0"):
        head_statistics(one_head([[1.0]], [[1.0]]))
