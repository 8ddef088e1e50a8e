"""One training routine for every network and task.

Adam at a constant rate after a short warm-up; what is judged is a running average of the weights, which has the
accuracy of an annealed run at any time, so that a run can stop as soon as it has learned. Examples are drawn afresh
for every step. Progress is measured on validation inputs, the verdict once, on test inputs that no training step and
no stopping rule sees. All decisions count steps, not seconds: the same question has the same answer on every run.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from assay.arithmetic import in_float32
from assay.errors import require
from assay.networks import architecture_code, make_network
from assay.networks.base import Network
from assay.tasks import TASKS
from assay.tasks.base import Task

_MARGIN = 0.98  # of the tolerance, to be reached on validation inputs, so that the test agrees
_DIVERGED = 1e9  # stands for any error that is larger, or not a number
_JUDGED_AT_ONCE = 1024  # examples, so that memory does not grow with their number
_VALIDATION_START = 1 << 32  # test examples are 0 ... , validation examples start here; both are of the test split


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; part of the question, so that a changed recipe asks anew.

    Attributes:
        steps: the budget.
        distribution: of all inputs.
        batch: fresh examples per step.
        warmup: steps over which the rate rises to its value.
        decay: last share of the budget over which the rate falls to 0.
        averaging: decay of the running average of the weights, per step.
        check_every: steps between measurements on validation inputs.
        validation: inputs of one measurement.
        test: inputs of the final verdict.
        clip: largest norm of a gradient.
    """

    steps: int
    distribution: str
    batch: int = 128
    warmup: int = 50
    decay: float = 0.4
    averaging: float = 0.98
    check_every: int = 100
    validation: int = 4096
    test: int = 8192
    clip: float = 1.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "warmup", "check_every", "validation", "test"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        require(0 <= self.averaging < 1, "averaging", self.averaging, "from 0 up to below 1")


@dataclass(frozen=True)
class Run:
    """What a training run reached.

    Attributes:
        network: with the averaged weights.
        mean_error: the task's mean error on the test inputs.
        largest_error: on the test inputs.
        error_99: 99th percentile there.
        steps: taken.
        stopped: `learned`, `diverged` or `budget`.
        curve: mean error on validation inputs at every measurement.
        seconds: processor time.
    """

    network: Network
    mean_error: float
    largest_error: float
    error_99: float
    steps: int
    stopped: str
    curve: tuple[float, ...]
    seconds: float


@in_float32()
def train(
    task: Task[Any],
    architecture: str,
    width: int,
    *,
    depth: int = 1,
    head_width: int = 0,
    seed: int,
    rate: float,
    recipe: Recipe,
    tell: Callable[[int, float], object] = lambda _step, _error: None,
) -> Run:
    """Train one network on `task` until it has learned, or the budget ends.

    `tell` is given the step and the mean error of every measurement.
    """
    begin = time.process_time()
    network = make_network(architecture, task, width, seed=seed, depth=depth, head_width=head_width)
    averaged = copy.deepcopy(network).requires_grad_(False).eval()
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), fused=True)
    curve: list[float] = []
    step, stopped = 0, ""
    while not stopped:
        _take_step(network, optimizer, task, seed, rate, step, recipe)
        step += 1
        _follow(averaged, network, min(recipe.averaging, step / (step + 10)))
        if step % recipe.check_every == 0 or step == recipe.steps:
            curve.append(_judge(averaged, task, seed, _VALIDATION_START, recipe.validation, recipe)[0])
            tell(step, curve[-1])
            stopped = stop_reason(curve, task, recipe, step)
    return judged(averaged, task, seed, recipe, steps=step, stopped=stopped, curve=curve,
                  seconds=time.process_time() - begin)  # fmt: skip


def code_of_run(architecture: str, task: Task[Any]) -> dict[str, int | str]:
    """What stands for the code of a run in the key of its question: see `assay.registry.Registry.code`."""
    return {"architecture": architecture_code(architecture), "task": TASKS.code(task.to_json()["name"])}


def stop_reason(curve: list[float], task: Task[Any], recipe: Recipe, step: int) -> str:
    """Why a run stops after this measurement, as `Run.stopped` says it; empty if it goes on."""
    if curve[-1] <= _MARGIN * task.mean_tolerance:
        return "learned"
    if curve[-1] >= 0.01 * _DIVERGED:
        return "diverged"
    return "budget" if step == recipe.steps else ""


def judged(
    network: Network, task: Task[Any], seed: int, recipe: Recipe, *, steps: int, stopped: str, curve: list[float],
    seconds: float,
) -> Run:  # fmt: skip
    """The verdict on a run that has ended, on the test inputs; its time is added to `seconds`."""
    begin = time.process_time()
    mean_error, errors = _judge(network, task, seed, 0, recipe.test, recipe)
    return Run(
        network=network,
        mean_error=mean_error,
        largest_error=errors.max().item(),
        error_99=errors.kthvalue(math.ceil(0.99 * len(errors))).values.item(),
        steps=steps,
        stopped=stopped,
        curve=tuple(round(error, 5) for error in curve),
        seconds=seconds + time.process_time() - begin,
    )


def _take_step(
    network: Network,
    optimizer: torch.optim.Optimizer,
    task: Task[Any],
    seed: int,
    rate: float,
    step: int,
    recipe: Recipe,
) -> None:
    inputs, targets = task.sample(
        recipe.batch, seed=seed, split="train", start=step * recipe.batch, distribution=recipe.distribution
    )
    remaining = (recipe.steps - step) / max(1.0, recipe.decay * recipe.steps)
    optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / recipe.warmup, remaining)
    outputs = network(inputs)
    loss = task.loss(outputs, targets.to(outputs.dtype))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), recipe.clip, foreach=True)
    optimizer.step()


@torch.no_grad()
def _follow(averaged: Network, network: Network, decay: float) -> None:
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), 1 - decay)
    for kept, now in zip(averaged.buffers(), network.buffers(), strict=True):
        kept.copy_(now)  # of layers that keep statistics


@torch.no_grad()
def _judge(
    network: Network, task: Task[Any], seed: int, start: int, count: int, recipe: Recipe
) -> tuple[float, torch.Tensor]:
    """The task's mean error on test examples from `start` on, and the error of each answer."""
    found = []
    for first in range(0, count, _JUDGED_AT_ONCE):
        inputs, targets = task.sample(
            min(_JUDGED_AT_ONCE, count - first), seed=seed, start=start + first, distribution=recipe.distribution
        )
        found.append((network(inputs), targets))
    outputs, targets = (torch.cat(parts) for parts in zip(*found, strict=True))
    errors = task.errors(outputs, targets).flatten()
    return _finite(task.mean_error(outputs, targets)), errors.nan_to_num(nan=_DIVERGED).clamp(max=_DIVERGED)


def _finite(error: float) -> float:
    return min(error, _DIVERGED) if error == error else _DIVERGED
