"""The command on document embeddings: which relevance sets they allow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    DEFAULT_OUT,
    Json,
    Out,
    Quiet,
    Workers,
    app,
    show_result,
    tell,
)

if TYPE_CHECKING:
    from assay.vectors import Examination, PrecisionFinding
    from assay.vectors.duplicates import Duplicates

_WIDTH = 118
_LISTED = 10  # queries that fail, and duplicates; all stand in the JSON


@app.command()
def embeddings(
    docs: Annotated[Path, typer.Argument(help="An .npy file of document embeddings (n, d); float16, 32 or 64.")],
    relevance: Annotated[
        Path,
        typer.Option(
            help="The sets: TREC qrels; a table of 'query document' or 'query document relevance'; or an .npz file "
            "with pairs (m, 2) or sets (m, k)."
        ),
    ],
    queries: Annotated[
        Path | None, typer.Option(help="An .npy file of the queries' embeddings (m, d), which are tried, too.")
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(help="The documents' ids, one in each line; row numbers from 0 unless given.")
    ] = None,
    query_ids: Annotated[Path | None, typer.Option(help="The queries' ids, for --queries; likewise.")] = None,
    quantise: Annotated[
        str,
        typer.Option(
            help="Precisions to ask the same at, separated by commas: float16, int8, binary.",
            autocompletion=complete.several(complete.listed("float16", "int8", "binary")),
        ),
    ] = "",
    fast: Annotated[
        bool,
        typer.Option("--fast", help="Refute by duplicates alone; other sets without a margin stay undecided."),
    ] = False,
    out: Out = DEFAULT_OUT,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Which relevance sets can these document embeddings rank on top at all, for any query, and why not the others?

    With the largest margins, at each precision, proofs in exact arithmetic, and the dimension that the sets need. What
    was answered before is not asked again: after an interruption, the same command goes on where it stopped.
    """
    from assay.vectors import examine

    found = examine(
        docs,
        relevance,
        queries=queries,
        ids=ids,
        query_ids=query_ids,
        quantise=[word.strip() for word in quantise.split(",") if word.strip()],
        fast=fast,
        out=out,
        workers=workers,
        tell=(lambda _: None) if as_json else tell,
    )
    show_result(found, as_json, examination_text)


def examination_text(found: Examination) -> str:
    """The answer, a table of precisions, what the sets need, duplicates, and what fails and why."""
    lines = [found.sentence, "", _table(found), "", _dimension_line(found)]
    for finding in found.precisions:
        lines += _duplicate_lines(finding.precision, finding.duplicates)
    for finding in found.precisions:
        lines += _failing_lines(finding)
    if found.folder is not None:
        lines += [
            "",
            f"answers, queries and certificates: {found.folder}; docs/embeddings.md has a script that checks them",
        ]
    return "\n".join(lines)


def _table(found: Examination) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    has_queries = found.precisions[0].by_given is not None
    columns = [
        "documents",
        "exist",
        "margin above error",
        "rounded query",
        *["given query"] * has_queries,
        "no",
        "undecided",
        "least margin",
        "median",
        "score error",
    ]
    for name in columns:
        table.add_column(name, justify="left" if name == "documents" else "right")
    for finding in found.precisions:
        row = finding.to_json()
        given = [str(row["by_given"])] * has_queries
        numbers = [
            "" if row[name] is None else f"{row[name]:.3g}"
            for name in ("least_margin", "median_margin", "median_error")
        ]
        table.add_row(
            finding.precision,
            str(finding.exist),
            str(finding.above_error),
            f"{finding.by_rounded} ({finding.query_precision})",
            *given,
            str(row["no"]),
            str(finding.undecided),
            *numbers,
        )
    written = io.StringIO()
    Console(file=written, width=_WIDTH, highlight=False, emoji=False, markup=False).print(table)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip("\n").splitlines())


def _dimension_line(found: Examination) -> str:
    needed, known = found.dimension, len(found.dimension.documents)
    stopped = "" if needed.complete else "; the search for more was stopped"
    return (
        f"Whatever the documents, these sets need d >= {needed.dimension} ({known} documents are half-shattered"
        f"{stopped}); d = {needed.enough} is enough for some documents, in exact arithmetic."
    )


def _duplicate_lines(precision: str, duplicates: Duplicates) -> list[str]:
    if not duplicates.equal and not duplicates.pairs:
        return []
    more = "" if duplicates.complete else " or more"
    lines = [
        "",
        f"{precision}: documents that equal an earlier one: {duplicates.equal:,}; pairs nearer than 0.1 % of their "
        f"length: {len(duplicates.pairs):,}{more}",
    ]
    lines += [f"  equal: {_first(group)}" for group in duplicates.groups[:_LISTED]]
    room = _LISTED - len(duplicates.groups[:_LISTED])
    return [*lines, *(f"  {i} and {j}: {distance:.2g} apart" for i, j, distance in duplicates.pairs[:room])]


def _failing_lines(finding: PrecisionFinding) -> list[str]:
    from assay.vectors.findings import reason

    failing = finding.failing()
    if not failing:
        return []
    first = f"{finding.precision}: {len(failing):,} of {len(finding.names):,} sets do not exist, or are undecided"
    listed = f", of which {_LISTED} are listed; --json has all" if len(failing) > _LISTED else ""
    return ["", f"{first}{listed}", *(f"  query {name}: {reason(answer)}" for name, answer in failing[:_LISTED])]


def _first(rows: tuple[int, ...]) -> str:
    return ", ".join(map(str, rows[:_LISTED])) + (f", ... ({len(rows)})" if len(rows) > _LISTED else "")
