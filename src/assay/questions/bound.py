"""Bounds as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import LARGEST_WIDTH, Bound
from assay.errors import AssayError
from assay.evidence import Json, Statement
from assay.models import family
from assay.models.bare_models import BARE_MODELS
from assay.models.candidates import Candidates, require_declared
from assay.question import Question
from assay.sizes import Size
from assay.tasks import TASKS, Task


@dataclass(frozen=True)
class BoundQuestion(Question):
    """Which widths of an architecture does this bound exclude at the task's tolerance?

    Attributes:
        bound: its name.
        task: what is to be computed.
        networks: of all widths.
        precision: bits per number.
        distribution: that mean errors are over.
    """

    kind: ClassVar[str] = "bound"
    bound: str
    task: Task
    networks: Candidates
    precision: int
    distribution: str
    code: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.code:
            code = {"bound": BOUNDS.code(self.bound), "task": TASKS.code(self.about["name"])}
            self._set_code({**code, "architecture": self.networks.code})

    @property
    def subject(self) -> str:
        """The bound."""
        return self.bound

    def find(self) -> Statement:
        """The largest width that the bound excludes; 0 where it excludes none."""
        task, asked, precision, bound = self.task, self.networks, self.precision, BOUNDS[self.bound]()
        smallest, required, reason = self._smallest(bound)
        about = f"over {self.distribution} inputs" if bound.error_kind == "mean" else task.all_inputs
        bare, goal = BARE_MODELS.get(asked.architecture), bound.goal(task)
        silent = [f"vacuous, {reason}"] if reason else []
        return Statement(
            family=family(asked.architecture) if bare is None else bare.family,
            architecture=asked.name,
            source=bound.name,
            size=Size(
                width=smallest - asked.multiple, head_width=asked.head_width, depth=asked.depth, precision=precision
            ),
            verdict="impossible",
            error_kind=bound.error_kind,
            error=goal,
            tolerance=goal,
            justification="; ".join(
                [f"{bound.justified}: {bound.source}", f"{bound.resource} {bound.cut}", about, *silent]
            ),
            detail={"resource": bound.resource, "required": required},
        )

    def _smallest(self, bound: Bound) -> tuple[int, float, str]:
        """The smallest width that is not excluded, what the bound requires, and why it says nothing where it does."""
        asked, goal, required = self.networks, bound.goal(self.task), 0.0
        networks, multiple = asked.at(self.task, precision=self.precision), asked.multiple
        try:
            require_declared(asked, multiple)
            check = bound.check(self.task, networks(multiple), error=goal, distribution=self.distribution)
            required = check.required
            if check.reason:
                return multiple, required, check.reason
            found = bound.smallest(self.task, networks, multiple=multiple, error=goal, distribution=self.distribution)
        except AssayError as failure:
            return multiple, required, str(failure)
        return LARGEST_WIDTH + 1 if found is None else found, required, ""
