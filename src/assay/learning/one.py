"""Training a single network and keeping it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.errors import require
from assay.learning.training import Recipe, train
from assay.learning.weights_file import save_trained
from assay.tasks import Task


def train_one(
    task: Task[Any],
    architecture: str,
    out: Path,
    *,
    width: int,
    depth: int,
    head_width: int,
    steps: int,
    rate: float,
    seed: int,
    distribution: str,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train, write the file, and say what was reached, as plain JSON values; `tell` hears of progress.

    Raises:
        AssayError: a request that cannot be met, or a file that cannot be written.
    """
    require(rate > 0, "rate", rate, "above 0")
    recipe = Recipe(steps=steps, distribution=distribution)
    begin = time.monotonic()

    def report(step: int, error: float) -> None:
        left = (time.monotonic() - begin) * (steps - step) / step
        tell(f"step {step} of {steps}: {task.mean_error_name} {error:.4g}, at most {left:.0f} s left")

    run = train(
        task, architecture, width, depth=depth, head_width=head_width, seed=seed, rate=rate, recipe=recipe, tell=report
    )
    shape = {"width": width, "depth": depth, "head_width": head_width}
    training = {
        "recipe": asdict(recipe), "rate": rate, "seed": seed, "mean_error": run.mean_error,
        "largest_error": run.largest_error, "steps": run.steps, "stopped": run.stopped,
    }  # fmt: skip
    save_trained(run.network, out, task=task, architecture=architecture, shape=shape, training=training)
    return {
        "file": str(out),
        "task": task.to_json(),
        "architecture": architecture,
        **shape,
        "parameters": run.network.size.parameters,
        "verdict": "learned" if run.mean_error <= task.mean_tolerance else "not learned within this budget",
        "mean_error": run.mean_error,
        "mean_tolerance": task.mean_tolerance,
        "distribution": distribution,
        "steps": run.steps,
        "seconds": round(run.seconds, 2),
    }
