"""Charts and tables of what the studies of retrieval and of linear memories found."""

from __future__ import annotations

from assay.report.retrieval_findings import Margin, MemoryFindings, RetrievalFindings
from assay.report.text_table import TextTable
from assay.report.vega import BELOW, Spec, VegaChart, data, names, numbers, tooltip

_GREY, _SOFT = "#8a8f98", "#b9bec6"
# Colours and dashes of the lines of the first chart, by how their names begin.
_LINES = {
    "impossible": ("#8a8f98", [2, 2]),
    "explicit": ("#3b6fb6", []),
    "random": ("#4aa3a2", [8, 3]),
    "published": ("#b9bec6", []),
}
_SETTINGS = ["#d1342b", "#c27c1f", "#8e63b5", "#6aa84f", "#b0609a"]
_MEMORIES = ["#3b6fb6", "#d1342b", "#c27c1f", "#6aa84f"]
_MEDIAN: Spec = {"title": "median n"}
_MOST: Spec = {"field": "most"}
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
    lines = [
        {"name": band.name, "d": d, "n": n, "steps": band.name.startswith("explicit")}
        for band in found.bands
        for d, n in band.points
        if d >= 1
    ]
    points = [
        {
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
        legend={**BELOW, "columns": 2, "labelLimit": 420, "symbolType": "stroke", "symbolStrokeWidth": 3},
    )
    dash: Spec = {"domain": drawn, "range": [pattern or [1, 0] for _, pattern in looks]}
    powers: Spec = {"type": "log", "base": 2, "domain": [1, 512]}
    x = numbers("d", "dimensions d", scale=powers, axis={"values": [2**i for i in range(10)]})
    y = numbers("n", "documents n", scale=_LOG_N, axis={"values": [10**i for i in range(1, 10)], "format": ","})
    layers: list[Spec] = [
        {
            "data": data(lines),
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                "strokeDash": names("name", legend=None, scale=dash),
                "order": {"field": "d"},
                "tooltip": tooltip("name", "d", "n", n={"format": ",.0f"}),
            },
            "layer": [
                {
                    "transform": [{"filter": f"{sign}datum.steps"}],
                    "mark": {"type": "line", "strokeWidth": 2, "clip": True, "interpolate": interpolate},
                }
                for sign, interpolate in (("", "step-after"), ("!", "linear"))
            ],
        },
        {
            "data": data([{"d": 2 * top}]),
            "mark": {"type": "rule", "color": "#3b6fb6", "strokeWidth": 2},
            "encoding": {"x": {"field": "d", "type": "quantitative"}},
        },
        {
            "data": data(points),
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {
                "x": x,
                "y": {"field": "least", "type": "quantitative"},
                "y2": {"field": "most"},
                "color": colour,
            },
        },
        {
            "data": data(points),
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip("name", "d", "n", "seeds", n=_MEDIAN)},
        },
    ]
    caption = (
        f"Up and left is better. Left of d = {2 * top} (vertical line) no more documents than the grey dashes are "
        "possible, whatever the numbers are; on it, explicit vectors serve any number, with enough bits. Other grey "
        "dashes: queries of that format cannot tell more sets apart. Blue: explicit vectors, proved for all sets in "
        "integers that the format holds. Green: random documents, exact for real numbers. Points: the most documents "
        f"that training served, all sets of {top}, median and range over seeds. The light line extrapolates the "
        "published curve."
    )
    spec: Spec = {"height": 460, "width": "container", "layer": layers}
    return VegaChart("retrieval-documents", "Documents against dimensions", caption, spec, "retrieval")


def _shades(colours: list[str]) -> list[str]:
    """Lines of one colour become paler, one after the other."""
    seen: dict[str, int] = {}
    found = []
    for colour in colours:
        place = seen[colour] = seen.get(colour, -1) + 1
        parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        found.append("#" + "".join(f"{round(part + (255 - part) * 0.28 * place):02x}" for part in parts))
    return found


