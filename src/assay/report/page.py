"""The findings as one HTML page that needs nothing beside itself, and its figures as SVG files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from assay.report import comparisons, words
from assay.report.boolean import boolean_charts, error_rows, heads_rows, margin_rows
from assay.report.drawing import is_linear
from assay.report.figures import (
    band_chart,
    message_bits_chart,
    portrait_chart,
    precision_chart,
    state_chart,
    summary_chart,
    svg_text,
    sweep_chart,
)
from assay.report.lines import Line, contenders, with_laws
from assay.report.probe_tables import loss_rows, probe_columns, probe_rows, summary_rows
from assay.report.probes import existence_chart, norm_chart, reach_map
from assay.report.retrieval import (
    kept_places,
    kept_rows,
    memory_charts,
    memory_rows,
    reached_rows,
    retrieval_charts,
)
from assay.report.vega import in_script, script
from assay.store.files import make_folder, require_folder, require_writable, write_whole
from assay.tasks import TASKS

_HERE = Path(__file__).parent
_COLUMNS = [
    ("task", "task"),
    ("architecture", "architecture"),
    ("verdict", "verdict"),
    ("source", "source"),
    ("width", "width"),
    ("error", "error"),
    ("error_kind", "kind of error"),
    ("rests_on", "rests on"),
    ("tolerance", "tolerance"),
    ("parameters", "parameters"),
    ("precision", "bits"),
    ("seed", "seed"),
    ("rate", "rate"),
    ("steps", "steps"),
    ("largest_error", "largest seen"),
    ("sequence_error", "of sequences"),
    ("heads", "heads"),
    ("depth", "depth"),
    ("seconds", "seconds"),
]
_TEXTS = {"task", "architecture", "verdict", "source", "error_kind", "rests_on"}


@dataclass(frozen=True)
class Chart:
    """A figure of the report.

    Attributes:
        line: the line it belongs to; empty for portraits and probes.
        section: where it belongs there: `summary`, `widths`, `sweeps`, `precision`, `portraits` or `probe-1`, ...
        name: of its file, without the ending.
        title: what it shows, for those who do not see it.
        svg: its file's text.
        caption: what it says and rests on; sentences.
    """

    line: str
    section: str
    name: str
    title: str
    svg: str
    caption: list[str]

    @property
    def wide(self) -> bool:
        """Whether it has panels side by side, and needs the page's whole width."""
        return self.section.startswith("probe-")

    @property
    def inline(self) -> str:
        """The SVG as part of an HTML page: scalable, named, and with identifiers of its own."""
        return inline_svg(self.svg, self.name, self.title)


def write_report(findings: dict[str, Any], folder: Path) -> Path:
    """Write `<study>.html` and `<study>-figures/*.svg` into `folder`; the path of the page.

    Raises:
        AssayError: the folder cannot be written to.
    """
    page, figures = _places(findings["study"], make_folder(folder))
    drawn = charts(findings)
    text = page_text(findings, drawn)
    make_folder(figures)
    for chart in drawn:
        _write_text(figures / f"{chart.name}.svg", chart.svg)
    _write_text(page, text)
    return page


def require_report(study: str, folder: Path) -> None:
    """Refuse a folder in which something stands in the way of this study's report, before the work it is of.

    Raises:
        AssayError: the page or the folder of figures cannot be written.
    """
    page, figures = _places(study, folder)
    require_writable(page)
    require_folder(figures)


def charts(findings: dict[str, Any]) -> list[Chart]:
    """All figures that these findings have data for. Their names begin with that of their line and a dot."""
    drawn = [chart for line in findings["lines"] for chart in _line_charts(findings, line)]
    for number, portraits in enumerate(_same_task(findings["portraits"]), start=1):
        title = f"Attention weights on one example, {portraits[0]['parameters']}"
        caption = words.portrait_caption(portraits)
        drawn.append(_chart("", "portraits", f"portraits-{number}", title, portrait_chart(portraits), caption))
    for number, probe in enumerate(findings["probes"], start=1):
        drawn += _probe_charts(probe, f"probe-{number}")
    return drawn


