"""The command on trivial baselines."""

from __future__ import annotations

from typing import Annotated, Any

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
    from assay.baselines.fit import baselines_of, described
    from assay.baselines.shipped import shipped_sizes

    if task is None:
        if context.args or distribution is not None:
            raise AssayError(f"{[*context.args, '--distribution'][0]} needs a task: assay baselines TASK")
        asked = list(shipped_sizes())
    else:
        chosen = task_of(task, context)
        named = [distribution] if distribution else [one for one in chosen.distributions if not chosen.lacks(one)]
        asked = [(chosen, one) for one in named]
    rows = []
    for chosen, one in asked:
        tell(f"{chosen.name} with {described(chosen)}, {one} inputs")
        found = baselines_of(chosen, one)
        row = {"task": chosen.to_json(), "with": described(chosen), "distribution": one}
        passing = None if found.passing is None else found.passing.name
        rows.append({**row, "measure": chosen.answer.judged_by, **found.to_json(), "passing": passing})
    show_result({"baselines": rows}, as_json, _text)


def _text(result: dict[str, Any]) -> str:
    lines = []
    for row in result["baselines"]:
        lines.append(
            f"{row['task']['name']} with {row['with']}, {row['distribution']} inputs: {row['measure']}, learned at "
            f"{row['tolerance']:g} (fitted on {row['draws']} draws, judged on {row['draws']} others)"
        )
        for one in row["found"]:
            said = "" if one["error"] > row["tolerance"] else "  within the tolerance: no test of learning"
            if said and one["partial"]:
                said = "  within the tolerance, by a part of the task"
            lines.append(f"  {one['error']:.3f}  {one['name']}{said}")
    return "\n".join(lines)
