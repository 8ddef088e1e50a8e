"""The search for the smallest width, against answers that are known."""

import random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError
from assay.learning.search import Unit, ladder, smallest_width

LADDER = ladder(3, 80, 1.15)


def play(unit, learns, shuffle=None):
    """Run a search, answering in batches as a runner does; the result and the questions."""
    asked = []
    search = smallest_width(unit)
    questions = next(search)
    while True:
        asked += questions
        answers = {}
        order = list(range(len(questions)))
        if shuffle:
            shuffle.shuffle(order)
        for index in order:
            question = questions[index]
            verdict = "learned" if learns(question["width"], question["seed"], question["rate"]) else "not learned"
            answers[index] = SimpleNamespace(verdict=verdict)
        try:
            questions = search.send([answers[index] for index in range(len(questions))])
        except StopIteration as stop:
            return stop.value, asked


def unit(start, rates=(0.01, 0.003)):
    return Unit({"kind": "training"}, LADDER, start, (0, 1, 2), rates)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, len(LADDER)), min_size=3, max_size=3), st.integers(0, len(LADDER) - 1), st.integers(0, 9)
)
def test_the_median_of_the_seeds_boundaries_is_found(boundaries, start, shuffle_seed):
    def learns(width, seed, rate):
        return rate == 0.003 and LADDER.index(width) >= boundaries[seed]

    result, asked = play(unit(start), learns, random.Random(shuffle_seed))
    median = sorted(boundaries)[1]
    assert result == (median if median < len(LADDER) else None)
    reported = LADDER[min(median, len(LADDER) - 1)]
    assert {question["seed"] for question in asked if question["width"] == reported} == {0, 1, 2}


def test_a_good_start_costs_few_runs():
    result, asked = play(unit(LADDER.index(10), rates=(0.01,)), lambda width, seed, rate: width >= 10)
    assert LADDER[result] == 10
    assert len({(q["width"], q["seed"]) for q in asked}) == 6  # each seed: the width, and the one below


def test_a_seed_that_breaks_monotony_does_not_lower_the_report():
    """Seeds 0 and 1 learn at 10 and above, but when seed 2 is looked at there it fails: two of three still hold."""
    result, _ = play(unit(LADDER.index(10)), lambda width, seed, rate: width >= (10, 10, 30)[seed])
    assert LADDER[result] == 10


def test_the_second_rate_is_tried_before_a_width_is_given_up():
    _, asked = play(unit(0), lambda width, seed, rate: False)
    tried = {(q["width"], q["seed"]): set() for q in asked}
    for question in asked:
        tried[question["width"], question["seed"]].add(question["rate"])
    assert all(rates == {0.01, 0.003} for rates in tried.values())
    assert {seed for width, seed in tried if width == LADDER[-1]} == {0, 1, 2}


def test_ladders():
    assert ladder(1, 8, 1.01) == tuple(range(1, 9))
    assert ladder(5, 5, 2.0) == (5,)
    with pytest.raises(AssayError, match="ratio = 1"):
        ladder(1, 8, 1)
    with pytest.raises(AssayError, match="lowest width = 9"):
        ladder(9, 8, 1.5)
