"""The findings as tables for the terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from assay.probing.headline import head_name
from assay.report.boolean import heads_table, margins_table
from assay.report.comparisons import comparison_table, kinds_table, summary_text
from assay.report.lines import Contender, Line, boundaries_of, contenders, excludes, with_laws
from assay.report.probe_tables import loss_rows, summary_rows
from assay.report.retrieval import kept_table, memory_table, retrieval_table
from assay.report.words import (
    SWEEP_COLUMNS,
    boundary_label,
    consistency_text,
    entry_note,
    few_seeds_text,
    floor_text,
    law_text,
    length_cells,
    length_columns,
    probe_text,
    sought_text,
    sweep_cells,
    task_text,
    tolerance_text,
    unfinished_text,
    width_text,
    with_article,
)

_WIDTH = 118


def terminal_text(findings: dict[str, Any], encoding: str = "utf-8") -> str:
    """The matrix, smallest sizes and growth laws line by line, and where the report is, for a terminal's encoding."""
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding, errors="backslashreplace", newline="", write_through=True)
    console = Console(file=file, width=_WIDTH, highlight=False, emoji=False, markup=False)
    console.print(f"\n{findings['title']}")
    if findings["matrix"]:
        console.print(_matrix(findings["matrix"], findings["lines"]))
    if findings["lines"] and few_seeds_text(len(findings["seeds"])):
        console.print(few_seeds_text(len(findings["seeds"])))
    for line in findings["lines"]:
        console.print(_heading(line))
        for contender in contenders([line]):
            if any(series["verdict"] != "impossible" or excludes(series) for series in boundaries_of(line, contender)):
                console.print(_sizes(line, contender))
        if with_laws(line):
            console.print(_growth(line))
        if line["lengths"]:
            console.print(_other_lengths(line))
        for sweep in line["sweeps"]:
            console.print(_sweep(line, sweep))
        if unfinished_text(line):
            console.print(unfinished_text(line))
    for probe in findings["probes"]:
        console.print(probe["advice"], soft_wrap=True)
        for table in _probe(probe):
            console.print(table)
    for compared in findings["comparisons"]:
        console.print(comparison_table(compared))
        if compared["kinds"]:
            console.print(kinds_table(compared))
        for sentence in compared["disagreements"]:
            console.print(f"- {sentence}", soft_wrap=True)
        console.print(summary_text(compared), soft_wrap=True)
    if findings["retrieval"]:
        console.print(retrieval_table(findings["retrieval"]))
        console.print(kept_table(findings["retrieval"]))
        console.print(findings["retrieval"]["answer"], soft_wrap=True)
    if findings["memory"]:
        console.print(memory_table(findings["memory"]))
        console.print(findings["memory"]["answer"], soft_wrap=True)
    if findings["boolean"]:
        console.print(heads_table(findings["boolean"]))
        console.print(margins_table(findings["boolean"]))
        console.print(findings["boolean"]["answer"], soft_wrap=True)
    for failure in findings["failures"]:
        console.print(f"{failure['what']} failed {failure['reason']}", soft_wrap=True)
    if findings["lines"] or findings["contradictions"]:
        console.print(consistency_text(findings["contradictions"]), soft_wrap=True)
    console.print(f"ledger  {findings['ledger']}\nreport  {findings['report']}", soft_wrap=True)
    return written.getvalue().decode(encoding).rstrip("\n")


def _probe(probe: dict[str, Any]) -> Iterator[Table]:
    """What is lost in each format of a cache, and what is in reach for each size of sets."""
    title: dict[str, Any] = {"title": probe_text(probe), "title_justify": "left"}
    losses = loss_rows(probe)
    if losses:
        table = Table(**title)
        title = {}
        table.add_column("cached in")
        for name in (
            "heads that\nlose sets",
            "outputs off by\n10 %: keys",
            "outputs off by\n10 %: values",
            "median head:\nattention error",
            "median head:\noutput error",
        ):
            table.add_column(name, justify="right")
        table.add_column("first to lose")
        for row in losses:
            off = [
                "unknown" if row[name] is None else f"{row[name]} of {row['heads']}" for name in ("off", "off_values")
            ]
            errors = ["unknown" if row[name] is None else f"{row[name]:.2g}" for name in ("weights", "output")]
            first = f"{head_name(row['first'])}: {row['by']} {row['loss']:.2g}"
            table.add_row(row["format"], f"{row['lost']} of {row['heads']}", *off, *errors, first)
        yield table
    table = Table(**title)
    table.add_column("q", justify="right")
    for kind in probe["kinds"]:
        table.add_column(f"heads that reach most\n{kind} sets", justify="right")
    table.add_column("strongest head\n(random sets)")
    for row in summary_rows(probe):
        size, best = str(row["q"]), row["best"]
        counts = row["able"].values()
        able = [f"{count} of {probe['heads_count']}" if probe["has_queries"] else "unknown" for count in counts]
        strongest = "none" if best is None else f"{head_name(best)}: {best['reach']['random'][size]:.0%}"
        table.add_row(size, *able, strongest)
    yield table


