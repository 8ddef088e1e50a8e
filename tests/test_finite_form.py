"""Tasks in finite form, and inputs that differ in one place: what exhaustive checks and searches are made of."""

import itertools
import math

import pytest
import torch

from assay import AssayError, Match2, Match3, Match3Bigram, Match3Local, SparseAveraging

TASKS = [
    SparseAveraging(length=4, sparsity=2, layout="last"),
    SparseAveraging(length=3, sparsity=2, layout="last", queries=2),
    SparseAveraging(length=3, sparsity=1, dimension=2),
    SparseAveraging(length=3, sparsity=3),
    SparseAveraging(length=1, sparsity=1),
    Match2(length=3, modulus=4),
    Match3(length=2, modulus=5),
    Match3Bigram(length=3, modulus=2),
    Match3Local(length=3, modulus=3, window=1),
]


def flat(inputs):
    return torch.cat([part.flatten(1).double() for part in (inputs if isinstance(inputs, tuple) else (inputs,))], dim=1)


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_every_choice_is_another_valid_input(task):
    sizes = [task.choices(position) for position in range(task.spec.length)]
    chosen = torch.tensor(list(itertools.product(*map(range, sizes))))
    assert len(chosen) == math.prod(sizes)
    inputs = task.assemble(chosen)
    task.inputs(*inputs) if isinstance(inputs, tuple) else task.inputs(inputs)
    assert len(torch.unique(flat(inputs), dim=0)) == len(chosen)
    assert task.targets(inputs).shape == (len(chosen), *task.spec.target_shape)


def test_the_finite_form_of_sparse_averaging_has_all_signs_and_sets():
    task = SparseAveraging(length=3, sparsity=2, layout="last")
    inputs = task.assemble(torch.tensor([[0, 1, 1, 2]]))
    assert inputs.values.flatten().tolist() == [-1.0, 1.0, 1.0]
    assert inputs.pointers.flatten().tolist() == list(list(itertools.combinations(range(3), 2))[2])
    everyone = SparseAveraging(length=2, sparsity=1)
    inputs = everyone.assemble(torch.tensor([[3, 0]]))  # set 1 and the value +1, set 0 and the value -1
    assert inputs.values.flatten().tolist() == [1.0, -1.0]
    assert inputs.pointers.flatten().tolist() == [1, 0]


def test_too_many_pointer_sets_to_list_are_refused():
    with pytest.raises(AssayError, match="at most 1000000"):
        SparseAveraging(length=100, sparsity=10).all_sets()


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_altered_inputs_are_valid_and_differ_in_at_most_one_place(task):
    inputs, _, _ = task.sample(1, seed=3)
    altered = task.altered(inputs, 200, seed=5)
    task.inputs(*altered) if isinstance(altered, tuple) else task.inputs(altered)
    changed = flat(altered) != flat(inputs)
    if isinstance(inputs, tuple):  # one value, all its coordinates, or one pointer
        values = (altered.values != inputs.values).any(dim=2).sum(dim=1)
        pointers = (altered.pointers != inputs.pointers).flatten(1).sum(dim=1)
        assert ((values + pointers) <= 1).all()
    else:
        assert (changed.sum(dim=1) <= 1).all()
    assert torch.equal(flat(task.altered(inputs, 50, seed=5, start=100)), flat(altered)[100:150])


def test_altered_inputs_reach_every_place():
    task = SparseAveraging(length=5, sparsity=2, dimension=2, layout="last")
    inputs = task.assemble(torch.tensor([[0, 0, 0, 0, 0, 0]]))
    altered = task.altered(inputs, 3000, seed=0)
    assert (altered.values != inputs.values).any(dim=2).any(dim=0).all()
    assert {int(p) for p in altered.pointers.flatten()} == set(range(5))
    match = Match3(length=4, modulus=9)
    residues = match.altered(torch.tensor([[1, 1, 1, 1]]), 3000, seed=0)
    assert {int(r) for r in residues.flatten()} == set(range(9))
    assert (residues != 1).any(dim=0).all()
