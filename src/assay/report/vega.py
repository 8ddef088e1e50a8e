"""Charts of a page as Vega-Lite specifications, and the library that draws them there, with hover and download."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
    """

    name: str
    title: str
    caption: str
    spec: Spec


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


def _sized(spec: Spec) -> Spec:
    return spec if "facet" in spec or "width" in spec else {"width": "container", "height": 320, **spec}


@cache
def _library() -> str:
    """Vega-Lite and what it needs; about a second."""
    from vl_convert import javascript_bundle

    return javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
