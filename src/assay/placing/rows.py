"""What a layer came to on the rows of the battery: plain values, read off its searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from pydantic import TypeAdapter

from assay.bounds import bounds_of
from assay.bounds.bound import Bound
from assay.errors import AssayError
from assay.evidence import Evidence, Json
from assay.placing.battery import Row
from assay.results.frontier import resources_of
from assay.studies.replay import replay
from assay.studies.study import Study
from assay.studies.workers import Failed
from assay.tasks import Task
from assay.training.question import TrainingQuestion
from assay.training.search import Search, best_by_seed

_CLOSE = 2.0  # times as much or as little state that counts as about the same


@dataclass(frozen=True)
class Limit:
    """What a lower bound says at the point that was reached.

    Attributes:
        bound: its name.
        resource: what it limits.
        required: of it, at this task and error rate.
        available: what the network declares; None where it declares none.
    """

    bound: str
    resource: str
    required: float
    available: int | None


@dataclass(frozen=True)
class Placed:
    """One row of the battery at one width, for one layer.

    Attributes:
        row: its name.
        width: of the networks.
        value: the largest or smallest value that most seeds learned, or the width; None where they learned none.
        ladder: the values that were tried, the hardest first.
        learned: seeds that learned at the value, or at the easiest one.
        seeds: all of them.
        own: the value of each seed, where it learned any that was tried.
        error: of the seeds there, the median; judged as its task judges.
        worst: the largest of them.
        tolerance: up to which a run has learned.
        lengths: errors of the seeds on positions beyond the length of training, ascending, by the times of the length.
        positions: how positions were told apart: chosen on the first seed.
        rate: of the runs that learned there, or of the best one; the first choice is made on the first seed.
        state_bits: that such a network carries on behind the last token; None where none are declared.
        compared_bits: the same at the value at which every layer's search begins: what layers are compared by.
        seen: the largest share of a run's test inputs that also occurred in training.
        parameters: of one network.
        steps: that runs took until they had learned, the median; None where none did.
        seconds: of one processor for a step, the median.
        runs: that were trained.
        limit: a lower bound there, if one says anything.
        code: of the layer and of the task, as questions have them.
        failed: why there is no answer; empty where there is one.
    """

    row: str
    width: int
    value: int | None = None
    ladder: tuple[int, ...] = ()
    learned: int = 0
    seeds: int = 0
    own: tuple[int, ...] = ()
    error: float = 0.0
    worst: float = 0.0
    tolerance: float = 0.0
    lengths: dict[int, tuple[float, ...]] = field(default_factory=dict)
    positions: str = ""
    rate: float = 0.0
    state_bits: int | None = None
    compared_bits: int | None = None
    seen: float = 0.0
    parameters: int = 0
    steps: int | None = None
    seconds: float = 0.0
    runs: int = 0
    limit: Limit | None = None
    code: dict[str, int | str] = field(default_factory=dict)
    failed: str = ""

    @property
    def at(self) -> tuple[str, int]:
        """The row and the width: what rows of several layers are compared at."""
        return self.row, self.width

    @property
    def whole(self) -> bool:
        """Whether the hardest value that was tried is learned, so that more may be."""
        return self.value is not None and self.value == self.ladder[0]

    @property
    def reach(self) -> int:
        """At how many times the length of training most seeds are within the tolerance; 0 where they learned nothing.

        >>> Placed("s3", 32, value=32, seeds=3, tolerance=0.05, lengths={2: (0.0, 0.0, 0.4), 4: (0.0, 0.1, 0.2)}).reach
        2
        """
        if self.value is None:
            return 0
        most = self.seeds // 2
        held = [times for times, errors in sorted(self.lengths.items()) if errors[most] <= self.tolerance]
        return max(held, default=1)

    def to_json(self) -> Json:
        """The fields as plain JSON values."""
        return _PLACED.dump_python(self, mode="json")

    @classmethod
    def from_json(cls, described: Json) -> Placed:
        """From `to_json`."""
        return _PLACED.validate_python(described)


_PLACED = TypeAdapter(Placed)


def score(row: Row, placed: Placed) -> float:
    """How much was reached, to compare layers by: more is better, 0 is nothing."""
    if placed.value is None:
        return 0.0
    if row.seeks == "learned":
        return float(placed.reach)
    return float(placed.value) if row.seeks == "largest" else 1.0 / placed.value


def about_the_same_state(one: Placed, other: Placed) -> bool:
    """Whether both declare a state, the larger at most twice the smaller, where every search begins."""
    if not one.compared_bits or not other.compared_bits:
        return False
    return max(one.compared_bits, other.compared_bits) <= _CLOSE * min(one.compared_bits, other.compared_bits)


def placed_rows(
    study: Study, rows: list[Row], answers: Mapping[str, Evidence], failed: Mapping[str, Failed]
) -> list[Placed]:
    """Every row of the battery at every width, in its order; those that are not finished say why they failed."""
    by_name = {row.name: row for row in rows}
    return [
        _placed(by_name[sweep.name], search, answers, failed) for sweep in study.sweeps for search in sweep.searches
    ]


def _placed(row: Row, search: Search, answers: Mapping[str, Evidence], failed: Mapping[str, Failed]) -> Placed:
    result, first = replay(search, answers, failed), search.candidates[0]
    if not result.finished:
        return Placed(row.name, first.width, failed=result.failed or "not finished")
    chosen = result.search
    best = list(best_by_seed(result.there).values())
    learned = [run for run in best if run.verdict == "learned"]
    some = min(best, key=lambda run: run.error)
    asked, errors = TrainingQuestion.of(some), sorted(run.error for run in best)
    return Placed(
        row=row.name,
        width=first.width,
        value=result.value,
        ladder=chosen.values,
        learned=len(learned),
        seeds=len(chosen.seeds),
        own=tuple(sorted(chosen.values[at] for at in result.first_learned().values() if at is not None)),
        error=median(errors),
        worst=errors[-1],
        tolerance=some.tolerance,
        lengths=_by_times(asked.task, best),
        positions=asked.networks.positions,
        rate=asked.rate,
        state_bits=some.size.state_bits or None,
        compared_bits=_bits_at_start(chosen),
        seen=max(run.detail["test_inputs"]["share"] for run in best),
        parameters=some.size.parameters,
        steps=round(median(map(_steps_to_learn, learned))) if learned else None,
        seconds=median(run.seconds / max(1, run.detail["steps"]) for run in best),
        runs=len(result.runs),
        limit=_limit(asked, some),
        code=asked.code,
    )


def _bits_at_start(search: Search) -> int | None:
    asked = search.candidates[search.start]
    try:
        network = asked.networks.resources(asked.task, asked.width)
    except AssayError:
        return None
    return network.state_bits(network.passes * asked.task.spec.length)


def _steps_to_learn(run: Evidence) -> int:
    """The step at which a run's error was first measured within the tolerance."""
    every, curve = TrainingQuestion.of(run).recipe.check_every, run.detail["curve"]
    at = next((place for place, error in enumerate(curve, 1) if error <= run.tolerance), len(curve))
    return min(at * every, run.detail["steps"])


def _by_times(task: Task, runs: Iterable[Evidence]) -> dict[int, tuple[float, ...]]:
    found: dict[int, list[float]] = {}
    for run in runs:
        for length, error in run.detail["lengths"].items():
            found.setdefault(int(length) // task.length, []).append(error)
    return {times: tuple(sorted(errors)) for times, errors in sorted(found.items())}


def _limit(asked: TrainingQuestion, run: Evidence) -> Limit | None:
    """The mean-error bound on what the network declares that requires the most."""
    try:
        network = resources_of(run, asked.task)
    except AssayError:
        return None
    limits = []
    for bound in bounds_of(asked.task):
        if (bound.error_kind, bound.justified, bound.error_at) == ("mean", "proved", Bound.error_at):
            check = bound.check(asked.task, network, distribution=asked.recipe.distribution)
            if check.required > 0:
                available = None if check.available is None else int(check.available)
                limits.append(Limit(bound.name, bound.resource, check.required, available))
    return max(limits, key=lambda limit: limit.required, default=None)
