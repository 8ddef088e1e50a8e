"""Charts of a page as Vega-Lite specifications, and the library that draws them there, with hover and download."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from pathlib import Path

Spec = dict[str, object]


@dataclass(frozen=True)
class VegaChart:
    """One chart of a page.

    Attributes:
        name: of its element.
        title: what it shows.
        caption: how to read it.
        spec: in Vega-Lite.
        section: where it belongs on the page.
        sweep: the sweep that it belongs to; empty where there is none.
    """

    name: str
    title: str
    caption: str
    spec: Spec
    section: str = ""
    sweep: str = ""

    @property
    def svg(self) -> str:
        """The text of an SVG file, drawn without a browser on white."""
        from vl_convert import vegalite_to_svg

        return vegalite_to_svg({"background": "white", **_sized(self.spec, width=760)})


BELOW: Spec = {"orient": "bottom"}  # where a legend stands


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


def data(values: Iterable[object]) -> Spec:
    """Rows that a chart draws: dictionaries, or dataclasses."""
    return {"values": [asdict(row) if is_dataclass(row) and not isinstance(row, type) else row for row in values]}


def side_by_side(field: str, order: list[str], height: int, layers: list[Spec], least: int) -> Spec:
    """The layers once for each name in this field, at least so wide."""
    spec: Spec = {"width": max(least, 760 // max(1, len(order))), "height": height, "layer": layers}
    return {"facet": {"column": names(field, sort=order)}, "spec": spec}


def script(charts: list[VegaChart]) -> str:
    """What draws these charts in the elements of their names, library included, as one script; empty without any."""
    if not charts:
        return ""
    specs = in_script({chart.name: _sized(chart.spec) for chart in charts})
    draw = Path(__file__).with_name("vega.js").read_text("utf-8")
    return f"{_library()}\nconst specs = {specs};\n{draw}"


def in_script(value: object) -> str:
    """A value as JSON that may stand in a script element."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _sized(spec: Spec, width: int | str = "container") -> Spec:
    """With a size, unless it has panels or says its own."""
    sized = any(key in spec for key in ("facet", "concat", "width"))
    return spec if sized else {"width": width, "height": 320, **spec}


@cache
def _library() -> str:
    """Vega-Lite and what it needs; about a second."""
    from vl_convert import javascript_bundle

    return javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
