"""Commands on what is impossible: bound, protocol, communication."""

from __future__ import annotations

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
    whole_numbers,
)
from assay.cli.task_command import TaskCommand
from assay.cli.text import bounds_text, communication_text, protocol_text


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
    from assay.sessions.limits import bound as bound_sizes

    bounded = bound_sizes(
        task_of(task, context),
        bits=bits,
        architecture=architecture,
        depth=depth,
        heads=heads,
        head_width=head_width,
        loops=loops,
        options=options,
        width=width,
        error=error,
        distribution=distribution,
    )
    show_result(bounded, as_json, bounds_text)


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
    from assay.sessions.examine import protocol as play

    name = PROTOCOLS.named(name)
    subject = subject_from(context, network, task, width, weights, seed, code)
    played = play(name, subject, bits=bits, fraction=fraction, draws=draws, seed=seed)
    show_result(played, as_json, protocol_text)


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
    from assay.sessions.limits import communication as communicate

    chosen = task_of(task, context)
    positions = whole_numbers("--alice", alice)
    found = communicate(chosen, positions, token=token, threshold=threshold, error=error)
    show_result(found, as_json, communication_text)
