"""Figures of a probe of attention heads: maps of reach, existence curves, needed norms."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, ScalarFormatter

from assay.probing.headline import able
from assay.report.drawing import STYLE, TEXT_LINE, distinct_colours, legend, sheet

Probe = dict[str, Any]

_COLOURS = dict(zip(("random", "contiguous"), distinct_colours(), strict=False))
_GOLDEN = 0.618034
_MARKERS = {"random": "o", "contiguous": "s"}
_TITLES = {
    "exists": "exists: equal scores on the set, smaller elsewhere",
    "separates": "separates: larger scores on the set",
}


@mpl.rc_context(STYLE)
def reach_map(probe: Probe) -> Figure:
    """A panel for each kind and size of sets: layers across, heads up, the share of sets within reach as colour."""
    kinds, sizes = list(probe["kinds"]), probe["sparsities"]
    layers = sorted({row["layer"] for row in probe["heads"]})
    places = max(row["place"] for row in probe["heads"]) + 1
    height = 0.9 + min(2.6, max(1.1, 0.16 * places))
    figure = sheet(4.9 * len(kinds) + 0.6, height * len(sizes) + 0.4)
    panels = figure.subplots(len(sizes), len(kinds), squeeze=False, sharex=True, sharey=True)
    image: Any = None
    for down, size in enumerate(sizes):
        for across, kind in enumerate(kinds):
            axes = panels[down][across]
            shares = np.full((places, len(layers)), np.nan)
            for row in probe["heads"]:
                shares[row["place"], layers.index(row["layer"])] = row["reach"][kind].get(str(size), np.nan)
            image = axes.imshow(
                shares, cmap="viridis", vmin=0, vmax=1, interpolation="none", aspect="auto", origin="lower"
            )
            image.set_gid(f"reach-{kind}-{size}")  # else equal pictures would have one identifier
            count = len(able(probe, size, kind))
            axes.set_title(f"{kind} sets, q = {size}: {count} of {probe['heads_count']} heads", fontsize=10.5)
            axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
            if down == len(sizes) - 1:
                axes.set_xlabel("layer")
            if across == 0:
                axes.set_ylabel("head")
    bar: dict[str, Any] = {"fraction": 0.03, "pad": 0.015, "aspect": 60}
    figure.colorbar(image, ax=panels.ravel().tolist(), label="share of sets within reach", **bar)
    return figure


@mpl.rc_context(STYLE)
def existence_chart(probe: Probe) -> Figure:
    """Shares of sets that exist or are separated against their size: measured over all keys, and predicted."""
    figure = sheet(5.0 * len(probe["curves"]) + 0.2, 3.6 + 4 * TEXT_LINE)
    panels = figure.subplots(1, len(probe["curves"]), squeeze=False)[0]
    predicted: dict[str, Any] = {"color": "#4D4D4D", "linestyle": "-", "linewidth": 1.4}
    middle: dict[str, Any] = {"color": "#4D4D4D", "linestyle": ":", "linewidth": 1.2}
    for axes, (asked, curve) in zip(panels, probe["curves"].items(), strict=True):
        axes.grid(color="#E3E6EA", linewidth=0.7)
        axes.set_title(_TITLES[asked], fontsize=10.5)
        sizes, shares = zip(*curve["predicted"], strict=True)
        axes.plot(sizes, shares, zorder=2, **predicted)
        axes.axvline(curve["threshold"], zorder=1, **middle)
        for number, (kind, points) in enumerate(curve["measured"].items()):
            places = np.array([point["q"] for point in points]) * (1 + 0.015 * (2 * number - 1))
            medians = [point["median"] for point in points]
            low = [point["median"] - point["low"] for point in points]
            high = [point["high"] - point["median"] for point in points]
            axes.errorbar(places, medians, yerr=[low, high], zorder=3 + number, elinewidth=1.2, **_points(kind))
        axes.set_xlabel("size of the set q")
        axes.set_ylim(-0.04, 1.04)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    panels[0].set_ylabel("share of sets")
    handles = [
        Line2D([], [], label=f"{kind} sets: median over keys (bar: 10 % to 90 %)", **_points(kind))
        for kind in probe["kinds"]
    ]
    handles += [
        Line2D([], [], label="predicted for generic (Gaussian) keys", **predicted),
        Line2D([], [], label="threshold of the closed form", **middle),
    ]
    legend(figure, handles)
    return figure


@mpl.rc_context(STYLE)
def norm_chart(probe: Probe) -> Figure:
    """Needed norm over the norm in use against the size of the sets, and measured against predicted for every head."""
    figure = sheet(10.2, 3.9 + 3 * TEXT_LINE)
    figure.set_dpi(200)  # of the points, which are drawn as pictures: there may be thousands
    left, right = figure.subplots(1, 2)
    line: dict[str, Any] = {"color": "#A3123A", "linestyle": "--", "linewidth": 1.2}
    left.axhline(1, zorder=1, **line)
    for number, kind in enumerate(probe["kinds"]):
        _draw_ratios(left, probe, kind, (-0.055, 0.055)[number])
    left.set_title("needed norm over the norm in use, by head", fontsize=10.5)
    left.set_xlabel("size of the set q")
    left.set_ylabel("ratio")
    left.set_xscale("log", base=2)
    left.xaxis.set_major_locator(FixedLocator(probe["sparsities"]))
    left.xaxis.set_major_formatter(ScalarFormatter())
    left.set_yscale("log")
    shades = distinct_colours()
    limits: list[float] = []
    for number, size in enumerate(probe["sparsities"]):
        pairs = [
            (row["predicted_ratio"].get(str(size)), row["ratio"]["random"].get(str(size))) for row in probe["heads"]
        ]
        known = [(x, y) for x, y in pairs if x is not None and y is not None]
        if known:
            places, ratios = zip(*known, strict=True)
            limits += [*places, *ratios]
            style: dict[str, Any] = {"marker": "o", "s": 9, "alpha": 0.55, "color": shades[number % len(shades)]}
            right.scatter(places, ratios, label=f"q = {size}", linewidths=0, rasterized=True, **style)
    if limits:
        ends = [min(limits) / 1.2, max(limits) * 1.2]
        right.plot(ends, ends, color="#4D4D4D", linewidth=1, zorder=1)
        right.legend(loc="upper left", handletextpad=0.2, markerscale=2)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_title("random sets: measured against predicted", fontsize=10.5)
    right.set_xlabel("predicted from the keys' covariance")
    right.set_ylabel("median of the head's sets")
    for axes in (left, right):
        axes.grid(color="#E3E6EA", linewidth=0.7)
        axes.yaxis.set_minor_formatter(NullFormatter())
    handles = [
        Line2D([], [], label=f"{kind} sets: one point for a head; bar: 10 %, median, 90 % of heads", **_points(kind))
        for kind in probe["kinds"]
    ]
    legend(figure, [*handles, Line2D([], [], label="queries as long as the head's own (95th percentile)", **line)])
    return figure


def _points(kind: str) -> dict[str, Any]:
    return {"color": _COLOURS[kind], "marker": _MARKERS[kind], "linestyle": "none", "markersize": 5}


def _draw_ratios(axes: Axes, probe: Probe, kind: str, shift: float) -> None:
    """The heads' ratios as points, with their quantiles as a bar; heads without a query for most sets are left out."""
    for size in probe["sparsities"]:
        known = sorted(r for row in probe["heads"] if (r := row["ratio"][kind].get(str(size))) is not None)
        place = size * 2 ** (2 * shift)
        jitter = 2 ** (
            0.12 * (np.arange(len(known)) * _GOLDEN % 1 - 0.5)
        )  # sideways, so that points do not hide others
        dots: dict[str, Any] = {
            **_points(kind),
            "markersize": 2.6,
            "markeredgewidth": 0,
            "alpha": 0.35,
            "rasterized": True,
        }
        axes.plot(place * jitter, known, zorder=2, **dots)
        if known:
            low, middle, high = np.quantile(known, (0.1, 0.5, 0.9))
            axes.plot([place] * 2, [low, high], color=_COLOURS[kind], linewidth=1.8, zorder=3)
            axes.plot(place, middle, color=_COLOURS[kind], marker="_", markersize=13, markeredgewidth=2.4, zorder=4)
