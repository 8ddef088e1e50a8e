"""Probing heads: needed norms, sets, arrays, plans, findings, and the command as it is used."""

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from assay import AssayError, Ledger, probe
from assay.probing.best_share import best_margins
from assay.probing.budget import query_budget
from assay.probing.chosen import probe_chosen, verify_set
from assay.probing.findings import advice, gather_probe
from assay.probing.geometry import exists, separates
from assay.probing.heads import make_heads, read_arrays, write_arrays
from assay.probing.plan import Plan
from assay.probing.questions import exists_question
from assay.probing.reach import FAR, GAP, needed_norms
from assay.probing.sets import DrawnSets
from assay.probing.sets import given as given_sets
from fresh import assay
from test_cli import complaint, printed


def gaussian(count, length, width, *, queries=True, causal=False, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    keys = rng.standard_normal((count, length, width)).astype(dtype)
    asked = (6 * rng.standard_normal((count, length, width))).astype(dtype) if queries else None
    return make_heads("gaussian", keys, asked, causal=causal)


def mass_on(keys, query, positions, scale):
    """The softmax mass, from the definition."""
    weights = [math.exp(scale * (float(key @ query) - float(keys[positions[0]] @ query))) for key in keys]
    return sum(weights[i] for i in positions) / sum(weights)


def least_norm(keys, positions, scale, mass):
    """The needed norm by a general solver, from the definition: an upper bound up to its own tolerance."""
    others = [j for j in range(len(keys)) if j not in positions]
    first = positions[0]
    equal = [{"type": "eq", "fun": lambda w, i=i: scale * (keys[i] - keys[first]) @ w} for i in positions[1:]]
    limit = math.log(len(positions) * (1 - mass) / mass)

    def room(w):
        scores = scale * (keys[others] - keys[first]) @ w
        return limit - scores.max() - math.log(np.exp(scores - scores.max()).sum())

    start = exists(keys, positions).query * 10 * len(keys[0])
    conditions = [*equal, {"type": "ineq", "fun": room}]
    options = {"maxiter": 400, "ftol": 1e-10}
    found = minimize(
        lambda w: w @ w / 2, start, jac=lambda w: w, method="SLSQP", options=options, constraints=conditions
    )
    assert found.success, found.message
    return float(np.linalg.norm(found.x))


# needed norms


@pytest.mark.parametrize(("length", "width", "size"), [(6, 3, 1), (12, 6, 2), (20, 10, 3), (15, 14, 5)])
def test_needed_norm_is_that_of_a_general_solver(length, width, size):
    rng = np.random.default_rng(length)
    keys = rng.standard_normal((length, width))
    tried = 0
    for _ in range(8):
        positions = sorted(rng.choice(length, size, replace=False).tolist())
        if exists(keys, positions).answer == "yes":
            found = needed_norms(keys, np.array([positions]), scale=0.7, mass=0.8)
            assert least_norm(keys, positions, 0.7, 0.8) == pytest.approx(found.at_most[0], rel=2 * GAP)
            tried += 1
    assert tried >= 4


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(1, 12), st.data())
def test_queries_do_what_they_should_and_bounds_enclose(length, width, data):
    size = data.draw(st.integers(1, length))
    seed = data.draw(st.integers(0, 1000))
    mass = data.draw(st.sampled_from([0.5, 0.9, 0.99]))
    rng = np.random.default_rng(seed)
    keys = rng.standard_normal((length, width)) * np.logspace(0, -2, width) + 30 * rng.standard_normal(width)
    sets = np.stack([rng.choice(length, size, replace=False) for _ in range(3)])
    found = needed_norms(keys, sets, scale=0.5, mass=mass)
    assert (found.at_least <= found.at_most).all()
    for positions, query, low, high in zip(sets, found.queries, found.at_least, found.at_most, strict=True):
        if math.isinf(high):
            typical = np.median([np.linalg.norm(key - np.median(keys, axis=0)) for key in keys])
            assert low > 0.99 * FAR * math.log(length) / (0.5 * typical)
            continue
        assert high <= (1 + GAP) * low + 1e-12
        assert np.linalg.norm(query) == pytest.approx(high)
        scores = 0.5 * (keys - keys[positions[0]]) @ query
        assert np.abs(scores[positions]).max() < 1e-9 * max(1, high)
        assert mass_on(keys, query, positions.tolist(), 0.5) >= mass - 1e-9


