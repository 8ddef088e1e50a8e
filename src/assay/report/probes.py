"""Charts of a probe of attention heads: maps of losses and of reach, and which sets exist."""

from __future__ import annotations

from collections.abc import Iterator

from assay.probing.findings import Curve, Findings
from assay.probing.headline import able, coarsest, figure_of, first_to_lose, formats_taken, head_name, lost, ranked_by
from assay.probing.sets import KINDS
from assay.report import probe_words as words
from assay.report.looks import BLUE, CROSSED, GREY, ORANGE
from assay.report.probe_tables import FIGURES
from assay.report.vega import Row, Spec, VegaChart, names, numbers, tooltip, where, whole_numbers

_SPAN = 100  # of the colours of losses, at most: what is smaller looks alike
_CELL = 14  # pixels of a head, in maps that are neither very low nor very high
_PANEL = 300  # pixels across, at least
_PREDICTED = "predicted for generic (Gaussian) keys"


def probe_charts(found: Findings) -> Iterator[VegaChart]:
    """All charts that a probe has data for."""
    if formats_taken(found):
        yield _loss_map(found)
    if found.has_queries:
        yield _reach_map(found)
    if found.curve is not None:
        yield _existence(found.curve)


def _loss_map(found: Findings) -> VegaChart:
    """A panel for each format: layers across, heads up, the error as colour, a cross on heads that lose their sets."""
    worst = coarsest(found) or ""
    figure = ranked_by(found, worst)
    rows = [row for name in formats_taken(found) for row in _losses(found, name, figure)]
    panels = [
        _loss_panel(found, name, [row for row in rows if row["format"] == name], figure) for name in found.formats
    ]
    spec: Spec = {
        "concat": [panel for panel in panels if panel],
        "columns": 2,
        "resolve": {"scale": {"color": "independent"}},
    }
    first, loss = first_to_lose(found, worst)[0]
    return VegaChart(
        "probe-1.losses",
        f"Keys in {worst}: {head_name(first)} has the largest {FIGURES[figure]}, {loss.median:.2g}",
        f"The {FIGURES[figure]} of every head with keys rounded and values kept.",
        " ".join(words.loss_caption(found)),
        spec,
        rows,
        panel=_PANEL,
    )


def _losses(found: Findings, name: str, figure: str) -> Iterator[Row]:
    losing = {(row.layer, row.place) for row in lost(found, name)}
    for row in found.heads:
        loss = figure_of(row, name, figure)
        if loss is not None:
            lose = "yes" if (row.layer, row.place) in losing else "no"
            yield {"format": name, "layer": row.layer, "head": row.place, "error": loss.median, "loses sets": lose}


def _loss_panel(found: Findings, name: str, rows: list[Row], figure: str) -> Spec:
    """Empty where no head takes the format."""
    errors = [error for row in rows if isinstance(error := row["error"], float)]
    if not errors:
        return {}
    largest = max(errors) or 1.0
    least = max(min((error for error in errors if error > 0), default=largest / 2), largest / _SPAN)
    scale: Spec = {
        "type": "log",
        "scheme": "yelloworangered",
        "domain": [min(least, largest / 2), largest],
        "clamp": True,
    }
    colour = numbers("error", FIGURES[figure], scale=scale, legend={**_GRADIENT, "format": ".1g", "tickCount": 3})
    said = tooltip("layer", "head", "error", "loses sets", error={"title": FIGURES[figure], "format": ".3g"})
    losing = sum(row["loses sets"] == "yes" for row in rows)
    crosses: Spec = {
        "transform": [{"filter": {"field": "loses sets", "equal": "yes"}}],
        "mark": {"type": "point", "shape": CROSSED, "size": 30, "filled": True, "color": "#12212E", "opacity": 1},
        "encoding": {**_places(), "tooltip": said},
    }
    squares: Spec = {"mark": {"type": "rect"}, "encoding": {**_places(), "color": colour, "tooltip": said}}
    title = f"{name}: {losing} of {len(rows)} heads lose sets (\N{MULTIPLICATION SIGN})"
    return {"title": title, "height": _height(found), **where(format=name), "layer": [squares, crosses]}


