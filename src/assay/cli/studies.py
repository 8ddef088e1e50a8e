"""Commands on studies, and on what there is: run, report, ls, show."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.exits import ExitCode
from assay.cli.options import DEFAULT_OUT, Json, Out, Quick, app, show_result, tell
from assay.cli.text import estimate_text, listing_text
from assay.errors import AssayError, unknown

if TYPE_CHECKING:
    from rich.console import Console

    from assay.report.found import FoundT, Reported


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A shipped study ('assay ls studies') or a TOML file.")],
    quick: Quick = False,
    out: Out = DEFAULT_OUT,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; as many as there are cores unless given.")
    ] = None,
    engine: Annotated[str, typer.Option(help="Where they run: local, or ray, on a Ray cluster.")] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="With ray: HOST:PORT of a running cluster, or auto; without, one is started on this machine."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be asked, how long it takes, and the disk it needs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Answer all questions of a study, then print the smallest sizes and write the report.

    What was answered before is not asked again: after an interruption, the same command goes on where it stopped.
    """
    from assay.report.terminal import say_study
    from assay.sessions.study import estimate_session, run_session

    if dry_run:
        if engine != "local" or address is not None:
            raise AssayError("--dry-run estimates for this machine; leave --engine and --address out")
        estimate = estimate_session(study, quick=quick, out=out, workers=workers, tell=tell)
        show_result(estimate, as_json, estimate_text)
        return
    result = run_session(study, quick=quick, out=out, workers=workers, engine=engine, address=address, quiet=as_json)
    show_report(result, say_study, as_json)


@app.command()
def report(
    study: Annotated[str, typer.Argument(help="The study.")],
    quick: Quick = False,
    out: Out = DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Write the report of a study from what its ledger holds."""
    from assay.report.terminal import say_study
    from assay.sessions.study import report_session

    show_report(report_session(study, quick=quick, out=out), say_study, as_json)


@app.command("ls")
def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(help="tasks, architectures, constructions, bounds, protocols or studies; or a Python file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what there is: tasks, architectures, constructions, bounds, protocols and studies."""
    from assay.cli.catalogue import catalogue, catalogue_of

    if kind is not None and kind.endswith(".py"):
        show_result(catalogue_of(kind), as_json, listing_text)
        return
    entries = catalogue()
    if kind is not None and kind not in entries:
        raise unknown("kind", kind, entries)
    chosen = {name: entries[name] for name in entries if kind in (None, name)}
    show_result(chosen, as_json, listing_text)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Anything that 'assay ls' lists, or file.py:Class.")],
    as_json: Json = False,
) -> None:
    """Show what a task, architecture, construction, bound, protocol or study is."""
    from assay.cli.catalogue import describe

    show_result(describe(name), as_json, lambda entry: f"{entry['name']} ({entry['kind']})\n\n{entry['text']}")


def show_report(reported: Reported[FoundT], say: Callable[[Console, FoundT], None], as_json: bool) -> None:
    """What was found. Where something failed all is not well, even if nothing that was answered refutes a claim.

    Raises:
        Exit: with the code that says so.
    """
    from assay.report.terminal import terminal_text

    show_result(reported.to_json(), as_json, lambda _: terminal_text(reported, say, sys.stdout.encoding))
    failures = reported.findings.failures
    if failures:
        tell(f"assay: {len(failures)} failed, the report says why; what failed is asked again by the same command")
    if reported.findings.contradictions:
        raise typer.Exit(ExitCode.REFUTED)
    if failures:
        raise typer.Exit(ExitCode.REFUSED if all(failure.refused for failure in failures) else ExitCode.FAULT)
