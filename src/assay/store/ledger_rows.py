"""Rows of ledgers: their columns, the evidence in them, and the rows that a damaged file still has."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from assay.evidence import Evidence, canonical
from assay.sizes import Size

COLUMNS = {
    "key": "TEXT PRIMARY KEY",
    "task": "TEXT NOT NULL",
    "architecture": "TEXT NOT NULL",
    "verdict": "TEXT NOT NULL",
    "width": "INTEGER NOT NULL",
    "error_kind": "TEXT NOT NULL",
    "error": "REAL NOT NULL",
    "seconds": "REAL NOT NULL",
    "stored": "TEXT NOT NULL",
    "body": "TEXT NOT NULL",
}
NAMES = ", ".join(COLUMNS)
# Columns of the view `runs`, for those who query the file, in SQL. NULL where a piece of evidence has no such thing.
_VIEWED = {
    "key": "key",
    "task": "json_extract(task, '$.name')",
    "task_parameters": "json_remove(task, '$.name')",  # JSON
    "family": "json_extract(body, '$.family')",
    "architecture": "architecture",
    "source": "json_extract(body, '$.source')",  # training, or the name of a bound or construction
    "verdict": "verdict",
    "width": "width",
    "depth": "json_extract(body, '$.size.depth')",
    "heads": "json_extract(body, '$.size.heads')",
    "head_width": "json_extract(body, '$.size.head_width')",  # 0: as wide as the network
    "precision": "json_extract(body, '$.size.precision')",  # bits per number
    "state": "nullif(json_extract(body, '$.size.state'), 0)",  # numbers from one position to the next
    "parameters": "json_extract(body, '$.size.parameters')",  # of the network
    "seed": "json_extract(body, '$.question.seed')",
    "rate": "json_extract(body, '$.question.rate')",
    "distribution": "coalesce(json_extract(body, '$.question.recipe.distribution'), "
    "json_extract(body, '$.question.distribution'))",
    "steps": "json_extract(body, '$.detail.steps')",
    "error_kind": "error_kind",
    "error": "error",  # guaranteed, forced, or reached on test inputs
    "test_error": "CASE json_extract(body, '$.source') WHEN 'training' THEN error END",
    "tolerance": "json_extract(body, '$.tolerance')",
    "largest_error": "json_extract(body, '$.detail.largest_error')",  # of one answer, on test inputs
    "sequence_error": "json_extract(body, '$.detail.sequence_error')",  # share of sequences with a wrong answer
    "seconds": "seconds",  # of a processor
    "stored": "stored",
    "justification": "json_extract(body, '$.justification')",
}
RUNS = f"SELECT {', '.join(f'{said} AS {name}' for name, said in _VIEWED.items())} FROM evidence"
RUNS_VIEW = f"CREATE VIEW runs AS {RUNS}"
_FEWEST_BYTES = 256  # of a row: the names of an evidence's fields alone take more


Row = tuple[str | int | float, ...]  # the values of COLUMNS


def row_of(evidence: Evidence) -> Row:
    """The row that holds `evidence`, stored now."""
    stored = datetime.now(UTC).isoformat(timespec="seconds")
    return (evidence.key, *_copies(evidence), evidence.seconds, stored, evidence_text(evidence))


def evidence_text(evidence: Evidence) -> str:
    """The evidence on one line, as `evidence_from` reads it."""
    return canonical(asdict(evidence))


def evidence_from(text: str) -> Evidence:
    """The evidence on a line."""
    fields = json.loads(text)
    fields["size"] = Size(**fields["size"])
    return Evidence(**fields)


def evidence_of(row: Row) -> Evidence:
    """The evidence in a row.

    Raises:
        ValueError: the row is damaged: its columns are not those of the evidence in its body, or there is none.
    """
    try:
        evidence = evidence_from(str(row[-1]))
        same = row[: -len(("stored", "body"))] == (evidence.key, *_copies(evidence), evidence.seconds)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError("a row holds no evidence") from error
    if not same:
        raise ValueError("a row disagrees with the evidence in it")
    return evidence


def readable_rows(path: Path) -> list[Row]:
    """The rows of a damaged ledger that can still be read and hold what they should, in the order they were stored in.

    Rows on damaged pages are passed over. The file is read from a copy, as opening a database may change it.
    """
    with TemporaryDirectory(prefix="assay-") as folder:
        copy = Path(folder) / "copy.sqlite"
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema = ON")  # or SQLite refuses all of a file that was cut
            try:
                (last,) = connection.execute("SELECT max(rowid) FROM evidence").fetchone()
            except sqlite3.Error:
                last = size // _FEWEST_BYTES
            last = min(last or 0, size // _FEWEST_BYTES)  # a damaged row may have any number
            rows = (_row(connection, number) for number in range(1, last + 1))
            return [row for row in rows if row is not None]


def _copies(evidence: Evidence) -> Row:
    """The columns between key and seconds: fields of the evidence, for those who query the file."""
    return (
        canonical(evidence.task),
        evidence.architecture,
        evidence.verdict,
        evidence.size.width,
        evidence.error_kind,
        evidence.error,
    )


def _row(connection: sqlite3.Connection, number: int) -> Row | None:
    try:
        row = connection.execute(f"SELECT {NAMES} FROM evidence WHERE rowid = ?", (number,)).fetchone()
        if row is not None:
            evidence_of(row)
        return row
    except (sqlite3.Error, ValueError):
        return None
