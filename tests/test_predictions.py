"""What is predicted of trained layers: against decisions computed in other ways, and known cases from the papers."""

from itertools import product

import numpy as np
import pytest

from assay.groups import named_group
from assay.languages.alternation import alternation, blocks_of
from assay.languages.expression import automaton_of
from assay.results.predictions import counting_tracks, decided, model_of, predicted


def words(expression):
    return {"name": "language", "expression": expression, "alphabet": ""}


def factors(group, generators=True):
    return {"name": "group-word", "group": group, "generators": generators}


def verdict(task, architecture, positions="none", depth=2, distribution="half", **options):
    found = predicted(task, architecture, options, positions, depth, distribution)
    return None if found is None else found.verdict


@pytest.mark.parametrize(
    ("expression", "attention", "selective", "signed", "name"),
    [
        ("a*b*a*", "can", "can", "can", "R-trivial"),
        ("acabcc(c)*", "can", "can", "can", "R-trivial"),
        ("(ab)*", "can", "can", "can", "C-RASP"),
        ("(ab|ba)*", "can", "can", "can", "C-RASP"),
        ("(bab|b)*", "cannot", "can", "can", "star-free"),
        ("(bc(c)*)*", "cannot", "can", "can", "star-free"),
        ("(b*ac)*", "can", "can", "can", "star-free"),
        ("(aa)*", "cannot", "cannot", "can", "not star-free"),
        ("(b*ab*a)*b*", "cannot", "cannot", "can", "not star-free"),
        ("(aaa)*", "cannot", "open", "open", "not star-free"),
    ],
)
def test_languages(expression, attention, selective, signed, name):
    task = words(expression)
    assert decided(task) == name
    assert verdict(task, "attention") == attention
    assert verdict(task, "attention", "rotary") == ("can" if attention == "can" else "open")
    assert verdict(task, "selective") == verdict(task, "min-gru") == selective
    assert verdict(task, "selective", eigenvalues="signed") == signed
    assert verdict(task, "lstm") == verdict(task, "gru") == "can"


def test_what_cannot_be_said_of_all_words_is_left_open_where_only_accepted_ones_are_drawn():
    assert verdict(words("(aa)*"), "attention", distribution="accepted") == "open"
    assert verdict(words("(aa)*"), "lstm", distribution="accepted") == "can"


@pytest.mark.parametrize("blocks", range(3, 7))
@pytest.mark.parametrize("depth", range(1, 5))
def test_alternations_take_a_layer_for_each_block_beyond_two(blocks, depth):
    task = words(alternation(blocks))
    wanted = "can" if depth >= blocks - 2 else "cannot"
    assert verdict(task, "attention", depth=depth, distribution="accepted") == wanted
    assert verdict(task, "attention", depth=depth) == "can"  # at some depth


def test_one_layer_of_counting_does_not_tell_the_blocks_of_four():
    """The proof that is cited: two words of L_4 and of L_2's beginnings, equal counts and last letters."""
    automaton = automaton_of(alternation(4), "ab")
    for first, second in product(range(2, 6), repeat=2):
        one, other = "a" * first + "b" * second, "a" * (first - 1) + "ba" + "b" * (second - 1)
        assert sorted(one) == sorted(other)
        assert one[-1] == other[-1]
        ends = [automaton.run(automaton.encode(word))[-1] for word in (one, other)]
        assert ends[0] != ends[1]


def test_blocks_are_told_whatever_the_expression_looks_like():
    assert [blocks_of(automaton_of(alternation(blocks), "ab")) for blocks in range(2, 8)] == list(range(2, 8))
    assert blocks_of(automaton_of("a(a*)bb*")) == 2
    assert [blocks_of(automaton_of(other)) for other in ("b+a+", "a+b+c+", "(ab)*", "a*b+", "a+")] == [None] * 5


def test_states_are_tracked_at_a_letter_if_what_comes_before_it_is_counted():
    # Behind c the state of (b*ac)* is known from the letter alone unless there was an error, which a - c tells.
    assert counting_tracks(automaton_of("(b*ac)*"))
    assert not counting_tracks(automaton_of("(aa)*"))
    for expression in ("(ab)*", "a*b*a*", "(ab|ba)*"):
        assert counting_tracks(automaton_of(expression))


@pytest.mark.parametrize(
    ("group", "one", "two", "real", "nonnegative", "positions"),
    [
        ("Z2", "can", "can", "can", "cannot", "open"),
        ("Z1", "can", "can", "can", "can", "can"),
        ("Z3", "open", "can", "open", "open", "open"),
        ("S3", "can", "can", "open", "cannot", "open"),
        ("D4", "open", "can", "can", "cannot", "open"),
        ("Q8", "open", "open", "can", "cannot", "open"),
        ("A5", "open", "can", "cannot", "open", "cannot"),
        ("S5", "can", "can", "cannot", "cannot", "cannot"),
    ],
)
def test_groups(group, one, two, real, nonnegative, positions):
    task = factors(group)
    assert verdict(task, "delta-net", eigenvalues="signed") == one
    assert verdict(task, "delta-product") == two
    assert verdict(task, "delta-product", steps=4) == "can"
    assert verdict(task, "selective", eigenvalues="signed") == real
    assert verdict(task, "selective") == verdict(task, "delta-net") == nonnegative
    assert verdict(task, "attention") == ("can" if group == "Z1" else "cannot")
    assert verdict(task, "attention", "rotary") == positions
    assert verdict(task, "lstm") == "can"


def test_all_elements_as_letters_take_more_steps():
    assert verdict(factors("S5", generators=False), "delta-net", eigenvalues="signed") == "open"
    assert verdict(factors("S5", generators=False), "delta-product", steps=4) == "can"


@pytest.mark.parametrize("group", ["S3", "S4", "S5"])
def test_one_reflection_a_letter_is_enough_for_transpositions(group):
    """The weights that the prediction speaks of, multiplied out: I - (e_i - e_j)(e_i - e_j)^T permutes coordinates."""
    found = named_group(group)
    points = int(group[1:])
    matrices = {}
    for letter in found.generators:
        i, j = (int(one) - 1 for one in found.labels[letter].strip("()").split())
        w = np.eye(points)[i] - np.eye(points)[j]
        matrices[letter] = np.eye(points) - np.outer(w, w)
    seen = {0: np.eye(points)}
    waiting = [0]
    for element in waiting:
        for letter, matrix in matrices.items():
            there, product_ = int(found.table[element, letter]), seen[element] @ matrix
            if there not in seen:
                seen[there] = product_
                waiting.append(there)
            assert np.array_equal(seen[there], product_)
    assert len(seen) == found.order
    assert len({matrix.tobytes() for matrix in seen.values()}) == found.order


def test_nothing_is_predicted_of_other_layers_and_tasks():
    assert (
        model_of("attention+lstm", {}, "none")
        == model_of("mine.py:Layer", {}, "none")
        == model_of("linear", {}, "")
        == ""
    )
    assert predicted({"name": "k-hop"}, "lstm", {}, "none", 1, "uniform") is None
    assert decided({"name": "k-hop"}) == ""
