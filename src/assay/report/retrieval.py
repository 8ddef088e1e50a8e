"""Charts and tables of what the studies of retrieval and of linear memories found."""

from __future__ import annotations

import math

from assay.report.looks import BLUE, GREY, SERIES, STEEL, TEAL
from assay.report.messages import listed
from assay.report.retrieval_findings import Margin, MemoryFindings, RetrievalFindings
from assay.report.text_table import TextTable
from assay.report.vega import DECADES, ONCE, Row, Spec, VegaChart, names, numbers, panels, plain, tooltip, where

# Colours and dashes of the lines of the first chart, by how their names begin.
_LINES = {
    "impossible": (GREY, [2, 2]),
    "explicit": (BLUE, []),
    "random": (TEAL, [8, 3]),
    "published": (STEEL, [1, 0]),
}
_SETTINGS = ["#d1342b", "#c27c1f", "#8e63b5", "#2f8f57", "#c2559d"]
_LOG_N: Spec = {"type": "log", "domain": [3, 1e9], "clamp": True}


def retrieval_charts(found: RetrievalFindings) -> list[VegaChart]:
    """Documents against dimensions, margins, and the share that formats leave; those that there are answers for."""
    drawn = [_documents_chart(found)]
    if any(margin.kind == "trained" for margin in found.margins):
        drawn.append(_margin_chart(found))
    if any(one.vectors == "cyclic" for one in found.kept):
        drawn.append(_kept_chart(found))
    return drawn


def memory_charts(found: MemoryFindings) -> list[VegaChart]:
    """The share read correctly against the load; nothing without answers."""
    return [_memory_chart(found)] if found.points else []


def _documents_chart(found: RetrievalFindings) -> VegaChart:
    top = found.top
    rows: list[Row] = [
        {"kind": "steps" if band.name.startswith("explicit") else "line", "name": band.name, "d": d, "n": n}
        for band in found.bands
        for d, n in band.points
        if d >= 1
    ]
    rows += [
        {
            "kind": "trained",
            "name": one.setting,
            "d": one.dimensions,
            "n": one.middle,
            "least": one.largest[0],
            "most": one.largest[-1],
            "seeds": ", ".join(map(str, one.largest)),
        }
        for one in found.reached
    ]
    drawn = list(dict.fromkeys(band.name for band in found.bands if any(d >= 1 for d, _ in band.points)))
    settings = list(dict.fromkeys(one.setting for one in found.reached))
    looks = [next(look for start, look in _LINES.items() if name.startswith(start)) for name in drawn]
    shades = _shades([colour for colour, _ in looks])
    colour = names(
        "name",
        sort=[*drawn, *settings],
        scale={"domain": [*drawn, *settings], "range": [*shades, *_SETTINGS[: len(settings)]]},
        legend={"symbolType": "stroke", "symbolStrokeWidth": 3},
    )
    dash: Spec = {"domain": drawn, "range": [pattern or [1, 0] for _, pattern in looks]}
    powers: Spec = {"type": "log", "base": 2, "domain": [1, 512]}
    x = numbers("d", "dimensions d", scale=powers, axis={"values": [2**i for i in range(10)]})
    y = numbers("n", "documents n", scale=_LOG_N, axis={"values": [10**i for i in range(1, 10)], "format": ",~s"})
    said = tooltip("name", "d", "n", "seeds", n={"title": "documents n", "format": ",.0f"}, d={"title": "dimensions d"})
    line: Spec = {"x": x, "y": y, "color": colour, "strokeDash": names("name", legend=None, scale=dash)}
    layers: list[Spec] = [
        {
            **where(kind=kind),
            "mark": {"type": "line", "strokeWidth": 2, "clip": True, "interpolate": interpolate},
            "encoding": {**line, "order": {"field": "d"}},
        }
        for kind, interpolate in (("steps", "step-after"), ("line", "linear"))
    ]
    layers += [
        {
            "transform": [{"filter": {"field": "kind", "oneOf": ["steps", "line"]}}],
            "mark": {"type": "point", "size": 90, "opacity": 0, "filled": True, "clip": True},
            "encoding": {"x": x, "y": y, "tooltip": said},
        },
        {
            **ONCE,
            "mark": {"type": "rule", "color": BLUE, "strokeWidth": 2},
            "encoding": {"x": {"datum": 2 * top}},
        },
        {
            **where(kind="trained"),
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": x, "y": {**y, "field": "least"}, "y2": {"field": "most"}, "color": colour},
        },
        {
            **where(kind="trained"),
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                "tooltip": [*said[:2], {**said[2], "title": "median n"}, said[3]],
            },
        },
    ]
    caption = (
        f"Left of d = {2 * top} (vertical line) no more documents than the grey dashes are possible, whatever the "
        "numbers are; on it, explicit vectors serve any number, with enough bits. Other grey dashes: queries of that "
        "format cannot tell more sets apart. Explicit vectors are proved for all sets, random documents are exact "
        "for real numbers."
    )
    said_drawn = (
        "Documents against dimensions, logarithmic axes: up and left is better. Points: the most that training served, "
        f"all sets of {top}, median and range over seeds."
    )
    title = _documents_message(found)
    spec: Spec = {"height": 460, "layer": layers}
    return VegaChart("retrieval-documents", title, said_drawn, caption, spec, rows, "retrieval")


