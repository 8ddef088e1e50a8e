"""Charts and tables of what the studies of retrieval and of linear memories found."""

from __future__ import annotations

from dataclasses import asdict

from assay.report.text_table import TextTable
from assay.report.vega import Spec, VegaChart
from assay.retrieval.findings import Margin, MemoryFindings, RetrievalFindings

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
    names = list(dict.fromkeys(band.name for band in found.bands if any(d >= 1 for d, _ in band.points)))
    settings = list(dict.fromkeys(point["name"] for point in points))
    looks = [next(look for start, look in _LINES.items() if name.startswith(start)) for name in names]
    shades = _shades(names, [colour for colour, _ in looks])
    colour: Spec = {
        "field": "name",
        "type": "nominal",
        "sort": [*names, *settings],
        "title": None,
        "scale": {"domain": [*names, *settings], "range": [*shades, *_SETTINGS[: len(settings)]]},
        "legend": {"orient": "bottom", "columns": 2, "labelLimit": 420, "symbolType": "stroke", "symbolStrokeWidth": 3},
    }
    dash: Spec = {
        "field": "name",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": names, "range": [pattern or [1, 0] for _, pattern in looks]},
    }
    x: Spec = {
        "field": "d",
        "type": "quantitative",
        "title": "dimensions d",
        "scale": {"type": "log", "base": 2, "domain": [1, 512]},
        "axis": {"values": [2**i for i in range(10)]},
    }
    y: Spec = {
        "field": "n",
        "type": "quantitative",
        "title": "documents n",
        "scale": _LOG_N,
        "axis": {"values": [10**i for i in range(1, 10)], "format": ","},
    }
    wall: Spec = {
        "data": {"values": [{"d": 2 * top}]},
        "mark": {"type": "rule", "color": "#3b6fb6", "strokeWidth": 2},
        "encoding": {"x": {"field": "d", "type": "quantitative"}},
    }
    encoding: Spec = {
        "x": x,
        "y": y,
        "color": colour,
        "strokeDash": dash,
        "order": {"field": "d"},
        "tooltip": [{"field": "name"}, {"field": "d"}, {"field": "n", "format": ",.0f"}],
    }
    drawn: Spec = {
        "data": {"values": lines},
        "encoding": encoding,
        "layer": [
            {
                "transform": [{"filter": f"{sign}datum.steps"}],
                "mark": {"type": "line", "strokeWidth": 2, "clip": True, "interpolate": interpolate},
            }
            for sign, interpolate in (("", "step-after"), ("!", "linear"))
        ],
    }
    whiskers: Spec = {
        "data": {"values": points},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": x, "y": {"field": "least", "type": "quantitative"}, "y2": {"field": "most"}, "color": colour},
    }
    learned: Spec = {
        "data": {"values": points},
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
        "encoding": {
            "x": x,
            "y": y,
            "color": colour,
            "tooltip": [{"field": "name"}, {"field": "d"}, {"field": "n", "title": "median n"}, {"field": "seeds"}],
        },
    }
    caption = (
        f"Up and left is better. Left of d = {2 * top} (vertical line) no more documents than the grey dashes are "
        "possible, whatever the numbers are; on it, explicit vectors serve any number, with enough bits. Other grey "
        "dashes: queries of that format cannot tell more sets apart. Blue: explicit vectors, proved for all sets in "
        "integers that the format holds. Green: random documents, exact for real numbers. Points: the most documents "
        f"that training served, all sets of {top}, median and range over seeds. The light line extrapolates the "
        "published curve."
    )
    spec: Spec = {"height": 460, "width": "container", "layer": [drawn, wall, whiskers, learned]}
    return VegaChart("retrieval-documents", "Documents against dimensions", caption, spec)


def _shades(names: list[str], colours: list[str]) -> list[str]:
    """Lines of one colour become paler, one after the other."""
    seen: dict[str, int] = {}
    found = []
    for _, colour in zip(names, colours, strict=True):
        place = seen[colour] = seen.get(colour, -1) + 1
        parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        found.append("#" + "".join(f"{round(part + (255 - part) * 0.28 * place):02x}" for part in parts))
    return found


