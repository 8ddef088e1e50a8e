"""Findings as charts: pure functions from findings to matplotlib figures, and figures to SVG text.

One colour for each architecture. Verdicts differ in shape: filled markers are learned, lines with hollow markers are
constructed, areas from the bottom up are impossible, plain grey where a bound on the mean error excludes a width and
hatched where one on the worst-case error does.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter, NullLocator

Along = Literal["length", "sparsity"]
Series = dict[str, Any]


COLOURS = {
    "attention": "#0072B2", "lstm": "#D55E00", "gru": "#CC79A7", "recurrent": "#B8860B", "feed-forward": "#009E73",
}  # fmt: skip
_MARKERS = {"attention": "o", "lstm": "s", "gru": "D", "feed-forward": "^"}
_OTHER_COLOUR = "#5D4A9C"
_AXIS_NAMES = {"length": "length N", "sparsity": "sparsity q"}
_LINES = [("o", "-"), ("s", "--"), ("D", "-."), ("^", ":"), ("v", (0, (5, 1))), ("P", (0, (3, 1, 1, 1, 1, 1)))]
_AREAS: dict[str, dict[str, Any]] = {
    "mean": {"facecolor": "#C9CDD2", "edgecolor": "none", "zorder": 1},
    "worst": {"facecolor": "none", "edgecolor": "#8A9099", "hatch": "////", "linewidth": 0, "zorder": 1.1},
}
_SAID = {"mean": "mean error", "worst": "worst case"}
_EXCLUDES_NONE = "excludes no width here"
_STYLE: Any = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"], "font.size": 10.5,
    "axes.titlesize": 11.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": "#555B63", "axes.axisbelow": True, "legend.fontsize": 9.5,
    "legend.frameon": False, "hatch.linewidth": 0.7, "svg.fonttype": "none", "svg.hashsalt": "assay",
    "figure.facecolor": "white", "lines.linewidth": 1.6, "lines.markersize": 5.5, "mathtext.default": "regular",
}  # fmt: skip
_TEXT_LINE = 0.205  # inches that a line of a legend takes


def colour(architecture: str) -> str:
    """The colour of an architecture or a family."""
    return COLOURS.get(architecture, _OTHER_COLOUR)


def charted(findings: dict[str, Any], along: Along) -> list[str]:
    """Architectures that have a chart: all that were trained, and families of which none was."""
    boundaries = findings[f"along_{along}"]
    learned = {series["architecture"]: series["family"] for series in boundaries if series["verdict"] == "learned"}
    families = {series["family"] for series in boundaries} - set(learned.values())
    order = list(COLOURS)
    return sorted({*learned, *families}, key=lambda name: (order.index(name) if name in order else len(order), name))


def boundaries_of(findings: dict[str, Any], architecture: str, along: Along) -> list[Series]:
    """Series on the chart of an architecture: its own, and those that hold for its family, widths in its own units.

    Bounds on a recurrent state count its numbers. An architecture that keeps several per unit of width has the largest
    excluded width divided by that and rounded down.
    """
    boundaries = findings[f"along_{along}"]
    family = family_of(findings, architecture)
    per_width = state_per_width(findings, architecture) if family == "recurrent" else 1
    return [
        _scaled(series, per_width)
        for series in boundaries
        if series["architecture"] in (architecture, family) and any(series["points"])
    ]


def family_of(findings: dict[str, Any], architecture: str) -> str:
    """The family of an architecture in these findings; a family is its own."""
    boundaries = [*findings["along_length"], *findings["along_sparsity"]]
    return next((s["family"] for s in boundaries if s["architecture"] == architecture), architecture)


def state_per_width(findings: dict[str, Any], architecture: str) -> int:
    """Numbers of state that an architecture keeps per unit of width, as its trained networks declare; else 1."""
    rows = (row for row in findings["evidence"] if row["architecture"] == architecture and row["source"] == "training")
    return next((row["state"] // row["width"] for row in rows if row.get("state")), 1)


@mpl.rc_context(_STYLE)
def band_chart(findings: dict[str, Any], architecture: str, along: Along = "length") -> Figure:
    """Width of one architecture against N (both logarithmic) or q (both linear): impossible, constructed, learned."""
    boundaries, units = boundaries_of(findings, architecture, along), _units(findings, architecture)
    entries = sum(3 if series["verdict"] == "learned" else 1 for series in boundaries)
    figure, axes = _figure(6.3, 3.7 + _TEXT_LINE * entries)
    axes.set_title(architecture)
    scale = findings[f"along_{along}"]
    _set_axes(axes, scale if along == "length" else boundaries, along)
    handles = [
        *_draw_learned(axes, [s for s in boundaries if s["verdict"] == "learned"], along, named=False),
        *_draw_constructed(axes, [s for s in boundaries if s["verdict"] == "constructed"], architecture),
        *_draw_impossible(axes, [s for s in boundaries if s["verdict"] == "impossible"], units),
    ]
    _legend(figure, handles)
    return figure


@mpl.rc_context(_STYLE)
def summary_chart(findings: dict[str, Any]) -> Figure:
    """Learned widths of all architectures with their laws, and the smallest constructed widths, over the same N."""
    boundaries = findings["along_length"]
    learned = [series for series in boundaries if series["verdict"] == "learned" and series["points"]]
    frontiers = _frontiers(boundaries)
    reach = max((point["x"] for series in learned for point in series["points"]), default=1 << 31)
    shown = [{**s, "points": [p for p in s["points"] if p["x"] <= 2 * reach]} for s in [*learned, *frontiers]]
    figure, axes = _figure(6.5, 4.0 + _TEXT_LINE * (len(frontiers) + 2 * len(learned) + 1))
    axes.set_title("learned by all architectures, and constructed")
    _set_axes(axes, shown, "length")
    handles = _draw_learned(axes, sorted(learned, key=_rank), "length", named=True)
    for series in sorted(frontiers, key=_rank):
        points = [point for point in series["points"] if point["x"] <= 2 * reach]
        style: dict[str, Any] = {"color": colour(series["family"]), "linestyle": "-", "linewidth": 5, "alpha": 0.3}
        axes.plot(*_coordinates(points), solid_capstyle="round", zorder=2, **style)
        handles.append(Line2D([], [], label=f"{series['family']}, constructed ({series['source']})", **style))
    _legend(figure, handles)
    return figure


@mpl.rc_context(_STYLE)
def message_bits_chart(findings: dict[str, Any]) -> Figure | None:
    """Bits m p of one embedding against N: what bounds require, what constructions have. None without such bounds.

    Bounds on the bits say something where the width that they exclude is 0: one number of 32 bits holds a lot.
    """
    required = _required_bits(findings)
    constructed = [
        {**s, "points": [{**p, "width": p["message_bits"]} for p in s["points"]]}
        for s in findings["along_length"]
        if s["verdict"] == "constructed" and s["family"] == "attention"
    ]
    if not required or not constructed:
        return None
    figure, axes = _figure(6.3, 3.7 + _TEXT_LINE * (len(required) + len(constructed)))
    axes.set_title("attention: bits of one embedding")
    _set_axes(axes, [*constructed, *required], "length", vertical="bits m p")
    handles = [*_draw_constructed(axes, constructed, "attention"), *_draw_impossible(axes, required, "")]
    _legend(figure, handles)
    return figure


@mpl.rc_context(_STYLE)
def portrait_chart(portraits: list[dict[str, Any]]) -> Figure:
    """Attention of units on the same task side by side; positions pointed to are outlined."""
    figure = _sheet(3.7 * len(portraits) + 0.7, 4.5)
    top = max(max(max(row) for row in portrait["weights"]) for portrait in portraits)
    panels = figure.subplots(1, len(portraits), squeeze=False)[0]
    for number, (axes, portrait) in enumerate(zip(panels, portraits, strict=True)):
        image = axes.imshow(portrait["weights"], cmap="Blues", vmin=0, vmax=top, interpolation="none", aspect="auto")
        image.set_gid(f"weights-{number}")  # else equal pictures would have one identifier
        for row, pointers in enumerate(portrait["pointers"]):
            for column in pointers:
                box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#D55E00", linewidth=1.1)
                axes.add_patch(box)
        source = "" if portrait["source"] == "training" else f" ({portrait['source']})"
        axes.set_title(f"{portrait['verdict']}{source}, width {portrait['width']}")
        axes.set_xlabel(f"position attended to\n{100 * portrait['mass_on_pointers']:.1f} % of the mass on pointers")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
    panels[0].set_ylabel("asking position")
    figure.colorbar(image, ax=list(panels), label="attention weight", fraction=0.05, pad=0.02)
    return figure


@mpl.rc_context(_STYLE)
def svg_text(figure: Figure) -> str:
    """The figure as SVG: the same text for the same figure, with text as text."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue()


