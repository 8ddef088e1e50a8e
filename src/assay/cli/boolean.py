"""The command that decides how many heads a small Boolean function needs: boolean."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    Certificate,
    Json,
    Quiet,
    app,
    show_result,
    tell,
)


@app.command()
def boolean(
    function: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete.functions,
            help="parity, majority, and, or, half, exactly-K, at-least-K, mod-M, multiplexer, or file.py:f, a Python "
            "function of a tuple of bits.",
        ),
    ] = None,
    inputs: Annotated[
        int | None, typer.Option(help="Bits; at most 100,000, 16 unless only their count matters.")
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="2^n digits 0 and 1 instead of a name; x_0 is the lowest bit of the place.")
    ] = None,
    heads: Annotated[int | None, typer.Option(help="Heads of the layer: how often are so many wrong at least?")] = None,
    certificate: Certificate = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """How many heads of one softmax layer does a Boolean function need?

    Its threshold degree with a certificate, heads that are needed and heads that are enough, in exact arithmetic, and
    what its structure and splits of its inputs say; for each number what is safe to say and what is not.
    """
    from assay.booleans.text import boolean_text
    from assay.sessions.decide import boolean as decide

    found = decide(function, inputs=inputs, table=table, heads=heads, certificate=certificate, tell=tell)
    show_result(found, as_json, boolean_text)
