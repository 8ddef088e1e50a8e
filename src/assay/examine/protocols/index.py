"""Recurrent networks hand a state on: it must differ for all sequences of values (Theorem 11)"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.averaging import asking_inputs, at_once, collisions, finite, only_token, pointer_sets
from assay.examine.protocols.channel import Channel
from assay.examine.protocols.protocol import Outcome, Protocol, Runner, Witness, difference, largest
from assay.examine.protocols.state_split import StateSplit, state_split
from assay.examine.subject import Subject
from assay.tasks import counter
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs


@PROTOCOLS.register
class Index(Protocol):
    """Alice runs the network over all tokens but the last and sends its state; Bob lets the last token ask.

    The values of n data tokens are signs (+-e1), the last token points to any q of them: for q = 1 Bob reads one of
    Alice's bits, whichever he likes. An answer counts as right if it is less than 1/q off, so that it can be rounded to
    the exact one. With equal states for two sign sequences there is a q-set on which the exact answers are at least 2/q
    apart, q < n, and one errs by at least 1/q. So the 2^n states are different and take n bits. (Theorem 11 of Sanford,
    Hsu, Telgarsky, NeurIPS 2023; of k passes, each hands a state on, and together they take N/2 bits.)

    Where all sequences, or all sequences and pointer sets, are more than the instances asked for, so many random ones
    are run. States are then compared of random sequences and of all that differ from these in one place. Cost: about
    three passes over n tokens for an instance.
    """

    name: ClassVar[str] = "index"
    source: ClassVar[str] = "states differ for all 2^n sign sequences (Theorem 11)"

    def unmet(self, subject: Subject) -> str:
        """Sparse averaging with q below n, and a recurrent network that gives its state."""
        task = subject.task
        if task.name != "sparse-averaging" or not isinstance(task, SparseAveraging):
            return "the task sparse-averaging"
        split = state_split(subject.network, task)
        if isinstance(split, str):
            return split
        return "" if task.sparsity < task.others else "more than q data tokens before the query token"

    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        """Answers on many sequences and sets, and a search for sequences with one state."""
        task, runner = subject.task_as(SparseAveraging), Runner(subject, numbers)
        split = state_split(subject.network, task)
        assert isinstance(split, StateSplit)
        signs, sets, exhaustive = _asked(task, instances, seed)
        channel = Channel(numbers)
        answers, whole, exact = [], [], []
        for some, pointers in zip(signs.split(at_once(task)), sets.split(at_once(task)), strict=True):
            channel = Channel(numbers)
            inputs = _inputs(task, some, pointers, runner.dtype)
            state = channel.send("Alice", "the state", runner(split.state, _without_last(task, inputs)))
            answers.append(runner(split.answer, only_token(task, inputs, task.spec.length - 1), state))
            whole.append(runner.whole(inputs)[:, -1])
            exact.append(task.targets(inputs)[:, -1])
        told, targets = torch.cat(answers).double(), torch.cat(exact)
        wrong = ~(torch.linalg.vector_norm(told - targets, dim=1) < 1 / task.sparsity)
        levels, counts = torch.unique(targets[:, 0], return_counts=True)
        found = _search(runner, split, task, instances, seed)
        pairs = comb(task.others, task.sparsity) << task.others
        how = f"all {pairs} pairs of a sign sequence and a pointer set" if exhaustive else f"{len(signs)} random pairs"
        return Outcome(
            protocol=self.name,
            source=self.source,
            parties={"Alice": f"the first {task.spec.length - 1} tokens", "Bob": "the last token"},
            resource="state bits",
            needed=task.others,
            available=channel.bits,
            justification=f"{how}; states of {found.how}; {runner.arithmetic}",
            sent=tuple(channel.sent),
            wrong=int(wrong.sum()),
            runs=len(signs),
            baselines={f"always {levels[counts.argmax()].item():g}": len(signs) - int(counts.max())},
            messages=found.messages,
            messages_of=found.messages_of,
            differs=difference(told, torch.cat(whole).double()),
            largest_error=largest(torch.linalg.vector_norm(torch.cat(whole).double() - targets, dim=1)),
            witness=found.witness,
            more={"collisions": found.collisions},
        )


def separating_set(first: Tensor, second: Tensor, size: int) -> Tensor:
    """A set of `size` places, fewer than all, on which two different sign sequences have sums 2 or more apart.

    Places where one is larger come first, then those where they agree: the difference is as large as it can be.

    >>> separating_set(torch.tensor([1, -1, 1]), torch.tensor([-1, 1, 1]), 2).tolist()
    [0, 2]
    """
    change = (first - second).sign()
    chosen = [torch.argsort(sign * change, descending=True, stable=True)[:size] for sign in (1, -1)]
    return max(chosen, key=lambda places: change[places].sum().abs().item()).sort().values


def _asked(task: SparseAveraging, instances: int, seed: int) -> tuple[Tensor, Tensor, bool]:
    """Sign sequences (runs, n) with pointer sets (runs, q): all pairs if at most `instances`."""
    n = task.others
    if n < 31 and comb(n, task.sparsity) << n <= instances:
        sets, _ = pointer_sets(task, n, instances, seed)
        signs = all_signs(n)
        return signs.repeat_interleave(len(sets), dim=0), sets.repeat(len(signs), 1), True
    random = counter.words(counter.example_keys(seed, "test", 0, instances), 0, n + task.sparsity)
    signs = np.where(random[:, :n] >> np.uint64(63), 1.0, -1.0)
    return torch.from_numpy(signs), torch.from_numpy(counter.subsets(random[:, n:], n)), False


def all_signs(count: int) -> Tensor:
    """All sequences of signs, float64 (2^count, count)."""
    return 2.0 * (torch.arange(1 << count).unsqueeze(1) >> torch.arange(count) & 1).double() - 1.0


def _inputs(task: SparseAveraging, signs: Tensor, sets: Tensor, dtype: torch.dtype) -> SparseAveragingInputs:
    """Signs on e1 for the first n tokens; the last token has value 0, if it has one, and points to `sets`.

    Others that ask point to 0 ... q-1: what Alice has of them says nothing.
    """
    values = torch.zeros(len(signs), task.length, task.dimension, dtype=dtype)
    values[:, : task.others, 0] = signs.to(dtype)
    return asking_inputs(task, values, sets, task.spec.length - 1)


def _without_last(task: SparseAveraging, inputs: SparseAveragingInputs) -> SparseAveragingInputs:
    """All tokens but the last: its value becomes NaN, and its pointers some other set."""
    values, pointers = inputs.values.clone(), inputs.pointers.clone()
    values[:, task.others :] = torch.nan
    pointers[:, -1] = torch.arange(task.length - task.sparsity, task.length)
    return SparseAveragingInputs(values, pointers)


@dataclass(frozen=True)
class _Searched:
    """Which sequences were compared, their different states and themselves, pairs with one state, and one such pair."""

    how: str
    messages: int
    messages_of: int
    collisions: int
    witness: Witness | None


def _search(runner: Runner, split: StateSplit, task: SparseAveraging, instances: int, seed: int) -> _Searched:
    """Sequences with equal states, compared as the bytes that are sent, and a certificate for the first."""
    signs, how = _sequences(task.others, instances, seed)
    packed, channel = [], Channel(runner.numbers)
    for some in signs.split(at_once(task)):
        any_set = torch.arange(task.sparsity).repeat(len(some), 1)
        inputs = _without_last(task, _inputs(task, some, any_set, runner.dtype))
        packed.append(channel.pack(runner(split.state, inputs)))
    pairs, states = collisions(np.concatenate(packed), signs)
    witness = None if not len(pairs) else _certify(runner, split, task, signs[torch.from_numpy(pairs[0])])
    return _Searched(how, states, len(signs), len(pairs), witness)


def _sequences(n: int, instances: int, seed: int) -> tuple[Tensor, str]:
    if n < 31 and 1 << n <= instances:
        return all_signs(n), f"all {1 << n} sign sequences"
    bases = max(1, instances // (n + 1))
    random = counter.words(counter.example_keys(seed, "test", 0, bases), 0, n)
    signs = torch.from_numpy(np.where(random >> np.uint64(63), 1.0, -1.0))
    flips = torch.cat([torch.ones(1, n), 1 - 2 * torch.eye(n)]).double()
    near = torch.unique((signs.unsqueeze(1) * flips).flatten(0, 1), dim=0)
    return near, f"{bases} random sign sequences, seed {seed}, and all that differ from them in one place"


def _certify(runner: Runner, split: StateSplit, task: SparseAveraging, signs: Tensor) -> Witness:
    """Both parts on two sequences (2, n) with one state, and the set on which that shows."""
    chosen = separating_set(signs[0], signs[1], task.sparsity)
    inputs = _inputs(task, signs, chosen.repeat(2, 1), runner.dtype)
    state = Channel(runner.numbers).send("Alice", "the state", runner(split.state, _without_last(task, inputs)))
    outputs, exact = runner(split.answer, inputs, state), task.targets(inputs)[:, -1]
    return Witness(
        first={"signs": signs[0].int().tolist(), "pointers": chosen.tolist()},
        second={"signs": signs[1].int().tolist(), "pointers": chosen.tolist()},
        same="the state before the last token",
        token=task.spec.length - 1,
        targets=exact.tolist(),
        answers=finite(outputs),
        error=largest(torch.linalg.vector_norm(outputs.double() - exact, dim=1)),
        at_least=1 / task.sparsity,
    )
