"""Cycle tasks, graph-augmented networks, and their protocol."""

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from assay import AssayError
from assay.arithmetic.fixed_point import FixedPoint, fixed_point
from assay.constructions import CONSTRUCTIONS, build
from assay.constructions.s_order_unit import s_order_attention
from assay.examine.protocols.cycles import POISON
from assay.examine.protocols.running import run_protocol
from assay.examine.subject import subject_of
from assay.proofs import certify
from assay.tasks.directed_triangle import DirectedTriangle
from assay.tasks.five_cycle import FiveCycle
from assay.testing import check_task

SIZES = {DirectedTriangle: 3, FiveCycle: 5}
LAYERED = [
    (DirectedTriangle(length=7), "graph-blocks"),
    (DirectedTriangle(length=7), "graph-gather"),
    (FiveCycle(length=11), "graph-gather"),
]


def on_cycles(matrix, size):
    """The definition: nodes of all sequences of `size` different nodes with an edge from each to the next."""
    found = [False] * len(matrix)
    for nodes in itertools.permutations(range(len(matrix)), size):
        if all(matrix[nodes[k]][nodes[(k + 1) % size]] for k in range(size)):
            for node in nodes:
                found[node] = True
    return found


@st.composite
def graphs(draw, *, both_ways):
    n = draw(st.integers(1, 7))
    density = draw(st.sampled_from([0.2, 0.5, 0.9]))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    matrix = (random.random((n, n)) < density).astype(np.int64) * (1 - np.eye(n, dtype=np.int64))
    if both_ways:
        matrix = np.triu(matrix) + np.triu(matrix).T
    return matrix


@given(graphs(both_ways=False))
@settings(deadline=None)
def test_triangles_are_those_of_the_definition(matrix):
    task = DirectedTriangle(length=len(matrix))
    assert task.labels(matrix[None])[0].tolist() == on_cycles(matrix, 3)


@given(graphs(both_ways=True))
@settings(deadline=None)
def test_five_cycles_are_those_of_the_definition(matrix):
    task = FiveCycle(length=len(matrix))
    assert task.labels(matrix[None])[0].tolist() == on_cycles(matrix, 5)


def test_graphs_too_small_to_test_learning_do_not_pass():
    with pytest.raises(AssertionError, match="N = 5 on 'uniform' inputs is no test of learning"):
        check_task(DirectedTriangle(length=5))


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("side", [1, 2])
def test_gadgets_have_a_cycle_exactly_where_bits_meet(kind, side):
    """All pairs of bit matrices, with and without nodes left over; 520 graphs in all."""
    for spare in (0, 1):
        task = kind(length=SIZES[kind] * side + spare)
        pairs = np.array(list(itertools.product((0, 1), repeat=2 * side**2)))
        alice, bob = (part.reshape(-1, side, side) for part in np.split(pairs, 2, axis=1))
        found = task.targets(task.inputs(task.graph(alice, bob))).numpy()
        assert (found.any(axis=1) == (alice & bob).any(axis=(1, 2))).all()
        mine = found[:, list(task.gadget().alice)]
        assert (mine.any(axis=1) == found.any(axis=1)).all()


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("side", [3, 4, 5])
def test_larger_gadgets_on_random_bits(kind, side):
    task = kind(length=SIZES[kind] * side)
    inputs, targets, _ = task.sample(60, seed=side, distribution="hard")
    rows = inputs.numpy()
    for matrix, answer in zip(rows, targets.numpy(), strict=True):
        first = slice(0, side)
        if kind is DirectedTriangle:
            alice, bob = matrix[first, side : 2 * side], matrix[side : 2 * side, 2 * side : 3 * side].T
        else:
            alice, bob = matrix[first, side : 2 * side], matrix[2 * side : 3 * side, 3 * side : 4 * side]
        assert answer.any() == (alice & bob).any()
    assert 0 < targets.any(dim=1).double().mean() < 1


