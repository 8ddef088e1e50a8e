"""Commands that take a task's parameters as options: help and completion know those of the task that is named."""

from __future__ import annotations

from inspect import Parameter as SignatureParameter
from inspect import Signature
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from assay.cli.completion import TASK, groups, listed, task_on
from assay.cli.options import option_of
from assay.cli.task_parameters import TaskParameter

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter, Parameter


class TaskCommand(TyperCommand):
    """A command whose words may name a task.

    The task's parameters are options in help and for completion alone: what they are given is read by
    `assay.cli.options.task_of`, which knows their types and says what is allowed.
    """

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        ctx.meta[TASK] = _task_in(args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Context) -> list[Parameter]:
        params = super().get_params(ctx)
        return (
            [*params, *_options(ctx, {name for one in params for name in one.opts})]
            if ctx.resilient_parsing
            else params
        )

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        options = _options(ctx, {name for one in self.get_params(ctx) for name in one.opts})
        if options:
            with formatter.section(f"Parameters of {ctx.meta[TASK]}"):
                formatter.write_dl([record for one in options if (record := one.get_help_record(ctx)) is not None])


def _task_in(words: list[str]) -> str:
    """The first word that names a task, shipped or of a file; empty without one."""
    from assay.tasks import TASKS

    known = TASKS.names()
    plain = (word.removeprefix("--task=") for word in words)
    return next((word for word in plain if word in known or ".py:" in word), "")


def _options(ctx: Context, taken: set[str]) -> list[Parameter]:
    """An option for each parameter of the task that is named, but for those that the command has itself."""
    try:
        task = task_on(ctx.meta)
    except Exception:  # a file that cannot be read as Python: the command itself will say so
        return []
    own = [] if task is None else [one for one in task.parameters if option_of(one.name) not in taken]
    return _made(own) if own else []


def _made(parameters: list[TaskParameter]) -> list[Parameter]:
    """Options as typer makes them of a function with these parameters."""

    def command(**_: str) -> None: ...

    kinds = {one.name: Annotated[str, _option(one)] for one in parameters}
    command.__annotations__ = kinds
    vars(command)["__signature__"] = Signature(
        [
            SignatureParameter(
                one.name,
                SignatureParameter.KEYWORD_ONLY,
                annotation=kinds[one.name],
                default=... if one.default is None else one.default,
            )
            for one in parameters
        ]
    )
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return [one for one in typer.main.get_command(app).params if one.name in kinds]


def _option(parameter: TaskParameter) -> Any:
    return typer.Option(
        option_of(parameter.name),
        metavar="|".join(parameter.values) or parameter.kind,
        help=parameter.meaning,
        autocompletion=groups if parameter.name == "group" else listed(*parameter.values),
    )
