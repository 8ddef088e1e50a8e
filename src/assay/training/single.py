"""Training a single network and keeping it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Unpack

import torch

from assay.errors import AssayError, require
from assay.evidence import Json
from assay.models import Shape, shape_of
from assay.models.candidates import Candidates, require_declared
from assay.models.task_network import TaskNetwork
from assay.schema import Result
from assay.tasks import Task
from assay.training.batched import train_together
from assay.training.loop import code_of_run, train
from assay.training.recipe import usual_recipe
from assay.training.trained_file import save_trained
from assay.trivial.fit import ANSWERS_BEFORE_TRAINING, baselines_of, no_test


@dataclass(frozen=True, repr=False)
class Trained(Result):
    """One network that was trained.

    Attributes:
        network: called on the task's inputs, as `task.sample` gives them.
        file: that holds its weights; None where none was written.
        task: that it was trained on.
        architecture: its name.
        shape: its width, and what else differs from the usual, such as depth.
        parameters: trainable numbers.
        verdict: `learned`, where the mean error is within the task's mean tolerance, or `not learned within this
            budget`.
        judged_by: what the mean error is.
        mean_error: on test inputs.
        sequence_error: share of test sequences with a wrong answer, from 0 to 1; None where that is not judged.
        lengths: mean errors on positions beyond the length of training, by length.
        mean_tolerance: at which the task counts as learned.
        distribution: of the inputs.
        steps: of training.
        seconds: of a processor.
    """

    network: TaskNetwork
    file: str | None
    task: Task
    architecture: str
    shape: Json
    parameters: int
    verdict: str
    judged_by: str
    mean_error: float
    sequence_error: float | None
    lengths: dict[int, float]
    mean_tolerance: float
    distribution: str
    steps: int
    seconds: float

    @property
    def line(self) -> str:
        """Size and error."""
        return (
            f"{self.architecture} on {self.task.name}: width {self.shape['width']}, {self.parameters:,} parameters, "
            f"{self.verdict}: {self.judged_by} {self.mean_error:.4g}, tolerance {self.mean_tolerance:.4g}"
        )

    def to_json(self) -> Json:
        """Plain JSON values, the shape's beside the others; without the network."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("network", "shape")}
        told |= {"task": self.task.to_json(), "lengths": {str(at): error for at, error in self.lengths.items()}}
        first = {name: told.pop(name) for name in ("file", "task", "architecture")}
        return {**first, **self.shape, **told}


def train_one(
    task: Task,
    architecture: str,
    out: Path | None,
    *,
    width: int,
    rate: float,
    seed: int,
    recipe: Json,
    device: str = "cpu",
    tell: Callable[[str], None] = lambda _: None,
    **shape: Unpack[Shape],
) -> Trained:
    """Train, write the file if one is named, and say what was reached; `tell` hears of progress on the CPU.

    `recipe` has fields of a `Recipe`, at least `steps`; others are as is usual for the task.

    Raises:
        AssayError: a request that cannot be met, a device that is not there, or a file that cannot be written.
    """
    require(rate > 0, "rate", rate, "above 0")
    require(device in devices(), "device", device, f"one of those that torch finds here: {', '.join(devices())}")
    code_of_run(architecture, task)  # better said now than after the run
    for facts in require_declared(Candidates.of(architecture, **shape), width):
        tell(f"{facts.name}: {facts.line}")
    made = usual_recipe(architecture, task, recipe, positions=shape.get("positions", ""))
    refusal = no_test(task, made.distribution, baselines_of(task, made.distribution, ANSWERS_BEFORE_TRAINING))
    if refusal:
        raise AssayError(refusal)
    begin = time.monotonic()

    def report(step: int, error: float) -> None:
        left = (time.monotonic() - begin) * (made.steps - step) / step
        tell(f"step {step} of {made.steps}: {task.answer.judged_by} {error:.4g}, at most {left:.0f} s left")

    if device == "cpu":
        run = train(task, architecture, width, seed=seed, rate=rate, recipe=made, tell=report, **shape)
    else:
        (run,) = train_together(
            task, architecture, width, [(seed, rate)], recipe=made, path="batched", device=device, **shape
        )
    whole = {"width": width, **shape_of(shape)}
    training = {
        "recipe": asdict(made),
        "rate": rate,
        "seed": seed,
        "mean_error": run.mean_error,
        "largest_error": run.largest_error,
        "steps": run.steps,
        "stopped": run.stopped,
    }
    kept = {**whole, "longest": made.longest}
    if out is not None:
        save_trained(run.network, out, task=task, architecture=architecture, shape=kept, training=training)
    return Trained(
        network=run.network,
        file=None if out is None else str(out),
        task=task,
        architecture=architecture,
        shape=dict(whole),
        parameters=run.network.size.parameters,
        verdict="learned" if run.mean_error <= task.mean_tolerance else "not learned within this budget",
        judged_by=task.answer.judged_by,
        mean_error=run.mean_error,
        sequence_error=run.sequence_error,
        lengths=run.lengths,
        mean_tolerance=task.mean_tolerance,
        distribution=made.distribution,
        steps=run.steps,
        seconds=round(run.seconds, 2),
    )


def devices() -> list[str]:
    """The devices that torch finds on this machine: cpu, and cuda if there is a GPU that it can use."""
    return ["cpu", *["cuda"] * torch.cuda.is_available()]
