"""The command that says how to cite: cite."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import Json, app, show_result

if TYPE_CHECKING:
    from assay.sessions.cite import Citation


class Format(StrEnum):
    """What is printed."""

    TEXT = "text"
    BIBTEX = "bibtex"
    APA = "apa"


@app.command()
def cite(
    name: Annotated[
        str, typer.Argument(help="What 'assay ls' lists, file.py:Class, or a folder of results; Assay if none.")
    ] = "",
    form: Annotated[
        Format | None, typer.Option("--format", help="text, bibtex or apa; of a name or folder, bibtex unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print how to cite Assay, what a task, layer, construction, bound, protocol or study rests on, or results.

    A name's papers are those that its file cites. Of a folder: those of all that its ledger has answers about, but for
    code of a user's own, and an entry for Assay whose note has commands, seeds and versions.
    """
    from assay.sessions.cite import cite as cite_name

    chosen = form or (Format.BIBTEX if name else Format.TEXT)
    command = " ".join(filter(None, ["assay cite", name, "--format bibtex"]))
    texts: dict[Format, Callable[[Citation], str]] = {
        Format.TEXT: lambda found: f"To cite {found.cites}:\n\n{found.apa}\n\nAs BibTeX: {command}",
        Format.BIBTEX: lambda found: found.bibtex,
        Format.APA: lambda found: found.apa,
    }
    show_result(cite_name(name), as_json, texts[chosen])
