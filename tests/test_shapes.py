"""Depth, loops, hybrids, options, and modules of users as layers."""

from pathlib import Path

import pytest
import torch

from assay import AssayError, Match2
from assay.models import (
    architecture_code,
    check_shape,
    family,
    layer_options,
    make_layer,
    make_network,
    named_architecture,
)
from assay.models.candidates import Candidates, require_declared
from assay.models.shape import options_text, parse_options
from assay.tasks.k_hop import KHop
from assay.tasks.next_symbol import NextSymbol
from assay.training.loop import train
from assay.training.recipe import Recipe
from fresh import assay
from test_cli import complaint, printed

TASK = KHop(length=8)
FILE = Path(__file__).with_name("modules_of_users.py").resolve()


def users(name):
    return named_architecture(f"{FILE}:{name}")


@pytest.mark.parametrize(
    ("name", "options", "facts", "state"),
    [
        ("Linear", {}, (True, 32), 32),
        ("Linear", {"key_width": 2}, (True, 16), 16),
        ("Delta", {}, (True, 64), 64),
        ("Encoder", {}, (False, None), None),
        ("multihead", {}, (False, None), None),
    ],
)
def test_modules_of_users_are_layers(name, options, facts, state):
    networks = Candidates.of(users(name), options=options)
    (found,) = require_declared(networks, 8)
    assert (found.causal, found.state) == facts
    assert found.state is None or found.rank <= found.state
    declared = networks.resources(TASK, 8).state
    assert (declared and declared(8)) == state
    recipe = Recipe(steps=3, distribution="uniform", batch=8, validation=8, test=8)
    run = train(TASK, networks.architecture, 8, seed=0, rate=0.01, recipe=recipe, options=options)
    assert run.network.size.state == (state or 0)


@pytest.mark.parametrize("name", ["Linear", "Delta", "Encoder", "multihead"])
def test_modules_of_users_see_no_later_token_in_causal_order(name):
    network = make_network(users(name), NextSymbol(length=6), 8, seed=0).double()
    inputs = NextSymbol(length=6).sample(2, seed=0).inputs
    before = network(inputs)
    changed = inputs.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % 4
    assert torch.allclose(network(changed)[:, :3], before[:, :3], atol=1e-12)
    assert not torch.allclose(network(changed)[:, 3:], before[:, 3:])


def test_a_whole_block_gets_no_norm_and_no_mlp():
    block = make_network(users("Encoder"), TASK, 8, seed=0).network.blocks[0]
    assert [name for name, _ in block.named_children()] == ["layer"]
    tokens = torch.randn(2, 8, 8)
    expected = block.layer.module.inner(tokens, src_mask=torch.full((8, 8), -torch.inf).triu(1))
    assert torch.equal(block(tokens, 8), expected)


def test_layers_get_what_they_ask_for():
    network = make_network(users("Placed"), TASK, 8, seed=0, depth=3)
    modules = [block.layer.module for block in network.network.blocks]
    assert [(module.length, module.index) for module in modules] == [(8, 0), (8, 1), (8, 2)]


def test_a_layer_that_asks_for_the_length_is_shown_no_more_tokens():
    (facts,) = require_declared(Candidates(users("Bounded")), 8)
    assert facts.rank <= facts.state == 32 * 8


def test_a_layer_that_does_not_heed_its_mask_is_refused():
    with pytest.raises(AssayError, match="Deaf looks ahead, though it was given causal=True or a mask"):
        require_declared(Candidates(users("Deaf")), 8)


def test_hybrids_take_turns():
    network = make_network("gru+attention", TASK, 6, seed=0, depth=2)
    assert [type(block.layer).__name__ for block in network.network.blocks] == ["GRU", "Attention"] * 2
    assert network.size.depth == 4
    assert network.family == family("gru+attention") == "hybrid"
    assert family("gru+lstm") == "recurrent"
    assert network.resources.state(8) == 2 * 6 + 2 * (2 * 6 * 8)
    assert Candidates.of("gru+attention", depth=2).resources(TASK, 6).state(8) == network.resources.state(8)
    assert architecture_code("gru+attention") == f"{architecture_code('gru')}+{architecture_code('attention')}"


def test_a_hybrid_of_a_users_layer_gives_options_to_who_has_them():
    name = users("Linear") + "+attention"
    assert named_architecture(f"{FILE}:Linear+attention") == name
    networks = Candidates.of(name, options={"key_width": 3})
    assert networks.resources(TASK, 8).state(8) == 3 * 8 + 2 * 8 * 8
    assert networks.name == f"{name}, key_width=3"


def test_loops_share_weights_and_each_carries_a_state():
    once, thrice = (make_network("lstm", TASK, 6, seed=0, loops=loops) for loops in (1, 3))
    assert once.size.parameters == thrice.size.parameters
    assert (once.size.depth, thrice.size.depth) == (1, 3)
    assert thrice.resources.state(8) == 3 * once.resources.state(8) == 3 * 12
    tokens = torch.randn(2, 8, 6)
    (block,) = thrice.network.blocks
    expected = thrice.network.read(block(block(block(tokens, 8), 8), 8))
    assert torch.equal(thrice.network.answers(tokens), expected)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("b=2,a=1", {"a": 1, "b": 2}),
        ("x=.5, y=1e-3", {"x": 0.5, "y": 1e-3}),
        ("signed=true,kind=soft,off=false", {"kind": "soft", "off": False, "signed": True}),
    ],
)
def test_options_of_the_command_line(text, options):
    assert parse_options(text) == options
    assert list(parse_options(text)) == sorted(options)
    assert parse_options(options_text(options)) == options


