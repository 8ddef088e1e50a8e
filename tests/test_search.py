"""The search for the smallest width, against answers that are known."""

import itertools
import random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError
from assay.training.search import first_learned, ladder, start_between, wrong_verdict
from searches import search_of

LADDER = ladder(3, 80, 1.15)


def play(search, learns, shuffle=None):
    """Run a search, answering in batches as a runner does; the result and the questions."""
    asked = []
    course = first_learned(search)
    questions = next(course)
    while True:
        asked += questions
        answers = {}
        order = list(range(len(questions)))
        if shuffle:
            shuffle.shuffle(order)
        for index in order:
            question = questions[index]
            verdict = "learned" if learns(question.width, question.seed, question.rate) else "not learned"
            answers[index] = SimpleNamespace(verdict=verdict)
        try:
            questions = course.send([answers[index] for index in range(len(questions))])
        except StopIteration as stop:
            return stop.value, asked


def search(start, rates=(0.01, 0.003)):
    return search_of(LADDER, start, rates=rates)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, len(LADDER)), min_size=3, max_size=3), st.integers(0, len(LADDER) - 1), st.integers(0, 9)
)
def test_the_median_of_the_seeds_boundaries_is_found(boundaries, start, shuffle_seed):
    def learns(width, seed, rate):
        return rate == 0.003 and LADDER.index(width) >= boundaries[seed]

    result, asked = play(search(start), learns, random.Random(shuffle_seed))
    median = sorted(boundaries)[1]
    assert result == (median if median < len(LADDER) else None)
    reported = LADDER[min(median, len(LADDER) - 1)]
    assert {question.seed for question in asked if question.width == reported} == {0, 1, 2}
    assert len({question.key for question in asked}) == len(asked)  # nothing is asked twice


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, len(LADDER) - 1), st.sampled_from([1, 3, 5]))
def test_most_seeds_learn_what_is_reported_whatever_the_answers(luck, start, seeds):
    def learns(width, seed, rate):
        return random.Random(f"{luck} {width} {seed} {rate}").random() < LADDER.index(width) / len(LADDER)

    result, _ = play(search_of(LADDER, start, tuple(range(seeds)), (0.01, 0.003)), learns, random.Random(luck))
    by_place = [
        sum(any(learns(width, seed, rate) for rate in (0.01, 0.003)) for seed in range(seeds)) > seeds // 2
        for width in LADDER
    ]
    if result is None:
        assert not by_place[-1]
    else:
        assert by_place[result]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(LADDER)), min_size=3, max_size=3), st.integers(0, len(LADDER) - 1))
def test_a_seed_that_fails_at_the_reported_width_is_followed_up(boundaries, start):
    def learns(width, seed, rate):
        return LADDER.index(width) >= boundaries[seed]

    result, asked = play(search(start), learns)
    for seed, boundary in enumerate(boundaries):
        tried = {LADDER.index(question.width) for question in asked if question.seed == seed}
        if result is not None and boundary > result:
            assert boundary - 1 in tried
            assert boundary in tried or boundary == len(LADDER)


def test_the_third_seed_is_not_asked_where_two_agree():
    _, asked = play(search(LADDER.index(10), rates=(0.01,)), lambda width, seed, rate: width >= 10)
    assert sorted((q.width, q.seed) for q in asked) == [(9, 0), (9, 1), (10, 0), (10, 1), (10, 2)]


def test_the_rate_that_worked_last_is_tried_first():
    _, asked = play(search(LADDER.index(10)), lambda width, seed, rate: width >= 10 and rate == 0.003)
    assert [q.rate for q in asked if q.width == 10] == [0.01, 0.003, 0.003, 0.003]
    assert {tuple(q.rate for q in asked if (q.width, q.seed) == (9, seed)) for seed in (0, 1)} == {(0.003, 0.01)}


def test_a_seed_that_breaks_monotony_does_not_lower_the_report():
    """Seeds 0 and 1 learn at 10 and above, but when seed 2 is looked at there it fails: two of three still hold."""
    result, _ = play(search(LADDER.index(10)), lambda width, seed, rate: width >= (10, 10, 30)[seed])
    assert LADDER[result] == 10


def test_the_second_rate_is_tried_before_a_width_is_given_up():
    _, asked = play(search(0), lambda width, seed, rate: False)
    tried = {(q.width, q.seed): set() for q in asked}
    for question in asked:
        tried[question.width, question.seed].add(question.rate)
    assert all(rates == {0.01, 0.003} for rates in tried.values())
    assert {seed for width, seed in tried if width == LADDER[-1]} == {0, 1, 2}


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("chance", [0.0, 0.1, 0.4999, 0.5, 0.8, 1.0])
def test_the_probability_of_a_wrong_verdict_is_that_of_all_outcomes(chance, seeds):
    wrong = 0.0
    for outcome in itertools.product([True, False], repeat=seeds):
        probability = 1.0
        for learned in outcome:
            probability *= chance if learned else 1 - chance
        if (sum(outcome) > seeds / 2) is not (chance >= 0.5):
            wrong += probability
    assert wrong_verdict(chance, seeds) == pytest.approx(wrong, abs=1e-12)


def test_a_search_starts_between_what_is_impossible_and_what_is_constructed():
    assert LADDER[start_between(LADDER, 1, 12)] == 6  # the ladder itself begins at 3
    assert LADDER[start_between(LADDER, 7, 7)] == 7
    assert start_between(LADDER, 100, 1000) == len(LADDER) - 1
    with pytest.raises(AssayError, match="smallest width not excluded = 13"):
        start_between(LADDER, 13, 12)


def test_ladders():
    assert ladder(1, 8, 1.01) == tuple(range(1, 9))
    assert ladder(5, 5, 2.0) == (5,)
    with pytest.raises(AssayError, match="ratio = 1"):
        ladder(1, 8, 1)
    with pytest.raises(AssayError, match="lowest width = 9"):
        ladder(9, 8, 1.5)
