"""Commands on networks: sample, build, verify, train, check, precision, attack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import completion as complete
from assay.cli.exits import ExitCode
from assay.cli.options import (
    ARCHITECTURE,
    DISTRIBUTION,
    TASK_PARAMETERS,
    WIDTH,
    Certificate,
    CodeFiles,
    Depth,
    Draws,
    HeadWidth,
    Json,
    Loops,
    NetworkName,
    Options,
    Quiet,
    Seed,
    TaskName,
    TaskOption,
    Weights,
    WeightsOut,
    app,
    show_result,
    subject_from,
    task_of,
    tell,
)
from assay.cli.task_command import TaskCommand
from assay.cli.text import attack_text, built_text, checked_text, result_text, rounded, verified_text
from assay.store.files import require_writable

if TYPE_CHECKING:
    from torch import Tensor


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def sample(
    context: typer.Context,
    task: TaskName,
    distribution: Annotated[str | None, DISTRIBUTION] = None,
    draws: Draws = 1,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw examples of a task, with their exact answers. The task's parameters are options: --length 8."""
    chosen = task_of(task, context)
    distribution = distribution or chosen.usual_distribution
    inputs, targets, scored = chosen.sample(draws, seed=seed, distribution=distribution)
    answers = [
        [answer if counts else None for answer, counts in zip(*row, strict=True)]
        for row in zip(targets.tolist(), scored.tolist(), strict=True)
    ]
    drawn = {
        "task": chosen.to_json(),
        "distribution": distribution,
        "seed": seed,
        **{name: tensor.tolist() for name, tensor in _named(inputs).items()},
        "targets": answers,  # None where there is none
    }
    show_result(drawn, as_json, lambda _: "\n".join(f"{k}: {json.dumps(rounded(v))}" for k, v in drawn.items()))


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def build(
    context: typer.Context,
    task: TaskName,
    out: WeightsOut,
    method: Annotated[
        str | None,
        typer.Option(
            help="The construction, or file.py:Class; the task's preferred one unless given.",
            autocompletion=complete.constructions,
        ),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest worst-case error; the task's own unless given.")
    ] = None,
    certificate: Certificate = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build explicit weights for a task, with a guarantee, and write them to a file.

    The task's parameters are options too, such as --length 8; 'assay show TASK' says which there are.
    """
    from assay.sessions.build import build as build_weights

    require_writable(out, certificate)
    chosen = task_of(task, context)
    built = build_weights(chosen, method=method, tolerance=tolerance, out=out, certificate=certificate, tell=tell)
    show_result(built, as_json, built_text)


@app.command()
def verify(
    certificate: Annotated[
        Path, typer.Argument(help="A file that --certificate of 'build', 'probe', 'group' or 'boolean' wrote.")
    ],
    weights: Weights = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Check a certificate again, from weights, keys or values alone; exit code 1, with the reason, if it fails.

    The weights are beside the certificate unless --weights says where they are.
    """
    from assay.sessions.build import verify as check_again

    found = check_again(certificate, weights, tell)
    show_result(found, as_json, verified_text)
    if not found.holds:
        raise typer.Exit(ExitCode.REFUTED)


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def train(
    context: typer.Context,
    task: TaskName,
    out: WeightsOut,
    architecture: Annotated[str, ARCHITECTURE] = "attention",
    width: Annotated[int, WIDTH] = 16,
    depth: Depth = 1,
    head_width: HeadWidth = 0,
    loops: Loops = 1,
    options: Options = "",
    positions: Annotated[
        str,
        typer.Option(
            help="none, table, or rotary (attention); the task's usual ones unless given.",
            autocompletion=complete.listed("none", "table", "rotary"),
        ),
    ] = "",
    distribution: Annotated[str | None, DISTRIBUTION] = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps at most.")] = 2000,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.01,
    shortest: Annotated[
        int | None, typer.Option(min=0, help="Train at lengths from this to the task's own; 0: at its own alone.")
    ] = None,
    curriculum: Annotated[
        bool | None, typer.Option(help="Raise the length over half of the steps; else it is drawn.")
    ] = None,
    test_length: Annotated[list[int] | None, typer.Option(help="Test at this length too; may be repeated.")] = None,
    seed: Seed = 0,
    device: Annotated[
        str,
        typer.Option(help="cpu, or cuda where there is a GPU.", autocompletion=complete.listed("cpu", "cuda")),
    ] = "cpu",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train one network on a task and write it to a file. The task's parameters are options: --length 8."""
    from assay.sessions.train import train as train_network

    require_writable(out)
    trained = train_network(
        task_of(task, context),
        architecture=architecture,
        width=width,
        depth=depth,
        head_width=head_width,
        steps=steps,
        rate=rate,
        seed=seed,
        distribution=distribution,
        loops=loops,
        options=options,
        positions=positions,
        shortest=shortest,
        curriculum=curriculum,
        test_length=test_length,
        device=device,
        out=out,
        tell=tell,
    )
    show_result(trained, as_json, result_text)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file that 'assay build' wrote.")],
    code: CodeFiles = None,
    distribution: Annotated[str, DISTRIBUTION] = "uniform",
    draws: Draws = 200,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Try built weights on inputs, against exact answers; exit code 1 if the guarantee is broken or all are refused."""
    from assay.sessions.build import check as check_weights

    checked = check_weights(file, draws=draws, distribution=distribution, seed=seed, code=code or ())
    show_result(checked, as_json, checked_text)
    if not checked.holds:
        raise typer.Exit(ExitCode.REFUTED)


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def precision(
    context: typer.Context,
    network: NetworkName,
    task: TaskOption = None,
    width: Annotated[int | None, WIDTH] = None,
    weights: Weights = None,
    code: CodeFiles = None,
    most_bits: Annotated[int, typer.Option(min=1, help="Most bits of a number to try.")] = 400,
    draws: Draws = 200,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Find the fewest bits per number at which a network still meets its tolerance, and where their point is.

    Inputs are drawn from each distribution of the task.
    """
    from assay.sessions.examine import precision as fewest_bits

    subject = subject_from(context, network, task, width, weights, seed, code)
    show_result(fewest_bits(subject, draws=draws, most_bits=most_bits, seed=seed, tell=tell), as_json, result_text)


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def attack(
    context: typer.Context,
    network: NetworkName,
    task: TaskOption = None,
    width: Annotated[int | None, WIDTH] = None,
    weights: Weights = None,
    code: CodeFiles = None,
    budget: Annotated[int, typer.Option(min=1, help="Inputs that the search may try.")] = 20_000,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Search for the input on which a network errs most.

    Exit code 1 if that breaks a construction's guarantee, or the network refuses every input.
    """
    from assay.sessions.examine import attack as attack_network

    subject = subject_from(context, network, task, width, weights, seed, code)
    found = attack_network(subject, budget=budget, seed=seed, tell=tell)
    show_result(found, as_json, attack_text)
    if found.broken is not False:
        raise typer.Exit(ExitCode.REFUTED)


def _named(inputs: Any) -> dict[str, Tensor]:
    return inputs._asdict() if isinstance(inputs, tuple) else {"inputs": inputs}
