"""What charts are made of: colours and markers, axes, and one function for each verdict.

Verdicts differ in shape: filled markers are learned, lines with hollow markers are constructed, areas from the bottom
up are impossible, plain grey where a bound on the mean error excludes a width and hatched where one on the worst-case
error does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter, NullLocator

from assay.models.bare_models import BARE_MODELS
from assay.report.sweeps import Sweep, rank
from assay.report.words import power_text
from assay.results.frontier import Point, Series

STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555B63",
    "axes.axisbelow": True,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "assay",
    "figure.facecolor": "white",
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
    "mathtext.default": "regular",
}
TEXT_LINE = 0.205  # inches that a line of a legend takes
DASHES: list[tuple[str, Any]] = [
    ("o", "-"),
    ("s", "--"),
    ("D", "-."),
    ("^", ":"),
    ("v", (0, (5, 1))),
    ("P", (0, (3, 1, 1, 1, 1, 1))),
]
_AREAS: dict[str, dict[str, Any]] = {
    "mean": {"facecolor": "#C9CDD2", "edgecolor": "none", "zorder": 1},
    "worst": {"facecolor": "none", "edgecolor": "#8A9099", "hatch": "////", "linewidth": 0, "zorder": 1.1},
}
_SAID = {"mean": "mean error", "worst": "worst case"}
_SIGNS = {
    "\u2191": "larger than this: not learned within this budget",
    "\u2193": "smaller than this: not learned within this budget",
    "\u2265": "at least this: the largest value that was tried",
}
_UP, _DOWN, _AT_LEAST = _SIGNS
_WIDE = 16  # parameters that vary by a larger factor have logarithmic axes, and so has the length


@dataclass(frozen=True)
class Look:
    """Colour and marker of an architecture or a family, on all charts of a report."""

    colour: str
    marker: str


_LOOKS = {
    "attention": Look("#0072B2", "o"),
    "third-order": Look("#A3123A", "v"),
    "strassen": Look("#6A3D9A", "p"),
    "lstm": Look("#E07B00", "s"),
    "gru": Look("#CC79A7", "D"),
    "recurrent": Look("#A07D00", "s"),
    "feed-forward": Look("#009E73", "^"),
}
_FURTHER = [
    Look("#56B4E9", "P"),
    Look("#4D4D4D", "X"),
    Look("#8C510A", "h"),
    Look("#7A9A01", "<"),
    Look("#D94FD0", ">"),
    Look("#00695C", "*"),
]


def looks(sweeps: Iterable[Sweep]) -> dict[str, Look]:
    """A look for everything on these sweeps; one of its own for each name that is not a known one, while they last.

    The plainest of several depths or splits into heads of an architecture has the architecture's look, unless the
    architecture itself was trained too.
    """
    sweeps = list(sweeps)
    boundaries = [series for sweep in sweeps for series in sweep.series]
    gridded = [curve for sweep in sweeps for grid in sweep.grids for curve in grid.curves]
    names = {name for one in (*boundaries, *gridded) for name in (one.architecture, one.family)}
    taken = {one.architecture for one in gridded} | {one.architecture for one in boundaries if one.verdict == "learned"}
    found, further = dict(_LOOKS), []
    for name in sorted(names - set(_LOOKS), key=rank):
        kind = name.partition(", ")[0]
        if kind in BARE_MODELS:  # nothing is trained in it: it shares its family's colour
            found[name] = _LOOKS.get(BARE_MODELS[kind].family, _FURTHER[0])
            continue
        if kind in _LOOKS and kind not in taken:
            taken.add(kind)
            found[name] = _LOOKS[kind]
        else:
            further.append(name)
    return {**found, **{name: _FURTHER[place % len(_FURTHER)] for place, name in enumerate(further)}}


def distinct_colours() -> list[str]:
    """Colours for lines that are no architectures, the clearest first."""
    return [look.colour for look in (*_LOOKS.values(), *_FURTHER)]


def sheet(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.08))


def chart(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one pair of axes and a grid."""
    figure = sheet(width, height)
    axes = figure.subplots()
    axes.grid(color="#E3E6EA", linewidth=0.7)
    return figure, axes


