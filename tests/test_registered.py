"""Whatever is registered passes the checks of `assay.testing`, at small sizes: a new file is tested by being there."""

import json

import pytest
import torch

from assay.bounds import BOUNDS
from assay.bounds.table import example_of
from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError
from assay.examine.protocols import PROTOCOLS
from assay.examine.subject import Subject, subject_of
from assay.layers import LAYERS
from assay.models import NETWORKS, make_network
from assay.models.candidates import all_candidates
from assay.proofs import PROOFS
from assay.tasks import TASKS, make_task
from assay.testing import check_bound, check_construction, check_layer, check_task
from assay.trivial.shipped import shipped_sizes

NEEDED = {"sparse-averaging": {"sparsity": 2, "dimension": 2}, "match3-local": {"window": 2}, "recall": {"pairs": 4}}
SOLVED = [(method, task) for method in CONSTRUCTIONS.names() for task in CONSTRUCTIONS[method].solves]


def small(name, length=12, **parameters):
    return make_task(name, length=length, **NEEDED.get(name, {}), **parameters)


@pytest.mark.parametrize("name", TASKS.names())
def test_tasks(name):
    task = next((task for task, distribution in shipped_sizes() if (task.name, distribution) == usual(name)), None)
    assert task is not None, "no size at which it is shown: see assay.trivial.shipped"
    check_task(task)


def usual(name):
    return name, TASKS[name].usual_distribution


@pytest.mark.parametrize("layout", ["last", "all"])
@pytest.mark.parametrize("name", LAYERS.names())
def test_layers(name, layout):
    check_layer(LAYERS[name], small("sparse-averaging", 6, layout=layout))


@pytest.mark.parametrize("task", ["sparse-averaging", "match2"])
@pytest.mark.parametrize("name", NETWORKS.names())
def test_networks(name, task):
    """Called on tokens of numbers and of symbols: outputs of the spec's shape, gradients, and what is declared."""
    made = small(task)
    network = make_network(name, made, 5, seed=0)
    inputs, targets, scored = made.sample(3, seed=0)
    outputs = network(inputs)
    assert outputs.shape == (3, *made.spec.output_shape)
    made.answer.loss(outputs, targets.float(), scored).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    assert network.size.width == 5
    assert network.size.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert network.resources.precision == 32
    assert torch.equal(make_network(name, made, 5, seed=0)(inputs), outputs)


@pytest.mark.parametrize(("method", "task"), SOLVED)
def test_constructions_and_their_proofs(method, task):
    assert method in PROOFS
    check_construction(CONSTRUCTIONS[method], small(task), 0.2, draws=20)


@pytest.mark.parametrize("name", BOUNDS.names())
def test_bounds(name):
    task, bound = example_of(name).task, BOUNDS[name]()
    declaring = [asked for asked in all_candidates() if declares(bound, task, asked)]
    assert declaring, f"nothing that Assay knows declares {bound.resource}"
    for networks in declaring[:: max(1, len(declaring) // 3)]:
        check_bound(bound, task, networks)


def declares(bound, task, networks):
    try:
        return bound.available(task, networks.resources(task, networks.multiple)) is not None
    except AssayError:  # it cannot be made for this task
        return False


def subjects():
    """Small networks of every kind that there is."""
    for method, task in SOLVED:
        yield subject_of(CONSTRUCTIONS[method].build(small(task, 8), 0.2))
    task = small("sparse-averaging", 8, layout="last")
    for architecture in (*NETWORKS.names(), *LAYERS.names()):
        network = make_network(architecture, task, 6, seed=0).requires_grad_(False)
        yield Subject(architecture, "trained", network, task, network.family, network.size, task.tolerance)


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_protocols(name):
    protocol, played = PROTOCOLS[name](), 0
    for subject in subjects():
        if protocol.unmet(subject):
            with pytest.raises(AssayError, match=f"protocol {name} needs"):
                protocol.run(subject, instances=8)
            continue
        outcome = protocol.run(subject, instances=8)
        json.dumps(outcome.to_json(), allow_nan=False)
        assert (outcome.protocol, outcome.source) == (protocol.name, protocol.source)
        assert outcome.needed > 0
        assert outcome.wrong is None or 0 <= outcome.wrong <= outcome.runs
        assert outcome.differs is None or outcome.differs < 1e-3, "the split network is another one"
        assert not outcome.sent or outcome.bits == sum(message.numbers * message.bits_each for message in outcome.sent)
        if subject.origin == "constructed":
            assert not outcome.wrong
            assert outcome.largest_error is None or outcome.largest_error <= subject.guaranteed
        played += 1
        if played == 3:
            break
    assert played, "no small network has what it needs"
