"""Bounds as questions of a study, and their evidence."""

from __future__ import annotations

from typing import Any

from assay.bounds import BOUNDS
from assay.evidence import Evidence
from assay.size import Size
from assay.tasks import Task, task_from_json
from assay.versions import versions


def bound_question(name: str, task: Task[Any], precision: int, distribution: str) -> dict[str, Any]:
    """Which widths does this bound exclude at the task's tolerance?"""
    return {
        "kind": "bound", "bound": name, "task": task.to_json(), "precision": precision, "distribution": distribution
    }  # fmt: skip


def answer_bound(question: dict[str, Any]) -> Evidence:
    """The largest width that the bound excludes; 0 where it excludes none. Recurrent: one number of state per width."""
    task = task_from_json(question["task"])
    bound = BOUNDS[question["bound"]]()
    distribution, precision = question["distribution"], question["precision"]
    required = bound.required(task, distribution=distribution)
    smallest = bound.smallest(task, precision=precision, distribution=distribution)
    reason = bound.unmet(task, task.tolerance, distribution)
    about = f"over {distribution} inputs" if bound.error_kind == "mean" else "over all inputs in the unit ball"
    return Evidence(
        question=question,
        task=task.to_json(),
        family=bound.family,
        architecture=bound.family,
        source=bound.name,
        size=Size(width=smallest - 1, precision=precision),
        verdict="impossible",
        error_kind=bound.error_kind,
        error=task.tolerance,
        tolerance=task.tolerance,
        rests_on=f"proved: {bound.source}; {about}; vacuous, {reason}"
        if reason
        else f"proved: {bound.source}; {about}",
        versions=versions(),
        detail={"resource": bound.resource, "required": required},
    )
