"""The theorem in one picture: width against N, a panel for each family, with all three sides on the same axes.

Grey areas are impossible, open markers constructed, filled ones learned. Both axes are logarithmic, so that what is
proportional to N rises along the diagonal and a logarithm bends away below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.report.sweeps import ORDER, Sweep
from assay.report.vega import Spec, VegaChart, data, numbers, tooltip
from assay.results.frontier import Point, Series

COLOURS = {
    "attention": "#d1342b",
    "third-order": "#8e63b5",
    "strassen": "#b0609a",
    "recurrent": "#3b6fb6",
    "feed-forward": "#3f8f5b",
}
_OTHER, _GREY, _SOFT = "#7a6a4f", "#8a8f98", "#b9bec6"
MINUS = "\N{MINUS SIGN}"
_HEIGHT, _WIDTH = 300, 270
_LEAST_NAMED = 4  # the height of a region in which its name has room
_IN_A_ROW = 3  # panels
_TICKS = [2**power for power in range(1, 13)]


@dataclass(frozen=True)
class Mark:
    """A point of the picture.

    Attributes:
        x: N.
        width: where it stands; of an impossible region the smallest width above it.
        name: of the construction or bound, or the architecture that learned.
        low, high: of the learned width over seeds; the width itself where there are none.
        says: what is written beside it; empty for nothing.
    """

    x: int
    width: float
    name: str
    low: float
    high: float
    says: str = ""


def theorem_chart(sweep: Sweep) -> VegaChart | None:
    """The picture of one sweep; None unless it goes along several lengths and at least two families learn there."""
    learned = {series.family for series in _of(sweep, "learned")}
    drawn = sweep.along == "length" and len(_lengths(sweep)) > 1 and len(learned) > 1
    return _picture(sweep) if drawn else None


def _lengths(sweep: Sweep) -> set[int]:
    """Every N at which something was trained or has explicit weights: bounds may be asked far beyond."""
    shown = [*_of(sweep, "learned"), *_of(sweep, "constructed")]
    return {point.x for series in shown for point in series.points}


def message(sweep: Sweep) -> str:
    """What the picture shows, in one sentence: widths at the largest N that most families have, learned and by weights.

    The narrowest of each family counts, for explicit weights in numbers of 32 bits where there are such.
    """
    said = []
    for verdict in ("learned", "constructed"):
        narrowest = {family: _narrowest(sweep, family, verdict) for family in _families(sweep)}
        places = [{x for x, _ in found} for found in narrowest.values() if found]
        if len(places) < 2:
            continue
        x = max(set().union(*places), key=lambda place: (sum(place in one for one in places), place))
        widths = {family: dict(found)[x] for family, found in narrowest.items() if x in dict(found)}
        ordered = sorted(widths.items(), key=lambda pair: pair[1])
        said.append(f"{verdict} at N = {x:,}: " + ", ".join(f"{width:,} {family}" for family, width in ordered))
    return "Width " + "; ".join(said) if said else f"Width against N: {sweep.title}"


def _families(sweep: Sweep) -> list[str]:
    """Families that learned something, or have explicit weights, in the order of charts."""
    shown = {series.family for verdict in ("learned", "constructed") for series in _of(sweep, verdict)}
    order = {name: place for place, name in enumerate([*ORDER, *COLOURS])}
    return sorted(shown, key=lambda family: (order.get(family, len(order)), family))


def _of(sweep: Sweep, verdict: str) -> list[Series]:
    return [series for series in sweep.of(verdict) if series.field == "width"]


def _in_float32(series: Series) -> bool:
    """Whether it is built of numbers of at most 32 bits everywhere."""
    return all(point.precision <= 32 for point in series.points)


def _narrowest(sweep: Sweep, family: str, verdict: str) -> list[tuple[int, int]]:
    """The least width at each N; of explicit weights those that are drawn, in 32 bits unless there are none."""
    every = [series for series in _of(sweep, verdict) if series.family == family]
    drawn = _shown(sweep, family) if verdict == "constructed" else every
    found: dict[int, int] = {}
    for series in [one for one in drawn if _in_float32(one)] or drawn:
        for point in series.points:
            if not point.censored:
                found[point.x] = min(point.width, found.get(point.x, point.width))
    return sorted(found.items())


def _picture(sweep: Sweep) -> VegaChart:
    lengths = _lengths(sweep)
    points = [point for series in sweep.series if series.field == "width" for point in series.points]
    widest = max(point.width for point in points if point.x in lengths)
    panels = [_panel(sweep, family, (min(lengths), max(lengths)), widest) for family in _families(sweep)]
    spec: Spec = {"concat": panels, "columns": _IN_A_ROW, "spacing": 16}
    return VegaChart(f"theorem-{sweep.name}", message(sweep), _caption(sweep), spec)


def _caption(sweep: Sweep) -> str:
    """How to read it, and what bounds in bits say where widths say nothing."""
    said = [
        "Both axes are logarithmic: what grows as N rises like the diagonal, a logarithm flattens.",
        f"Filled: learned, a {sweep.mean_error_name} within the tolerance on {sweep.distribution} inputs; bars over "
        "seeds, arrows where nothing was learned within this budget.",
        "Open: explicit weights, certified for every input, with their bits per number where these are more than 32; "
        "dashed: the logarithm fitted to them.",
        "Dark grey: impossible with that mean error, for every architecture of the panel; light grey: with a "
        "worst-case error within the tolerance.",
    ]
    for family in _families(sweep):
        said += _bits_sentence(sweep, family)
    return " ".join(said)


def _bits_sentence(sweep: Sweep, family: str) -> list[str]:
    """What bounds on bits require of a family for which they exclude no width."""
    needed = _needed_bits(sweep, family)
    if needed is None:
        return []
    return [
        f"For {family} no width is impossible at {needed.precision} bits per number: at N = {needed.x:,} the worst "
        f"case needs {math.ceil(needed.required):,} embedding bits."
    ]


def _needed_bits(sweep: Sweep, family: str) -> Point | None:
    """The last point of the strongest worst-case bound on one embedding, where no bound excludes a width.

    It holds for every architecture that is drawn: the least of what each needs.
    """
    needed = []
    for architecture in _architectures(sweep, family):
        bounds = [*_bounds(sweep, architecture, "worst"), *_bounds(sweep, architecture, "mean")]
        if any(point.width for series in bounds for point in series.points):
            return None
        bits = [one for one in bounds if one.resource == "embedding bits" and one.error_kind == "worst"]
        needed.append(max((series.points[-1] for series in bits), key=lambda point: point.required, default=None))
    known = [point for point in needed if point is not None and point.required]
    return min(known, key=lambda point: point.required) if known and len(known) == len(needed) else None


def _architectures(sweep: Sweep, family: str) -> list[str]:
    """Whose widths a family's panel shows."""
    drawn = [*(one for one in _of(sweep, "learned") if one.family == family), *_shown(sweep, family)]
    return list(dict.fromkeys(series.architecture for series in drawn))