def _documents_message(found: RetrievalFindings) -> str:
    """The most documents that training served, and any number with explicit vectors."""
    explicit = f"with enough bits explicit vectors serve any number in {2 * found.top} dimensions"
    if not found.reached:
        return explicit.capitalize()
    d = max(one.dimensions for one in found.reached)
    most, setting = max((one.middle, one.setting) for one in found.reached if one.dimensions == d)
    return f"In {d} dimensions training served {most:,} documents ({setting}); {explicit}"


def _shades(colours: list[str]) -> list[str]:
    """Lines of one colour become paler, one after the other."""
    seen: dict[str, int] = {}
    found = []
    for colour in colours:
        place = seen[colour] = seen.get(colour, -1) + 1
        parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        found.append("#" + "".join(f"{round(part + (255 - part) * 0.17 * place):02x}" for part in parts))
    return found


def _margin_chart(found: RetrievalFindings) -> VegaChart:
    rows: list[Row] = [
        {"n": one.documents, "margin": one.margin, "name": _margin_name(one)} for one in found.margins if one.margin > 0
    ]
    order = list(dict.fromkeys(str(row["name"]) for row in rows))
    log: Spec = {"type": "log", "domain": [1e-4, 2]}
    colours: Spec = {"domain": order, "range": [SERIES[place % len(SERIES)] for place in range(len(order))]}
    spec: Spec = {
        "height": 320,
        "mark": {"type": "line", "point": {"filled": True, "size": 45}, "clip": True},
        "encoding": {
            "x": numbers("n", "documents n", scale={"type": "log", "base": 2}),
            "y": numbers("margin", "least margin", scale=log, axis=DECADES),
            "color": names("name", sort=order, scale=colours, legend={}),
            "tooltip": tooltip("name", "n", "margin", margin={"format": ".3g"}),
        },
    }
    caption = (
        f"No vectors of any dimension exceed n / sqrt(k (n - 1) (n - k)), k = {found.top}. Trained: the best seed "
        "after all steps; where some set has no query, there is no point."
    )
    drawn = (
        "The least of all sets' margins against documents, logarithmic axes; documents and queries have length 1, and "
        "the margin is by how much scores in the set are above all others."
    )
    trained = [one for one in found.margins if one.kind == "trained" and one.margin > 0]
    title = "Trained vectors have margins on no set"
    if trained:
        last = max(trained, key=lambda one: (one.documents, one.margin))
        place = f"At n = {last.documents:,} trained vectors in {last.dimensions} dimensions"
        title = f"{place} keep a margin of {last.margin:.2g}"
    return VegaChart("retrieval-margins", title, drawn, caption, spec, rows, "retrieval")


def _margin_name(margin: Margin) -> str:
    if margin.dimensions is None:
        return "optimum, any d"
    return f"{'explicit, cyclic' if margin.kind == 'cyclic' else 'trained'}, d = {margin.dimensions}"


def _kept_chart(found: RetrievalFindings) -> VegaChart:
    cyclic = [one for one in found.kept if one.vectors == "cyclic"]
    formats = list(dict.fromkeys(one.number_format for one in cyclic))
    tried: Spec = {"title": "sets tried", "format": ","}
    colours: Spec = {"domain": formats, "range": SERIES[: len(formats)]}
    spec: Spec = {
        "height": 320,
        "mark": {"type": "line", "point": {"filled": True, "size": 45}},
        "encoding": {
            "x": numbers("documents", "documents n", scale={"type": "log", "nice": False}),
            "y": numbers("share", "share of the sets retrieved", scale={"domain": [0, 1]}),
            "color": names("number_format", sort=formats, scale=colours, legend={}),
            "tooltip": tooltip(
                *("number_format", "documents", "share", "tried"),
                number_format={"title": "format"},
                share={"format": ".4f"},
                tried=tried,
            ),
        },
    }
    last = max(one.documents for one in cyclic)
    shares = [f"{100 * one.share:.3g} % in {one.number_format}" for one in cyclic if one.documents == last]
    title = f"Rounded explicit vectors of {last:,} documents still serve {listed(shares)} of the sets"
    drawn = f"Share of sets retrieved against documents, by number format; vectors in {2 * found.top} dimensions."
    caption = "Cyclic polytope: in exact arithmetic every set is retrieved at any n; precision is the wall."
    return VegaChart("retrieval-formats", title, drawn, caption, spec, plain(cyclic), "retrieval")


