"""What charts of boundaries are made of: a row for every point, and one layer for each way to draw one.

Verdicts differ in shape: filled markers with bars over seeds are learned, arrows not learned within the budget, hollow
markers on lines constructed, areas from the bottom impossible: grey for the mean error, paler and dashed for the worst
case.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from assay.report.looks import DASHES, DOWN, GREY, MARKERS, SOFT, UP, Look
from assay.report.sweeps import Sweep
from assay.report.vega import Row, Spec, names, numbers, one_of, tooltip, where
from assay.report.words import power_text
from assay.results.frontier import Point, Series

_WIDE = 16  # parameters that vary by a larger factor have logarithmic axes, and so has the length
_STEPS = 12  # of a fitted law's line
_FEW, _TICKS = 3, 8  # on an axis
_STRIP = 26  # pixels of a region beside a point that say what the point does


@dataclass(frozen=True)
class _Region:
    """How an area is drawn that is impossible, with its edge."""

    colour: str
    opacity: float
    dash: tuple[int, int]
    said: str


_REGIONS = {
    "worst": _Region(SOFT, 0.2, (4, 3), "worst case"),
    "mean": _Region(GREY, 0.45, (1, 0), "mean"),
}


@dataclass(frozen=True)
class Drawn:
    """One boundary on a chart.

    Attributes:
        series: its points.
        label: what it is called.
        look: its colour and marker.
        dash: of its line.
        panel: in which it stands; empty where there is one.
        line: of a law that was fitted to it: places and sizes.
    """

    series: Series
    label: str
    look: Look
    dash: Sequence[int] = (1, 0)
    panel: str = ""
    line: Sequence[tuple[float, float]] = ()

    @property
    def filled(self) -> bool:
        """Whether its markers are."""
        return self.series.verdict == "learned" or (self.series.verdict, self.series.error_kind) == (
            "impossible",
            "mean",
        )


@dataclass(frozen=True)
class Axes:
    """The axes of a chart of boundaries.

    Attributes:
        symbol: of the horizontal one.
        x, y: channels.
        bottom: of the vertical one: where areas begin.
    """

    symbol: str
    x: Spec
    y: Spec
    bottom: float


def learned(series: Series, look: Look, symbol: str, *, named: bool) -> Drawn:
    """Of what was learned, with its law; with the architecture's name if `named`."""
    said = power_text(series.growth, symbol)
    label = (f"{series.architecture}, learned" if named else "learned") + (f"; dashed: {said}" if said else "")
    return Drawn(series, label, look, line=law(series))


def constructed(every: Iterable[Series], look: Mapping[str, Look], *, within: str) -> list[Drawn]:
    """Of explicit weights: a marker for each method; the model is named unless it is `within` the chart's own."""
    drawn = []
    for series, marker, dash in zip(every, cycle(MARKERS), cycle(DASHES), strict=False):
        model = "" if series.architecture == within else f" in {series.architecture}"
        label = f"constructed{model}: {series.source} ({_made_of(series)})"
        drawn.append(Drawn(series, label, Look(look[series.architecture].colour, marker), dash))
    return drawn


def impossible(every: Iterable[Series], *, panel: str = "") -> list[Drawn]:
    """Of bounds that exclude something."""
    found = []
    for series in every:
        region = _REGIONS[series.error_kind]
        if any(point.width for point in series.points):
            label = f"impossible ({region.said}): {series.source}"
            found.append(Drawn(series, label, Look(region.colour, "square"), panel=panel))
    return found


def law(series: Series, *, logarithm: bool = False) -> list[tuple[float, float]]:
    """Places and sizes of the power law, or of the logarithm, that was fitted; between its first and last point."""
    power, log = series.growth.power, series.growth.logarithm
    places = [point.x for point in series.points if not point.censored]
    if power is None or log is None or len(places) < 2:
        return []
    at = [places[0] * (places[-1] / places[0]) ** (step / _STEPS) for step in range(_STEPS + 1)]
    found = [(x, log[0] + log[1] * math.log(x) if logarithm else power[0] * x ** power[1]) for x in at]
    return [(float(f"{x:.5g}"), float(f"{size:.5g}")) for x, size in found if size >= 1]


