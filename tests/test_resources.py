"""Bounds speak of what networks declare that they have, whatever they are called; what is declared is measured."""

import json
import math
from pathlib import Path

import pytest
import torch

import layers_of_users as layers
from assay import AssayError, Match2, Match3, SparseAveraging
from assay.bounds import BOUNDS, bounds_of
from assay.bounds.bound import LARGEST_WIDTH
from assay.constructions import CONSTRUCTIONS, build
from assay.layers import LAYERS
from assay.layers.common.check import check_layer, is_causal
from assay.layers.strassen import Strassen
from assay.layers.third_order import ThirdOrder
from assay.models import architectures, make_network
from assay.models.bare_models import BARE_MODELS
from assay.models.candidates import Candidates, require_declared
from assay.questions.bound import BoundQuestion
from fresh import assay

HERE = Path(__file__).parent


def path(layer):
    return LAYERS.named(f"layers_of_users:{layer}")


def odd(layer):
    return LAYERS.named(f"odd_layers:{layer}")


def smallest(bound, task, layer, **shape):
    networks = Candidates(layer if layer in LAYERS else path(layer), **shape)
    return BOUNDS[bound]().smallest(task, networks.at(task))


@pytest.mark.parametrize("layer", ["Matrix", "Window", "Hybrid"])
@pytest.mark.parametrize(("depth", "least"), [(1, 32), (2, 23)])
def test_match3_counts_the_state_that_is_declared(layer, depth, least):
    """32,767 bits at N = 65,536: 32 m^2 of them in one layer, 64 m^2 in two."""
    task = Match3(length=65_536)
    if layer != "Matrix":  # numbers of even widths are those of the matrix
        least += least % 2
    networks = Candidates(path(layer), depth=depth).at(task)
    statuses = {width: BOUNDS["match-state"]().check(task, networks(width)).status for width in (20, least - 1, least)}
    assert statuses == {20: "binds", least - 1: "binds", least: "vacuous"}
    if layer == "Matrix":
        assert smallest("match-state", task, layer, depth=depth) == least


def test_a_cache_of_all_tokens_is_excluded_nowhere():
    for task in (Match3(length=65_536), SparseAveraging(length=4096, sparsity=2), Match2(length=4096)):
        for bound in bounds_of(task):
            if bound.resource == "state bits":
                assert smallest(bound.name, task, "Cached") == 1, bound.name


def test_averaging_in_two_passes_counts_the_state_that_is_declared():
    """N - q + log2 q = 1,048,575 bits, between 32 x 181^2 = 1,048,352 and 32 x 182^2."""
    task = SparseAveraging(length=1_048_576, sparsity=2)
    assert smallest("recurrent-state", task, "Matrix") == 182
    check = BOUNDS["recurrent-state"]().check(task, Candidates(path("Matrix")).resources(task, 181))
    assert (check.status, check.required, check.available) == ("binds", 1_048_575, 1_048_352)


@pytest.mark.parametrize(
    ("task", "bound", "depth", "excluded"),
    [
        (Match3(length=65_536), "match-state", 1, 31),
        (Match3(length=65_536), "match-state", 2, 22),
        (SparseAveraging(length=1_048_576, sparsity=2), "recurrent-state", 1, 181),
    ],
)
def test_the_command_the_report_and_python_say_the_same(task, bound, depth, excluded):
    networks = Candidates(path("Matrix"), depth=depth)
    evidence = BoundQuestion(bound, task, networks, 32, task.usual_distribution).answer()
    assert evidence.size.width == excluded
    parameters = [word for key, value in task.to_json().items() if key != "name" for word in (f"--{key}", str(value))]
    networks = ["--architecture", path("Matrix"), "--depth", depth, "--width", excluded]
    said = assay("bound", task.name, *parameters, *networks, "--json", cwd=HERE)
    (row,) = (row for row in json.loads(said.stdout)["bounds"] if row["bound"] == bound)
    assert (row["status"], row["smallest_width"]) == ("binds", excluded + 1)
    assert smallest(bound, task, "Matrix", depth=depth) == excluded + 1


def test_names_play_no_part():
    """The shipped LSTM under the name Attention has the LSTM's bounds, passes and, bit for bit, its training."""
    assert layers.Copied.__name__ == "Attention"
    for task in (Match2(length=12), SparseAveraging(length=12, sparsity=2), SparseAveraging(64, 2, layout="last")):
        for bound in bounds_of(task):
            assert smallest(bound.name, task, "Copied") == smallest(bound.name, task, "lstm"), bound.name
    task = Match2(length=6, modulus=11)
    networks = [make_network(name, task, 6, seed=3) for name in (path("Copied"), "lstm")]
    inputs, targets, scored = task.sample(16, seed=0)
    for network in networks:
        assert network.passes == 2  # ty: ignore
        task.answer.loss(network(inputs), targets.float(), scored).backward()
    for mine, shipped in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(mine, shipped)
        assert torch.equal(mine.grad, shipped.grad)