@pytest.mark.parametrize("kind", SIZES)
def test_rows_belong_to_whom_the_gadget_says(kind):
    task = kind(length=2 * SIZES[kind] + 1)
    random = np.random.default_rng(0)
    bits = [random.integers(0, 2, (40, 2, 2)) for _ in range(3)]
    base, other_bob, other_alice = (
        task.graph(bits[0], bits[1]),
        task.graph(bits[0], bits[2]),
        task.graph(bits[2], bits[1]),
    )
    gadget = task.gadget()
    nodes = {*gadget.alice, *gadget.bob, *gadget.fixed}
    assert nodes == set(range(task.length))
    assert (base[:, gadget.alice] == other_bob[:, gadget.alice]).all()
    assert (base[:, gadget.bob] == other_alice[:, gadget.bob]).all()
    for graph in (other_bob, other_alice):
        assert (base[:, gadget.fixed] == graph[:, gadget.fixed]).all()


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_right_on_all_directed_graphs(length):
    task = DirectedTriangle(length=length)
    sizes = [range(task.choices(node)) for node in range(length)]
    inputs = task.assemble(torch.tensor(list(itertools.product(*sizes))))
    assert len(torch.unique(inputs.flatten(1), dim=0)) == 2 ** (length * (length - 1))
    for method in ("graph-third-order", "graph-blocks", "graph-gather"):
        network = build(task, method=method)
        errors = task.answer.errors(network(inputs), task.targets(inputs))
        assert errors.max() <= certify(network).guaranteed_error <= task.tolerance


@pytest.mark.parametrize("length", [8, 16, 32])
@pytest.mark.parametrize("distribution", ["uniform", "hard"])
@pytest.mark.parametrize("method", ["graph-third-order", "graph-blocks", "graph-gather"])
def test_right_on_random_graphs(length, distribution, method):
    task = DirectedTriangle(length=length)
    inputs, targets, _ = task.sample(50, seed=1, distribution=distribution)
    assert torch.equal(build(task, method=method)(inputs) > 0.5, targets > 0.5)


