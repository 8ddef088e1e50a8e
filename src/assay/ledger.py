"""The ledger: every piece of evidence, one row each, in one SQLite file.

A row's key is the content hash of its question, so a question that was answered is found again whatever study asks it,
and the rows of ledgers from several machines can be put together. Write-ahead logging lets several processes write.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from assay.errors import AssayError
from assay.evidence import Evidence, canonical, content_hash
from assay.files import make_folder
from assay.size import Size

SCHEMA = "1"
_BUSY_SECONDS = 30.0
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS evidence (
    key TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    architecture TEXT NOT NULL,
    verdict TEXT NOT NULL,
    width INTEGER NOT NULL,
    error_kind TEXT NOT NULL,
    error REAL NOT NULL,
    seconds REAL NOT NULL,
    stored TEXT NOT NULL,
    body TEXT NOT NULL
);
"""


class Ledger:
    """An open ledger; a context manager that closes it.

    >>> from assay import Evidence, Size
    >>> statement = Evidence(
    ...     question={"kind": "example"}, task={"name": "t"}, family="attention", architecture="attention",
    ...     source="training", size=Size(width=4), verdict="learned", error_kind="mean", error=0.1, tolerance=0.2,
    ...     rests_on="an example",
    ... )
    >>> with Ledger(":memory:") as ledger:
    ...     ledger.add(statement), ledger.add(statement), ledger.get({"kind": "example"}) == statement, len(ledger)
    (True, False, True, 1)
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        """Open the ledger at `path`; make it, and its folder, if it is not there and `create` is set.

        Raises:
            AssayError: it is not there, is not a ledger, is of another version, or cannot be written to.
        """
        self.path = Path(path)
        in_memory = str(path) == ":memory:"
        if not in_memory and not self.path.exists() and not create:
            raise AssayError(f"ledger {path} does not exist; 'assay run' makes one")
        if create and not in_memory:
            make_folder(self.path.parent)
        try:
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise AssayError(f"ledger {path} cannot be used: {error}") from error

    def add(self, evidence: Evidence) -> bool:
        """Store one piece of evidence, durably; whether it is new. A question that has an answer keeps it.

        Raises:
            AssayError: the file cannot be written to.
        """
        row = (
            evidence.key, canonical(evidence.task), evidence.architecture, evidence.verdict, evidence.size.width,
            evidence.error_kind, evidence.error, evidence.seconds, datetime.now(UTC).isoformat(timespec="seconds"),
            canonical(asdict(evidence)),
        )  # fmt: skip
        try:
            marks = ", ".join("?" * len(row))
            return self._connection.execute(f"INSERT OR IGNORE INTO evidence VALUES ({marks})", row).rowcount == 1
        except sqlite3.Error as error:
            raise AssayError(f"ledger {self.path} cannot be written to: {error}") from error

    def get(self, question: dict[str, Any]) -> Evidence | None:
        """The answer to `question`, if there is one."""
        row = self._connection.execute("SELECT body FROM evidence WHERE key = ?", (content_hash(question),)).fetchone()
        return _from_body(row[0]) if row else None

    def __iter__(self) -> Iterator[Evidence]:
        """All evidence, in the order of its keys."""
        for (body,) in self._connection.execute("SELECT body FROM evidence ORDER BY key"):
            yield _from_body(body)

    def __len__(self) -> int:
        return self._connection.execute("SELECT count(*) FROM evidence").fetchone()[0]

    def merge(self, other: Ledger) -> int:
        """Take over the answers of `other` to questions that have none here; how many there were."""
        return sum(self.add(evidence) for evidence in other)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        names = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if names and "meta" not in names:
            raise AssayError(f"{self.path} is a database, but not a ledger")
        if not names:
            self._connection.execute("PRAGMA journal_mode = WAL")
            stamp = f"INSERT OR IGNORE INTO meta VALUES ('schema', '{SCHEMA}');"
            self._connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {stamp} COMMIT;")
        found = self._connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        if found != (SCHEMA,):
            stated = found[0] if found else "none"
            raise AssayError(f"ledger {self.path} has version {stated}; this Assay reads and writes version {SCHEMA}")


def _from_body(body: str) -> Evidence:
    fields: dict[str, Any] = json.loads(body)
    fields["size"] = Size(**fields["size"])
    return Evidence(**fields)
