"""The matrix of a study with several tasks: what is known of every architecture on every sweep, in a few numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.report.sweeps import Architecture, Sweep, architectures_of, boundaries_of
from assay.results.frontier import Point, Series


@dataclass(frozen=True)
class Entry:
    """What is known of an architecture at one x: learned or not, constructed, or excluded by a bound.

    Attributes:
        x: the value of the parameter that the sweep goes along.
        verdict: learned, not learned, constructed or impossible.
        error_kind: worst or mean.
        width: the width, or other value.
        depth: layers of the network; 0 for any.
        parameters: trainable or stored numbers; 0 where no single network is spoken of.
        source: the construction's or bound's name, or `training`.
        field: what `width` is: `width`, or another field of the network or of the task.
        largest: whether the largest value that is learned was sought.
    """

    x: int
    verdict: str
    error_kind: str
    width: int
    depth: int
    parameters: int
    source: str
    field: str
    largest: bool


@dataclass(frozen=True)
class TaskMatrix:
    """What is known of every architecture on every sweep.

    Attributes:
        sweeps: their names, in order.
        architectures: their names, in order.
        cells: see `entries`, by sweep and architecture.
    """

    sweeps: tuple[str, ...]
    architectures: tuple[str, ...]
    cells: dict[str, dict[str, tuple[Entry, ...]]]


def task_matrix(sweeps: Sequence[Sweep]) -> TaskMatrix | None:
    """Entries for every sweep with an architecture, by architecture; None where all these sweeps are about one task."""
    sweeps = [sweep for sweep in sweeps if architectures_of([sweep])]  # one of grids alone has none
    if len({sweep.task["name"] for sweep in sweeps}) < 2:
        return None
    columns = architectures_of(sweeps)
    return TaskMatrix(
        tuple(sweep.name for sweep in sweeps),
        tuple(column.name for column in columns),
        {sweep.name: {column.name: tuple(entries(sweep, column)) for column in columns} for sweep in sweeps},
    )


def entries(sweep: Sweep, architecture: Architecture) -> list[Entry]:
    """What is known of an architecture at the largest x that it was trained at on this sweep.

    Returns at most one entry each for what was learned (or not), what was constructed, and what a bound on the mean and
    on the worst-case error excludes. Where nothing was constructed at that x, an entry is that of the largest x below
    it. Where the architecture was not trained, x is the largest that anything was trained at on this sweep. Bounds are
    asked at their own largest x where they exclude nothing at this one.
    """
    boundaries = boundaries_of(sweep, architecture)
    own = [series for series in boundaries if series.verdict == "learned"]
    reach = _reach(own) or _reach(sweep.of("learned"))
    said = [_learned(series) for series in own]
    for verdict, kind, best in (
        ("constructed", "worst", min),
        ("impossible", "mean", max),
        ("impossible", "worst", max),
    ):
        fitting = [one for one in boundaries if (one.verdict, one.error_kind) == (verdict, kind)]
        points = [(series, point) for series in fitting for point in series.points]
        there = _at_largest([pair for pair in points if not reach or pair[1].x <= reach])
        if verdict == "impossible" and not any(point.width for _, point in there):
            there = _at_largest(points)
        if there:
            said.append(_entry(verdict, *best(there, key=lambda pair: pair[1].width)))
    return said


def _at_largest(points: list[tuple[Series, Point]]) -> list[tuple[Series, Point]]:
    largest = max((point.x for _, point in points), default=None)
    return [(series, point) for series, point in points if point.x == largest]


def _reach(boundaries: Iterable[Series]) -> int:
    return max((point.x for series in boundaries for point in series.points), default=0)


def _learned(series: Series) -> Entry:
    last = series.points[-1]
    return _entry("not learned" if last.censored else "learned", series, last)


def _entry(verdict: str, series: Series, point: Point) -> Entry:
    return Entry(
        x=point.x,
        verdict=verdict,
        error_kind=series.error_kind,
        width=point.width,
        depth=series.depth,
        parameters=point.parameters,
        source=series.source,
        field=series.field,
        largest=series.largest,
    )
