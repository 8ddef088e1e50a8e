"""The findings as one HTML page that needs nothing beside itself, and its figures as SVG files."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from assay.files import make_folder, write_whole
from assay.report.figures import (
    Along,
    band_chart,
    boundaries_of,
    charted,
    family_of,
    message_bits_chart,
    portrait_chart,
    state_per_width,
    summary_chart,
    svg_text,
)
from assay.report.tables import boundary_label, growth_text, width_text
from assay.tasks import TASKS

_HERE = Path(__file__).parent
_SYMBOLS: dict[Along, str] = {"length": "N", "sparsity": "q"}
_ERRORS = {"worst": "worst case", "mean": "mean"}
_ADJECTIVES = {"worst": "worst-case", "mean": "mean"}
_COLUMNS = [
    ("length", "N"), ("sparsity", "q"), ("architecture", "architecture"), ("verdict", "verdict"), ("source", "source"),
    ("width", "width"), ("error", "error"), ("error_kind", "kind of error"), ("rests_on", "rests on"),
    ("tolerance", "tolerance"), ("precision", "bits"), ("seed", "seed"), ("rate", "rate"), ("steps", "steps"),
    ("largest_error", "largest seen"), ("error_99", "99 % below"), ("heads", "heads"), ("parameters", "parameters"),
    ("layout", "layout"), ("seconds", "seconds"),
]  # fmt: skip
_TEXTS = {"architecture", "verdict", "source", "error_kind", "rests_on", "layout"}


@dataclass(frozen=True)
class Chart:
    """A figure of the report.

    Attributes:
        section: where it belongs: `summary`, `length`, `bits`, `sparsity` or `portraits`.
        name: of its file, without the ending.
        title: what it shows, for those who do not see it.
        svg: its file's text.
        caption: what it says and rests on; sentences.
    """

    section: str
    name: str
    title: str
    svg: str
    caption: list[str]

    @property
    def inline(self) -> str:
        """The SVG as part of an HTML page: scalable, named, and with identifiers of its own."""
        return inline_svg(self.svg, self.name, self.title)


def write_report(findings: dict[str, Any], folder: Path) -> Path:
    """Write `<study>.html` and `<study>-figures/*.svg` into `folder`; the path of the page.

    Raises:
        AssayError: the folder cannot be written to.
    """
    study = _file_name(findings["study"])
    drawn = charts(findings)
    page = make_folder(folder) / f"{study}.html"
    text = page_text(findings, drawn)
    figures = make_folder(page.parent / f"{study}-figures")
    for chart in drawn:
        _write_text(figures / f"{chart.name}.svg", chart.svg)
    _write_text(page, text)
    return page


def charts(findings: dict[str, Any]) -> list[Chart]:
    """All figures that these findings have data for."""
    drawn = []
    if any(series["verdict"] == "learned" and series["points"] for series in findings["along_length"]):
        caption = _summary_caption(findings)
        drawn.append(
            _chart("summary", "summary", "Learned widths of all architectures", summary_chart(findings), caption)
        )
    for along in _SYMBOLS:
        for architecture in charted(findings, along):
            title = f"{architecture}: width against {_SYMBOLS[along]}"
            figure, caption = band_chart(findings, architecture, along), _band_caption(findings, architecture, along)
            drawn.append(_chart(along, _file_name(f"{along}-{architecture}"), title, figure, caption))
    bits = message_bits_chart(findings)
    if bits is not None:
        drawn.append(_chart("bits", "message-bits", "attention: bits of one embedding against N", bits, _BITS_CAPTION))
    for number, portraits in enumerate(_same_task(findings["portraits"]), start=1):
        title = f"Attention weights on one example, {_parameters(portraits[0]['task'])}"
        figure, caption = portrait_chart(portraits), _portrait_caption(portraits)
        drawn.append(_chart("portraits", f"portraits-{number}", title, figure, caption))
    return drawn


def page_text(findings: dict[str, Any], drawn: list[Chart]) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    sections = {name: [chart for chart in drawn if chart.section == name] for name in _sections(drawn)}
    return environment.get_template("template.html").render(
        f=findings,
        task_summary=_task_summary(findings["task"]["name"]),
        parameters=_parameters(findings["task"]),
        distribution=_distribution_text(findings),
        precisions=_precisions(findings),
        charts=sections,
        in_short=[_in_short(findings, architecture) for architecture in charted(findings, "length")],
        sizes=_sizes(findings["along_length"]),
        sizes_across=_sizes(findings["along_sparsity"]),
        laws=_laws(findings, "length"),
        laws_across=_laws(findings, "sparsity"),
        several=_several_per_width(findings),
        columns=[(key, title, key not in _TEXTS) for key, title in _COLUMNS],
        rows=[_cells(row) for row in findings["evidence"]],
        data=json.dumps(findings, allow_nan=False).replace("<", "\\u003c"),
        css=(_HERE / "report.css").read_text("utf-8"),
        js=(_HERE / "report.js").read_text("utf-8"),
    )


def inline_svg(svg: str, name: str, title: str) -> str:
    """An SVG file's text as an element of an HTML page; every identifier gets the prefix `name`.

    >>> inline_svg('<?xml version="1.0"?><svg width="9pt" viewBox="0 0 9 9"><g id="a"/></svg>', "figure", "Title")
    '<svg viewBox="0 0 9 9" role="img" aria-label="Title"><g id="figure-a"/></svg>'
    """
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"\s*<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    opening, rest = body.split(">", 1)
    opening = re.sub(r'\s(?:width|height|version|xmlns(?::\w+)?)="[^"]*"', "", opening)
    return f'{opening} role="img" aria-label="{escape(title)}">{rest}'


def _chart(section: str, name: str, title: str, figure: Figure, caption: list[str]) -> Chart:
    return Chart(section, name, title, svg_text(figure), caption)


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, "utf-8"))


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text)


def _sections(drawn: list[Chart]) -> set[str]:
    return {"summary", "length", "bits", "sparsity", "portraits"} | {chart.section for chart in drawn}


def _same_task(portraits: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    def task(portrait: dict[str, Any]) -> str:
        return json.dumps(portrait["task"], sort_keys=True)

    ordered = sorted(portraits, key=lambda portrait: (task(portrait), portrait["source"] == "training"))
    return [list(group) for _, group in groupby(ordered, key=task)]


def _task_summary(name: str) -> str:
    return TASKS.summary(name) if name in TASKS else ""


def _distribution_text(findings: dict[str, Any]) -> str:
    name = findings["task"]["name"]
    return TASKS[name].distributions.get(findings["distribution"], "") if name in TASKS else ""


def _parameters(task: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in task.items() if name != "name")


def _precisions(findings: dict[str, Any]) -> str:
    found = {p["precision"] for s in findings["along_length"] if s["verdict"] == "impossible" for p in s["points"]}
    return " or ".join(map(str, sorted(found)))


def _several_per_width(findings: dict[str, Any]) -> dict[str, int]:
    counts = {
        name: state_per_width(findings, name)
        for name in charted(findings, "length")
        if family_of(findings, name) == "recurrent"
    }
    return {name: count for name, count in counts.items() if count > 1}


def _sizes(boundaries: list[dict[str, Any]]) -> dict[str, Any]:
    places = sorted({point["x"] for series in boundaries for point in series["points"]})
    rows = []
    for series in boundaries:
        widths = {point["x"]: width_text(point, series["verdict"]) for point in series["points"]}
        rows.append({
            "architecture": series["architecture"], "verdict": series["verdict"], "boundary": boundary_label(series),
            "error": _ERRORS[series["error_kind"]], "widths": [widths.get(place, "") for place in places],
        })  # fmt: skip
    return {"places": places, "rows": rows}


def _laws(findings: dict[str, Any], along: Along) -> list[dict[str, str]]:
    return [
        {
            "architecture": series["architecture"],
            "verdict": series["verdict"],
            "boundary": boundary_label(series),
            "error": _ERRORS[series["error_kind"]],
            "law": _law(series["growth"], along),
        }
        for series in findings[f"along_{along}"]
        if any(point["width"] for point in series["points"])
    ]


def _law(growth: dict[str, Any], along: Along) -> str:
    if growth["preferred"] == "constant":
        return f"constant, {growth['power'][0]:.3g}"
    text = growth_text(growth)
    if along == "length":
        return text
    return text.replace(" N^", " q^").replace("lengths", "values of q")


def _in_short(findings: dict[str, Any], architecture: str) -> dict[str, str]:
    """What is known of one architecture, at about the largest length that it was trained at."""
    boundaries = boundaries_of(findings, architecture, "length")
    learned = next((series for series in boundaries if series["verdict"] == "learned"), None)
    stated = [series for series in boundaries if series["verdict"] != "learned"]
    said = [_learned_in_short(learned["points"], learned["growth"])] if learned else ["not trained"]
    reach = learned["points"][-1]["x"] if learned else math.inf
    place = max((point["x"] for series in stated for point in series["points"] if point["x"] <= reach), default=0)
    built = [(p["width"], s["source"]) for s in stated if s["verdict"] == "constructed" for p in _at(s, place)]
    if built:
        said.append(f"constructed at N = {place}: width {min(built)[0]} ({min(built)[1]})")
    for kind in ("mean", "worst"):
        excluded = [p["width"] for s in stated if _is_bound(s, kind) for p in _at(s, place)]
        if excluded:
            widths = f"widths up to {max(excluded)}" if max(excluded) else "no width"
            said.append(f"bounds on the {_ADJECTIVES[kind]} error exclude {widths} there")
    return {"architecture": architecture, "text": "; ".join(said) + "."}


def _learned_in_short(points: list[dict[str, Any]], growth: dict[str, Any]) -> str:
    last = points[-1]
    known = [point for point in points if not point["censored"]]
    law = f", growing as N^{growth['power'][1]:.2f}" if growth["power"] is not None and len(known) > 1 else ""
    if not last["censored"]:
        return f"learned at N = {last['x']}: width {last['width']}{law}"
    before = f"; the largest N learned is {known[-1]['x']}, at width {known[-1]['width']}{law}" if known else ""
    return f"not learned within this budget at N = {last['x']} up to width {last['width']}{before}"


def _at(series: dict[str, Any], place: int) -> list[dict[str, Any]]:
    return [point for point in series["points"] if point["x"] == place]


def _is_bound(series: dict[str, Any], kind: str) -> bool:
    return series["verdict"] == "impossible" and series["error_kind"] == kind


_BITS_CAPTION = [
    "Width times bits per number, which is what the bounds on attention limit: they exclude an embedding of fewer bits "
    "even where a single number of full precision holds enough.",
    "Grey and hatched: proved, for the mean and the worst-case error. Lines: explicit weights with certificates.",
]


def _summary_caption(findings: dict[str, Any]) -> list[str]:
    return [
        f"Points: smallest width that most of {len(findings['seeds'])} seeds learned within the budget, by mean error.",
        "Dashed: power laws fitted to them, with the interval of the exponent over resampled seeds.",
        "Broad lines: the narrowest network of the family that was constructed, with a certificate for the worst-case "
        "error. The two errors differ, so a learned width below a constructed one is no contradiction.",
    ]


def _band_caption(findings: dict[str, Any], architecture: str, along: Along) -> list[str]:
    boundaries, symbol = boundaries_of(findings, architecture, along), _SYMBOLS[along]
    caption = [_bound_sentence(s, symbol) for s in boundaries if s["verdict"] == "impossible"]
    count = state_per_width(findings, architecture)
    if family_of(findings, architecture) == "recurrent" and count > 1:
        caption.append(
            f"Bounds count numbers of state: {architecture} keeps {count} per unit of width, constructions 1."
        )
    methods = sorted({s["source"] for s in boundaries if s["verdict"] == "constructed"})
    if methods:
        caption.append(f"Constructed by {', '.join(methods)}: explicit weights, certified for inputs in the unit ball.")
    learned = [point for s in boundaries if s["verdict"] == "learned" for point in s["points"]]
    if learned:
        caption.append(f"Learned: by most of {len(findings['seeds'])} seeds, each within a budget of steps.")
    censored = [f"up to width {p['width']} at {symbol} = {p['x']}" for p in learned if p["censored"]]
    if censored:
        caption.append(f"Not learned within this budget {', '.join(censored)}: that is no proof that it cannot be.")
    return caption


def _bound_sentence(series: dict[str, Any], symbol: str) -> str:
    name = f"{series['source']} (proved, {_ADJECTIVES[series['error_kind']]} error)"
    binding = [point for point in series["points"] if point["width"]]
    if not binding:
        return f"{name} excludes no width here."
    first, last = binding[0], binding[-1]
    if first is last:
        return f"{name} excludes widths up to {last['width']} at {symbol} = {last['x']}, and none elsewhere."
    start = f"{first['width']} at {symbol} = {first['x']}"
    return f"{name} excludes widths up to {start} and {last['width']} at {symbol} = {last['x']}."


def _portrait_caption(portraits: list[dict[str, Any]]) -> list[str]:
    caption = [
        f"One example; {_parameters(portraits[0]['task'])}. Each row is an asking position; the positions it points to "
        "are outlined, and an exact unit would put equal weight on them and none elsewhere."
    ]
    for portrait in portraits:
        source = "trained" if portrait["source"] == "training" else f"constructed by {portrait['source']}"
        kind = "certified worst-case error" if portrait["error_kind"] == "worst" else "mean error"
        mass = f"{100 * portrait['mass_on_pointers']:.1f} % of the attention on the pointers"
        verdict = ", not learned within this budget" if portrait["verdict"] == "not learned" else ""
        caption.append(f"Width {portrait['width']}, {source}{verdict}: {mass}, {kind} {portrait['error']:.3g}.")
    return caption


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of evidence: shown text and number to sort by for each column, and what it rests on."""
    cells = [(key, key not in _TEXTS, _shown(row.get(key)), row.get(key)) for key, _ in _COLUMNS]
    first, _, rest = row["rests_on"].partition("; ")
    return {"cells": cells, "verdict": row["verdict"], "first": first, "rest": rest, "key": row["key"]}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
