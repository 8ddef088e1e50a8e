"""Figures of a probe of attention heads: maps of losses and of reach, and which sets exist."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from assay.probing.findings import Curve, Findings, HeadRow
from assay.probing.headline import able, coarsest, figure_of, first_to_lose, formats_taken, head_name, lost, ranked_by
from assay.probing.sets import KINDS
from assay.report.drawing import STYLE, TEXT_LINE, distinct_colours, legend, sheet
from assay.report.probe_tables import FIGURES

_COLOURS = dict(zip(KINDS, distinct_colours(), strict=False))
_MARKERS = {"random": "o", "contiguous": "s"}
_SPAN = 100  # of the colours of losses, at most: what is smaller looks alike


@mpl.rc_context(STYLE)
def loss_map(found: Findings) -> Figure:
    """A panel for each format: layers across, heads up, the error as colour, a cross on heads that lose their sets."""
    names, layers, worst = formats_taken(found), _layers(found), coarsest(found) or ""
    figure_name = ranked_by(found, worst)
    errors = {
        name: [(row, one.median) for row in found.heads if (one := figure_of(row, name, figure_name))] for name in names
    }
    down = math.ceil(len(names) / 2)
    figure = sheet(10.4 if len(names) > 1 else 6.2, _height(_places(found)) * down + 0.75)
    panels = figure.subplots(down, min(2, len(names)), squeeze=False, sharex=True, sharey=True).ravel()
    for axes, name in zip(panels, names, strict=False):
        largest = max((error for _, error in errors[name]), default=0.0) or 1.0
        least = max(min((error for _, error in errors[name] if error > 0), default=largest / 2), largest / _SPAN)
        shown = _grid(found, [(row, max(error, least)) for row, error in errors[name]])
        colours = LogNorm(min(least, largest / 2), largest)
        image = axes.imshow(shown, cmap="YlOrRd", norm=colours, interpolation="none", aspect="auto", origin="lower")
        figure.colorbar(image, ax=axes, label=FIGURES[figure_name], pad=0.02, fraction=0.06, aspect=30)
        image.set_gid(f"losses-{name}")  # else equal pictures would have one identifier
        losing = lost(found, name)
        places = [layers.index(row.layer) for row in losing], [row.place for row in losing]
        axes.plot(*places, "x", color="#12212E", markersize=5, markeredgewidth=1.4)
        axes.set_title(f"{name}: {len(losing)} of {len(errors[name])} heads lose sets (×)", fontsize=10.5)
        _axes(axes, layers)
    for axes in panels[len(names) :]:
        axes.remove()
    first, loss = first_to_lose(found, worst)[0]
    title = f"Keys in {worst}: {head_name(first)} has the largest {FIGURES[figure_name]}, {loss.median:.2g}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return figure


@mpl.rc_context(STYLE)
def reach_map(found: Findings) -> Figure:
    """A panel for each kind and size of sets: layers across, heads up, the share of sets within reach as colour."""
    sizes, places, layers = found.sparsities, _places(found), _layers(found)
    figure = sheet(4.9 * len(KINDS) + 0.6, _height(places) * len(sizes) + 0.4)
    panels = figure.subplots(len(sizes), len(KINDS), squeeze=False, sharex=True, sharey=True)
    image: Any = None
    for down, size in enumerate(sizes):
        for axes, kind in zip(panels[down], KINDS, strict=True):
            shares = [(row, row.reach[kind][size].median) for row in found.heads if size in row.reach[kind]]
            image = axes.imshow(
                _grid(found, shares),
                cmap="viridis",
                vmin=0,
                vmax=1,
                interpolation="none",
                aspect="auto",
                origin="lower",
            )
            image.set_gid(f"reach-{kind}-{size}")
            count = len(able(found, size, kind))
            axes.set_title(f"{kind} sets, q = {size}: {count} of {found.heads_count} heads", fontsize=10.5)
            _axes(axes, layers)
    figure.colorbar(image, ax=panels.ravel().tolist(), label="share of sets within reach", **_BAR)
    return figure


@mpl.rc_context(STYLE)
def existence_chart(curve: Curve) -> Figure:
    """Shares of sets that exist against their size: measured over all keys, and predicted."""
    figure = sheet(6.4, 3.6 + 4 * TEXT_LINE)
    axes = figure.subplots()
    predicted: dict[str, Any] = {"color": "#4D4D4D", "linestyle": "-", "linewidth": 1.4}
    middle: dict[str, Any] = {"color": "#4D4D4D", "linestyle": ":", "linewidth": 1.2}
    axes.grid(color="#E3E6EA", linewidth=0.7)
    axes.plot(*zip(*curve.predicted, strict=True), zorder=2, **predicted)
    axes.axvline(curve.threshold, zorder=1, **middle)
    for number, (kind, points) in enumerate(curve.measured.items()):
        places = np.array([point.q for point in points]) * (1 + 0.015 * (2 * number - 1))
        medians = np.array([point.median for point in points])
        bars = [medians - [point.low for point in points], [point.high for point in points] - medians]
        axes.errorbar(places, medians, yerr=bars, zorder=3 + number, elinewidth=1.2, **_points(kind))
    axes.set_xlabel("size of the set q")
    axes.set_ylabel("share of sets")
    axes.set_ylim(-0.04, 1.04)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    handles = [
        Line2D([], [], label=f"{kind} sets: median over keys (bar: 10 % to 90 %)", **_points(kind)) for kind in KINDS
    ]
    handles += [
        Line2D([], [], label="predicted for generic (Gaussian) keys", **predicted),
        Line2D([], [], label="threshold of the closed form", **middle),
    ]
    legend(figure, handles)
    return figure


_BAR: dict[str, Any] = {"fraction": 0.03, "pad": 0.015, "aspect": 60}


def _places(found: Findings) -> int:
    return max(row.place for row in found.heads) + 1


def _layers(found: Findings) -> list[int]:
    return sorted({row.layer for row in found.heads})


def _height(places: int) -> float:
    """Inches of a panel."""
    return 0.9 + min(2.6, max(1.1, 0.16 * places))


def _grid(found: Findings, values: Sequence[tuple[HeadRow, float]]) -> np.ndarray:
    """(places, layers), NaN where there is no value."""
    layers = _layers(found)
    shown = np.full((_places(found), len(layers)), np.nan)
    for row, value in values:
        shown[row.place, layers.index(row.layer)] = value
    return shown


def _axes(axes: Axes, layers: list[int]) -> None:
    """Ticks at layers and heads, and what they are."""
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.xaxis.set_major_formatter(lambda place, _: str(layers[int(place)]) if place in range(len(layers)) else "")
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("layer")
    axes.set_ylabel("head")
    axes.label_outer()


def _points(kind: str) -> dict[str, Any]:
    return {"color": _COLOURS[kind], "marker": _MARKERS[kind], "linestyle": "none", "markersize": 5}