def is_linear(sweep: Sweep) -> bool:
    """Whether the charts of a sweep have linear axes."""
    places = [point.x for series in sweep.series for point in series.points] or [1]
    return sweep.along != "length" and max(places) <= _WIDE * min(places)


def set_axes(
    axes: Axes, boundaries: Iterable[Series], symbol: str, *, linear: bool = False, vertical: str = "width m"
) -> None:
    """Scales, limits, ticks and names for these boundaries."""
    points = [point for series in boundaries for point in series.points]
    places = [point.x for point in points] or [1]
    highest = max((max([point.width, *filter(None, point.seeds)]) for point in points), default=1)
    axes.set_xlabel(symbol)
    axes.set_ylabel(vertical)
    if linear:
        axes.set_xlim(0, 1.06 * max(places))
        axes.set_ylim(0, 1.12 * max(highest, 1))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(7, integer=True))
        return
    set_log_axes(axes, places, [1, max(highest, 2)])


def set_log_axes(axes: Axes, places: Sequence[float], heights: Sequence[float]) -> None:
    """Logarithmic axes around these places and heights, with ticks at powers of two."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(min(places) / 1.2, max(places) * 1.2)
    axes.set_ylim(0.8 * min(heights), max(heights) * 1.6)
    for axis, low, high in ((axes.xaxis, min(places), max(places)), (axes.yaxis, min(heights), max(heights) * 1.6)):
        ticks = _doublings(low, high)
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(FixedFormatter([str(tick) for tick in ticks]))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())


def drawn_line(
    axes: Axes, places: Sequence[float], heights: Sequence[float], label: str, zorder: float = 2, **style: Any
) -> Line2D:
    """Draw a line or points in this style of matplotlib; its entry for the legend."""
    axes.plot(places, heights, label=label, zorder=zorder, **style)
    return Line2D([], [], label=label, **style)


def write_above(axes: Axes, text: str, at: tuple[float, float], colour: str) -> None:
    """A sign above a point."""
    axes.annotate(text, at, (0, 7), textcoords="offset points", color=colour, ha="center")


def draw_learned(
    axes: Axes, boundaries: list[Series], symbol: str, looks: dict[str, Look], *, named: bool
) -> list[Artist]:
    """Points, spreads over seeds and fitted laws; entries for the legend, with the architecture's name if `named`."""
    handles: list[Artist] = []
    signs = set()
    for series in boundaries:
        look, who = looks[series.architecture], f"{series.architecture}, " if named else ""
        known = [point for point in series.points if not point.censored]
        label = f"{who}learned (mean error; bar: range over seeds)"
        points: dict[str, Any] = {"markersize": 8, "linestyle": "none", "markeredgecolor": "white"}
        handles.append(drawn_line(axes, *coordinates(known), label, 5, color=look.colour, marker=look.marker, **points))
        for point in series.points:
            _draw_spread(axes, point, look.colour, down=series.largest)
            if point.censored or None in point.seeds:
                signs.add(_DOWN if series.largest else _UP)
            if series.largest and point.first:
                signs.add(_AT_LEAST)
                write_above(axes, _AT_LEAST, (point.x, point.width), look.colour)
        law = power_text(series.growth, symbol)
        if law and known and series.growth.power is not None:
            (scale, exponent), (first, last) = series.growth.power, (known[0].x, known[-1].x)
            places = [first + (last - first) * step / 40 for step in range(41)]
            widths, label = [scale * place**exponent for place in places], f"{who}fit: {law}"
            handles.append(drawn_line(axes, places, widths, label, 4, color=look.colour, linestyle="--", linewidth=1.1))
    handles += [
        Line2D([], [], label=_SIGNS[sign], color="#333", marker=f"${sign}$", markersize=9, linestyle="none")
        for sign in sorted(signs)
    ]
    return handles


