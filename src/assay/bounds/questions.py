"""Bounds as questions of a study, and their evidence."""

from __future__ import annotations

from typing import Any

from assay.bounds import BOUNDS
from assay.bounds.bound import LARGEST_WIDTH
from assay.errors import AssayError
from assay.evidence import Evidence
from assay.models import family
from assay.models.bare_models import BARE_MODELS
from assay.models.candidates import Candidates, candidates_of, require_declared
from assay.size import Size
from assay.store.versions import versions
from assay.tasks import TASKS, Task, task_from_json


def bound_question(name: str, task: Task, networks: Candidates, *, precision: int, distribution: str) -> dict[str, Any]:
    """Which widths of an architecture does this bound exclude at the task's tolerance?"""
    return {
        "kind": "bound",
        "bound": name,
        "task": task.to_json(),
        "architecture": networks.architecture,
        **networks.shape,
        "precision": precision,
        "distribution": distribution,
        "code": {
            "bound": BOUNDS.code(name),
            "task": TASKS.code(task.to_json()["name"]),
            "architecture": networks.code,
        },
    }


def answer_bound(question: dict[str, Any]) -> Evidence:
    """The largest width that the bound excludes; 0 where it excludes none."""
    task, asked = task_from_json(question["task"]), candidates_of(question)
    bound = BOUNDS[question["bound"]]()
    distribution, precision = question["distribution"], question["precision"]
    about = f"over {distribution} inputs" if bound.error_kind == "mean" else task.all_inputs
    goal, networks = bound.goal(task), asked.at(task, precision=precision)
    smallest, required = asked.multiple, 0.0
    try:
        require_declared(asked, asked.multiple)
        check = bound.check(task, networks(asked.multiple), error=goal, distribution=distribution)
        reason, required = check.reason, check.required
        if not reason:
            found = bound.smallest(task, networks, multiple=asked.multiple, error=goal, distribution=distribution)
            smallest = LARGEST_WIDTH + 1 if found is None else found
    except AssayError as failure:
        reason = str(failure)
    bare = BARE_MODELS.get(asked.architecture)
    silent = [f"vacuous, {reason}"] if reason else []
    return Evidence(
        question=question,
        task=task.to_json(),
        family=family(asked.architecture) if bare is None else bare.family,
        architecture=asked.name,
        source=bound.name,
        size=Size(width=smallest - asked.multiple, head_width=asked.head_width, depth=asked.depth, precision=precision),
        verdict="impossible",
        error_kind=bound.error_kind,
        error=goal,
        tolerance=goal,
        rests_on="; ".join([f"{bound.justified}: {bound.source}", f"{bound.resource} {bound.cut}", about, *silent]),
        versions=versions(),
        detail={"resource": bound.resource, "required": required},
    )
