"""Charts as Vega-Lite specifications: drawn in a page with hover and downloads, and as files without a browser.

A chart has one table of rows, which its layers filter: what it draws is what its download holds.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from pathlib import Path
from textwrap import wrap

from assay.errors import unknown

Spec = dict[str, object]
Row = Mapping[str, object]

TEMPLATES = Path(__file__).parent  # `parts.html` there has the macro that draws a chart
FORMATS = ("svg", "png", "pdf")  # of files
ONCE: Spec = {"data": {"values": [{}]}}  # of a layer that is drawn once, and not for each row
DECADES: Spec = {"values": [float(f"{m}e{e}") for e in range(-6, 1) for m in (1, 2, 5)], "format": "~g"}  # an axis
INK = "currentColor"  # of text in a page, whatever its colours are
_FILE_WIDTH, _PANEL_WIDTH = 760, 330  # of a file; of one panel in it
_AXES = 66  # pixels beside a panel that its axis takes
_FILE_INK = "#1d2329"
_CHARACTER = 7.6  # pixels of a title's characters
_LEGEND: Spec = {
    "labelColor": INK,
    "labelFontSize": 11,
    "titleColor": INK,
    "orient": "bottom",
    "rowPadding": 4,
    "layout": {"bottom": {"anchor": "start", "bounds": "full"}},
}
# Lines and text are those of the page, and change with it from light to dark and on paper.
_CONFIG: Spec = {
    "background": None,
    "font": "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domainColor": INK,
        "domainOpacity": 0.5,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "labelColor": INK,
        "labelFontSize": 12,
        "labelOpacity": 0.8,
        "tickColor": INK,
        "tickOpacity": 0.5,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": _LEGEND,
    "style": {
        "group-title": {"fill": INK, "fontSize": 13},
        "group-subtitle": {"fill": INK, "fillOpacity": 0.75, "fontSize": 12},
        "guide-label": {"fill": INK},
    },
    "title": {"color": INK, "subtitleColor": INK, "anchor": "start", "frame": "bounds", "fontSize": 13},
}


@dataclass(frozen=True)
class VegaChart:
    """One chart of a page.

    Attributes:
        name: of its element and its file.
        title: what it shows, in one sentence.
        drawn: what is drawn against what.
        caption: what else there is to know of it; empty for nothing.
        spec: in Vega-Lite, without its data and its width; panels are those of a `concat`.
        rows: what is drawn.
        section: where it belongs on the page.
        sweep: the sweep that it belongs to; empty where there is none.
        panel: the least width of one of its panels in pixels; 0 where it has none.
    """

    name: str
    title: str
    drawn: str
    caption: str
    spec: Spec
    rows: Sequence[Row]
    section: str = ""
    sweep: str = ""
    panel: int = 0

    @property
    def columns(self) -> list[str]:
        """Of its rows."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def to_json(self) -> Spec:
        """What a page needs to draw it."""
        columns = self.columns
        table = [[row.get(name) for name in columns] for row in self.rows]
        return {
            "title": self.title,
            "drawn": self.drawn,
            "spec": self.spec,
            "columns": columns,
            "rows": table,
            "panel": self.panel,
        }

    def csv(self) -> str:
        """What is drawn, as a table: a line for each row, first the names of its columns."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def file(self, form: str = "svg") -> bytes:
        """A file of one of FORMATS: on white, with its title."""
        return _DRAWN[form](self.file_spec())

    def file_spec(self) -> Spec:
        """The whole specification of its file, data included."""
        panels = self.spec.get("concat")
        wide = min(_most(self.spec), 3) * _PANEL_WIDTH if panels else _FILE_WIDTH
        width = max(wide, _FILE_WIDTH)
        title = {"text": _lines(self.title, width), "subtitle": _lines(self.drawn, width), "offset": 14}
        whole: Spec = {**sized(self, width), "title": title, "padding": 14}
        whole["background"] = "white"
        return json.loads(json.dumps(whole, allow_nan=False).replace(f'"{INK}"', f'"{_FILE_INK}"'))


def sized(chart: VegaChart, width: int) -> Spec:
    """Its specification in so many pixels, with data and looks; `sized` of vega.js is the same in a page."""
    panels = chart.spec.get("concat")
    columns = max(1, min(_most(chart.spec), width // chart.panel)) if chart.panel else 1
    legend: Spec = {**_LEGEND, "columns": 2 if chart.panel or width > 560 else 1, "labelLimit": width // columns - 24}
    spec: Spec = {**chart.spec, "data": {"values": list(chart.rows)}, "config": {**_CONFIG, "legend": legend}}
    if not isinstance(panels, list):
        return {**spec, "width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    each = width // columns - _AXES
    return {**spec, "columns": columns, "concat": [{**panel, "width": each} for panel in panels]}


def numbers(field: str, title: str, **more: object) -> Spec:
    """A channel of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def whole_numbers(field: str, title: str, **more: object) -> Spec:
    """A channel of whole numbers."""
    return numbers(field, title, axis={"tickMinStep": 1, "format": "d"}, **more)


