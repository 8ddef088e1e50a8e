"""The findings as one HTML page that needs nothing beside itself, and its figures as SVG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assay.probing.findings import Findings as ProbeFindings
from assay.report import boolean, comparisons, retrieval, sweeps, tables, words
from assay.report.charts import Chart, charts, file_name
from assay.report.findings import EvidenceRow, Findings
from assay.report.probe_tables import columns, loss_rows, size_rows
from assay.report.schema import to_json
from assay.report.vega import VegaChart, in_script, script
from assay.store.files import make_folder, require_folder, require_writable, write_whole
from assay.tasks import TASKS

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Column:
    """A column of the table of evidence.

    Attributes:
        field: of `EvidenceRow`; or a symbol, where `along`.
        title: heads it.
        numeric: whether numbers stand in it.
        along: whether it is of a parameter that varies on a sweep.
    """

    field: str
    title: str
    numeric: bool = True
    along: bool = False

    def value(self, row: EvidenceRow) -> object:
        """What this row has there; None for nothing."""
        return row.along.get(self.field) if self.along else getattr(row, self.field)


_TASK = Column("task", "task", numeric=False)
_COLUMNS = [
    Column("architecture", "architecture", numeric=False),
    Column("verdict", "verdict", numeric=False),
    Column("source", "source", numeric=False),
    Column("width", "width"),
    Column("error", "error"),
    Column("error_kind", "kind of error", numeric=False),
    Column("justification", "justification", numeric=False),
    Column("tolerance", "tolerance"),
    Column("parameters", "parameters"),
    Column("precision", "bits"),
    Column("seed", "seed"),
    Column("rate", "rate"),
    Column("steps", "steps"),
    Column("largest_error", "largest seen"),
    Column("sequence_error", "of sequences"),
    Column("heads", "heads"),
    Column("depth", "depth"),
    Column("seconds", "seconds"),
]


def write_report(findings: Findings, folder: Path) -> Path:
    """Write `<study>.html` and `<study>-figures/*.svg` into `folder`; the path of the page.

    Raises:
        AssayError: the folder cannot be written to.
    """
    page, figures = _places(findings.study, make_folder(folder))
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


def page_text(findings: Findings, drawn: list[Chart]) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    symbols = dict.fromkeys(symbol for sweep in findings.sweeps for symbol in sweep.columns.values())
    live = _live_charts(findings)
    return environment.get_template("template.html").render(
        f=findings,
        words=words,
        read=sweeps,
        tables=tables,
        compared=comparisons,
        vectors=retrieval,
        functions=boolean,
        tasks=_tasks(findings),
        by_name={sweep.name: sweep for sweep in findings.sweeps},
        charts_of=lambda sweep, section: [chart for chart in drawn if (chart.sweep, chart.section) == (sweep, section)],
        live=live,
        probes=[_probe(probe, f"probe-{number}", drawn) for number, probe in enumerate(findings.probes, start=1)],
        script=script([chart for part in live.values() for chart in part]),
        columns=[_TASK, *(Column(symbol, symbol, along=True) for symbol in symbols), *_COLUMNS],
        shown=_shown,
        data=in_script(to_json(findings)),
        css=(_HERE / "report.css").read_text("utf-8"),
        js=(_HERE / "report.js").read_text("utf-8"),
    )


def _live_charts(findings: Findings) -> dict[str, list[VegaChart]]:
    """Charts that the page itself draws, by section."""
    return {
        "retrieval": retrieval.retrieval_charts(findings.retrieval) if findings.retrieval else [],
        "memory": retrieval.memory_charts(findings.memory) if findings.memory else [],
        "boolean": boolean.boolean_charts(findings.boolean) if findings.boolean else [],
    }


def _probe(found: ProbeFindings, section: str, drawn: list[Chart]) -> dict[str, Any]:
    """What the page shows of a probe."""
    made = columns(found)
    return {
        "found": found,
        "name": found.name,
        "section": section,
        "described": words.probe_text(found),
        "charts": [chart for chart in drawn if chart.section == section],
        "losses": loss_rows(found),
        "sizes": size_rows(found),
        "titles": [column.title for column in made],
        "rows": [[column.cell(row) for column in made] for row in found.heads],
    }


def _tasks(findings: Findings) -> dict[str, str]:
    """The tasks of the sweeps, each with the sweep that describes it."""
    names = dict.fromkeys(str(sweep.task["name"]) for sweep in findings.sweeps)
    return {name: TASKS.summary(name) if name in TASKS else "" for name in names}


def _places(study: str, folder: Path) -> tuple[Path, Path]:
    """Of the page, and of the folder of its figures."""
    name = file_name(study)
    return folder / f"{name}.html", folder / f"{name}-figures"


def _write_text(path: Path, text: str) -> None:
    """Write a file; what is no character, such as a strange byte in a file's name, becomes an escape."""
    write_whole(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