def _memory_chart(found: MemoryFindings) -> VegaChart:
    kinds = list(dict.fromkeys(point.memory for point in found.points))
    formats = list(dict.fromkeys(point.number_format for point in found.points))
    colours: Spec = {"domain": kinds, "range": SERIES[: len(kinds)]}
    dashes: Spec = {"domain": formats, "range": [[1, 0], [6, 3], [2, 2]][: len(formats)]}
    stroke: Spec = {"symbolType": "stroke", "symbolStrokeColor": GREY, "symbolStrokeWidth": 2, "symbolSize": 200}
    whole: Spec = {"format": ","}
    said = tooltip(
        *("memory", "number_format", "pairs", "dimensions", "load", "share", "bits"),
        number_format={"title": "stored as"},
        pairs=whole,
        load={"format": ".3g"},
        share={"format": ".3f"},
        bits=whole,
    )
    xy: Spec = {
        "x": numbers("load", "load 2 n ln n / d^2", scale={"type": "log", "base": 2}),
        "y": numbers("share", "share read correctly", scale={"domain": [0, 1]}),
        "color": names("memory", sort=kinds, title="memory", scale=colours, legend={"symbolType": "circle"}),
    }
    dash = names("number_format", sort=formats, title="stored as", legend=stroke, scale=dashes)
    layers: list[Spec] = [
        {"mark": {"type": "line"}, "encoding": {**xy, "strokeDash": dash}},
        {
            "mark": {"type": "point", "filled": True, "size": 35, "opacity": 1},
            "encoding": {**xy, "detail": {"field": "number_format"}, "tooltip": said},
        },
        {**ONCE, "mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY}, "encoding": {"x": {"datum": 1}}},
    ]
    places = sorted({point.dimensions for point in found.points})
    spec = panels("dimensions", places, 300, layers, "d = {}")
    drawn = (
        "Share of pairs read correctly against load, a panel for each d; dashed: the load at which d x d numbers are "
        "predicted to fail, as a limit for large d (conjectured sharp)."
    )
    caption = (
        "n random unit keys and values, written once, read with every key. The answer is the value of largest inner "
        "product with what was read. Softmax keeps all keys and values: its store grows with n."
    )
    title = _memory_message(found, places[-1])
    return VegaChart("memory-load", title, drawn, caption, spec, plain(found.points), "memory", panel=340)


def _memory_message(found: MemoryFindings, dimensions: int) -> str:
    """Which share of pairs each memory holds at the predicted load, in the largest d."""
    there = [point for point in found.points if point.dimensions == dimensions]
    load = min((point.load for point in there), key=lambda load: abs(math.log(load)))
    best: dict[str, float] = {}
    for point in there:
        if point.load == load:
            best[point.memory] = max(point.share, best.get(point.memory, 0.0))
    said = listed([f"{memory} {100 * share:.3g} %" for memory, share in best.items()])
    return f"At load {load:.2g} in {dimensions} dimensions, pairs are read correctly by {said}"


def reached_table(found: RetrievalFindings) -> TextTable:
    """Largest numbers of documents of each seed, a row for each setting and a column for each d."""
    places = sorted({one.dimensions for one in found.reached})
    cells = {
        (one.setting, one.dimensions): f"{', '.join(map(str, one.largest))}{' or more' if one.open else ''}"
        for one in found.reached
    }
    settings = dict.fromkeys(one.setting for one in found.reached)
    return TextTable(
        f"Most documents that training served, all sets of {found.top}",
        ["setting", *(f"d = {place}" for place in places)],
        [[setting, *(cells.get((setting, place), "") for place in places)] for setting in settings],
    )


def kept_table(found: RetrievalFindings) -> TextTable:
    """Shares of sets that rounded explicit vectors serve, and d; a row for each kind of vectors and number format."""
    places = sorted({one.documents for one in found.kept})
    cells = {
        (one.vectors, one.number_format, one.documents): f"{one.share:.4g} (d = {one.dimensions})" for one in found.kept
    }
    rows = dict.fromkeys((one.vectors, one.number_format) for one in found.kept)
    return TextTable(
        "Share of the sets that explicit vectors serve",
        ["vectors, numbers", *(f"n = {place:,}" for place in places)],
        [[f"{kind}, {name}", *(cells.get((kind, name, place), "") for place in places)] for kind, name in rows],
    )


def memory_table(found: MemoryFindings) -> TextTable:
    """Shares read correctly at every load, a row for each d, memory and format."""
    loads = list(dict.fromkeys(f"{point.load:.2g}" for point in sorted(found.points, key=lambda one: one.load)))
    cells: dict[tuple[int, str, str], dict[str, str]] = {}
    for point in found.points:
        row = cells.setdefault((point.dimensions, point.memory, point.number_format), {})
        row[f"{point.load:.2g}"] = f"{point.share:.2f}"
    rows = [
        [f"{d}", memory, name, *(row.get(load, "") for load in loads)]
        for (d, memory, name), row in sorted(cells.items(), key=lambda item: item[0][0])
    ]
    columns = ["d", "memory", "stored as", *(f"load {load}" for load in loads)]
    return TextTable("Share of all pairs that is read correctly", columns, rows, left=(1, 2), whole=True)
