"""The command that says what words of a group take: group."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    Certificate,
    Json,
    app,
    show_result,
)


@app.command()
def group(
    group: Annotated[
        str,
        typer.Argument(
            autocompletion=complete.groups,
            help="Z7, D4, S5, A5, Q8, a direct product such as Z2xS3; permutations that generate it, such as "
            "'(1 2)(3 4),(1 2 3)'; or a file .csv with its multiplication table.",
        ),
    ],
    certificate: Certificate = None,
    as_json: Json = False,
) -> None:
    """What must a layer have to track products in a finite group, at any length?

    Its structure, the fewest Householder steps of a DeltaProduct layer, diagonal layers, explicit weights that were
    checked with the length up to which they are right, and what is proved, published or conditional; --certificate
    keeps the weights of reflections and phases with their proof. At most 1,000
    elements; Householder steps up to 720.
    """
    from assay.groups.text import group_text
    from assay.sessions.decide import group as decide

    show_result(decide(group, certificate=certificate), as_json, group_text)
