"""The command on trivial baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    DISTRIBUTION,
    TASK_PARAMETERS,
    Json,
    Quiet,
    app,
    show_result,
    task_of,
    tell,
)
from assay.cli.task_command import TaskCommand
from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.sessions.limits import BaselinesFound


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def baselines(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Argument(
            help="The task, or file.py:Class; all shipped ones at usual sizes unless given.",
            autocompletion=complete.tasks,
        ),
    ] = None,
    distribution: Annotated[str | None, DISTRIBUTION] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit trivial baselines to a task: the error of predictors that do not do it, beside the tolerance.

    All distributions of the task are asked about unless one is given. A size on which a baseline is within the
    tolerance is no test of learning: 'assay train' and 'assay run' refuse it.

    The task's parameters are options too, such as --length 8; 'assay show TASK' says which there are.
    """
    from assay.sessions.limits import baselines as fit

    if task is None and context.args:
        raise AssayError(f"{context.args[0]} needs a task: assay baselines TASK")
    chosen = None if task is None else task_of(task, context)
    show_result(fit(chosen, distribution=distribution, tell=tell), as_json, _text)


def _text(found: BaselinesFound) -> str:
    from assay.trivial.fit import described

    lines = []
    for row in found.baselines:
        fitted = row.fitted
        lines.append(
            f"{row.task.name} with {described(row.task)}, {row.distribution} inputs: {row.task.answer.judged_by}, "
            f"learned at {fitted.tolerance:g} (fitted on {fitted.draws} draws, judged on {fitted.draws} others)"
        )
        for one in fitted.found:
            said = "" if one.error > fitted.tolerance else "  within the tolerance: no test of learning"
            if said and one.partial:
                said = "  within the tolerance, by a part of the task"
            lines.append(f"  {one.error:.3f}  {one.name}{said}")
    return "\n".join(lines)