@pytest.mark.parametrize("text", ["a", "a=", "=1", "a=1,a=2", "a-b=1"])
def test_options_that_are_none_are_refused(text):
    with pytest.raises(AssayError, match="it must be name=value,name=value with different names"):
        parse_options(text)


def test_options_that_a_layer_lacks_are_refused():
    assert layer_options(users("Delta"))["signed"] is False
    with pytest.raises(AssayError, match="did you mean 'signed'"):
        check_shape(users("Delta"), options={"sined": True})
    with pytest.raises(AssayError, match="loops = 2 is not allowed; it must be 1 for feed-forward"):
        check_shape("feed-forward", loops=2)


def test_a_short_convolution_is_an_option_of_any_layer():
    for name, state in (("delta-net", 36), ("gru", 6), (users("Linear"), 24)):
        network = make_network(name, TASK, 6, seed=0, options={"conv": 4})
        assert network.resources.state(8) == state + 3 * 6
        assert Candidates.of(name, options={"conv": 4}).resources(TASK, 6).state(8) == state + 18
    (facts,) = require_declared(Candidates.of(users("Linear"), options={"conv": 4}), 8)
    assert facts.rank <= facts.state == 32 + 24
    with pytest.raises(AssayError, match=r"conv = 4 is not allowed; it must be 0 for .*Encoder, which is a"):
        make_network(users("Encoder"), TASK, 8, seed=0, options={"conv": 4})


def test_blocks_that_differ_are_looked_at_one_by_one():
    task = Match2(length=8)
    for depth, passes, state in ((1, 2, 0), (2, 1, None)):
        networks = Candidates.of(users("Alternating"), depth=depth)
        assert [facts.causal for facts in require_declared(networks, 8)] == [True, False][:depth]
        declared = networks.resources(task, 8)
        made = make_network(users("Alternating"), task, 8, seed=0, depth=depth).resources
        for found in (declared, made):
            assert found.passes == passes
            assert (found.state and found.state(8)) == state if state is None else found.state(8) == state


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("delta-net", {"conv": 2.5}, "conv = 2.5 is not allowed; it must be an integer"),
        ("attention", {"conv": True}, "conv = True is not allowed; it must be an integer"),
        ("gru", {"conv": -1}, "conv = -1 is not allowed; it must be a number of taps"),
        ("s4d", {"states": "x"}, "states = x is not allowed; it must be an integer"),
        ("retnet", {"decay": "abc"}, "decay = abc is not allowed; it must be a number"),
        ("delta-net", {"eigenvalues": 2}, "eigenvalues = 2 is not allowed; it must be a word"),
        ("delta-net", {"key_width": -3}, "delta-net of width 8 cannot be made with"),
    ],
)
def test_values_that_an_option_cannot_have_are_refused(name, options, said):
    with pytest.raises(AssayError, match=said):
        make_network(name, TASK, 8, seed=0, options=options)


def test_a_users_option_is_its_own():
    assert layer_options(users("Lists"))["conv"] == 7
    assert make_layer(users("Lists"), 8, options={"conv": 3}).module.conv == 3
    with pytest.raises(AssayError, match="Lists gives a list; it must be a tensor"):
        make_network(users("Lists"), TASK, 8, seed=0)


def test_the_command_line_takes_shapes(tmp_path):
    out = tmp_path / "t.safetensors"
    shape = ["--architecture", f"{FILE}:Delta+gru", "--options", "signed=true", "--loops", 2, "--width", 6]
    found = printed("train", "k-hop", "--length", 6, *shape, "--steps", 2, "--out", out)
    assert (found["options"], found["loops"], found["depth"]) == ({"signed": True}, 2, 1)
    attacked = assay("precision", out, "--draws", 4, "--most-bits", 4, "--json")
    assert "modules_of_users.py" in attacked.stderr  # a file names no code: the user does
    bound = printed("bound", "sparse-averaging", "--length", 64, "--sparsity", 2, *shape[:-2], "--width", 2)
    rows = {row["bound"]: row for row in bound["bounds"]}
    assert rows["recurrent-state"]["available"] == 2 * (4 + 2) * 32
    refused = complaint("train", "k-hop", "--length", 6, "--architecture", "gru+atention", "--out", out)
    assert "did you mean 'attention'" in refused
    refused = complaint("bound", "k-hop", "--length", 6, "--options", "a=1")
    assert "--options need --architecture" in refused


STUDY = """
name = "shapes"
title = "Shapes"
seeds = [0]

[recipe]
steps = 20
batch = 16
validation = 32
test = 64

[sweeps.hops]
task = {{ name = "k-hop" }}
search = [
    {{ architecture = "{file}:Delta", options = {{ signed = true }}, at = [6], lowest = 4, highest = 4 }},
    {{ architecture = "{file}:Delta", at = [6], lowest = 4, highest = 4 }},
    {{ architecture = "gru+attention", loops = 2, at = [6], lowest = 4, highest = 4 }},
    {{ architecture = "{file}:Encoder", at = [6], lowest = 4, highest = 4 }},
]
"""


def test_studies_take_shapes(tmp_path):
    study = tmp_path / "shapes.toml"
    study.write_text(STUDY.format(file=FILE))
    done = assay("run", study, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for name in ("Delta, signed=true on", "Delta on", "gru+attention, 2 loops on", "Encoder on"):
        assert name in done.stderr
    study.write_text(STUDY.format(file=FILE).replace("signed", "singed"))
    assert "did you mean 'signed'" in complaint("run", study, "--out", tmp_path / "out")
