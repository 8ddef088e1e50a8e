"""Training runs as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from assay.constructions.questions import attention_portrait
from assay.evidence import Evidence
from assay.learning.training import Recipe, code_of_run, train
from assay.networks import family
from assay.networks.candidates import candidates_of, check_declared
from assay.tasks import Task, task_from_json
from assay.versions import versions

RECIPE_VERSION = 3  # raised when the routine changes, so that old answers are not taken for new ones


def training_question(
    architecture: str,
    task: Task[Any],
    recipe: dict[str, Any],
    *,
    depth: int = 1,
    head_width: int = 0,
    portrait: bool = False,
) -> dict[str, Any]:
    """Does this architecture, `depth` blocks of it, learn the task? Completed by `width`, `seed` and `rate`."""
    settings: dict[str, Any] = {"distribution": task.usual_distribution, **recipe}
    made = Recipe(**settings)
    return {
        "kind": "training", "architecture": architecture, "depth": depth, "head_width": head_width,
        "task": task.to_json(), "code": code_of_run(architecture, task), "portrait": portrait,
        "recipe": {**asdict(made), "version": RECIPE_VERSION},
    }  # fmt: skip


def answer_training(question: dict[str, Any]) -> Evidence:
    """Train once; learned if the mean error on test inputs is within what the task calls learned.

    A layer that is not shipped is held against what it declares before that.
    """
    task = task_from_json(question["task"])
    architecture, seed, rate = question["architecture"], question["seed"], question["rate"]
    check_declared(candidates_of(question), question["width"])
    recipe = Recipe(**{name: value for name, value in question["recipe"].items() if name != "version"})
    run = train(
        task, architecture, question["width"], depth=question["depth"], head_width=question["head_width"],
        seed=seed, rate=rate, recipe=recipe,
    )  # fmt: skip
    detail: dict[str, Any] = {
        "largest_error": run.largest_error, "error_99": run.error_99, "steps": run.steps, "stopped": run.stopped,
        "curve": run.curve,
    }  # fmt: skip
    if question["portrait"]:
        detail["portrait"] = attention_portrait(task, run.network, distribution=recipe.distribution)
    learned = run.mean_error <= task.mean_tolerance
    return Evidence(
        question=question,
        task=task.to_json(),
        family=family(architecture),
        architecture=architecture,
        source="training",
        size=run.network.size,
        verdict="learned" if learned else "not learned",
        error_kind="mean",
        error=run.mean_error,
        tolerance=task.mean_tolerance,
        rests_on=f"{'learned' if learned else 'not learned within this budget'}: seed {seed}, rate {rate:g}, "
        f"{run.steps} steps of {recipe.batch}; {task.mean_error_name} over {recipe.test} fresh {recipe.distribution} "
        "inputs, in float32",
        seconds=run.seconds,
        versions=versions(),
        detail=detail,
    )
