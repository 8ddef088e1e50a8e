"""Constructions: right on every input that can be tried, at the sizes that are promised, in files and out."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from assay import AssayError, CertificateError, SparseAveraging, load
from assay.constructions import CONSTRUCTIONS, build
from assay.constructions.active_clip import CEILING, NORM, SLACK, clipped_queries
from assay.constructions.big_integers import LIMB_BITS, limbs, product_digits, to_float
from assay.constructions.reed_solomon import code_parameters, short_number
from assay.constructions.sign import SignKeys
from assay.constructions.trials import checkable, try_network
from assay.testing import check_construction

METHODS = ["sign", "cyclic", "reed-solomon", "heads", "recurrent", "feed-forward"]
ATTENTION = METHODS[:4]


def brute_force(values, pointers):
    return torch.stack([values[pointers[token]].double().mean(dim=0) for token in range(len(pointers))])


@pytest.mark.parametrize("layout", ["all", "last"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("length", "sparsity", "tolerance"), [(9, 3, 0.1), (40, 4, 1e-3), (24, 1, 1e-5)])
def test_conforms(method, layout, length, sparsity, tolerance):
    check_construction(CONSTRUCTIONS[method], SparseAveraging(length, sparsity, 2, layout), tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_tokens_that_ask_do_not_disturb_each_other(method):
    """Every pointer set asked for in one input: the answers are those to each of them alone, and as certified."""
    sets = torch.tensor(list(itertools.combinations(range(7), 2)))
    task = SparseAveraging(7, 2, 1, "last", queries=len(sets))
    check_construction(CONSTRUCTIONS[method], task, 0.1)
    network = build(task, method=method, tolerance=0.1)
    values = task.sample(5, seed=0).inputs.values
    answers = network(task.inputs(values, sets.expand(5, -1, -1)))
    for some, answer in zip(values, answers, strict=True):
        assert (answer - brute_force(some, sets)).abs().max() <= network.certificate().guaranteed_error <= 0.1


@pytest.mark.parametrize("method", ["sign", "recurrent", "feed-forward"])
def test_more_tokens_that_ask_need_no_more_width(method):
    one, many = (SparseAveraging(16, 2, 1, "last", queries) for queries in (1, 32))
    assert build(one, method=method, tolerance=0.1).size.width == build(many, method=method, tolerance=0.1).size.width


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("length", "sparsity"), [(1, 1), (2, 2), (3, 2), (5, 5)])
@pytest.mark.parametrize("layout", ["all", "last"])
def test_smallest_cases(method, length, sparsity, layout):
    task = SparseAveraging(length, sparsity, 1, layout)
    network = build(task, method=method, tolerance=0.01)
    inputs, _, _ = task.sample(20, seed=0)
    for values, pointers, answer in zip(*inputs, network(inputs), strict=True):
        assert (answer - brute_force(values, pointers)).abs().max() <= network.certificate().guaranteed_error


@pytest.mark.parametrize("method", ATTENTION)
def test_every_pointer_set_with_its_worst_values(method):
    """Values +1 on the set and -1 off it make the error the L1 distance of the weights from uniform: the worst."""
    task = SparseAveraging(12, 3, layout="last")
    network = build(task, method=method, tolerance=0.05)
    sets = torch.tensor(list(itertools.combinations(range(12), 3)))
    values = torch.full((len(sets), 12, 1), -1.0).scatter_(1, sets.unsqueeze(2), 1.0)
    answers = network(task.inputs(values, sets.unsqueeze(1)))
    assert (answers - 1).abs().max() <= network.certificate().guaranteed_error <= 0.05
    weights = network.attention(task.inputs(values, sets.unsqueeze(1)))
    assert torch.allclose(weights.sum(dim=-1), torch.ones(()).to(weights), atol=1e-5)


@pytest.mark.parametrize("method", ["recurrent", "feed-forward"])
def test_every_sign_sequence(method):
    task = SparseAveraging(7, 2, layout="last")
    network = build(task, method=method, tolerance=1e-5)
    values = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=7))).unsqueeze(2)
    for pair in itertools.combinations(range(7), 2):
        inputs = task.inputs(values, torch.tensor(pair).expand(len(values), 1, 2))
        assert (network(inputs)[:, 0] - values[:, list(pair)].mean(dim=1)).abs().max() <= 1e-5


@pytest.mark.parametrize(("length", "sparsity"), [(24, 2), (16, 3), (12, 4)])
@pytest.mark.parametrize("layout", ["all", "last"])
def test_cyclic_is_exactly_right_in_integers_for_all_subsets(length, sparsity, layout):
    unit = build(SparseAveraging(length, sparsity, layout=layout), method="cyclic")
    sets = torch.tensor(list(itertools.combinations(range(length), sparsity)))
    exact = unit.integer_queries(sets) @ unit.integer_keys().T
    scores = unit.scores(sets)
    nodes = unit.nodes.tolist()
    for row, dots, subset in zip(scores, exact, sets.tolist(), strict=True):
        differences = [dot - dots[subset[0]] for dot in dots]
        assert differences == [-math.prod((t - nodes[i]) ** 2 for i in subset) for t in nodes]
        assert row.tolist() == differences  # small enough here for float64 to hold them
        assert all((difference == 0) == (j in subset) for j, difference in enumerate(differences))
    assert unit.size.score_width == 2 * sparsity == unit.integer_keys().shape[1] == unit.integer_queries(sets).shape[1]


@pytest.mark.parametrize(("length", "sparsity"), [(16, 2), (30, 3), (300, 4), (4096, 16)])
def test_cyclic_integers_fit_their_stated_bits(length, sparsity):
    unit = build(SparseAveraging(length, sparsity), method="cyclic")
    most = 2 ** (unit.size.precision - 1)
    for first in (0, length // 2, length - sparsity):
        pointers = torch.arange(first, first + sparsity).unsqueeze(0)
        keys, queries = unit.integer_keys(), unit.integer_queries(pointers)
        parts = [keys, queries, queries @ keys.T]
        assert all(abs(int(number)) < most for part in parts for number in part.flatten().tolist())


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 5), st.randoms())
def test_products_of_large_integers_are_exact(left_bits, right_bits, inner, random):
    def matrix(rows, bits):
        numbers = [[random.randint(-(2**bits), 2**bits) for _ in range(inner)] for _ in range(rows)]
        return np.array(numbers, dtype=object)

    left, right = matrix(3, left_bits), matrix(4, right_bits)
    right[0] = 0
    expected = left @ right.T
    digits = product_digits(limbs(left), limbs(right))
    weights = [1 << LIMB_BITS * place for place in range(len(digits))]
    assert (sum(w * digit.astype(object) for w, digit in zip(weights, digits, strict=True)) == expected).all()
    differences = digits - digits[:, :, :1] + digits[:, :, 1:2] - digits[:, :, 1:2]
    for value, exact in zip(to_float(differences).flatten(), (expected - expected[:, :1]).flatten(), strict=True):
        assert value == pytest.approx(float(exact), rel=1e-13)
        assert (value == 0) == (exact == 0)
        assert (value < 0) == (exact < 0)


def test_large_integers_that_cancel_to_one():
    top = 2**200
    digits = product_digits(limbs(np.array([[top, 1]], dtype=object)), limbs(np.array([[1, 5], [1, 4]], dtype=object)))
    assert to_float(digits - digits[:, :, :1]).tolist() == [[0.0, -1.0]]


def test_sums_that_would_round_are_refused():
    with pytest.raises(OverflowError, match="do not add up exactly"):
        product_digits(np.ones((1, 1, 10_000)), np.ones((1, 1, 10_000)))


def test_cyclic_bits_grow_by_2q_per_doubling():
    bits = [build(SparseAveraging(n, 3), method="cyclic").size.precision for n in (256, 512, 1024, 2048)]
    assert np.diff(bits).tolist() == [6, 6, 6] or max(abs(np.diff(bits) - 6)) <= 1


@pytest.mark.parametrize(
    ("positions", "sparsity", "width"),
    [(64, 2, 25), (64, 4, 55), (256, 4, 85), (1024, 4, 99), (1024, 8, 289), (4096, 8, 289), (100_000, 8, 725)],
)
def test_reed_solomon_widths(positions, sparsity, width):
    degree, points, prime = code_parameters(positions, sparsity)
    assert points * prime == width
    assert prime ** (degree + 1) >= positions
    assert points >= sparsity * degree + 1


@pytest.mark.parametrize(("length", "sparsity"), [(30, 2), (40, 3)])
def test_reed_solomon_scores_are_exact(length, sparsity):
    task = SparseAveraging(length, sparsity)
    unit = build(task, method="reed-solomon")
    degree, points, _ = unit.settings["code"]
    sets = torch.tensor(list(itertools.combinations(range(length), sparsity)))
    scores = unit.queries(sets) @ unit.keys.T
    on = torch.zeros(scores.shape, dtype=torch.bool).scatter_(1, sets, True)
    assert (scores[on] == points).all()
    assert (scores[~on] <= sparsity * degree).all()
    embedded = unit.embed(task.sample(1, seed=0, distribution="adversarial", keys=unit.position_keys()).inputs)
    hot = (embedded @ unit.query[0]) @ (embedded @ unit.key[0]).transpose(1, 2)
    assert (hot.max(dim=2).values == unit.temperature * points).all()  # no rounding, hence no spread


def test_short_numbers_are_not_below_and_stay_exact():
    for number in (0.003, 1.0, 17.2313, 123.456, 1000.1):
        short = short_number(number)
        assert number <= short <= 1.01 * number
        products = short * np.arange(4096)
        assert (products.astype(np.float32) == products).all()


@pytest.mark.parametrize(("length", "sparsity", "width"), [(256, 4, 76), (200, 8, 120)])
def test_clipped_queries_are_certified_for_adversarial_sets(length, sparsity, width):
    signs = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], (length, width)))
    keys = signs / math.sqrt(width)
    sets = (keys @ keys.T).fill_diagonal_(-9).topk(sparsity, dim=1).indices
    queries, certified = clipped_queries(keys, sets)
    assert certified.float().mean() > 0.95
    for query, subset in zip(queries[certified], sets[certified].tolist(), strict=True):
        scores = [float(sum(a * b for a, b in zip(query.tolist(), key, strict=True))) for key in keys.tolist()]
        assert all(abs(scores[i] - 1) <= 1e-12 + SLACK for i in subset)
        assert max(score for j, score in enumerate(scores) if j not in subset) <= CEILING + SLACK + 1e-12
        assert float(query.norm()) <= NORM * math.sqrt(sparsity)


def test_a_query_that_cannot_be_certified_is_refused_not_answered():
    task = SparseAveraging(64, 4, layout="last")
    unit = SignKeys(task, 8, 0.1, 20.0, "float32", checked="nothing was tried")
    unit.keys.copy_(torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], (65, 8))) / math.sqrt(8))
    with pytest.raises(CertificateError, match=r"pointers \[.*\] have no certified query"):
        unit(task.sample(50, seed=0).inputs)
    refused = 0
    for start in range(50):
        try:
            unit(task.sample(1, seed=0, start=start).inputs)
        except CertificateError:
            refused += 1
    trial = try_network(unit, "uniform", 50)
    assert 0 < trial.refused == refused


def test_sign_widths_promised():
    for length, sparsity, most in [(1024, 8, 160), (64, 2, 30)]:
        unit = build(SparseAveraging(length, sparsity), method="sign", tolerance=0.05)
        assert unit.size.score_width <= most


@pytest.mark.parametrize("method", ATTENTION)
def test_arithmetic_follows_the_tolerance(method):
    task = SparseAveraging(100, 2, layout="last")
    names = [build(task, method=method, tolerance=tolerance).certificate().dtype for tolerance in (0.1, 1e-8)]
    assert names[1] in ("float64", "integers")
    with pytest.raises(AssayError, match="tolerance = 1e-15 is not allowed"):
        build(task, method=method, tolerance=1e-15)


@pytest.mark.parametrize("method", ATTENTION)
def test_tight_tolerances_hold(method):
    task = SparseAveraging(60, 3, 2)
    network = build(task, method=method, tolerance=1e-8)
    guaranteed = network.certificate().guaranteed_error
    assert guaranteed <= 1e-8
    assert max(try_network(network, name, 30).largest_error for name in checkable(network)) <= guaranteed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_longest_values_that_are_accepted_are_covered(method, dtype):
    """Two values of norm 1 + 1e-6 and opposite signs: where the averaging inequality is attained."""
    task = SparseAveraging(2, 1)
    for tolerance in (0.5, 1e-7):
        network = build(task, method=method, tolerance=tolerance)
        longest = 1 + 9e-7
        inputs = task.inputs(torch.tensor([[[longest], [-longest]]], dtype=dtype), [[[0], [1]]])
        measured = task.answer.errors(network(inputs), task.targets(inputs)).max().item()
        assert measured <= network.certificate().guaranteed_error


def test_wrong_requests():
    task = SparseAveraging(8, 2)
    for tolerance in (0, -1.0, 1.5, float("nan")):
        with pytest.raises(AssayError, match=r"tolerance = .* above 0 and at most 1"):
            build(task, tolerance=tolerance)
    with pytest.raises(AssayError, match="did you mean 'cyclic'"):
        build(task, method="cyclc")


@pytest.mark.parametrize("method", METHODS)
def test_files_give_back_the_network(method, tmp_path):
    task = SparseAveraging(20, 3, 2, "last")
    network = build(task, method=method, tolerance=0.01)
    network.save(tmp_path / "f.safetensors")
    again = load(tmp_path / "f.safetensors")
    inputs, _, _ = task.sample(7, seed=1)
    assert torch.equal(network(inputs), again(inputs))
    assert again.task == task
    assert again.certificate() == network.certificate()
    assert [path.name for path in tmp_path.iterdir()] == ["f.safetensors"]


def test_files_that_are_not_what_they_should_be(tmp_path):
    path = tmp_path / "f.safetensors"
    build(SparseAveraging(12, 2), method="sign").save(path)
    whole = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AssayError, match="not a whole safetensors file"):
        load(path)
    path.write_bytes(b"not weights")
    with pytest.raises(AssayError, match="not a whole safetensors file"):
        load(path)
    save_file({"w": torch.ones(2)}, path)
    with pytest.raises(AssayError, match="holds no Assay network"):
        load(path)
    save_file(tensors, path, metadata={**metadata, "assay": "999"})
    with pytest.raises(AssayError, match="holds format '999'"):
        load(path)
    save_file({**tensors, "keys": -tensors["keys"]}, path, metadata=metadata)
    with pytest.raises(AssayError, match="was altered"):
        load(path)
    lies = json.loads(metadata["certificate"]) | {"guaranteed_error": 1e-9}
    save_file(tensors, path, metadata={**metadata, "certificate": json.dumps(lies)})
    with pytest.raises(AssayError, match="was altered"):
        load(path)
    with pytest.raises(AssayError, match="cannot be read: No such file"):
        load(tmp_path / "missing")


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
def test_ten_thousand_draws_stay_below_the_guarantee(method):
    for length, sparsity, tolerance in [(64, 2, 0.25), (256, 4, 0.05)]:
        network = build(SparseAveraging(length, sparsity, 2, "last"), method=method, tolerance=tolerance)
        for distribution in checkable(network):
            trial = try_network(network, distribution, 10_000)
            assert trial.largest_error <= network.certificate().guaranteed_error
            assert trial.refused == 0


@pytest.mark.long
def test_largest_promised_size():
    task = SparseAveraging(4096, 16)
    unit = build(task, method="sign", tolerance=0.05)
    assert unit.size.score_width <= 400
    for distribution in ("uniform", "adversarial"):
        trial = try_network(unit, distribution, 1)
        assert trial.largest_error <= unit.certificate().guaranteed_error
        assert trial.refused == 0
