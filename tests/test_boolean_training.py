"""Networks of the bare form, trained: what a step computes, what is learned, and that no bound on heads is beaten."""

import math

import numpy as np
import pytest
import torch

from assay.booleans.backbone import train_backbone
from assay.booleans.bare import all_words
from assay.booleans.degree import threshold_degree
from assay.booleans.function import BooleanFunction
from assay.booleans.mean import least_error
from assay.booleans.named import named_function
from assay.booleans.trained import _better_half, _drawn, _indicators, _least_squares, _network, _Task, train
from assay.errors import AssayError


def task_of(function):
    return _Task(_indicators(all_words(function.inputs)), torch.from_numpy(function.table).double() * 2 - 1)


def test_slopes_are_those_of_finite_differences_and_outputs_those_of_the_network():
    function = named_function("mod-3", 4)
    task, starts = task_of(function), _drawn(4, 2, [3], 3)
    state = task.at(starts)
    for row in range(3):
        network = _network(4, starts.of(torch.tensor([row])))
        assert torch.allclose(network(all_words(4)), state.outputs[row], atol=1e-12)
    slopes, short = task.slopes(starts, state), task.short(state.outputs)
    size, step = starts.scores[0].numel(), 1e-6
    for number in range(2 * size + 1):
        moved = starts.of(torch.arange(3))
        part, place = divmod(number, size)
        target = (moved.scores, moved.values, moved.constant)[part].view(3, -1)
        target[:, place] += step
        change = (task.short(task.at(moved).outputs) - short) / step
        away = (1 - state.outputs * task.signs).abs() > 1e-4  # from the kink
        assert torch.allclose(change[away], slopes[:, number][away], atol=1e-4)


@pytest.mark.parametrize(("parameters", "words"), [(5, 8), (8, 8), (12, 8)])
def test_least_squares_are_those_of_numpy(parameters, words):
    rng = np.random.default_rng(parameters)
    slopes, short = rng.normal(size=(3, parameters, words)), rng.normal(size=(3, words))
    damping = np.array([1.0, 0.1, 5.0])
    found = _least_squares(*map(torch.from_numpy, (slopes, short, damping)))
    for row in range(3):
        system = np.vstack([slopes[row].T, math.sqrt(damping[row]) * np.eye(parameters)])
        wanted = np.linalg.lstsq(system, np.append(short[row], np.zeros(parameters)), rcond=None)[0]
        assert np.allclose(found[row].numpy(), wanted, atol=1e-8)


def test_a_system_that_rounding_has_spoilt_is_no_step():
    slopes = torch.full((1, 3, 4), 1e200, dtype=torch.float64)
    assert torch.equal(_least_squares(slopes, slopes[:, 0], torch.ones(1)), torch.zeros(1, 3))


def test_the_better_half_of_each_seeds_starts_is_kept():
    owner = torch.tensor([0, 0, 0, 0, 1, 2, 2, 2])
    loss = torch.tensor([4.0, 1, 3, 1, 9, 5, 5, 5])
    assert _better_half(owner, loss).tolist() == [False, True, False, True, True, True, True, False]


def test_a_start_depends_on_its_seed_and_number_alone():
    together, alone = _drawn(3, 2, [5, 7], 4), _drawn(3, 2, [7], 2)
    assert torch.equal(together.scores[4:6], alone.scores)
    assert torch.equal(together.values[4:6], alone.values)
    assert not torch.equal(together.scores[:4], together.scores[4:])


def wrong_exactly(one, function):
    """Words that the weights answer wrongly in exact arithmetic."""
    answers = one.network.exact_answers(all_words(function.inputs))
    return sum(answer is not wanted for answer, wanted in zip(answers, function.table.tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "n", "heads"),
    [
        ("majority", 4, 1),
        ("majority", 6, 1),
        ("parity", 2, 2),
        ("parity", 3, 3),
        ("parity", 4, 5),
        ("half", 4, 3),
        ("half", 6, 3),
        ("multiplexer", 3, 2),
    ],
)
def test_functions_are_learned_with_at_most_one_head_more_than_is_needed(name, n, heads):
    function = named_function(name, n)
    assert heads <= threshold_degree(function).at_least + 1
    found = train(function, [heads], [0, 1])
    assert any(one.learned for one in found)
    for one in found:
        assert one.learned == (wrong_exactly(one, function) == 0)


@pytest.mark.long
@pytest.mark.parametrize(("name", "n", "heads"), [("parity", 6, 7), ("mod-3", 6, 5), ("multiplexer", 6, 4)])
def test_harder_ones_are_learned_with_one_head_more(name, n, heads):
    found = train(named_function(name, n), [heads], [0, 1, 2])
    assert any(one.learned for one in found)


def test_fewer_heads_are_wrong_at_least_as_often_as_is_proved():
    for name, n in (("parity", 4), ("half", 4), ("mod-3", 4)):
        function = named_function(name, n)
        degree = threshold_degree(function)
        told = []
        found = train(function, range(1, degree.at_least), [0, 1], restarts=8, steps=60, tell=told.append)
        assert [(one.heads, one.seed) for one in found] == [(h, s) for h in range(1, degree.at_least) for s in (0, 1)]
        assert len(told) == 2 * (degree.at_least - 1)
        for one in found:
            assert one.steps == 60
            assert one.exactness.held
            assert one.wrong == wrong_exactly(one, function)
            assert one.wrong >= least_error(function, one.heads, degree).error * 2**n > 0


def no_fewer_heads_are_right(function, restarts, steps):
    """Whether something was tried."""
    degree = threshold_degree(function)
    for one in train(function, range(1, degree.at_least), [0], restarts=restarts, steps=steps):
        assert not one.learned
        if one.exactness.held:
            assert one.wrong == wrong_exactly(one, function) > 0
    return degree.at_least > 1


def random_functions(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield BooleanFunction.of_table("random", rng.random(1 << int(rng.integers(4, 7))) < rng.choice([0.2, 0.5]))


def test_no_network_of_fewer_heads_than_the_threshold_degree_is_right():
    assert sum(no_fewer_heads_are_right(function, 4, 60) for function in random_functions(12, 0)) >= 10


@pytest.mark.long
def test_no_network_of_fewer_heads_than_the_threshold_degree_is_right_on_200_functions():
    assert sum(no_fewer_heads_are_right(function, 16, 200) for function in random_functions(200, 1)) >= 180


def test_arguments_that_are_not_allowed_are_refused():
    function = named_function("parity", 3)
    for change, said in (
        ({"heads": [0]}, "heads = 0 is not allowed; it must be an integer from 1 to 32"),
        ({"heads": [33]}, "heads = 33 is not allowed"),
        ({"restarts": 0}, "restarts = 0 is not allowed"),
        ({"steps": 0}, "steps = 0 is not allowed"),
        ({"function": named_function("parity", 9)}, "inputs = 9 is not allowed; it must be an integer from 1 to 8"),
    ):
        arguments = {"function": function, "heads": [1], "seeds": [0], **change}
        with pytest.raises(AssayError, match=said):
            train(**arguments)
    with pytest.raises(AssayError, match="inputs = 9 is not allowed"):
        train_backbone(named_function("parity", 9), 0)


def test_the_standard_backbone_learns_a_simple_function_and_leaves_random_numbers_alone():
    function = named_function("or", 3)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    found = train_backbone(function, 1, width=8, steps=600)
    assert torch.equal(torch.rand(1), expected)
    assert found.wrong == 0 < found.steps < 600
    again = train_backbone(function, 1, width=8, steps=600)
    assert again == found
