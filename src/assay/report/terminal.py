"""What was found as text for the terminal: in a few sentences, or in tables."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from assay.report.boolean import heads_table, margins_table
from assay.report.comparisons import comparison_table, kinds_table, summary_text
from assay.report.findings import Findings
from assay.report.found import FoundT, Reported
from assay.report.retrieval import kept_table, memory_table, reached_table
from assay.report.summary import summary
from assay.report.sweeps import Architecture, Sweep, architectures_of, boundaries_of, excludes, with_laws
from assay.report.tables import grid_table, growth_table, lengths_table
from assay.report.task_matrix import Entry, TaskMatrix
from assay.report.text_table import TextTable
from assay.report.words import (
    consistency_text,
    entry_note,
    few_seeds_text,
    sought_text,
    task_text,
    tolerance_text,
    unfinished_text,
    width_text,
    with_article,
)

_WIDTH = 118  # of tables
_NARROW = 80  # of sentences
_MOST = 20  # lines of a summary
_REASON = 160  # characters of why something failed
_TABLES = "assay report"  # the command that prints tables, in place of the one that made the findings


def short_text(reported: Reported[Findings], seconds: float | None = None) -> str:
    """What was found in at most 20 lines of 80 columns, the answer first; long paths alone go beyond the columns.

    Args:
        reported: the findings, and where the report is.
        seconds: that the run took; None where nothing was run.
    """
    findings = reported.findings
    head, tail = _wrapped(findings.title)[:2], _state(findings)
    took = "" if seconds is None else f"  ({_duration(seconds)}, {reported.new:,} new answers)"
    command = " ".join([_TABLES, *findings.command.split(" ")[2:], "--tables"])
    tail += [f"report  {reported.report}{took}", f"tables  {command}"]
    body: list[str] = []
    sentences = [_wrapped(sentence) for sentence in summary(findings)] or [["Nothing is answered yet."]]
    for place, lines in enumerate(sentences):
        left = len(sentences) - place
        room = _MOST - len(head) - len(tail) - len(body) - (left > 1)  # a line says that there is more
        if len(lines) > room:
            return "\n".join([*head, *body, "There is more in the tables and in the report.", *tail])
        body += lines
    return "\n".join([*head, *body, *tail])


def _state(findings: Findings) -> list[str]:
    """Whether anything is refuted, failed or missing: at most seven lines."""
    lines = []
    if count := len(findings.contradictions):
        which = "1 contradiction" if count == 1 else f"{count} contradictions, the first"
        lines += _wrapped(f"REFUTED, {which}: {findings.contradictions[0]}")[:4]
    elif findings.sweeps:
        lines.append("No contradiction: nothing constructed or learned is smaller than a bound allows.")
    if count := len(findings.failures):
        first = findings.failures[0]
        which = "1 question or search failed" if count == 1 else f"{count} questions or searches failed, the first"
        lines += _wrapped(textwrap.shorten(f"{which}: {first.what}: {first.reason}", _REASON))
    waiting = sum(not search.failed for sweep in findings.sweeps for search in sweep.unfinished)
    if waiting:
        lines.append(f"{waiting} search{'es' * (waiting > 1)} not finished.")
    return lines


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, _NARROW, subsequent_indent="  ", break_on_hyphens=False)


def _duration(seconds: float) -> str:
    """In words.

    >>> _duration(7.6), _duration(305), _duration(9000)
    ('8 s', '5 min 5 s', '2 h 30 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def terminal_text(reported: Reported[FoundT], say: Callable[[Console, FoundT], None], encoding: str = "utf-8") -> str:
    """The title, what `say` says, what failed, and where the report is, for a terminal's encoding."""
    written, found = io.BytesIO(), reported.findings
    file = io.TextIOWrapper(written, encoding, errors="backslashreplace", newline="", write_through=True)
    console = Console(file=file, width=_WIDTH, highlight=False, emoji=False, markup=False)
    console.print(f"\n{found.title}")
    say(console, found)
    for failure in found.failures:
        console.print(f"{failure.what} failed {failure.reason}", soft_wrap=True)
    console.print(f"ledger  {reported.ledger}\nreport  {reported.report}", soft_wrap=True)
    return written.getvalue().decode(encoding).rstrip("\n")


def say_study(console: Console, findings: Findings) -> None:
    """The matrix, smallest sizes and growth laws sweep by sweep."""
    if findings.matrix:
        console.print(_matrix(findings.matrix, findings.sweeps))
    if findings.sweeps and few_seeds_text(len(findings.seeds)):
        console.print(few_seeds_text(len(findings.seeds)))
    for sweep in findings.sweeps:
        for part in _sweep(sweep):
            console.print(part)
    for compared in findings.comparisons:
        console.print(comparison_table(compared))
        if compared.kinds:
            console.print(kinds_table(compared).rich())
        for sentence in compared.disagreements:
            console.print(f"- {sentence}", soft_wrap=True)
        console.print(summary_text(compared), soft_wrap=True)
    if retrieval := findings.retrieval:
        console.print(reached_table(retrieval).rich())
        console.print(kept_table(retrieval).rich())
        console.print(retrieval.answer, soft_wrap=True)
    if memory := findings.memory:
        console.print(memory_table(memory).rich())
        console.print(memory.answer, soft_wrap=True)
    if boolean := findings.boolean:
        console.print(heads_table(boolean).rich())
        console.print(margins_table(boolean).rich())
        console.print(boolean.answer, soft_wrap=True)
    if findings.sweeps or findings.contradictions:
        console.print(consistency_text(findings.contradictions), soft_wrap=True)


def _sweep(sweep: Sweep) -> Iterator[str | Table]:
    """A heading, and tables of what there is."""
    yield _heading(sweep)
    for architecture in architectures_of([sweep]):
        if any(series.verdict != "impossible" or excludes(series) for series in boundaries_of(sweep, architecture)):
            yield _sizes(sweep, architecture).rich()
    if with_laws(sweep):
        yield growth_table(sweep).rich()
    if sweep.lengths:
        yield lengths_table(sweep).rich()
    for grid in sweep.grids:
        yield grid_table(sweep, grid).rich()
    if unfinished_text(sweep):
        yield unfinished_text(sweep)


def _heading(sweep: Sweep) -> str:
    said = [
        f"{sweep.title}: {task_text(sweep)}",
        f"constructed and worst-case bounds: an error of at most {tolerance_text(sweep.tolerance)} {sweep.all_inputs}",
        f"learned and mean-error bounds: {with_article(sweep.mean_error_name)} of at most "
        f"{tolerance_text(sweep.mean_tolerance)} on {sweep.distribution} inputs",
    ]
    return "\n" + "\n".join(said)


def _matrix(matrix: TaskMatrix, sweeps: Sequence[Sweep]) -> Table:
    """A row for each task and architecture: what is known at the largest x that was trained."""
    table = Table(title="Tasks and architectures, at the largest size trained", title_justify="left")
    for name in ("task", "at", "architecture", "learned", "constructed", "impossible"):
        table.add_column(name, no_wrap=name in ("at", "learned"))
    for sweep in (sweep for sweep in sweeps if sweep.name in matrix.cells):
        title = sweep.title
        for architecture, known in matrix.cells[sweep.name].items():
            if known:
                at = f"{sweep.symbol} = {known[0].x}"
                table.add_row(title, at, architecture, *_columns(known, sweep.symbol))
                title = ""
        table.add_section()
    return table


def _columns(known: Sequence[Entry], symbol: str) -> list[str]:
    """What was learned, what was constructed, and what is impossible; a line of text for each entry."""
    kinds, x = (("learned", "not learned"), ("constructed",), ("impossible",)), known[0].x
    return ["\n".join(_said(entry, symbol, x) for entry in known if entry.verdict in kind) for kind in kinds]


def _said(entry: Entry, symbol: str, x: int) -> str:
    """A width and what it rests on; where it stands, unless that is `x`."""
    if entry.verdict == "impossible":
        width = f"< {entry.width + 1}" if entry.width else "none"
    else:
        failed = "< " if entry.largest else "> "
        width = f"{failed if entry.verdict == 'not learned' else ''}{entry.width}"
        if entry.field != "width":
            width = f"{entry.field} {width if width[0] in '<>' else f'= {width}'}"
    place = "" if entry.x == x else f" at {symbol} = {entry.x}"
    note = entry_note(entry)
    return f"{width}{place}{f' ({note})' if note else ''}"


def _sizes(sweep: Sweep, architecture: Architecture) -> TextTable:
    """Widths of one architecture: a row for each x, a column for each boundary that excludes or reaches any width."""
    known = boundaries_of(sweep, architecture)
    sought = next((sought_text(series) for series in known if series.verdict == "learned"), "width")
    boundaries = [series for series in known if series.verdict != "impossible" or excludes(series)]
    columns = [{point.x: width_text(point, series) for point in series.points} for series in boundaries]
    names = ["" if series.verdict == "learned" else series.source for series in boundaries]
    silent = [series.source for series in known if series not in boundaries]
    return TextTable(
        f"{architecture.name}: {sought} against {sweep.symbol}",
        [
            sweep.symbol,
            *(f"{one.verdict}\n{name}\n{one.error_kind} error" for one, name in zip(boundaries, names, strict=True)),
        ],
        [[str(x), *(column.get(x, "") for column in columns)] for x in sorted(set().union(*columns))],
        left=(),
        note=f"bounds that exclude no width here: {', '.join(silent)}" if silent else "",
    )