def power_text(growth: dict[str, Any], symbol: str) -> str:
    """The fitted power law with the interval of its exponent; empty where none was fitted."""
    if growth["power"] is None:
        return ""
    (scale, exponent), (low, high) = growth["power"], growth["exponent_interval"]
    interval = "" if low == high else f" [{low:.2f}, {high:.2f}]"
    return f"{scale:.3g} {symbol}^{exponent:.2f}{interval}"


def _sheet(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.08))


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = _sheet(width, height)
    axes = figure.subplots()
    axes.grid(color="#E3E6EA", linewidth=0.7)
    return figure, axes


def _set_axes(axes: Axes, boundaries: Iterable[Series], along: Along, *, vertical: str = "width m") -> None:
    points = [point for series in boundaries for point in series["points"]]
    places = [point["x"] for point in points] or [1]
    highest = max((max([point["width"], *filter(None, point["seeds"])]) for point in points), default=1)
    axes.set_xlabel(_AXIS_NAMES[along])
    axes.set_ylabel(vertical)
    if along == "sparsity":
        axes.set_xlim(0, 1.06 * max(places))
        axes.set_ylim(0, 1.12 * max(highest, 1))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(7, integer=True))
        return
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(min(places) / 1.2, max(places) * 1.2)
    axes.set_ylim(0.8, max(highest, 2) * 1.6)
    for axis, low, high in ((axes.xaxis, min(places), max(places)), (axes.yaxis, 1, highest * 1.6)):
        ticks = _doublings(low, high)
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(FixedFormatter([str(tick) for tick in ticks]))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())