def _bounds(sweep: Sweep, architecture: str, kind: str) -> list[Series]:
    found = [one for one in _of(sweep, "impossible") if one.architecture == architecture]
    return [one for one in found if one.error_kind == kind]


def _panel(sweep: Sweep, family: str, span: tuple[int, int], widest: int) -> Spec:
    colour = COLOURS.get(family, _OTHER)
    x = numbers(
        "x",
        "N",
        scale={"type": "log", "base": 2, "domain": [span[0] / 1.2, span[1] * 1.25], "nice": False},
        axis={
            "values": [tick for tick in _TICKS if span[0] <= tick <= span[1]][:: 2 if span[1] > 32 * span[0] else 1],
            "format": "d",
        },
    )
    y = numbers(
        "width",
        "width",
        scale={"type": "log", "base": 2, "domain": [2, 2.5 * widest], "nice": False, "clamp": True},
        axis={"values": [2**power for power in range(1, 14)], "format": "d"},
    )
    layers: list[Spec] = []
    for kind, shade in (("worst", _SOFT), ("mean", _GREY)):
        layers += _region(sweep, family, kind, shade, x, y)
    layers += _unlimited(sweep, family, span, x, y)
    shown = _shown(sweep, family)
    for series in shown:
        layers += _constructed(series, colour, x, y, above=series is not shown[-1] or len(shown) == 1)
    for number, series in enumerate(one for one in _of(sweep, "learned") if one.family == family):
        layers += _learned(series, number, colour, x, y)
    title: Spec = {"text": family, "color": colour, "fontSize": 14, "anchor": "start"}
    return {"title": title, "width": _WIDTH, "height": _HEIGHT, "layer": layers}


