"""Training runs as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import ClassVar, Self

from assay.evidence import Json, Statement
from assay.models import family
from assay.models.attention_map import attention_map_of
from assay.models.candidates import Candidates, check_declared
from assay.question import Question
from assay.tasks import Task
from assay.training.loop import Run, code_of_run, train
from assay.training.overlap import count_test_inputs
from assay.training.recipe import Recipe, usual_recipe

RECIPE_VERSION = 5  # raised when the routine changes, so that old answers are not taken for new ones


@dataclass(frozen=True)
class TrainingQuestion(Question):
    """Does this network learn the task with this seed at this learning rate?

    Attributes:
        networks: the architecture, in its shape.
        task: to be learned.
        recipe: of training; see `usual`.
        width: of the network.
        seed: of its weights and of the inputs.
        rate: of learning.
        attention_map: whether its attention is kept.
    """

    kind: ClassVar[str] = "training"
    networks: Candidates
    task: Task
    recipe: Recipe
    width: int
    seed: int
    rate: float
    attention_map: bool = False
    version: int = RECIPE_VERSION
    code: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.code:
            self._set_code(code_of_run(self.networks.architecture, self.task))

    @classmethod
    def usual(
        cls,
        networks: Candidates,
        task: Task,
        recipe: Json,
        width: int,
        *,
        seed: int,
        rate: float,
        attention_map: bool = False,
    ) -> Self:
        """With what is usual for the task where the recipe says nothing; it says at least `steps`."""
        whole = usual_recipe(networks.architecture, task, recipe, positions=networks.positions)
        return cls(networks, task, whole, width, seed, rate, attention_map)

    def to_json(self) -> Json:
        """The version stands among the fields of the recipe."""
        described = super().to_json()
        described["recipe"]["version"] = described.pop("version")
        return described

    @classmethod
    def from_json(cls, described: Json) -> Self:
        """From `to_json`."""
        recipe = dict(described["recipe"])
        version = recipe.pop("version")
        return super().from_json({**described, "recipe": Recipe(**recipe), "version": version})

    @property
    def subject(self) -> str:
        """The architecture."""
        return self.networks.architecture

    def train(self) -> Run:
        """Train once."""
        return train(
            self.task,
            self.networks.architecture,
            self.width,
            seed=self.seed,
            rate=self.rate,
            recipe=self.recipe,
            **self.networks.shape,
        )

    def find(self) -> Statement:
        """Train once; learned if the mean error on test inputs is within what the task calls learned.

        A layer that is not shipped is held against what it declares before that.
        """
        check_declared(self.networks, self.width)
        task, recipe, run = self.task, self.recipe, self.train()
        detail: Json = {
            "largest_error": run.largest_error,
            "sequence_error": run.sequence_error,
            "steps": run.steps,
            "stopped": run.stopped,
            "curve": run.curve,
            "lengths": {str(at): error for at, error in run.lengths.items()},
            "sequence_lengths": {str(at): error for at, error in run.sequence_lengths.items()},
        }
        if self.attention_map:
            detail["attention_map"] = attention_map_of(task, run.network, distribution=recipe.distribution)
        fresh = count_test_inputs(task, self.seed, recipe, run.steps)
        detail["test_inputs"] = asdict(fresh)
        learned = run.mean_error <= task.mean_tolerance
        return Statement(
            family=family(self.networks.architecture),
            architecture=self.networks.architecture,
            source="training",
            size=run.network.size,
            verdict="learned" if learned else "not learned",
            error_kind="mean",
            error=run.mean_error,
            tolerance=task.mean_tolerance,
            justification=f"{'learned' if learned else 'not learned within this budget'}: seed {self.seed}, rate "
            f"{self.rate:g}, {run.steps} steps of {recipe.batch}; {task.answer.judged_by} over {recipe.test} "
            f"{recipe.distribution} test inputs, in float32{lengths_text(run.lengths, task)}; {fresh.line}",
            seconds=run.seconds,
            detail=detail,
        )


def lengths_text(lengths: dict[int, float], task: Task) -> str:
    """What was reached at other lengths, in words; empty where none was tested."""
    said = [f"{error:.4g} at length {length}" for length, error in lengths.items()]
    return f"; beyond the first {task.length} positions {', '.join(said)}" if said else ""
