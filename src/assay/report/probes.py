"""Charts of a probe of attention heads: maps of losses and of reach, and which sets exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.probing.findings import Curve, Findings, HeadRow
from assay.probing.headline import able, coarsest, figure_of, first_to_lose, formats_taken, head_name, lost, ranked_by
from assay.probing.sets import KINDS
from assay.report import probe_words as words
from assay.report.looks import BLUE, GREY, ORANGE
from assay.report.probe_tables import FIGURES
from assay.report.vega import ONCE, Row, Spec, VegaChart, names, numbers, tooltip, where, whole_numbers

_COLOURS, _MARKERS = [BLUE, ORANGE], ["circle", "square"]  # of KINDS
_SPAN = 100  # of the colours of losses, at most: what is smaller looks alike
_LOSES = "loses sets"
_MAIN = "random"  # of KINDS
_NAME = "probe-1"  # begins the names of files


def probe_charts(found: Findings) -> Iterator[VegaChart]:
    """Those that there are answers for."""
    if formats_taken(found):
        yield _loss_map(found)
    if found.has_queries:
        yield _reach_map(found)
    if found.curve is not None:
        yield _existence_chart(found.curve)


def _loss_map(found: Findings) -> VegaChart:
    """A panel for each format: layers across, heads up, the error as colour, a cross on heads that lose their sets."""
    formats, worst = formats_taken(found), coarsest(found) or ""
    figure = ranked_by(found, worst)
    rows: list[Row] = []
    titles = []
    for name in formats:
        losing = lost(found, name)
        known = [(row, one) for row in found.heads if (one := figure_of(row, name, figure))]
        titles.append({"text": f"{name}: {len(losing)} of {len(known)} heads lose sets"})
        rows += [
            {
                **_head(row),
                "format": name,
                "error": one.median,
                "verdict": _LOSES if row in losing else "keeps sets",
            }
            for row, one in known
        ]
    errors = [
        one.median for name in formats for row in found.heads if (one := figure_of(row, name, figure)) is not None
    ]
    largest = max(errors, default=0.0) or 1.0
    least = max(min((error for error in errors if error > 0), default=largest / 2), largest / _SPAN)
    scale: Spec = {"type": "log", "domain": [min(least, largest / 2), largest], "clamp": True}
    scale |= {"scheme": "yelloworangered"}
    said = tooltip("format", "layer", "head", "error", "verdict", error={"title": FIGURES[figure], "format": ".3~g"})
    colour = numbers("error", FIGURES[figure], scale=scale, legend={"gradientLength": 200, "format": ".1~g"})
    cross: Spec = {
        "type": "point",
        "shape": "M-1,-1L1,1M-1,1L1,-1",
        "size": 28,
        "stroke": "#12212e",
        "strokeWidth": 1.5,
    }
    layers: list[Spec] = [
        {"mark": {"type": "rect"}, "encoding": {**_places(), "color": colour, "tooltip": said}},
        {**where(verdict=_LOSES), "mark": {**cross, "opacity": 1}, "encoding": {**_places(), "tooltip": said}},
    ]
    panels = [
        {"title": title, "height": _height(found), **where(format=name), "layer": layers}
        for title, name in zip(titles, formats, strict=True)
    ]
    first, loss = first_to_lose(found, worst)[0]
    return VegaChart(
        f"{_NAME}.losses",
        f"Keys in {worst}: {head_name(first)} has the largest {FIGURES[figure]}, {loss.median:.2g}",
        "Layers across, heads up, a panel for each format of keys; crosses: heads that lose their sets.",
        words.loss_caption(found),
        {"concat": panels, "columns": 2, "resolve": {"scale": {"color": "shared"}}},
        rows,
        panel=330,
    )


def _reach_map(found: Findings) -> VegaChart:
    """A panel for each kind and size of sets: layers across, heads up, the share of sets within reach as colour."""
    rows: list[Row] = [
        {**_head(row), "kind": kind, "q": size, "share": row.reach[kind][size].median}
        for size in found.sparsities
        for kind in KINDS
        for row in found.heads
        if size in row.reach[kind]
    ]
    scale: Spec = {"domain": [0, 1], "scheme": "viridis"}
    colour = numbers("share", "share of sets within reach", scale=scale, legend={"gradientLength": 200})
    said = tooltip("layer", "head", "kind", "q", "share", kind={"title": "sets"}, share={"format": ".2~f"})
    panels: list[Spec] = [
        {
            "title": f"{kind} sets, q = {size}: {len(able(found, size, kind))} of {found.heads_count} heads",
            "height": _height(found),
            **where(kind=kind, q=size),
            "mark": {"type": "rect"},
            "encoding": {**_places(), "color": colour, "tooltip": said},
        }
        for size in found.sparsities
        for kind in KINDS
    ]
    most = max((size for size in found.sparsities if able(found, size)), default=0)
    title = (
        f"{len(able(found, most))} of {found.heads_count} heads reach most random sets of {most}"
        if most
        else (f"No head reaches most random sets of {min(found.sparsities)}")
    )
    return VegaChart(
        f"{_NAME}.reach",
        title,
        "Share of sets within reach: layers across, heads up, a panel for each kind and size of sets.",
        words.reach_caption(found),
        {"concat": panels, "columns": len(KINDS), "resolve": {"scale": {"color": "shared"}}},
        rows,
        panel=330,
    )


def _existence_chart(curve: Curve) -> VegaChart:
    """Shares of sets that exist against their size: measured over all keys, and predicted."""
    predicted = "predicted for generic (Gaussian) keys"
    rows: list[Row] = [{"kind": predicted, "q": q, "share": share} for q, share in curve.predicted]
    rows += [
        {"kind": f"{kind} sets", "q": point.q, "share": point.median, "low": point.low, "high": point.high}
        for kind, points in curve.measured.items()
        for point in points
    ]
    kinds = [*(f"{kind} sets" for kind in KINDS), predicted]
    colour = names("kind", legend={}, scale={"domain": kinds, "range": [*_COLOURS, GREY]})
    shape = names("kind", legend={}, scale={"domain": kinds, "range": [*_MARKERS, "stroke"]})
    share = numbers("share", "share of sets", scale={"domain": [0, 1]})
    xy: Spec = {"x": whole_numbers("q", "size of the set q", scale={"zero": False}), "y": share, "color": colour}
    said = tooltip("kind", "q", "share", "low", "high", low={"title": "10 % of keys"}, high={"title": "90 % of keys"})
    measured: Spec = {"transform": [{"filter": {"field": "low", "valid": True}}]}
    bars: Spec = {**xy, "y": {**share, "field": "low"}, "y2": {"field": "high"}}
    threshold: Spec = {"type": "rule", "strokeDash": [2, 3], "color": GREY}
    layers: list[Spec] = [
        {**ONCE, "mark": threshold, "encoding": {"x": {"datum": curve.threshold}}},
        {**where(kind=predicted), "mark": {"type": "line", "strokeWidth": 1.6}, "encoding": xy},
        {**measured, "mark": {"type": "rule", "strokeWidth": 1.4}, "encoding": bars},
        {
            **measured,
            "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
            "encoding": {**xy, "shape": shape, "tooltip": said},
        },
    ]
    return VegaChart(
        f"{_NAME}.existence",
        _existence_message(curve),
        "Share of sets that exist against their size: medians over keys, bars from 10 to 90 %; dotted: the threshold "
        "of the closed form.",
        words.EXISTENCE_CAPTION,
        {"height": 320, "layer": layers},
        rows,
    )


def _existence_message(curve: Curve) -> str:
    """Up to which size most random sets exist."""
    most = max((point.q for point in curve.measured.get(_MAIN, ()) if point.median >= 0.5), default=None)
    if most is None:
        return f"Most {_MAIN} sets do not exist at any size that was tried"
    return f"Most {_MAIN} sets of up to {most} keys exist; for generic keys half do at {curve.threshold:.3g}"


def _head(row: HeadRow) -> Mapping[str, object]:
    return {"layer": row.layer, "head": row.place}


def _places() -> Spec:
    """Layers across, heads up."""
    axis: Spec = {"labelAngle": 0, "labelOverlap": "greedy", "ticks": False, "domain": False}
    return {
        "x": {"field": "layer", "type": "ordinal", "title": "layer", "axis": axis},
        "y": {"field": "head", "type": "ordinal", "title": "head", "sort": "descending", "axis": axis},
    }


def _height(found: Findings) -> int:
    """Pixels of a panel."""
    return max(80, min(300, 17 * (max(row.place for row in found.heads) + 1)))
