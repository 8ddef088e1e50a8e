"""Findings as charts: pure functions from findings to matplotlib figures, and figures to SVG text.

One colour for each architecture. Charts show the boundaries of one sweep of a study; what they are made of is in
`assay.report.drawing`.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from assay.report.drawing import (
    DASHES,
    STYLE,
    TEXT_LINE,
    chart,
    coordinates,
    distinct_colours,
    draw_constructed,
    draw_impossible,
    draw_learned,
    drawn_line,
    is_linear,
    legend,
    looks,
    set_axes,
    set_log_axes,
    sheet,
    write_above,
)
from assay.report.findings import AttentionMap, Findings
from assay.report.states import StateChart
from assay.report.sweeps import Architecture, Sweep, boundaries_of, rank, references
from assay.report.words import sought_text
from assay.results.frontier import Point, Series
from assay.results.grids import Grid

_DIVERGED = 1e6  # errors above are of runs that diverged


@mpl.rc_context(STYLE)
def band_chart(findings: Findings, sweep: Sweep, architecture: Architecture) -> Figure:
    """Widths of one architecture along a sweep: impossible, constructed, learned; or what else was looked for.

    Axes are logarithmic, the same for all architectures; or linear, see `assay.report.drawing.is_linear`.
    """
    own, look, linear = boundaries_of(sweep, architecture), looks(findings.sweeps), is_linear(sweep)
    sought = next((sought_text(series) for series in _of(own, "learned")), "width")
    boundaries = [*own, *references(sweep, architecture)] if sought == "width" else own
    alike = [series for series in sweep.series if sought_text(series) == sought]
    figure, axes = chart(6.3, 3.7 + TEXT_LINE * sum(3 if s.verdict == "learned" else 1 for s in boundaries))
    axes.set_title(architecture.name)
    set_axes(axes, boundaries if linear else alike, _axis_name(sweep), linear=linear, vertical=_vertical(sought))
    handles = [
        *draw_learned(axes, _of(boundaries, "learned"), sweep.symbol, look, named=False),
        *draw_constructed(axes, _of(boundaries, "constructed"), look[architecture.name]),
        *draw_impossible(axes, _of(boundaries, "impossible")),
    ]
    legend(figure, handles)
    return figure


@mpl.rc_context(STYLE)
def summary_chart(findings: Findings, sweep: Sweep, sought: str = "width") -> Figure:
    """What was looked for and learned by all architectures, with laws, along one sweep; and constructed widths."""
    look = looks(findings.sweeps)
    learned = sorted((series for series in sweep.of("learned") if sought_text(series) == sought), key=_rank)
    reach = max((point.x for series in learned for point in series.points), default=None)
    shown = [
        replace(series, points=tuple(point for point in series.points if reach is None or point.x <= 2 * reach))
        for series in (_frontiers(sweep) if sought == "width" else [])
    ]
    figure, axes = chart(6.5, 4.0 + TEXT_LINE * (len(shown) + 2 * len(learned) + 1))
    axes.set_title("learned by all architectures" + ", and constructed" * (sought == "width"))
    set_axes(axes, [*learned, *shown], _axis_name(sweep), linear=is_linear(sweep), vertical=_vertical(sought))
    handles = draw_learned(axes, learned, sweep.symbol, look, named=True)
    for series in shown:
        label, colour = f"{series.architecture}, constructed ({series.source})", look[series.family].colour
        broad: dict[str, Any] = {"color": colour, "linestyle": "-", "linewidth": 5, "alpha": 0.3}
        handles.append(drawn_line(axes, *coordinates(series.points), label, solid_capstyle="round", **broad))
    legend(figure, handles)
    return figure


@mpl.rc_context(STYLE)
def grid_chart(findings: Findings, sweep: Sweep, grid: Grid) -> Figure:
    """The error of every value by every seed, the tolerance, and the error that bounds leave each.

    The axis of errors ends a little above the medians; seeds beyond, such as one that diverged, are cut off.
    """
    look = looks(findings.sweeps)
    figure, axes = chart(6.5, 3.9 + TEXT_LINE * (2 * len(grid.curves) + 1))
    axes.set_title(f"every value, {sweep.symbol} = {grid.x}")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel(grid.axis)
    axes.set_ylabel(sweep.mean_error_name)
    handles: list[Artist] = [Line2D([], [], color="#333", linestyle=":", label="tolerance: learned at or below")]
    top = 0.0
    for (_, dashes), curve in zip(cycle(DASHES), grid.curves, strict=False):
        placed = sorted(((p.at, p) for p in curve.points if p.at), key=lambda pair: pair[0])
        places, points = [place for place, _ in placed], [point for _, point in placed]
        medians = [median(point.errors) for point in points]
        shown = look[curve.architecture]
        name = f"{curve.architecture}, by {curve.field}"
        label = f"{name}: {'median and seeds' if points else f'no {grid.axis} declared'}"
        style: dict[str, Any] = {"color": shown.colour, "marker": shown.marker}
        for place, point in placed:
            axes.plot([place] * len(point.errors), point.errors, linestyle="none", alpha=0.35, **style)
        handles.append(drawn_line(axes, places, medians, label, linestyle=dashes, **style))
        axes.plot(places, [p.tolerance for p in points], color="#333", linestyle=":", marker=".", linewidth=1)
        bounds = ", ".join(sorted({point.bound for point in points if point.floor}))
        handles += _draw_floor(axes, [(place, point.floor) for place, point in placed if point.floor], bounds, name)
        top = max([top, *(error for error in medians if error < _DIVERGED), *(p.tolerance for p in points)])
    axes.set_ylim(0, 1.15 * top or 1)
    legend(figure, handles)
    return figure


@mpl.rc_context(STYLE)
def state_chart(findings: Findings, states: StateChart) -> Figure:
    """State bits of what was learned against a parameter of the task, and what bounds require there."""
    look = looks(findings.sweeps)
    figure, axes = chart(6.5, 3.9 + TEXT_LINE * (len(states.learned) + len(states.required) + 2))
    axes.set_title(f"state against {states.symbol}")
    points = [point for held in states.learned.values() for point in held]
    amounts = [needed for required in states.required.values() for _, needed in required]
    set_log_axes(axes, [point.at for point in points], [*(point.bits for point in points), *amounts])
    axes.set_xlabel(states.symbol)
    axes.set_ylabel("state bits")
    handles: list[Artist] = []
    for name, held in states.learned.items():
        shown = look[name.partition(" (by ")[0]]
        known = sorted((point.at, point.bits) for point in held if not point.censored)
        style: dict[str, Any] = {"color": shown.colour, "marker": shown.marker}
        axes.plot([at for at, _ in known], [bits for _, bits in known], linewidth=1, **style)
        for point in held:
            sign = "\u2191" if point.censored else "\u2265" if point.more else ""
            write_above(axes, sign, (point.at, point.bits), shown.colour)
        handles.append(Line2D([], [], label=f"{name}: learned", **style))
    for name, required in states.required.items():
        handles += _draw_floor(axes, required, name, "any causal network")
    legend(figure, handles)
    return figure


def _draw_floor(axes: Axes, points: Sequence[tuple[float, float]], bounds: str, who: str) -> list[Artist]:
    """Grey below these points; a bar where there is one. The entry for the legend, if there are any."""
    if not points:
        return []
    places, heights = [place for place, _ in points], [height for _, height in points]
    bottom = axes.get_ylim()[0]
    axes.fill_between(places, heights, bottom, color="#C9CDD2", zorder=1)
    if len(points) == 1:
        axes.plot(places * 2, [bottom, heights[0]], color="#C9CDD2", linewidth=5, zorder=1)
    axes.plot(places, heights, color="#5B626B", linewidth=1, marker=".", zorder=1.2)
    return [Patch(color="#C9CDD2", label=f"impossible for {who} (mean error): {bounds}")]


@mpl.rc_context(STYLE)
def message_bits_chart(findings: Findings, sweep: Sweep, model: Architecture) -> Figure | None:
    """Bits of one embedding along a sweep: what bounds require, what constructions in a model have. None without both.

    Bounds on the bits say something where the width that they exclude is 0: one number of 32 bits holds a lot.
    """
    own = boundaries_of(sweep, model)
    required = [
        _with_widths(series, "required")
        for series in _of(own, "impossible")
        if series.resource == "embedding bits" and any(point.required for point in series.points)
    ]
    constructed = [_with_widths(series, "message_bits") for series in _of(own, "constructed")]
    if not required or not constructed:
        return None
    figure, axes = chart(6.3, 3.7 + TEXT_LINE * (len(required) + len(constructed)))
    axes.set_title(f"{model.name}: bits of one embedding")
    set_axes(axes, [*constructed, *required], _axis_name(sweep), linear=is_linear(sweep), vertical="bits m p")
    look = looks(findings.sweeps)[model.name]
    legend(figure, [*draw_constructed(axes, constructed, look), *draw_impossible(axes, required)])
    return figure


@mpl.rc_context(STYLE)
def precision_chart(sweep: Sweep) -> Figure:
    """Fewest bits per number of each construction along a sweep: logarithmic in x, linear in bits."""
    figure, axes = chart(6.3, 3.7 + TEXT_LINE * len(sweep.precisions))
    axes.set_title("bits per number that constructions need")
    axes.set_xscale("log", base=2)
    places = sorted({point.x for found in sweep.precisions for point in found.points})
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FixedFormatter([str(place) for place in places]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel(_axis_name(sweep))
    axes.set_ylabel("bits p")
    handles = []
    for colour, (marker, dashes), found in zip(distinct_colours(), cycle(DASHES), sweep.precisions, strict=False):
        slope = "" if found.per_doubling is None else f": {found.per_doubling:+.1f} bits per doubling"
        points = [point.x for point in found.points], [point.bits for point in found.points]
        style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": dashes, "markerfacecolor": "white"}
        handles.append(drawn_line(axes, *points, f"{found.method}{slope}", **style))
    axes.set_ylim(bottom=0)
    legend(figure, handles)
    return figure


@mpl.rc_context(STYLE)
def attention_chart(maps: Sequence[AttentionMap]) -> Figure:
    """Attention of units on the same task side by side; positions pointed to are outlined."""
    figure = sheet(3.7 * len(maps) + 0.7, 4.5)
    top = max(max(max(row) for row in one.weights) for one in maps)
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for number, (axes, one) in enumerate(zip(panels, maps, strict=True)):
        image = axes.imshow(one.weights, cmap="Blues", vmin=0, vmax=top, interpolation="none", aspect="auto")
        image.set_gid(f"weights-{number}")  # else equal pictures would have one identifier
        for row, pointers in enumerate(one.pointers):
            for column in pointers:
                box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#D55E00", linewidth=1.1)
                axes.add_patch(box)
        source = "" if one.source == "training" else f" ({one.source})"
        axes.set_title(f"{one.verdict}{source}, width {one.width}")
        axes.set_xlabel(f"position attended to\n{100 * one.mass_on_pointers:.1f} % of the mass on pointers")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
    panels[0].set_ylabel("query position")
    figure.colorbar(image, ax=list(panels), label="attention weight", fraction=0.05, pad=0.02)
    return figure


@mpl.rc_context(STYLE)
def svg_text(figure: Figure) -> str:
    """The figure as SVG: the same text for the same figure, with text as text."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue()