def _doublings(low: float, high: float) -> list[int]:
    """Powers of two from `low` to `high`, every second one where they are many."""
    ticks = [1 << power for power in range(32) if low <= 1 << power <= high]
    return ticks if len(ticks) <= 10 else ticks[::2]


def _draw_learned(axes: Axes, boundaries: list[Series], along: Along, *, named: bool) -> list[Any]:
    handles, censored_anywhere = [], False
    for series in boundaries:
        shade, who = colour(series["architecture"]), f"{series['architecture']}, " if named else ""
        marker: dict[str, Any] = {
            "color": shade, "marker": _MARKERS.get(series["architecture"], "P"), "markersize": 8, "linestyle": "none",
            "markeredgecolor": "white",
        }  # fmt: skip
        known = [point for point in series["points"] if not point["censored"]]
        axes.plot(*_coordinates(known), zorder=5, **marker)
        for point in series["points"]:
            _draw_spread(axes, point, shade)
            censored_anywhere = censored_anywhere or point["censored"] or None in point["seeds"]
        handles.append(Line2D([], [], label=f"{who}learned (mean error; bar: range over seeds)", **marker))
        law = power_text(series["growth"], "q" if along == "sparsity" else "N")
        if law and known:
            (scale, exponent), (first, last) = series["growth"]["power"], (known[0]["x"], known[-1]["x"])
            places = [first + (last - first) * step / 40 for step in range(41)]
            style: dict[str, Any] = {"color": shade, "linestyle": "--", "linewidth": 1.1}
            axes.plot(places, [scale * place**exponent for place in places], zorder=4, **style)
            handles.append(Line2D([], [], label=f"{who}fit: {law}", **style))
    if censored_anywhere:
        arrow: dict[str, Any] = {"color": "#333", "marker": "$\u2191$", "markersize": 9, "linestyle": "none"}
        handles.append(Line2D([], [], label="larger than this: not learned within this budget", **arrow))
    return handles


def _draw_spread(axes: Axes, point: dict[str, Any], shade: str) -> None:
    """A bar over the seeds' smallest widths; an arrow where a seed, or most of them, learned at none that was tried."""
    widths = [point["width"], *filter(None, point["seeds"])]
    low, high = min(widths), max(widths)
    axes.plot([point["x"]] * 2, [low, high], color=shade, linewidth=2.2, solid_capstyle="butt", zorder=4.5)
    if point["censored"]:
        axes.plot(point["x"], high, color=shade, marker="_", markersize=11, markeredgewidth=2, zorder=5)
    if point["censored"] or None in point["seeds"]:
        width = 1.6 if point["censored"] else 1
        arrow = {"arrowstyle": "<|-", "color": shade, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (point["x"], high), (0, 20), textcoords="offset points", zorder=5, arrowprops=arrow)


