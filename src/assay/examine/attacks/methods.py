"""How an attack looks for bad inputs: all of them, draws of named distributions, and steps from the worst."""

from __future__ import annotations

import math
from itertools import count as counting

import numpy as np
import torch

from assay.constructions.answering import count_of, joined
from assay.errors import AssayError
from assay.examine.attacks import averaging
from assay.examine.attacks.tries import Found, Tries
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs
from assay.tasks.task import AnyInputs, Task

_STARTS_EACH = 2  # inputs of each distribution that a search starts from
_NEIGHBOURS = 64  # of one step
_POINTER_SETS = 1024  # that one step tries, where all tokens ask
_PATIENCE = 4  # steps without a worse input before a climb ends
_MADE_AT_ONCE = 4096  # inputs


def exhaustive(tries: Tries) -> int:
    """Try the whole finite form of the task if the budget is enough for it; gives its number of inputs, or 0."""
    task = tries.subject.task
    try:
        sizes = [task.choices(position) for position in range(task.spec.length)]
    except AssayError:
        return 0
    total = math.prod(sizes)
    if total > tries.left:
        return 0
    for first in range(0, total, _MADE_AT_ONCE):
        numbers = np.arange(first, min(total, first + _MADE_AT_ONCE))
        chosen = np.stack(np.unravel_index(numbers, sizes), axis=1).astype(np.int64)
        tries.judge(task.assemble(torch.from_numpy(chosen)), "exhaustive")
    tries.say("exhaustive")
    return total


def draws(tries: Tries, budget: int) -> list[Found]:
    """Try draws of each named distribution; gives the worst few of each, worst first."""
    names = tries.distributions()
    worst: list[Found] = []
    for name in names:
        share, kept = min(tries.left, max(1, budget // len(names))), []
        size = min(_MADE_AT_ONCE, tries.subject.at_once)
        for first in range(0, share, size):
            kept += tries.judge(tries.draws(min(size, share - first), first, name), f"{name} draws", _STARTS_EACH)
        worst += _worst_first(kept)[:_STARTS_EACH]
        tries.say(f"{name} draws")
    return _worst_first(worst)


def search(tries: Tries, starts: list[Found]) -> None:
    """Climb from these inputs, then from the worst of a few new draws each time, until the budget ends.

    A step tries inputs that differ in one random place, and for sparse averaging those with worse values; it goes to
    the worst of them, if that is no better than where it is. A climb ends after a few steps to nothing worse.
    """
    if type(tries.subject.task).altered is Task.altered:
        return
    names, steps = tries.distributions(), 0
    for climb in counting():
        if tries.left <= 0:
            break
        if climb >= len(starts):
            name, size = names[climb % len(names)], min(_NEIGHBOURS, tries.subject.at_once)
            starts += tries.judge(tries.draws(size, tries.budget + climb * size, name), f"{name} draws") or starts[:1]
        if climb >= len(starts):
            break  # the network answers nothing
        steps = _climb(tries, starts[climb], steps)
    tries.say("search")


def _climb(tries: Tries, here: Found, steps: int) -> int:
    """From one input to ever worse ones; `steps` and the result are how many random steps were used up."""
    stuck = 0
    while stuck < _PATIENCE and tries.left > 0:
        found = tries.judge(_neighbours(tries, here, steps), "search")
        steps += _NEIGHBOURS
        stuck = 0 if found and found[0].badness > here.badness else stuck + 1
        if found and found[0].badness >= here.badness:
            here = found[0]
    return steps


def _neighbours(tries: Tries, here: Found, steps: int) -> AnyInputs:
    """What a step tries."""
    task, seed = tries.subject.task, tries.seed
    if not isinstance(task, SparseAveraging):
        return task.altered(here.inputs, _NEIGHBOURS, seed=seed, start=steps)
    assert isinstance(here.inputs, SparseAveragingInputs)
    known = tries.subject.weights is not None
    parts = [here.inputs]
    if task.spec.queries > 1:
        spread = min(_NEIGHBOURS // 2, math.ceil(_POINTER_SETS / task.spec.queries))
        start = steps + _NEIGHBOURS // 2
        parts.append(averaging.spread(task, here.inputs, here.token, spread, seed=seed, start=start))
    # One place more or less makes no difference beside many tokens' pointers.
    if task.spec.queries == 1 or not known:
        altered = _NEIGHBOURS if task.spec.queries == 1 else _NEIGHBOURS // 2
        parts.append(task.altered(here.inputs, altered, seed=seed, start=steps))
    neighbours = tries.subject.suited(joined(parts))
    worse = averaging.worst_values(tries, neighbours)
    return worse if known and count_of(worse) else joined([neighbours, worse])


def _worst_first(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda one: one.badness, reverse=True)
