"""The command that says where a layer stands: place."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from assay.cli import completion as complete
from assay.cli.exits import ExitCode
from assay.cli.options import (
    DEFAULT_OUT,
    DryRun,
    Json,
    Options,
    Out,
    Quick,
    Quiet,
    Workers,
    app,
    complain,
    show_result,
    tell,
)
from assay.cli.text import estimate_text
from assay.errors import AssayError


@app.command()
def place(
    layer: Annotated[
        str,
        typer.Argument(
            help="A layer ('assay ls architectures'), or file.py:Class.", autocompletion=complete.architectures
        ),
    ] = "",
    options: Options = "",
    on: Annotated[str, typer.Option(help="Rows of the battery, or tasks, separated by commas; see --list.")] = "",
    against: Annotated[str, typer.Option(help="Known layers, separated by commas; see --list.")] = "",
    rates: Annotated[str, typer.Option(help="Learning rates to try for this layer, separated by commas.")] = "",
    quick: Quick = False,
    hours: Annotated[float, typer.Option(min=0.01, help="That the battery may take, as it is estimated.")] = 2.0,
    report: Annotated[Path | None, typer.Option(help="Where the page is written; in the folder unless given.")] = None,
    out: Out = DEFAULT_OUT,
    workers: Workers = None,
    listed: Annotated[bool, typer.Option("--list", help="Only list the battery and the known layers.")] = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Ask a layer what known layers were asked, and print its card: what it learns, how large, and who does better.

    What was answered before is not asked again: after an interruption, the same command goes on where it stopped.
    """
    from assay.models.shape import parse_options
    from assay.placing.battery import RATES
    from assay.placing.text import card_text, place_listing_text
    from assay.sessions.place import estimate_place, listing
    from assay.sessions.place import place as place_layer

    if listed:
        show_result(listing(), as_json, place_listing_text)
        return
    if not layer:
        raise AssayError("place needs a layer; 'assay ls architectures' lists those that are shipped")
    chosen = parse_options(options)
    named, tried = _words(on), [_rate(word) for word in _words(rates)] or RATES
    if dry_run:
        with redirect_stdout(sys.stderr):
            left = estimate_place(
                layer, options=chosen, on=named, quick=quick, rates=tried, out=out, workers=workers, tell=tell
            )
        show_result(left, as_json, estimate_text)
        return
    with redirect_stdout(sys.stderr):  # of what a layer prints
        card = place_layer(
            layer,
            options=chosen,
            on=named,
            against=_words(against),
            quick=quick,
            rates=tried,
            hours=hours,
            out=out,
            report=report,
            workers=workers,
            quiet=quiet or as_json,
            tell=(lambda _: None) if as_json else tell,
        )
    show_result(card, as_json, card_text)
    if any(placed.failed for placed in card.placed):
        complain("assay: some rows have no answer, the card says why; the same command asks them again")
        raise typer.Exit(ExitCode.FAULT)


def _words(text: str) -> list[str]:
    """Names between commas; those within parentheses, as in `selective (states=4,conv=2)`, belong to a name."""
    return [word.strip() for word in re.split(r",(?![^()]*\))", text) if word.strip()]


def _rate(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise AssayError(f"--rates {word} is not allowed; it must be numbers, separated by commas") from None
