"""What commands share: the application, common options, and parameters of a task given as options."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer

from assay import __version__
from assay.cli import completion as complete
from assay.errors import AssayError, unknown
from assay.schema import SCHEMA, Result, plain

if TYPE_CHECKING:
    from assay.examine.subject import Subject
    from assay.tasks import Task

Shown = TypeVar("Shown")

app = typer.Typer(
    help="What a sequence architecture can represent, and how large it must be.",
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"assay {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None: ...


def option_of(parameter: str) -> str:
    """How commands spell a parameter of a function or a task.

    >>> option_of("head_width")
    '--head-width'
    """
    return f"--{parameter.replace('_', '-')}"


class Teller:
    """Lines about progress, to standard error; none where `--quiet` is given."""

    quiet = False

    def __call__(self, line: str) -> None:
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    def silence(self, wanted: bool) -> bool:
        """What the option calls."""
        self.quiet = wanted
        return wanted


tell = Teller()


def complain(line: str) -> None:
    """A line that says what went wrong, to standard error, with `--quiet` too."""
    print(line, file=sys.stderr, flush=True)


# One declaration for each option that several commands have: the same name, the same sentence. The commands of a module
# list theirs in this order: what is asked about, what is asked, seeds, files, workers, how the answer is shown.
TaskName = Annotated[
    str, typer.Argument(help="The task ('assay ls tasks'), or file.py:Class.", autocompletion=complete.tasks)
]
NetworkName = Annotated[
    str,
    typer.Argument(help="A file that 'assay build' or 'assay train' wrote, or file.py:Class or package.module:Class."),
]
StudyName = Annotated[
    str, typer.Argument(help="A shipped study ('assay ls studies') or a TOML file.", autocompletion=complete.studies)
]
TaskOption = Annotated[
    str | None,
    typer.Option(
        "--task", help="The task that a class is for; its parameters are options too.", autocompletion=complete.tasks
    ),
]
_ARCHITECTURE = "An architecture ('assay ls architectures'), file.py:Class, or several joined by +."
ARCHITECTURE = typer.Option(help=_ARCHITECTURE, autocompletion=complete.architectures)
BOUNDED = typer.Option("--architecture", help=_ARCHITECTURE, autocompletion=complete.bounded)
WIDTH = typer.Option(min=1, help="Width of the network.")
Depth = Annotated[int, typer.Option(min=1, help="Layers of the network.")]
HeadWidth = Annotated[
    int, typer.Option(min=0, help="Width of each head; 0 leaves the width to one head, or to --heads.")
]
Loops = Annotated[int, typer.Option(min=1, help="How often all layers are run, with the same weights.")]
Options = Annotated[
    str, typer.Option(help="Options of the layers, name=value,name=value; 'assay show LAYER' says which it has.")
]
Weights = Annotated[Path | None, typer.Option(help="The safetensors file of the weights.")]
CodeFiles = Annotated[
    list[str] | None,
    typer.Option("--code", help="A Python file, or module, of your own that a file of weights needs; may be repeated."),
]
DISTRIBUTION = typer.Option(
    help="Distribution of the inputs; 'assay show TASK' lists them.", autocompletion=complete.distributions
)
BITS = typer.Option(min=1, help="Bits of every number.")
Draws = Annotated[int, typer.Option(min=1, help="Inputs to draw.")]
SEED = typer.Option(help="Seed of all that is drawn.")
Seed = Annotated[int, SEED]
Certificate = Annotated[
    Path | None, typer.Option(help="A JSON file to write, with the proof; 'assay verify' checks it.")
]
WeightsOut = Annotated[Path, typer.Option("--out", help="The safetensors file to write.")]
OUT = typer.Option("--out", help="Folder for answers and reports.")
Out = Annotated[Path, OUT]
Workers = Annotated[int | None, typer.Option(min=1, help="Workers at a time; as many as there are cores unless given.")]
Quick = Annotated[bool, typer.Option("--quick", help="A smaller version of the same, for a first look.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be asked, how long it takes, and the disk it needs.")
]
Tables = Annotated[bool, typer.Option("--tables", help="Print all tables in place of the summary.")]
Figures = Annotated[
    str,
    typer.Option(
        help="What the figures beside the report are: svg, png or pdf.",
        autocompletion=complete.listed("svg", "png", "pdf"),
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", callback=tell.silence, help="Print no progress, errors alone."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]

# Commands on a task take its parameters as options; which there are, the task says.
TASK_PARAMETERS = {"allow_extra_args": True, "ignore_unknown_options": True}

DEFAULT_OUT = Path("assay-out")
_KINDS: dict[type, str] = {int: "an integer", float: "a number", bool: "true or false"}
_TRUTH = {"true": True, "false": False}


def task_of(name: str, context: typer.Context) -> Task:
    """The task of this name with parameters from options such as `--length 8` or `--length=8`."""
    from assay.tasks import TASKS, make_task, parameters_of

    name = TASKS.named(name)
    known, given = parameters_of(name), {}
    options = [option for parameter in context.command.params for option in parameter.opts if option.startswith("--")]
    rest = [part for word in context.args for part in (word.split("=", 1) if word.startswith("--") else [word])]
    while rest:
        option = rest.pop(0)
        parameter = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or parameter not in known:
            also = {symbol: f"--{one}" for one, symbol in TASKS[name].symbols.items() if one in known}
            raise unknown(f"option or parameter of {name}", option, [f"--{one}" for one in known] + options, also)
        if not rest:
            raise AssayError(f"{option} needs a value")
        given[parameter] = _value(option, rest.pop(0), known[parameter])
    return make_task(name, **given)


def _value(option: str, word: str, kind: Any) -> Any:
    """A word as a value of this type: one of those that the command line can give, or such a one or None."""
    kinds = [one for one in get_args(kind) if one is not type(None)] or [kind]
    if kinds[0] is str or get_origin(kind) is Literal:
        return word
    if kinds[0] not in _KINDS or len(kinds) > 1:
        raise AssayError(f"{option} takes {kind}, which the command line cannot give; call Assay from Python")
    try:
        return _TRUTH[word.lower()] if kinds[0] is bool else kinds[0](word)
    except (ValueError, KeyError):
        raise AssayError(f"{option} = {word} is not allowed; it must be {_KINDS[kinds[0]]}") from None


def subject_from(
    context: typer.Context,
    name: str,
    task: str | None,
    width: int | None,
    weights: Path | None,
    seed: int,
    code: list[str] | None,
) -> Subject:
    """The network that a command is to examine."""
    from assay.examine.subject import open_subject

    if task is None and context.args:
        raise AssayError(f"{context.args[0]} is no option here; parameters of a task need --task")
    chosen = None if task is None else task_of(task, context)
    return open_subject(name, chosen, width=width, weights=weights, seed=seed, code=code or (), tell=tell)


def whole_numbers(option: str, text: str) -> list[int]:
    """Integers that were given between commas.

    >>> whole_numbers("--set", "3, 7")
    [3, 7]
    >>> whole_numbers("--set", "3,,7")
    Traceback (most recent call last):
    assay.errors.AssayError: --set = 3,,7 is not allowed; number 2 between its commas is empty
    """
    words = [word.strip() for word in text.split(",")]
    for place, word in enumerate(words, 1):
        if not word:
            raise AssayError(f"{option} = {text} is not allowed; number {place} between its commas is empty")
    return [_value(option, word, int) for word in words]


def show_result(result: Shown, as_json: bool, text: Callable[[Shown], str]) -> None:
    """One JSON object with the number of its form, or text for people."""
    if not as_json:
        print(text(result))
        return
    told = result.to_json() if isinstance(result, Result) else plain(result)
    assert isinstance(told, dict)
    print(json.dumps({"schema": SCHEMA, **told}, allow_nan=False))