def _heading(line: Line) -> str:
    said = [
        f"{line['title']}: {task_text(line)}",
        f"constructed and worst-case bounds: an error of at most {tolerance_text(line['tolerance'])} "
        f"{line['all_inputs']}",
        f"learned and mean-error bounds: {with_article(line['mean_error_name'])} of at most "
        f"{tolerance_text(line['mean_tolerance'])} on {line['distribution']} inputs",
    ]
    return "\n" + "\n".join(said)


def _matrix(matrix: dict[str, Any], lines: list[Line]) -> Table:
    """A row for each task and architecture: what is known at the largest x that was trained."""
    table = Table(title="Tasks and architectures, at the largest size trained", title_justify="left")
    for name in ("task", "at", "architecture", "learned", "constructed", "impossible"):
        table.add_column(name, no_wrap=name in ("at", "learned"))
    for line in (line for line in lines if line["name"] in matrix["cells"]):
        title = line["title"]
        for architecture, known in matrix["cells"][line["name"]].items():
            if known:
                at = f"{line['symbol']} = {known[0]['at']}"
                table.add_row(title, at, architecture, *_columns(known, line["symbol"]))
                title = ""
        table.add_section()
    return table


def _columns(known: list[dict[str, Any]], symbol: str) -> list[str]:
    """What was learned, what was constructed, and what is impossible; a line of text for each entry."""
    kinds = (("learned", "not learned"), ("constructed",), ("impossible",))
    at = known[0]["at"]
    return ["\n".join(_said(entry, symbol, at) for entry in known if entry["verdict"] in kind) for kind in kinds]


def _said(entry: dict[str, Any], symbol: str, at: int) -> str:
    """A width and what it rests on; where it stands, unless that is `at`."""
    if entry["verdict"] == "impossible":
        width = f"<= {entry['width']}" if entry["width"] else "none"
    else:
        failed = "< " if entry["largest"] else "> "
        width = f"{failed if entry['verdict'] == 'not learned' else ''}{entry['width']}"
        if entry["field"] != "width":
            width = f"{entry['field']} {width if width[0] in '<>' else f'= {width}'}"
    place = "" if entry["at"] == at else f" at {symbol} = {entry['at']}"
    note = entry_note(entry)
    return f"{width}{place}{f' ({note})' if note else ''}"


def _sizes(line: Line, contender: Contender) -> Table:
    """Widths of one contender: a row for each x, a column for each boundary that excludes or reaches any width."""
    known = boundaries_of(line, contender)
    sought = next((sought_text(series) for series in known if series["verdict"] == "learned"), "width")
    boundaries = [series for series in known if series["verdict"] != "impossible" or excludes(series)]
    title = f"{contender.name}: {sought} against {line['symbol']}"
    table = Table(title=title, title_justify="left", min_width=len(title))
    table.add_column(line["symbol"], justify="right")
    for series in boundaries:
        name = "" if series["verdict"] == "learned" else series["source"]
        table.add_column(f"{series['verdict']}\n{name}\n{series['error_kind']} error", justify="right")
    columns = [{point["x"]: width_text(point, series) for point in series["points"]} for series in boundaries]
    for x in sorted(set().union(*columns)):
        table.add_row(str(x), *[column.get(x, "") for column in columns])
    silent = [series["source"] for series in known if series not in boundaries]
    table.caption = f"bounds that exclude no width here: {', '.join(silent)}" if silent else None
    table.caption_justify = "left"
    return table


def _growth(line: Line) -> Table:
    table = Table(title=f"Growth with {line['symbol']}", title_justify="left")
    for name in ("architecture", "boundary", "law"):
        table.add_column(name)
    for series in with_laws(line):
        table.add_row(series["architecture"], boundary_label(series), law_text(series["growth"], line["symbol"]))
    return table


def _sweep(line: Line, sweep: dict[str, Any]) -> Table:
    """A row for each architecture and size."""
    title = f"Every value, {line['symbol']} = {sweep['x']}: {line['mean_error_name']}"
    table = Table(title=title, title_justify="left", min_width=len(title))
    for name in ("architecture", "size", *SWEEP_COLUMNS):
        left = name == "architecture"
        table.add_column(name, justify="left" if left else "right", no_wrap=not left)
    for curve in sweep["curves"]:
        for point in curve["points"]:
            table.add_row(curve["architecture"], f"{curve['field']} {point['value']}", *sweep_cells(point))
    table.caption, table.caption_justify = floor_text(sweep) or None, "left"
    return table


def _other_lengths(line: Line) -> Table:
    """A row for each network that was tested at other lengths than it was trained at."""
    lengths = length_columns(line)
    table = Table(title=f"Other lengths: {line['mean_error_name']} beyond the length of training", title_justify="left")
    table.add_column("architecture")
    for name in (line["symbol"], "size", *(f"at {length}" for length in lengths)):
        table.add_column(name, justify="right")
    for row in line["lengths"]:
        width = f"{row['field']} {row['width']}{'' if row['learned'] else ' (not learned)'}"
        table.add_row(row["architecture"], str(row["x"]), width, *length_cells(row, lengths))
    return table