def names(field: str, **more: object) -> Spec:
    """A channel of names, without a title unless `more` has one."""
    return {"field": field, "type": "nominal", "title": None, **more}


def tooltip(*fields: str, **more: Spec) -> list[Spec]:
    """What a point says when it is pointed at: these fields; `more` has what else is to be said of some of them."""
    return [{"field": field, **more.get(field, {})} for field in fields]


def where(**equal: object) -> Spec:
    """A transform: rows whose fields have these values."""
    every = [{"field": field, "equal": value} for field, value in equal.items()]
    return {"transform": [{"filter": {"and": every}}]}


def one_of(field: str, values: Sequence[object], **equal: object) -> Spec:
    """A transform: rows whose field has one of these values, and others the values given."""
    every = [{"field": field, "oneOf": list(values)}, *({"field": key, "equal": value} for key, value in equal.items())]
    return {"transform": [{"filter": {"and": every}}]}


def plain(rows: Iterable[object]) -> list[Row]:
    """Rows that a chart draws, from dictionaries or dataclasses."""
    return [asdict(row) if is_dataclass(row) and not isinstance(row, type) else row for row in rows]  # ty: ignore


def panels(field: str, order: Sequence[object], height: int, layers: list[Spec], said: str = "{}") -> Spec:
    """The layers once for each value of this field, on the same scales."""
    shared = {channel: "shared" for channel in ("x", "y", "color", "shape", "strokeDash")}
    each = [
        {"title": said.format(value), "height": height, **where(**{field: value}), "layer": layers} for value in order
    ]
    return {"concat": each, "resolve": {"scale": shared}}


def script(charts: Sequence[VegaChart]) -> str:
    """What draws these charts in the elements of their names, library included, as one script; empty without any."""
    if not charts:
        return ""
    drawn = in_script({chart.name: chart.to_json() for chart in charts})
    look = in_script({"config": _CONFIG, "axes": _AXES, "ink": INK, "fileInk": _FILE_INK})
    draw = Path(__file__).with_name("vega.js").read_text("utf-8")
    return f"{_library()}\nconst charts = {drawn};\nconst look = {look};\n{draw}"


def style() -> str:
    """Rules of CSS for the charts of a page."""
    return Path(__file__).with_name("vega.css").read_text("utf-8")


def in_script(value: object) -> str:
    """A value as JSON that may stand in a script element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _most(spec: Spec) -> int:
    """Panels in a row at most."""
    panels, columns = spec.get("concat"), spec.get("columns")
    count = len(panels) if isinstance(panels, list) else 1
    return columns if isinstance(columns, int) else count


def _lines(text: str, width: int) -> list[str]:
    return wrap(text, int(width / _CHARACTER)) or [""]


def _svg(spec: Spec) -> bytes:
    from vl_convert import vegalite_to_svg

    ground = 'fill="white"/>'
    return vegalite_to_svg(spec).replace(ground, ground.replace("/", ' rx="8"/'), 1).encode()


def _png(spec: Spec) -> bytes:
    from vl_convert import vegalite_to_png

    return vegalite_to_png(spec, scale=2)


def _pdf(spec: Spec) -> bytes:
    from vl_convert import vegalite_to_pdf

    return vegalite_to_pdf(spec)


_DRAWN: dict[str, Callable[[Spec], bytes]] = {"svg": _svg, "png": _png, "pdf": _pdf}


def require_format(name: str) -> None:
    """Refuse what files of charts cannot be.

    Raises:
        AssayError: it is none of FORMATS.
    """
    if name not in FORMATS:
        raise unknown("kind of figures", name, FORMATS)


@cache
def _library() -> str:
    """Vega-Lite and what it needs; about a second."""
    from vl_convert import javascript_bundle

    return javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
