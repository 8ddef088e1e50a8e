"""The command line. Results go to standard output, progress and errors to standard error.

Torch and matplotlib are imported by the commands that need them, so that help and listings answer at once. Exit codes:
0 all is well, 1 a claim was refuted, 2 the request cannot be met, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from assay.errors import AssayError, unknown

app = typer.Typer(
    help="What a sequence architecture can represent, and how large it must be.",
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
TaskName = Annotated[str, typer.Argument(help="The task.")]
Out = Annotated[Path, typer.Option(help="Folder of the ledger and the report.")]
Quick = Annotated[bool, typer.Option("--quick", help="The same parts at smaller lengths, in at most 90 seconds.")]

# Commands on a task take its parameters as options; which there are, the task says.
_TASK_PARAMETERS = {"allow_extra_args": True, "ignore_unknown_options": True}

DEFAULT_OUT = Path("assay-out")
INTERRUPTED = 130
_KINDS: dict[type, str] = {int: "an integer", float: "a number"}


def main() -> None:
    """Entry point: runs a command and turns what goes wrong into one line and an exit code."""
    # Spinning OpenMP threads bring a shared machine to a halt; this must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except AssayError as error:
        code = _complain(str(error))
    except TyperException as error:
        code = _complain(error.format_message())
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        code = _complain("this needs more memory than the machine has; a smaller length, width or modulus needs less")
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    if code == INTERRUPTED:
        print("assay: interrupted; what is finished is kept, and the same command goes on from there", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


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
    _print(result, as_json, _study_text)
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
    _print(result, as_json, _study_text)
    if result["contradictions"]:
        raise typer.Exit(1)


@app.command("ls")
def list_names(
    kind: Annotated[str | None, typer.Argument(help="tasks, architectures, constructions, bounds or studies.")] = None,
    as_json: Json = False,
) -> None:
    """List what there is: tasks, architectures, constructions, bounds and studies."""
    from assay.catalogue import catalogue

    entries = catalogue()
    if kind is not None and kind not in entries:
        raise unknown("kind", kind, entries)
    chosen = {name: entries[name] for name in entries if kind in (None, name)}
    _print(chosen, as_json, _listing_text)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Anything that 'assay ls' lists.")], as_json: Json = False) -> None:
    """Show what a task, architecture, construction, bound or study is."""
    from assay.catalogue import describe

    _print(describe(name), as_json, lambda entry: f"{entry['name']} ({entry['kind']})\n\n{entry['text']}")


@app.command(context_settings=_TASK_PARAMETERS)
def sample(
    context: typer.Context,
    task: TaskName,
    batch: Annotated[int, typer.Option(min=1, help="Examples.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the examples.")] = 0,
    distribution: Annotated[str, typer.Option(help="A distribution of the task.")] = "uniform",
    as_json: Json = False,
) -> None:
    """Draw examples of a task, with their exact answers. The task's parameters are options: --length 8."""
    chosen = _task(task, context)
    inputs, targets = chosen.sample(batch, seed=seed, distribution=distribution)
    drawn = {
        "task": chosen.to_json(),
        "distribution": distribution,
        "seed": seed,
        **{name: tensor.tolist() for name, tensor in _named(inputs).items()},
        "targets": targets.tolist(),
    }
    _print(drawn, as_json, lambda _: "\n".join(f"{k}: {json.dumps(_rounded(v))}" for k, v in drawn.items()))


