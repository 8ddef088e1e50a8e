"""Bounds of recall and copies against every state of few values, and against counts of patterns of errors."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.bounds import BOUNDS
from assay.resources import Resources
from assay.tasks.copy import Copy
from assay.tasks.recall import Recall
from exhaustive import last_pass, least_costs, searched

ONCE = Resources(precision=1, state=lambda tokens: 0)
TWICE = Resources(precision=1, passes=2, state=lambda tokens: 0)


def required(task, error, network=TWICE):
    return BOUNDS[f"{task.name}-state"]().check(task, network, error=error).required


def fewest_errors(steps, choices, states):
    """Of a state with so many values, as a share; no bits are counted.

    Inputs of one state are told apart by where the answers are wrong, and which wrong value each stands for. So a state
    of as many inputs as all have in the mean errs at least as often as that many patterns with the fewest errors do.
    """
    inputs = Fraction(choices**steps, states)
    left, errors, patterns = inputs, Fraction(0), 1
    for wrong in range(steps + 1):
        taken = min(left, patterns)
        left, errors = left - taken, errors + wrong * taken
        patterns = patterns * (steps - wrong) * (choices - 1) // (wrong + 1)
    return float(errors / (inputs * steps))


def not_the_most_common(group):
    return len(group) - np.bincount(group).max()


# All values that may stand with the keys of a sampled input, and all strings


def recall_inputs(task):
    inputs = task.sample(1, seed=4).inputs
    values = np.array(list(itertools.product(range(task.vocabulary), repeat=task.pairs)))
    column, first = (inputs[0], task.vocabulary) if task.flat else (inputs[0, :, 1], 0)
    places = torch.nonzero((column >= first) & (column < first + task.vocabulary)).flatten()
    assert len(places) == task.pairs
    inputs = inputs.expand(len(values), *inputs.shape[1:]).clone()
    (inputs if task.flat else inputs[..., 1])[:, places] = torch.from_numpy(values) + first
    return inputs


def copy_inputs(task):
    half = task.length // 2
    strings = torch.tensor(list(itertools.product(range(task.alphabet), repeat=half)))
    shown = strings.flip(1) if task.reverse else strings
    return torch.cat([strings, torch.full((len(strings), 1), task.alphabet), shown[:, :-1]], dim=1)


def cost_of(task, inputs):
    """Wrong answers of a cell, from the cell and the tokens behind the cut."""
    behind = [[repr(token) for token in row[-task.spec.queries :]] for row in inputs.tolist()]
    return last_pass(behind, task.targets(inputs).tolist(), not_the_most_common)


def cost_of_one_key(task, inputs):
    """The same where the query is drawn after the state has been formed: each of the keys in turn."""
    answers = []
    for key in range(task.vocabulary):
        asked = inputs.clone()
        (asked if task.flat else asked[..., 0])[:, -1] = key
        answers.append(task.targets(asked)[:, 0])
    present = [row for row in answers if int(row.min()) >= 0]
    assert len(present) == task.pairs
    return last_pass([[0] * task.pairs] * len(inputs), torch.stack(present, dim=1).tolist(), not_the_most_common)


ALL_KEYS = [
    Recall(pairs=1, vocabulary=6),
    Recall(pairs=2, vocabulary=2),
    Recall(pairs=2, vocabulary=3, length=7),
    Recall(pairs=2, vocabulary=3, length=9, flat=True),
]
ONE_KEY = [
    Recall(pairs=2, vocabulary=2, one=True),
    Recall(pairs=2, vocabulary=3, length=6, one=True),
    Recall(pairs=2, vocabulary=3, length=8, one=True, flat=True),
]
COPIES = [
    Copy(length=2 * half, alphabet=alphabet, reverse=reverse)
    for half, alphabet in ((1, 7), (2, 3), (3, 2))
    for reverse in (False, True)
]


def sizes(task):
    return (task.length // 2, task.alphabet) if task.name == "copy" else (task.pairs, task.vocabulary)


@pytest.mark.parametrize("task", [*ALL_KEYS, *ONE_KEY, *COPIES], ids=str)
def test_no_state_of_few_values_beats_the_bound(task):
    """Every number of states, the best partition into so many; the bound and the patterns of errors allow it."""
    (steps, choices), one = sizes(task), getattr(task, "one", False)
    inputs = copy_inputs(task) if task.name == "copy" else recall_inputs(task)
    count = len(inputs)
    assert count == choices**steps
    cost = (cost_of_one_key if one else cost_of)(task, inputs)
    errors = [least / (steps * count) for least in least_costs(cost, count, count)]
    assert errors[0] == pytest.approx(1 - 1 / choices)
    assert errors[-1] == 0
    for states, error in enumerate(errors, 1):
        assert required(task, error, ONCE if one else TWICE) <= math.log2(states) + 1e-9
        assert fewest_errors(steps, choices, states) <= error + 1e-12


@pytest.mark.parametrize(("task", "states"), [(Recall(pairs=3, vocabulary=3), 3), (Copy(length=8, alphabet=2), 4)])
def test_no_state_that_a_search_finds_beats_the_bound(task, states):
    inputs = copy_inputs(task) if task.name == "copy" else recall_inputs(task)
    cost, (steps, _) = cost_of(task, inputs), sizes(task)
    error = min(searched(cost, len(inputs), states, seed) for seed in range(3)) / (steps * len(inputs))
    assert 0 < required(task, error) <= math.log2(states) + 1e-9


@pytest.mark.parametrize(("steps", "choices"), [(16, 16), (64, 64), (64, 4096), (1024, 1024), (4096, 65536)])
def test_patterns_of_errors_ask_for_less_than_a_number_more(steps, choices):
    most = steps * math.log2(choices)
    for kept in (0.2, 0.6, 0.9, 0.95, 0.99, 1.0):
        bits = int(kept * most)
        error = fewest_errors(steps, choices, 2**bits)
        asked = [required(Recall(pairs=steps, vocabulary=choices), error)]
        asked += [required(Copy(length=2 * steps, alphabet=choices), error)]
        assert all(bits - 32 < needed <= bits + 1e-6 for needed in asked)


@settings(max_examples=200, deadline=None)
@given(steps=st.integers(1, 5000), choices=st.integers(2, 70000), data=st.data())
def test_a_network_that_keeps_some_values_is_not_excluded(steps, choices, data):
    kept = data.draw(st.integers(0, steps))
    error = (steps - kept) / steps * (1 - 1 / choices)  # guesses where it kept nothing
    assert required(Copy(length=2 * steps, alphabet=choices), error) <= kept * math.log2(choices) + 1e-6


# Figures


def test_figures():
    recall = [required(Recall(pairs=64, vocabulary=64), error) for error in (0.0, 0.05, 0.1)]
    assert recall == pytest.approx([384, 346.5, 315.7], abs=0.05)
    assert [required(Recall(pairs=64, vocabulary=4096), error) for error in (0.01, 0.1)] == pytest.approx(
        [755, 661], abs=0.5
    )
    copies = [required(Copy(length=128, alphabet=26), error) for error in (0.0, 0.05, 0.1)]
    assert copies == pytest.approx([300.8, 267.6, 241.1], abs=0.05)
    assert required(Copy(length=128, alphabet=26, reverse=True), 0.1) == copies[2]
    assert required(Recall(pairs=4096, vocabulary=65536), 0.0) == 4096 * 16


@settings(max_examples=200, deadline=None)
@given(steps=st.integers(1, 300), choices=st.integers(2, 300), error=st.floats(0, 1))
def test_more_values_and_more_choices_ask_for_no_less(steps, choices, error):
    now, longer, richer = (
        required(Copy(length=2 * half, alphabet=alphabet), error)
        for half, alphabet in ((steps, choices), (steps + 1, choices), (steps, choices + 1))
    )
    assert 0 <= now <= steps * math.log2(choices)
    assert now <= min(longer, richer) + 1e-9
    assert now == 0 or error < 1 - 1 / choices


def test_no_errors_ask_for_all_values():
    for steps, choices in itertools.product((1, 3, 64), (64, 100)):
        assert required(Recall(pairs=steps, vocabulary=choices), 0.0) == steps * math.log2(choices)
        assert required(Copy(length=2 * steps, alphabet=choices), 0.0) == steps * math.log2(choices)


# Hypotheses


def test_one_key_of_several_is_spoken_of_in_one_pass_only():
    bound, one = BOUNDS["recall-state"](), Recall(pairs=8, vocabulary=16, one=True)
    assert bound.check(one, ONCE, error=0.0).required == 8 * 4
    assert bound.check(one, TWICE, error=0.0).reason == "needs one pass where one of several keys is asked for"
    assert bound.check(Recall(pairs=1, vocabulary=16, one=True), TWICE, error=0.0).required == 4


@pytest.mark.parametrize("task", [*ALL_KEYS, *ONE_KEY], ids=str)
def test_no_value_of_recall_stands_behind_the_cut(task):
    cut = BOUNDS["recall-state"]().available(task, Resources(precision=1, state=lambda tokens: tokens))
    inputs = task.sample(64, seed=0).inputs
    symbols, least = (inputs, task.vocabulary) if task.flat else (inputs[..., 1], 0)
    is_value = (symbols >= least) & (symbols < least + task.vocabulary)
    assert (is_value[:, :cut].sum(dim=1) == task.pairs).all()
    assert not is_value[:, cut:].any()
    assert task.length - cut == (1 if task.one else task.pairs)


@pytest.mark.parametrize("task", COPIES, ids=str)
def test_the_separator_stands_behind_the_cut(task):
    cut = BOUNDS["copy-state"]().available(task, Resources(precision=1, state=lambda tokens: tokens))
    inputs = task.sample(64, seed=0).inputs
    assert (inputs[:, cut] == task.alphabet).all()
    assert (inputs[:, :cut] < task.alphabet).all()
    assert torch.equal(inputs[:, cut + 1 :], task.targets(inputs)[:, :-1])  # shown after they were asked for