def rows(drawn: Iterable[Drawn]) -> list[Row]:
    """One for each point of each boundary, and those of the lines of laws."""
    return [row for one in drawn for row in _rows(one)]


def layers(drawn: Sequence[Drawn], axes: Axes, field: str, *, columns: int | None = None) -> list[Spec]:
    """All layers of a chart, what is impossible behind what is constructed and learned."""
    present = {(one.series.verdict, one.series.error_kind) for one in drawn}
    look, said = _channels(drawn, columns), _said(axes.symbol, field)
    xy: Spec = {"x": axes.x, "y": axes.y}
    found: list[Spec] = []
    for kind in ("worst", "mean"):
        if ("impossible", kind) in present:
            found += _region(kind, drawn, axes, said)
    lines: Spec = {**xy, "stroke": look["stroke"], "detail": {"field": "label"}}
    found.append(
        {
            **where(verdict="fitted"),
            "mark": {"type": "line", "strokeDash": [5, 3], "strokeWidth": 1.2},
            "encoding": lines,
        }
    )
    if any(one.series.verdict == "constructed" for one in drawn):
        mark = {"type": "line", "strokeWidth": 1.3, "opacity": 0.8}
        found.append(
            {**where(verdict="constructed"), "mark": mark, "encoding": {**lines, "strokeDash": look["strokeDash"]}}
        )
    bare = [one.label for one in drawn if one.series.verdict == "learned" and not one.line]
    if bare:
        found.append(
            {
                **one_of("label", bare, verdict="learned"),
                "mark": {"type": "line", "strokeWidth": 1.2, "opacity": 0.5},
                "encoding": lines,
            }
        )
    spread: Spec = {**lines, "y": {**axes.y, "field": "low"}, "y2": {"field": "high"}}
    seeds: Spec = {"transform": [{"filter": {"field": "low", "valid": True}}]}
    found.append({**seeds, "mark": {"type": "rule", "strokeWidth": 2.4}, "encoding": spread})
    found.append(
        {
            **one_of("verdict", ["learned", "constructed"]),
            "mark": {"type": "point", "size": 62, "strokeWidth": 1.4, "opacity": 1},
            "encoding": {**xy, **{name: look[name] for name in ("stroke", "fill", "shape")}, "tooltip": said},
        }
    )
    return [*found, *_signs(drawn, xy, look, said)]


def axes(drawn: Sequence[Drawn], sweep: Sweep, vertical: str, *, linear: bool | None = None, across: str = "") -> Axes:
    """Axes around these boundaries: logarithmic, or linear, see `is_linear`."""
    shown = [row for row in rows(drawn) if row["verdict"] != "fitted"]
    places = sorted({_number(row["x"]) for row in shown}) or [1.0]
    heights = [_number(row[name]) for row in shown for name in ("size", "high") if row.get(name)] or [1.0]
    title = across or f"{sweep.along} {sweep.symbol}"
    if is_linear(sweep) if linear is None else linear:
        x = numbers("x", title, scale={"domain": [0, 1.06 * places[-1]], "nice": False}, axis=_whole(8))
        y = numbers("size", vertical, scale={"domain": [0, 1.12 * max(heights)], "nice": False}, axis=_whole(7))
        return Axes(sweep.symbol, x, y, 0.0)
    bottom = max(0.8, min(heights) / 1.6)
    x = numbers("x", title, **logarithmic(places[0] / 1.2, places[-1] * 1.2, places))
    y = numbers("size", vertical, **logarithmic(bottom, max(heights) * 1.6))
    return Axes(sweep.symbol, x, y, bottom)


