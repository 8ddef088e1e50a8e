"""Commands on the installation and its ledgers: doctor, merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.exits import ExitCode
from assay.cli.options import (
    DEFAULT_OUT,
    Json,
    Out,
    app,
    complain,
    show_result,
)
from assay.cli.text import field

if TYPE_CHECKING:
    from assay.cli.doctor import Checked
    from assay.store.contradictions import Contradiction
    from assay.store.merging import Merged


@app.command()
def doctor(out: Out = DEFAULT_OUT, as_json: Json = False) -> None:
    """Check the installation and the machine: versions, torch, threads, files, memory, determinism, worker processes.

    Takes some ten seconds. Exit code 1 if there is a problem that will keep commands from working.
    """
    from assay.cli.doctor import examine

    result = examine(out)
    show_result(result, as_json, _doctor_text)
    if result.problems:
        raise typer.Exit(ExitCode.REFUTED)


@app.command()
def merge(
    ledgers: Annotated[list[Path], typer.Argument(help="Ledgers, such as machine-a/ledger.sqlite.")],
    into: Annotated[
        Path | None, typer.Option(help="The ledger to write, new or not; the first of the others unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put ledgers from several machines together, unless they contradict each other.

    A contradiction is the same question with another verdict, size, source, task or kind of error, or with errors or
    tolerances that differ by more than 1e-6 of the largest of them; where the verdict is 'measured', with other counts,
    or other numbers by more than 1 %. Times, versions and wording may differ. As processors round differently, a
    training run can take another course on another machine: that is a contradiction too. Both answers are shown,
    nothing is written, and the exit code is 1. Of a damaged ledger, what can be read is taken.
    """
    from assay.store.merging import merge_files

    result = merge_files(ledgers, into)
    for entry in result.ledgers:
        if entry.damaged:
            complain(f"assay: {entry.damaged}")
    show_result(result, as_json, _merge_text)
    if result.contradictions:
        raise typer.Exit(ExitCode.REFUTED)


def _doctor_text(found: Checked) -> str:
    width = max(len(check.name) for check in found.checks)
    lines = [
        f"{check.status:<7}  {check.name:<{width}}  {'; '.join(filter(None, [check.found, check.advice]))}"
        for check in found.checks
    ]
    return "\n".join([*lines, found.line])


def _merge_text(merged: Merged) -> str:
    if merged.contradictions:
        lines = [line for one in merged.contradictions for line in _contradiction_lines(one)]
        return "\n".join([*lines, f"nothing was written: contradictions {len(merged.contradictions)}"])
    lines = [f"{one.ledger}: taken {one.taken}, known {one.known}" for one in merged.ledgers]
    return "\n".join([*lines, f"{merged.into}: answers {merged.answers}"])


def _contradiction_lines(found: Contradiction) -> list[str]:
    first, second = asdict(found.first), asdict(found.second)
    shown = [*found.fields, *(name for name in first if name not in ("question", "detail", *found.fields))]
    return [
        f"contradiction in {', '.join(found.fields)}, question {found.first.key}",
        f"  {found.first_in}: {_fields(first, shown)}",
        f"  {found.second_in}: {_fields(second, shown)}",
    ]


def _fields(answer: Mapping[str, object], names: list[str]) -> str:
    return "; ".join(f"{name} {_precise(answer[name])}" for name in names)


def _precise(value: object) -> str:
    return repr(value) if isinstance(value, float) else field(value)
