"""Bounds as questions of a study, and their evidence."""

from __future__ import annotations

from typing import Any

from assay.bounds import BOUNDS
from assay.evidence import Evidence
from assay.size import Size
from assay.tasks import TASKS, Task, task_from_json
from assay.versions import versions


def bound_question(
    name: str, task: Task[Any], precision: int, distribution: str, head_width: int | None = None
) -> dict[str, Any]:
    """Which widths does this bound exclude at the task's tolerance?

    `head_width` is None where it does not matter how the width is split into heads, 0 for one head.
    """
    return {
        "kind": "bound", "bound": name, "task": task.to_json(), "precision": precision, "distribution": distribution,
        "head_width": head_width,
        "code": {"bound": BOUNDS.code(name), "task": TASKS.code(task.to_json()["name"])},
    }  # fmt: skip


def answer_bound(question: dict[str, Any]) -> Evidence:
    """The largest width that the bound excludes; 0 where it excludes none. Recurrent: one number of state per width."""
    task = task_from_json(question["task"])
    bound = BOUNDS[question["bound"]]()
    distribution, precision, head_width = question["distribution"], question["precision"], question["head_width"]
    about = f"over {distribution} inputs" if bound.error_kind == "mean" else task.all_inputs
    goal = task.mean_tolerance if bound.error_kind == "mean" else task.tolerance
    required = bound.required(task, error=goal, distribution=distribution)
    smallest = bound.smallest(
        task, precision=precision, head_width=head_width or 0, error=goal, distribution=distribution
    )
    reason = bound.unmet(task, goal, distribution)
    units = "; widths are those of one layer that keeps one number per unit" * (bound.resource == "state bits")
    return Evidence(
        question=question,
        task=task.to_json(),
        family=bound.family,
        architecture=bound.family,
        source=bound.name,
        size=Size(width=smallest - 1, head_width=head_width or 0, depth=max(1, bound.depth), precision=precision),
        verdict="impossible",
        error_kind=bound.error_kind,
        error=goal,
        tolerance=goal,
        rests_on=f"proved: {bound.source}; {about}{f'; vacuous, {reason}' if reason else units}",
        versions=versions(),
        detail={"resource": bound.resource, "required": required, "depth": bound.depth, "head_width": head_width},
    )
