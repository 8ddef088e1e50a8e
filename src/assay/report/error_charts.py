"""Charts of errors at every size, of state bits, and of bits per number, on one sweep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import cycle
from statistics import median

from assay.report import boundaries, words
from assay.report.boundaries import Drawn
from assay.report.looks import DASHES, GREY, MARKERS, SERIES, Look
from assay.report.messages import listed
from assay.report.states import Held, StateChart
from assay.report.sweeps import Sweep
from assay.report.vega import Row, Spec, VegaChart, names, numbers, tooltip, where
from assay.results.frontier import Point, Series
from assay.results.grids import Curve, Grid

_HEIGHT = 340
_DIVERGED = 1e6  # errors above are of runs that diverged


def error_charts(sweep: Sweep, look: dict[str, Look]) -> Iterator[VegaChart]:
    """State bits, then grids, then bits per number: those that a sweep has."""
    for states in sweep.states:
        yield _state_chart(sweep, states, look)
    for grid in sweep.grids:
        yield _grid_chart(sweep, grid, look)
    if sweep.precisions:
        yield _precision_chart(sweep)


def _state_chart(sweep: Sweep, states: StateChart, look: dict[str, Look]) -> VegaChart:
    """State bits of what was learned against a parameter of the task, and what bounds require there."""
    drawn = [
        Drawn(_held(name, held), f"{name}, learned", look[name.partition(" (by ")[0]])
        for name, held in states.learned.items()
    ]
    required = [
        Series("", "any causal network", bound, "impossible", "mean", tuple(Point(at, bits) for at, bits in needed))  # ty: ignore
        for bound, needed in states.required.items()
    ]
    drawn += boundaries.impossible(required)
    axes = boundaries.axes(drawn, sweep, "state bits", linear=False, across=states.symbol)
    said = [f"State bits against {states.symbol}, logarithmic axes", boundaries.signs_text(drawn)]
    spec: Spec = {"height": _HEIGHT, "layer": boundaries.layers(drawn, axes, "state bits")}
    return VegaChart(
        words.file_name(f"{sweep.name}.state-{states.symbol}"),
        _state_message(states),
        f"{'; '.join(filter(None, said))}.",
        words.STATE_CAPTION,
        spec,
        boundaries.rows(drawn),
        "widths",
        sweep.name,
    )


def _held(name: str, held: tuple[Held, ...]) -> Series:
    """What was learned in so many bits, as a boundary."""
    points = tuple(Point(one.at, one.bits, censored=one.censored, first=one.more) for one in held)
    return Series("", name, "training", "learned", "mean", points, largest=any(one.more for one in held))


def _state_message(states: StateChart) -> str:
    """The least state bits that were learned with at the largest value, and what bounds require there."""
    known = [(one.at, one.bits, name) for name, held in states.learned.items() for one in held if not one.censored]
    if not known:
        return "Nothing was learned within this budget"
    at = max(one[0] for one in known)
    found = sorted((bits, name) for place, bits, name in known if place == at)
    said = listed([f"{name} with {bits:,}" for bits, name in found])
    needed = max((bits for required in states.required.values() for place, bits in required if place == at), default=0)
    least = f"; no causal network does with fewer than {math.ceil(needed):,}" if needed else ""
    return f"At {states.symbol} = {at:,}, learned in state bits: {said}{least}"


def _grid_chart(sweep: Sweep, grid: Grid, look: dict[str, Look]) -> VegaChart:
    """The error of every value by every seed, the tolerance, and the error that bounds leave each.

    The axis of errors ends a little above the medians; seeds beyond, such as one that diverged, are cut off.
    """
    labels = [_curve_name(curve, grid) for curve in grid.curves]
    rows = [row for label, curve in zip(labels, grid.curves, strict=True) for row in _curve_rows(label, curve)]
    tops = [_error(row) for row in rows if row["shows"] in ("median", "tolerance") and _error(row) < _DIVERGED]
    floors = [_error(row) for row in rows if row["shows"] == "impossible"]
    colours, markers = (
        [look[c.architecture].colour for c in grid.curves],
        [look[c.architecture].marker for c in grid.curves],
    )
    kinds = [dash for dash, _ in zip(cycle(DASHES), labels, strict=False)]
    x: Spec = {
        "x": numbers(
            "at",
            grid.axis,
            scale={"type": "log", "base": 2, "nice": False, "padding": 16},
            axis={"format": ",d", "tickCount": 8},
        )
    }
    y = numbers("error", sweep.mean_error_name, scale={"domain": [0, 1.15 * max([*tops, *floors], default=1) or 1]})
    colour = names("label", sort=labels, scale={"domain": labels, "range": colours}, legend={})
    shape = names("label", sort=labels, scale={"domain": labels, "range": markers}, legend={})
    dash = names("label", legend=None, scale={"domain": labels, "range": kinds})
    said = tooltip(
        *(
            "shows",
            "by",
            "at",
            "value",
            "error",
            "seeds",
            "learned",
            "tolerance",
            "bound",
            "width",
            "parameters",
            "state",
        ),
        at={"title": grid.axis, "format": ",d"},
        error={"format": ".4~g"},
        learned={"title": "seeds that learned"},
        parameters={"format": ",d"},
        state={"title": "state bits", "format": ",d"},
    )
    own: Spec = {**x, "y": y, "color": colour}
    clipped: Spec = {"clip": True}
    points: Spec = {**own, "shape": shape, "tooltip": said}
    layers: list[Spec] = [
        *_floor_layers({**x, "y": y, "tooltip": said}),
        {
            **where(shows="median"),
            "mark": {"type": "line", "strokeWidth": 1.6, **clipped},
            "encoding": {**own, "strokeDash": dash},
        },
        {
            **where(shows="seed"),
            "mark": {"type": "point", "filled": True, "size": 34, "opacity": 0.4, **clipped},
            "encoding": points,
        },
        {
            **where(shows="median"),
            "mark": {"type": "point", "filled": True, "size": 75, "opacity": 1, **clipped},
            "encoding": points,
        },
        {
            **where(shows="tolerance"),
            "mark": {"type": "line", "strokeDash": [2, 3], "color": GREY, "point": {"color": GREY, "size": 14}},
            "encoding": {**x, "y": y, "tooltip": said, "detail": {"field": "label"}},
        },
    ]
    return VegaChart(
        words.file_name(f"{sweep.name}.grid-{grid.axis}-{grid.x}"),
        _grid_message(sweep, grid),
        f"{sweep.mean_error_name.capitalize()} against {grid.axis}; lines: medians, pale: single seeds, dotted: the "
        "tolerance.",
        words.grid_caption(grid),
        {"height": _HEIGHT, "layer": layers},
        rows,
        "grids",
        sweep.name,
    )


def _floor_layers(encoding: Spec) -> list[Spec]:
    """Grey below the errors that bounds leave, a bar at each place that says so."""
    own = where(shows="impossible")
    x, y, said = encoding["x"], encoding["y"], encoding["tooltip"]
    below: Spec = {"x": x, "y": y, "y2": {"datum": 0}}
    apart: Spec = {"detail": {"field": "label"}}
    return [
        {**own, "mark": {"type": "area", "color": GREY, "opacity": 0.4}, "encoding": {**below, **apart}},
        {**own, "mark": {"type": "rule", "color": GREY, "strokeWidth": 3, "opacity": 0.4}, "encoding": below},
        {**own, "mark": {"type": "rule", "strokeWidth": 26, "opacity": 0}, "encoding": {**below, "tooltip": said}},
    ]


def _curve_name(curve: Curve, grid: Grid) -> str:
    placed = any(point.at for point in curve.points)
    return f"{curve.architecture}, by {curve.field}{'' if placed else f': no {grid.axis} declared'}"


def _curve_rows(label: str, curve: Curve) -> Iterator[Row]:
    for point in sorted((one for one in curve.points if one.at), key=lambda one: one.at or 0):
        middle = median(point.errors)
        at: Row = {"label": label, "by": curve.architecture, "at": point.at, "value": f"{curve.field} {point.value:,}"}
        size: Row = {"width": point.width, "parameters": point.parameters, "state": point.state_bits}
        seeds = ", ".join(f"{error:.3g}" for error in point.errors)
        told = {"seeds": seeds, "learned": f"{point.learned} of {len(point.errors)}", "tolerance": point.tolerance}
        yield {**at, "shows": "median", "error": middle, **told, **size}
        yield {**at, "shows": "tolerance", "error": point.tolerance}
        if point.floor:
            yield {**at, "shows": "impossible", "error": point.floor, "bound": point.bound}
        for error in point.errors:
            yield {**at, "shows": "seed", "error": error, **size}


def _error(row: Row) -> float:
    error = row["error"]
    assert isinstance(error, float)
    return error


def _grid_message(sweep: Sweep, grid: Grid) -> str:
    """From which value on each architecture's median is within the tolerance."""
    reached = []
    for curve in grid.curves:
        within = [point.value for point in curve.points if median(point.errors) <= point.tolerance]
        reached.append(
            f"{curve.architecture} at {curve.field} {min(within):,}" if within else f"{curve.architecture} nowhere"
        )
    return f"At {sweep.symbol} = {grid.x:,}, the tolerance is first reached by {listed(reached)}"


