"""One training routine for every network and task.

Adam at a rate that rises in a short warm-up and falls to 0 at the end of the budget; what is judged is a running
average of the weights, which has the accuracy of an annealed run at any time, so that a run can stop as soon as it has
learned. Examples are drawn afresh for every step. Progress is measured on validation inputs, the verdict once, on test
inputs that are drawn apart from those of training and of the stopping rule. Where inputs are few, training draws the
same ones all the same; how many is counted (`assay.training.overlap`). All decisions count steps, not seconds: the same
question has the same answer on every run.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Unpack

import torch
from torch import Tensor, nn

from assay.arithmetic.torch_settings import in_float32
from assay.errors import require
from assay.models import Shape, architecture_code, make_network
from assay.models.task_network import TaskNetwork
from assay.tasks import TASKS
from assay.tasks.answers import Sums
from assay.tasks.task import Task
from assay.training.adam import Adam
from assay.training.lengths import Lengths, beyond, length_of
from assay.training.recipe import Recipe

_MARGIN = 0.98  # of the tolerance, to be reached on validation inputs, so that the test agrees
_DIVERGED = 1e9  # stands for any error that is larger, or not a number
_JUDGED_AT_ONCE = 1024  # examples, so that memory does not grow with their number,
_JUDGED_NUMBERS = 1 << 24  # nor with their length: numbers of one activation
_VALIDATION_START = 1 << 32  # test examples are 0 ... , validation examples start here; both are of the test split


@dataclass(frozen=True)
class Run:
    """What a training run reached.

    Attributes:
        network: with the averaged weights.
        mean_error: what it is judged by (`assay.tasks.answers`), on the test inputs.
        largest_error: of a scored answer, on the test inputs.
        sequence_error: share of the test inputs with a wrong answer; None where answers are numbers.
        steps: taken.
        stopped: `learned`, `diverged` or `budget`.
        lengths: what it is judged by at each of the other lengths that it was tested at, over the positions beyond the
            length of training alone.
        sequence_lengths: share of the test inputs of each of these lengths with a wrong answer at one of these
            positions; nothing where answers are numbers.
        curve: the judged measure on validation inputs at every measurement.
        seconds: processor time.
    """

    network: TaskNetwork
    mean_error: float
    largest_error: float
    sequence_error: float | None
    steps: int
    stopped: str
    curve: tuple[float, ...]
    seconds: float
    lengths: dict[int, float]
    sequence_lengths: dict[int, float]


@in_float32()
def train(
    task: Task,
    architecture: str,
    width: int,
    *,
    seed: int,
    rate: float,
    recipe: Recipe,
    tell: Callable[[int, float], object] = lambda _step, _error: None,
    **shape: Unpack[Shape],
) -> Run:
    """Train one network on `task` until it has learned, or the budget ends.

    `tell` is given the step and the mean error of every measurement.
    """
    begin = time.process_time()
    network = make_network(architecture, task, width, seed=seed, longest=recipe.longest, **shape)
    check_lengths(network, recipe)
    lengths = Lengths(network)
    averaged = copy.deepcopy(network).requires_grad_(False).eval()
    # Listed once, as looking for them takes as long as a twentieth of a small step.
    weights: list[Tensor] = list(network.parameters())
    followers: list[Tensor] = list(averaged.parameters())
    buffers = list(zip(averaged.buffers(), network.buffers(), strict=True))  # of layers that keep statistics
    optimizer = Adam(weights)
    curve: list[float] = []
    step, stopped = 0, ""
    while not stopped:
        _take_step(lengths.at(length_of(step, seed, task.length, recipe)), weights, optimizer, seed, rate, step, recipe)
        step += 1
        with torch.no_grad():
            torch._foreach_lerp_(followers, weights, recipe.share_of_newest(step))
            for kept, now in buffers:
                kept.copy_(now)
        if step % recipe.check_every == 0 or step == recipe.steps:
            sums = _judge(averaged, seed, _VALIDATION_START, recipe.validation, recipe)
            curve.append(finite(sums.judged))
            tell(step, curve[-1])
            stopped = stop_reason(curve, task, recipe, step)
    return judged(averaged, seed, recipe, steps=step, stopped=stopped, curve=curve, seconds=time.process_time() - begin)


def code_of_run(architecture: str, task: Task) -> dict[str, int | str]:
    """What stands for the code of a run in the key of its question: see `assay.registry.Registry.code`."""
    return {"architecture": architecture_code(architecture), "task": TASKS.code(task.to_json()["name"])}


def stop_reason(curve: list[float], task: Task, recipe: Recipe, step: int) -> str:
    """Why a run stops after this measurement, as `Run.stopped` says it; empty if it goes on."""
    if curve[-1] <= _MARGIN * task.mean_tolerance and not recipe.test_lengths:
        return "learned"
    if curve[-1] >= 0.01 * _DIVERGED:
        return "diverged"
    return "budget" if step == recipe.steps else ""


def judged(
    network: TaskNetwork,
    seed: int,
    recipe: Recipe,
    *,
    steps: int,
    stopped: str,
    curve: list[float],
    seconds: float,
) -> Run:
    """The verdict on a run that has ended, on the test inputs; its time is added to `seconds`."""
    begin = time.process_time()
    sums, lengths = _judge(network, seed, 0, recipe.test, recipe), Lengths(network)
    elsewhere = replace(recipe, distribution=recipe.test_distribution or recipe.distribution)
    others = {
        at: _judge(lengths.at(at), seed, 0, recipe.test, elsewhere, network.task.length) for at in recipe.test_lengths
    }
    return Run(
        network=network,
        mean_error=finite(sums.judged),
        largest_error=finite(sums.largest),
        sequence_error=sums.sequence_error,
        steps=steps,
        stopped=stopped,
        curve=tuple(round(error, 5) for error in curve),
        seconds=seconds + time.process_time() - begin,
        lengths={at: finite(found.judged) for at, found in others.items()},
        sequence_lengths={at: share for at, found in others.items() if (share := found.sequence_error) is not None},
    )


def _take_step(
    network: TaskNetwork,
    weights: list[Tensor],
    optimizer: Adam,
    seed: int,
    rate: float,
    step: int,
    recipe: Recipe,
) -> None:
    answer = network.task.answer
    inputs, targets, scored = network.task.sample(
        recipe.batch, seed=seed, split="train", start=step * recipe.batch, distribution=recipe.distribution
    )
    outputs = network(inputs)
    loss = answer.loss(outputs, targets_of(targets, outputs.dtype), scored)
    optimizer.forget_gradients()
    loss.backward()
    nn.utils.clip_grad_norm_(weights, recipe.clip, foreach=True)
    optimizer.step(rate * recipe.share_of_rate(step))


@torch.no_grad()
def _judge(network: TaskNetwork, seed: int, start: int, count: int, recipe: Recipe, trained: int = 0) -> Sums:
    """What is judged, on test examples from `start` on, at positions from `trained` on; no example is kept."""
    task = network.task
    sums, length = task.answer.sums(), task.spec.length
    at_once = max(1, min(_JUDGED_AT_ONCE, _JUDGED_NUMBERS // activations(network)))
    for first in range(0, count, at_once):
        inputs, targets, scored = task.sample(
            min(at_once, count - first), seed=seed, start=start + first, distribution=recipe.distribution
        )
        sums.add(task.answer, network(inputs), targets, beyond(scored, length, trained) if trained else scored)
    return sums


def activations(network: TaskNetwork) -> int:
    """Numbers of a network's largest activation for one example, roughly: its MLP's, its scores or its outputs."""
    spec, width = network.task.spec, network.size.width or 1
    return max(spec.length * max(4 * width, spec.length), spec.queries * spec.answer.width)


def check_lengths(network: TaskNetwork, recipe: Recipe) -> None:
    """Refuse lengths that the network cannot be trained or tested at, before anything is trained.

    Raises:
        AssayError: which length, and why.
    """
    task, lengths = network.task, Lengths(network)
    require(recipe.shortest <= task.length, "shortest", recipe.shortest, f"at most length = {task.length}")
    for length in recipe.test_lengths:
        require(length > task.length, "test_lengths", length, f"above the length of training, {task.length}")
    for length in {recipe.shortest or task.length, *recipe.test_lengths} - {task.length}:
        other = lengths.at(length)
        with torch.no_grad():
            other(other.task.sample(1, seed=0, distribution=recipe.test_distribution or recipe.distribution).inputs)


def targets_of(targets: Tensor, dtype: torch.dtype) -> Tensor:
    """Targets as a loss takes them: numbers in the dtype of the outputs, classes as they are."""
    return targets.to(dtype) if targets.is_floating_point() else targets


def finite(error: float) -> float:
    """An error that stands for any larger one, and for what is not a number."""
    return min(error, _DIVERGED) if error == error else _DIVERGED
