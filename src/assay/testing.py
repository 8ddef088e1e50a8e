"""Conformance checks: what Assay's own tasks, layers, constructions and bounds pass, for authors of others to run.

Each check raises AssertionError with a sentence that says what does not hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from assay.bounds.bound import Bound
from assay.constructions.construction import Construction
from assay.constructions.trials import checkable, try_network
from assay.evidence import canonical
from assay.layers.common.check import LayerFacts
from assay.layers.common.check import check_layer as measure_layer
from assay.layers.common.users_layer import as_layer
from assay.layers.layer import Layer
from assay.models.backbone import Backbone
from assay.models.candidates import Candidates
from assay.proofs import PROOFS, certify
from assay.tasks import TASKS, Task, task_from_json
from assay.tasks.answers import Bits, Classes
from assay.tasks.spec import Vectors
from assay.tasks.task import Batch
from assay.trivial.fit import baselines_of, no_test

_FITTED = 4000  # answers that baselines are fitted on


def check_task(task: Task, *, draws: int = 64) -> None:
    """Examples do not depend on the batch they are drawn in, splits differ, tokens and answers are what the spec says.

    In causal order no answer depends on later tokens; a longer task is drawn too, where tokens and answers stay the
    same; no trivial baseline is good enough.

    >>> from assay import SparseAveraging
    >>> check_task(SparseAveraging(length=8, sparsity=2))
    """
    assert TASKS.name_of(type(task)) in TASKS, f"task {task.name!r} is neither registered nor in a file that was named"
    assert task_from_json(task.to_json()) == task, "to_json does not describe the task"
    usual = task.usual_distribution
    for distribution in task.distributions:
        if task.lacks(distribution):
            continue
        whole = task.sample(draws, seed=1, distribution=distribution)
        drawn = task.drawn(draws, seed=1, split="test", start=0, distribution=distribution)
        same = all(torch.equal(a, b) for a, b in zip(_tensors(drawn), _tensors(whole.inputs), strict=True))
        assert same, f"{distribution}: `drawn` are not the inputs of `sample`"
        part = task.sample(draws - 3, seed=1, start=3, distribution=distribution)
        other = task.sample(draws, seed=1, split="train", distribution=distribution)
        parts = [_tensors(batch.inputs) for batch in (whole, part, other)]
        for all_of_it, rest, train in zip(*parts, strict=True):
            assert torch.equal(all_of_it[3:], rest), f"{distribution}: an example depends on the batch it is drawn in"
            assert all_of_it.shape == train.shape, f"{distribution}: splits have different shapes"
        same = all(torch.equal(a, b) for a, b in zip(parts[0], parts[2], strict=True))
        only = all(bool((tensor == tensor[:1]).all()) for tensor in parts[0])  # input that there is
        assert only or not same, f"{distribution}: training and test examples are the same"
        _check_batch(task, whole, distribution)
        if task.spec.order == "causal" and task.spec.queries > 1 and not task.ahead:
            _check_causal(task, whole, other, distribution)
    if task.spec.order == "causal":
        longer = task.at(length=2 * task.length)
        _check_batch(longer, longer.sample(draws, seed=1, distribution=usual), "twice the length")
    shape = draws, task.spec.queries
    for name, numbers in task.baseline_features(task.sample(draws, seed=1, distribution=usual).inputs).items():
        assert numbers.shape[:2] == shape, f"baseline {name!r} has not a row of numbers for each query position"
    found = baselines_of(task, usual, answers=_FITTED)
    assert found.passing is None, no_test(task, usual, found)


def _check_batch(task: Task, batch: Batch, what: str) -> None:
    """Targets and tokens have the shapes, dtypes and ranges of the spec, and answers are repeated."""
    spec, targets, draws = task.spec, batch.targets, len(batch.targets)
    assert targets.shape == (draws, *spec.target_shape), f"{what}: targets have shape {tuple(targets.shape)}"
    assert targets.dtype == spec.answer.dtype, f"{what}: targets are {targets.dtype}, not {spec.answer.dtype}"
    if isinstance(spec.answer, Classes):
        assert int(targets.max()) < spec.answer.count, f"{what}: a target is no class"
    if isinstance(spec.answer, Bits):
        known = targets[~targets.isnan()]
        assert bool(((known == 0) | (known == 1)).all()), f"{what}: a target is neither 0 nor 1, nor NaN for no answer"
    again = task.batch(batch.inputs)
    same = torch.equal(again.targets, targets) and torch.equal(again.scored, batch.scored)
    assert same, f"{what}: targets are not the answers"
    assert batch.scored.any(), f"{what}: no position is scored"
    tokens = task.encode(batch.inputs)
    if isinstance(spec.tokens, Vectors):
        right = tokens.shape == (draws, spec.length, spec.tokens.width) and tokens.is_floating_point()
    else:
        counts = spec.tokens.counts
        right = tokens.shape == (draws, spec.length, *[len(counts)] * (len(counts) > 1)) and tokens.dtype == torch.int64
        right = right and bool((tokens >= 0).all())
        right = right and bool((tokens.view(draws, spec.length, -1) < torch.tensor(counts)).all())
    assert right, f"{what}: tokens are not what the spec says"


def _check_causal(task: Task, batch: Batch, other: Batch, what: str) -> None:
    """Answers before a cut stay when the tokens behind it are those of other examples."""
    if not isinstance(batch.inputs, torch.Tensor):
        return
    length = batch.inputs.shape[1]
    first = task.spec.length - task.spec.queries
    for cut in range(first + 1, length):
        changed = task.batch(torch.cat([batch.inputs[:, :cut], other.inputs[:, cut:]], dim=1))
        kept = changed.scored[:, : cut - first] == batch.scored[:, : cut - first]
        equal = changed.targets[:, : cut - first] == batch.targets[:, : cut - first]
        assert bool((kept & equal).all()), f"{what}: an answer depends on tokens after position {cut - 1}"


def _tensors(inputs: torch.Tensor | Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return (inputs,) if isinstance(inputs, torch.Tensor) else tuple(inputs)


def check_layer(layer: Callable[[int], nn.Module], task: Task, *, width: int = 6) -> LayerFacts:
    """What a layer, or a module of a user's own that is to be one, declares holds; `layer(width)` makes one.

    Looked at are shapes, gradients, independence of the examples of a batch, and that outputs are the same however many
    are asked for. Returns what was declared and measured.

    >>> from assay import SparseAveraging
    >>> from assay.layers import LAYERS
    >>> facts = check_layer(LAYERS["lstm"], SparseAveraging(length=8, sparsity=2, layout="last"))
    >>> facts.causal, facts.state, facts.rank
    (True, 12, 12)
    """

    def make(at: int) -> Layer:
        return as_layer(layer(at), ordered=task.spec.order == "causal")

    facts = measure_layer(make, getattr(layer, "__name__", "the layer"), width=width)
    torch.manual_seed(0)
    for dtype in (torch.float32, torch.float64):
        module = make(width).to(dtype)
        tokens = torch.randn(3, 7, width, dtype=dtype, requires_grad=True)
        outputs = module(tokens, 7)
        assert outputs.shape == (3, 7, width), f"outputs have shape {tuple(outputs.shape)}, not (3, 7, {width})"
        assert outputs.dtype == dtype, f"{dtype} tokens give {outputs.dtype} outputs"
        slack = 1e-4 if dtype == torch.float32 else 1e-10
        assert torch.allclose(module(tokens, 2), outputs[:, -2:], atol=slack), "asking for fewer outputs changes them"
        assert torch.allclose(module(tokens[1:2], 7), outputs[1:2], atol=slack), "an example depends on its batch"
        outputs.square().sum().backward()
        for name, parameter in [("tokens", tokens), *module.named_parameters()]:
            assert parameter.grad is not None, f"{name} got no gradient"
            assert torch.isfinite(parameter.grad).all(), f"the gradient of {name} is not finite"
    network = Backbone(task.spec, [make(width)], width)
    shape = network(task.encode(task.sample(2, seed=0).inputs)).shape
    assert shape == (2, *task.spec.output_shape), "the standard backbone does not take it"
    return facts


def check_construction(construction: type[Construction], task: Task, tolerance: float, *, draws: int = 50) -> None:
    """The certificate meets the tolerance and holds on every distribution; a repeated build is the same.

    Where there is a proof of the method, it proves no less than the certificate states.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import CONSTRUCTIONS
    >>> check_construction(CONSTRUCTIONS["heads"], SparseAveraging(length=8, sparsity=2), tolerance=0.05)
    """
    network, again = construction.build(task, tolerance), construction.build(task, tolerance)
    certificate = network.certificate()
    assert certificate.guaranteed_error <= tolerance, f"guarantees {certificate.guaranteed_error}, not {tolerance}"
    assert certificate.justification, "the certificate does not say what it rests on"
    assert certificate.size == network.size, "the certificate speaks of another size"
    assert not list(network.parameters()), "explicit weights are buffers, not parameters"
    construction.check_settings(json.loads(canonical(network.settings)))
    empty = construction(task, **network.settings)
    assert empty.state_dict().keys() == network.state_dict().keys(), "settings do not make the module again"
    for name, buffer in network.state_dict().items():
        assert torch.equal(buffer, again.state_dict()[name]), f"buffer {name} differs between two builds"
    if network.method in PROOFS:
        proved = certify(network).guaranteed_error
        assert proved <= 1.001 * certificate.guaranteed_error, f"only {proved} is proved"
    for distribution in checkable(network):
        reason = try_network(network, distribution, draws).refutation(certificate.guaranteed_error)
        assert not reason, f"{distribution}: {reason}"


def check_bound(bound: Bound, task: Task, networks: Candidates) -> None:
    """`smallest` and `check` agree, and more precision or a larger error never asks for more.

    >>> from assay import SparseAveraging
    >>> from assay.bounds import BOUNDS
    >>> from assay.models.candidates import Candidates
    >>> task = SparseAveraging(length=64, sparsity=2, layout="last")
    >>> check_bound(BOUNDS["recurrent-state"](), task, Candidates("lstm"))
    """
    assert bound.source, "the bound does not name its source"
    assert bound.cut, "the bound does not say where its resource is counted"
    assert bound.error_kind in ("worst", "mean"), f"unknown kind of error {bound.error_kind!r}"
    step, widths = networks.multiple, []
    for precision in (1, 2, 8, 32):
        shapes = networks.at(task, precision=precision)
        width = bound.smallest(task, shapes, multiple=step)
        widths.append(math.inf if width is None else width)
        if width is not None:
            at = bound.check(task, shapes(width))
            assert at.status == "vacuous", f"it excludes the width {width} that it calls the smallest not excluded"
        if width is not None and width > step:
            below = bound.check(task, shapes(width - step))
            assert below.status == "binds", f"it does not exclude {width - step}, yet {width} is the smallest"
            assert below.available is not None
            assert below.available < below.required, "it binds where there is enough"
    assert widths == sorted(widths, reverse=True), f"more bits ask for more width: {widths}"
    one = networks.resources(task, step)
    tight, loose = (bound.check(task, one, error=share * bound.goal(task)).required for share in (0.5, 1.0))
    assert loose <= tight, "a larger error asks for more"
