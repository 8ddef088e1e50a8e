"""Charts of a card as Vega-Lite specifications: plain values, drawn in the page by its own copy of the library."""

from __future__ import annotations

from assay.bounds import BOUNDS
from assay.placing.battery import BY_NAME
from assay.placing.card import Card, reached_text
from assay.placing.rows import Placed
from assay.report.vega import Spec, VegaChart
from assay.resources import Resources
from assay.tasks import task_from_json

_TRACKING = ("parity", "s3", "s5")
_MORE = {"induction": "> 2", "two-hops": "> 3"}
_GREY = {"symbolFillColor": "#888", "symbolStrokeColor": "#888"}
_MARK = {"filled": True, "size": 110, "opacity": 0.9}


def charts(card: Card) -> list[VegaChart]:
    """The charts that the card has rows for."""
    return [chart for chart in (_capacity(card), _tracking(card), _depth(card)) if chart is not None]


def _layers(card: Card) -> list[tuple[str, bool, tuple[Placed, ...]]]:
    """Names, whether their rows are of older code, and rows: the card's own last, so that it is drawn on top."""
    known = [(one.name, bool(one.stale), one.placed) for one in card.known]
    return [*known, (card.layer, False, card.placed)]


def _colour(card: Card) -> Spec:
    """Of layers: the card's own stands out."""
    names = [card.layer, *[known.name for known in card.known]]
    scheme = ["#d1342b", *[_PALETTE[place % len(_PALETTE)] for place in range(len(card.known))]]
    return {
        "field": "layer",
        "type": "nominal",
        "sort": names,
        "title": "layer",
        "scale": {"domain": names, "range": scheme},
        "legend": {"orient": "bottom", "columns": 2, "labelLimit": 320},
    }


_PALETTE = [
    "#3b6fb6",
    "#6aa84f",
    "#8e63b5",
    "#c27c1f",
    "#4aa3a2",
    "#b0609a",
    "#7a7f36",
    "#56708a",
    "#a3643f",
    "#5b8f6b",
    "#8888c8",
    "#b58a9c",
]


def _capacity(card: Card) -> VegaChart | None:
    """Largest number of pairs against state bits, and what the information bound asks for."""
    values = [
        {
            "layer": name,
            "state": placed.state_bits,
            "pairs": placed.value or placed.ladder[-1] / 2,
            "width": placed.width,
            "reached": reached_text(BY_NAME["recall"], placed),
            "stale": stale,
            "of": "this layer" if name == card.layer else "known layers",
        }
        for name, stale, rows in _layers(card)
        for placed in rows
        if placed.row == "recall" and placed.state_bits and not placed.failed
    ]
    if not values:
        return None
    row = BY_NAME["recall"]
    empty = Resources(precision=1, state=lambda tokens: 0)
    line = [
        (BOUNDS["recall-state"]().check(task_from_json({**row.sweep["task"], "pairs": pairs}), empty).required, pairs)
        for pairs in row.search["values"]
    ]
    x = {
        "field": "state",
        "type": "quantitative",
        "scale": {"type": "log", "base": 2, "nice": False},
        "title": "state bits behind the last token",
        "axis": {"format": ",d"},
    }
    y = {"field": "pairs", "type": "quantitative", "scale": {"type": "log", "base": 2}, "title": "most pairs recalled"}
    points: Spec = {
        "data": {"values": values},
        "mark": {"type": "point", **_MARK},
        "encoding": {
            "x": x,
            "y": y,
            "color": _colour(card),
            "size": {"condition": {"test": {"field": "layer", "equal": card.layer}, "value": 260}, "value": 90},
            "shape": {
                "field": "of",
                "type": "nominal",
                "title": None,
                "legend": _GREY,
                "scale": {"domain": ["this layer", "known layers"], "range": ["diamond", "circle"]},
            },
            "opacity": {"condition": {"test": "datum.stale", "value": 0.3}, "value": 0.9},
            "tooltip": [{"field": name} for name in ("layer", "reached", "width", "state")],
        },
    }
    bound: Spec = {
        "data": {"values": [{"state": required, "pairs": pairs} for required, pairs in line]},
        "mark": {"type": "line", "strokeDash": [6, 4], "color": "#888", "point": {"color": "#888"}},
        "encoding": {"x": x, "y": y, "tooltip": [{"field": "state", "title": "least bits"}, {"field": "pairs"}]},
    }
    caption = (
        "Up and left is better. Points: the most pairs that most seeds learned, at widths 16, 32 and 64; half the "
        "smallest that was tried where they learned none. Dashed: the least bits that any network needs for so many "
        "pairs at this error rate (recall-state, proved). Layers that declare no state are left out."
    )
    return VegaChart("capacity", "Capacity: pairs recalled against state", caption, {"layer": [points, bound]})


