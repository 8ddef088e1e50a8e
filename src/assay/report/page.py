"""The findings as one HTML page that needs nothing beside itself, and its figures as SVG files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assay.report import boolean, comparisons, retrieval, sweeps, tables, words
from assay.report.charts import charts
from assay.report.findings import Findings
from assay.report.found import EvidenceRow, Found
from assay.report.summary import learned_sentence, results, sweep_sentences
from assay.report.vega import VegaChart, in_script, script, style
from assay.schema import to_json
from assay.store.files import make_folder, require_folder, require_writable, write_whole

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
        """What this row has there; None for nothing. What has a column of its own is no part of the task."""
        if self.field == "task":
            name, _, parameters = row.task.partition(": ")
            own = {f"{symbol} = {value}" for symbol, value in row.along.items()}
            others = [text for text in parameters.split(", ") if text and text not in own]
            return f"{name}: {', '.join(others)}" if others else name
        return row.along.get(self.field) if self.along else getattr(row, self.field)


_FIRST = ("theorem", "summary", "retrieval", "memory", "boolean", "comparison", "grids", "widths")  # sections
_KEPT = ("architecture", "verdict", "justification")  # columns of the evidence that stay whatever they say
_CHOSEN = ("architecture", "verdict", "source")  # columns that a menu filters by
_TASK = Column("task", "task", numeric=False)
_COLUMNS = [
    Column("architecture", "architecture", numeric=False),
    Column("verdict", "verdict", numeric=False),
    Column("source", "source", numeric=False),
    Column("width", "width"),
    Column("error", "error"),
    Column("error_kind", "kind", numeric=False),
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


def write_report(findings: Findings, folder: Path, figures: str = "svg") -> Path:
    """Write the page and the figures of a study, see `write_page`."""
    drawn = charts(findings)
    return write_page(findings.study, page_text(findings, drawn), drawn, folder, figures)


def write_page(name: str, text: str, drawn: Iterable[VegaChart], folder: Path, figures: str = "svg") -> Path:
    """Write `<name>.html`, and into `<name>-figures` a figure and its data for each chart; the path of the page.

    Args:
        figures: what they are, one of `vega.FORMATS`.

    Raises:
        AssayError: the folder cannot be written to.
    """
    page, there = _places(name, make_folder(folder))
    make_folder(there)
    for chart in drawn:
        for form, content in ((figures, chart.file(figures)), ("csv", chart.csv().encode())):
            write_whole(
                there / f"{chart.name}.{form}", lambda temporary, content=content: temporary.write_bytes(content)
            )
    write_whole(page, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))
    return page


def require_report(name: str, folder: Path) -> None:
    """Refuse a folder in which something stands in the way of this report, before the work it is of.

    Raises:
        AssayError: the page or the folder of figures cannot be written.
    """
    page, figures = _places(name, folder)
    require_writable(page)
    require_folder(figures)


def page_text(findings: Findings, drawn: Sequence[VegaChart]) -> str:
    """The whole page of a study, with these charts."""
    first = first_chart(drawn)
    if findings.matrix and first is not None and first.section != "theorem":
        first = None  # the page begins with the table of all tasks
    return render(
        "template.html",
        findings,
        results=results(findings),
        symbols=dict.fromkeys(symbol for sweep in findings.sweeps for symbol in sweep.columns.values()),
        drawn=drawn,
        first=first,
        learned=learned_sentence(findings.sweeps, len(findings.seeds)) if findings.sweeps else "",
        sentences=sweep_sentences,
        words=words,
        read=sweeps,
        tables=tables,
        compared=comparisons,
        vectors=retrieval,
        functions=boolean,
        by_name={sweep.name: sweep for sweep in findings.sweeps},
        charts_of=lambda sweep, section: [
            chart for chart in drawn if (chart.sweep, chart.section) == (sweep, section) and chart is not first
        ],
    )


def render(
    template: str,
    found: Found,
    *,
    results: Sequence[str],
    symbols: Iterable[str] = (),
    drawn: Sequence[VegaChart] = (),
    **parts: object,
) -> str:
    """A page that begins with `results`, sentences.

    `parts` is what its own template shows, `symbols` of varied parameters, `drawn` its charts.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    rows = [row for row in found.evidence if row.verdict != "impossible" or row.width]
    columns, same = _informative([_TASK, *(Column(symbol, symbol, along=True) for symbol in symbols), *_COLUMNS], rows)
    choices = {column.title: sorted({_shown(column.value(row)) for row in rows}) for column in columns}
    return environment.get_template(template).render(
        f=found,
        results=results,
        evidence=rows,
        silent=len(found.evidence) - len(rows),
        columns=columns,
        same=same,
        choices={title: values for title, values in choices.items() if title in _CHOSEN},
        shown=_shown,
        data=in_script(to_json(found)),
        drawn=drawn,
        script=script(drawn),
        css=(_HERE / "report.css").read_text("utf-8") + style(),
        js=(_HERE / "report.js").read_text("utf-8"),
        **parts,
    )


def first_chart(drawn: Sequence[VegaChart]) -> VegaChart | None:
    """The chart that a page begins with; None without any."""
    for section in _FIRST:
        for chart in drawn:
            if chart.section == section:
                return chart
    return None


def _informative(columns: Sequence[Column], rows: Sequence[EvidenceRow]) -> tuple[list[Column], list[tuple[str, str]]]:
    """The columns whose values differ, and the title and value of those that are equal in all rows."""
    kept, same = [], []
    for column in columns:
        values = {_shown(column.value(row)) for row in rows}
        if len(rows) < 2 or len(values) > 1 or column.field in _KEPT:
            kept.append(column)
        elif text := values.pop():
            same.append((column.title, text))
    return kept, same


def _places(name: str, folder: Path) -> tuple[Path, Path]:
    """Of the page, and of the folder of its figures."""
    return folder / f"{words.file_name(name)}.html", folder / f"{words.file_name(name)}-figures"


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
