"""Networks and the training routine: conformance, determinism, and learning what can be learned in seconds."""

import dataclasses

import pytest
import torch
from torch import nn

from assay import AssayError, Ledger, SparseAveraging
from assay.constructions.questions import attention_portrait
from assay.learning.questions import answer_training, training_question
from assay.learning.training import Recipe, hopeless, train
from assay.networks import MIXERS, architectures, family, make_network
from assay.networks.base import Mixer
from assay.testing import check_mixer

TASK = SparseAveraging(4, 1, layout="last")
RECIPE = Recipe(steps=300, batch=64, check_every=50, validation=512, test=1024)


@pytest.mark.parametrize("name", MIXERS.names())
@pytest.mark.parametrize("task", [SparseAveraging(6, 2, 2, "last"), SparseAveraging(6, 2, 2, "all")], ids=str)
def test_mixers_conform(name, task):
    check_mixer(MIXERS[name], task)


@pytest.mark.parametrize("architecture", architectures())
@pytest.mark.parametrize("layout", ["all", "last"])
@pytest.mark.parametrize(("length", "width"), [(1, 1), (5, 3), (3, 8)])
def test_networks_of_any_shape(architecture, layout, length, width):
    task = SparseAveraging(length, 1, 2, layout)
    network = make_network(architecture, task, width, seed=0)
    inputs, targets = task.sample(3, seed=0)
    assert network(inputs).shape == targets.shape
    assert network.size.width == width
    assert network.size.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert torch.equal(network(inputs), make_network(architecture, task, width, seed=0)(inputs))
    assert network.family == family(architecture)


def test_making_a_network_leaves_the_global_random_state_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    make_network("lstm", TASK, 4, seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_state_is_counted_per_kind_of_cell():
    sizes = {name: make_network(name, TASK, 5, seed=0).size.state for name in architectures()}
    assert sizes == {"attention": 0, "feed-forward": 0, "gru": 5, "lstm": 10}


def test_attention_equals_the_textbook_formula():
    mixer = MIXERS["attention"](6).double()
    nn.init.normal_(mixer.query.bias)
    tokens = torch.randn(2, 5, 6, dtype=torch.float64)
    queries, keys, values = mixer.query(tokens), mixer.key(tokens), mixer.value(tokens)
    expected = mixer.out(torch.softmax(queries @ keys.transpose(1, 2) / 6**0.5, dim=2) @ values)
    assert torch.allclose(mixer(tokens, 5), expected)


@pytest.mark.parametrize(("architecture", "width"), [("attention", 6), ("lstm", 8), ("gru", 10), ("feed-forward", 12)])
def test_every_architecture_learns_to_look_one_value_up(architecture, width):
    recipe = dataclasses.replace(RECIPE, steps=1000)
    run = train(TASK, architecture, width, seed=0, rate=0.01, recipe=recipe)
    assert run.stopped == "learned"
    assert run.mean_error <= TASK.tolerance
    assert run.largest_error >= run.error_99 > 0
    inputs, targets = TASK.sample(4000, seed=99, distribution="gaussian")  # inputs of another seed
    assert TASK.errors(run.network(inputs), targets).square().mean().sqrt() < 1.2 * TASK.tolerance


def test_the_same_question_has_the_same_answer():
    recipe = {"steps": 60, "batch": 16, "check_every": 20, "validation": 64, "test": 64}
    question = {**training_question("attention", TASK, recipe), "width": 4, "seed": 1, "rate": 0.01}
    first, second = answer_training(question), answer_training(question)
    assert dataclasses.replace(first, seconds=0) == dataclasses.replace(second, seconds=0)
    assert first.verdict == "not learned"
    assert "not learned within this budget" in first.rests_on
    other = answer_training({**question, "seed": 2})
    assert other.error != first.error


def test_a_network_that_is_too_narrow_does_not_learn():
    task = SparseAveraging(8, 2, layout="last")
    run = train(task, "feed-forward", 3, seed=0, rate=0.01, recipe=RECIPE)
    assert run.mean_error > task.tolerance
    assert run.stopped != "learned"


def test_verdicts_rest_on_test_inputs_of_the_recipes_distribution():
    recipe = dataclasses.replace(RECIPE, steps=50, distribution="sign", test=777)
    run = train(TASK, "attention", 4, seed=3, rate=0.01, recipe=recipe)
    inputs, targets = TASK.sample(777, seed=3, split="test", distribution="sign")
    assert TASK.errors(run.network(inputs), targets).square().mean().sqrt().item() == pytest.approx(run.mean_error)


def test_when_a_run_is_given_up():
    budget = 20
    flat = [0.7] * 7
    assert not hopeless(flat[:6], 0.25, budget)  # too early to tell
    assert hopeless([*flat, 0.7], 0.25, budget)
    assert not hopeless([0.7 - 0.03 * step for step in range(10)], 0.25, budget)
    assert not hopeless([0.7] * 17, 0.25, budget)  # too late: the falling rate may still help
    assert not hopeless([0.3] * 10 + [0.26], 0.25, budget)  # within a tenth


def test_a_portrait_shows_where_attention_goes():
    task = SparseAveraging(6, 2, 2, "all")
    portrait = attention_portrait(task, make_network("attention", task, 8, seed=0))
    assert len(portrait["weights"]) == len(portrait["pointers"]) == 6
    for row in portrait["weights"]:
        assert sum(row) == pytest.approx(1, abs=1e-3)
    mass = sum(row[j] for row, y in zip(portrait["weights"], portrait["pointers"], strict=True) for j in y) / 6
    assert portrait["mass_on_pointers"] == pytest.approx(mass, abs=1e-3)


class Identity(Mixer):
    """A mixer of somebody else's, which moves nothing."""

    family = "attention"

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, tokens, last):
        return self.scale * tokens[:, -last:]


def test_a_mixer_of_somebody_elses_by_its_path():
    path = f"{__name__}:Identity"
    check_mixer(MIXERS[path], SparseAveraging(4, 1, layout="last"))
    assert make_network(path, TASK, 4, seed=0).family == "attention"
    with pytest.raises(AssayError, match="cannot be imported"):
        make_network(f"{__name__}:Nothing", TASK, 4, seed=0)
    with pytest.raises(AssayError, match="did you mean 'lstm'"):
        make_network("lstmm", TASK, 4, seed=0)


def test_recipes_refuse_what_makes_no_sense():
    with pytest.raises(AssayError, match="steps = 0"):
        Recipe(steps=0)
    with pytest.raises(AssayError, match="averaging = 1"):
        Recipe(steps=1, averaging=1.0)


def test_a_run_that_diverges_is_not_learned_and_can_be_stored():
    recipe = {"steps": 40, "batch": 8, "check_every": 10, "validation": 16, "test": 16, "clip": 1e30}
    question = {**training_question("attention", TASK, recipe), "width": 4, "seed": 0, "rate": 1e30}
    evidence = answer_training(question)
    assert evidence.verdict == "not learned"
    assert evidence.detail["stopped"] == "diverged"
    with Ledger(":memory:") as ledger:
        assert ledger.add(evidence)
