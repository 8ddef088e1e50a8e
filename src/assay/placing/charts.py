"""Charts of a card as Vega-Lite specifications: plain values, drawn in the page by its own copy of the library."""

from __future__ import annotations

from collections.abc import Mapping

from assay.bounds import BOUNDS
from assay.placing.battery import BY_NAME
from assay.placing.card import Card, reached_text
from assay.placing.rows import Placed
from assay.report.looks import BLUE, GREY, MARKERS, RED, SERIES
from assay.report.messages import listed
from assay.report.vega import Row, Spec, VegaChart, names, numbers, panels, tooltip, where
from assay.resources import Resources
from assay.tasks import task_from_json

_TRACKING = ("parity", "s3", "s5")
_MORE = {"induction": "> 2", "two-hops": "> 3"}
_OUTLINE = {"symbolFillColor": GREY, "symbolStrokeColor": GREY}
_MARK = {"filled": True, "size": 110, "opacity": 0.9}
_OTHERS = [colour for colour in SERIES if colour != RED]  # of known layers: the card's own stands out
_PALE: Spec = {"condition": {"test": {"field": "stale", "equal": True}, "value": 0.3}, "value": 0.9}


def charts(card: Card) -> list[VegaChart]:
    """The charts that have a point of the card's own layer."""
    drawn = [chart for chart in (_capacity(card), _tracking(card), _depth(card)) if chart is not None]
    return [chart for chart in drawn if any(row.get("layer") == card.layer for row in chart.rows)]


def _layers(card: Card) -> list[tuple[str, bool, tuple[Placed, ...]]]:
    """Names, whether their rows are of older code, and rows: the card's own last, so that it is drawn on top."""
    known = [(one.name, bool(one.stale), one.placed) for one in card.known]
    return [*known, (card.layer, False, card.placed)]


def _colour(card: Card) -> Spec:
    """Of layers: the card's own stands out."""
    order = [card.layer, *[known.name for known in card.known]]
    scheme = [RED, *[_OTHERS[place % len(_OTHERS)] for place in range(len(card.known))]]
    return names("layer", sort=order, title="layer", scale={"domain": order, "range": scheme}, legend={})


