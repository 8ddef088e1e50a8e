"""The command that says how large something must be: size."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    BITS,
    Json,
    app,
    show_result,
)


@app.command()
def size(
    head_width: Annotated[int | None, typer.Option(help="Heads: width d of queries and keys.")] = None,
    keys: Annotated[int | None, typer.Option(help="Heads: positions N that a query attends to.")] = None,
    average: Annotated[int | None, typer.Option(help="Heads: positions q that it is to average.")] = None,
    norm: Annotated[
        str | None,
        typer.Option(help="Heads: largest norms of a query, such as 1,2,4: the standard deviation of its scores."),
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(
            help="Heads: how keys are stored: q8_0, q4_0 or fp16.",
            autocompletion=complete.listed("q8_0", "q4_0", "fp16"),
        ),
    ] = None,
    query_heads: Annotated[int | None, typer.Option(help="Heads: query heads of the layer.")] = None,
    key_heads: Annotated[int | None, typer.Option(help="Heads: key heads that these share.")] = None,
    rotary: Annotated[
        float | None, typer.Option(help="Heads: coordinates that rotary positions turn, or their share up to 1.")
    ] = None,
    pairs: Annotated[int | None, typer.Option(help="Recall: pairs K of a key and a value.")] = None,
    values: Annotated[int | None, typer.Option(help="Recall: different values V.")] = None,
    state_bits: Annotated[int | None, typer.Option(help="Recall: bits of state.")] = None,
    state: Annotated[int | None, typer.Option(help="Recall: numbers of state, of --bits each.")] = None,
    keys_of: Annotated[
        int | None, typer.Option(help="Recall: possible keys; K unless given: known beforehand.")
    ] = None,
    error: Annotated[float | None, typer.Option(help="Recall: share of wrong answers; 0 unless given.")] = None,
    documents: Annotated[int | None, typer.Option(help="Retrieval: documents n.")] = None,
    top: Annotated[int | None, typer.Option(help="Retrieval: documents k on top.")] = None,
    dimensions: Annotated[int | None, typer.Option(help="Retrieval: dimensions d of documents and queries.")] = None,
    share: Annotated[
        float | None, typer.Option(help="Retrieval: share of the sets to be served; all of them unless given.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Words: of a finite group, see 'assay group'.", autocompletion=complete.groups)
    ] = None,
    language: Annotated[str | None, typer.Option(help="Words: of a regular language, see 'assay language'.")] = None,
    length: Annotated[int | None, typer.Option(help="Words: letters N.")] = None,
    bits: Annotated[int | None, BITS] = None,
    as_json: Json = False,
) -> None:
    """How large must it be, and what fits? One answer first, then what it rests on.

    Heads: two of --head-width, --keys and --average give the best third; all three are judged.
    Recall: --pairs and --values, with --state-bits or --state judged, or without --pairs the most that fit.
    Retrieval: --documents and --top, with or without --dimensions; without --documents the most that fit.
    Words: --group or --language, and --length. Numbers have 32 bits unless --bits says otherwise.
    """
    given = {name: value for name, value in locals().items() if name != "as_json"}
    from assay.sessions.size import size as answer
    from assay.sizing.text import sized_text

    show_result(answer(**given), as_json, sized_text)