def _draw_constructed(axes: Axes, boundaries: list[Series], architecture: str) -> list[Any]:
    handles = []
    for (marker, line), series in zip(_LINES * (1 + len(boundaries) // len(_LINES)), boundaries, strict=False):
        style: dict[str, Any] = {
            "color": colour(architecture), "marker": marker, "linestyle": line, "markerfacecolor": "white",
            "linewidth": 1.3, "label": f"constructed (worst case): {series['source']} ({_bits_text(series)})",
        }  # fmt: skip
        axes.plot(*_coordinates(series["points"]), zorder=3, **style)
        handles.append(Line2D([], [], **style))
    return handles


def _draw_impossible(axes: Axes, boundaries: list[Series], units: str) -> list[Any]:
    handles = []
    for series in boundaries:
        area = _AREAS[series["error_kind"]]
        binding = [point for point in series["points"] if point["width"] > 0]
        if binding:
            bottom = axes.get_ylim()[0]
            axes.fill_between(*_coordinates(binding), bottom, **area)
            if len(binding) == 1:
                axes.plot([binding[0]["x"]] * 2, [bottom, binding[0]["width"]], color="#C9CDD2", linewidth=5, zorder=1)
            edge: dict[str, Any] = {
                "color": "#5B626B",
                "linestyle": "-" if series["error_kind"] == "mean" else ":",
                "linewidth": 1,
            }
            axes.plot(*_coordinates(binding), marker=".", markersize=4, zorder=1.2, **edge)
        label = f"impossible ({_SAID[series['error_kind']]}): {series['source']}"
        outline: dict[str, Any] = {"edgecolor": "#8A9099", "linewidth": 0.8}
        handles.append(Patch(**{**area, **outline}, label=f"{label}{units if binding else f', {_EXCLUDES_NONE}'}"))
    return handles


def _legend(figure: Figure, handles: list[Any]) -> None:
    figure.legend(handles=handles, loc="outside lower left", handlelength=3.2, labelspacing=0.35, borderaxespad=0.2)


def _coordinates(points: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
    return [point["x"] for point in points], [point["width"] for point in points]


def _bits_text(series: Series) -> str:
    bits = sorted({point["precision"] for point in series["points"]})
    return f"{bits[0]} bits" if len(bits) == 1 else f"{bits[0]} to {bits[-1]} bits"


def _units(findings: dict[str, Any], architecture: str) -> str:
    if family_of(findings, architecture) != "recurrent":
        return ""
    count = state_per_width(findings, architecture)
    return f", {count} number{'s' * (count > 1)} of state per width"


def _scaled(series: Series, per_width: int) -> Series:
    if series["verdict"] != "impossible" or per_width == 1:
        return series
    return {**series, "points": [{**point, "width": point["width"] // per_width} for point in series["points"]]}


def _rank(series: Series) -> int:
    order = list(COLOURS)
    return order.index(series["architecture"]) if series["architecture"] in order else len(order)


def _frontiers(boundaries: list[Series]) -> list[Series]:
    """For each family, the smallest constructed width at every x; its source names the methods that reach it."""
    frontiers = []
    for family in sorted({series["family"] for series in boundaries if series["verdict"] == "constructed"}):
        best: dict[int, tuple[int, str, dict[str, Any]]] = {}
        for series in boundaries:
            if series["family"] == family and series["verdict"] == "constructed":
                for point in series["points"]:
                    here = (point["width"], series["source"], point)
                    best[point["x"]] = min(best.get(point["x"], here), here, key=lambda entry: entry[:2])
        methods = ", ".join(sorted({source for _, source, _ in best.values()}))
        points = [best[x][2] for x in sorted(best)]
        frontiers.append({"family": family, "architecture": family, "source": methods, "points": points})
    return frontiers


def _required_bits(findings: dict[str, Any]) -> list[Series]:
    """Bits that attention bounds require along the length, from the evidence, as series whose widths are bits."""
    sparsity = findings["task"]["sparsity"]
    series: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(findings["evidence"], key=lambda row: row["length"]):
        along = row["verdict"] == "impossible" and row["architecture"] == "attention" and row["sparsity"] == sparsity
        if along and row.get("required"):
            point = {"x": row["length"], "width": row["required"], "seeds": []}
            series.setdefault((row["source"], row["error_kind"]), []).append(point)
    return [{"source": source, "error_kind": kind, "points": points} for (source, kind), points in series.items()]
