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
from assay.probing.budget import SHAPES, query_budget
from assay.probing.one_head import one_head
from assay.probing.purposes import KINDS, Purpose, margins, own_mass, purposes, reach_by_kind, spread
from assay.probing.reach import needed_norms
from assay.probing.statistics import followers, head_statistics, sinks

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


@given(seed=SEEDS, width=st.integers(1, 6), shape=st.sampled_from(SHAPES), share=st.sampled_from([0.5, 0.9, 1.0]))
@settings(max_examples=60, deadline=None)
def test_a_budget_holds_the_share_of_the_queries_asked_for(seed, width, shape, share):
    own = np.random.default_rng(seed).standard_normal((41, width)) + 1
    lengths = query_budget(own, shape, share=share).lengths(own)
    # quantiles of 41 numbers are order statistics here: 20.5, 36 and 40 places up, interpolated
    assert (lengths <= 1 + 1e-9).sum() == int(np.floor(share * 40)) + 1
    assert np.quantile(lengths, share) == pytest.approx(1)


@given(seed=SEEDS, shape=st.sampled_from(SHAPES[:2]), rank=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_ellipsoids_are_those_of_the_pseudo_inverse_and_their_mean_square_length_is_the_rank(seed, shape, rank):
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((30, rank)) @ rng.standard_normal((rank, 5))
    if shape == "about the mean":
        own += rng.standard_normal(5)
    centre = own.mean(axis=0) if shape == "about the mean" else np.zeros(5)
    inverse = np.linalg.pinv((own - centre).T @ (own - centre) / len(own), rcond=1e-10, hermitian=True)
    squares = np.einsum("md,de,me->m", own - centre, inverse, own - centre)
    assert squares.mean() == pytest.approx(rank, rel=1e-6)
    expected = np.sqrt(squares / np.quantile(np.sqrt(squares), 0.95) ** 2)
    assert query_budget(own, shape).lengths(own) == pytest.approx(expected, rel=1e-5)


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_ellipsoids_move_with_the_coordinates_and_lie_in_the_ball_of_their_longest_query(seed):
    rng = np.random.default_rng(seed)
    own, change = rng.standard_normal((20, 3)), rng.standard_normal((3, 3)) + 3 * np.eye(3)
    others = rng.standard_normal((5, 3))
    for shape in SHAPES[:2]:
        before = query_budget(own, shape).lengths(others)
        assert query_budget(own @ change, shape).lengths(others @ change) == pytest.approx(before, rel=1e-6)
    for shape in SHAPES:
        budget = query_budget(own, shape)
        directions = rng.standard_normal((200, 3))
        directions /= np.linalg.norm(directions, axis=1)[:, None]
        reached = budget.centre + directions @ budget.axes.T
        assert np.linalg.norm(reached, axis=1).max() <= budget.longest() * (1 + 1e-12)


def test_queries_off_the_span_are_outside_and_equal_queries_leave_the_centre_alone():
    flat = query_budget(np.array([[1.0, 0], [2, 0], [-1, 0]]))
    assert flat.axes.shape == (2, 1)
    assert flat.lengths([[1.0, 1e-3]])[0] == np.inf
    assert query_budget(np.full((5, 2), 3.0), "about the mean").axes.shape == (2, 0)
    assert query_budget(np.zeros((5, 2)), "ball").longest() == 0


@pytest.mark.parametrize(
    ("queries", "shape", "share", "message"),
    [
        (np.ones((2, 2)), "cube", 0.5, "shape of a budget 'cube' is not known"),
        (np.ones(2), "ball", 0.5, "shape of queries"),
        (np.full((2, 2), np.inf), "ball", 0.5, "queries = not finite"),
        (np.ones((2, 2)), "ball", 0.0, "share = 0.0"),
    ],
)
def test_budgets_that_do_not_exist_are_refused(queries, shape, share, message):
    with pytest.raises(AssayError, match=message):
        query_budget(queries, shape, share=share)


# --- best margins


def by_scipy(keys, positions, budget, scale, mass=0.9):
    """The best margin by SLSQP from many starts: the same program, written from its definition."""
    off = [place for place in range(len(keys)) if place not in positions]

    def scores(u):
        return scale * keys @ (budget.centre + budget.axes @ u)

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


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_best_margins_are_those_of_a_general_solver(shape, size):
    compared = 0
    for seed in range(8):
        head = drawn_head(seed, length=10)
        budget = query_budget(2 * head.queries, shape)
        sets = np.array([np.random.default_rng(seed).choice(10, size, replace=False)])
        found = best_margins(head.keys, sets, budget, scale=head.scale)
        expected = by_scipy(head.keys, sets[0].tolist(), budget, head.scale)
        if np.isfinite(found.at_least[0]):
            compared += np.isfinite(expected)
            assert expected <= found.at_most[0] + 1e-5
            assert found.at_least[0] == pytest.approx(expected, abs=1e-4) or not np.isfinite(expected)
        else:
            assert expected == -np.inf
    assert compared >= 4


@given(seed=SEEDS, shape=st.sampled_from(SHAPES), size=st.integers(1, 3), scale=st.sampled_from([0.05, 1.0, 20.0]))
@settings(max_examples=60, deadline=None)
def test_a_found_query_is_in_the_budget_and_no_other_one_is_better(seed, shape, size, scale):
    rng = np.random.default_rng(seed)
    keys, own = rng.standard_normal((9, 3)), rng.standard_normal((30, 3)) * [2, 1, 0.1]
    budget = query_budget(own, shape)
    positions = rng.choice(9, size, replace=False)
    found = best_margins(keys, positions[None], budget, scale=scale)
    if np.isfinite(found.at_least[0]):
        query = found.queries[0]
        assert budget.lengths(query[None])[0] <= 1 + 1e-6
        scores = scale * keys @ query
        assert np.ptp(scores[positions]) <= 1e-6 * max(1, np.abs(scores).max())
        odds = logsumexp(scores[positions]) - logsumexp(np.delete(scores, positions))
        assert odds - np.log(9) == pytest.approx(found.at_least[0], abs=1e-6)
        assert found.at_most[0] - found.at_least[0] <= 2 * GAP
    if size == 1:
        tried = budget.centre + rng.standard_normal((500, budget.axes.shape[1])) @ budget.axes.T
        tried = budget.centre + (tried - budget.centre) / np.maximum(budget.lengths(tried), 1)[:, None]
        scores = scale * tried @ keys.T
        odds = scores[:, positions[0]] - logsumexp(np.delete(scores, positions, axis=1), axis=1)
        assert (odds - np.log(9)).max() <= found.at_most[0] + 1e-9


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_of_two_keys_the_best_margin_is_the_dual_norm_of_their_difference(seed):
    rng = np.random.default_rng(seed)
    keys, own = rng.standard_normal((2, 4)), rng.standard_normal((30, 4)) + 1
    for shape in SHAPES:
        budget = query_budget(own, shape)
        difference = keys[0] - keys[1]
        expected = difference @ budget.centre + np.linalg.norm(difference @ budget.axes) - np.log(9)
        assert best_margins(keys, np.array([[0]]), budget, scale=1.0).at_least[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_reach_in_the_ball_is_that_of_needed_norms(size):
    rng = np.random.default_rng(size)
    keys, own = rng.standard_normal((40, 8)), 3 * rng.standard_normal((50, 8))
    sets = np.array([rng.choice(40, size, replace=False) for _ in range(30)])
    needed = needed_norms(keys, sets, scale=1.0)
    radius = float(np.median(needed.at_most[np.isfinite(needed.at_most)]))
    ball = query_budget(own * radius / np.quantile(np.linalg.norm(own, axis=1), 0.95), "ball")
    found = best_margins(keys, sets, ball, scale=1.0)
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


def test_keys_that_are_not_visible_do_not_count():
    rng = np.random.default_rng(4)
    keys, budget = rng.standard_normal((12, 3)), query_budget(rng.standard_normal((20, 3)), "about the mean")
    visible = np.arange(12) < 7
    some = best_margins(keys, np.array([[2, 4]]), budget, scale=1.0, visible=visible[None])
    first = best_margins(keys[:7], np.array([[2, 4]]), budget, scale=1.0)
    assert some.at_least == pytest.approx(first.at_least, abs=2 * GAP)


def test_sets_of_all_keys_of_equal_keys_and_out_of_line_have_the_margins_they_must():
    budget = query_budget(np.eye(2) * 5, "ball")
    line = np.array([[0.0, 0], [1, 0], [3, 0], [0, 1]])
    whole = best_margins(line[:2], np.array([[0, 1]]), budget, scale=1.0)
    assert whole.at_least.tolist() == [np.inf]
    assert whole.shares.tolist() == [1.0]
    same = best_margins(np.array([[1.0, 1], [1, 1], [0, 0]]), np.array([[0, 1]]), budget, scale=1.0)
    assert same.at_least[0] == pytest.approx(np.log(2) + 5 * np.sqrt(2) - np.log(9), abs=1e-5)
    # about the mean (1, 0) along y only: scores of the first three are x, so no two of them are equal
    along = query_budget(np.array([[1.0, 1], [1, -1]]), "about the mean")
    assert best_margins(line, np.array([[0, 1]]), along, scale=1.0).at_least[0] == -np.inf
    assert np.isfinite(best_margins(line, np.array([[1, 3]]), along, scale=1.0).at_least[0])


@pytest.mark.parametrize(
    ("sets", "options", "message"),
    [
        ([[0, 0]], {}, "a position twice"),
        ([[0, 5]], {}, r"positions = \(0, 5\)"),
        ([[0]], {"mass": 1.0}, "mass = 1.0"),
        ([[0]], {"visible": np.zeros((1, 3), dtype=bool)}, "not all visible"),
        ([[0]], {"visible": np.zeros((1, 2), dtype=bool)}, "shape of visible"),
        ([0], {}, "shape of sets"),
    ],
)
def test_sets_that_do_not_fit_are_refused(sets, options, message):
    with pytest.raises(AssayError, match=message):
        best_margins(np.ones((3, 2)), np.array(sets), query_budget(np.eye(2)), scale=1.0, **options)


# --- sets that a head is used for

TOKENS = [7, 3, 7, 7, 5, 3, 9, 7, 3, 5, 7, 9]


def test_sets_are_what_their_kinds_say():
    head = drawn_head(5)
    weights, left_out = head.weights(), {0, *sinks(head)}
    sets = purposes(head, TOKENS, sizes=(1, 3), queries=6, needle=[4, 2], seed=1)
    assert {one.kind for one in sets} == set(KINDS)
    assert [one for one in sets if one.kind == "needle"] == [Purpose("needle", 11, (2, 4))]
    for one in sets[1:]:
        assert 6 <= one.query < 12
        assert not left_out & set(one.positions)
        assert list(one.positions) == sorted(set(one.positions))
        assert one.positions[-1] <= one.query
    for row in range(6, 12):
        of = {kind: [one.positions for one in sets[1:] if one.query == row and one.kind == kind] for kind in KINDS}
        earlier = [place for place in range(row) if TOKENS[place] == TOKENS[row]]
        expected = tuple(place for place in earlier if place not in left_out)
        assert of["same token"] == ([expected] if expected else [])
        after = tuple(place + 1 for place in earlier if place + 1 not in left_out)
        assert of["induction"] == ([after] if after else [])
        best = sorted((place for place in range(row + 1) if place not in left_out), key=lambda j: -weights[row, j])
        assert of["top"] == [(best[0],), tuple(sorted(best[:3]))]
        assert all(one == tuple(range(one[0], one[-1] + 1)) for one in of["adjacent"])


def test_random_sets_are_uniform_and_a_run_avoids_the_sink():
    rng = np.random.default_rng(0)
    head = one_head(np.ones((1, 2)), np.vstack([rng.standard_normal((3, 2)), [[9, 9]], rng.standard_normal((3, 2))]))
    assert sinks(head) == (3,)
    counts = np.zeros(7)
    runs = set()
    for seed in range(600):
        for one in purposes(head, list(range(7)), sizes=(2,), seed=seed):
            if one.kind == "random":
                counts[list(one.positions)] += 1
            if one.kind == "adjacent":
                runs.add(one.positions)
    assert runs == {(1, 2), (4, 5), (5, 6)}
    assert counts[[0, 3]].tolist() == [0, 0]
    # 240 each, standard deviation 12: five of them
    assert np.abs(counts[[1, 2, 4, 5, 6]] - 240).max() < 60


@pytest.mark.parametrize(
    ("tokens", "options", "message"),
    [
        (TOKENS[:-1], {}, "number of tokens = 11"),
        (TOKENS, {"sizes": [0]}, "size = 0"),
        (TOKENS, {"queries": 0}, "queries = 0"),
        (TOKENS, {"needle": [12]}, r"needle = \[12\]"),
        (TOKENS, {"needle": []}, r"needle = \[\]"),
    ],
)
def test_sets_that_cannot_be_drawn_are_refused(tokens, options, message):
    with pytest.raises(AssayError, match=message):
        purposes(drawn_head(0), tokens, **options)


def test_margins_of_sets_of_all_sizes_are_those_among_the_keys_their_queries_see():
    head = drawn_head(6)
    budget = query_budget(head.queries, "about the mean")
    sets = purposes(head, TOKENS, queries=4, needle=[1, 2, 3])
    found = margins(head, sets, budget)
    for one, margin in zip(sets, found, strict=True):
        seen = head.keys[: one.query + 1]
        alone = best_margins(seen, np.array([one.positions]), budget, scale=head.scale).at_least[0]
        assert margin == pytest.approx(alone, abs=2 * GAP)
    assert own_mass(head, sets) == pytest.approx([head.weights()[one.query, list(one.positions)].sum() for one in sets])


def test_the_margin_of_a_set_is_at_least_that_of_its_own_query_where_the_budget_holds_it():
    head = drawn_head(8, scale=3.0)
    budget = query_budget(head.queries, share=1.0)
    sets = [one for one in purposes(head, TOKENS, queries=6, sizes=(1,)) if one.size == 1]
    mass = own_mass(head, sets)
    assert (margins(head, sets, budget) >= np.log(mass / (1 - mass)) - np.log(9) - 1e-5).all()


def test_reach_is_gathered_by_kind_and_size():
    sets = [
        Purpose("top", 9, (1,)),
        Purpose("top", 9, (1, 2)),
        Purpose("induction", 9, (1,)),
        Purpose("induction", 9, (1, 2)),
        Purpose("top", 8, (3,)),
    ]
    rows = reach_by_kind(sets, np.array([1.0, -2.0, -1.0, 0.0, -3.0]))
    assert [(row.kind, row.size, row.sets, row.share, row.median, row.low) for row in rows] == [
        ("induction", 0, 2, 0.5, -1.0, -1.0),
        ("top", 1, 2, 0.5, -3.0, -3.0),
        ("top", 2, 1, 0.0, -2.0, -2.0),
    ]
    assert spread([np.nan, np.nan]).texts == 0
    assert spread([-np.inf, 2.0]).low == -np.inf


# --- plain statistics


@pytest.mark.parametrize("causal", [True, False])
def test_statistics_are_those_of_loops(causal):
    head = drawn_head(9, causal=causal)
    weights, found = head.weights(), head_statistics(head, TOKENS)
    spreads, entropies, tops, sunk, induced = [], [], [], [], []
    rows = [row for row in range(12) if head.visible[row].sum() > 1]
    means = []
    for place in range(12):
        seen = [weights[row, place] for row in rows if head.visible[row, place]]
        enough = 2 * len(seen) >= len(rows) and seen
        means.append(np.mean(seen) if enough else -1.0)
    sink = int(np.argmax(means))
    assert sinks(head) == (sink,)
    for row in range(12):
        earlier = [place for place in range(row) if TOKENS[place] == TOKENS[row]]
        assert followers(TOKENS, row).tolist() == [place + 1 for place in earlier]
        if earlier:
            induced.append(sum(weights[row, place + 1] for place in earlier))
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
    assert found.induction == pytest.approx(np.mean(induced))
    norms = [np.sqrt(sum(x * x for x in key)) for key in head.keys]
    assert found.key_spread == pytest.approx(np.std(norms) / np.mean(norms))
    outputs = [sum(weights[row, j] * head.values[j] for j in range(12)) for row in range(12)]
    assert found.output_size == pytest.approx(np.sqrt(np.mean([output @ output for output in outputs])))


def test_statistics_without_tokens_values_or_repetitions_are_not_made_up():
    head = one_head(np.ones((3, 2)), np.zeros((3, 2)))
    found = head_statistics(head)
    assert np.isnan([found.induction, found.output_size]).all()
    assert found.key_spread == 0
    assert np.isnan(head_statistics(head, [1, 2, 3]).induction)
    with pytest.raises(AssayError, match="number of tokens = 2"):
        head_statistics(head, [1, 2])
    with pytest.raises(AssayError, match="queries that see two keys = 0"):
        head_statistics(one_head([[1.0]], [[1.0]]))
