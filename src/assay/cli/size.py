"""The command that says how large something must be: size."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from assay.cli import completion as complete
from assay.cli.options import (
    BITS,
    Json,
    app,
    show_result,
)
from assay.errors import AssayError

# What each mode is asked by; --bits belongs to all of them.
_MODES = {
    "heads": ("head_width", "keys", "average", "norm", "cache", "query_heads", "key_heads", "rotary"),
    "recall": ("pairs", "values", "state_bits", "state", "keys_of", "error"),
    "retrieval": ("documents", "top", "dimensions", "share"),
    "words": ("group", "language", "length"),
}
_BITS = 32


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
    given = {name: value for name, value in locals().items() if value is not None and name != "as_json"}
    mode = _mode(given)
    sized = {"heads": _heads, "recall": _recall, "retrieval": _retrieval, "words": _words}[mode](given)
    from assay.sizing.text import sized_text

    show_result(sized.to_json(), as_json, lambda _: sized_text(sized))


def _mode(given: dict[str, Any]) -> str:
    """The mode that all options given belong to.

    Raises:
        AssayError: none, or two; the message says which options belong together.
    """
    asked = {mode: [name for name in names if name in given] for mode, names in _MODES.items()}
    asked = {mode: names for mode, names in asked.items() if names}
    if len(asked) == 1:
        return next(iter(asked))
    groups = "; ".join(f"{mode}: {_options(names)}" for mode, names in _MODES.items())
    if not asked:
        raise AssayError(f"size needs options of one question, beside --bits. {groups}")
    mixed = " and ".join(f"{_option(names[0])} ({mode})" for mode, names in asked.items())
    raise AssayError(f"{mixed} belong to different questions. {groups}; --bits to all")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _options(names: tuple[str, ...]) -> str:
    return ", ".join(map(_option, names))


def _heads(given: dict[str, Any]) -> Any:
    from assay.sizing.averaging_heads import size_head
    from assay.sizing.head import Layout

    sizes = ("head_width", "keys", "average")
    if sum(name in given for name in sizes) < 2:
        raise AssayError(f"heads are sized by two or three of {_options(sizes)}")
    if "bits" in given and "cache" in given:
        raise AssayError("--bits and --cache both say how keys are stored: give one")
    if ("query_heads" in given) is not ("key_heads" in given):
        raise AssayError("--query-heads and --key-heads go together: how many share how many")
    layout = Layout(given.get("query_heads", 0), given.get("key_heads", 0), given.get("rotary", 0.0))
    norms = tuple(_number("--norm", word) for word in given["norm"].split(",")) if "norm" in given else ()
    return size_head(
        *(given.get(name) for name in sizes),
        bits=given.get("bits", _BITS),
        cache=given.get("cache"),
        norms=norms,
        layout=layout,
    )


def _recall(given: dict[str, Any]) -> Any:
    from assay.errors import require_integer
    from assay.sizing.stored_pairs import size_pairs

    if "values" not in given or not {"pairs", "state_bits", "state"} & set(given):
        raise AssayError("recall is sized by --values and --pairs, --state-bits or --state")
    if "state" in given and "state_bits" in given:
        raise AssayError("--state and --state-bits both say how much state there is: give one")
    if "bits" in given and "state" not in given:
        raise AssayError("--bits needs --state here: state is that many numbers of so many bits")
    there = given.get("state_bits")
    if "state" in given:
        bits = given.get("bits", _BITS)
        require_integer("state", given["state"], 1, None)
        require_integer("bits", bits, 1, None)
        there = given["state"] * bits
    return size_pairs(
        given.get("pairs"),
        given["values"],
        state_bits=there,
        keys_of=given.get("keys_of"),
        error=given.get("error", 0.0),
    )


def _retrieval(given: dict[str, Any]) -> Any:
    if "top" not in given or not {"documents", "dimensions"} & set(given):
        raise AssayError("retrieval is sized by --top and --documents, --dimensions or both")
    from assay.sizing.documents import size_documents

    return size_documents(
        given.get("documents"),
        given["top"],
        given.get("bits", _BITS),
        given.get("dimensions"),
        given.get("share", 1.0),
    )


def _words(given: dict[str, Any]) -> Any:
    from assay.sizing.tracking import size_group, size_language

    if "length" not in given or len({"group", "language"} & set(given)) != 1:
        raise AssayError("words are sized by --length and either --group or --language")
    if "bits" in given:
        raise AssayError("--bits is not allowed with words: explicit weights state their own arithmetic")
    if "group" in given:
        return size_group(given["group"], given["length"])
    return size_language(given["language"], given["length"])


def _number(option: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise AssayError(f"{option} = {word} is not allowed; it must be numbers, separated by commas") from None
