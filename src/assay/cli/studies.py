"""Commands on studies, and on what there is: run, report, ls, show."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import completion as complete
from assay.cli.exits import ExitCode
from assay.cli.options import (
    DEFAULT_OUT,
    DryRun,
    Figures,
    Json,
    Out,
    Quick,
    Quiet,
    StudyName,
    Tables,
    Workers,
    app,
    complain,
    show_result,
    tell,
)
from assay.cli.text import estimate_text, listing_text
from assay.errors import AssayError, unknown

if TYPE_CHECKING:
    from rich.console import Console

    from assay.report.findings import Findings
    from assay.report.found import FoundT, Reported


@app.command()
def run(
    study: StudyName,
    quick: Quick = False,
    out: Out = DEFAULT_OUT,
    workers: Workers = None,
    engine: Annotated[
        str,
        typer.Option(
            help="Where workers run: local, or ray, on a Ray cluster.", autocompletion=complete.listed("local", "ray")
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="With ray: HOST:PORT of a running cluster, or auto; without, one is started on this machine."
        ),
    ] = None,
    dry_run: DryRun = False,
    figures: Figures = "svg",
    tables: Tables = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Answer all questions of a study, then say what was found and write the report.

    What was answered before is not asked again: after an interruption, the same command goes on where it stopped.
    """
    from assay.sessions.study import estimate_session
    from assay.sessions.study import run as run_study

    if dry_run:
        if engine != "local" or address is not None:
            raise AssayError("--dry-run estimates for this machine; leave --engine and --address out")
        estimate = estimate_session(study, quick=quick, out=out, workers=workers, tell=tell)
        show_result(estimate, as_json, estimate_text)
        return
    began = time.monotonic()
    result = run_study(
        study,
        quick=quick,
        out=out,
        workers=workers,
        engine=engine,
        address=address,
        quiet=quiet or as_json,
        figures=figures,
    )
    _show_study(result, as_json, tables=tables, seconds=time.monotonic() - began)


@app.command()
def report(
    study: StudyName,
    quick: Quick = False,
    out: Out = DEFAULT_OUT,
    figures: Figures = "svg",
    tables: Tables = False,
    as_json: Json = False,
) -> None:
    """Write the report of a study from what its ledger holds."""
    from assay.sessions.study import report_session

    _show_study(report_session(study, quick=quick, out=out, figures=figures), as_json, tables=tables)


@app.command("ls")
def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="tasks, architectures, constructions, bounds, protocols or studies; or a Python file.",
            autocompletion=complete.kinds,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what there is: tasks, architectures, constructions, bounds, protocols and studies."""
    from assay.sessions.catalogue import catalogue, catalogue_of

    if kind is not None and kind.endswith(".py"):
        show_result(catalogue_of(kind), as_json, listing_text)
        return
    entries = catalogue()
    kind = "architectures" if kind == "layers" else kind
    if kind is not None and kind not in entries:
        raise unknown("kind", kind, entries)
    chosen = {name: entries[name] for name in entries if kind in (None, name)}
    show_result(chosen, as_json, listing_text)


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="Anything that 'assay ls' lists, or file.py:Class.", autocompletion=complete.entries)
    ],
    as_json: Json = False,
) -> None:
    """Show what a task, architecture, construction, bound, protocol or study is."""
    from assay.sessions.catalogue import describe

    show_result(describe(name), as_json, lambda entry: f"{entry['name']} ({entry['kind']})\n\n{entry['text']}")


def _show_study(reported: Reported[Findings], as_json: bool, *, tables: bool, seconds: float | None = None) -> None:
    from assay.report.terminal import say_study, short_text

    show_report(reported, say_study, as_json, None if tables else short_text(reported, seconds))


def show_report(
    reported: Reported[FoundT], say: Callable[[Console, FoundT], None], as_json: bool, short: str | None = None
) -> None:
    """What was found, in tables, or in short where that is given.

    Where something failed all is not well, even if nothing that was answered refutes a claim.

    Raises:
        Exit: with the code that says so.
    """
    from assay.report.terminal import terminal_text

    def text(found: Reported[FoundT]) -> str:
        return terminal_text(found, say, sys.stdout.encoding) if short is None else short

    show_result(reported, as_json, text)
    failures = reported.findings.failures
    if failures:
        complain(f"assay: {len(failures)} failed, the report says why; what failed is asked again by the same command")
    if reported.findings.contradictions:
        raise typer.Exit(ExitCode.REFUTED)
    if failures:
        raise typer.Exit(ExitCode.REFUSED if all(failure.refused for failure in failures) else ExitCode.FAULT)
