"""Networks and the training routine: conformance, determinism, and learning what can be learned in seconds."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from assay import AssayError, Ledger, Match2, Match3, SparseAveraging
from assay.layers import LAYERS
from assay.layers.layer import Layer
from assay.models import architectures, family, make_network, named_architecture
from assay.models.attention_map import attention_map_of
from assay.models.candidates import Candidates
from assay.models.codes import circular_codes
from assay.tasks import task_from_json
from assay.testing import check_layer
from assay.training import loop as training
from assay.training.adam import Adam
from assay.training.loop import Recipe, train
from assay.training.question import TrainingQuestion
from assay.training.single import train_one
from assay.training.trained_file import load_trained

TASK = SparseAveraging(4, 1, layout="last")
RECIPE = Recipe(steps=300, distribution="gaussian", batch=64, check_every=50, validation=512, test=1024)


@pytest.mark.parametrize("architecture", architectures())
@pytest.mark.parametrize("layout", ["all", "last"])
@pytest.mark.parametrize(("length", "width"), [(1, 1), (5, 3), (3, 8)])
def test_networks_of_any_shape(architecture, layout, length, width):
    task = SparseAveraging(length, 1, 2, layout)
    network = make_network(architecture, task, width, seed=0)
    inputs, targets, _ = task.sample(3, seed=0)
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
    expected = {
        "gru": 5,
        "lstm": 10,
        "min-gru": 5,
        "min-lstm": 5,
        "s4d": 40,
        "selective": 40,
        "mlstm": 31,
        "linear": 30,
        **dict.fromkeys(("retnet", "gated-linear", "delta-net", "gated-delta-net", "delta-product"), 25),
        **dict.fromkeys(("attention", "alibi", "hard-alibi", "window-attention"), 50),  # caches of 5 tokens
        "third-order": 100,
        "strassen": 100,
    }
    assert {name: sizes[name] for name in expected} == expected


def test_attention_equals_the_textbook_formula():
    layer = LAYERS["attention"](6).double()
    nn.init.normal_(layer.query.bias)
    tokens = torch.randn(2, 5, 6, dtype=torch.float64)
    queries, keys, values = layer.query(tokens), layer.key(tokens), layer.value(tokens)
    expected = layer.out(torch.softmax(queries @ keys.transpose(1, 2) / 6**0.5, dim=2) @ values)
    assert torch.allclose(layer(tokens, 5), expected)


@pytest.mark.parametrize(("architecture", "width"), [("attention", 6), ("lstm", 8), ("gru", 10), ("feed-forward", 12)])
def test_every_architecture_learns_to_look_one_value_up(architecture, width):
    recipe = dataclasses.replace(RECIPE, steps=1000)
    run = train(TASK, architecture, width, seed=0, rate=0.01, recipe=recipe)
    assert run.stopped == "learned"
    assert run.mean_error <= TASK.tolerance
    assert run.largest_error >= run.mean_error > 0
    inputs, targets, _ = TASK.sample(4000, seed=99, distribution="gaussian")  # inputs of another seed
    assert TASK.answer.errors(run.network(inputs), targets).square().mean().sqrt() < 1.2 * TASK.tolerance


def test_the_same_question_has_the_same_answer():
    recipe = {"steps": 60, "batch": 16, "check_every": 20, "validation": 64, "test": 64}
    question = TrainingQuestion.usual(Candidates("attention"), TASK, recipe, 4, seed=1, rate=0.01)
    first, second = question.answer(), question.answer()
    assert dataclasses.replace(first, seconds=0) == dataclasses.replace(second, seconds=0)
    assert first.verdict == "not learned"
    assert "not learned within this budget" in first.justification
    other = dataclasses.replace(question, seed=2).answer()
    assert other.error != first.error


def test_a_network_that_is_too_narrow_does_not_learn():
    task = SparseAveraging(8, 2, layout="last")
    run = train(task, "feed-forward", 3, seed=0, rate=0.01, recipe=RECIPE)
    assert run.mean_error > task.tolerance
    assert run.stopped != "learned"


def test_verdicts_rest_on_test_inputs_of_the_recipes_distribution():
    recipe = dataclasses.replace(RECIPE, steps=50, distribution="sign", test=777)
    run = train(TASK, "attention", 4, seed=3, rate=0.01, recipe=recipe)
    inputs, targets, _ = TASK.sample(777, seed=3, split="test", distribution="sign")
    assert TASK.answer.judge(run.network(inputs), targets) == pytest.approx(run.mean_error)


def test_a_run_that_has_not_learned_uses_its_budget():
    """An error that stands still says nothing of later: some runs sit on a plateau for most of their steps."""
    recipe = dataclasses.replace(RECIPE, steps=120, check_every=5, validation=64, test=64)
    run = train(TASK, "attention", 2, seed=0, rate=1e-6, recipe=recipe)
    assert (run.steps, run.stopped, len(run.curve)) == (120, "budget", 24)


def test_a_portrait_shows_where_attention_goes():
    task = SparseAveraging(6, 2, 2, "all")
    attention_map = attention_map_of(task, make_network("attention", task, 8, seed=0))
    assert len(attention_map["weights"]) == len(attention_map["pointers"]) == 6
    for row in attention_map["weights"]:
        assert sum(row) == pytest.approx(1, abs=1e-3)
    mass = (
        sum(row[j] for row, y in zip(attention_map["weights"], attention_map["pointers"], strict=True) for j in y) / 6
    )
    assert attention_map["mass_on_pointers"] == pytest.approx(mass, abs=1e-3)


class Identity(Layer):
    """A layer of somebody else's, which moves nothing."""

    family = "attention"

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, tokens, last):
        return self.scale * tokens[:, -last:]


