"""What `assay export` does: evidence, or smallest sizes, as a file for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from assay.errors import AssayError, require, unknown
from assay.frames import columns, frame, library
from assay.report.vega import FORMATS
from assay.schema import Result
from assay.sessions.frontier import Frontier, frontier, ledger_at
from assay.sessions.latex import frontier_latex
from assay.store.files import require_writable, write_whole
from assay.store.ledger import Ledger

What = Literal["evidence", "frontier"]
Columns = Mapping[str, Sequence[str | float | None]]


@dataclass(frozen=True, repr=False)
class Exported(Result):
    """A file that was written.

    Attributes:
        file: its path.
        what: `evidence` or `frontier`.
        rows: in it.
    """

    file: str
    what: str
    rows: int

    @property
    def line(self) -> str:
        """The file, and what is in it."""
        return f"{self.file}: {self.what}, {self.rows} rows"


def export(
    results: str | Path,
    to: str | Path,
    *,
    what: What | None = None,
    study: str | Path | None = None,
    quick: bool = False,
) -> Exported:
    """Write evidence, or the smallest sizes, to a file.

    Args:
        results: a folder of results, or a ledger.
        to: the file; its ending says the form: `.csv`, `.parquet` (needs pandas and pyarrow, or polars), `.json`, an
            array of rows, or `.tex`, tables of booktabs.
        what: `evidence`, a row for each piece, or `frontier`, one for each point; evidence unless given, and in `.tex`
            the frontier.
        study: whose frontier is meant, by name or TOML file; all that were reported unless given.
        quick: its quick form.

    Raises:
        AssayError: an ending that is not known, no results, or a path that cannot be used.
    """
    path = Path(to)
    form = path.suffix.removeprefix(".").lower()
    if form in FORMATS:
        raise AssayError(f"{path} is a figure: 'assay report STUDY --figures {form}' writes those of a study")
    if form not in _FORMS:
        raise unknown(f"ending of {path}:", form, _FORMS)
    asked = what or ("frontier" if form == "tex" else "evidence")
    require(asked in get_args(What), "what", asked, " or ".join(get_args(What)))
    if form == "tex" and asked != "frontier":
        raise AssayError("a .tex file has the table of smallest sizes: leave 'what' out, or name a .csv file")
    if asked == "evidence" and (study is not None or quick):
        raise AssayError("study and quick are for the frontier; evidence is all that the ledger holds")
    if form == "parquet":
        library()  # better said now
    require_writable(path, reads=(ledger_at(results),))
    found = frontier(results, study=study, quick=quick) if asked == "frontier" else None
    told = columns(_evidence(results) if found is None else found.rows())
    write_whole(path, lambda temporary: _FORMS[form](temporary, told, found))
    return Exported(str(path), asked, len(next(iter(told.values()), [])))


def _evidence(results: str | Path) -> list[dict[str, str | int | float | None]]:
    with Ledger(ledger_at(results), create=False) as ledger:
        return ledger.runs()


def _write_csv(path: Path, told: Columns, found: Frontier | None) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(told)
        writer.writerows(zip(*told.values(), strict=True))


def _write_json(path: Path, told: Columns, found: Frontier | None) -> None:
    rows = [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]
    path.write_text(json.dumps(rows, allow_nan=False, indent=1) + "\n", "utf-8")


def _write_parquet(path: Path, told: Columns, found: Frontier | None) -> None:
    made = frame([dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)])
    try:
        made.to_parquet(path) if hasattr(made, "to_parquet") else made.write_parquet(path)
    except ImportError:
        raise AssayError("a .parquet file needs pyarrow beside pandas: pip install 'assay-attention[frames]'") from None


def _write_tex(path: Path, told: Columns, found: Frontier | None) -> None:
    assert found is not None
    path.write_text(frontier_latex(found), "utf-8")


_FORMS: dict[str, Callable[[Path, Columns, Frontier | None], None]] = {
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
    "tex": _write_tex,
}