def _precision_chart(sweep: Sweep) -> VegaChart:
    """Fewest bits per number of each construction along a sweep: logarithmic in x, linear in bits."""
    methods = [found.method for found in sweep.precisions]
    rows: list[Row] = [
        {
            "method": found.method,
            "x": one.x,
            "bits": one.bits,
            "behind": one.fraction,
            "width": one.width,
            "error": one.error,
        }
        for found in sweep.precisions
        for one in found.points
    ]
    places = [one.x for found in sweep.precisions for one in found.points] or [1]
    most = max((one.bits for found in sweep.precisions for one in found.points), default=1)
    look: Spec = {
        channel: names(
            "method",
            sort=methods,
            legend={},
            scale={"domain": methods, "range": [one for one, _ in zip(cycle(values), methods, strict=False)]},
        )
        for channel, values in (("stroke", SERIES), ("shape", MARKERS))
    }
    xy: Spec = {
        "x": numbers(
            "x", f"{sweep.along} {sweep.symbol}", **boundaries.logarithmic(min(places) / 1.1, max(places) * 1.1)
        ),
        "y": numbers(
            "bits", "bits p", scale={"domain": [0, 1.1 * most], "nice": False}, axis={"tickMinStep": 1, "format": "d"}
        ),
    }
    said = tooltip(
        *("method", "x", "bits", "behind", "width", "error"),
        x={"title": sweep.symbol, "format": ",d"},
        bits={"title": "bits per number"},
        behind={"title": "bits behind the point"},
        error={"title": "largest error seen", "format": ".4~g"},
    )
    layers: list[Spec] = [
        {"mark": {"type": "line", "strokeWidth": 1.4}, "encoding": {**xy, "stroke": look["stroke"]}},
        {
            "mark": {"type": "point", "fill": "transparent", "size": 62, "strokeWidth": 1.4, "opacity": 1},
            "encoding": {**xy, **look, "tooltip": said},
        },
    ]
    return VegaChart(
        words.file_name(f"{sweep.name}.precision"),
        _precision_message(sweep),
        f"Fewest bits per number that constructions need, against {sweep.along} {sweep.symbol} (logarithmic).",
        words.PRECISION_CAPTION,
        {"height": _HEIGHT, "layer": layers},
        rows,
        "precision",
        sweep.name,
    )


def _precision_message(sweep: Sweep) -> str:
    fitted = [(found.per_doubling, found.method) for found in sweep.precisions if found.per_doubling is not None]
    if fitted:
        return f"Each doubling of {sweep.symbol} costs " + listed(
            [f"{method} {slope:.1f} bits" for slope, method in fitted]
        )
    ends = [(found.points[-1], found.method) for found in sweep.precisions if found.points]
    said = [f"{method} takes {point.bits} bits at {sweep.symbol} = {point.x:,}" for point, method in ends]
    return "Per number " + listed(said)