def test_a_layer_of_somebody_elses_by_its_path():
    with pytest.raises(AssayError, match="of no file that was named in this process"):
        make_network("no.such.module:Identity", TASK, 4, seed=0)
    path = LAYERS.named(f"{__name__}:Identity")
    check_layer(LAYERS[path], SparseAveraging(4, 1, layout="last"))
    assert make_network(path, TASK, 4, seed=0).family == "attention"
    with pytest.raises(AssayError, match="has no 'Nothing'"):
        make_network(f"{__name__}:Nothing", TASK, 4, seed=0)
    with pytest.raises(AssayError, match="did you mean 'lstm'"):
        make_network("lstmm", TASK, 4, seed=0)


def test_recipes_refuse_what_makes_no_sense():
    with pytest.raises(AssayError, match="steps = 0"):
        Recipe(steps=0, distribution="gaussian")
    with pytest.raises(AssayError, match="averaging = 1"):
        Recipe(steps=1, distribution="gaussian", averaging=1.0)


def test_a_run_that_diverges_is_not_learned_and_can_be_stored():
    recipe = {"steps": 40, "batch": 8, "check_every": 10, "validation": 16, "test": 16, "clip": 1e30}
    evidence = TrainingQuestion.usual(Candidates("attention"), TASK, recipe, 4, seed=0, rate=1e30).answer()
    assert evidence.verdict == "not learned"
    assert evidence.detail["stopped"] == "diverged"
    with Ledger(":memory:") as ledger:
        assert ledger.add(evidence)


@pytest.mark.parametrize("name", ["attention", "third-order", "strassen"])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_heads_are_separate_and_added_up(name, heads):
    """With the output map the identity, a head's coordinates depend on its own part of every projection only."""
    torch.manual_seed(0)
    layer = LAYERS[name](6, heads=heads).double()
    torch.nn.init.eye_(layer.out.weight)
    tokens = torch.randn(2, 5, 6, dtype=torch.float64)
    before = layer(tokens, 5)
    part = 6 // heads
    with torch.no_grad():
        for projection in [child for child in layer.children() if child is not layer.out]:
            projection.weight[:part] *= 1.5
    changed = (layer(tokens, 5) - before).abs().amax(dim=(0, 1)) > 1e-9
    assert changed.tolist() == [True] * part + [False] * (6 - part)


def test_attention_with_heads_equals_the_textbook_formula():
    layer = LAYERS["attention"](6, heads=2).double()
    tokens = torch.randn(2, 5, 6, dtype=torch.float64)
    q, k, v = ((layer(tokens)).unflatten(2, (2, 3)).transpose(1, 2) for layer in (layer.query, layer.key, layer.value))
    expected = layer.out((torch.softmax(q @ k.mT / 3**0.5, dim=-1) @ v).transpose(1, 2).flatten(2))
    assert torch.allclose(layer(tokens, 5), expected)
    assert torch.allclose(layer(tokens, 2), expected[:, -2:])


def test_depth_and_heads_reach_the_network_or_are_refused():
    network = make_network("strassen", TASK, 6, seed=0, depth=2, head_width=2)
    assert (network.size.depth, network.size.heads, network.size.head_width, len(network.network.blocks)) == (
        2,
        3,
        2,
        2,
    )
    with pytest.raises(AssayError, match="head_width = 2 is not allowed; it must be 0 for lstm"):
        make_network("lstm", TASK, 6, seed=0, head_width=2)
    with pytest.raises(AssayError, match="depth = 2 is not allowed; it must be 1 for feed-forward"):
        make_network("feed-forward", TASK, 6, seed=0, depth=2)
    with pytest.raises(AssayError, match="a divisor of width = 6"):
        make_network("attention", TASK, 6, seed=0, head_width=4)


