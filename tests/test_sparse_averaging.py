"""The task: answers against a brute-force twin, distributions, seeds, and what bad input is told."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError, SparseAveraging
from assay.models import make_network
from assay.tasks import counter, make_task
from assay.tasks.sparse_averaging import SparseAveragingInputs
from assay.testing import check_task
from assay.trivial.fit import baselines_of


def brute_force(values, pointers):
    """The definition, one number at a time."""
    answers = []
    for example, tokens in zip(values.tolist(), pointers.tolist(), strict=True):
        answers.append([[sum(example[j][k] for j in y) / len(y) for k in range(len(example[0]))] for y in tokens])
    return torch.tensor(answers, dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_targets_equal_the_definition(data):
    length = data.draw(st.integers(1, 12))
    sparsity = data.draw(st.integers(1, length))
    layout = data.draw(st.sampled_from(["all", "last"]))
    queries = data.draw(st.integers(1, 5)) if layout == "last" else 1
    task = SparseAveraging(length, sparsity, data.draw(st.integers(1, 4)), layout, queries)
    distribution = data.draw(st.sampled_from(["uniform", "sign", "gaussian"]))
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    inputs, targets, _ = task.sample(3, seed=data.draw(st.integers(0, 99)), distribution=distribution, dtype=dtype)
    assert targets.dtype == torch.float64
    torch.testing.assert_close(
        targets.double(), brute_force(*inputs), atol=1e-6 if dtype == torch.float32 else 1e-14, rtol=0
    )
    assert inputs.pointers.shape == (3, length if layout == "all" else queries, sparsity)
    if distribution != "gaussian":
        task.inputs(*inputs)


@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 3)])
@pytest.mark.parametrize(("length", "sparsity", "dimension"), [(8, 2, 1), (9, 3, 4), (16, 8, 2)])
def test_conforms(layout, queries, length, sparsity, dimension):
    if layout == "all" and length < 2 * sparsity + 1:
        length = 2 * sparsity + 1
    check_task(SparseAveraging(length, sparsity, dimension, layout, queries))


def test_tokens_that_ask_come_last_and_carry_no_value():
    task = SparseAveraging(4, 2, 1, "last", 2)
    inputs = task.inputs([[[1.0], [-1.0], [0.5], [0.0]]], [[[0, 3], [1, 2]]])
    expected = [[1, 0, 0, 0, 0], [-1, 0, 0, 0, 0], [0.5, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 1, 1, 0]]
    assert task.encode(inputs).tolist() == [expected]
    assert task.targets(inputs).flatten().tolist() == [0.5, -0.25]


def test_questions_with_one_token_that_asks_keep_their_keys():
    one = SparseAveraging(8, 2, layout="last")
    assert one.to_json() == {"name": "sparse-averaging", "length": 8, "sparsity": 2, "dimension": 1, "layout": "last"}
    several = SparseAveraging(8, 2, layout="last", queries=3)
    assert several.to_json() == {**one.to_json(), "queries": 3}
    assert make_task(**several.to_json()) == several


def test_pointers_of_one_input_are_drawn_apart():
    pointers = SparseAveraging(3, 1, layout="last", queries=2).sample(9000, seed=0).inputs.pointers[..., 0]
    counts = torch.bincount(3 * pointers[:, 0] + pointers[:, 1], minlength=9)
    assert ((counts - 1000) ** 2 / 1000).sum() < 26.1  # 99.9 % quantile with 8 degrees of freedom


@pytest.mark.parametrize("architecture", ["attention", "lstm", "gru+attention", "feed-forward"])
def test_the_first_token_that_asks_hears_nothing_of_the_others(architecture):
    task = SparseAveraging(6, 2, layout="last", queries=3)
    network = make_network(architecture, task, 5, seed=0)
    inputs = task.sample(20, seed=0).inputs
    others = SparseAveragingInputs(inputs.values, task.sample(20, seed=1).inputs.pointers)
    others.pointers[:, 0] = inputs.pointers[:, 0]
    assert torch.equal(network(inputs)[:, 0], network(others)[:, 0])
    assert not torch.equal(network(inputs)[:, 1], network(others)[:, 1])


def test_one_token_that_points_to_itself():
    inputs, targets, _ = SparseAveraging(1, 1).sample(4, seed=0)
    assert torch.equal(inputs.values.double(), targets)


def test_pointer_sets_are_uniform():
    task = SparseAveraging(5, 2, layout="last")
    pointers = task.sample(20_000, seed=3).inputs.pointers[:, 0].tolist()
    counts = {subset: 0 for subset in itertools.combinations(range(5), 2)}
    for pair in pointers:
        counts[tuple(pair)] += 1
    chi_square = sum((count - 2000) ** 2 / 2000 for count in counts.values())
    assert chi_square < 27.9  # 99.9 % quantile with 9 degrees of freedom


def test_gaussian_values_have_mean_square_one_and_no_correlation():
    values = SparseAveraging(8, 2, 2, "last").sample(20_000, seed=0, distribution="gaussian").inputs.values.flatten(1)
    covariance = values.T @ values / len(values)
    assert torch.allclose(covariance, torch.eye(16) / 2, atol=0.03)


def test_sphere_and_cube_have_norm_one():
    for distribution in ("uniform", "sign"):
        values = (
            SparseAveraging(8, 2, 3).sample(500, seed=0, distribution=distribution, dtype=torch.float64).inputs.values
        )
        assert torch.allclose(values.norm(dim=2), torch.ones(500, 8, dtype=torch.float64))
        assert values.mean().abs() < 0.02


def test_training_and_test_keys_never_meet():
    keys = [
        counter.example_keys(seed, split, start, 1000)
        for seed in (0, 1, 2**23 - 1, 2**23, 2**23 + 1, 20_231_129, 2**63 - 1)
        for split in ("train", "test")
        for start in (0, 1000, 2**40 - 1000)
    ]
    assert len(np.unique(np.concatenate(keys))) == 42_000


def test_seeds_that_differ_in_their_upper_bits_share_no_key():
    keys = [counter.example_keys(mask << 23, "train", 0, 2000) for mask in range(200)]
    assert len(np.unique(np.concatenate(keys))) == 400_000


@pytest.mark.parametrize("seed", [-1, 2**63, 10**20, 0.5, True, "0"])
def test_a_seed_that_cannot_be_counted_from_is_refused_by_what_draws(seed):
    with pytest.raises(AssayError, match=f"seed = {seed} is not allowed; it must be an integer from 0 to {2**63 - 1}"):
        SparseAveraging(8, 2).sample(2, seed=seed)


def test_hard_instances_answer_disjointness():
    for layout, queries in (("all", 1), ("last", 1), ("last", 3)):
        task = SparseAveraging(11, 5, 2, layout, queries)
        inputs, targets, _ = task.sample(400, seed=0, distribution="hard")
        asking = 10 if layout == "all" else 0
        pointers = inputs.pointers[:, asking]
        others = torch.cat([inputs.pointers[:, :asking], inputs.pointers[:, asking + 1 :]], dim=1)
        assert (others == torch.arange(5)).all()  # what Alice has is told by one token alone
        alice = pointers - 2 * torch.arange(5)
        bob = inputs.values[:, 1:10:2, 0] > 0
        assert set(alice.unique().tolist()) == {0, 1}
        common = (alice.bool() & bob).sum(dim=1)
        assert torch.allclose(targets[:, asking, 0], -1 + 2 * common.double() / 5)
        assert set(common.tolist()) == {0, 1}
        assert 140 < common.sum() < 260


def test_adversarial_pointers_are_the_nearest_keys():
    keys = torch.nn.functional.normalize(torch.randn(12, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    inputs, targets, _ = SparseAveraging(12, 3).sample(20, seed=0, distribution="adversarial", keys=keys)
    nearest = {
        frozenset(sorted((j for j in range(12) if j != i), key=lambda j: -float(keys[i] @ keys[j]))[:3])
        for i in range(12)
    }
    assert {frozenset(y) for y in inputs.pointers.flatten(0, 1).tolist()} <= nearest
    assert (targets.flatten(1).max(dim=1).values == 1).all()  # one set carries +1 throughout


def test_baselines_agree_with_theory():
    found = {one.name: one.error for one in baselines_of(SparseAveraging(16, 4, 2), "uniform").found}
    assert found["constant"] == pytest.approx(1 / math.sqrt(4), rel=0.03)
    assert found["all values"] == pytest.approx(math.sqrt(1 / 4 - 1 / 16), rel=0.03)
    assert found["first pointer"] < found["all values"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"length": 4, "sparsity": 5}, "sparsity = 5 is not allowed; it must be an integer from 1 to length = 4"),
        ({"length": 0, "sparsity": 1}, "length = 0"),
        ({"length": 4, "sparsity": 1, "dimension": 0}, "dimension = 0"),
        ({"length": 4, "sparsity": 1.5}, "sparsity = 1.5"),
        ({"length": 4, "sparsity": 1, "layout": "first"}, "layout 'first' is not known"),
        ({"length": 4}, "needs sparsity"),
        ({"length": 4, "sparsity": 1, "layout": "last", "queries": 0}, "queries = 0 is not allowed; it must be an int"),
        ({"length": 4, "sparsity": 1, "queries": 2}, "queries = 2 is not allowed; it must be 1 where every token asks"),
        ({"length": 4, "sparsity": 1, "modulus": 3}, "'modulus' is not known"),
    ],
)
def test_wrong_parameters(arguments, says):
    with pytest.raises(AssayError, match=says.replace("(", r"\(")):
        make_task("sparse-averaging", **arguments)


@pytest.mark.parametrize(
    ("values", "pointers", "says"),
    [
        ([[[1.5], [0.0]]], [[[0], [1]]], r"values\[0, 0\] has norm 1.5"),
        ([[[float("nan")], [0.0]]], [[[0], [1]]], "has norm nan"),
        ([[[1.0], [0.0]]], [[[0], [2]]], r"must be from 0 to 1"),
        ([[[1.0], [0.0]]], [[[0], [-1]]], r"must be from 0 to 1"),
        ([[[1.0], [0.0]]], [[[0.0], [1.0]]], "must be integers"),
        ([[[1.0]]], [[[0], [1]]], r"values have shape \(1, 1, 1\); it must be \(batch, 2, 1\)"),
        ([[[1.0], [0.0]]], [[[0, 1]]], r"pointers have shape"),
    ],
)
def test_wrong_inputs(values, pointers, says):
    with pytest.raises(AssayError, match=says):
        SparseAveraging(2, 1).inputs(values, pointers)


def test_repeated_pointers():
    with pytest.raises(AssayError, match="names position 1 more than once"):
        SparseAveraging(3, 2, layout="last").inputs([[[0.0], [0.0], [0.0]]], [[[1, 1]]])


def test_distributions_that_do_not_fit():
    with pytest.raises(AssayError, match="'hard' inputs need a length of at least 5"):
        SparseAveraging(4, 2).sample(1, seed=0, distribution="hard")
    with pytest.raises(AssayError, match="needs the keys"):
        SparseAveraging(4, 2).sample(1, seed=0, distribution="adversarial")
    with pytest.raises(AssayError, match="did you mean 'uniform'"):
        SparseAveraging(4, 2).sample(1, seed=0, distribution="unifrom")
    with pytest.raises(AssayError, match="seed = -1"):
        SparseAveraging(4, 2).sample(1, seed=-1)
