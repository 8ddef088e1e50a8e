"""Training runs as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Unpack

from assay.constructions.questions import attention_portrait
from assay.evidence import Evidence
from assay.models import NETWORKS, Shape, family, shape_of, usual_positions
from assay.models.candidates import candidates_of, check_declared
from assay.store.versions import versions
from assay.tasks import Task, task_from_json
from assay.training.loop import code_of_run, train
from assay.training.overlap import count_test_inputs
from assay.training.recipe import Recipe

RECIPE_VERSION = 5  # raised when the routine changes, so that old answers are not taken for new ones


def training_question(
    architecture: str,
    task: Task,
    recipe: dict[str, Any],
    *,
    portrait: bool = False,
    **shape: Unpack[Shape],
) -> dict[str, Any]:
    """Does this architecture, in this shape, learn the task? Completed by `width`, `seed` and `rate`."""
    made = Recipe(**recipe_settings(architecture, task, recipe, **shape))
    return {
        "kind": "training",
        "architecture": architecture,
        **shape_of(shape),
        "task": task.to_json(),
        "code": code_of_run(architecture, task),
        "portrait": portrait,
        "recipe": {**asdict(made), "version": RECIPE_VERSION},
    }


def recipe_settings(architecture: str, task: Task, recipe: dict[str, Any], **shape: Unpack[Shape]) -> dict[str, Any]:
    """What a recipe says, and what is usual for the task where it says nothing."""
    positions = shape.get("positions") or usual_positions(task.spec)
    any_length = architecture not in NETWORKS and positions != "table"
    return {"distribution": task.usual_distribution, **(task.usual_recipe if any_length else {}), **recipe}


def lengths_text(lengths: dict[int, float], task: Task) -> str:
    """What was reached at other lengths, in words; empty where none was tested."""
    said = [f"{error:.4g} at length {length}" for length, error in lengths.items()]
    return f"; beyond the first {task.length} positions {', '.join(said)}" if said else ""


def answer_training(question: dict[str, Any]) -> Evidence:
    """Train once; learned if the mean error on test inputs is within what the task calls learned.

    A layer that is not shipped is held against what it declares before that.
    """
    task = task_from_json(question["task"])
    architecture, seed, rate = question["architecture"], question["seed"], question["rate"]
    check_declared(candidates_of(question), question["width"])
    recipe = Recipe(**{name: value for name, value in question["recipe"].items() if name != "version"})
    run = train(
        task,
        architecture,
        question["width"],
        seed=seed,
        rate=rate,
        recipe=recipe,
        **shape_of(question),
    )
    detail: dict[str, Any] = {
        "largest_error": run.largest_error,
        "sequence_error": run.sequence_error,
        "steps": run.steps,
        "stopped": run.stopped,
        "curve": run.curve,
        "lengths": {str(at): error for at, error in run.lengths.items()},
        "sequence_lengths": {str(at): error for at, error in run.sequence_lengths.items()},
    }
    if question["portrait"]:
        detail["portrait"] = attention_portrait(task, run.network, distribution=recipe.distribution)
    fresh = count_test_inputs(task, seed, recipe, run.steps)
    detail["test_inputs"] = asdict(fresh)
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
        f"{run.steps} steps of {recipe.batch}; {task.answer.judged_by} over {recipe.test} {recipe.distribution} "
        f"test inputs, in float32{lengths_text(run.lengths, task)}; {fresh.line}",
        seconds=run.seconds,
        versions=versions(),
        detail=detail,
    )