def _margin_chart(found: RetrievalFindings) -> VegaChart:
    values = [
        {"n": one.documents, "margin": one.margin, "name": _margin_name(one)} for one in found.margins if one.margin > 0
    ]
    order = list(dict.fromkeys(value["name"] for value in values))
    log: Spec = {"type": "log", "domain": [1e-4, 2]}
    spec: Spec = {
        "data": data(values),
        "mark": {"type": "line", "point": {"filled": True, "size": 45}, "clip": True},
        "encoding": {
            "x": numbers("n", "documents n", scale={"type": "log", "base": 2}),
            "y": numbers("margin", "least margin", scale=log, axis={"format": "~g"}),
            "color": names("name", sort=order, legend={**BELOW, "columns": 3}),
            "tooltip": tooltip("name", "n", "margin", margin={"format": ".3g"}),
        },
    }
    caption = (
        "The least of all sets' margins, with documents and queries of length 1: scores in the set above all others. "
        f"No vectors of any dimension exceed n / sqrt(k (n - 1) (n - k)), k = {found.top}. Trained: the best seed "
        "after all steps; where some set has no query, there is no point."
    )
    return VegaChart("retrieval-margins", "Margins", caption, spec, "retrieval")


def _margin_name(margin: Margin) -> str:
    if margin.dimensions is None:
        return "optimum, any d"
    return f"{'explicit, cyclic' if margin.kind == 'cyclic' else 'trained'}, d = {margin.dimensions}"


def _kept_chart(found: RetrievalFindings) -> VegaChart:
    cyclic = [one for one in found.kept if one.vectors == "cyclic"]
    formats = list(dict.fromkeys(one.number_format for one in cyclic))
    tried: Spec = {"title": "sets tried", "format": ","}
    spec: Spec = {
        "data": data(cyclic),
        "mark": {"type": "line", "point": {"filled": True, "size": 45}},
        "encoding": {
            "x": numbers("documents", "documents n", scale={"type": "log", "nice": False}),
            "y": numbers("share", "share of the sets retrieved", scale={"domain": [0, 1]}),
            "color": names("number_format", sort=formats, legend=BELOW),
            "tooltip": tooltip("number_format", "documents", "share", "tried", share={"format": ".4f"}, tried=tried),
        },
    }
    caption = (
        f"Explicit vectors in {2 * found.top} dimensions (cyclic polytope), documents and queries rounded to a "
        "format: in exact arithmetic every set is retrieved at any n; precision is the wall."
    )
    return VegaChart("retrieval-formats", "What number formats leave", caption, spec, "retrieval")


def _memory_chart(found: MemoryFindings) -> VegaChart:
    kinds = list(dict.fromkeys(point.memory for point in found.points))
    formats = list(dict.fromkeys(point.number_format for point in found.points))
    colours: Spec = {"domain": kinds, "range": _MEMORIES[: len(kinds)]}
    dashes: Spec = {"domain": formats, "range": [[1, 0], [6, 3], [2, 2]][: len(formats)]}
    stroke: Spec = {"symbolType": "stroke"}
    whole: Spec = {"format": ","}
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "point": {"filled": True, "size": 35}},
            "encoding": {
                "x": numbers("load", "load 2 n ln n / d^2", scale={"type": "log", "base": 2}),
                "y": numbers("share", "share read correctly", scale={"domain": [0, 1]}),
                "color": names("memory", sort=kinds, title="memory", scale=colours),
                "strokeDash": names("number_format", sort=formats, title="stored as", legend=stroke, scale=dashes),
                "tooltip": tooltip(
                    *("memory", "number_format", "pairs", "load", "share", "bits"),
                    pairs=whole,
                    load={"format": ".3g"},
                    share={"format": ".3f"},
                    bits=whole,
                ),
            },
        },
        {"mark": {"type": "rule", "strokeDash": [4, 4], "color": _GREY}, "encoding": {"x": {"datum": 1}}},
    ]
    spec: Spec = {
        "data": data(found.points),
        "facet": {"column": names("dimensions", title="d", header={"labelFontSize": 12})},
        "spec": {"width": 400, "height": 300, "layer": layers},
    }
    caption = (
        "n random unit keys and values, written once, read with every key; the answer is the value of largest inner "
        "product with what was read. Dashed: the load at which a matrix of d x d numbers is predicted to fail, as a "
        "limit for large d (conjectured sharp). Softmax keeps all keys and values, so that its store grows with n."
    )
    return VegaChart("memory-load", "Pairs read correctly against load", caption, spec, "memory")


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
