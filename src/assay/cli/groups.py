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
from assay.store.files import require_writable


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
    from assay.groups.answer import answer_group
    from assay.groups.reading import group_from
    from assay.groups.text import group_text

    require_writable(certificate)
    asked = group_from(group)
    found = answer_group(asked)
    if certificate is not None:
        from assay.groups.certificate_file import write_group_certificate

        write_group_certificate(certificate, asked, found.networks)
    result = {**found.to_json(), "certificate": None if certificate is None else str(certificate)}
    show_result(result, as_json, lambda _: group_text(found))