def _tracking(card: Card) -> VegaChart | None:
    """Error against length on the group words."""
    values = [
        {"layer": name, "row": BY_NAME[placed.row].short, "times": times, "error": error, "stale": stale}
        for name, stale, rows in _layers(card)
        for placed in rows
        if placed.row in _TRACKING and not placed.failed
        for times, error in ((1, placed.error), *((t, e[len(e) // 2]) for t, e in placed.lengths.items()))
    ]
    if not values:
        return None
    encoding: Spec = {
        "x": {"field": "times", "type": "ordinal", "title": "times the length of training", "axis": {"labelAngle": 0}},
        "y": {"field": "error", "type": "quantitative", "title": "error rate", "scale": {"domain": [0, 1]}},
        "color": _colour(card),
        "opacity": {"condition": {"test": "datum.stale", "value": 0.3}, "value": 0.9},
        "tooltip": [{"field": name} for name in ("layer", "row", "times", "error")],
    }
    spec: Spec = {
        "data": {"values": values},
        "facet": {
            "column": {
                "field": "row",
                "type": "nominal",
                "title": None,
                "sort": [BY_NAME[name].short for name in _TRACKING],
            }
        },
        "spec": {
            "width": 210,
            "height": 220,
            "layer": [
                {
                    "transform": [{"filter": {"field": "layer", "oneOf": [one]}}]
                    if one
                    else [{"filter": {"not": {"field": "layer", "equal": card.layer}}}],
                    "mark": {"type": "line", "point": True, "strokeWidth": 3 if one else 1.5},
                    "encoding": encoding,
                }
                for one in ("", card.layer)
            ],
        },
    }
    caption = (
        "Median over the seeds; beyond the length of training only positions beyond it are counted. Learned: up to .05."
    )
    return VegaChart("tracking", "State tracking: error against length", caption, spec)


def _depth(card: Card) -> VegaChart | None:
    """Fewest layers for one hop and for two."""
    values = []
    for name, stale, rows in _layers(card):
        by_row = {placed.row: placed for placed in rows if not placed.failed}
        one, two, hops = (by_row.get(row) for row in ("induction", "induction-two", "two-hops"))
        if one is not None and (one.value is not None or two is not None):
            fewest = 1 if one.value is not None else 2 if two is not None and two.value is not None else None
            layers = str(fewest or _MORE["induction"])
            values.append({"layer": name, "question": "one hop (induction)", "layers": layers, "stale": stale})
        if hops is not None:
            layers = str(hops.value or _MORE["two-hops"])
            values.append({"layer": name, "question": "two hops", "layers": layers, "stale": stale})
    if not values:
        return None
    names = [card.layer, *[known.name for known in card.known]]
    spec: Spec = {
        "data": {"values": values},
        "width": "container",
        "height": {"step": 22},
        "mark": {"type": "point", **_MARK},
        "encoding": {
            "x": {
                "field": "layers",
                "type": "ordinal",
                "title": "fewest layers",
                "scale": {"domain": ["1", "2", "3", "> 2", "> 3"]},
                "axis": {"labelAngle": 0, "grid": True},
            },
            "y": {"field": "layer", "type": "nominal", "sort": names, "title": None, "axis": {"labelLimit": 260}},
            "shape": {"field": "question", "type": "nominal", "title": None, "legend": {"orient": "bottom", **_GREY}},
            "color": {
                "condition": {"test": {"field": "layer", "equal": card.layer}, "value": "#d1342b"},
                "value": "#3b6fb6",
            },
            "opacity": {"condition": {"test": "datum.stale", "value": 0.3}, "value": 0.9},
            "tooltip": [{"field": name} for name in ("layer", "question", "layers")],
        },
    }
    caption = "Layers of width 32 that most seeds learned with; &gt;: not with as many, within this budget."
    return VegaChart("depth", "Depth: layers for one hop and two", caption.replace("&gt;", ">"), spec)
