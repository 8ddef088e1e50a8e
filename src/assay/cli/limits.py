"""Commands on what is impossible: bound."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.options import TASK_PARAMETERS, Json, TaskName, app, show_result, task_of
from assay.cli.text import bounds_text


@app.command(context_settings=TASK_PARAMETERS)
def bound(
    context: typer.Context,
    task: TaskName,
    precision: Annotated[int, typer.Option(min=1, help="Bits per number.")] = 32,
    architecture: Annotated[str | None, typer.Option(help="An architecture or family; all unless given.")] = None,
    heads: Annotated[int, typer.Option(min=1, help="Heads of an attention layer.")] = 1,
    width: Annotated[int | None, typer.Option(min=1, help="A width to check.")] = None,
    error: Annotated[float | None, typer.Option(help="The error; the task's tolerance unless given.")] = None,
    distribution: Annotated[
        str | None, typer.Option(help="Inputs that mean errors speak of; the task's usual ones unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which sizes are impossible: the smallest width each bound leaves open, and what it says of a given width.

    The task's parameters are options too, such as --length 8; 'assay show TASK' says which there are.
    """
    from assay.bounds.report import bound_rows

    chosen = task_of(task, context)
    rows = bound_rows(
        chosen, precision=precision, heads=heads, architecture=architecture, width=width, error=error,
        distribution=distribution or chosen.usual_distribution,
    )  # fmt: skip
    show_result({"task": chosen.to_json(), "precision": precision, "bounds": rows}, as_json, bounds_text)
