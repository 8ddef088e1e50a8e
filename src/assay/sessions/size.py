"""What `assay size` does: finds out which question is asked, and answers it from formulas and simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.errors import ParameterError, require_integer

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
    mode = _mode({name for name, value in locals().items() if value is not None})
    if mode == "heads":
        return _heads(head_width, keys, average, norm, cache, query_heads, key_heads, rotary, bits)
    if mode == "recall":
        return _recall(pairs, values, state_bits, state, keys_of, error, bits)
    if mode == "retrieval":
        return _retrieval(documents, top, dimensions, share, bits)
    return _words(group, language, length, bits)


def _mode(given: set[str]) -> str:
    """The mode that all arguments of these names belong to.

    Raises:
        AssayError: none, or two; the message says which belong together.
    """
    asked = {mode: [name for name in names if name in given] for mode, names in _MODES.items()}
    asked = {mode: names for mode, names in asked.items() if names}
    if len(asked) == 1:
        return next(iter(asked))
    groups = "; ".join(f"{mode}: {', '.join(map(_field, names))}" for mode, names in _MODES.items())
    if not asked:
        raise ParameterError(f"size needs what one question is asked by, beside {{bits}}. {groups}")
    mixed = " and ".join(f"{_field(names[0])} ({mode})" for mode, names in asked.items())
    raise ParameterError(f"{mixed} belong to different questions. {groups}; {{bits}} to all")


def _field(name: str) -> str:
    """A parameter in the line of a `ParameterError`."""
    return f"{{{name}}}"


def _heads(
    head_width: int | None,
    keys: int | None,
    average: int | None,
    norm: str | None,
    cache: str | None,
    query_heads: int | None,
    key_heads: int | None,
    rotary: float | None,
    bits: int | None,
) -> Sized:
    from assay.sizing.averaging_heads import size_head
    from assay.sizing.head import Layout

    sizes = (head_width, keys, average)
    if sizes.count(None) > 1:
        raise ParameterError("heads are sized by two or three of {head_width}, {keys}, {average}")
    if bits is not None and cache is not None:
        raise ParameterError("{bits} and {cache} both say how keys are stored: give one")
    if (query_heads is None) is not (key_heads is None):
        raise ParameterError("{query_heads} and {key_heads} go together: how many share how many")
    norms = () if norm is None else tuple(map(_norm, norm.split(",")))
    layout = Layout(query_heads or 0, key_heads or 0, rotary or 0.0)
    return size_head(*sizes, bits=_BITS if bits is None else bits, cache=cache, norms=norms, layout=layout)


def _recall(
    pairs: int | None,
    values: int | None,
    state_bits: int | None,
    state: int | None,
    keys_of: int | None,
    error: float | None,
    bits: int | None,
) -> Sized:
    from assay.sizing.stored_pairs import size_pairs

    if values is None or pairs is state_bits is state is None:
        raise ParameterError("recall is sized by {values} and {pairs}, {state_bits} or {state}")
    if state is not None and state_bits is not None:
        raise ParameterError("{state} and {state_bits} both say how much state there is: give one")
    if bits is not None and state is None:
        raise ParameterError("{bits} needs {state} here: state is that many numbers of so many bits")
    if state is not None:
        bits = _BITS if bits is None else bits
        require_integer("state", state, 1, None)
        require_integer("bits", bits, 1, None)
        state_bits = state * bits
    return size_pairs(pairs, values, state_bits=state_bits, keys_of=keys_of, error=0.0 if error is None else error)


def _retrieval(
    documents: int | None, top: int | None, dimensions: int | None, share: float | None, bits: int | None
) -> Sized:
    if top is None or documents is dimensions is None:
        raise ParameterError("retrieval is sized by {top} and {documents}, {dimensions} or both")
    from assay.sizing.documents import size_documents

    return size_documents(documents, top, _BITS if bits is None else bits, dimensions, 1.0 if share is None else share)


def _words(group: str | None, language: str | None, length: int | None, bits: int | None) -> Sized:
    from assay.sizing.tracking import size_group, size_language

    if length is None or (group is None) is (language is None):
        raise ParameterError("words are sized by {length} and either {group} or {language}")
    if bits is not None:
        raise ParameterError("{bits} is not allowed with words: explicit weights state their own arithmetic")
    if group is not None:
        return size_group(group, length)
    assert language is not None
    return size_language(language, length)


def _norm(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ParameterError("{norm} = {} is not allowed; it must be numbers, separated by commas", word) from None