def logarithmic(low: float, high: float, places: Sequence[float] = ()) -> Spec:
    """Scale and axis of a channel from `low` to `high`: ticks at powers of two, or at `places` where these are few."""
    ticks = [1 << power for power in range(64) if low <= 1 << power <= high] or [round(high)]
    if len(ticks) < _FEW and places:
        ticks = list(places)
    ticks = ticks[:: 1 + (len(ticks) - 1) // _TICKS]
    scale: Spec = {"type": "log", "base": 2, "domain": [low, high], "nice": False}
    return {"scale": scale, "axis": {"values": ticks, "format": ",~r"}}


def is_linear(sweep: Sweep) -> bool:
    """Whether the charts of a sweep have linear axes."""
    places = [point.x for series in sweep.series for point in series.points] or [1]
    return sweep.along != "length" and max(places) <= _WIDE * min(places)


def signs_text(drawn: Iterable[Drawn]) -> str:
    """What arrows and signs on a chart mean; empty without any."""
    points = [(one.series, point) for one in drawn if one.series.verdict == "learned" for point in one.series.points]
    said = []
    if any(point.censored or None in point.seeds for _, point in points):
        said.append("arrows: not learned within this budget by most seeds (large) or some (small)")
    if any(series.largest and point.first for series, point in points):
        said.append("\N{GREATER-THAN OR EQUAL TO}: the largest value that was tried")
    return "; ".join(said)


def _rows(one: Drawn) -> Iterator[Row]:
    series = one.series
    own: Row = {
        **({"panel": one.panel} if one.panel else {}),
        "label": one.label,
        "by": series.architecture,
    }
    for point in series.points:
        if series.verdict == "learned":
            yield {**own, **_learned(series, point)}
        elif series.verdict == "constructed":
            yield {**own, **_at(series, point), "source": series.source, "bits": point.precision}
        elif point.width:
            bits = {"bits": point.precision} if "bits" in series.resource else {}
            yield {**own, **_at(series, point), "source": series.source, **bits}
    for x, size in one.line:
        yield {**own, "verdict": "fitted", "x": x, "size": size}


def _at(series: Series, point: Point) -> Row:
    """A bound that excludes a whole number of something holds below the next."""
    above = int(series.verdict == "impossible" and isinstance(point.width, int))
    return {"verdict": series.verdict, "error": series.error_kind, "x": point.x, "size": point.width + above}


def _learned(series: Series, point: Point) -> Row:
    around = [point.width, *(seed for seed in point.seeds if seed is not None)]
    found: dict[str, object] = {**_at(series, point), "low": min(around), "high": max(around)}
    found["seeds"] = ", ".join("none" if seed is None else f"{seed:,}" for seed in point.seeds)
    found["parameters"] = point.parameters or None
    if point.censored:
        found["verdict"] = "not learned"
    if point.censored or None in point.seeds:
        found["arrow"] = "down" if series.largest else "up"
    if series.largest and point.first:
        found["sign"] = "\N{GREATER-THAN OR EQUAL TO}"
    return found


def _channels(drawn: Sequence[Drawn], columns: int | None) -> Spec:
    """Outline, filling, shape and dashes by label, with one legend for the four."""
    legend: Spec = {"symbolSize": 70, "symbolOpacity": 1, **({} if columns is None else {"columns": columns})}
    colours = [one.look.colour for one in drawn]
    fillings = [one.look.colour if one.filled else "transparent" for one in drawn]
    markers, dashes = [one.look.marker for one in drawn], [list(one.dash) for one in drawn]
    ranges = {"stroke": colours, "fill": fillings, "shape": markers, "strokeDash": dashes}
    return {channel: names("label", legend=legend, scale=_scale(drawn, values)) for channel, values in ranges.items()}


def _scale(drawn: Sequence[Drawn], values: Sequence[object]) -> Spec:
    return {"domain": [one.label for one in drawn], "range": list(values)}


def _said(symbol: str, field: str) -> list[Spec]:
    return tooltip(
        *("verdict", "by", "source", "error", "x", "size", "seeds", "bits", "parameters"),
        source={"title": "method"},
        x={"title": symbol, "format": ",d"},
        size={"title": field, "format": ",~r"},
        bits={"title": "bits per number"},
        parameters={"format": ",d"},
    )


def _region(kind: str, drawn: Sequence[Drawn], axes: Axes, said: list[Spec]) -> list[Spec]:
    """An area from the bottom for each bound, its edge, and strips that say what holds below each point."""
    look = _REGIONS[kind]
    own = where(verdict="impossible", error=kind)
    bounds = [one for one in drawn if (one.series.verdict, one.series.error_kind) == ("impossible", kind)]
    lone = [one.label for one in bounds if sum(point.width > 0 for point in one.series.points) == 1]
    below: Spec = {"x": axes.x, "y": axes.y, "y2": {"datum": axes.bottom}}
    apart: Spec = {"detail": {"field": "label"}}
    titles = {"size": "smaller is impossible than", "source": "bound"}
    told = [{**one, **({"title": titles[str(one["field"])]} if one["field"] in titles else {})} for one in said]
    area: Spec = {"type": "area", "color": look.colour, "opacity": look.opacity}
    edge: Spec = {"type": "line", "stroke": look.colour, "strokeDash": look.dash, "strokeWidth": 1.2}
    strip: Spec = {"type": "rule", "strokeWidth": _STRIP, "opacity": 0}
    found: list[Spec] = [
        {**own, "mark": area, "encoding": {**below, **apart}},
        {**own, "mark": edge, "encoding": {"x": axes.x, "y": axes.y, **apart}},
        {**own, "mark": strip, "encoding": {**below, "tooltip": told}},
    ]
    if lone:  # an area of one point has no width
        bar: Spec = {"type": "rule", "color": look.colour, "strokeWidth": 6, "opacity": look.opacity}
        found.append({**one_of("label", lone), "mark": bar, "encoding": below})
    return found


def _signs(drawn: Sequence[Drawn], xy: Spec, look: Spec, said: list[Spec]) -> list[Spec]:
    """Arrows where nothing was learned, small ones where some seeds were; signs at the ends of what was tried."""
    points = [(one.series, point) for one in drawn if one.series.verdict == "learned" for point in one.series.points]
    found: list[Spec] = []
    coloured: Spec = {"stroke": look["stroke"], "fill": look["fill"], "tooltip": said}
    for towards, shape, field in (("up", UP, "high"), ("down", DOWN, "low")):
        if not any(
            (point.censored or None in point.seeds) and series.largest == (towards == "down")
            for series, point in points
        ):
            continue
        end: Spec = {**xy, "y": {**_channel(xy, "y"), "field": field}, **coloured}
        for verdict, size in (("not learned", 90), ("learned", 26)):
            mark: Spec = {"type": "point", "shape": shape, "size": size, "strokeWidth": 0.8, "opacity": 1}
            found.append({**where(verdict=verdict, arrow=towards), "mark": mark, "encoding": end})
    if any(series.largest and point.first for series, point in points):
        text: Spec = {**xy, "text": {"field": "sign"}, "stroke": look["stroke"]}
        found.append(
            {**where(verdict="learned"), "mark": {"type": "text", "dy": -13, "fontSize": 13}, "encoding": text}
        )
    return found


def _channel(encoding: Spec, name: str) -> Spec:
    channel = encoding[name]
    assert isinstance(channel, dict)
    return channel


def _whole(count: int) -> Spec:
    return {"tickCount": count, "tickMinStep": 1, "format": ",d"}


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _made_of(series: Series) -> str:
    """Bits per number, and the depth where it is not 1."""
    bits = sorted({point.precision for point in series.points})
    said = f"{bits[0]} bits" if len(bits) == 1 else f"{bits[0]} to {bits[-1]} bits"
    return f"{said}, depth {series.depth}" if series.depth > 1 else said
