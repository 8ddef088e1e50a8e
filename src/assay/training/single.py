"""Training a single network and keeping it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Unpack

import torch

from assay.errors import AssayError, require
from assay.evidence import Json
from assay.models import Shape, shape_of
from assay.models.candidates import Candidates, require_declared
from assay.tasks import Task
from assay.training.batched import train_together
from assay.training.loop import code_of_run, train
from assay.training.recipe import usual_recipe
from assay.training.trained_file import save_trained
from assay.trivial.fit import ANSWERS_BEFORE_TRAINING, baselines_of, no_test


def train_one(
    task: Task,
    architecture: str,
    out: Path,
    *,
    width: int,
    rate: float,
    seed: int,
    recipe: Json,
    device: str = "cpu",
    tell: Callable[[str], None] = lambda _: None,
    **shape: Unpack[Shape],
) -> Json:
    """Train, write the file, and say what was reached, as plain JSON values; `tell` hears of progress on the CPU.

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
    save_trained(run.network, out, task=task, architecture=architecture, shape=kept, training=training)
    return {
        "file": str(out),
        "task": task.to_json(),
        "architecture": architecture,
        **whole,
        "parameters": run.network.size.parameters,
        "verdict": "learned" if run.mean_error <= task.mean_tolerance else "not learned within this budget",
        "judged_by": task.answer.judged_by,
        "mean_error": run.mean_error,
        "sequence_error": run.sequence_error,
        "lengths": {str(at): error for at, error in run.lengths.items()},
        "mean_tolerance": task.mean_tolerance,
        "distribution": made.distribution,
        "steps": run.steps,
        "seconds": round(run.seconds, 2),
    }


def devices() -> list[str]:
    """The devices that torch finds on this machine: cpu, and cuda if there is a GPU that it can use."""
    return ["cpu", *["cuda"] * torch.cuda.is_available()]
