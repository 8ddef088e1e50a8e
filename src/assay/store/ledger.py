"""The ledger: every piece of evidence, one row each, in one SQLite file.

A row's key is the content hash of its question, so a question that was answered is found again whatever study asks it,
and the rows of ledgers from several machines can be put together. Write-ahead logging lets several processes write.
While a process has the ledger open, and after one was killed, the latest rows are in a second file, whose name ends in
`-wal`: the two belong together and are copied or moved together. Those who query the file find flat columns in the view
`runs`: `sqlite3 ledger.sqlite 'select * from runs'`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from assay.errors import AssayError, DiskError, ParameterError
from assay.evidence import Evidence, content_hash
from assay.frames import frame
from assay.store.contradictions import Contradiction, differences
from assay.store.files import make_folder, refuse_special
from assay.store.ledger_rows import COLUMNS, NAMES, RUNS, RUNS_VIEW, Row, evidence_of, readable_rows, row_of

if TYPE_CHECKING:
    from pandas import DataFrame

SCHEMA = "3"  # raised when questions are asked differently, so that no old answer would be found
LEDGER = "ledger.sqlite"  # its name in a folder of results
_BUSY_SECONDS = 30.0
_PAUSE_SECONDS = 0.02
_SMALLEST_DATABASE = 512  # bytes; SQLite makes a new database of what is much smaller
_TABLES = f"""
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS evidence ({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())});
"""
_INSERT = f"INSERT OR IGNORE INTO evidence ({NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"

# SQLite's first eight bits say what went wrong.
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; what was stored before is kept",
    sqlite3.SQLITE_IOERR: "the disk or its quota is full, or it fails; what was stored before is kept",
    sqlite3.SQLITE_READONLY: "this user may only read it, or its folder",
    sqlite3.SQLITE_CANTOPEN: "this user may not open it, or not write to its folder",
}


class DamagedLedger(AssayError):
    """A ledger that cannot be read as it should; `assay merge` saves what can be read of it."""


@dataclass(frozen=True)
class Merge:
    """What came of putting ledgers together.

    Attributes:
        taken: for each of the other ledgers, how many of its answers were new and taken over.
        known: for each, how many of its answers were there already.
        contradictions: if there are any, nothing was written.
    """

    taken: tuple[int, ...]
    known: tuple[int, ...]
    contradictions: tuple[Contradiction, ...]


class Ledger:
    """An open ledger; a context manager that closes it.

    >>> from assay import Evidence, Size
    >>> statement = Evidence(
    ...     question={"kind": "example"}, task={"name": "t"}, family="attention", architecture="attention",
    ...     source="training", size=Size(width=4), verdict="learned", error_kind="mean", error=0.1, tolerance=0.2,
    ...     justification="an example",
    ... )
    >>> with Ledger(":memory:") as ledger:
    ...     ledger.add(statement), ledger.add(statement), ledger.get({"kind": "example"}) == statement, len(ledger)
    (True, False, True, 1)
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        """Open the ledger at `path` to write to it; make it, and its folder, if it is not there and `create` is set.

        Without `create`, one that this user may only read is opened too.

        Raises:
            DamagedLedger: it cannot be read as it should.
            DiskError: the disk is full or fails.
            AssayError: it is not there, is not a ledger, is of another version, is locked, or cannot be written to.
        """
        self.path = Path(path)
        if str(path) != ":memory:":
            self._look(create)
        begin = time.monotonic()
        while True:
            try:
                self._open(str(path), create)
                return
            except sqlite3.Error as error:
                # Two processes that make one ledger at once can be told at once that it is locked.
                if _cause(error) != sqlite3.SQLITE_BUSY or time.monotonic() > begin + _BUSY_SECONDS:
                    raise self._complaint("used", error) from error
                time.sleep(_PAUSE_SECONDS)

    def add(self, evidence: Evidence) -> bool:
        """Store one piece of evidence, durably; whether it is new. A question that has an answer keeps it.

        Once this returns, the row outlasts a killed process and, as far as the disk keeps its word, a loss of power.

        Raises:
            DiskError: the disk is full or fails; what was stored before is kept.
            AssayError: the file cannot be written to: another process keeps it locked, or no permission.
        """
        row = row_of(evidence)
        with self._explained("written to"):
            return self._connection.execute(_INSERT, row).rowcount == 1

    def get(self, question: Mapping[str, object]) -> Evidence | None:
        """The answer to `question`, if there is one.

        Raises:
            DamagedLedger: it cannot be read.
        """
        with self._explained("read"):
            select = f"SELECT {NAMES} FROM evidence WHERE key = ?"
            row = self._connection.execute(select, (content_hash(question),)).fetchone()
            return evidence_of(row) if row else None

    def __iter__(self) -> Iterator[Evidence]:
        """All evidence, in the order of its keys."""
        return (evidence for _, evidence in self._rows())

    def __len__(self) -> int:
        with self._explained("read"):
            return self._connection.execute("SELECT count(*) FROM evidence").fetchone()[0]

    def runs(self) -> list[dict[str, str | int | float | None]]:
        """A row for each piece of evidence, with columns as of the view `runs` of the file, in the order of keys.

        Raises:
            DamagedLedger: it cannot be read.
        """
        with self._explained("read"):
            found = self._connection.execute(f"{RUNS} ORDER BY key")  # a ledger may have been made before the view
            names = [column for column, *_ in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def frame(self) -> DataFrame:
        """The rows of `runs` as a data frame of pandas, or of polars.

        Raises:
            AssayError: neither is installed, or the ledger cannot be read.
        """
        return frame(self.runs())

    def merge(self, *others: Ledger) -> Merge:
        """Take over the answers of `others` to questions that have none here: all of them or, if any contradict, none.

        `assay.store.contradictions` says when two answers to one question contradict each other.

        Raises:
            DamagedLedger: one of them cannot be read.
            DiskError: the disk is full or fails.
            AssayError: this one cannot be written to.
        """
        taken, known, found = [0] * len(others), [0] * len(others), []
        origin: dict[str, str] = {}
        with self._explained("written to"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for number, other in enumerate(others):
                    for row, evidence in other._rows():
                        if self._connection.execute(_INSERT, row).rowcount == 1:
                            taken[number] += 1
                            origin[evidence.key] = str(other.path)
                            continue
                        known[number] += 1
                        first = self._answer(evidence)
                        if fields := differences(first, evidence):
                            first_in = origin.get(evidence.key, str(self.path))
                            found.append(Contradiction(fields, first, first_in, evidence, str(other.path)))
                self._connection.execute("ROLLBACK" if found else "COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        return Merge((0,) * len(others) if found else tuple(taken), tuple(known), tuple(found))

    def settle(self) -> None:
        """Put the log into the file, which can then be moved without it.

        Raises:
            DiskError: the disk is full or fails.
            AssayError: another process uses the ledger.
        """
        with self._explained("written to"):
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise AssayError(f"ledger {self.path} is in use by another process")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look(self, create: bool) -> None:
        """Refuse what SQLite would take for a new database."""
        size = refuse_strays(self.path)
        if not size and not create:
            what = "is empty" if self.path.exists() else "does not exist"
            raise AssayError(f"ledger {self.path} {what}; 'assay run' makes one")
        if 0 < size < _SMALLEST_DATABASE:
            raise AssayError(f"ledger {self.path} cannot be used: file is not a database")
        if create:
            make_folder(self.path.parent)

    def _open(self, path: str, create: bool) -> None:
        self._connection = _connect(path)
        try:
            self._prepare(create)
        except sqlite3.OperationalError as error:
            self._connection.close()
            log = Path(f"{path}-wal")
            barred = _cause(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
            if create or not barred or (log.exists() and log.stat().st_size):
                raise
            # Write-ahead logging needs a folder that can be written to, except for files that nobody changes; where
            # this user may not write and nobody has left a log, this is such a file.
            self._connection = _connect(f"{Path(path).resolve().as_uri()}?immutable=1", uri=True)
            self._prepare(create)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, create: bool) -> None:
        execute = self._connection.execute
        names = {name for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if names and "meta" not in names:
            raise AssayError(f"{self.path} is a database, but not a ledger")
        if not names and not create:
            raise AssayError(f"ledger {self.path} is empty; 'assay run' makes one")
        if not names:
            execute("PRAGMA journal_mode = WAL")
            stamp = f"INSERT OR IGNORE INTO meta VALUES ('schema', '{SCHEMA}');"
            self._connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {stamp} COMMIT;")
        found = execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        if found != (SCHEMA,):
            stated = found[0] if found else "none"
            raise ParameterError(
                "ledger {} has version {}; this Assay reads and writes version {}: to ask anew, name another folder as "
                "{out}, or move the ledger away",
                self.path,
                stated,
                SCHEMA,
            )
        # Wait for the disk at every commit, on macOS too. SQLite builds differ in what they do unless told.
        execute("PRAGMA synchronous = FULL")
        execute("PRAGMA fullfsync = ON")
        if create:  # better said now than after the first answer was computed
            execute("BEGIN IMMEDIATE")
            execute("UPDATE meta SET value = value")
            execute("ROLLBACK")
            self._renew_view()

    def _renew_view(self) -> None:
        """Put the view `runs` into a file that has none, or an older one."""
        select = "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = 'runs'"
        if self._connection.execute(select).fetchone() != (RUNS_VIEW,):
            self._connection.executescript(f"BEGIN IMMEDIATE; DROP VIEW IF EXISTS runs; {RUNS_VIEW}; COMMIT;")

    def _rows(self) -> Iterator[tuple[Row, Evidence]]:
        with self._explained("read"):
            for row in self._connection.execute(f"SELECT {NAMES} FROM evidence ORDER BY key"):
                yield row, evidence_of(row)

    def _answer(self, evidence: Evidence) -> Evidence:
        answer = self.get(evidence.question)
        assert answer is not None, "a row that was refused as known is there"
        return answer

    @contextmanager
    def _explained(self, verb: str) -> Generator[None]:
        try:
            yield
        except (AssayError, sqlite3.ProgrammingError):
            raise
        except (sqlite3.Error, ValueError) as error:
            raise self._complaint(verb, error) from error

    def _complaint(self, verb: str, error: Exception) -> AssayError:
        cause = _cause(error)
        if cause in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return AssayError(
                f"ledger {self.path} is locked: for {_BUSY_SECONDS:g} seconds another process has kept it from being "
                f"{verb}; end that process, or try again"
            )
        if cause == sqlite3.SQLITE_CORRUPT or isinstance(error, ValueError):
            return self._damage(str(error))
        if cause is None:  # SQLite read it, Python could not
            return self._damage("a row holds bytes that are no text")
        kind = DiskError if cause in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) else AssayError
        return kind(f"ledger {self.path} cannot be {verb}: {_ADVICE.get(cause, error)}")

    def _damage(self, what: str) -> DamagedLedger:
        try:
            count = len(readable_rows(self.path))
        except (sqlite3.Error, OSError) as reason:
            return DamagedLedger(f"ledger {self.path} is damaged ({what}), and cannot be searched for rows: {reason}")
        saved = f"'assay merge {self.path} --into NEW' saves them" if count else "restore it from a copy"
        return DamagedLedger(f"ledger {self.path} is damaged ({what}); rows that can be read: {count}; {saved}")


def salvage(path: Path) -> Ledger:
    """What can be read of a damaged ledger, in memory.

    Raises:
        AssayError: the file cannot be read.
    """
    try:
        rows = readable_rows(path)
    except (sqlite3.Error, OSError) as error:
        raise AssayError(f"ledger {path} cannot be searched for rows: {error}") from error
    saved = Ledger(":memory:")
    saved.path = path
    saved._connection.executemany(_INSERT, rows)
    return saved


def refuse_strays(path: Path) -> int:
    """The bytes of the file at `path`, 0 if there is none.

    Raises:
        AssayError: it is no plain file; or missing or empty, but a log with rows is there, which SQLite would delete or
            replay.
    """
    log = Path(f"{path}-wal")
    try:
        found = path.stat() if path.exists() else None
        logged = log.stat().st_size if log.exists() else 0
    except OSError as error:
        raise AssayError(f"ledger {path} cannot be opened: {error.strerror}") from error
    if found is not None:
        refuse_special(path, found.st_mode, "read")  # SQLite would wait for a pipe
    size = 0 if found is None else found.st_size
    if not size and logged:
        raise AssayError(
            f"ledger {path} is missing or empty, but its latest rows are in {log}; put the ledger back beside it, or "
            "move that file away"
        )
    return size


def _connect(path: str, *, uri: bool = False) -> sqlite3.Connection:
    if not uri and path != ":memory:":
        path = str(Path(path).absolute())  # or some builds of SQLite take a path that begins with file: for an address
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, uri=uri)


def _cause(error: Exception) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
