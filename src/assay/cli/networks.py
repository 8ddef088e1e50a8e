"""Commands on networks: sample, build, verify, train, check, precision, attack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

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
from assay.cli.text import attack_text, built_text, checked_text, fields_text, rounded, verified_text
from assay.store.files import require_writable


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
    from assay.constructions import build as construct

    require_writable(out, certificate)
    chosen = task_of(task, context)
    network = construct(chosen, method=method, tolerance=tolerance)
    result = {"file": str(out), "task": chosen.to_json(), **network.certificate().to_json()}
    if network.remark:
        result["remark"] = network.remark
    if certificate is None:
        network.save(out)
    else:
        from assay.proofs.certificate_file import write_certificate

        result |= {
            "certificate": str(certificate),
            "proof": write_certificate(network, out, certificate, tell)["claim"],
        }
    show_result(result, as_json, built_text)


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
    from assay.boolean.certificate import is_degree_certificate, verify_degree
    from assay.groups.certificate_file import is_group_certificate, verify_group
    from assay.probing.chosen import is_probe_certificate, verify_set

    checks = (
        (is_probe_certificate, verify_set),
        (is_group_certificate, verify_group),
        (is_degree_certificate, verify_degree),
    )
    checked = next((verify_file for is_one, verify_file in checks if is_one(certificate)), None)
    if checked is not None:
        found = checked(certificate)
        show_result(found, as_json, fields_text)
        holds = found["holds"]
    else:
        from assay.proofs.certificate_file import verify as check_again

        result = check_again(certificate, weights, tell)
        show_result(result.to_json(), as_json, verified_text)
        holds = result.holds
    if not holds:
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
    import torch

    from assay.models import named_architecture
    from assay.models.shape import parse_options
    from assay.training.single import train_one

    require_writable(out)
    torch.set_num_threads(1)  # as in a study's workers: the same question has the same answer
    chosen = task_of(task, context)
    asked = {
        "steps": steps,
        "distribution": distribution,
        "shortest": shortest,
        "curriculum": curriculum,
        "test_lengths": test_length,
    }
    result = train_one(
        chosen,
        named_architecture(architecture),
        out,
        width=width,
        rate=rate,
        seed=seed,
        device=device,
        tell=tell,
        recipe={name: value for name, value in asked.items() if value is not None},
        depth=depth,
        loops=loops,
        head_width=head_width,
        options=parse_options(options),
        positions=positions,
    )
    show_result(result, as_json, fields_text)


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
    from assay.constructions import load
    from assay.constructions.trials import try_network

    network = load(file, code or ())
    trial = try_network(network, distribution, draws, seed=seed)
    guaranteed = network.certificate().guaranteed_error
    reason = trial.refutation(guaranteed)
    result = {
        "file": str(file),
        "method": network.method,
        "task": network.task.to_json(),
        "distribution": distribution,
        "draws": draws,
        "seed": seed,
        "largest_error": trial.largest_error,
        "refused": trial.refused,
        "guaranteed_error": guaranteed,
        "guarantee_stated_by": "file",
        "holds": not reason,
        "reason": reason,
    }
    show_result(result, as_json, checked_text)
    if not result["holds"]:
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
    from assay.examine.precision.result import precision_result

    subject = subject_from(context, network, task, width, weights, seed, code)
    result = precision_result(subject, draws=draws, most_bits=most_bits, seed=seed, tell=tell)
    show_result(result, as_json, fields_text)


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
    from assay.examine.attacks import attack_result

    result = attack_result(
        subject_from(context, network, task, width, weights, seed, code), budget=budget, seed=seed, tell=tell
    )
    show_result(result, as_json, attack_text)
    if result["broken"] is not False:
        raise typer.Exit(ExitCode.REFUTED)


def _named(inputs: Any) -> dict[str, Any]:
    return inputs._asdict() if isinstance(inputs, tuple) else {"inputs": inputs}