def _shown(sweep: Sweep, family: str) -> list[Series]:
    """Constructions that are drawn: of those in 32 bits one, a logarithm if there is one, and all in more bits."""
    every = [one for one in _of(sweep, "constructed") if one.family == family]
    within = [one for one in every if _in_float32(one)]
    best = min(within, key=lambda one: (one.growth.preferred != "logarithm", one.points[-1].width), default=None)
    shown = [*([best] if best else []), *(one for one in every if one not in within)]
    return sorted(shown, key=lambda one: -one.points[-1].width)


def _unlimited(sweep: Sweep, family: str, span: tuple[int, int], x: Spec, y: Spec) -> list[Spec]:
    """A line at the foot of a panel without an impossible region: how many bits are needed all the same."""
    needed = _needed_bits(sweep, family)
    if needed is None:
        return []
    says = f"worst case impossible: fewer than {math.ceil(needed.required)} bits (N = {needed.x:,})"
    mark = Mark(span[1], 2.35, "", 1, 1, says)
    text: Spec = {"type": "text", "align": "right", "dx": 8, "color": "#555b66", "fontSize": 11}
    return [{"data": data([mark]), "mark": text, "encoding": {"x": x, "y": y, "text": {"field": "says"}}}]


def _region(sweep: Sweep, family: str, kind: str, shade: str, x: Spec, y: Spec) -> list[Spec]:
    """The widths that are impossible, with this kind of error, for every architecture that is drawn in the panel.

    Bounds speak of the resources that an architecture declares: what they exclude of one of a family another may have.
    """
    lengths = _lengths(sweep)
    for_each = []
    for architecture in _architectures(sweep, family):
        excluded: dict[int, tuple[int, str]] = {}
        for series in _bounds(sweep, architecture, kind):
            for point in series.points:
                excluded[point.x] = max(excluded.get(point.x, (0, "")), (point.width, series.source))
        for_each.append(excluded)
    places = sorted(lengths.intersection(*for_each)) if for_each else []
    least = [(place, *min(excluded[place] for excluded in for_each)) for place in places]
    marks = [Mark(place, width + 1, name, 1, width + 1) for place, width, name in least]
    if not any(mark.width > 1 for mark in marks):
        return []
    fields = tooltip(
        "name", "x", "width", x={"title": "N"}, width={"title": "impossible below width"}, name={"title": "bound"}
    )
    area: Spec = {
        "data": data(marks),
        "mark": {"type": "area", "color": shade, "opacity": 0.55, "line": {"color": shade}},
        "encoding": {"x": x, "y": y, "y2": {"datum": 2}, "tooltip": fields},
    }
    last = marks[-1]
    name: Spec = {
        "data": data([Mark(last.x, max(2.0, math.sqrt(2 * last.width) / 1.6), last.name, 1, 1, "impossible")]),
        "mark": {"type": "text", "align": "right", "dx": -6, "color": "#555b66", "fontSize": 11},
        "encoding": {"x": x, "y": y, "text": {"field": "says"}},
    }
    return [area, name] if kind == "mean" and last.width > _LEAST_NAMED else [area]