def _reach_map(found: Findings) -> VegaChart:
    """A panel for each kind and size of sets: layers across, heads up, the share of sets within reach as colour."""
    rows: list[Row] = [
        {"kind": kind, "q": size, "layer": row.layer, "head": row.place, "share": row.reach[kind][size].median}
        for size in found.sparsities
        for kind in KINDS
        for row in found.heads
        if size in row.reach[kind]
    ]
    panels = [_reach_panel(found, kind, size) for size in found.sparsities for kind in KINDS]
    first = next(iter(KINDS))
    counts = {size: len(able(found, size, first)) for size in found.sparsities}
    reached = max((size for size, count in counts.items() if count), default=None)
    message = (
        f"No head reaches half of the {first} sets, of any size"
        if reached is None
        else f"{counts[reached]} of {found.heads_count} heads reach half of the {first} sets of {reached}"
    )
    return VegaChart(
        "probe-1.reach",
        message,
        "The share of sets of q positions within reach of every head.",
        " ".join(words.reach_caption(found)),
        {"concat": panels, "columns": len(KINDS)},
        rows,
        panel=_PANEL,
    )


def _reach_panel(found: Findings, kind: str, size: int) -> Spec:
    scale: Spec = {"scheme": "viridis", "domain": [0, 1]}
    colour = numbers("share", "share of sets within reach", scale=scale, legend={**_GRADIENT, "format": ".1f"})
    said = tooltip("kind", "q", "layer", "head", "share")
    title = f"{kind} sets, q = {size}: {len(able(found, size, kind))} of {found.heads_count} heads"
    squares: Spec = {"mark": {"type": "rect"}, "encoding": {**_places(), "color": colour, "tooltip": said}}
    return {"title": title, "height": _height(found), **where(kind=kind, q=size), **squares}


def _existence(curve: Curve) -> VegaChart:
    """Shares of sets that exist against their size: measured over all keys, and predicted."""
    rows: list[Row] = [{"sets": _PREDICTED, "q": q, "share": share} for q, share in curve.predicted]
    said = {kind: f"{kind} sets: median over keys, bar from 10 % to 90 %" for kind in KINDS}
    rows += [
        {"sets": said[kind], "q": point.q, "share": point.median, "low": point.low, "high": point.high}
        for kind, points in curve.measured.items()
        for point in points
    ]
    domain, colours = [*said.values(), _PREDICTED], [BLUE, ORANGE, GREY]
    x, y = whole_numbers("q", "size of the set q"), numbers("share", "share of sets", scale={"domain": [0, 1]})
    colour = names("sets", scale={"domain": domain, "range": colours}, legend={"columns": 1, "symbolType": "circle"})
    rule: Spec = {"type": "rule", "strokeDash": [3, 3], "color": GREY}
    layers: list[Spec] = [
        {"mark": {"type": "line", "strokeWidth": 1.6}, **where(sets=_PREDICTED)},
        {
            "mark": rule,
            "encoding": {"x": {"datum": curve.threshold}, "y": None, "color": {"value": GREY}, "tooltip": None},
        },
    ]
    for number, text in enumerate(said.values()):
        aside = 6 * number - 3  # pixels, so that bars of both kinds are seen
        layers += [
            {
                "mark": {"type": "rule", "xOffset": aside},
                "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
                **where(sets=text),
            },
            {"mark": {"type": "point", "filled": True, "size": 45, "opacity": 1, "xOffset": aside}, **where(sets=text)},
        ]
    shown = tooltip("sets", "q", "share", "low", "high", share={"format": ".3~f"})
    spec: Spec = {"height": 320, "encoding": {"x": x, "y": y, "color": colour, "tooltip": shown}, "layer": layers}
    return VegaChart(
        "probe-1.existence",
        f"Sets of generic keys exist up to about q = {curve.threshold:.3g}",
        "The share of sets of q keys that some query weighs alike and above all others.",
        " ".join(words.EXISTENCE_CAPTION),
        spec,
        rows,
    )


_GRADIENT: Spec = {"gradientLength": 160, "orient": "bottom"}


def _places() -> Spec:
    """Layers across and heads up."""
    axis: Spec = {"labelAngle": 0, "labelOverlap": True, "grid": False}
    return {
        "x": {"field": "layer", "type": "ordinal", "title": "layer", "axis": axis},
        "y": {"field": "head", "type": "ordinal", "title": "head", "axis": axis, "sort": "descending"},
    }


def _height(found: Findings) -> int:
    return min(260, max(60, _CELL * (max(row.place for row in found.heads) + 1)))