def test_no_shorter_query_does():
    """Random feasible queries are never shorter than the lower bound."""
    rng = np.random.default_rng(3)
    keys = rng.standard_normal((12, 8))
    found = needed_norms(keys, np.array([[0, 4]]), scale=1.0)
    middle = exists(keys, [0, 4]).query
    shorter = math.inf
    for _ in range(4000):
        query = middle / np.linalg.norm(middle) + 0.3 * rng.standard_normal(8)
        difference = keys[0] - keys[4]
        query = query - difference * (difference @ query) / (difference @ difference)
        for length in found.at_least[0] * np.array([0.9, 0.99, 1.02, 1.1, 1.3]):
            if mass_on(keys, length * query / np.linalg.norm(query), [0, 4], 1.0) >= 0.9:
                shorter = min(shorter, length)
                break
    assert found.at_least[0] <= shorter < 1.2 * found.at_least[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_needed_norms_do_not_depend_on_the_mean_the_order_or_the_company(dtype):
    rng = np.random.default_rng(1)
    keys = rng.standard_normal((30, 12)).astype(dtype)
    sets = np.array([[0, 1, 2], [5, 9, 20], [3, 4, 29]])
    found = needed_norms(keys, sets, scale=0.3)
    moved = needed_norms(keys.astype(np.float64) + 100, sets, scale=0.3)
    alone = needed_norms(keys, sets[1:2], scale=0.3)
    order = rng.permutation(30)
    permuted = needed_norms(keys[order], np.argsort(order)[sets], scale=0.3)
    doubled = needed_norms(keys, sets, scale=0.6)
    assert moved.at_most == pytest.approx(found.at_most, rel=2 * GAP)
    assert alone.at_most[0] == pytest.approx(found.at_most[1], rel=1e-6)
    assert permuted.at_most == pytest.approx(found.at_most, rel=2 * GAP)
    assert 2 * doubled.at_most == pytest.approx(found.at_most, rel=2 * GAP)


def test_one_key_all_keys_and_most_keys_need_no_query():
    keys = np.random.default_rng(0).standard_normal((20, 3))
    assert needed_norms(keys[:1], np.array([[0]]), scale=1.0).at_most.tolist() == [0.0]
    assert needed_norms(keys, np.arange(20)[None], scale=1.0).at_most.tolist() == [0.0]
    assert needed_norms(keys, np.arange(18)[None], scale=1.0).at_most.tolist() == [0.0]  # 18 of 20 are 90 %
    assert needed_norms(keys, np.arange(17)[None], scale=1.0).at_least[0] > 0


def test_a_twin_off_the_set_makes_it_impossible_and_twins_on_it_do_not():
    keys = np.random.default_rng(0).standard_normal((10, 6))
    keys[7] = keys[2]
    found = needed_norms(keys, np.array([[2, 3], [2, 7]]), scale=1.0)
    assert math.isinf(found.at_most[0])
    assert math.isfinite(found.at_most[1])
    same = np.ones((5, 3))
    assert math.isinf(needed_norms(same, np.array([[0]]), scale=1.0).at_most[0])


def test_ten_positions_may_be_averaged_with_a_rival_that_scores_as_high():
    """From q = 9 on 90 % of the softmax leaves room for a key of equal score: existence is not needed."""
    rng = np.random.default_rng(5)
    keys = 12.0 * rng.integers(-99, 100, (40, 30))
    keys[39] = keys[:12].mean(axis=0)  # exact
    positions = list(range(12))
    assert exists(keys, positions).answer == "no"
    found = needed_norms(keys, np.array([positions]), scale=0.001)
    assert math.isfinite(found.at_most[0])
    assert mass_on(keys, found.queries[0], positions, 0.001) >= 0.9 - 1e-9


@pytest.mark.parametrize("power", [-90, -30, 30, 90])
def test_needed_norms_scale_with_the_keys(power):
    keys = np.random.default_rng(4).standard_normal((30, 12))
    sets = np.array([[0, 5], [3, 4]])
    found = needed_norms(keys, sets, scale=0.3)
    scaled = needed_norms(keys * 10.0**power, sets, scale=0.3)
    assert scaled.at_most * 10.0**power == pytest.approx(found.at_most, rel=GAP)
    assert scaled.at_least * 10.0**power == pytest.approx(found.at_least, rel=GAP)


def test_a_key_longer_than_all_others_together_hides_no_query():
    keys = np.random.default_rng(4).standard_normal((64, 16))
    before = needed_norms(keys, np.array([[3, 9]]), scale=0.25)
    keys[0] *= 1e6
    assert exists(keys, [3, 9]).answer == "yes"
    assert needed_norms(keys, np.array([[3, 9]]), scale=0.25).at_most[0] < 3 * before.at_most[0]


def test_without_a_direction_left_there_is_no_query():
    """Four keys of five in the plane: equal scores on them leave only the zero query, whatever rounding leaves over."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = needed_norms(rng.standard_normal((5, 2)) + 30, np.array([[0, 1, 2, 3]]), scale=0.5)
        assert math.isinf(found.at_most[0])


def test_the_lower_bound_holds_where_newton_stops_early(monkeypatch):
    """What a gradient that is left may still gain is taken off the bound."""
    from assay.probing import reach

    keys = np.random.default_rng(6).standard_normal((60, 20)) * np.logspace(0, -2, 20)
    sets = DrawnSets("random", 30, (2,), 60, 0).positions()[2]
    exact = needed_norms(keys, sets, scale=1.0)
    monkeypatch.setattr(reach, "_RESIDUAL", 0.6)
    rough = needed_norms(keys, sets, scale=1.0)
    known = np.isfinite(exact.at_most)
    assert (rough.at_least[known] <= exact.at_most[known]).all()
    assert (rough.at_least > 0).all()


# sets


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 60), st.sampled_from(["random", "contiguous"]), st.integers(0, 500), st.data())
def test_drawn_sets_are_sets(length, kind, seed, data):
    sizes = data.draw(st.lists(st.integers(1, length), min_size=1, max_size=3))
    found = DrawnSets(kind, 5, tuple(sizes), length, seed).positions()
    assert list(found) == sorted(set(sizes))
    for size, sets in found.items():
        assert sets.shape == (5, size)
        for row in sets.tolist():
            assert len(set(row)) == size
            assert row == sorted(row)
            assert 0 <= row[0] <= row[-1] < length
            assert kind == "random" or row[-1] - row[0] == size - 1


def test_random_sets_are_uniform():
    sets = DrawnSets("random", 6000, (2,), 5, 1).positions()[2]
    counts = {pair: 0 for pair in [(i, j) for i in range(5) for j in range(i + 1, 5)]}
    for pair in map(tuple, sets.tolist()):
        counts[pair] += 1
    assert min(counts.values()) > 500
    assert max(counts.values()) < 700


@pytest.mark.parametrize("wrong", [[[0, 0]], [[-1]], [[10]], [[]]])
def test_sets_of_a_users_own_must_fit(wrong):
    with pytest.raises(AssayError, match="different positions from 0 to 9"):
        given_sets(wrong, 10)


# heads


def test_heads_come_back_from_their_file(tmp_path):
    rng = np.random.default_rng(0)
    keys = rng.standard_normal((2, 7, 3)).astype(np.float32)
    queries = rng.standard_normal((6, 9, 3)).astype(np.float32)
    heads = make_heads("grouped", keys, queries, scale=0.25, causal=True, layer=(0, 0, 0, 1, 1, 1), place=(0, 1, 2) * 2)
    assert heads.key_head == (0, 0, 0, 1, 1, 1)
    write_arrays(heads, tmp_path / "heads.npz")
    again = read_arrays(tmp_path / "heads.npz")
    assert np.array_equal(again.keys, keys)
    assert np.array_equal(again.queries, queries)
    for name in ("name", "scale", "causal", "key_head", "layer", "place", "note", "digest"):
        assert getattr(again, name) == getattr(heads, name)
    assert replace(heads, name="other").digest == heads.digest
    assert replace(heads, scale=0.5).digest != heads.digest
    assert replace(heads, keys=keys[:, ::-1]).digest != heads.digest


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"queries": np.ones((1, 2, 3))}, "has no array 'keys'"),
        ({"keys": np.ones((2, 3))}, r"shape of keys = \(2, 3\)"),
        ({"keys": np.full((1, 2, 3), np.nan)}, "keys = not finite"),
        ({"keys": np.ones((2, 4, 3)), "queries": np.ones((3, 4, 3))}, "heads of queries = 3"),
        ({"keys": np.ones((1, 4, 3)), "queries": np.ones((1, 4, 2))}, r"shape of queries = \(1, 4, 2\)"),
        ({"keys": np.ones((1, 4, 3)), "key": np.ones(3)}, "arrays of .* = key is not allowed"),
        ({"keys": np.ones((1, 4, 3)), "scale": -1.0}, r"scale = -1.0 is not allowed"),
        ({"keys": np.ones((1, 4, 3)), "layer": [0, 1]}, r"layer = \(0, 1\) is not allowed"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays, says, tmp_path):
    np.savez(tmp_path / "heads.npz", **arrays)
    with pytest.raises(AssayError, match=says):
        read_arrays(tmp_path / "heads.npz")


def test_files_that_are_no_arrays_are_refused(tmp_path):
    whole = tmp_path / "heads.npz"
    write_arrays(gaussian(1, 5, 2), whole)
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:200])
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("cut.npz", "empty.npz", "absent.npz"):
        with pytest.raises(AssayError, match=r"is not a whole \.npz file|absent.npz cannot be read: No such file"):
            read_arrays(tmp_path / name)


def test_half_precision_and_integers_are_taken_exactly(tmp_path):
    values = np.arange(-6, 6).reshape(1, 4, 3)
    for dtype, kept in ((np.float16, np.float32), (np.int64, np.float64)):
        np.savez(tmp_path / "heads.npz", keys=values.astype(dtype))
        keys = read_arrays(tmp_path / "heads.npz").keys
        assert keys.dtype == kept
        assert np.array_equal(keys, values)


# plans and findings


def test_positions_after_the_query_do_not_count_for_causal_heads():
    heads = gaussian(1, 30, 6, causal=True)
    altered = replace(heads, keys=np.concatenate([heads.keys[:, :12], 1000 * heads.keys[:, 12:]], axis=1))
    asked = [list(Plan((one,), (1, 2), 4, 2, position=11).questions()) for one in (heads, altered)]
    assert {question.asked for question in asked[0]} == {"uses", "exists"}
    for mine, other in zip(*asked, strict=True):
        assert {one.length for one in mine.sets} == {12}
        assert mine.answer_for(heads).detail == other.answer_for(altered).detail
    assert Plan((heads,), (1,), position=29).seen == 30


def answered(plan):
    """All questions answered, by key."""
    by_digest = {heads.digest: heads for heads in plan.texts}
    return {piece.key: piece for piece in (one.answer_for(by_digest[one.heads]) for one in plan.questions())}


def test_reach_and_existence_are_shares_of_the_sets_drawn():
    heads = gaussian(3, 24, 8)
    plan = Plan((heads,), (1, 3), sets=6, curves=4)
    found = gather_probe(plan, answered(plan))
    json.dumps(asdict(found), allow_nan=False)
    assert found.unanswered == 0
    for head, row in enumerate(found.heads):
        budget = query_budget(heads.queries[head])
        for kind in ("random", "contiguous"):
            for size in (1, 3):
                sets = DrawnSets(kind, 6, (1, 3), 24, 0).positions()[size]
                margins = best_margins(heads.keys[head], sets, budget, scale=8**-0.5)
                assert row.reach[kind][size].median == (margins.at_least >= 0).sum() / 6
    for size, point in zip(plan.curve, found.curve.measured["random"], strict=True):
        sets = DrawnSets("random", 4, tuple(plan.curve), 24, 0).positions()[size]
        shares = [sum(exists(keys, s.tolist()).answer == "yes" for s in sets) / 4 for keys in heads.keys]
        assert point.q == size
        assert point.mean == pytest.approx(sum(shares) / 3)


def test_findings_of_a_probe_that_has_only_begun():
    plan = Plan((gaussian(2, 16, 4),), (1, 2), sets=3, curves=2)
    first = next(plan.questions())
    piece = first.answer_for(plan.heads)
    found = gather_probe(plan, {piece.key: piece})
    assert found.unanswered == len(list(plan.questions())) - 1
    assert found.heads[0].reach["random"]
    assert found.heads[1].reach == {"random": {}, "contiguous": {}}
    json.dumps(asdict(found), allow_nan=False)
    assert "no head is answered yet" in gather_probe(plan, {}).advice


def test_heads_that_share_keys_share_their_answers():
    rng = np.random.default_rng(2)
    keys = rng.standard_normal((1, 20, 6))
    queries = np.stack([1e-3 * rng.standard_normal((20, 6)), 1e3 * rng.standard_normal((20, 6))])
    found = probe(make_heads("shared", keys, queries), sparsities=(1,), sets=5).findings
    weak, strong = found.heads
    assert (weak.key_head, strong.key_head) == (0, 0)
    assert weak.reach["random"][1].median == 0
    assert strong.reach["random"][1].median == 1
    assert "1 of 2 heads cannot put 90% of the softmax on a single token among 20 keys" in found.advice


def test_advice_says_what_limits():
    rng = np.random.default_rng(2)
    keys, queries = rng.standard_normal((4, 40, 10)), rng.standard_normal((4, 40, 10))
    strong = probe(make_heads("strong", keys, 1e6 * queries), sparsities=(1, 2), sets=4)
    assert "0 of 4 heads cannot put 90% of the softmax on a single token among 40 keys" in strong.advice
    assert "up to 8,193 or more." in strong.advice
    assert "known without values" in strong.advice
    weak = probe(make_heads("weak", keys, queries, values=keys), sparsities=(2,), sets=4).findings
    contexts = sorted(row.context.median for row in weak.heads)
    assert f"The median head can among up to {contexts[1]}, the weakest: " in weak.advice
    outputs = [row.losses["token-4"].output.median for row in weak.heads]
    off = sum(error > 0.1 for error in outputs)
    assert f"the outputs of {off} are off by more than 10%" in weak.advice
    worst = outputs.index(max(outputs))
    assert f"by the relative error of their outputs, are layer 0 head {worst}: {max(outputs):.2g}" in weak.advice
    assert (
        "nothing can be said without queries of theirs"
        in probe(make_heads("bare", keys), sparsities=(1,), sets=2).advice
    )
    silent = probe(make_heads("silent", keys, 0 * queries), sparsities=(1,), sets=4)
    assert "4 of 4 heads cannot" in silent.advice
    large = probe(make_heads("large", 1e9 * keys, queries), sparsities=(1,), sets=2)
    assert "of sizes that no format asked about takes" in large.advice
    assert advice(strong.findings) == strong.advice


def test_keys_that_do_not_use_their_width_are_not_said_to():
    """Rank 8 of 64 coordinates: what is said of width is measured, not read off the shape."""
    keys = np.zeros((4, 64, 64))
    keys[:, :, :8] = np.random.default_rng(0).standard_normal((4, 64, 8))
    found = probe(make_heads("flat", keys), sparsities=(1, 4), sets=8, curves=8)
    points = found.findings.curve.measured["random"]
    assert points[0].median < 0.5  # d = 64 would do
    assert "positions; " not in found.advice


def test_curves_show_the_middle_eight_tenths_of_the_keys_and_halves_are_interpolated():
    heads = gaussian(11, 40, 12, queries=False)
    plan = Plan((heads,), (1,), sets=1, curves=6)
    answers = answered(plan)
    found = gather_probe(plan, answers)
    random = {
        piece.question["key_head"]: piece.detail
        for piece in answers.values()
        if piece.question["sets"][0]["kind"] == "random"
    }
    assert len(random) == 11
    for point in found.curve.measured["random"]:
        shares = [detail[str(point.q)]["yes"] / 6 for detail in random.values()]
        assert point.low == pytest.approx(np.quantile(shares, 0.1))
        assert point.median == pytest.approx(np.median(shares))
        assert point.high == pytest.approx(np.quantile(shares, 0.9))
    crossed = 0
    for row in found.heads:
        sizes = plan.curve
        shares = [random[row.key_head][str(size)]["yes"] / 6 for size in sizes]
        drops = [i for i in range(len(sizes) - 1) if shares[i] >= 0.5 > shares[i + 1]]
        if not drops:
            assert row.half is None
            continue
        crossed += 1
        ends = slice(drops[0], drops[0] + 2)
        assert row.half.median == pytest.approx(np.interp(-0.5, -np.array(shares[ends]), sizes[ends]))
    assert crossed >= 6


def test_answers_that_took_exact_fractions_are_counted():
    keys = np.random.default_rng(0).integers(-1, 2, (1, 40, 4)).astype(np.float64)  # on a grid: many on common lines
    plan = Plan((make_heads("grid", keys),), (2,), sets=4, curves=8)
    answers = answered(plan)
    details = [detail for piece in answers.values() for detail in piece.detail.values()]
    assert all(detail["yes"] + detail["no"] + detail["undecided"] == 8 for detail in details)
    assert all("proved for the keys as stored" in piece.justification for piece in answers.values())
    found = gather_probe(plan, answers).curve
    assert found.undecided == 0
    assert found.rational == sum(detail["rational"] for detail in details) > 0


def test_sets_whose_reach_is_left_open_are_counted():
    plan = Plan((gaussian(1, 20, 6),), (2,), sets=3)
    (piece,) = answered(plan).values()
    piece.detail["reach"] = {
        "random": {"2": {"yes": 0, "no": 1, "open": 2}},
        "contiguous": {"2": {"yes": 2, "no": 0, "open": 1}},
    }
    found = gather_probe(plan, {piece.key: piece})
    assert found.open == 3
    assert found.heads[0].reach["contiguous"][2].median == pytest.approx(2 / 3)


def test_a_live_module_is_probed_as_its_arrays_are():
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(16, num_heads=2, batch_first=True)
    tokens = torch.randn(1, 12, 16)
    found = probe(attention, (tokens, tokens, tokens), sparsities=(1, 2), sets=4).findings
    with torch.no_grad():
        projected = torch.nn.functional.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)[0]
    queries, keys = (part.reshape(12, 2, 8).transpose(0, 1).numpy() for part in projected.split(16, dim=1)[:2])
    direct = probe(make_heads("direct", keys, queries), sparsities=(1, 2), sets=4).findings
    for live, array in zip(found.heads, direct.heads, strict=True):
        assert live.statistics.entropy.median == pytest.approx(array.statistics.entropy.median, rel=1e-5)
        assert live.losses["token-4"].weights.median == pytest.approx(array.losses["token-4"].weights.median, rel=1e-3)


def test_where_no_head_reaches_anything_none_is_called_the_strongest():
    from assay.report.probe_tables import size_table

    heads = gaussian(3, 24, 8)
    weak = replace(heads, queries=heads.queries / 1000)
    first = "layer 0 head 0: 100% of sets"
    for asked, best in ((weak, ["none"] * 2), (replace(heads, queries=heads.queries * 1000), [first] * 2)):
        assert [row[-1] for row in size_table(probe(asked, sparsities=(1, 2), sets=3).findings).rows] == best


# sets of a user's own


@pytest.mark.parametrize(("causal", "position"), [(False, None), (True, None), (True, 12)])
def test_own_sets_get_the_answers_of_each_head(causal, position, tmp_path):
    heads = gaussian(2, 20, 6, causal=causal)
    seen = 20 if position is None else position + 1
    found = probe_chosen(heads, [[3, 1], [5]], position=position)
    assert [(row.head, row.positions) for row in found.rows] == [(0, (1, 3)), (0, (5,)), (1, (1, 3)), (1, (5,))]
    for row in found.rows:
        budget = query_budget(heads.queries[row.head, :seen])
        keys = heads.keys[row.head, :seen].astype(np.float64)
        margins = best_margins(keys, np.array([row.positions]), budget, scale=6**-0.5)
        assert (row.margin, row.at_most) == (margins.at_least[0], margins.at_most[0])
        assert row.reach == ("yes" if row.margin >= 0 else "no")
        assert (row.exists, row.separates, row.needed_norm) == (None, None, None)
    with pytest.raises(AssayError, match="is for one set and one head; 2 and 2 were chosen"):
        probe_chosen(heads, [[3, 1], [5]], certificate=tmp_path / "c.json")
    with pytest.raises(AssayError, match=r"layer and head = \(3, None\)"):
        probe_chosen(heads, [[3, 1]], layer=3)


def test_own_sets_of_stronger_queries_are_in_reach():
    heads = gaussian(2, 20, 6)
    weak = replace(heads, queries=heads.queries / 1000)
    assert {row.reach for row in probe_chosen(weak, [[3], [5]]).rows} == {"no"}
    assert {row.reach for row in probe_chosen(replace(heads, queries=1000 * heads.queries), [[3]]).rows} == {"yes"}


def test_own_sets_of_keys_alone_get_existence_and_the_least_norm():
    heads = gaussian(2, 20, 6, queries=False)
    for row in probe_chosen(heads, [[3, 1], [5]]).rows:
        keys = heads.keys[row.head].astype(np.float64)
        assert row.exists == exists(keys, row.positions).answer
        assert row.separates == separates(keys, row.positions).answer
        needed = needed_norms(keys, np.array([row.positions]), scale=6**-0.5)
        high = needed.at_most[0]
        assert row.needed_norm == (None if math.isinf(high) else pytest.approx(high))
        assert row.at_least == pytest.approx(needed.at_least[0])
        assert (row.reach, row.margin) == (None, None)


def test_a_set_of_all_keys_has_no_finite_margin():
    heads = gaussian(1, 4, 6)
    (row,) = probe_chosen(heads, [[0, 1, 2, 3]]).rows
    assert (row.reach, row.margin, row.at_most) == ("yes", None, None)


def test_the_command_gives_the_answers_of_the_certificate_it_writes(tmp_path):
    """Powers of 1 to 256: margins far below what float64 resolves."""
    keys = np.arange(1.0, 257)[:, None] ** np.arange(1, 13)
    np.savez(tmp_path / "moment.npz", keys=keys[None])
    proof = ["--head", "0", "--certificate", str(tmp_path / "proof.json")]
    asked = ["probe", tmp_path / "moment.npz", "--set", "4,77,199,220,222,224", *proof]
    found = json.loads(assay(*asked, "--json").stdout)
    assert found["rows"][0]["exists"] == found["certificate"]["answer"] == "yes"
    assert found["rows"][0]["separates"] == "yes"
    lines = assay(*asked).stdout.splitlines()
    assert lines[1].split() == ["layer", "head", "positions", "exists", "separates", "norm"]
    assert lines[2].split()[3:5] == ["yes", "yes"]


# the command


@pytest.fixture(scope="module")
def npz(tmp_path_factory):
    path = tmp_path_factory.mktemp("heads") / "keys.npz"
    write_arrays(gaussian(2, 32, 8), path)
    return path


def test_probe_answers_reports_and_does_not_ask_twice(npz, tmp_path):
    asked = ("probe", npz, "--sparsity", "1,2", "--sets", 4, "--curves", 3, "--out", tmp_path / "out", "--workers", 2)
    first = printed(*asked)
    assert first["new"] == first["pieces_of_evidence"] == 2 + 2 * 2
    heads = read_arrays(npz)
    here = probe(heads, sparsities=(1, 2), sets=4, curves=3)
    assert first["probe"] == json.loads(json.dumps(asdict(here.findings)))
    page = (tmp_path / "out" / "probe-gaussian-32.html").read_text("utf-8")
    assert here.advice in page
    for name in ("losses", "reach", "existence"):
        assert (tmp_path / "out" / "probe-gaussian-32-figures" / f"probe-1.{name}.svg").stat().st_size > 5000
    ledger = tmp_path / "out" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as connection, connection:  # as if it had been killed in the middle
        connection.execute("DELETE FROM evidence WHERE key IN (SELECT key FROM evidence ORDER BY key LIMIT 4)")
    connection.close()
    again = printed(*asked)
    assert again["new"] == 4
    assert again["probe"] == first["probe"]
    with Ledger(tmp_path / "out" / "ledger.sqlite") as ledger:
        assert {piece.verdict for piece in ledger} == {"measured"}
    assert "'assay probe ... --out" in complaint("report", "probe-gaussian-32", "--out", tmp_path / "out")
    text = assay(*asked)
    assert text.returncode == 0
    lines = text.stdout.splitlines()
    assert here.advice in lines
    assert lines.index(here.advice) < next(place for place, line in enumerate(lines) if line.startswith("┏"))


def test_a_set_of_ones_own_is_answered_and_proved(npz, tmp_path):
    proof = tmp_path / "proof.json"
    found = printed("probe", npz, "--set", "3,7", "--head", 1, "--certificate", proof)
    assert found["rows"] == json.loads(
        json.dumps(list(map(asdict, probe_chosen(read_arrays(npz), [[3, 7]], head=1).rows)))
    )
    assert found["certificate"]["answer"] == exists(read_arrays(npz).keys[1], [3, 7]).answer
    assert "in reach" in assay("probe", npz, "--set", "3,7").stdout
    checked = printed("verify", proof)
    assert checked["holds"]
    claim = json.loads(proof.read_text("utf-8"))
    claim["positions"] = [3, 8]
    proof.write_text(json.dumps(claim), "utf-8")
    refuted = printed("verify", proof, code=1)
    assert not refuted["holds"]
    assert refuted["reason"]


def test_certificates_that_are_none_are_refused(tmp_path):
    (tmp_path / "c.json").write_text('{"assay-probe-certificate": 1}', "utf-8")
    with pytest.raises(AssayError, match="no certificate of a probe"):
        verify_set(tmp_path / "c.json")


def test_a_probe_without_queries_says_what_it_cannot_say(tmp_path):
    write_arrays(gaussian(1, 24, 6, queries=False), tmp_path / "keys.npz")
    found = printed("probe", tmp_path / "keys.npz", "--sparsity", "1,2", "--sets", 3, "--curves", 2, "--out", tmp_path)
    assert not found["probe"]["has_queries"]
    assert found["probe"]["curve"]["sets"] == 2
    figures = {path.name for path in (tmp_path / "probe-gaussian-24-figures").iterdir()}
    assert figures == {"probe-1.existence.svg", "probe-1.existence.csv"}
    assert "q at half existence" in (tmp_path / "probe-gaussian-24.html").read_text("utf-8")


def test_wrong_requests_get_one_line(npz, tmp_path):
    assert "'no-such-model'" in complaint("probe", "no-such-model")
    assert "sparsity = 40" in complaint("probe", npz, "--sparsity", "40", "--out", tmp_path / "o")
    assert "--sparsity = x" in complaint("probe", npz, "--sparsity", "1,x")
    assert "different positions from 0 to 31" in complaint("probe", npz, "--set", "3,32")
    assert "needs --set" in complaint("probe", npz, "--layer", 0)
    assert "has keys already" in complaint("probe", npz, "--text", npz)
    assert not (tmp_path / "o").exists()


def test_questions_do_not_depend_on_what_heads_are_called_or_how_they_are_labelled():
    heads = gaussian(1, 10, 3)
    sets = DrawnSets("random", 2, (1,), 10, 0)
    assert exists_question(heads, 0, sets) == exists_question(replace(heads, layer=(4,), text="a"), 0, sets)


# the promised numbers


@pytest.mark.long
@pytest.mark.parametrize(("width", "length"), [(32, 64), (32, 256), (64, 128), (64, 256)])
def test_half_of_the_sets_exist_within_15_percent_of_the_closed_form(width, length):
    from assay.probing.thresholds import face_threshold

    predicted = face_threshold(width, length)
    keys = gaussian(8, length, width, queries=False, seed=9).keys.astype(np.float64)
    shares = []
    for size in range(max(1, int(0.7 * predicted)), int(1.4 * predicted) + 2):
        sets = DrawnSets("random", 128, (size,), length, 5).positions()[size]
        found = [exists(keys[place % 8], positions.tolist()).answer for place, positions in enumerate(sets)]
        assert "undecided" not in found
        shares.append((size, found.count("yes") / len(found)))
    half = next(
        size + (share - 0.5) / (share - after) for (size, share), (_, after) in pairwise(shares) if share >= 0.5 > after
    )
    print(f"d={width} N={length}: measured {half:.2f}, closed form {predicted:.2f}, 128 sets a point")
    assert abs(half / predicted - 1) <= 0.15
