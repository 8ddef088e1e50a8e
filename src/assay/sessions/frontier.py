"""Smallest sizes against N of every architecture and verdict, with their growth laws, as values, rows and a figure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from assay.errors import AssayError
from assay.frames import Framed
from assay.report.findings import Findings, gather
from assay.report.found import Reported
from assay.results.frontier import Point, Series
from assay.schema import SCHEMA, Json, to_json
from assay.store.files import parse_json, read_text
from assay.store.ledger import LEDGER, Ledger
from assay.studies.replay import study_evidence
from assay.studies.study_file import load_study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DATA = re.compile(r'<script type="application/json" id="findings">(.*?)</script>', re.DOTALL)
_SERIES = TypeAdapter(Series)
_LARGEST_PAGE = 1 << 30  # bytes
_STYLES = {"learned": ("-", "o"), "constructed": ("--", "s"), "impossible": (":", "v")}  # line and marker of a verdict
_COLUMNS, _WIDE, _HIGH = 2, 6.0, 4.2  # of axes in a figure, and inches of each


@dataclass(frozen=True)
class FrontierSweep:
    """One sweep of a study: boundaries along one parameter of a task.

    Attributes:
        study: its name.
        sweep: name of the sweep's table in the study's file.
        title: one line for people.
        task: its name, and the parameters that do not vary.
        symbol: of the parameter that varies, such as N.
        seeds: of every search.
        tolerance: of the error of every answer, the smallest and the largest on the sweep.
        mean_tolerance: of the mean error, likewise.
        series: boundaries, each with its points and its growth law.
    """

    study: str
    sweep: str
    title: str
    task: dict[str, object]
    symbol: str
    seeds: tuple[int, ...]
    tolerance: tuple[float, float]
    mean_tolerance: tuple[float, float]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class FrontierRow:
    """One point of one boundary, with the law of the boundary.

    Attributes:
        study: its name.
        sweep: of the study.
        task: its name.
        symbol: of the parameter that varies, such as N.
        x: its value.
        architecture: whose size it is, with depth and heads; or a bare model.
        family: of the architecture.
        verdict: learned, constructed or impossible.
        source: `training`, or the name of the construction or bound.
        error_kind: worst or mean: what the verdict speaks of.
        field: what `size` is: `width`, or another field of the network or of the task.
        relation: of what is sought to `size`: `=` learned; `<=` constructed, or the smallest that was tried is learned;
            `>=` smaller ones are impossible, or the largest that was tried is learned; `>` or `<` what was tried was
            not learned.
        size: a value of the field.
        seed_low, seed_high: the least and the largest value that seeds were first seen to learn; None without seeds.
        parameters: trainable or stored numbers of a network of this size; 0 for what speaks of no single network.
        state_bits: that it carries on behind the last token; 0 where none are declared.
        precision: bits per number.
        runs: training runs behind it.
        error: guaranteed, reached or forced.
        law: which fits better, `power` or `logarithm`; `undecided`, or `constant`.
        exponent: b of the power law a x^b; None where there are too few points.
        exponent_low, exponent_high: 95 % interval of it, over seeds and the coarseness of the sizes tried.
        note: what limits the law.
    """

    study: str
    sweep: str
    task: str
    symbol: str
    x: int
    architecture: str
    family: str
    verdict: str
    source: str
    error_kind: str
    field: str
    relation: str
    size: int
    seed_low: int | None
    seed_high: int | None
    parameters: int
    state_bits: int
    precision: int
    runs: int
    error: float
    law: str
    exponent: float | None
    exponent_low: float | None
    exponent_high: float | None
    note: str


@dataclass(frozen=True, repr=False)
class Frontier(Framed):
    """The frontier of one study or several.

    Attributes:
        sweeps: of the studies.
    """

    sweeps: tuple[FrontierSweep, ...]

    @property
    def line(self) -> str:
        """The studies, and how much is known."""
        studies = ", ".join(dict.fromkeys(one.study for one in self.sweeps))
        boundaries = sum(len(one.series) for one in self.sweeps)
        return f"{studies}: {boundaries} boundaries, {len(list(self.rows()))} points"

    def rows(self) -> Iterator[FrontierRow]:
        """One for each point of each boundary."""
        for sweep in self.sweeps:
            for series in sweep.series:
                for point in series.points:
                    yield _row(sweep, series, point)

    def figure(self) -> Figure:
        """A figure of matplotlib: logarithmic axes for each sweep, a boundary of each architecture and verdict."""
        from matplotlib.figure import Figure

        drawn = [sweep for sweep in self.sweeps if sweep.series]
        columns = max(1, min(_COLUMNS, len(drawn)))
        down = max(1, math.ceil(len(drawn) / columns))
        figure = Figure(figsize=(_WIDE * columns, _HIGH * down), layout="constrained")
        for place, sweep in enumerate(drawn, start=1):
            _draw(figure.add_subplot(down, columns, place), sweep)
        return figure


def frontier(
    results: Reported | Findings | Ledger | str | Path, *, study: str | Path | None = None, quick: bool = False
) -> Frontier:
    """Smallest sizes against N for each architecture and verdict, with growth laws.

    Args:
        results: what `assay.run` returned, a folder of results, or a ledger. Without `study`, the studies whose reports
            stand beside the ledger are read, as they were last reported.
        study: its name or TOML file: then its answers are taken from the ledger, whether it was reported or not.
        quick: its quick form.

    Raises:
        AssayError: nothing is there, nothing of this study, or no sweep along a parameter.
    """
    if isinstance(results, Reported):
        found = [results.findings]
    elif isinstance(results, Findings):
        found = [results]
    elif study is None:
        return _of_sweeps([sweep for page in _pages(results) for sweep in _read_page(page)], str(_path(results)))
    elif isinstance(results, Ledger):
        found = [_findings(results, str(study), quick)]
    else:
        with Ledger(ledger_at(results), create=False) as ledger:
            found = [_findings(ledger, str(study), quick)]
    return _of_sweeps([sweep for one in found for sweep in _sweeps(to_json(one))], found[0].study)


def ledger_at(results: str | Path) -> Path:
    """The ledger in a folder of results, or the ledger itself."""
    path = Path(results)
    return path / LEDGER if path.is_dir() else path


def _of_sweeps(sweeps: list[FrontierSweep], where: str) -> Frontier:
    if not sweeps:
        raise AssayError(f"{where} has no frontier: nothing was asked along a parameter, or it has no answers")
    return Frontier(tuple(sweeps))


def _findings(ledger: Ledger, name: str, quick: bool) -> Findings:
    asked = load_study(name, quick=quick)
    return gather(asked, study_evidence(asked, ledger), "")


def _path(results: Ledger | str | Path) -> Path:
    return results.path if isinstance(results, Ledger) else Path(results)


def _pages(results: Ledger | str | Path) -> list[Path]:
    """Reports beside a ledger, or in a folder."""
    path = _path(results)
    folder = path if path.is_dir() else path.parent
    if not ledger_at(path).exists():
        raise AssayError(f"{path} is no folder of results, and no ledger: 'assay run' makes one")
    pages = sorted(page for page in folder.glob("*.html") if _data(page))
    if not pages:
        raise AssayError(f"no report stands beside {ledger_at(path)}; name the study, or write one with 'assay report'")
    return pages


def _data(page: Path) -> str:
    found = _DATA.search(read_text(page, _LARGEST_PAGE))
    return found[1] if found else ""


def _read_page(page: Path) -> list[FrontierSweep]:
    told = parse_json(_data(page), f"the data of {page}")
    if told.get("schema") != SCHEMA:
        raise AssayError(f"{page} is of another version of Assay; 'assay report {told.get('study')}' writes it anew")
    return list(_sweeps(told))


def _sweeps(told: Json) -> Iterator[FrontierSweep]:
    """The sweeps of findings, from their JSON, which pages carry."""
    for sweep in told["sweeps"]:
        series = [_SERIES.validate_python(one) for one in sweep["series"] if one["points"]]
        if series:
            yield FrontierSweep(
                study=told["study"],
                sweep=sweep["name"],
                title=sweep["title"],
                task=sweep["task"],
                symbol=sweep["symbol"],
                seeds=tuple(told["seeds"]),
                tolerance=tuple(sweep["tolerance"]),
                mean_tolerance=tuple(sweep["mean_tolerance"]),
                series=tuple(series),
            )


def sized(series: Series, point: Point) -> tuple[str, int]:
    """How what is sought relates to a size, and that size; see `FrontierRow`."""
    if series.verdict == "impossible":
        return ">=", point.width + 1
    if series.verdict == "constructed":
        return "<=", point.width
    if point.censored:
        return ("<" if series.largest else ">"), point.width
    return {-1: "<=", 0: "=", 1: ">="}[series.side(point)], point.width


def _row(sweep: FrontierSweep, series: Series, point: Point) -> FrontierRow:
    relation, size = sized(series, point)
    growth = series.growth
    learned = [value for value in point.seeds if value is not None]
    low, high = growth.exponent_interval or (None, None)
    return FrontierRow(
        study=sweep.study,
        sweep=sweep.sweep,
        task=str(sweep.task["name"]),
        symbol=sweep.symbol,
        x=point.x,
        architecture=series.architecture,
        family=series.family,
        verdict=series.verdict,
        source=series.source,
        error_kind=series.error_kind,
        field=series.field,
        relation=relation,
        size=size,
        seed_low=min(learned, default=None),
        seed_high=max(learned, default=None),
        parameters=point.parameters,
        state_bits=point.state_bits,
        precision=point.precision,
        runs=point.runs,
        error=point.error,
        law=growth.preferred,
        exponent=None if growth.power is None else growth.power[1],
        exponent_low=low,
        exponent_high=high,
        note=growth.note,
    )


def label(series: Series) -> str:
    """Whose boundary it is, what it says, and by what."""
    by = "" if series.verdict == "learned" else f" ({series.source})"
    return f"{series.architecture}, {series.verdict}{by}"


def _draw(axes: Axes, sweep: FrontierSweep) -> None:
    colours: dict[str, str] = {}
    for series in sweep.series:
        points = [point for point in series.points if series.verdict != "impossible" or point.width]
        if not points:  # of a bound that excludes nothing
            continue
        colour = colours.setdefault(series.family, f"C{len(colours) % 10}")
        dashes, marker = _STYLES[series.verdict]
        shown = [(point.x, sized(series, point)[1]) for point in points]
        drawn = axes.plot(*zip(*shown, strict=True), dashes, marker=marker, color=colour, markersize=4)
        drawn[0].set_label(label(series))
        for point in points:
            if point.censored:  # what is sought lies beyond
                beyond = "v" if series.largest else "^"
                axes.plot([point.x], [point.width], beyond, color=colour, markersize=9, fillstyle="none")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2, subs=[1.5])
    places = sorted({point.x for series in sweep.series for point in series.points})
    axes.set_xticks(places, [str(place) for place in places], minor=False)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_xlabel(sweep.symbol)
    axes.set_ylabel(" or ".join(dict.fromkeys(series.field for series in sweep.series)))
    axes.set_title(sweep.title or f"{sweep.study}: {sweep.sweep}", fontsize=10)
    axes.grid(visible=True, alpha=0.25)
    axes.legend(fontsize=6)