def page_text(findings: dict[str, Any], drawn: list[Chart]) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    symbols = list(dict.fromkeys(symbol for line in findings["lines"] for symbol in line["columns"].values()))
    retrieval, memory = _retrieval(findings["retrieval"]), _memory(findings["memory"])
    boolean = _boolean(findings["boolean"])
    columns = [*_COLUMNS[:1], *((symbol, symbol) for symbol in symbols), *_COLUMNS[1:]]
    return environment.get_template("template.html").render(
        f=findings,
        words=words,
        compared=comparisons,
        tasks=_tasks(findings),
        lines=[_line(line, [chart for chart in drawn if chart.line == line["name"]]) for line in findings["lines"]],
        titles={line["name"]: line["title"] for line in findings["lines"]},
        task_of={line["name"]: line["task"]["name"] for line in findings["lines"]},
        symbols={line["name"]: line["symbol"] for line in findings["lines"]},
        portraits=[chart for chart in drawn if chart.section == "portraits"],
        probes=[_probe(probe, f"probe-{number}", drawn) for number, probe in enumerate(findings["probes"], start=1)],
        retrieval=retrieval,
        memory=memory,
        boolean=boolean,
        script=script([*retrieval["charts"], *memory["charts"], *boolean["charts"]]),
        columns=[(key, title, key not in _TEXTS) for key, title in columns],
        rows=[_cells(row, columns) for row in findings["evidence"]],
        data=in_script(findings),
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


def _line_charts(findings: dict[str, Any], line: Line) -> Iterator[Chart]:
    name, symbol, seeds = line["name"], line["symbol"], len(findings["seeds"])
    learned = [series for series in line["series"] if series["verdict"] == "learned" and series["points"]]
    for sought in dict.fromkeys(map(words.sought_text, learned)):
        title = f"{line['title']}: learned by all architectures, {sought}"
        caption, file = words.summary_caption(seeds, sought), "summary" if sought == "width" else f"summary-{sought}"
        figure = summary_chart(findings, line, sought)
        yield _chart(name, "summary", _file_name(f"{name}.{file}"), title, figure, caption)
    for contender in contenders([line]):
        sought = next((words.sought_text(s) for s in learned if s["architecture"] == contender.name), "width")
        title = f"{line['title']}: {sought} of {contender.name} against {symbol}"
        caption = words.band_caption(line, contender, seeds, linear=is_linear(line))
        figure = band_chart(findings, line, contender)
        yield _chart(name, "widths", _file_name(f"{name}.{contender.name}"), title, figure, caption)
    for model in contenders([line]):
        figure = message_bits_chart(findings, line, model)
        if figure is not None:
            title = f"{line['title']}: {model.name}, bits of one embedding against {symbol}"
            file = _file_name(f"{name}.{model.name}-embedding-bits")
            yield _chart(name, "widths", file, title, figure, words.BITS_CAPTION)

    for states in line["states"]:
        title = f"{line['title']}: state bits against {states['symbol']}"
        file = _file_name(f"{name}.state-{states['symbol']}")
        yield _chart(name, "widths", file, title, state_chart(findings, states), words.STATE_CAPTION)
    for sweep in line["sweeps"]:
        title = f"{line['title']}: error against {sweep['axis']} at {symbol} = {sweep['x']}"
        file = _file_name(f"{name}.sweep-{sweep['axis']}-{sweep['x']}")
        yield _chart(name, "sweeps", file, title, sweep_chart(findings, line, sweep), words.sweep_caption(sweep))
    if line["precisions"]:
        title = f"{line['title']}: bits per number against {symbol}"
        yield _chart(name, "precision", f"{name}.precision", title, precision_chart(line), words.PRECISION_CAPTION)


def _probe_charts(probe: dict[str, Any], section: str) -> Iterator[Chart]:
    drawers = [("existence", "which sets exist", existence_chart, words.EXISTENCE_CAPTION)] * bool(probe["curves"])
    if probe["has_queries"]:
        drawers = [("reach", "reach of every head", reach_map, words.reach_caption(probe)), *drawers]
        drawers.append(("norms", "needed norms", norm_chart, words.NORMS_CAPTION))
    for name, title, draw, caption in drawers:
        yield _chart("", section, f"{section}.{name}", f"{probe['name']}: {title}", draw(probe), caption)


def _probe(probe: dict[str, Any], section: str, drawn: list[Chart]) -> dict[str, Any]:
    """What the page shows of a probe."""
    return {
        **probe,
        "section": section,
        "described": words.probe_text(probe),
        "charts": [chart for chart in drawn if chart.section == section],
        "losses": loss_rows(probe),
        "summary": summary_rows(probe),
        "columns": probe_columns(probe),
        "rows": [[(value, _shown(value)) for value in row] for row in probe_rows(probe)],
    }


def _retrieval(found: dict[str, Any] | None) -> dict[str, Any]:
    """What the page shows of retrieval."""
    if found is None:
        return {"charts": []}
    places = sorted({one["dimensions"] for one in found["reached"]})
    return {
        "charts": retrieval_charts(found),
        "reached_titles": ["setting", *(f"d = {place}" for place in places)],
        "reached": [[name, *cells] for name, cells in reached_rows(found, places)],
        "kept_titles": ["vectors, numbers", *(f"n = {place:,}" for place in kept_places(found))],
        "kept": [[name, *cells] for name, cells in kept_rows(found)],
    }


def _memory(found: dict[str, Any] | None) -> dict[str, Any]:
    """What the page shows of linear memories."""
    if found is None:
        return {"charts": []}
    titles, rows = memory_rows(found)
    return {"charts": memory_charts(found), "titles": titles, "rows": rows}


def _boolean(found: dict[str, Any] | None) -> dict[str, Any]:
    """What the page shows of Boolean functions: charts, and titles and rows of tables."""
    if found is None:
        return {"charts": []}
    return {
        "charts": boolean_charts(found),
        "heads": heads_rows(found),
        "errors": error_rows(found),
        "margins": margin_rows(found),
    }


def _chart(line: str, section: str, name: str, title: str, figure: Figure, caption: list[str]) -> Chart:
    return Chart(line, section, name, title, svg_text(figure), caption)


def _places(study: str, folder: Path) -> tuple[Path, Path]:
    """Of the page, and of the folder of its figures."""
    name = _file_name(study)
    return folder / f"{name}.html", folder / f"{name}-figures"


def _write_text(path: Path, text: str) -> None:
    """Write a file; what is no character, such as a strange byte in a file's name, becomes an escape."""
    write_whole(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text)


def _same_task(portraits: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    def task(portrait: dict[str, Any]) -> str:
        return json.dumps(portrait["task"], sort_keys=True)

    ordered = sorted(portraits, key=lambda portrait: (task(portrait), portrait["source"] == "training"))
    return [list(group) for _, group in groupby(ordered, key=task)]


def _tasks(findings: dict[str, Any]) -> dict[str, str]:
    """The tasks of the lines, each with the line that describes it."""
    names = dict.fromkeys(line["task"]["name"] for line in findings["lines"])
    return {name: TASKS.summary(name) if name in TASKS else "" for name in names}


def _line(line: Line, drawn: list[Chart]) -> dict[str, Any]:
    """What the page shows of a line."""
    contending = contenders([line])
    return {
        **line,
        "described": words.task_text(line),
        "charts": {
            section: [chart for chart in drawn if chart.section == section]
            for section in ("summary", "widths", "sweeps", "precision")
        },
        "precision_places": _precision_places(line),
        "precisions_found": _precision_rows(line),
        "in_short": {contender.name: words.in_short(line, contender) for contender in contending},
        "waiting": words.unfinished_text(line),
        "sizes": _sizes(line),
        "laws": _laws(line),
        "precisions": _precisions(line),
    }


def _precision_places(line: Line) -> list[int]:
    return sorted({point["x"] for found in line["precisions"] for point in found["points"]})


def _precision_rows(line: Line) -> list[dict[str, Any]]:
    rows = []
    for found in line["precisions"]:
        bits = {point["x"]: words.bits_text(point) for point in found["points"]}
        slope = found["per_doubling"]
        rows.append(
            {
                "method": found["method"],
                "bits": [bits.get(place, "") for place in _precision_places(line)],
                "slope": "" if slope is None else f"{slope:+.2f}",
            }
        )
    return rows


def _sizes(line: Line) -> dict[str, Any]:
    places = sorted({point["x"] for series in line["series"] for point in series["points"]})
    rows = []
    for series in line["series"]:
        widths = {point["x"]: words.width_text(point, series) for point in series["points"]}
        rows.append({**_named(series), "widths": [widths.get(place, "") for place in places]})
    return {"places": places, "rows": rows}


def _laws(line: Line) -> list[dict[str, str]]:
    return [{**_named(series), "law": words.law_text(series["growth"], line["symbol"])} for series in with_laws(line)]


def _named(series: dict[str, Any]) -> dict[str, str]:
    return {
        "architecture": series["architecture"],
        "verdict": series["verdict"],
        "boundary": words.boundary_label(series),
        "error": words.ERRORS[series["error_kind"]],
    }


def _precisions(line: Line) -> str:
    """Bits per number at which bounds in bits were turned into widths; empty where there are none."""
    found = {p["precision"] for s in line["series"] if "bits" in s["resource"] for p in s["points"]}
    return " or ".join(map(str, sorted(found)))


def _cells(row: dict[str, Any], columns: list[tuple[str, str]]) -> dict[str, Any]:
    """A row of the table of evidence: shown text and number to sort by for each column, and what it rests on."""
    values = {**row["along"], **row}
    cells = [(key, key not in _TEXTS, _shown(values.get(key)), values.get(key)) for key, _ in columns]
    first, _, rest = row["rests_on"].partition("; ")
    return {"cells": cells, "verdict": row["verdict"], "first": first, "rest": rest, "key": row["key"]}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