@pytest.mark.parametrize("name", LAYERS.names())
def test_shipped_layers_are_what_they_declare(name):
    facts = check_layer(LAYERS[name], name)
    assert facts.causality_declared
    if name in ("retnet", "gated-linear", "mlstm"):  # keys and values are linear in the same tokens: see test_layers
        assert facts.rank < facts.state
    elif name != "s4d":  # whose slow modes are too much alike for float64
        assert facts.rank == facts.state  # none declares more than a random instance uses


@pytest.mark.parametrize("layer", [ThirdOrder, Strassen])
@pytest.mark.parametrize("window", [None, 2])
def test_causal_forms_of_pairwise_attention_are_what_they_declare(layer, window):
    facts = check_layer(lambda width: layer(width, causal=True, window=window), layer.__name__, width=3)
    assert facts.causal
    assert facts.rank is None or facts.rank <= facts.state


@pytest.mark.parametrize("layer", ["Matrix", "Cached", "Window"])
def test_layers_that_declare_rightly_pass(layer):
    assert check_layer(getattr(layers, layer), layer).causal


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("Ahead", "declares that it is causal, but its outputs change when later tokens do"),
        ("RecurrentAttention", "declares that it is causal, but its outputs change when later tokens do"),
        ("TooSmall", "declares 6 numbers of state after 3 tokens at width 6, but later outputs depend on"),
        ("Random", "changes between calls"),
        ("Complex", r"^Complex has a parameter phase of torch.complex64; only real ones are trained"),
        ("WrongHalves", "gives other outputs in two halves than in one"),
    ],
)
def test_a_layer_that_is_not_what_it_declares_is_refused(layer, said):
    with pytest.raises(AssayError, match=said) as refused:
        check_layer(getattr(layers, layer), layer)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("LateAhead", "declares that it is causal, but its outputs change when later tokens do"),
        ("OddAhead", "declares that it is causal, but its outputs change when later tokens do"),
        ("HeadsAhead", "declares that it is causal, but its outputs change when later tokens do"),
        ("BatchMean", "mixes the examples of a batch"),
        ("LastOnly", "gives other outputs where only the last tokens' are asked for"),
        ("Noise32", "changes between calls"),
        ("LongWindow", "declares 16 numbers of state"),
        ("AheadAndState", "declares a state, but its outputs change when later tokens do"),
        ("StateFails", r"state\(2\) fails: ValueError: no state"),
    ],
)
def test_lies_that_are_hard_to_see_are_refused_too(layer, said):
    shape = {"head_width": 4} if layer == "HeadsAhead" else {}
    with pytest.raises(AssayError, match=said) as refused:
        require_declared(Candidates(odd(layer), **shape), 8)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "layer", ["Float32Inside", "TableOfFloats", "Chunks", "Wide", "ReadsNumbers", "WithDropout", "ConvolvedAttention"]
)
def test_honest_layers_pass_whatever_they_compute_in(layer):
    networks = Candidates(odd(layer))
    assert require_declared(networks, 16)[0].causal is (layer != "ConvolvedAttention")
    assert networks.resources(Match2(length=8), 16).passes == (1 if layer == "ConvolvedAttention" else 2)


def test_what_changes_by_jumps_is_not_measured():
    (facts,) = require_declared(Candidates(odd("Signs")), 8)
    assert (facts.causal, facts.rank) == (True, None)
    assert facts.line.endswith("1 numbers declared, not measured")


def test_no_state_bound_speaks_of_a_layer_that_looks_ahead_or_does_not_say():
    task = Match2(length=64)
    for layer in ("AheadAndState", "StateLater"):
        assert Candidates(odd(layer)).resources(task, 8).state is None, layer
    fails = Candidates(odd("StateFails"))
    with pytest.raises(AssayError, match=r"StateFails\.state"):
        fails.resources(task, 8)


def test_averages_are_those_of_the_class_that_computes_them():
    assert Candidates("attention").resources(Match3(length=9), 8).averages is not None
    assert Candidates(odd("ConvolvedAttention")).resources(Match3(length=9), 8).averages is None