@app.command(context_settings=_TASK_PARAMETERS)
def build(
    context: typer.Context,
    task: TaskName,
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    method: Annotated[str | None, typer.Option(help="The construction; the task's preferred one unless given.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest worst-case error; the task's own unless given.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="A JSON file for the certificate, proved step by step; see 'assay verify'.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Build explicit weights for a task, with a guarantee, and write them to a file.

    The task's parameters are options too, such as --length 8; 'assay show TASK' says which there are.
    """
    from assay.constructions import build as construct

    chosen = _task(task, context)
    network = construct(chosen, method=method, tolerance=tolerance)
    result = {"file": str(out), "task": chosen.to_json(), **network.certificate().to_json()}
    if certificate is None:
        network.save(out)
    else:
        from assay.proofs import write_certificate

        result |= {"certificate": str(certificate), "proof": write_certificate(network, out, certificate)["claim"]}
    _print(result, as_json, _built_text)


@app.command()
def verify(
    certificate: Annotated[Path, typer.Argument(help="A file that 'assay build --certificate' wrote.")],
    weights: Annotated[
        Path | None, typer.Option(help="The weights' file; beside the certificate unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a certificate again from the weights alone; exit code 1, with the reason, if it does not hold."""
    from assay.proofs import verify as check_again

    result = check_again(certificate, weights)
    _print(result.to_json(), as_json, _verified_text)
    if not result.holds:
        raise typer.Exit(1)


@app.command(context_settings=_TASK_PARAMETERS)
def train(
    context: typer.Context,
    task: TaskName,
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    architecture: Annotated[str, typer.Option(help="An architecture ('assay ls architectures').")] = "attention",
    width: Annotated[int, typer.Option(min=1, help="Width of the network.")] = 16,
    depth: Annotated[int, typer.Option(min=1, help="Layers.")] = 1,
    head_width: Annotated[int, typer.Option(min=0, help="Width of a head; 0 is one head.")] = 0,
    steps: Annotated[int, typer.Option(min=1, help="Training steps at most.")] = 2000,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.01,
    seed: Annotated[int, typer.Option(help="Seed of weights and inputs.")] = 0,
    distribution: Annotated[str | None, typer.Option(help="Inputs; the task's usual ones unless given.")] = None,
    as_json: Json = False,
) -> None:
    """Train one network on a task and write it to a file. The task's parameters are options: --length 8."""
    from assay.learning.one import train_one

    chosen = _task(task, context)
    result = train_one(
        chosen, architecture, out, width=width, depth=depth, head_width=head_width, steps=steps, rate=rate, seed=seed,
        distribution=distribution or chosen.usual_distribution,
    )  # fmt: skip
    _print(result, as_json, _fields_text)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file that 'assay build' wrote.")],
    draws: Annotated[int, typer.Option(min=1, help="Inputs to try.")] = 200,
    distribution: Annotated[str, typer.Option(help="A distribution of the task.")] = "uniform",
    seed: Annotated[int, typer.Option(help="Seed of the inputs.")] = 0,
    as_json: Json = False,
) -> None:
    """Try built weights on inputs, against exact answers; exit code 1 if the guarantee is broken."""
    from assay.constructions import load
    from assay.constructions.questions import try_network

    network = load(file)
    trial = try_network(network, distribution, draws, seed=seed)
    guaranteed = network.certificate().guaranteed_error
    result = {
        "file": str(file), "method": network.method, "task": network.task.to_json(), "distribution": distribution,
        "draws": draws, "seed": seed, "largest_error": trial.largest_error, "refused": trial.refused,
        "guaranteed_error": guaranteed, "holds": trial.largest_error <= guaranteed,
    }  # fmt: skip
    _print(result, as_json, _fields_text)
    if not result["holds"]:
        raise typer.Exit(1)


@app.command(context_settings=_TASK_PARAMETERS)
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

    chosen = _task(task, context)
    rows = bound_rows(
        chosen, precision=precision, heads=heads, architecture=architecture, width=width, error=error,
        distribution=distribution or chosen.usual_distribution,
    )  # fmt: skip
    _print({"task": chosen.to_json(), "precision": precision, "bounds": rows}, as_json, _bounds_text)


def _task(name: str, context: typer.Context) -> Any:
    """The task of this name with parameters from options such as `--length 8` or `--length=8`."""
    from assay.tasks import make_task, parameters_of

    known, given = parameters_of(name), {}
    options = [option for parameter in context.command.params for option in parameter.opts if option.startswith("--")]
    rest = [part for word in context.args for part in (word.split("=", 1) if word.startswith("--") else [word])]
    while rest:
        option = rest.pop(0)
        parameter = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or parameter not in known:
            raise unknown(f"option or parameter of {name}", option, [f"--{one}" for one in known] + options)
        if not rest:
            raise AssayError(f"{option} needs a value")
        given[parameter] = _value(option, rest.pop(0), known[parameter])
    return make_task(name, **given)


def _value(option: str, word: str, kind: type) -> Any:
    try:
        return kind(word)
    except ValueError:
        raise AssayError(f"{option} = {word} is not allowed; it must be {_KINDS[kind]}") from None


def _named(inputs: Any) -> dict[str, Any]:
    return inputs._asdict() if isinstance(inputs, tuple) else {"inputs": inputs}


def _print(result: dict[str, Any], as_json: bool, text: Any) -> None:
    print(json.dumps(result, allow_nan=False) if as_json else text(result))


def _complain(message: str) -> int:
    print(f"assay: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def _fields_text(fields: dict[str, Any]) -> str:
    shown = {name: value for name, value in fields.items() if name != "size"}
    width = max(map(len, shown))
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {_field(value)}" for name, value in shown.items())


def _built_text(built: dict[str, Any]) -> str:
    text = _fields_text({name: value for name, value in built.items() if name != "proof"})
    return text if "proof" not in built else f"{text}\n\n{_proof_text(built['proof'])}"


def _proof_text(claim: dict[str, Any]) -> str:
    guarantee = f"proved: every answer errs by at most {claim['guaranteed_error']:.6g}, in {claim['arithmetic']}"
    steps = [f"  {number}. {step['statement']}\n     {step['how']}" for number, step in enumerate(claim["steps"], 1)]
    refuses = ["  inputs without a certificate are refused by the network"] if claim["refuses"] else []
    return "\n".join([guarantee, *steps, f"  taken for granted: {'; '.join(claim['assumes'])}", *refuses])


def _verified_text(result: dict[str, Any]) -> str:
    lines = [*(f"  {line}" for line in result["checked"])]
    if result["holds"]:
        return "\n".join([f"{result['file']} holds", *lines, _proof_text(result["certificate"]["claim"])])
    return "\n".join([f"{result['file']} does NOT hold: {result['reason']}", *lines])


def _field(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _listing_text(entries: dict[str, dict[str, str]]) -> str:
    width = max((len(name) for names in entries.values() for name in names), default=0)
    lines = []
    for kind, names in entries.items():
        lines += ["", kind, *[f"  {name:<{width}}  {summary}" for name, summary in names.items()]]
    return "\n".join(lines[1:])


def _bounds_text(result: dict[str, Any]) -> str:
    lines = [] if result["bounds"] else [f"no bound speaks of this: {result['task']['name']}"]
    for row in result["bounds"]:
        says = f"at least {row['required']:.6g} {row['resource']}, so width >= {row['smallest_width']}"
        lines.append(
            f"{row['bound']} ({row['family']}, {row['error_kind']} error {row['error']:g}): {row['reason'] or says}"
        )
        if row.get("status"):
            lines.append(f"  width {row['width']} has {row['available']:g}: {row['status']}, slack {row['slack']:.6g}")
    return "\n".join(lines)


def _study_text(result: dict[str, Any]) -> str:
    from assay.report.tables import terminal_text

    return terminal_text(result)
