"""Trivial baselines as questions: asked before anything is trained, and kept with the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from assay.evidence import Evidence, Statement
from assay.question import Question
from assay.sizes import Size
from assay.tasks import TASKS, Task
from assay.trivial.fit import ANSWERS_BEFORE_TRAINING, Baselines, baselines_of, no_test

BASELINES_VERSION = 1  # raised when the fit or what a task is fitted on changes, so that old answers are not taken


@dataclass(frozen=True)
class BaselinesQuestion(Question):
    """What do trivial baselines reach on this task and distribution?"""

    kind: ClassVar[str] = "baselines"
    task: Task
    distribution: str
    answers: int = ANSWERS_BEFORE_TRAINING
    code: int | str = ""
    version: int = BASELINES_VERSION

    def __post_init__(self) -> None:
        if not self.code:
            self._set_code(TASKS.code(self.about["name"]))

    def find(self) -> Statement:
        """Fit and judge them; the error is that of the best that does no part of the task."""
        found = baselines_of(self.task, self.distribution, self.answers)
        return Statement(
            family="baseline",
            architecture="baseline",
            source="baselines",
            size=Size(width=0),
            verdict="measured",
            error_kind="mean",
            error=min(one.error for one in found.found if not one.partial),
            tolerance=found.tolerance,
            justification=f"fitted on {found.draws} {self.distribution} inputs for training, judged by the "
            f"{self.task.answer.judged_by} on {found.draws} test inputs",
            detail=found.to_json(),
        )


def refused(answer: Evidence) -> str:
    """Why what was asked about is no test of learning, in one line; empty where it is one."""
    asked = BaselinesQuestion.of(answer)
    return no_test(asked.task, asked.distribution, Baselines.from_json(answer.detail))