def test_floats_say_more_than_fixed_point_of_as_many_bits():
    """A float32 head that reads a hundred bits in each coordinate of its average: no message bound speaks of it.

    Bob's score makes the weights of Alice's tokens before his own underflow, so that what is left of each sum of powers
    of two is its largest term.
    """
    task = Match3(length=1017)
    alice, places, each = task.hard_bits(), torch.arange(task.hard_bits()), 100
    inputs, targets, _ = task.sample(500, seed=1, distribution="index")
    codes, depth = torch.tensor([0, *range(2, alice + 1)]), places % each
    score = torch.full(inputs.shape, -1000.0)
    values = torch.zeros(*inputs.shape, -(-alice // each) + 1)
    hers, his = inputs[:, 1 : alice + 1] == codes, inputs[:, alice + 1 : 2 * alice + 1] == task.modulus - 1 - codes
    score[:, 1 : alice + 1] = torch.where(hers, 0.01 * depth, -1000.0)
    score[:, alice + 1 : 2 * alice + 1] = torch.where(his, 0.01 * depth + 103.967, -1000.0)
    values[:, 1 + places, places // each] = 2.0 ** (127 - 1.2 * depth)
    values[:, 1 + alice + places, -1] = places + 1.0
    averages = (score.softmax(-1).unsqueeze(1) @ values)[:, 0]  # float32: one head of 7 coordinates
    asked = averages[:, -1].round().long() - 1
    read = averages.gather(1, (asked // each)[:, None])[:, 0].double()
    answers = read >= 0.99 * 2.0**-149 * 2.0 ** (127 - 1.2 * (asked % each).double())
    assert torch.equal(answers.double(), targets[:, 0])
    for name in ("match3-messages", "match3-index-messages"):
        for model, status in (("bare-attention", "vacuous"), ("fixed-point-attention", "binds")):
            declared = Candidates(model).resources(task, averages.shape[1])
            assert BOUNDS[name]().check(task, declared, error=1e-9, distribution="index").status == status


@pytest.mark.parametrize("layer", ["Ahead", "TooSmall", "Random"])
def test_it_is_refused_before_any_training(layer, tmp_path):
    out = tmp_path / "never.safetensors"
    shape = ["--length", 6, "--modulus", 11, "--width", 6, "--architecture", path(layer)]
    done = assay("train", "match2", *shape, "--out", out, cwd=HERE)
    assert (done.returncode, done.stdout, out.exists()) == (2, "", False)
    assert done.stderr.startswith(f"assay: {path(layer)}")
    assert done.stderr.count("\n") == 1


def test_what_is_not_declared_is_measured_and_no_bound_speaks_of_it():
    facts = check_layer(layers.Undeclared, "Undeclared")
    assert (facts.causal, facts.causality_declared, facts.state) == (True, False, None)
    assert facts.rank > 6
    assert "measured, not declared" in facts.line
    assert "not declared, rank" in facts.line
    task = Match2(length=40)
    declared = Candidates(path("Undeclared")).resources(task, 6)
    assert (declared.passes, declared.state) == (2, None)
    check = BOUNDS["match-state"]().check(task, declared)
    assert (check.status, check.reason) == ("vacuous", "the network declares no state bits")


def test_a_resource_that_falls_with_the_width_is_refused_in_one_line():
    with pytest.raises(AssayError, match="do not grow with the width: width 8 has 2048 and width 16 has 512"):
        smallest("match-state", Match3(length=8192), "Shrinking")


def test_a_search_for_the_smallest_width_ends_where_no_width_is_open():
    task = Match3(length=65)
    networks = Candidates("bare-attention-threshold").at(task)
    assert BOUNDS["match3-warren"]().smallest(task, networks) is None
    evidence = BoundQuestion("match3-warren", task, Candidates("bare-attention-threshold"), 32, "uniform").answer()
    assert evidence.size.width == LARGEST_WIDTH


def test_resources_of_an_instance_are_those_of_its_shape():
    """What is asked of weightless layers is what a network with weights says, at every cut."""
    for task in (Match2(length=7), SparseAveraging(length=7, sparsity=2), SparseAveraging(7, 2, layout="last")):
        for name in architectures():
            network, asked = make_network(name, task, 8, seed=0), Candidates(name).resources(task, 8)
            own = network.resources
            assert (own.passes, own.embedding, own.first_layer) == (asked.passes, asked.embedding, asked.first_layer)
            cuts = range(own.passes * task.spec.length + 1)
            assert [own.state_bits(cut) for cut in cuts] == [asked.state_bits(cut) for cut in cuts]


def test_cuts_count_tokens_and_not_the_sink_token():
    """A cache after t tokens holds those and the sink token in front, in each pass."""
    task = Match2(length=5)
    assert task.spec.sink
    state = Candidates(path("Cached")).resources(task, 3).state
    assert [state(tokens) // 6 for tokens in (0, 1, 4, 5, 6, 10)] == [0, 2, 5, 6, 8, 12]


@pytest.mark.parametrize("method", CONSTRUCTIONS.names())
def test_every_construction_is_of_a_bare_model(method):
    assert CONSTRUCTIONS[method].model in BARE_MODELS


@pytest.mark.parametrize("layout", ["last", "all"])
def test_networks_that_exist_are_not_excluded(layout):
    task = SparseAveraging(40, 3, 2, layout)
    for method in ("sign", "cyclic", "reed-solomon", "heads", "recurrent", "feed-forward"):
        network = build(task, method=method)
        for bound in bounds_of(task):
            if bound.error_kind == "worst":
                check = bound.check(task, network.resources, error=network.certificate().guaranteed_error)
                assert check.status == "vacuous", (method, bound.name)


def test_causality_is_measured_where_it_is_not_declared():
    assert is_causal(layers.Undeclared(4), 4)
    assert not is_causal(type("Ahead", (layers.Ahead,), {"causal": None})(4), 4)


def test_a_window_is_credited_no_construction():
    """The narrowest construction is a network of a bare model, with a line of its own."""
    task = Match2(length=16, modulus=31)
    models = {CONSTRUCTIONS[name].model for name in CONSTRUCTIONS.names() if task.name in CONSTRUCTIONS[name].solves}
    assert models <= set(BARE_MODELS)
    assert not models & set(architectures())
    assert math.isfinite(build(task, method="parabola").resources.embedding_bits)
