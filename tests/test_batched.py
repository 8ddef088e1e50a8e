"""Many networks trained at once: equal to the run of each by itself, and no bit of it depends on the company."""

import dataclasses
import os
import platform

import pytest
import torch
from torch import nn
from torch.func import vmap

from assay import AssayError, Match2, SparseAveraging
from assay.layers import LAYERS
from assay.layers.layer import Layer
from assay.models import make_network
from assay.models.batched import form_of
from assay.models.batched.recurrent import replace_parts
from assay.models.network import Network
from assay.resources import Resources
from assay.studies import allocator
from assay.studies.workers import Workers
from assay.training import batched
from assay.training.batched import train_together
from assay.training.loop import Recipe, train

LAST, ALL = SparseAveraging(7, 2, 2, "last"), SparseAveraging(6, 2, 1, "all")
MATCH, DIGITS = Match2(length=7), Match2(length=7, modulus=16, notation="digits")
RECIPE = Recipe(steps=20, distribution="uniform", batch=16, check_every=10, validation=200, test=100)
RUNS = [(0, 0.01), (3, 0.002), (0, 0.02), (1, 0.01), (3, 0.01)]


class Mean(Layer):
    """A layer of somebody else's: learned means over positions up to a constant."""

    family = "attention"

    def __init__(self, width):
        super().__init__()
        self.linear, self.scale = nn.Linear(width, width), nn.Parameter(torch.ones(width))
        self.register_buffer("share", torch.tensor(0.5))

    def forward(self, tokens, last):
        return self.scale * tokens[:, -last:] + self.share * self.linear(tokens).mean(dim=1, keepdim=True)


class Unmappable(Mean):
    """Looks at its numbers, which nothing that is mapped over may."""

    def forward(self, tokens, last):
        outputs = super().forward(tokens, last)
        return outputs if outputs.max() < 1e9 else torch.zeros_like(outputs)


MEAN = LAYERS.named(f"{__name__}:Mean")
CASES = [
    (LAST, "attention", 8, {}),
    (ALL, "attention", 6, {"depth": 2, "head_width": 3}),
    (LAST, "attention", 12, {"depth": 2}),
    (ALL, "attention", 9, {"head_width": 3}),
    (MATCH, "attention", 5, {}),
    (MATCH, "attention", 10, {}),
    (DIGITS, "attention", 8, {}),
    (LAST, "feed-forward", 7, {}),
    (MATCH, "feed-forward", 6, {}),
    (LAST, "lstm", 6, {}),
    (ALL, "gru", 6, {"depth": 2}),
    (ALL, "third-order", 6, {}),
    (LAST, MEAN, 6, {}),
]


def parameters_of(networks):
    named = [dict(network.network.named_parameters()) for network in networks]
    return {name: torch.stack([one[name].detach() for one in named]).requires_grad_() for name in named[0]}


def assert_close(run, solo):
    assert run.steps == solo.steps
    assert run.stopped == solo.stopped
    assert run.curve == pytest.approx(solo.curve, abs=2e-5)
    assert run.mean_error == pytest.approx(solo.mean_error, abs=1e-5)
    for ours, theirs in zip(run.network.parameters(), solo.network.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-5)


def assert_same(run, other):
    assert dataclasses.replace(run, network=None, seconds=0) == dataclasses.replace(other, network=None, seconds=0)
    for ours, theirs in zip(run.network.parameters(), other.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("task", "architecture", "width", "shape"), CASES)
def test_answers_and_gradients_are_the_modules(task, architecture, width, shape):
    networks = [make_network(architecture, task, width, seed=seed, **shape).double() for seed in range(3)]
    torch.manual_seed(0)
    with torch.no_grad():  # away from the zeros and equal matrices that training starts with
        for parameter in (parameter for network in networks for parameter in network.parameters()):
            parameter.add_(0.2 * torch.randn_like(parameter))
    batches = [task.sample(5, seed=seed) for seed in range(3)]
    seen = torch.stack([task.encode(batch.inputs) for batch in batches])
    seen = seen.double() if seen.is_floating_point() else seen
    parameters = parameters_of(networks)
    outputs = form_of(networks[0].network).forward(parameters, seen)
    targets, scored = (torch.stack(part) for part in list(zip(*batches, strict=True))[1:])
    vmap(task.answer.loss)(outputs, targets, scored).sum().backward()
    for index, (network, batch) in enumerate(zip(networks, batches, strict=True)):
        answers = network.network(seen[index])
        task.answer.loss(answers, batch.targets, batch.scored).backward()
        assert outputs.dtype == torch.float64
        assert torch.allclose(outputs[index], answers, atol=1e-12)
        for name, parameter in network.network.named_parameters():
            assert torch.allclose(parameters[name].grad[index], parameter.grad, atol=1e-11), name


def keeps_bits(task, architecture, width, shape):
    """What `auto` asks before it batches: some processors' products of odd widths round by where a matrix lies."""
    networks = [make_network(architecture, task, width, seed=seed, **shape) for seed in range(len(RUNS))]
    return batched._Trial(form_of(networks[0].network), task, networks, RECIPE, "cpu").keeps_bits()


