"""The command that hands results to other programs: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli import completion as complete
from assay.cli.options import Json, Quick, app, show_result


@app.command()
def export(
    results: Annotated[Path, typer.Argument(help="A folder of results, or a ledger.")],
    to: Annotated[Path, typer.Option(help="The file to write: .csv, .parquet, .json, or .tex, with booktabs.")],
    what: Annotated[
        str | None,
        typer.Option(
            help="evidence, a row for each piece, or frontier, smallest sizes; in .tex the latter.",
            autocompletion=complete.listed("evidence", "frontier"),
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            help="Whose frontier: a study or a TOML file; all that were reported unless given.",
            autocompletion=complete.studies,
        ),
    ] = None,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Write evidence, or the smallest sizes against N with their growth laws, to a file."""
    from assay.sessions.export import export as write

    asked: Any = what  # it says itself what is allowed
    show_result(write(results, to, what=asked, study=study, quick=quick), as_json, lambda found: found.line)
