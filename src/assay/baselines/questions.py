"""Trivial baselines as questions: asked before anything is trained, and kept with the evidence."""

from __future__ import annotations

import time
from typing import Any

from assay.baselines.fit import ANSWERS_BEFORE_TRAINING, Baselines, baselines_of, no_test
from assay.evidence import Evidence
from assay.size import Size
from assay.store.versions import versions
from assay.tasks import TASKS, Task, task_from_json

BASELINES_VERSION = 1  # raised when the fit or what a task is fitted on changes, so that old answers are not taken


def baselines_question(task: Task, distribution: str) -> dict[str, Any]:
    """What do trivial baselines reach on this task and distribution?"""
    description = task.to_json()
    return {
        "kind": "baselines",
        "task": description,
        "distribution": distribution,
        "code": TASKS.code(description["name"]),
        "answers": ANSWERS_BEFORE_TRAINING,
        "version": BASELINES_VERSION,
    }


def answer_baselines(question: dict[str, Any]) -> Evidence:
    """Fit and judge them; the error is that of the best that does no part of the task."""
    begin = time.process_time()
    task = task_from_json(question["task"])
    found = baselines_of(task, question["distribution"], question["answers"])
    return Evidence(
        question=question,
        task=task.to_json(),
        family="baseline",
        architecture="baseline",
        source="baselines",
        size=Size(width=0),
        verdict="measured",
        error_kind="mean",
        error=min(one.error for one in found.found if not one.partial),
        tolerance=found.tolerance,
        rests_on=f"fitted on {found.draws} {question['distribution']} inputs for training, judged by the "
        f"{task.answer.judged_by} on {found.draws} test inputs",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=found.to_json(),
    )


def refused(answer: Evidence) -> str:
    """Why what was asked about is no test of learning, in one line; empty where it is one."""
    task = task_from_json(answer.question["task"])
    return no_test(task, answer.question["distribution"], Baselines.from_json(answer.detail))