def _axis_name(sweep: Sweep) -> str:
    return f"{sweep.along} {sweep.symbol}"


def _vertical(sought: str) -> str:
    return "width m" if sought == "width" else sought


def _of(boundaries: list[Series], verdict: str) -> list[Series]:
    return [series for series in boundaries if series.verdict == verdict]


def _with_widths(series: Series, quantity: str) -> Series:
    """The series with another quantity in the place of its widths."""
    return replace(series, points=tuple(replace(point, width=getattr(point, quantity)) for point in series.points))


def _rank(series: Series) -> tuple[int, int, str]:
    return rank(series.architecture)


def _frontiers(sweep: Sweep) -> list[Series]:
    """For each bare model, the smallest constructed width at every x; its source names the methods that reach it."""
    best: dict[str, dict[int, tuple[int, str, Point]]] = defaultdict(dict)
    family = {}
    for series in sweep.of("constructed"):
        family[series.architecture] = series.family
        for point in series.points:
            here, there = (point.width, series.source, point), best[series.architecture]
            there[point.x] = min(there.get(point.x, here), here, key=lambda entry: entry[:2])
    frontiers = [
        Series(
            family=family[model],
            architecture=model,
            source=", ".join(sorted({source for _, source, _ in there.values()})),
            verdict="constructed",
            error_kind="worst",
            points=tuple(there[x][2] for x in sorted(there)),
        )
        for model, there in best.items()
    ]
    return sorted(frontiers, key=_rank)
