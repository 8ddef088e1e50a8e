"""Trivial baselines: what predictors reach that see a few numbers about a query, fitted on draws for training.

A task says which numbers (`Task.baseline_features`); a constant and the query's place are tried for any task. Classes
are predicted by trees, numbers by least squares, over scored positions alone. A task on which a baseline is within the
mean tolerance does not test learning at that size: what has learned it need not have found out more than the baseline.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from assay.errors import AssayError
from assay.schema import Json
from assay.tasks.answers import Reals
from assay.tasks.task import AnyInputs, Task
from assay.trivial.predictors import one_thread, predict

ANSWERS = 40_000  # of either split: about as many are fitted and judged on
ANSWERS_BEFORE_TRAINING = 16_000  # the same where training waits for it: a second for each size
FEWEST, MOST = 64, 8192  # draws
_FITTING_SEED = 0


@dataclass(frozen=True)
class Baseline:
    """One baseline.

    Attributes:
        name: what it sees.
        error: what runs are judged by, on test draws.
        partial: whether it does a part of the task, so that it is no reason to refuse the task.
    """

    name: str
    error: float
    partial: bool


@dataclass(frozen=True)
class Baselines:
    """All baselines of a task on one distribution.

    Attributes:
        tolerance: the mean error at which the task counts as learned.
        draws: for training, on which they were fitted; as many test draws they were judged on.
        found: in the order the task names them.
    """

    tolerance: float
    draws: int
    found: tuple[Baseline, ...]

    @property
    def passing(self) -> Baseline | None:
        """The best trivial baseline, if it is within the tolerance; None where the task is a test of learning."""
        trivial = [one for one in self.found if not one.partial and one.error <= self.tolerance]
        return min(trivial, key=lambda one: one.error, default=None)

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {"tolerance": self.tolerance, "draws": self.draws, "found": [asdict(one) for one in self.found]}

    @classmethod
    def from_json(cls, described: Json) -> Baselines:
        """The baselines that `to_json` described."""
        found = tuple(Baseline(**one) for one in described["found"])
        return cls(described["tolerance"], described["draws"], found)


@one_thread()
def baselines_of(task: Task, distribution: str, answers: int = ANSWERS) -> Baselines:
    """Fit all baselines of a task on this distribution, and judge them, both on about so many answers.

    >>> from assay import SparseAveraging
    >>> found = baselines_of(SparseAveraging(length=16, sparsity=4), "sign")
    >>> [(one.name, round(one.error, 1)) for one in found.found][:3]
    [('constant', 0.5), ('place', 0.5), ('all values', 0.4)]

    Raises:
        AssayError: an unknown distribution, or one that this task cannot be drawn from.
    """
    if lacking := task.lacks(distribution):
        raise AssayError(f"{distribution!r} inputs need {lacking}")
    answer = task.answer
    draws = max(FEWEST, min(MOST, answers // task.spec.queries))
    fitted = task.sample(draws, seed=_FITTING_SEED, split="train", distribution=distribution)
    judged = task.sample(draws, seed=_FITTING_SEED, split="test", distribution=distribution)
    seen, shown = _features(task, fitted.inputs, draws), _features(task, judged.inputs, draws)
    guesses = {"constant": answer.constant(fitted.targets, fitted.scored)}
    for name, numbers in seen.items():
        guesses[name] = predict(answer, numbers, fitted.targets, fitted.scored, shown[name])
    found = tuple(
        Baseline(name, answer.judge(guess, judged.targets, judged.scored), name in task.partial_baselines)
        for name, guess in guesses.items()
    )
    return Baselines(task.mean_tolerance, draws, found)


def no_test(task: Task, distribution: str, found: Baselines) -> str:
    """Why this is refused as a test of learning, in one line; empty where it is not."""
    passing = found.passing
    if passing is None:
        return ""
    return (
        f"{task.name} with {described(task)} on {distribution!r} inputs is no test of learning: the trivial baseline "
        f"{passing.name!r} reaches {passing.error:.3g} ({task.answer.judged_by}), "
        f"and {found.tolerance:g} counts as learned"
    )


def described(task: Task) -> str:
    """The parameters of a task in a few words."""
    return ", ".join(
        f"{task.symbols.get(key, key)} = {value}"
        for key, value in task.to_json().items()
        if key != "name" and value != ""
    )


def _features(task: Task, inputs: AnyInputs, draws: int) -> dict[str, torch.Tensor]:
    """Numbers about each query, by the baseline that sees them: (draws, queries, columns)."""
    queries = task.spec.queries
    if isinstance(task.answer, Reals):
        places = torch.eye(queries, dtype=torch.float64)
    else:
        places = torch.arange(queries, dtype=torch.float64)[:, None]
    alone = {"place": places.expand(draws, -1, -1)} if queries > 1 else {}
    return {**alone, **task.baseline_features(inputs)}
