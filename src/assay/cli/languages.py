"""The command that decides what a regular language needs: language."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.options import (
    Json,
    Quiet,
    app,
    show_result,
    tell,
)


@app.command()
def language(
    expression: Annotated[
        str, typer.Argument(help="A regular expression, in quotes, or a file .json with an automaton.")
    ],
    alphabet: Annotated[
        str | None, typer.Option(help="All letters; those that the expression names unless given.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Decide what recognises a regular language: its classes, why, and what they say of networks.

    An automaton is {"letters": ["a", "b"], "transitions": [[1, 0], [0, 1]], "start": 0, "accepting": [0]}.
    """
    from assay.languages.text import language_text
    from assay.sessions.decide import language as decide

    show_result(decide(expression, alphabet=alphabet, tell=tell), as_json, language_text)
