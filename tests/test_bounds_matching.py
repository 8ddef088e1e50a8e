"""Bounds of the matching tasks against every state of few values, and against counts made another way."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from assay import Match2, Match3
from assay.bounds import BOUNDS
from assay.bounds.answer_entropy import sampled
from assay.bounds.disjoint_sets import bits_to_tell_meeting
from assay.bounds.information import told_of_answers
from assay.bounds.match2_uniform import open_answers
from assay.resources import Averages, Resources
from exhaustive import balanced_weights, last_pass, least_costs, one_way, rarer, searched

TWICE = Resources(precision=32, passes=2, state=lambda tokens: 1, averages=Averages(1, 1, arithmetic="exact"))


def required(name, task, **given):
    return BOUNDS[name]().check(task, TWICE, **given).required


def strings(n):
    return np.array(list(itertools.product([0, 1], repeat=n)), dtype=np.int64)


def token_0(task, residues):
    return task.targets(torch.from_numpy(residues))[:, 0].numpy().astype(int)


# Worst case


def test_match_state_counts():
    bound = BOUNDS["match-state"]()
    assert [bound.check(Match3(length=n), TWICE).required for n in (2, 3, 4, 65)] == [0, 1, 1, 32]
    assert bound.check(Match2(length=60, modulus=63), TWICE).required == 30
    assert bound.check(Match2(length=60, modulus=62), TWICE).required == 0


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("odd", [0, 1])
def test_all_first_halves_of_match2_have_other_answers_of_one_second_half(n, odd):
    task = Match2(length=2 * n + odd, modulus=2 * n + 3)
    residues = task.hard_residues(strings(n), np.ones((2**n, n), dtype=np.int64))
    assert len(np.unique(residues[:, n:], axis=0)) == 1
    answers = task.targets(torch.from_numpy(residues))[:, n : 2 * n]
    assert answers.tolist() == strings(n).tolist()


@pytest.mark.parametrize("length", [3, 4, 7, 8, 9])
def test_all_first_halves_of_match3_have_other_answers_of_token_0(length):
    """Bob's singletons tell one bit each, so that all 2^n patterns of answers to them occur."""
    for modulus in (length + 1, length + 4):
        task = Match3(length=length, modulus=modulus)
        n = task.hard_bits()
        patterns = [
            token_0(task, task.hard_residues(np.tile(alice, (n, 1)), np.eye(n, dtype=np.int64))).tolist()
            for alice in strings(n)
        ]
        assert patterns == strings(n).tolist()


# Mean errors at token 0


@pytest.mark.parametrize("length", [3, 5, 7, 8])
def test_no_state_of_few_values_beats_match3_index(length):
    task = Match3(length=length)
    n = task.hard_bits()
    answers = np.column_stack(
        [token_0(task, task.hard_residues(strings(n), np.tile(row, (2**n, 1)))) for row in np.eye(n, dtype=np.int64)]
    )
    errors = least_costs(one_way(answers, balanced_weights(answers)), 2**n, 2**n)
    assert errors[-1] == 0
    for states, error in enumerate(errors, 1):
        for kind in ("state", "messages", "warren"):
            needed = required(f"match3-index-{kind}", task, error=error, distribution="index")
            assert needed <= math.log2(states) + 1e-9
    assert required("match3-index-state", task, error=0.0, distribution="index") == n


def half_answers(task):
    n, sets = task.hard_bits(), None
    sets = np.array(list(itertools.combinations(range(task.half_choices), n)))
    alice, bob = np.repeat(sets, len(sets), axis=0), np.tile(sets, (len(sets), 1))
    return sets, token_0(task, task.half_residues(alice, bob)).reshape(len(sets), len(sets))


