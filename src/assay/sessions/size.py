"""What `assay size` does: finds out which question is asked, and answers it from formulas and simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.sizing.answer import Sized

# What each mode is asked by; bits belongs to all of them.
_MODES = {
    "heads": ("head_width", "keys", "average", "norm", "cache", "query_heads", "key_heads", "rotary"),
    "recall": ("pairs", "values", "state_bits", "state", "keys_of", "error"),
    "retrieval": ("documents", "top", "dimensions", "share"),
    "words": ("group", "language", "length"),
}
_BITS = 32


def size(
    *,
    head_width: int | None = None,
    keys: int | None = None,
    average: int | None = None,
    norm: str | None = None,
    cache: str | None = None,
    query_heads: int | None = None,
    key_heads: int | None = None,
    rotary: float | None = None,
    pairs: int | None = None,
    values: int | None = None,
    state_bits: int | None = None,
    state: int | None = None,
    keys_of: int | None = None,
    error: float | None = None,
    documents: int | None = None,
    top: int | None = None,
    dimensions: int | None = None,
    share: float | None = None,
    group: str | None = None,
    language: str | None = None,
    length: int | None = None,
    bits: int | None = None,
) -> Sized:
    """How large must it be, and what fits? One answer first, then what it rests on.

    Arguments of one question are given, and perhaps `bits`, of a number (32).

    Args:
        head_width: heads: width d of queries and keys. Two of this and the next two give the best third; all three are
            judged.
        keys: heads: positions N that a query attends to.
        average: heads: positions q that it is to average.
        norm: heads: largest norms of a query, as `1,2,4`: the standard deviation of its scores.
        cache: heads: how keys are stored: q8_0, q4_0 or fp16.
        query_heads: heads: query heads of the layer.
        key_heads: heads: key heads that these share.
        rotary: heads: coordinates that rotary positions turn, or their share up to 1.
        pairs: recall: pairs K of a key and a value; without them, the most that fit.
        values: recall: different values V.
        state_bits: recall: bits of state.
        state: recall: numbers of state, of `bits` each.
        keys_of: recall: possible keys; K unless given.
        error: recall: share of wrong answers; 0 unless given.
        documents: retrieval: documents n; without them, the most that fit.
        top: retrieval: documents k on top.
        dimensions: retrieval: dimensions d of documents and queries.
        share: retrieval: share of the sets to be served; all of them unless given.
        group: words: of a finite group.
        language: words: of a regular language.
        length: words: letters N.
        bits: of a number.

    >>> size(documents=50000, top=2, bits=16).amount("necessary")
    4

    Raises:
        AssayError: arguments of no question or of two, too few, or out of range.
    """
    given = {name: value for name, value in locals().items() if value is not None}
    answered = {"heads": _heads, "recall": _recall, "retrieval": _retrieval, "words": _words}
    return answered[_mode(given)](given)


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


def _heads(given: dict[str, Any]) -> Sized:
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


def _recall(given: dict[str, Any]) -> Sized:
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


def _retrieval(given: dict[str, Any]) -> Sized:
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


def _words(given: dict[str, Any]) -> Sized:
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
