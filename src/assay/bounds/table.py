"""The table of all bounds that docs/bounds.md shows: `python -m assay.bounds.table` prints it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound
from assay.resources import Averages, Resources
from assay.tasks import make_task
from assay.tasks.task import Task

PRECISIONS = (32, 8)
_LENGTHS = (4096, 512, 256, 64, 24)  # the first that a bound is evaluated at
_SMALL_ERRORS = (0.01, 0.001)  # where the task's own is too large for a bound to say anything
_OPTIONS: dict[str, list[dict[str, object]]] = {
    "sparse-averaging": [{"sparsity": 4, "layout": "all"}, {"sparsity": 4, "layout": "last"}],
    "match3-local": [{"window": 2}],
    "recall": [{"pairs": 1024, "vocabulary": 1024}],
    "copy": [{"alphabet": 8}],
}
_HEADINGS = (
    "bound",
    "tasks",
    "error",
    "resource",
    "counted",
    "needs",
    "example",
    *(f"excluded at {bits} bits" for bits in PRECISIONS),
)
_SIZES = {
    "embedding bits": "number",
    "state bits": "number",
    "bits of head messages": "coordinate of one head",
    "first-layer width": "row",
    "bits of answer patterns": "head of any width",
}


@dataclass(frozen=True)
class Example:
    """One case in which all hypotheses of a bound hold and it asks for something.

    Attributes:
        task: with all parameters.
        passes: how often the sequence is shown.
        distribution: of the inputs that a mean error is over.
        error: that networks are held to.
        options: the task's parameters that were chosen, beside its length.
    """

    task: Task
    passes: int
    distribution: str
    error: float
    options: dict[str, object]


@cache
def example_of(name: str) -> Example:
    """The first case that is found for the bound of this name, at its tasks' own errors where these will do.

    >>> example_of("recurrent-state").task.length
    4096
    """
    bound = BOUNDS[name]()
    for named, length in product(bound.speaks_of, _LENGTHS):
        for options in _OPTIONS.get(named, [{}]):
            found = _example(bound, make_task(named, length=length, **options), options)
            if found is not None:
                return found
    raise AssertionError(f"no case for {name}")


def _example(bound: Bound, task: Task, options: dict[str, object]) -> Example | None:
    inputs = sorted(task.distributions, key=lambda named: named != task.usual_distribution)
    for error, passes, distribution in product((bound.goal(task), *_SMALL_ERRORS), (2, 1), inputs):
        found = bound.check(task, _network(bound, passes)(1), error=error, distribution=distribution)
        if found.required > 0:
            return Example(task, passes, distribution, error, options)
    return None


def excluded(name: str, precision: int) -> int:
    """The largest size that the bound of this name excludes in its example, in numbers of this many bits.

    Sizes are numbers of an embedding or a state, coordinates of one head, rows of a first layer, or heads.

    >>> excluded("recurrent-state", 32)
    127
    """
    bound, case = BOUNDS[name](), example_of(name)
    smallest = bound.smallest(
        case.task, _network(bound, case.passes, precision), error=case.error, distribution=case.distribution
    )
    assert smallest is not None
    return smallest - 1


def bounds_table() -> str:
    """Rows of all bounds in Markdown."""
    rows = [_HEADINGS, ["---"] * len(_HEADINGS), *(_row(name) for name in BOUNDS.names())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str) -> list[str]:
    bound, case = BOUNDS[name](), example_of(name)
    error = "worst" if bound.error_kind == "worst" else f"mean over {bound.error_at}"
    error += "; estimated" * (bound.justified == "estimated")
    needs = " ".join((inspect.getdoc(type(bound).unmet) or "").split())
    limits = [_counted(excluded(name, precision), _SIZES[bound.resource]) for precision in PRECISIONS]
    tasks = ", ".join(bound.speaks_of)
    return [f"`{name}`", tasks, error, bound.resource, bound.cut, needs, _words(bound, case), *limits]


def _counted(size: int, what: str) -> str:
    """3 rows, 1 row, nothing."""
    first, *rest = what.split(" ", 1)
    return " ".join([f"{size:,}", first + "s" * (size > 1), *rest]) if size else "nothing"


def _words(bound: Bound, case: Example) -> str:
    task = case.task
    said = [f"{task.name}, N = {task.length:,}"]
    for name, value in case.options.items():
        said.append(f"{task.symbols[name]} = {value:,}" if name in task.symbols else f"{name} `{value}`")
    said += [f"`{case.distribution}`"] * (bound.error_kind == "mean")
    return ", ".join([*said, f"error {case.error:g}"])


def _network(bound: Bound, passes: int, precision: int = 32) -> Callable[[int], Resources]:
    by_heads = bound.resource == "bits of answer patterns"

    def network(size: int) -> Resources:
        averages = Averages(size if by_heads else 1, size, "exact" if by_heads else "fixed")
        return Resources(precision, passes, size, lambda tokens: size, averages, size)

    return network


if __name__ == "__main__":
    print(bounds_table())