@pytest.mark.parametrize(("task", "architecture", "width", "shape"), CASES)
def test_a_run_together_is_the_run_by_itself_and_bits_do_not_depend_on_company(task, architecture, width, shape):
    together = train_together(task, architecture, width, RUNS, recipe=RECIPE, path="batched", **shape)
    for run, (seed, rate) in zip(together[:2], RUNS[:2], strict=True):
        assert_close(run, train(task, architecture, width, seed=seed, rate=rate, recipe=RECIPE, **shape))
        assert all(parameter.dtype == torch.float32 for parameter in run.network.parameters())
    agree = assert_same if keeps_bits(task, architecture, width, shape) else assert_close
    others = train_together(task, architecture, width, RUNS[3:0:-1], recipe=RECIPE, path="batched", **shape)
    for run, other in zip(together[1:4], others[::-1], strict=True):
        agree(run, other)
    (alone,) = train_together(task, architecture, width, RUNS[3:4], recipe=RECIPE, path="batched", **shape)
    agree(together[3], alone)


@pytest.mark.parametrize(("task", "architecture", "width"), [(LAST, "attention", 8), (LAST, "gru", 4)])
def test_what_is_chosen_by_itself_is_the_batched_run(task, architecture, width):
    chosen = train_together(task, architecture, width, RUNS[:4], recipe=RECIPE)
    expected = train_together(task, architecture, width, RUNS[:4], recipe=RECIPE, path="batched")
    for run, other in zip(chosen, expected, strict=True):
        assert_same(run, other)


def test_a_run_that_has_learned_leaves_the_others():
    task = SparseAveraging(4, 1, layout="last")
    recipe = dataclasses.replace(RECIPE, steps=150, distribution="gaussian", batch=64, check_every=25)
    runs = [(0, 0.0001), (1, 0.02), (2, 0.01), (1, 1e6)]
    together = train_together(task, "attention", 6, runs, recipe=recipe, path="batched")
    assert {"learned"} < {run.stopped for run in together}
    assert len({run.steps for run in together}) > 1
    for run, (seed, rate) in zip(together[:3], runs[:3], strict=True):
        (alone,) = train_together(task, "attention", 6, [(seed, rate)], recipe=recipe, path="batched")
        assert_same(run, alone)
        solo = train(task, "attention", 6, seed=seed, rate=rate, recipe=recipe)
        assert (run.stopped, run.steps) == (solo.stopped, solo.steps)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_a_bag_of_another_kind_is_not_taken_for_a_sum(mode):
    module = nn.Sequential(nn.EmbeddingBag(5, 3, mode=mode))
    symbols = torch.tensor([[0, 3, 3], [1, 2, 4]])
    expected = module(symbols)
    replace_parts(module)
    assert torch.equal(module(symbols), expected)
    assert (type(module[0]) is nn.EmbeddingBag) is (mode != "sum")


def test_what_cannot_be_mapped_over_is_trained_one_after_the_other():
    name = LAYERS.named(f"{__name__}:Unmappable")
    runs = train_together(LAST, name, 4, RUNS[:2], recipe=RECIPE)
    for run, (seed, rate) in zip(runs, RUNS[:2], strict=True):
        assert_same(run, train(LAST, name, 4, seed=seed, rate=rate, recipe=RECIPE))


def test_networks_that_read_inputs_their_own_way_are_not_batched(monkeypatch):
    class Own(Network):
        @property
        def resources(self):
            return Resources(precision=32)

        def forward(self, tokens, queries=0):
            return tokens

    assert form_of(Own.__new__(Own)) is None
    monkeypatch.setattr(batched, "form_of", lambda network: None)
    with pytest.raises(AssayError, match="in a way of its own"):
        train_together(LAST, "attention", 4, RUNS, recipe=RECIPE, path="batched")
    assert len(train_together(LAST, "attention", 4, RUNS[:1], recipe=RECIPE)) == 1


def test_requests_that_make_no_sense_are_refused():
    with pytest.raises(AssayError, match="runs = 0"):
        train_together(LAST, "attention", 4, [], recipe=RECIPE)
    with pytest.raises(AssayError, match="did you mean 'batched'"):
        train_together(LAST, "attention", 4, RUNS, recipe=RECIPE, path="batchd")


def test_workers_keep_freed_memory_and_do_not_spin_and_the_users_own_process_is_left_alone(tmp_path):
    before = os.environ.get("OMP_WAIT_POLICY")
    with Workers(1, tmp_path) as workers:
        assert workers._pool.submit(os.getenv, "OMP_WAIT_POLICY").result() == "PASSIVE"
        assert workers._pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        kept = workers._pool.submit(allocator.keep_freed_memory).result()
    assert kept == (platform.libc_ver()[0] == "glibc")
    assert os.environ.get("OMP_WAIT_POLICY") == before


def test_without_glibc_the_allocator_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: object())
    assert not allocator.keep_freed_memory()


def test_on_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    (run,) = train_together(LAST, "attention", 8, RUNS[:1], recipe=RECIPE, device="cuda")
    assert_close(run, train(LAST, "attention", 8, seed=0, rate=0.01, recipe=RECIPE))