def _capacity(card: Card) -> VegaChart | None:
    """Largest number of pairs against state bits, and what the information bound asks for."""
    points: list[Row] = [
        {
            "kind": "layer",
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
    if not points:
        return None
    row = BY_NAME["recall"]
    empty = Resources(precision=1, state=lambda tokens: 0)
    bound: list[Row] = [
        {"kind": "impossible with fewer bits", "state": _required(row.sweep["task"], pairs, empty), "pairs": pairs}
        for pairs in row.search["values"]
    ]
    powers: Spec = {"type": "log", "base": 2, "nice": False}
    x = numbers("state", "state bits behind the last token", scale=powers, axis={"format": ",d"})
    y = numbers("pairs", "most pairs recalled", scale={"type": "log", "base": 2})
    shapes: Spec = {"domain": ["this layer", "known layers"], "range": ["diamond", "circle"]}
    said = tooltip("layer", "kind", "reached", "width", "state", "pairs", state={"title": "state bits", "format": ",d"})
    layers: list[Spec] = [
        {
            **where(kind="impossible with fewer bits"),
            "mark": {"type": "line", "strokeDash": [6, 4], "color": GREY, "point": {"color": GREY}},
            "encoding": {"x": x, "y": y, "tooltip": said},
        },
        {
            **where(kind="layer"),
            "mark": {"type": "point", **_MARK},
            "encoding": {
                "x": x,
                "y": y,
                "color": _colour(card),
                "size": {"condition": {"test": {"field": "layer", "equal": card.layer}, "value": 260}, "value": 90},
                "shape": names("of", legend=_OUTLINE, scale=shapes),
                "opacity": _PALE,
                "tooltip": said,
            },
        },
    ]
    caption = (
        "Points: the most pairs that most seeds learned, at widths 16, 32 and 64; half the smallest that was tried "
        "where they learned none. Dashed: the least bits that any network needs for so many pairs at this error rate "
        "(recall-state, proved). Layers that declare no state are left out."
    )
    own = [placed for placed in card.placed if placed.row == "recall" and placed.value and not placed.failed]
    title = f"{card.layer} recalls no pairs within this budget"
    if own:
        best = max(own, key=lambda placed: (placed.value or 0, -placed.width))
        title = f"{card.layer} recalls {best.value:,} pairs at width {best.width}"
    drawn = "Pairs recalled against bits of state, logarithmic axes: up and left is better."
    return VegaChart("capacity", title, drawn, caption, {"height": 380, "layer": layers}, [*points, *bound])


def _required(task: Mapping[str, object], pairs: int, empty: Resources) -> float:
    """State bits that any network needs for so many pairs."""
    return BOUNDS["recall-state"]().check(task_from_json({**task, "pairs": pairs}), empty).required


def _tracking(card: Card) -> VegaChart | None:
    """Error against length on the group words that the card's own layer was asked."""
    asked = {placed.row for placed in card.placed if placed.row in _TRACKING and not placed.failed}
    values: list[Row] = [
        {"layer": name, "row": BY_NAME[placed.row].short, "times": times, "error": error, "stale": stale}
        for name, stale, rows in _layers(card)
        for placed in rows
        if placed.row in asked and not placed.failed
        for times, error in ((1, placed.error), *((t, e[len(e) // 2]) for t, e in placed.lengths.items()))
    ]
    if not values:
        return None
    encoding: Spec = {
        "x": {"field": "times", "type": "ordinal", "title": "times the length of training", "axis": {"labelAngle": 0}},
        "y": numbers("error", "error rate", scale={"domain": [0, 1]}),
        "color": _colour(card),
        "opacity": _PALE,
        "tooltip": tooltip("layer", "row", "times", "error"),
    }
    layers: list[Spec] = [
        {
            "transform": [{"filter": chosen}],
            "mark": {"type": "line", "point": True, "strokeWidth": width},
            "encoding": encoding,
        }
        for chosen, width in (
            ({"not": {"field": "layer", "equal": card.layer}}, 1.5),
            ({"field": "layer", "equal": card.layer}, 3),
        )
    ]
    there = {value["row"] for value in values}
    shown = [BY_NAME[name].short for name in _TRACKING if BY_NAME[name].short in there]
    own = {value["row"]: value for value in values if value["layer"] == card.layer}
    ends = [f"{own[row]['error']:.2f} at {own[row]['times']} times for {row}" for row in shown if row in own]
    title = f"Error of {card.layer}: {listed(ends)}" if ends else "Error of known layers beyond the length of training"
    return VegaChart(
        "tracking",
        title,
        "Error rate against length, in multiples of the length of training; the median over seeds.",
        "Beyond the length of training only positions beyond it are counted. Learned: up to .05.",
        panels("row", shown, 220, layers),
        values,
        panel=260,
    )


def _depth(card: Card) -> VegaChart | None:
    """Fewest layers for one hop and for two."""
    values: list[Row] = []
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
    order = [card.layer, *[known.name for known in card.known]]
    columns: Spec = {"domain": ["1", "2", "3", "> 2", "> 3"]}
    own: Spec = {"condition": {"test": {"field": "layer", "equal": card.layer}, "value": RED}, "value": BLUE}
    questions = list(dict.fromkeys(str(value["question"]) for value in values))
    shapes: Spec = {"domain": questions, "range": MARKERS[: len(questions)]}
    spec: Spec = {
        "height": {"step": 22},
        "mark": {"type": "point", **_MARK},
        "encoding": {
            "x": {
                "field": "layers",
                "type": "ordinal",
                "title": "fewest layers",
                "scale": columns,
                "axis": {"labelAngle": 0, "grid": True},
            },
            "y": names("layer", sort=order, axis={"labelLimit": 180}),
            "shape": names("question", scale=shapes, legend=_OUTLINE),
            "color": own,
            "opacity": _PALE,
            "tooltip": tooltip("layer", "question", "layers"),
        },
    }
    said = [f"{value['layers']} for {value['question']}" for value in values if value["layer"] == card.layer]
    title = f"Layers of {card.layer}: {listed(said)}" if said else "Layers for one hop and two"
    caption = "Layers of width 32 that most seeds learned with; >: not with as many, within this budget."
    return VegaChart("depth", title, "Fewest layers for one hop and for two.", caption, spec, values)
