"""Relevance sets of document embeddings: existence, margins, proofs and shares, each against an independent twin."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, nnls

from assay.errors import Refuted
from assay.vectors import examine, session
from assay.vectors.certificates import Refutation, exact_bound, of_duplicates, refute, search_exactly, whole_query
from assay.vectors.documents import Documents
from assay.vectors.duplicates import NEAR, find_duplicates
from assay.vectors.hulls import GAP, nearest
from assay.vectors.quantise import quantised, query_precision, rounded_query, score_error
from assay.vectors.ranking import exact_margin, on_top
from assay.vectors.shattering import half_shattered, splits


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def drawn(random, count, most):
    return np.sort(random.choice(count, random.integers(1, most + 1), replace=False))


def program(rows, members):
    """Whether a query exists, by a linear program with gaps of 1 and no bound on the query."""
    rows = rows.astype(float) - rows[0].astype(float)  # changes no answer, and HiGHS needs numbers of about 1
    signs = -np.ones(len(rows))
    signs[members] = 1
    system = -signs[:, None] * np.column_stack([rows, np.ones(len(rows))])
    free = [(None, None)] * system.shape[1]
    solved = linprog(np.zeros(system.shape[1]), A_ub=system, b_ub=-np.ones(len(rows)), bounds=free, method="highs")
    return {0: "yes", 2: "no"}[solved.status]


def exact_scores(rows, query):
    """In fractions; numbers above 2^-140 in size are integers after multiplication by 2^200, which is exact."""
    whole = [int(float(entry) * 2.0**200) for entry in query]
    scores = [sum(int(float(a) * 2.0**200) * b for a, b in zip(row, whole, strict=True)) for row in rows]
    return [Fraction(score, 2**400) for score in scores]


def ranks(rows, query, members):
    """Whether a query ranks a set on top, from the definition, in fractions."""
    scores = exact_scores(rows, query)
    rest = [scores[j] for j in range(len(rows)) if j not in set(members.tolist())]
    return min(scores[i] for i in members) > max(rest)


KINDS = {
    "gaussian": lambda random, n, d: random.standard_normal((n, d)),
    "grid": lambda random, n, d: random.integers(0, 3, (n, d)),
    "signs": lambda random, n, d: random.choice([-1, 1], (n, d)),
    "collinear": lambda random, n, d: np.outer(random.integers(-5, 6, n), random.integers(-3, 4, d)) + 7,
    "duplicates": lambda random, n, d: random.standard_normal((n // 2 + 1, d))[random.integers(0, n // 2 + 1, n)],
    "planar": lambda random, n, d: random.integers(-9, 10, (n, 2)) @ random.integers(-3, 4, (2, d)),
    "far from 0": lambda random, n, d: random.integers(0, 9, (n, d)) + 2**20,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_existence_is_that_of_a_linear_program_and_each_answer_is_proved(kind, dtype, pool):
    """224 sets of each kind and type: small, and as degenerate as the kind is."""
    for seed in range(56):
        random = np.random.default_rng(seed)
        count, width = int(random.integers(3, 25)), int(random.integers(1, 7))
        rows = KINDS[kind](random, count, width).astype(dtype)
        documents = Documents(rows)
        sets = [drawn(random, count, count - 1) for _ in range(4)]
        for members, found in zip(sets, nearest(documents, sets, pool), strict=True):
            expected = program(rows, members)
            if found.on_top:
                assert expected == "yes"
                assert ranks(rows, whole_query(found.query), members)
                assert found.margin <= found.at_most
            else:
                proof = refute(documents, found) or search_exactly(documents, found)
                assert isinstance(proof, Refutation)
                proof.check(rows, members)
                assert expected == "no"


def distance(rows, members):
    """The length of the shortest difference of points of both hulls, by non-negative least squares.

    With differences D of one document each, |D^T y|² + (1 - sum y)² over y >= 0 is least at a multiple of the weights
    of that shortest difference.
    """
    others = np.setdiff1d(np.arange(len(rows)), members)
    differences = (rows[members][:, None] - rows[others][None]).reshape(-1, rows.shape[1])
    weights, _ = nnls(np.vstack([differences.T, np.ones(len(differences))]), np.append(np.zeros(rows.shape[1]), 1.0))
    return np.linalg.norm(differences.T @ weights) / weights.sum()


def test_largest_margins_are_those_of_least_squares(pool):
    tried = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        rows = random.standard_normal((20, 8)) + 3
        sets = [drawn(random, 20, 4) for _ in range(3)]
        for members, found in zip(sets, nearest(Documents(rows), sets, pool), strict=True):
            if found.on_top:
                assert distance(rows, members) == pytest.approx(found.margin, rel=2 * GAP)
                tried += 1
    assert tried > 20


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 300), st.integers(1, 30), st.sampled_from([1e-60, 1e-3, 1.0, 1e60]))
def test_margins_are_reached_and_bounded(seed, count, width, size):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, width)) * np.logspace(0, -3, width) + random.standard_normal(width)
    rows *= size
    documents = Documents(rows)
    sets = [drawn(random, count, min(count - 1, 8)) for _ in range(3)]
    with ThreadPoolExecutor(1) as pool:
        results = nearest(documents, sets, pool)
    for members, found in zip(sets, results, strict=True):
        others = np.setdiff1d(np.arange(count), members)
        length = np.linalg.norm(found.query)
        if length == 0:
            assert not found.on_top
            continue
        reached = float(exact_margin(documents, found.query, members, others)) / length
        assert found.margin <= reached + 1e-12 * size
        assert (reached > 0) == found.on_top
        assert reached <= found.at_most
        if found.at_most > 1e-6 * size:
            assert found.margin >= (1 - GAP) * found.at_most
        for _ in range(20):  # no other query does better
            query = found.query / length + 0.1 * random.standard_normal(width)
            scores = rows @ query
            assert (scores[members].min() - scores[others].max()) / np.linalg.norm(
                query
            ) <= found.at_most + 1e-12 * size


def test_more_documents_than_a_piece_and_a_working_set(pool):
    random = np.random.default_rng(0)
    rows = random.standard_normal((20_000, 24)).astype(np.float32)
    documents = Documents(rows)
    sets = [drawn(random, len(rows), 4) for _ in range(70)]
    for members, found in zip(sets, nearest(documents, sets, pool), strict=True):
        scores = rows.astype(np.float64) @ found.query
        others = np.delete(scores, members)
        assert found.on_top == (scores[members].min() > others.max())
        if found.on_top:
            assert (scores[members].min() - others.max()) / np.linalg.norm(found.query) >= (1 - GAP) * found.at_most
        else:
            proof = refute(documents, found)
            proof.check(rows, members)
            assert len(proof.inside) + len(proof.outside) == 26  # d + 2, as documents are in general position


@pytest.mark.parametrize("apart", [1e-3, 1e-5, 1e-7, 1e-8])
def test_near_duplicates_have_margins_and_these_are_found(apart, pool):
    """A margin is at most the distance of a twin."""
    random = np.random.default_rng(1)
    rows = random.standard_normal((80, 32))
    rows[20:40] = rows[:20] + apart * random.standard_normal((20, 32))
    sets = [np.array([i]) for i in range(20)] + [np.array([i, 40 + i]) for i in range(20)]
    documents, exist = Documents(rows), 0
    for members, found in zip(sets, nearest(documents, sets, pool), strict=True):
        if found.on_top:
            twin = np.linalg.norm(rows[members[0]] - rows[members[0] + 20])
            assert 0 < found.margin <= found.at_most <= twin * (1 + 1e-6)
            exist += 1
        else:
            refute(documents, found).check(rows, members)
    assert exist >= 30


def test_a_thousand_equal_rivals_are_looked_through(pool):
    """So many score alike that they do not fit in what is looked at first."""
    rows = np.zeros((3000, 6), dtype=np.float32)
    rows[:, 0] = 1
    rows[0, 1] = 1e-6
    (found,) = nearest(Documents(rows), [np.array([0])], pool)
    assert found.on_top
    assert found.margin == pytest.approx(1e-6, rel=2 * GAP)


def test_documents_in_a_plane_but_for_rounding_are_decided_while_they_are_few(pool):
    for seed in range(8):
        random = np.random.default_rng(seed)
        rows = (random.standard_normal((15, 2)) @ random.standard_normal((2, 5))).astype(np.float32)
        found = examine(rows, [drawn(random, 15, 5) for _ in range(4)])
        for answer in found.precisions[0].answers:
            assert answer.answer != "undecided"
            if answer.answer == "yes":
                scores = [sum(Fraction(float(x)) * w for x, w in zip(row, answer.query, strict=True)) for row in rows]
                rest = [score for place, score in enumerate(scores) if place not in answer.rows]
                assert min(scores[place] for place in answer.rows) > max(rest)
                assert 0 < answer.margin <= answer.at_most


# certificates


def test_an_altered_refutation_does_not_hold():
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [5, 5]], dtype=np.float32)
    members = np.array([0, 3])
    Refutation({0: 1, 3: 1}, {1: 1, 2: 1}).check(square, members)
    for inside, outside, reason in [
        ({0: 1, 3: 1}, {1: 1, 4: 1}, "means differ"),
        ({0: 1, 1: 1}, {3: 1, 2: 1}, "is of a document outside"),
        ({0: 1, 3: 1}, {0: 1, 3: 1}, "is of a document in S"),
        ({0: 1, 3: 1}, {1: 2, 2: 2}, "different sums"),
        ({0: -1, 3: -1}, {1: -1, 2: -1}, "negative"),
    ]:
        with pytest.raises(Refuted, match=reason):
            Refutation(inside, outside).check(square, members)
    with pytest.raises(Refuted, match="means differ"):
        of_duplicates(0, 1).check(square, members)


def test_bounds_in_integers_hold_and_are_no_larger(pool):
    """Against fractions: the weights are convex, and the difference of both means is at most the bound."""
    tried = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        rows = random.standard_normal((50, 6)) + 100
        documents = Documents(rows)
        members = drawn(random, 50, 8)
        (found,) = nearest(documents, [members], pool)
        bound = exact_bound(documents, found)
        assert bound <= found.at_most
        if found.on_top:
            assert found.margin <= bound
        else:  # both hulls meet, so the bound is of rounding errors alone
            assert bound < 1e-13 < found.at_most
            tried += 1
    assert tried > 5


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 4))
def test_ranking_is_exact_ties_included(seed, count, width):
    random = np.random.default_rng(seed)
    rows = random.integers(-2, 3, (count, width)).astype(np.float64) * 0.1
    sets = [drawn(random, count, count - 1) for _ in range(6)]
    queries = random.integers(-2, 3, (6, width)) * 0.1
    expected = [ranks(rows, query, members) for query, members in zip(queries, sets, strict=True)]
    assert on_top(Documents(rows), queries, sets) == expected


# precisions


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["float16", "float32", "float64", "int8", "binary"]))
def test_no_score_errs_more_than_is_said(seed, precision):
    """The rounded query, its products added one by one in the format of sums, against the exact query in fractions."""
    random = np.random.default_rng(seed)
    width = int(random.integers(1, 40))
    rows = (random.standard_normal((5, width)) * 10.0 ** random.integers(-2, 3)).astype(np.float32)
    documents = Documents(rows.astype(precision) if precision.startswith("float") else quantised(rows, precision))
    query = random.standard_normal(width)
    query /= np.linalg.norm(query)
    largest = np.abs(query).max()
    rounded = rounded_query(query, precision) * (largest / 127 if query_precision(precision) == "int8" else largest)
    error = score_error(query, precision, documents)
    kind = np.float64 if precision == "float64" else np.float32
    for row, exact in zip(documents.exact, exact_scores(documents.exact, query), strict=True):
        if precision.startswith("float"):
            total = kind(0)
            for a, b in zip(row.astype(kind), rounded_query(query, precision).astype(kind), strict=True):
                total = kind(total + kind(a * b))
            computed = float(total) * largest
        else:
            computed = float(row.astype(np.float64) @ rounded)
        assert abs(computed - float(exact)) <= error


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([np.float16, np.float32, np.float64]))
def test_int8_documents_are_integers_times_their_scale_and_exact_in_float32(seed, dtype):
    random = np.random.default_rng(seed)
    rows = (random.standard_normal((9, 5)) * 10.0 ** random.integers(-3, 4, (9, 1))).astype(dtype)
    rows[0] = 0
    found = quantised(rows, "int8")
    assert found.dtype == np.float32
    for row, given_row in zip(found.astype(float), rows.astype(float), strict=True):
        scale = np.abs(row).max() / 127
        if scale:
            levels = row / scale
            assert np.abs(levels - np.rint(levels)).max() < 1e-6
            assert np.abs(row - given_row).max() <= 0.51 * scale


def test_int8_of_tiny_float64_stays_exact():
    found = quantised(np.array([[1e-60, 3e-61], [1.0, 0.1]]), "int8")
    assert found.dtype == np.float64
    assert found[0].max() == pytest.approx(1e-60, rel=1e-3)


def test_a_margin_above_the_error_survives_rounding():
    """The second share is part of the third, at every precision."""
    random = np.random.default_rng(2)
    rows = random.standard_normal((400, 24)).astype(np.float32)
    rows[100:120] = rows[:20] + 1e-3 * random.standard_normal((20, 24)).astype(np.float32)
    sets = [drawn(random, 400, 3) for _ in range(50)] + [np.array([i]) for i in range(20)]
    found = examine(rows, sets, quantise=["float16", "int8", "binary"])
    seen = set()
    for finding in found.precisions:
        documents = Documents(rows if finding.precision == "float32" else quantised(rows, finding.precision))
        for members, answer in zip(sets, finding.answers, strict=True):
            assert answer.by_rounded or not answer.above_error
            seen.add((answer.above_error, answer.by_rounded))
            if answer.answer == "yes":
                query = rounded_query(np.array(answer.query, dtype=float), finding.precision)
                assert answer.by_rounded == ranks(documents.exact, query, members)
    assert seen == {(True, True), (False, True), (False, False)}


# duplicates


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 20))
def test_duplicates_are_all_that_there_are(seed, count, width):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, width)) * random.choice([1.0, 100.0], (count, 1))
    copies = random.integers(0, count, (2, count // 2))
    rows[copies[0]] = rows[copies[1]] * (1 + random.choice([0, 1e-4, NEAR * 0.99, NEAR * 1.01], (count // 2, 1)))
    rows[0] = -rows[0] * 0
    found = find_duplicates(Documents(rows))
    equal = {(i, j) for i, j in combinations(range(count), 2) if (rows[i] == rows[j]).all()}
    assert {pair for group in found.groups for pair in combinations(group, 2)} == equal
    later = {j for _, j in equal}
    lengths = np.linalg.norm(rows, axis=1)
    near = {
        (i, j)
        for i, j in combinations([place for place in range(count) if place not in later], 2)
        if np.linalg.norm(rows[i] - rows[j]) < NEAR * max(lengths[i], lengths[j])
    }
    assert {(i, j) for i, j, _ in found.pairs} == near
    assert found.complete


# dimension


def brute_half_shattered(sets, count):
    """The size of a largest half-shattered set, over all sets of documents."""
    patterns = [set(members) for members in sets]
    best = 0
    for size in range(2, count + 1):
        for chosen in combinations(range(count), size):
            cut = [relevant & set(chosen) for relevant in patterns]
            if all(part in cut or set(chosen) - part in cut for part in splits(chosen)):
                best = size
    return best


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(1, 14))
def test_half_shattered_sets_are_largest(seed, count, queries):
    random = np.random.default_rng(seed)
    sets = [drawn(random, count, count - 1).tolist() for _ in range(queries)]
    found = half_shattered(sets, count)
    found.check(sets)
    assert found.complete
    assert len(found.documents) == brute_half_shattered(sets, count)


@pytest.mark.parametrize(("count", "size"), [(7, 2), (20, 2), (10, 3), (13, 4)])
def test_all_sets_of_a_size_need_twice_that(count, size):
    found = half_shattered(list(combinations(range(count), size)), count)
    assert found.dimension == found.enough == 2 * size


def test_what_exists_agrees_with_the_dimension_that_is_needed():
    """All pairs need 4 dimensions, so in 3 some pair fails, and on the cyclic curve in 4 none does."""
    pairs = list(combinations(range(9), 2))
    angles = 2 * np.pi * np.arange(9) / 9
    curve = np.column_stack([np.cos(angles), np.sin(angles), np.cos(2 * angles), np.sin(2 * angles)])
    assert examine(curve, pairs).precisions[0].exist == len(pairs)
    for seed in range(5):
        found = examine(np.random.default_rng(seed).standard_normal((9, 3)), pairs)
        assert found.precisions[0].exist < len(pairs)
        assert found.dimension.dimension == 4


# the whole of it


def test_what_was_answered_is_not_asked_again(tmp_path, monkeypatch):
    random = np.random.default_rng(4)
    rows = random.standard_normal((60, 6)).astype(np.float32)
    rows[7] = rows[3]
    sets = [drawn(random, 60, 3) for _ in range(150)]
    whole = examine(rows, sets, quantise=["int8"], out=tmp_path / "whole").to_json()
    asked = []

    def counted(documents, block, pool):
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(len(block))
        return nearest(documents, block, pool)

    monkeypatch.setattr(session, "nearest", counted)
    with pytest.raises(KeyboardInterrupt):
        examine(rows, sets, quantise=["int8"], out=tmp_path / "cut")
    (file,) = (tmp_path / "cut").glob("answers-*.jsonl")
    kept = file.read_text().splitlines()
    assert len(kept) >= 64
    file.write_text("\n".join(kept)[:-20])  # the last line is cut short, as by a kill

    def recorded(documents, block, pool):
        asked.extend(tuple(members.tolist()) for members in block)
        return nearest(documents, block, pool)

    monkeypatch.setattr(session, "nearest", recorded)
    again = examine(rows, sets, quantise=["int8"], out=tmp_path / "cut").to_json()
    known = {tuple(json.loads(line)["rows"]) for line in kept[:-1]}
    first = len({tuple(members.tolist()) for members in sets}) - len(known)
    assert not known & set(asked[1 : 1 + first])
    for result in (whole, again):
        del result["seconds"], result["folder"]
        for finding in result["precisions"]:
            for row in finding["queries"]:
                row["margin"], row["at_most"], row["error"] = (  # last digits depend on who was asked together
                    None if row[name] is None else f"{row[name]:.2g}" for name in ("margin", "at_most", "error")
                )
            for name in ("least_margin", "median_margin", "median_error"):
                finding[name] = f"{finding[name]:.2g}"
    assert [row["answer"] for one in whole["precisions"] for row in one["queries"]] == [
        row["answer"] for one in again["precisions"] for row in one["queries"]
    ]
    asked.clear()
    examine(rows, sets, quantise=["int8"], out=tmp_path / "cut")
    assert not asked


def test_fast_leaves_undecided_what_is_then_refuted(tmp_path):
    random = np.random.default_rng(5)
    rows = random.standard_normal((200, 4)).astype(np.float32)
    sets = [drawn(random, 200, 5) for _ in range(20)]
    fast = examine(rows, sets, fast=True, out=tmp_path).precisions[0]
    full = examine(rows, sets, out=tmp_path).precisions[0]
    assert fast.undecided > 10
    assert full.undecided == 0
    for one, other in zip(fast.answers, full.answers, strict=True):
        assert (one.answer, other.answer) in {("yes", "yes"), ("undecided", "no")}
        assert one.answer == "yes" or one.at_most < 1e-14


def test_queries_of_ones_own_are_tried():
    rows = np.eye(5, dtype=np.float32)
    queries = np.array([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 1, 1]], dtype=np.float16)
    found = examine(rows, {"0": [0, 1], "2": [2, 3, 4], "1": [0, 1]}, queries=queries, quantise=["int8"])
    assert [finding.by_given for finding in found.precisions] == [(True, True, False)] * 2
    assert "2 (66.67 %) by the queries given" in found.sentence


def test_workers_do_not_change_answers():
    random = np.random.default_rng(6)
    rows = random.standard_normal((300, 12))
    sets = [drawn(random, 300, 5) for _ in range(30)]
    one, two = (examine(rows, sets, workers=workers).precisions[0] for workers in (1, 3))
    for first, second in zip(one.answers, two.answers, strict=True):
        assert first.answer == second.answer
        assert first.margin == pytest.approx(second.margin, rel=2 * GAP)