@pytest.mark.parametrize(
    ("length", "modulus"), [(3, 6), (3, 7), (3, 12), (3, 18), (4, 11), (5, 10), (5, 11), (5, 12), (5, 13)]
)
def test_no_state_of_few_values_beats_match3_halves(length, modulus):
    task = Match3(length=length, modulus=modulus)
    _, answers = half_answers(task)
    balanced = least_costs(one_way(answers, balanced_weights(answers)), len(answers), len(answers))
    plain = least_costs(one_way(answers, (1 / answers.size, 1 / answers.size)), len(answers), len(answers))
    assert balanced[-1] == plain[-1] == 0
    for states, (error, share) in enumerate(zip(balanced, plain, strict=True), 1):
        for kind in ("state", "messages"):
            needed = required(f"match3-halves-{kind}", task, error=error, distribution="halves")
            assert needed <= math.log2(states) + 1e-9
        assert bits_to_tell_meeting(task.hard_bits(), task.half_choices, share) <= math.log2(states) + 1e-9
    wanted = math.log2(math.comb(task.half_choices, task.hard_bits()))
    assert required("match3-halves-state", task, error=0.0, distribution="halves") == pytest.approx(wanted)


@pytest.mark.parametrize("length", [3, 4, 5, 6, 7])
def test_token_0_of_halves_answers_whether_the_sets_meet(length):
    for modulus in range(4 * ((length - 1) // 2) + 2, 4 * ((length - 1) // 2) + 8):
        task = Match3(length=length, modulus=modulus)
        sets, answers = half_answers(task)
        meet = [[int(bool({*a} & {*b})) for b in sets.tolist()] for a in sets.tolist()]
        assert answers.tolist() == meet


@pytest.mark.parametrize(("size", "choices"), [(2, 4), (3, 9), (5, 30)])
@pytest.mark.parametrize("error", [0.0, 0.02, 0.1, 0.3])
def test_bits_to_tell_meeting_are_what_exact_fractions_say(size, choices, error):
    """The inequality with binomials, all sets A' sorted by what they have in common with A, one after the other."""
    chance = Fraction(math.comb(choices - size, size), math.comb(choices, size))
    wanted = chance - Fraction(error) * (1 - Fraction(error))
    total = math.comb(choices, size)
    mass, summed = Fraction(0), Fraction(0)
    for common in range(size, -1, -1):
        share = Fraction(math.comb(size, common) * math.comb(choices - size, size - common), total)
        neither = Fraction(math.comb(choices - 2 * size + common, size), total)
        if summed + share * neither < wanted * (mass + share):
            mass += (summed - wanted * mass) / (wanted - neither)
            break
        mass, summed = mass + share, summed + share * neither
    assert bits_to_tell_meeting(size, choices, error) == pytest.approx(max(0.0, -math.log2(mass)), abs=1e-8)


def test_match3_halves_at_the_default_modulus():
    bits = {n: required("match3-halves-state", Match3(length=n), error=0.1, distribution="halves") for n in (65, 129)}
    assert bits == {65: pytest.approx(120, abs=1), 129: pytest.approx(281, abs=1)}
    assert [round(bits_to_tell_meeting(k, round(k * k / math.log(2)), 0.1)) for k in (16, 32, 64, 128)] == [
        51,
        120,
        281,
        651,
    ]


# Match2


@pytest.mark.parametrize("length", [2, 3, 4, 5, 6, 7])
def test_no_state_of_few_values_beats_match2_ask(length):
    """Even if all of Alice's answers are right, and whatever the balance of Bob's errors is."""
    task = Match2(length=length, modulus=2 * length + 3)
    n = task.hard_bits()
    answers = strings(n)
    weights = 1 / (2 * 2**n * (length - n)), 1 / (2 * 2**n * n)  # n of N answers are 1 in the mean
    for states, error in enumerate(least_costs(one_way(answers, weights), 2**n, 2**n), 1):
        needed = required("match2-ask", task, error=error, distribution="ask")
        assert needed <= math.log2(states) + 1e-9
    assert required("match2-ask", task, error=0.0, distribution="ask") == n


def uniform_inputs(task):
    inputs = list(itertools.product(range(1, task.modulus), repeat=task.length))
    return inputs, task.targets(torch.tensor(inputs)).numpy().astype(int)


@pytest.mark.parametrize(("length", "modulus"), [(2, 4), (2, 5), (3, 3), (4, 4), (4, 6), (5, 5)])
def test_entropy_of_match2_answers_is_that_of_an_enumeration(length, modulus):
    """H(Y_t | X_1 ... X_t, Y_1 ... Y_(t-1)), summed over t."""
    inputs, answers = uniform_inputs(Match2(length=length, modulus=modulus))
    total = 0.0
    for t in range(length):
        groups = {}
        for x, y in zip(inputs, answers, strict=True):
            groups.setdefault((x[: t + 1], tuple(y[:t])), []).append(y[t])
        for group in groups.values():
            p = sum(group) / len(group)
            total += len(group) / len(inputs) * sum(-s * math.log2(s) for s in (p, 1 - p) if s)
    counted = told_of_answers(*open_answers(length, modulus - 1, (modulus + 1) % 2), 0.0)
    assert counted == pytest.approx(total, abs=1e-9)
    assert required("match2-uniform", Match2(length=length, modulus=modulus), error=0.0) == pytest.approx(
        total, abs=1e-9
    )


@pytest.mark.parametrize(("length", "modulus"), [(2, 4), (3, 3)])
def test_no_state_of_few_values_beats_match2_uniform(length, modulus):
    task = Match2(length=length, modulus=modulus)
    inputs, answers = uniform_inputs(task)
    cost = last_pass(inputs, answers, rarer(balanced_weights(answers)))
    for states, error in enumerate(least_costs(cost, len(inputs), 5), 1):
        assert required("match2-uniform", task, error=error) <= math.log2(states) + 1e-9


@pytest.mark.parametrize(("length", "modulus", "states"), [(3, 5, 2), (3, 5, 3), (4, 4, 2), (4, 4, 4)])
def test_no_state_that_a_search_finds_beats_match2_uniform_or_answer_entropy(length, modulus, states):
    task = Match2(length=length, modulus=modulus)
    inputs, answers = uniform_inputs(task)
    cost = last_pass(inputs, answers, rarer(balanced_weights(answers)))
    error = min(searched(cost, len(inputs), states, seed) for seed in range(3))
    for name in ("match2-uniform", "answer-entropy"):
        assert required(name, task, error=error) <= math.log2(states) + 1e-9


@pytest.mark.parametrize(("length", "bits"), [(16, [7.3, 6.2, 5.4, 3.5, 1.5]), (32, [14.4, 12.1, 10.5, 6.8, 2.8])])
def test_match2_uniform_against_figures_from_sampled_sequences(length, bits):
    """Of another program, which samples the inputs; at plain shares of errors."""
    task = Match2(length=length)
    counted = open_answers(length, task.modulus - 1, (task.modulus + 1) % 2)
    found = [told_of_answers(*counted, length * share) for share in (0.0, 0.01, 0.02, 0.05, 0.1)]
    assert found == pytest.approx(bits, abs=0.15)


def test_match2_uniform_speaks_of_digits():
    task = Match2(length=16, notation="digits")
    by_hand = told_of_answers(*open_answers(16, 3**task.digits - 1, 0), 0.0)
    assert required("match2-uniform", task, error=0.0, distribution="digits") == pytest.approx(by_hand)
    x, y, _ = task.sample(4000, seed=0, distribution="digits")
    assert (x > 0).all()
    assert (((task.modulus - x)[:, :, None] == x[:, None, :]).any(dim=2) == (y > 0.5)).all()


# Samples of the distributions that proofs speak of


def test_samples_of_ask():
    residues, answers, _ = Match2(length=9).sample(2000, seed=0, distribution="ask")
    assert len(residues[:, 4:].unique(dim=0)) == 1
    assert len(residues[:, :4].unique(dim=0)) == 16
    assert torch.equal(answers[:, 4:8], answers[:, :4])
    assert not answers[:, 8].any()
    assert torch.allclose(answers[:, :8].mean(dim=0), torch.tensor(0.5).double(), atol=0.05)


def test_samples_of_index():
    residues, answers, _ = Match3(length=8).sample(2000, seed=0, distribution="index")
    bob = residues[:, 4:7]
    assert ((bob != 1).sum(dim=1) == 1).all()
    bits = (residues[:, 1:4] != 1).double()
    assert torch.equal(answers[:, 0], (bits * (bob != 1)).sum(dim=1))
    assert torch.allclose(bits.mean(dim=0), torch.tensor(0.5).double(), atol=0.05)
    assert torch.allclose((bob != 1).double().mean(dim=0), torch.tensor(1 / 3).double(), atol=0.05)
    assert (residues[:, [0, 7]] == 1).all()


def test_samples_of_halves():
    task = Match3(length=6, modulus=20)
    residues, answers, _ = task.sample(4000, seed=0, distribution="halves")
    sets = [
        {*a} & {19 - b for b in bob}
        for a, bob in zip(residues[:, 1:3].tolist(), residues[:, 3:5].tolist(), strict=True)
    ]
    assert answers[:, 0].tolist() == [float(bool(common)) for common in sets]
    apart = math.comb(task.half_choices - 2, 2) / math.comb(task.half_choices, 2)
    assert answers[:, 0].mean().item() == pytest.approx(1 - apart, abs=0.03)
    seen = residues[:, 1:3].flatten().bincount()
    assert seen.nonzero().flatten().tolist() == [0, *range(2, task.half_choices + 1)]
    assert (seen[seen > 0] / 4000 * task.half_choices / 2 - 1).abs().max() < 0.15


# Sampled entropy


@pytest.mark.parametrize(
    "task", [Match2(length=4, modulus=5), Match3(length=4, modulus=7), Match3(length=5, modulus=6)], ids=str
)
def test_sampled_entropy_is_below_that_of_an_enumeration(task):
    inputs, answers = uniform_inputs(task)
    block, groups = task.length // 2, {}
    for x, y in zip(inputs, answers, strict=True):
        groups.setdefault(x[:block], []).append(tuple(y[:block]))
    exact = 0.0
    for group in groups.values():
        shares = np.array([group.count(y) for y in set(group)]) / len(group)
        exact -= len(group) / len(inputs) * float(shares @ np.log2(shares))
    found = sampled(task, "uniform")
    assert 0 < found.entropy <= exact
    assert max(answers.mean(), 1 - answers.mean()) <= found.commoner <= max(answers.mean(), 1 - answers.mean()) + 0.1


@pytest.mark.parametrize("task", [Match2(length=4, modulus=8), Match3(length=4, modulus=6)], ids=str)
@pytest.mark.parametrize("known", [0, 1, 2])
def test_answer_entropy_asks_for_no_more_than_the_answers_themselves(task, known):
    """W: the answers of the first `known` tokens. All other tokens answer as well as they can from W and what came."""
    inputs, answers = uniform_inputs(task)
    cost = last_pass(inputs, answers, rarer(balanced_weights(answers)))
    cells = {}
    for i, y in enumerate(answers):
        cells.setdefault(tuple(y[:known]), []).append(i)
    error = sum(cost(cell) for cell in cells.values())
    check = BOUNDS["answer-entropy"]().check(task, TWICE, error=error)
    assert check.required <= known
    assert not check.reason
    assert required("answer-entropy", task, error=0.0) > 0


def test_answer_entropy_says_how_it_was_sampled():
    bound = BOUNDS["answer-entropy"]
    assert bound.justified == "estimated"
    for said in ("estimated, not proved", "48 sampled first halves", "2 x 512 draws", "3 standard errors"):
        assert said in bound.source