@pytest.mark.parametrize("architecture", ["attention", "third-order", "strassen", "lstm", "gru", "feed-forward"])
@pytest.mark.parametrize("task", [Match3(length=5), Match3(length=5, notation="digits")], ids=str)
def test_every_architecture_takes_symbols_and_digits(architecture, task):
    network = make_network(architecture, task, 6, seed=0)
    inputs, targets, scored = task.sample(3, seed=0)
    outputs = network(inputs)
    assert outputs.shape == targets.shape
    task.answer.loss(outputs, targets.to(outputs.dtype), scored).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_a_recurrent_network_sees_the_whole_sequence_where_every_token_asks():
    task = Match2(length=6)
    network = make_network("gru", task, 8, seed=0)
    residues = task.sample(1, seed=0).inputs
    changed = residues.clone()
    changed[0, 5] = (changed[0, 5] + 1) % task.modulus
    assert not torch.equal(network(residues)[0, 0], network(changed)[0, 0])


def test_circular_codes_add_up_as_residues_do():
    codes = circular_codes(12, 6).double() / 2**0.5
    points = torch.view_as_complex(codes.unflatten(1, (3, 2)).contiguous())
    x, y = torch.tensor([3, 7, 11]), torch.tensor([5, 9, 4])
    assert torch.allclose(points[x] * points[y], points[(x + y) % 12], atol=1e-6)
    assert circular_codes(3, 9).shape == (3, 9)


def test_judging_in_parts_is_judging_at_once(monkeypatch):
    task = Match2(length=6)
    network = make_network("attention", task, 4, seed=0)
    recipe = Recipe(steps=1, distribution="uniform")
    whole = training._judge(network, 3, 5, 50, recipe)
    monkeypatch.setattr(training, "_JUDGED_AT_ONCE", 7)
    parts = training._judge(network, 3, 5, 50, recipe)
    assert (parts.judged, parts.sequence_error) == (whole.judged, whole.sequence_error)
    assert parts.largest == pytest.approx(whole.largest)


def test_layers_that_ask_for_a_length_are_told_the_longest_that_they_will_see(tmp_path):
    architecture = named_architecture(f"{Path(__file__).with_name('layers_of_users.py')}:Masked")
    task = task_from_json({"name": "group-word", "group": "Z2", "length": 6})
    recipe = {"steps": 2, "batch": 4, "validation": 8, "test": 8, "test_lengths": (9, 12)}
    train_one(task, architecture, tmp_path / "a.safetensors", width=4, rate=0.01, seed=0, recipe=recipe)
    network, _ = load_trained(tmp_path / "a.safetensors")
    (places,) = [weight for name, weight in network.named_parameters() if name.endswith("places")]
    assert places.shape == (12, 12)
    train_one(
        task, architecture, tmp_path / "b.safetensors", width=4, rate=0.01, seed=0, recipe={"steps": 2, "test": 8}
    )
    network, _ = load_trained(tmp_path / "b.safetensors")
    assert {weight.shape for name, weight in network.named_parameters() if name.endswith("places")} == {(6, 6)}


def steps_of(make):
    """Weights after 30 steps of a small network, whose last weight has a gradient from the 11th step on."""
    torch.manual_seed(0)
    network, late = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)), nn.Parameter(torch.ones(2))
    weights = [*network.parameters(), late]
    step = make(weights)
    for number in range(30):
        for weight in weights:
            weight.grad = None
        loss = network(torch.randn(4, 5)).square().sum()
        (loss if number < 10 else loss + late.square().sum()).backward()
        step(0.001 * (number + 1))
    return weights


def test_adam_is_bit_for_bit_that_of_torch():
    def of_torch(weights):
        optimizer = torch.optim.Adam(weights, betas=(0.9, 0.99), fused=True)

        def step(rate):
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()

        return step

    def ours(weights):
        return Adam(weights).step

    found, expected, begin = steps_of(ours), steps_of(of_torch), steps_of(lambda _: lambda _: None)
    assert all(map(torch.equal, found, expected))
    assert not any(map(torch.equal, found, begin))


def test_neither_training_nor_declaring_imports_the_compiler_of_torch():
    """It takes a second in each process."""
    lines = """
import sys
from assay import SparseAveraging
from assay.training.loop import Recipe, train
from assay.models.candidates import all_candidates
task = SparseAveraging(4, 1, layout="last")
recipe = Recipe(steps=2, distribution="gaussian", batch=4, check_every=1, validation=4, test=4)
train(task, "attention", 4, seed=0, rate=0.01, recipe=recipe)
for networks in all_candidates():
    networks.resources(task, 4)
sys.exit("torch._dynamo" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", lines], check=True, timeout=200)
