"""Commands on studies, and on what there is: run, report, ls, show."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from assay.cli.options import DEFAULT_OUT, Json, Out, Quick, app, show_result
from assay.cli.text import listing_text, study_text
from assay.errors import unknown


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A shipped study ('assay ls studies') or a TOML file.")],
    quick: Quick = False,
    out: Out = DEFAULT_OUT,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = os.cpu_count() or 1,
    as_json: Json = False,
) -> None:
    """Answer all questions of a study, then print the smallest sizes and write the report.

    What was answered before is not asked again: after an interruption, the same command goes on where it stopped.
    """
    from assay.studies.session import run_session

    result = run_session(study, quick=quick, out=out, workers=workers, quiet=as_json)
    show_result(result, as_json, study_text)
    if result["contradictions"]:
        raise typer.Exit(1)


@app.command()
def report(
    study: Annotated[str, typer.Argument(help="The study.")],
    quick: Quick = False,
    out: Out = DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Write the report of a study from what its ledger holds."""
    from assay.studies.session import report_session

    result = report_session(study, quick=quick, out=out)
    show_result(result, as_json, study_text)
    if result["contradictions"]:
        raise typer.Exit(1)


@app.command("ls")
def list_names(
    kind: Annotated[
        str | None, typer.Argument(help="tasks, architectures, constructions, bounds, protocols or studies.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what there is: tasks, architectures, constructions, bounds, protocols and studies."""
    from assay.catalogue import catalogue

    entries = catalogue()
    if kind is not None and kind not in entries:
        raise unknown("kind", kind, entries)
    chosen = {name: entries[name] for name in entries if kind in (None, name)}
    show_result(chosen, as_json, listing_text)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Anything that 'assay ls' lists.")], as_json: Json = False) -> None:
    """Show what a task, architecture, construction, bound, protocol or study is."""
    from assay.catalogue import describe

    show_result(describe(name), as_json, lambda entry: f"{entry['name']} ({entry['kind']})\n\n{entry['text']}")
