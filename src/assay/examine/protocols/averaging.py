"""Shared by the protocols on sparse averaging in which Alice holds one query token's pointers and Bob everything else.

What a party does not hold is made useless to it: values become NaN, and pointers some other valid set.
"""

from __future__ import annotations

from itertools import chain, combinations
from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.examine.protocols.channel import distinct
from assay.examine.protocols.protocol import NOT_FINITE, Runner, Witness
from assay.examine.subject import InHalves, Subject
from assay.tasks import counter
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs

_NUMBERS_AT_ONCE = 1 << 22


def lacks_tokens(subject: Subject) -> str:
    """What a subject lacks for being split at one token, in words; empty where nothing."""
    if subject.task.name != "sparse-averaging":
        return "the task sparse-averaging"
    return (
        "" if isinstance(subject.network, InHalves) else "a network with methods embedded(inputs) and answers(embedded)"
    )


def parties(token: int) -> dict[str, str]:
    """Who holds what, in words."""
    return {"Alice": f"value and pointers of token {token}", "Bob": "values and pointers of all other tokens"}


def column(task: SparseAveraging, token: int) -> int:
    """The token's place among those that ask."""
    return task.spec.queries - (task.spec.length - token)


def asking_inputs(task: SparseAveraging, values: Tensor, sets: Tensor, token: int) -> SparseAveragingInputs:
    """Inputs (batch, N, d) in which this token points to `sets` (batch, q) and the others to 0 ... q-1."""
    pointers = torch.arange(task.sparsity).repeat(len(sets), task.spec.queries, 1)
    pointers[:, column(task, token)] = sets
    return SparseAveragingInputs(values, pointers)


def only_token(task: SparseAveraging, inputs: SparseAveragingInputs, token: int) -> SparseAveragingInputs:
    """Only the token's own value and pointers are left."""
    hidden = _hidden(task, inputs)
    if token < task.length:
        hidden.values[:, token] = inputs.values[:, token]
    hidden.pointers[:, column(task, token)] = inputs.pointers[:, column(task, token)]
    return hidden


def all_but_token(task: SparseAveraging, inputs: SparseAveragingInputs, token: int) -> SparseAveragingInputs:
    """All but the token's own value and pointers."""
    hidden, kept = _hidden(task, inputs), SparseAveragingInputs(inputs.values.clone(), inputs.pointers.clone())
    if token < task.length:
        kept.values[:, token] = hidden.values[:, token]
    kept.pointers[:, column(task, token)] = hidden.pointers[:, column(task, token)]
    return kept


def _hidden(task: SparseAveraging, inputs: SparseAveragingInputs) -> SparseAveragingInputs:
    other = torch.arange(task.length - task.sparsity, task.length).expand_as(inputs.pointers).clone()
    return SparseAveragingInputs(torch.full_like(inputs.values, torch.nan), other)


def at_once(task: SparseAveraging) -> int:
    """How many inputs to run side by side."""
    return max(1, min(1024, _NUMBERS_AT_ONCE // (task.spec.length * max(64, task.spec.queries))))


def pointer_sets(task: SparseAveraging, among: int, instances: int, seed: int) -> tuple[Tensor, bool]:
    """All q-subsets of range(among) if they are at most `instances`, else so many random ones, each once.

    Returns them as int64 (sets, q), and whether they are all there are.
    """
    q, count = task.sparsity, comb(among, task.sparsity)
    if count <= instances:
        flat = chain.from_iterable(combinations(range(among), q))
        return torch.from_numpy(np.fromiter(flat, dtype=np.int64, count=count * q)).view(count, q), True
    random = counter.words(counter.example_keys(seed, "test", 0, instances), 0, q)
    return torch.from_numpy(np.unique(counter.subsets(random, among), axis=0)), False


def collisions(packed: NDArray[np.uint8], held: Tensor) -> tuple[NDArray[np.int64], int]:
    """Pairs of rows (pairs, 2) whose messages are the same though what their sender holds is not; distinct messages.

    Each row is paired with the first one of its message.
    """
    group, first = distinct(packed)
    earlier = first[group]
    apart = (held != held[torch.from_numpy(earlier)]).any(dim=1).numpy()
    rows = np.flatnonzero(apart)
    return np.stack([earlier[rows], rows], axis=1), len(first)


def tell_apart(task: SparseAveraging, first: Tensor, second: Tensor, token: int, dtype: torch.dtype) -> Tensor:
    """Values (batch, N, d) on which pointer sets (batch, q) have answers 2/q or more apart.

    They are e1 on what only the first points to, and -e1 elsewhere; 0 at the query token itself.
    """
    values = torch.zeros(len(first), task.length, task.dimension, dtype=dtype)
    values[..., 0] = -1.0
    values[..., 0].scatter_(1, first, 1.0)
    values[..., 0].scatter_(1, second, -1.0)
    if token < task.length:
        values[:, token] = 0.0
    return values


def confuse(runner: Runner, task: SparseAveraging, token: int, first: Tensor, second: Tensor) -> tuple[Witness, Tensor]:
    """The network on both inputs of each pair of pointer sets (pairs, q) with the same message.

    Returns the first pair as a witness, and the larger error of each pair (pairs,).
    """
    values = tell_apart(task, first, second, token, runner.dtype)
    place = column(task, token)
    errors, answers, targets = [], [], []
    for sets in (first, second):
        inputs = asking_inputs(task, values, sets, token)
        parts = [
            runner.whole(SparseAveragingInputs(*pair))
            for pair in zip(inputs.values.split(at_once(task)), inputs.pointers.split(at_once(task)), strict=True)
        ]
        outputs, exact = torch.cat(parts)[:, place], task.targets(inputs)[:, place]
        answers.append(finite(outputs[0]))
        targets.append(exact[0].tolist())
        errors.append(torch.linalg.vector_norm(outputs.double() - exact, dim=-1).nan_to_num(nan=NOT_FINITE))
    worst = torch.maximum(*errors)
    witness = Witness(
        first={"pointers": first[0].tolist(), "values": values[0].tolist()},
        second={"pointers": second[0].tolist(), "values": values[0].tolist()},
        same="the message",
        token=token,
        targets=targets,
        answers=answers,
        error=worst[0].item(),
        at_least=1 / task.sparsity,
    )
    return witness, worst


def finite(numbers: Tensor) -> list:
    """As nested lists for JSON, NOT_FINITE for what is no finite number."""
    return numbers.double().nan_to_num(nan=NOT_FINITE, posinf=NOT_FINITE, neginf=-NOT_FINITE).tolist()
