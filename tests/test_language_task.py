"""The task on regular languages: states by Python's own expressions, uniform draws, and lengths without words."""

import re
from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from assay import AssayError
from assay.languages.expression import automaton_of
from assay.languages.words import AcceptedWords
from assay.tasks import make_task
from assay.tasks.language import Language
from assay.testing import check_task
from assay.trivial.fit import baselines_of
from fresh import assay

LANGUAGES = ["(ab)*", "a*b*a*", "(bc(c)*)*", "(b*ab*a)*b*", "(aa)*", "(ab|ba)*", "b*ab*ab*", "((a|b)(a|b))*", "a{3}b?"]


def behind(expression, letters, start, longest):
    """Which words bring a beginning into the language: two beginnings with the same ones have the same state."""
    words = ("".join(word) for length in range(longest + 1) for word in product(letters, repeat=length))
    return tuple(re.fullmatch(expression, start + word) is not None for word in words)


@pytest.mark.parametrize("expression", LANGUAGES)
def test_states_are_what_the_rest_of_a_word_must_be(expression):
    task = Language(length=6, expression=expression)
    letters, states = task.automaton.letters, {}
    words = torch.tensor(list(product(range(len(letters)), repeat=task.length)))
    for word, answers in zip(words.tolist(), task.targets(words).tolist(), strict=True):
        for place, state in enumerate(answers):
            start = "".join(letters[letter] for letter in word[: place + 1])
            if start not in states:
                states[start] = (state, behind(expression, letters, start, task.automaton.states))
            assert states[start][0] == state
    by_state, by_rest = ({pair[which] for pair in states.values()} for which in (0, 1))
    assert len(set(states.values())) == len(by_state) == len(by_rest)


@pytest.mark.parametrize("expression", LANGUAGES[:-1])
@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_accepted_words_are_the_beginnings_of_the_next_longer_ones_and_uniform(expression, length):
    task = Language(length=length, expression=expression)
    letters = task.automaton.letters
    for longer in range(length, length + task.automaton.states):
        words = map("".join, product(letters, repeat=longer))
        wanted = Counter(word[:length] for word in words if re.fullmatch(expression, word))
        if wanted:
            break
    drawn = task.sample(4000, seed=3, distribution="accepted").inputs.numpy()
    found = Counter("".join(letters[letter] for letter in word) for word in drawn)
    assert set(found) <= set(wanted)
    expected = np.array([wanted[word] for word in wanted]) * len(drawn) / wanted.total()
    if len(wanted) > 1:
        assert chisquare([found[word] for word in wanted], expected).pvalue > 1e-6


def test_half_of_the_words_have_one_other_letter_at_a_uniform_place():
    task = Language(length=8, expression="(ab)*")
    changed = task.sample(8000, seed=0, distribution="half").inputs != torch.tensor([0, 1] * 4)
    assert set(changed.sum(1).tolist()) == {0, 1}
    assert abs(changed.any(1).double().mean() - 0.5) < 0.03
    assert chisquare(changed.sum(0).numpy()).pvalue > 1e-6
    one_letter = Language(length=8, expression="(aa)*")
    assert not one_letter.sample(50, seed=0, distribution="half").inputs.any()


@pytest.mark.parametrize("expression", LANGUAGES[:-1])
def test_tasks_conform(expression):
    check_task(Language(length=9, expression=expression))


@pytest.mark.parametrize("distribution", ["half", "accepted", "uniform"])
def test_examples_do_not_depend_on_their_batch(distribution):
    task = Language(length=7, expression="(bc(c)*)*")
    whole = task.sample(9, seed=5, distribution=distribution).inputs
    alone = task.sample(1, seed=5, start=4, distribution=distribution).inputs
    assert torch.equal(whole[4:5], alone)


def test_a_finite_language_has_no_words_beyond_its_longest():
    task = Language(length=5, expression="a{3}b?")
    assert not AcceptedWords.of(automaton_of("a{3}b?"), 5).exist
    with pytest.raises(AssayError, match="'accepted' inputs need a word of at least N letters in the language"):
        task.sample(1, seed=0, distribution="accepted")
    assert task.sample(3, seed=0, distribution="uniform").inputs.shape == (3, 5)
    assert task.at(4).sample(3, seed=0, distribution="accepted").inputs.tolist() == [[0, 0, 0, 1]] * 3


def test_long_words_are_drawn():
    words = Language(length=4096, expression="(ab|ba)*").sample(2, seed=0, distribution="accepted").inputs
    assert (words[:, ::2] + words[:, 1::2] == 1).all()
    assert 1800 < words[:, ::2].sum() < 2300


def test_the_place_is_no_baseline_but_the_last_letters_are():
    found = baselines_of(Language(length=16, expression="(aa)*"), "half", 4000)
    assert min(one.error for one in found.found) == 0
    assert found.passing is None
    told = baselines_of(Language(length=16, expression="(a|b)*a"), "half", 4000).passing
    assert told is not None
    assert told.name == "own token"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"expression": "(ab"}, "(ab"),
        ({"expression": "(ab)*", "alphabet": "a"}, "letter 'b' of (ab)* is not in the alphabet a"),
        ({"length": 0}, "length = 0 is not allowed"),
    ],
)
def test_wrong_parameters_are_refused(given, says):
    with pytest.raises(AssayError) as refused:
        make_task("language", **{"length": 4, **given})
    assert says in str(refused.value)


def test_it_is_a_task_like_any_other_on_the_command_line(tmp_path):
    done = assay("sample", "language", "--length", "6", "--expression", "(ab)*", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    wrong = assay("sample", "language", "--length", "6", "--expression", "(ab", cwd=tmp_path)
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1
