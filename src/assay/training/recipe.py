"""How a network is trained."""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import require
from assay.models import NETWORKS, usual_positions
from assay.schema import Json
from assay.tasks.task import Task


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; part of the question, so that a changed recipe asks anew.

    Attributes:
        steps: the budget.
        distribution: of all inputs.
        batch: fresh examples per step.
        warmup: steps over which the rate rises to its value.
        decay: last share of the budget over which the rate falls to 0.
        averaging: decay of the running average of the weights, per step.
        check_every: steps between measurements on validation inputs.
        validation: inputs of one measurement.
        test: inputs of the final verdict.
        clip: largest norm of a gradient.
        shortest: length from which on training examples are, up to the task's own; 0 where all have the task's own.
        curriculum: whether all examples of a step have one length that rises from the shortest to the task's own over
            the first half of the budget, and stays; else the length of each step is drawn from the range.
        test_lengths: others that the network is tested at in the end; it then uses its whole budget.
        test_distribution: of inputs of other lengths; that of all others unless given.
    """

    steps: int
    distribution: str
    batch: int = 128
    warmup: int = 50
    decay: float = 0.4
    averaging: float = 0.98
    check_every: int = 100
    validation: int = 4096
    test: int = 8192
    clip: float = 1.0
    shortest: int = 0
    curriculum: bool = False
    test_lengths: tuple[int, ...] = ()
    test_distribution: str = ""

    @property
    def longest(self) -> int:
        """The longest of the other lengths that it is tested at; 0 if there is none."""
        return max(self.test_lengths, default=0)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "warmup", "check_every", "validation", "test"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        require(self.shortest >= 0, "shortest", self.shortest, "at least 0")
        require(not self.curriculum or self.shortest > 0, "curriculum", True, "false where shortest is 0")
        object.__setattr__(self, "test_lengths", tuple(self.test_lengths))
        require(0 <= self.averaging < 1, "averaging", self.averaging, "from 0 up to below 1")

    def share_of_rate(self, step: int) -> float:
        """The rate of a step, counted from 0, over the run's: it rises in the warm-up and falls to 0 at the end.

        >>> recipe = Recipe(steps=1000, distribution="uniform")
        >>> [round(recipe.share_of_rate(step), 2) for step in (0, 49, 600, 800, 1000)]
        [0.02, 1.0, 1.0, 0.5, 0.0]
        """
        remaining = (self.steps - step) / max(1.0, self.decay * self.steps)
        return min(1.0, (step + 1) / self.warmup, remaining)

    def share_of_newest(self, taken: int) -> float:
        """What the weights after this many steps count for in their running average; more in the beginning."""
        return 1 - min(self.averaging, taken / (taken + 10))


def usual_recipe(architecture: str, task: Task, given: Json, *, positions: str = "") -> Recipe:
    """What is given, at least `steps`, and what is usual for the task where nothing is; positions as in a shape."""
    any_length = architecture not in NETWORKS and (positions or usual_positions(task.spec)) != "table"
    usual: Json = {"distribution": task.usual_distribution, **(task.usual_recipe if any_length else {})}
    return Recipe(**{**usual, **given})