def _margin_chart(found: RetrievalFindings) -> VegaChart:
    values = [
        {"n": one.documents, "margin": one.margin, "name": _margin_name(one)} for one in found.margins if one.margin > 0
    ]
    order = list(dict.fromkeys(value["name"] for value in values))
    spec: Spec = {
        "data": {"values": values},
        "mark": {"type": "line", "point": {"filled": True, "size": 45}, "clip": True},
        "encoding": {
            "x": {"field": "n", "type": "quantitative", "scale": {"type": "log", "base": 2}, "title": "documents n"},
            "y": {
                "field": "margin",
                "type": "quantitative",
                "title": "least margin",
                "scale": {"type": "log", "domain": [1e-4, 2]},
                "axis": {"format": "~g"},
            },
            "color": {
                "field": "name",
                "type": "nominal",
                "sort": order,
                "title": None,
                "legend": {"orient": "bottom", "columns": 3},
            },
            "tooltip": [{"field": "name"}, {"field": "n"}, {"field": "margin", "format": ".3g"}],
        },
    }
    caption = (
        "The least of all sets' margins, with documents and queries of length 1: scores in the set above all others. "
        f"No vectors of any dimension exceed n / sqrt(k (n - 1) (n - k)), k = {found.top}. Trained: the best seed "
        "after all steps; where some set has no query, there is no point."
    )
    return VegaChart("retrieval-margins", "Margins", caption, spec)


def _margin_name(margin: Margin) -> str:
    if margin.dimensions is None:
        return "optimum, any d"
    return f"{'explicit, cyclic' if margin.kind == 'cyclic' else 'trained'}, d = {margin.dimensions}"


def _kept_chart(found: RetrievalFindings) -> VegaChart:
    cyclic = [one for one in found.kept if one.vectors == "cyclic"]
    formats = list(dict.fromkeys(one.number_format for one in cyclic))
    spec: Spec = {
        "data": {"values": [asdict(one) for one in cyclic]},
        "mark": {"type": "line", "point": {"filled": True, "size": 45}},
        "encoding": {
            "x": {
                "field": "documents",
                "type": "quantitative",
                "title": "documents n",
                "scale": {"type": "log", "nice": False},
            },
            "y": {
                "field": "share",
                "type": "quantitative",
                "title": "share of the sets retrieved",
                "scale": {"domain": [0, 1]},
            },
            "color": {
                "field": "number_format",
                "type": "nominal",
                "sort": formats,
                "title": None,
                "legend": {"orient": "bottom"},
            },
            "tooltip": [
                {"field": "number_format"},
                {"field": "documents"},
                {"field": "share", "format": ".4f"},
                {"field": "tried", "title": "sets tried", "format": ","},
            ],
        },
    }
    caption = (
        f"Explicit vectors in {2 * found.top} dimensions (cyclic polytope), documents and queries rounded to a "
        "format: in exact arithmetic every set is retrieved at any n; precision is the wall."
    )
    return VegaChart("retrieval-formats", "What number formats leave", caption, spec)


def _memory_chart(found: MemoryFindings) -> VegaChart:
    kinds = list(dict.fromkeys(point.memory for point in found.points))
    formats = list(dict.fromkeys(point.number_format for point in found.points))
    spec: Spec = {
        "data": {"values": [asdict(point) for point in found.points]},
        "facet": {"column": {"field": "dimensions", "type": "nominal", "title": "d", "header": {"labelFontSize": 12}}},
        "spec": {
            "width": 400,
            "height": 300,
            "layer": [
                {
                    "mark": {"type": "line", "point": {"filled": True, "size": 35}},
                    "encoding": {
                        "x": {
                            "field": "load",
                            "type": "quantitative",
                            "title": "load 2 n ln n / d^2",
                            "scale": {"type": "log", "base": 2},
                        },
                        "y": {
                            "field": "share",
                            "type": "quantitative",
                            "title": "share read correctly",
                            "scale": {"domain": [0, 1]},
                        },
                        "color": {
                            "field": "memory",
                            "type": "nominal",
                            "sort": kinds,
                            "title": "memory",
                            "scale": {"domain": kinds, "range": _MEMORIES[: len(kinds)]},
                        },
                        "strokeDash": {
                            "field": "number_format",
                            "type": "nominal",
                            "sort": formats,
                            "title": "stored as",
                            "legend": {"symbolType": "stroke"},
                            "scale": {"domain": formats, "range": [[1, 0], [6, 3], [2, 2]][: len(formats)]},
                        },
                        "tooltip": [
                            {"field": "memory"},
                            {"field": "number_format"},
                            {"field": "pairs", "format": ","},
                            {"field": "load", "format": ".3g"},
                            {"field": "share", "format": ".3f"},
                            {"field": "bits", "format": ","},
                        ],
                    },
                },
                {"mark": {"type": "rule", "strokeDash": [4, 4], "color": _GREY}, "encoding": {"x": {"datum": 1}}},
            ],
        },
    }
    caption = (
        "n random unit keys and values, written once, read with every key; the answer is the value of largest inner "
        "product with what was read. Dashed: the load at which a matrix of d x d numbers is predicted to fail, as a "
        "limit for large d (conjectured sharp). Softmax keeps all keys and values, so that its store grows with n."
    )
    return VegaChart("memory-load", "Pairs read correctly against load", caption, spec)


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