def _constructed(series: Series, colour: str, x: Spec, y: Spec, *, above: bool) -> list[Spec]:
    named = _with_bits(series, series.points[-1])
    marks = [Mark(p.x, p.width, _with_bits(series, p), p.width, p.width) for p in series.points]
    fields = tooltip("name", "x", "width", x={"title": "N"}, name={"title": "constructed by"})
    layers: list[Spec] = [
        {
            "data": data(marks),
            "mark": {
                "type": "line",
                "color": colour,
                "strokeWidth": 1,
                "opacity": 0.75,
                "point": {"filled": False, "fill": "transparent", "stroke": colour, "size": 26},
            },
            "encoding": {"x": x, "y": y, "tooltip": fields},
        }
    ]
    law = series.growth.logarithm
    says = f"constructed, {named}: {marks[-1].width:,}"
    if law is not None and series.growth.preferred == "logarithm":
        offset, slope = law
        places = [series.points[0].x * 2 ** (step / 4) for step in range(65)]
        fitted = [{"x": n, "width": offset + slope * math.log(n)} for n in places if n <= series.points[-1].x]
        layers.append(
            {
                "data": data([row for row in fitted if row["width"] >= 2]),
                "mark": {"type": "line", "color": colour, "strokeDash": [5, 4], "strokeWidth": 1.6},
                "encoding": {"x": x, "y": y},
            }
        )
        sign = "+" if offset > 0 else MINUS
        says = f"constructed, {named}: about {slope * math.log(2):.0f} log2 N {sign} {abs(offset):.0f}"
    layers.append(_label(Mark(marks[-1].x, marks[-1].width, named, 1, 1, says), colour, x, y, above=above))
    return layers


def _with_bits(series: Series, point: Point) -> str:
    """A construction's name, with the bits per number that it has there where these are more than a float32's."""
    return series.source + (f" ({point.precision} bits)" if point.precision > 32 else "")


def _learned(series: Series, number: int, colour: str, x: Spec, y: Spec) -> list[Spec]:
    marks, open_ones = [], []
    for point in series.points:
        known = [seed for seed in point.seeds if seed is not None] or [point.width]
        mark = Mark(point.x, point.width, series.architecture, min(known), max(known))
        (open_ones if point.censored else marks).append(mark)
    fields = tooltip(
        "name", "x", "width", "low", "high", x={"title": "N"}, width={"title": "learned at width"}, name={"title": "by"}
    )
    filled = number == 0
    layers: list[Spec] = [
        {
            "data": data(marks),
            "mark": {"type": "line", "color": colour, "strokeWidth": 1.5, "opacity": 0.6},
            "encoding": {"x": x, "y": y},
        },
        {
            "data": data(marks),
            "mark": {"type": "rule", "color": colour, "strokeWidth": 2},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": data(marks),
            "mark": {"type": "point", "filled": True, "color": colour, "size": 70, "opacity": 1 if filled else 0.55},
            "encoding": {"x": x, "y": y, "tooltip": fields},
        },
        {
            "data": data(open_ones),
            "mark": {
                "type": "point",
                "shape": "triangle-up",
                "filled": True,
                "color": colour,
                "size": 70,
                "yOffset": -5,
            },
            "encoding": {"x": x, "y": y, "tooltip": fields},
        },
    ]
    if marks:
        last = marks[-1]
        says = f"learned: {last.width:,}" if filled else f"{series.architecture}: {last.width:,}"
        layers.append(_label(Mark(last.x, last.width, last.name, 1, 1, says), colour, x, y, above=False, right=True))
    return layers


def _label(mark: Mark, colour: str, x: Spec, y: Spec, *, above: bool, right: bool = False) -> Spec:
    """What is written at the end of a series: to its right, or above or below it towards the left."""
    place: Spec = (
        {"align": "left", "dx": 8, "dy": 1} if right else {"align": "right", "dx": 4, "dy": -9 if above else 12}
    )
    bold: Spec = {"fontWeight": "bold"} if right else {}
    return {
        "data": data([mark]),
        "mark": {"type": "text", "color": colour, "fontSize": 11, **place, **bold},
        "encoding": {"x": x, "y": y, "text": {"field": "says"}},
    }