@pytest.mark.parametrize("block", [1, 2, 5, 7])
def test_blocks_of_any_size_are_right_and_in_few_bits(block):
    task = DirectedTriangle(length=7)
    network = CONSTRUCTIONS["graph-blocks"](task, 0.25, block=block)
    inputs, targets, _ = task.sample(200, seed=0)
    assert torch.equal(network(inputs), targets)
    assert network.size.depth == 2 * -(-7 // block)
    assert certify(network).guaranteed_error == 0
    with fixed_point(network, FixedPoint(3, 1)):  # 1/7 rounds to 0
        assert not torch.equal(network(inputs), targets)


@pytest.mark.parametrize(("task", "method"), LAYERED, ids=str)
def test_states_do_not_depend_on_which_nodes_are_computed_together(task, method):
    network = build(task, method=method)
    inputs, _, _ = task.sample(20, seed=0)
    everyone = torch.arange(task.length)
    whole = network.start(inputs, everyone)
    for index in range(network.depth):
        after = network.layer(index, inputs, everyone, whole)
        for nodes in (everyone[1::2], everyone[:1], everyone[[3, 0, 2]]):
            poisoned = torch.full_like(inputs, POISON)
            poisoned[:, nodes] = inputs[:, nodes]
            some = network.layer(index, poisoned[:, nodes], nodes, whole)
            assert torch.equal(some, after[:, nodes])
        whole = after


@pytest.mark.parametrize(("task", "method"), LAYERED, ids=str)
@pytest.mark.parametrize(("bits", "fraction"), [(2, 3), (3, 3), (2, 1), (9, 6)])
def test_states_stay_in_the_format_and_so_the_parties_agree_with_the_network(task, method, bits, fraction):
    """Also where 1 is no number of the format, or 1/N is 0: the answers may be wrong, but they are the same."""
    network, numbers = build(task, method=method), FixedPoint(bits, fraction)
    inputs, _, _ = task.sample(20, seed=0)
    nodes = torch.arange(task.length)
    with fixed_point(network, numbers):
        states = [network.start(inputs, nodes)]
        for index in range(network.depth):
            states.append(network.layer(index, inputs, nodes, states[-1]))
    assert all(torch.equal(numbers.round(state), state) for state in states)
    assert run_protocol("cycles", subject_of(network), (bits, fraction), 200).outcome.differs == 0


@pytest.mark.parametrize("length", [1, 4, 8])
def test_the_third_order_unit_is_tensor_attention_of_its_width(length):
    """Factors x_ij 1_j, x_jk 1_k and 1_i x_ki, N products each, and a sink token on one coordinate more."""
    task = DirectedTriangle(length=length)
    unit = build(task)
    inputs, targets, _ = task.sample(50, seed=0)
    rows, batch = inputs.double(), len(inputs)
    own = torch.eye(length, dtype=torch.float64).expand(batch, -1, -1)
    ones = torch.ones(batch, length, length, dtype=torch.float64)
    real = torch.zeros(batch, length, 1, dtype=torch.float64)
    query = float(unit.temperature) * torch.cat([rows, ones, own, real + 1], dim=2)
    sink = torch.zeros(batch, 1, query.shape[2], dtype=torch.float64)
    sink[:, :, -1] = 1
    keys = [
        torch.cat([torch.cat([own, rows, ones, real], dim=2), 2.5 * sink], dim=1),
        torch.cat([torch.cat([ones, own, rows, real], dim=2), sink], dim=1),
    ]
    value = torch.cat([real + 1, torch.zeros(batch, 1, 1, dtype=torch.float64)], dim=1)
    mass = s_order_attention(query, keys, [value, value]).squeeze(2)
    assert unit.size.score_width == query.shape[2] == 3 * length + 1
    assert task.answer.errors(mass, targets).max() <= unit.certificate().guaranteed_error
    # Pairs of a sink and a node, which the unit leaves out, score 0, 5/2 c below the pair of sinks.
    assert (mass - unit(inputs)).abs().max() <= 2 * length * np.exp(-2.5 * float(unit.temperature)) + 1e-5


@pytest.mark.parametrize(
    ("task", "method"),
    [
        (DirectedTriangle(length=3), "graph-blocks"),
        (DirectedTriangle(length=6), "graph-blocks"),
        (DirectedTriangle(length=7), "graph-gather"),
        (FiveCycle(length=5), "graph-gather"),
        (FiveCycle(length=10), "graph-gather"),
    ],
    ids=str,
)
def test_two_parties_decide_disjointness_as_the_whole_network_does(task, method):
    network = build(task, method=method)
    found = run_protocol("cycles", subject_of(network)).outcome
    n = task.side
    assert found.runs == 4 ** (n * n)
    assert found.wrong == 0
    assert found.differs == 0
    assert found.justification.startswith(f"all {found.runs} pairs")
    size, gadget = network.size, task.gadget()
    assert found.bits == size.depth * size.message_bits * (len(gadget.alice) + len(gadget.bob))
    assert found.bits >= found.needed == n * n
    assert found.baselines == {"always a cycle": 3 ** (n * n), "never a cycle": 4 ** (n * n) - 3 ** (n * n)}


def test_a_starved_network_is_wrong():
    found = run_protocol(
        "cycles", subject_of(build(DirectedTriangle(length=9), method="graph-blocks")), (3, 0), 500
    ).outcome
    assert found.wrong > 0
    assert found.differs == 0


@pytest.mark.parametrize(
    ("task", "adjacency", "message"),
    [
        (DirectedTriangle(length=2), [[0, 1], [1, 0]], "has shape"),
        (DirectedTriangle(length=2), [[[0, 2], [0, 0]]], "other than 0 and 1"),
        (DirectedTriangle(length=2), [[[1, 0], [0, 0]]], "has a loop"),
        (FiveCycle(length=2), [[[0, 1], [0, 0]]], "not symmetric"),
    ],
)
def test_what_is_no_graph_is_refused(task, adjacency, message):
    with pytest.raises(AssayError, match=message):
        task.inputs(adjacency)


@pytest.mark.parametrize("task", [DirectedTriangle(length=5), FiveCycle(length=5)], ids=str)
def test_altered_graphs_differ_in_one_edge(task):
    inputs, _, _ = task.sample(1, seed=0)
    altered = task.altered(inputs, 500, seed=1)
    task.inputs(altered)
    changed = (altered != inputs).flatten(1).sum(dim=1)
    assert (changed == (2 if isinstance(task, FiveCycle) else 1)).all()
    assert ((altered != inputs).any(dim=0) | torch.eye(5, dtype=torch.bool)).all()


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(AssayError, match="need a length of at least 5"):
        FiveCycle(length=4).sample(1, seed=0, distribution="hard")
    with pytest.raises(AssayError, match="at most 64 for graph-gather"):
        build(FiveCycle(length=65), method="graph-gather")
    with pytest.raises(AssayError, match=r"needs an assay\.models\.graph\.GraphNetwork"):
        run_protocol("cycles", subject_of(build(DirectedTriangle(length=3))))
