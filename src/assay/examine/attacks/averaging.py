"""What an attack on sparse averaging can do beside changing one place: worst values, and many pointer sets at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from assay.constructions.answering import answered, joined, rows_of
from assay.examine.attacks.tries import Tries
from assay.tasks import counter
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs
from assay.tasks.task import AnyInputs

_SHARE_OF_GRADIENTS = 8  # a forward pass that keeps all for the backward pass holds about this many times as much


def worst_values(tries: Tries, inputs: SparseAveragingInputs) -> SparseAveragingInputs:
    """The inputs, without those that the network refuses, with worse values for the same pointers.

    With weights w that do not depend on the values, a token with pointers y errs by sum_j (w_j - [j in y] / q) z_j,
    which is largest at z_j = e1 times the sign of w_j - [j in y] / q, where it is the L1 distance of w from uniform on
    y: the worst over the unit ball, and the token with the largest is taken. Of other networks the same is made with
    the gradient of the worst token's error by the values, which is exact as far as the network is linear in them.
    """
    inputs, weights = tries.subject.suited(inputs), tries.subject.weights
    return _by_gradient(tries, inputs) if weights is None else _by_weights(tries, inputs, weights)


def _by_weights(
    tries: Tries, inputs: SparseAveragingInputs, weights_of: Callable[[AnyInputs], Tensor]
) -> SparseAveragingInputs:
    task, kept = tries.subject.task_as(SparseAveraging), []
    for first in range(0, len(inputs.values), tries.subject.at_once):
        some = rows_of(inputs, slice(first, first + tries.subject.at_once))
        with torch.no_grad():
            weights, rows = answered(weights_of, some)
        if weights is None:
            continue
        off = weights.mean(dim=1)[..., : task.length].double()
        pointers = some.pointers[rows]
        off.scatter_add_(2, pointers, torch.full(pointers.shape, -1 / task.sparsity, dtype=off.dtype))
        token = off.abs().sum(dim=2).argmax(dim=1)
        signs = torch.where(off[torch.arange(len(rows)), token] > 0, 1.0, -1.0)
        values = torch.zeros_like(some.values[rows])
        values[..., 0] = signs.to(values.dtype)
        kept.append(SparseAveragingInputs(values, pointers))
    return joined(kept) if kept else rows_of(inputs, slice(0, 0))


def _by_gradient(tries: Tries, inputs: SparseAveragingInputs) -> SparseAveragingInputs:
    at_once = max(1, tries.subject.at_once // _SHARE_OF_GRADIENTS)
    kept = []
    for first in range(0, len(inputs.values), at_once):
        values, pointers = rows_of(inputs, slice(first, first + at_once))
        slopes = _slopes(tries, values, pointers)
        lengths = torch.linalg.vector_norm(slopes, dim=2, keepdim=True)
        # A little less than 1, so that rounding does not leave the ball, where there are several coordinates.
        within = 1.0 if values.shape[2] == 1 else 1 - 4 * torch.finfo(values.dtype).eps
        kept.append(torch.where(lengths > 0, within * slopes / lengths, values))
    return SparseAveragingInputs(torch.cat(kept), inputs.pointers)


def _slopes(tries: Tries, values: Tensor, pointers: Tensor) -> Tensor:
    """Gradient of each input's largest error by its values; 0 where the network has none, or refuses an input."""
    values = values.clone().requires_grad_()

    def largest(some: SparseAveragingInputs) -> Tensor:
        answers = tries.subject.network(some)
        errors = tries.subject.task.answer.errors(answers, tries.subject.task.targets(some))
        return errors.max(dim=1).values  # of tokens that err as much, one; amax would give the mean of their gradients

    with torch.enable_grad():
        errors, _ = answered(largest, SparseAveragingInputs(values, pointers))
        if errors is None or not errors.requires_grad:
            return torch.zeros_like(values)
        return torch.autograd.grad(errors.sum(), values)[0].nan_to_num()


def spread(
    task: SparseAveraging, inputs: SparseAveragingInputs, token: int, count: int, *, seed: int, start: int
) -> SparseAveragingInputs:
    """`count` inputs in which all tokens ask for one token's pointers with at most one of them replaced.

    That token itself asks for what it did. One input tries as many neighbouring pointer sets as there are tokens.
    """
    random = counter.words(counter.example_keys(seed, "train", start, count), 0, 2 * task.spec.queries)
    place = torch.from_numpy(counter.integers(random[:, : task.spec.queries], task.length))
    column = torch.from_numpy(counter.integers(random[:, task.spec.queries :], task.sparsity))
    pointers = inputs.pointers[:1, token : token + 1].repeat(count, task.spec.queries, 1)
    replaced = pointers.scatter(2, column.unsqueeze(2), place.unsqueeze(2))
    taken = (pointers == place.unsqueeze(2)).any(dim=2, keepdim=True)
    taken[:, token] = True
    return SparseAveragingInputs(inputs.values[:1].repeat(count, 1, 1), torch.where(taken, pointers, replaced))
