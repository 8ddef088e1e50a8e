"""Commands on what is impossible: bound, protocol, communication."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    BITS,
    BOUNDED,
    DISTRIBUTION,
    TASK_PARAMETERS,
    WIDTH,
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
    app,
    show_result,
    subject_from,
    task_of,
    whole_number,
)
from assay.cli.task_command import TaskCommand
from assay.cli.text import bounds_text, communication_text, protocol_text
from assay.errors import AssayError


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def bound(
    context: typer.Context,
    task: TaskName,
    architecture: Annotated[str | None, BOUNDED] = None,
    width: Annotated[int | None, WIDTH] = None,
    depth: Depth = 1,
    heads: Annotated[
        int, typer.Option(min=1, help="Heads of a layer: they split the width, but in a bare model each is as wide.")
    ] = 1,
    head_width: HeadWidth = 0,
    loops: Loops = 1,
    options: Options = "",
    bits: Annotated[int, BITS] = 32,
    error: Annotated[float | None, typer.Option(help="The error; the task's tolerance unless given.")] = None,
    distribution: Annotated[str | None, DISTRIBUTION] = None,
    as_json: Json = False,
) -> None:
    """Say which sizes are impossible: the smallest width each bound leaves open, and what it says of a given width.

    A bound counts one resource, such as bits of state, and speaks of every network that declares how much it has:
    of all architectures and bare models ('assay ls'), or of one.

    The task's parameters are options too, such as --length 8; 'assay show TASK' says which there are.
    """
    from assay.bounds.report import bound_rows
    from assay.models import Shape, named_architecture
    from assay.models.candidates import Candidates, all_candidates, require_declared
    from assay.models.shape import parse_options

    if architecture is not None and any(part in architecture for part in (":", ".py", "+")):
        architecture = named_architecture(architecture)
    chosen = task_of(task, context)
    if architecture is None:
        if (depth, loops, heads, head_width, options) != (1, 1, 1, 0, ""):
            raise AssayError(
                "--depth, --loops, --heads, --head-width and --options need --architecture: they describe it"
            )
        asked = all_candidates()
    else:
        shape: Shape = {"depth": depth, "loops": loops, "head_width": head_width, "options": parse_options(options)}
        asked = [Candidates.of(architecture, heads=heads, **shape)]
        require_declared(asked[0], width or asked[0].multiple)
    rows = bound_rows(
        chosen,
        asked,
        precision=bits,
        width=width,
        error=error,
        distribution=distribution or chosen.usual_distribution,
    )
    result = {"task": chosen.to_json(), "bits": bits, "bounds": [asdict(row) for row in rows]}
    show_result(result, as_json, bounds_text)


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def protocol(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="The protocol ('assay ls protocols'), or file.py:Class.", autocompletion=complete.protocols
        ),
    ],
    network: NetworkName,
    task: TaskOption = None,
    width: Annotated[int | None, WIDTH] = None,
    weights: Weights = None,
    code: CodeFiles = None,
    bits: Annotated[int | None, BITS] = None,
    fraction: Annotated[int | None, typer.Option(help="Of the bits, those after the point.")] = None,
    draws: Draws = 4096,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a lower bound's communication protocol on a network: parties, messages, bits counted, answers checked.

    Where the network is too small, two inputs with the same messages are shown, and how far it errs on them. Numbers
    are as the network has them unless --bits and --fraction say how they are rounded. Where there are no more than
    --draws inputs, all are tried.
    """
    from assay.examine.protocols import PROTOCOLS
    from assay.examine.protocols.running import run_protocol

    name = PROTOCOLS.named(name)
    subject = subject_from(context, network, task, width, weights, seed, code)
    if (bits is None) is not (fraction is None):
        raise AssayError("--bits and --fraction go together: a number is a multiple of 2^-fraction")
    numbers = None if bits is None or fraction is None else (bits, fraction)
    show_result(run_protocol(name, subject, numbers, draws, seed=seed), as_json, protocol_text)


@app.command(cls=TaskCommand, context_settings=TASK_PARAMETERS)
def communication(
    context: typer.Context,
    task: TaskName,
    alice: Annotated[str, typer.Option(help="Positions that Alice holds, such as 0,1,2; Bob holds the others.")],
    token: Annotated[int | None, typer.Option(min=0, help="Whose answer; the last query token's unless given.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Answers above it count as 1, others as 0.")] = None,
    error: Annotated[float, typer.Option(min=0.0, help="Worst error that one-way protocols may have.")] = 0.0,
    as_json: Json = False,
) -> None:
    """The communication matrix of a small task under a split of its positions: rank, fooling set, one-way bits, VC.

    The task's parameters are options too, such as --length 3; 'assay show TASK' says which there are.
    """
    from assay.examine.communication import communication_summary

    chosen = task_of(task, context)
    positions = [whole_number("--alice", word) for word in alice.split(",")]
    summary = communication_summary(chosen, positions, token, threshold=threshold, error=error)
    show_result(summary, as_json, communication_text)
