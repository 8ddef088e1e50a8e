"""Commands on what is impossible: bound, protocol, communication."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.options import (
    TASK_PARAMETERS,
    CodeFiles,
    Json,
    Loops,
    NetworkName,
    Options,
    Seed,
    TaskName,
    TaskOption,
    Weights,
    Width,
    app,
    show_result,
    subject_from,
    task_of,
    whole_number,
)
from assay.cli.text import bounds_text, communication_text, protocol_text


@app.command(context_settings=TASK_PARAMETERS)
def bound(
    context: typer.Context,
    task: TaskName,
    bits: Annotated[int, typer.Option(min=1, help="Bits of every number.")] = 32,
    architecture: Annotated[
        str | None, typer.Option(help="An architecture, a bare model ('assay ls') or file.py:Class; all unless given.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Layers of the architecture.")] = 1,
    heads: Annotated[
        int, typer.Option(min=1, help="Heads of a layer: they split the width, but in a bare model each is as wide.")
    ] = 1,
    head_width: Annotated[int, typer.Option(min=0, help="In place of --heads, the width of each.")] = 0,
    loops: Loops = 1,
    options: Options = "",
    width: Annotated[int | None, typer.Option(min=1, help="A width to check.")] = None,
    error: Annotated[float | None, typer.Option(help="The error; the task's tolerance unless given.")] = None,
    distribution: Annotated[
        str | None, typer.Option(help="Inputs that mean errors speak of; the task's usual ones unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which sizes are impossible: the smallest width each bound leaves open, and what it says of a given width.

    A bound counts one resource, such as bits of state, and speaks of every network that declares how much it has.

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


@app.command(context_settings=TASK_PARAMETERS)
def protocol(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The protocol ('assay ls protocols'), or file.py:Class.")],
    network: NetworkName,
    task: TaskOption = None,
    width: Width = None,
    weights: Weights = None,
    code: CodeFiles = None,
    bits: Annotated[
        int | None, typer.Option(min=1, help="Bits of every number; as the network is unless given.")
    ] = None,
    fraction: Annotated[int | None, typer.Option(help="Of these, bits after the point.")] = None,
    instances: Annotated[int, typer.Option(min=1, help="Inputs to enumerate, or else to draw.")] = 4096,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run a lower bound's communication protocol on a network: parties, messages, bits counted, answers checked.

    Where the network is too small, two inputs with the same messages are shown, and how far it errs on them.
    """
    from assay.examine.protocols import PROTOCOLS
    from assay.sessions.examine import protocol as play

    name = PROTOCOLS.named(name)
    subject = subject_from(context, network, task, width, weights, seed, code)
    played = play(name, subject, bits=bits, fraction=fraction, instances=instances, seed=seed)
    show_result(played, as_json, protocol_text)


@app.command(context_settings=TASK_PARAMETERS)
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
    positions = [whole_number("--alice", word) for word in alice.split(",")]
    found = communicate(chosen, positions, token=token, threshold=threshold, error=error)
    show_result(found, as_json, communication_text)
