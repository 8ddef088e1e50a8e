"""The findings as one HTML page that needs nothing beside itself, and its figures as SVG files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assay.report import boolean, comparisons, retrieval, sweeps, tables, words
from assay.report.charts import Chart, charts, file_name
from assay.report.findings import Findings
from assay.report.found import EvidenceRow, Found
from assay.report.vega import VegaChart, in_script, script
from assay.schema import to_json
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
    """Write the page and the figures of a study, see `write_page`."""
    drawn = charts(findings)
    return write_page(findings.study, page_text(findings, drawn), drawn, folder)


def write_page(name: str, text: str, drawn: Iterable[Chart], folder: Path) -> Path:
    """Write `<name>.html` and `<name>-figures/*.svg` into `folder`; the path of the page.

    Raises:
        AssayError: the folder cannot be written to.
    """
    page, figures = _places(name, make_folder(folder))
    make_folder(figures)
    for chart in drawn:
        _write_text(figures / f"{chart.name}.svg", chart.svg)
    _write_text(page, text)
    return page


def require_report(name: str, folder: Path) -> None:
    """Refuse a folder in which something stands in the way of this report, before the work it is of.

    Raises:
        AssayError: the page or the folder of figures cannot be written.
    """
    page, figures = _places(name, folder)
    require_writable(page)
    require_folder(figures)


def page_text(findings: Findings, drawn: list[Chart]) -> str:
    """The whole page of a study."""
    live = _live_charts(findings)
    return render(
        "template.html",
        findings,
        symbols=dict.fromkeys(symbol for sweep in findings.sweeps for symbol in sweep.columns.values()),
        drawn_live=[chart for part in live.values() for chart in part],
        live=live,
        words=words,
        read=sweeps,
        tables=tables,
        compared=comparisons,
        vectors=retrieval,
        functions=boolean,
        tasks=_tasks(findings),
        by_name={sweep.name: sweep for sweep in findings.sweeps},
        charts_of=lambda sweep, section: [chart for chart in drawn if (chart.sweep, chart.section) == (sweep, section)],
    )


def render(
    template: str, found: Found, *, symbols: Iterable[str] = (), drawn_live: Iterable[VegaChart] = (), **parts: object
) -> str:
    """A page: `parts` is what its own template shows, `symbols` of varied parameters, `drawn_live` what it draws."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(
        f=found,
        columns=[_TASK, *(Column(symbol, symbol, along=True) for symbol in symbols), *_COLUMNS],
        shown=_shown,
        data=in_script(to_json(found)),
        script=script(list(drawn_live)),
        css=(_HERE / "report.css").read_text("utf-8"),
        js=(_HERE / "report.js").read_text("utf-8"),
        **parts,
    )


def _live_charts(findings: Findings) -> dict[str, list[VegaChart]]:
    """Charts that the page itself draws, by section."""
    return {
        "retrieval": retrieval.retrieval_charts(findings.retrieval) if findings.retrieval else [],
        "memory": retrieval.memory_charts(findings.memory) if findings.memory else [],
        "boolean": boolean.boolean_charts(findings.boolean) if findings.boolean else [],
    }


def _tasks(findings: Findings) -> dict[str, str]:
    """The tasks of the sweeps, each with the sweep that describes it."""
    names = dict.fromkeys(str(sweep.task["name"]) for sweep in findings.sweeps)
    return {name: TASKS.summary(name) if name in TASKS else "" for name in names}


def _places(name: str, folder: Path) -> tuple[Path, Path]:
    """Of the page, and of the folder of its figures."""
    return folder / f"{file_name(name)}.html", folder / f"{file_name(name)}-figures"


def _write_text(path: Path, text: str) -> None:
    """Write a file; what is no character, such as a strange byte in a file's name, becomes an escape."""
    write_whole(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
