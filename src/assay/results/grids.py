"""Grids: the error that every size reaches, against what it has, beside the error that bounds leave it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from assay.bounds import bounds_of
from assay.bounds.bound import Bound
from assay.errors import AssayError
from assay.resources import Resources
from assay.results.frontier import resources_of
from assay.tasks import Task
from assay.training.search import SearchResult, best_by_seed

AXES = ("state bits", "parameters", "width")  # of charts, beside the field that varies
_HALVINGS = 30  # of an interval, to find an error


@dataclass(frozen=True)
class Swept:
    """What one size reached.

    Attributes:
        value: of the field that varies.
        at: its place on the chart's axis; None where it has none.
        width: of the network.
        parameters: that are trained.
        state_bits: that are carried on behind the last token; None where none are declared.
        errors: of each seed, at the rate at which its error is least.
        tolerance: the largest error that counts as learned.
        learned: how many seeds are within the tolerance.
        floor: no network with these resources has a smaller mean error, by a proved bound; 0 where none says so.
        bound: that says so.
    """

    value: int
    at: int | None
    width: int
    parameters: int
    state_bits: int | None
    errors: tuple[float, ...]
    tolerance: float
    learned: int
    floor: float = 0.0
    bound: str = ""


@dataclass(frozen=True)
class Curve:
    """What the sizes of one architecture reached.

    Attributes:
        architecture: what is trained, with what is not usual of its shape.
        family: whose colour it has.
        field: what the values are values of.
        points: ascending in the value.
    """

    architecture: str
    family: str
    field: str
    points: tuple[Swept, ...]


@dataclass(frozen=True)
class Grid:
    """Curves of one chart.

    Attributes:
        x: the value of the parameter that the line goes along.
        axis: what the horizontal axis is: one of AXES, or the field that varies.
        curves: in the order of the file.
    """

    x: int
    axis: str
    curves: tuple[Curve, ...]


def grids_of(results: Iterable[SearchResult]) -> list[Grid]:
    """Finished values of grids by chart."""
    charts: dict[tuple[int, str], dict[tuple[str, str, str], list[Swept]]] = defaultdict(lambda: defaultdict(list))
    for one in results:
        search, family = one.search, one.runs[0].family
        charts[search.x, search.axis or search.field][search.name, family, search.field].append(_swept(one))
    return [
        Grid(
            x,
            axis,
            tuple(
                Curve(name, family, field, tuple(sorted(points, key=lambda point: point.value)))
                for (name, family, field), points in curves.items()
            ),
        )
        for (x, axis), curves in charts.items()
    ]


def least_error(bound: Bound, task: Task, network: Resources, distribution: str) -> float:
    """The largest mean error that the bound excludes for a network with these resources; 0 where it excludes none.

    >>> from assay import SparseAveraging
    >>> from assay.bounds import BOUNDS
    >>> task = SparseAveraging(length=16, sparsity=2, layout="last")
    >>> rows = Resources(precision=32, first_layer=12)
    >>> round(least_error(BOUNDS["feed-forward-rank-mean"](), task, rows, "gaussian"), 3)
    0.342
    """

    def excluded(error: float) -> bool:
        return bound.check(task, network, error=error, distribution=distribution).status == "binds"

    low, high = 0.0, 1.0
    if not excluded(high / 2**_HALVINGS):
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excluded(middle) else (low, middle)
    return low


def _swept(result: SearchResult) -> Swept:
    best = best_by_seed(result.runs)
    some, asked = next(iter(best.values())), result.search.candidates[0]
    task = asked.task
    try:
        network = resources_of(some, task)
    except AssayError:  # a layer that has been edited since, and fails: nothing is known of what it had
        network = Resources(precision=32)
    floors = [
        (least_error(bound, task, network, asked.recipe.distribution), bound.name)
        for bound in bounds_of(task)
        if (bound.error_kind, bound.justified, bound.error_at) == ("mean", "proved", Bound.error_at)
    ]
    floor, name = max(floors, default=(0.0, ""))
    value, state_bits = result.search.values[0], some.size.state_bits or None
    axis = result.search.axis or result.search.field
    places = {"state bits": state_bits, "parameters": some.size.parameters, "width": some.size.width}
    return Swept(
        value=value,
        at=places.get(axis, value),
        width=some.size.width,
        parameters=some.size.parameters,
        state_bits=state_bits,
        errors=tuple(best[seed].error for seed in sorted(best)),
        tolerance=some.tolerance,
        learned=sum(run.verdict == "learned" for run in best.values()),
        floor=floor,
        bound=name if floor else "",
    )
