"""Charts of attention weights: a map for each unit on the same input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from assay.evidence import canonical
from assay.report import words
from assay.report.findings import AttentionMap
from assay.report.looks import ORANGE
from assay.report.messages import listed
from assay.report.vega import Row, Spec, VegaChart, numbers, tooltip, where

_LEAST = 0.0005  # a weight that is drawn: paler ones are not to be seen


def attention_charts(maps: Sequence[AttentionMap]) -> Iterator[VegaChart]:
    """One chart for each task."""
    for number, same in enumerate(_same_task(maps), start=1):
        yield _chart(number, same)


def _chart(number: int, maps: list[AttentionMap]) -> VegaChart:
    """Attention of units on the same task side by side; positions pointed to are outlined."""
    titles = [f"{place}. {_said(one)}" if len(maps) > 1 else _said(one) for place, one in enumerate(maps, start=1)]
    rows = [row for title, one in zip(titles, maps, strict=True) for row in _rows(title, one)]
    top = max(max(max(row) for row in one.weights) for one in maps)
    across, down = max(len(one.weights[0]) for one in maps), max(len(one.weights) for one in maps)
    x: Spec = {"x": numbers("position", "position attended to", **_places(across)), "x2": {"field": "position_end"}}
    y: Spec = {"y": numbers("query", "query position", **_places(down, reverse=True)), "y2": {"field": "query_end"}}
    colours: Spec = {"domain": [0, top], "range": ["#dbe6f4", "#0b3a7e"], "interpolate": "lab"}
    legend: Spec = {"orient": "bottom", "gradientLength": 180, "format": "~g"}
    said = tooltip(
        *("unit", "query_at", "position_at", "weight", "pointed"),
        query_at={"title": "query position"},
        position_at={"title": "position"},
        weight={"title": "attention weight", "format": ".3~f"},
        pointed={"title": "pointed to"},
    )
    weights = numbers("weight", "attention weight", scale=colours, legend=legend)
    layers: list[Spec] = [
        {"mark": {"type": "rect"}, "encoding": {**x, **y, "color": weights, "tooltip": said}},
        {
            "transform": [{"filter": {"field": "pointed", "equal": "yes"}}],
            "mark": {"type": "rect", "fill": "transparent", "stroke": ORANGE, "strokeWidth": 1.6},
            "encoding": {**x, **y, "tooltip": said},
        },
    ]
    panels = [{"title": title, "height": 300, **where(unit=title), "layer": layers} for title in titles]
    spec: Spec = {"concat": panels, "resolve": {"scale": {"color": "shared"}}}
    return VegaChart(
        f"attention-maps-{number}",
        _message(maps),
        "Attention weights on one example, a row for each query position; outlined: the positions that it points to.",
        words.attention_caption(maps),
        spec,
        rows,
        "attention-maps",
        panel=300,
    )


def _rows(title: str, one: AttentionMap) -> Iterator[Row]:
    """Squares of weights that can be seen, and those that are pointed to."""
    for query, weights in enumerate(one.weights):
        for position, weight in enumerate(weights):
            pointed = position in one.pointers[query]
            if weight >= _LEAST or pointed:
                yield {
                    "unit": title,
                    "query_at": query,
                    "position_at": position,
                    "weight": round(weight, 4),
                    "pointed": "yes" if pointed else "",
                    "query": query - 0.5,
                    "query_end": query + 0.5,
                    "position": position - 0.5,
                    "position_end": position + 0.5,
                }


def _places(count: int, *, reverse: bool = False) -> Spec:
    scale: Spec = {"domain": [-0.5, count - 0.5], "nice": False, "zero": False, "reverse": reverse}
    return {"scale": scale, "axis": {"tickMinStep": 1, "format": "d", "grid": False, "tickCount": 6}}


def _said(one: AttentionMap) -> str:
    source = "" if one.source == "training" else f" ({one.source})"
    return f"{one.verdict}{source}, width {one.width}"


def _message(maps: Sequence[AttentionMap]) -> str:
    shares = [f"{100 * one.mass_on_pointers:.1f} % of the {_said(one)}" for one in maps]
    return f"Attention on the positions pointed to: {listed(shares)}"


def _same_task(maps: Sequence[AttentionMap]) -> list[list[AttentionMap]]:
    """Grouped by task, and in a group what was constructed first."""

    def task(one: AttentionMap) -> str:
        return canonical(one.task)

    ordered = sorted(maps, key=lambda one: (task(one), one.source == "training"))
    return [list(group) for _, group in groupby(ordered, key=task)]
