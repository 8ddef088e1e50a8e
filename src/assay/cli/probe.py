"""The command on attention heads of real models: probe."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    DEFAULT_OUT,
    OUT,
    SEED,
    Certificate,
    Json,
    Quiet,
    Workers,
    app,
    show_result,
    tell,
    whole_numbers,
)
from assay.cli.studies import show_report
from assay.cli.text import chosen_sets_text
from assay.errors import AssayError
from assay.store.files import require_folder, require_writable


@app.command()
def probe(
    source: Annotated[
        str,
        typer.Argument(
            help="An .npz file with keys (heads, N, d) and perhaps queries; a folder or .gguf file of a model; or the "
            "name of an installed package that carries one, or of a model in the local cache of Hugging Face."
        ),
    ],
    text: Annotated[
        list[Path] | None,
        typer.Option(
            help="A text file for a model to read; may be repeated. Unless given, three shipped ones: a novel, "
            "a manual and a program (with --set, the novel)."
        ),
    ] = None,
    length: Annotated[
        int | None, typer.Option(min=1, help="Tokens of each text that a model reads; 256 unless given.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(help="Attention of a model that is wanted, as 'layers.0.*'; may be repeated. All unless given."),
    ] = None,
    sparsity: Annotated[
        str | None, typer.Option(help="Sizes of the sets whose reach is asked for; 1,2,4,8 unless given.")
    ] = None,
    sets: Annotated[int | None, typer.Option(min=1, help="Sets of each kind and size; 32 unless given.")] = None,
    curves: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Sets at each point of the curve of which sets exist. Unless given, none; 32 without queries.",
        ),
    ] = None,
    seed: Annotated[int | None, SEED] = None,
    position: Annotated[
        int | None,
        typer.Option(min=0, help="Of the query of causal heads, which have the keys up to there. The last if absent."),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Formats of a cache, such as q8_0,q4_0,token-3,channel-4,rotated-2; q8_0,q4_0 unless given.",
            autocompletion=complete.cache_formats,
        ),
    ] = None,
    chosen: Annotated[
        list[str] | None, typer.Option("--set", help="Positions of a set of your own, such as 3,7,9; may be repeated.")
    ] = None,
    layer: Annotated[int | None, typer.Option(min=0, help="With --set: this layer only.")] = None,
    head: Annotated[int | None, typer.Option(min=0, help="With --set: this head of the layers only.")] = None,
    certificate: Certificate = None,
    out: Annotated[Path | None, OUT] = None,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Which attention heads of a real model lose most in a quantised cache, and which sets can their queries average?

    Errors of attention and output, fewest bits, random and contiguous sets in reach, for every head on every text, with
    maps in a report. With --set the answer is for sets of your own, at once; for one head --certificate proves it.
    What was answered before is not asked again.
    """
    from assay.probing.chosen import probe_chosen
    from assay.probing.plan import SPARSITIES, Plan
    from assay.probing.source import open_heads
    from assay.probing.text import TEXTS

    drawing = {
        "sparsity": sparsity,
        "sets": sets,
        "curves": curves,
        "seed": seed,
        "formats": formats,
        "out": out,
        "workers": workers,
    }
    given = [option for option, value in drawing.items() if value is not None]
    if chosen and given:
        raise AssayError(f"--{given[0]} is not allowed with --set: nothing is drawn, kept or reported then")
    if chosen:
        if text and len(text) > 1:
            raise AssayError("--set is for one text: positions are those of its tokens")
        require_writable(certificate, reads=(Path(source), *(text or ())))
    else:
        require_folder(out or DEFAULT_OUT, is_out=True)
    heads, *others = open_heads(source, text or (), length, names or None, tell, TEXTS[:1] if chosen else TEXTS)
    if chosen:
        own = [whole_numbers("--set", words) for words in chosen]
        result = probe_chosen(heads, own, position=position, layer=layer, head=head, certificate=certificate)
        show_result(result, as_json, chosen_sets_text)
        return
    for option, value in (("--layer", layer), ("--head", head), ("--certificate", certificate)):
        if value is not None:
            raise AssayError(f"{option} needs --set: it is for sets of your own")
    from assay.report.probe_page import say_probe
    from assay.sessions.probe import probe_session

    sizes = None if sparsity is None else tuple(whole_numbers("--sparsity", sparsity))
    seen = heads.length if position is None else position + 1
    if sizes is None and seen < max(SPARSITIES):
        usual = ",".join(map(str, SPARSITIES))
        raise AssayError(
            f"sets of {usual} positions, the usual sizes, need {max(SPARSITIES)} keys, and a query sees {seen}; give "
            f"smaller sizes, such as --sparsity 1"
        )
    cached = None if formats is None else tuple(formats.split(","))
    asked: dict[str, Any] = {
        "sparsities": sizes,
        "sets": sets,
        "curves": curves,
        "seed": seed,
        "position": position,
        "formats": cached,
    }
    plan = Plan((heads, *others), **{name: value for name, value in asked.items() if value is not None})
    command = shlex.join(["assay", *sys.argv[1:]])
    result = probe_session(
        plan, out=out or DEFAULT_OUT, workers=workers or os.cpu_count() or 1, quiet=quiet or as_json, command=command
    )
    show_report(result, say_probe, as_json)