def draw_constructed(axes: Axes, boundaries: list[Series], look: Look) -> list[Artist]:
    """One line for each construction; entries for the legend."""
    handles: list[Artist] = []
    for (marker, line), series in zip(DASHES * (1 + len(boundaries) // len(DASHES)), boundaries, strict=False):
        label = f"constructed: {series.architecture}, {series.source} ({_made_of(series)})"
        style: dict[str, Any] = {"marker": marker, "linestyle": line, "markerfacecolor": "white", "linewidth": 1.3}
        handles.append(drawn_line(axes, *coordinates(series.points), label, 3, color=look.colour, **style))
    return handles


def draw_impossible(axes: Axes, boundaries: list[Series]) -> list[Artist]:
    """An area for each bound that excludes anything; entries for the legend."""
    handles: list[Artist] = []
    for series in boundaries:
        area = _AREAS[series.error_kind]
        binding = [point for point in series.points if point.width > 0]
        if binding:
            bottom = axes.get_ylim()[0]
            axes.fill_between(*coordinates(binding), bottom, **area)
            if len(binding) == 1:
                axes.plot([binding[0].x] * 2, [bottom, binding[0].width], color="#C9CDD2", linewidth=5, zorder=1)
            dashes = "-" if series.error_kind == "mean" else ":"
            edge: dict[str, Any] = {"color": "#5B626B", "linestyle": dashes, "linewidth": 1, "zorder": 1.2}
            axes.plot(*coordinates(binding), marker=".", markersize=4, **edge)
        said = "" if binding else ", excludes no width here"
        label = f"impossible ({_SAID[series.error_kind]}): {series.source}{said}"
        outlined: dict[str, Any] = {**area, "edgecolor": "#8A9099", "linewidth": 0.8}
        handles.append(Patch(label=label, **outlined))
    return handles


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """The entries below the axes."""
    figure.legend(handles=handles, loc="outside lower left", handlelength=3.2, labelspacing=0.35, borderaxespad=0.2)


def _doublings(low: float, high: float) -> list[int]:
    """Powers of two from `low` to `high`, as many as fit; `high` itself if there is none between."""
    ticks = [1 << power for power in range(64) if low <= 1 << power <= high] or [round(high)]
    return ticks[:: 1 + (len(ticks) - 1) // 10]


def _draw_spread(axes: Axes, point: Point, shade: str, *, down: bool) -> None:
    """A bar over the seeds' smallest widths; an arrow where a seed, or most of them, learned at none that was tried.

    It points `down` where the largest value was sought.
    """
    widths = [point.width, *filter(None, point.seeds)]
    low, high = min(widths), max(widths)
    axes.plot([point.x] * 2, [low, high], color=shade, linewidth=2.2, solid_capstyle="butt", zorder=4.5)
    if point.censored:
        axes.plot(point.x, low if down else high, color=shade, marker="_", markersize=11, markeredgewidth=2, zorder=5)
    if point.censored or None in point.seeds:
        width = 1.6 if point.censored else 1
        arrow = {"arrowstyle": "<|-", "color": shade, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
        at, towards = (low, -20) if down else (high, 20)
        axes.annotate("", (point.x, at), (0, towards), textcoords="offset points", zorder=5, arrowprops=arrow)


def coordinates(points: Sequence[Point]) -> tuple[list[int], list[int]]:
    """Places and widths."""
    return [point.x for point in points], [point.width for point in points]


def _made_of(series: Series) -> str:
    """Bits per number, and the depth where it is not 1."""
    bits = sorted({point.precision for point in series.points})
    said = f"{bits[0]} bits" if len(bits) == 1 else f"{bits[0]} to {bits[-1]} bits"
    return f"{said}, depth {series.depth}" if series.depth > 1 else said
