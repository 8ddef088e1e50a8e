"""Heads of a live torch module: one run on one text, read at the attention call (`assay.probing.capture`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from assay.errors import AssayError, ParameterError, require
from assay.probing.capture import Capture, CapturedAttention, capture
from assay.probing.captured_heads import beyond_products, is_biased
from assay.probing.heads import make_heads, shown
from assay.probing.models.written import seeing_streams

if TYPE_CHECKING:
    from torch import nn

    from assay.probing.heads import Heads

SHOWN = 6  # names in a message
BIASED = "Scores also have a bias added that depends on position (or head), which is left out: keys alone are judged."
CAPPED = "Scores are soft-capped in the model; reach is for scores without that."
SUNK = "Softmax has a sink besides the keys, which is left out."


def heads_of_module(
    module: nn.Module, inputs: object, *, names: str | Iterable[str] | None = None, name: str | None = None
) -> Heads:
    """Heads of a module on one text: it runs once, in evaluation mode and without gradients.

    Keys and queries are those of the calls of softmax attention, as the model used them: after norms, rotary embeddings
    and a cache of keys. Any module will do whose attention `assay.probing.capture.capturing` reads. Each call is a
    layer, numbered in their order, from 0, whether wanted or not. Keys that no query sees, and the queries at their
    positions, are padding and left out. What is left must see all keys, or all up to its own. So that norms can be
    compared, queries are multiplied by a number such that all scores have the scale 1/sqrt(d), as most models have it.
    What else enters the scores is said in the note.

    Args:
        module: a module with attention in it, or an attention itself.
        inputs: what the module is called with, one text: a tuple of arguments, a mapping of keywords, or anything else
            as the one argument.
        names: pattern or patterns (with * and ?) of the names of submodules whose attention is wanted; all unless
            given. An encoder-decoder has attention over two texts, of which one must be chosen.
        name: for people; otherwise the module's class.

    Raises:
        AssayError: no softmax attention that was called, some that is not read, several texts, a mask such as a sliding
            window shorter than the text, or calls that do not have the same keys and widths.

    >>> attention = torch.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> text = torch.ones(1, 5, 8)
    >>> heads_of_module(attention, (text, text, text)).keys.shape
    (2, 5, 4)
    """
    require(isinstance(module, torch.nn.Module), "module", shown(module), "a torch.nn.Module")
    with seeing_streams(module) as streams:
        captured = capture(module, inputs, transform=streams.see)
    found = _wanted(captured, names, type(module).__name__)
    texts = 1 + max(one.text for one in found)
    if texts > 1:
        raise AssayError(f"the module was given {texts} texts; heads are probed on one")
    read = [_Layer.of(one) for one in found]
    causal = {layer.causal for layer in read}
    if len(causal) > 1:
        first = {one.causal: call.name for call, one in reversed(list(zip(found, read, strict=True)))}
        line = "{} is causal and {} is not; choose some attention with {names}"
        raise ParameterError(line, first[True], first[False])
    places = {id(one): place for place, one in enumerate(captured.attentions)}
    numbers = [places[id(one)] for one in found]
    notes = dict.fromkeys(note for layer in read for note in layer.notes)
    plain = all(beyond_products(one) is None for one in found)
    calls = zip(numbers, found, strict=True)
    written = [streams.written(module, number, one) for number, one in calls] if plain else []
    return _gather(
        name or type(module).__name__,
        read,
        numbers,
        written,
        plain=plain,
        causal=causal == {True},
        note=" ".join(notes),
    )


def _gather(
    name: str,
    read: Sequence[_Layer],
    numbers: Sequence[int],
    written: Sequence[np.ndarray | None],
    *,
    plain: bool,
    causal: bool,
    note: str,
) -> Heads:
    """Heads of layers with these numbers. Equally many heads share a key head.

    Values are left out where they are not as wide in all layers, or more than products of queries and keys is in the
    softmax.

    Raises:
        AssayError: layers with different numbers of positions or different widths.
    """
    layers = [(layer.queries, layer.keys) for layer in read]
    for what, tensors in (("queries", [q for q, _ in layers]), ("keys", [k for _, k in layers])):
        shapes = sorted({tuple(tensor.shape[1:]) for tensor in tensors})
        require(
            len(shapes) == 1,
            f"(positions, width) of {what} by layer",
            shapes,
            "the same in all layers; choose some with names",
        )
    valued = plain and len({layer.values.shape[2] for layer in read}) == 1
    key_head: list[int] = []
    first = 0
    for queries, keys in layers:
        groups = len(queries) // len(keys)
        key_head += [first + head // groups for head in range(len(queries))]
        first += len(keys)
    return make_heads(
        name,
        _array([keys for _, keys in layers]),
        _array([queries for queries, _ in layers]),
        causal=causal,
        key_head=tuple(key_head),
        note=note,
        layer=tuple(number for number, (queries, _) in zip(numbers, layers, strict=True) for _ in queries),
        place=tuple(place for queries, _ in layers for place in range(len(queries))),
        values=_array([layer.values for layer in read]) if valued else None,
        written=_joined(written) if valued else None,
        plain=plain,
    )


@dataclass(frozen=True)
class _Layer:
    queries: Tensor
    keys: Tensor
    values: Tensor
    causal: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, one: CapturedAttention) -> _Layer:
        """Queries and keys that count."""
        seen = one.seen
        same = bool((seen == seen[:1]).all())
        require(same, f"mask of {one.name or 'the attention'}", "different from head to head", "one for all heads")
        seen = seen[0]
        columns = seen.any(dim=0)
        rows = seen.any(dim=1) & columns if len(seen) == len(columns) else seen.any(dim=1)
        require(bool(rows.any()), f"queries of {one.name} that see a key", 0, "at least one")
        kept = seen[rows][:, columns]
        count, length = kept.shape
        causal = torch.ones_like(kept).tril(length - count)
        whole = bool(kept.all())
        if not whole and not torch.equal(kept, causal):
            most = int(kept.sum(dim=1).max())
            raise ParameterError(
                "{}: queries see at most {} of {} keys, but not all up to their own (a sliding window?); use a shorter "
                "text, or choose others with {names}",
                one.name or "the attention",
                most,
                length,
            )
        notes = []
        if length < len(columns):
            notes.append(f"{len(columns) - length} of {len(columns)} positions are padding and left out.")
        if is_biased(one):
            notes.append(BIASED)
        notes += [CAPPED] * (one.cap is not None) + [SUNK] * (one.sink is not None)
        queries = _float(one.queries[:, rows]) * (one.scale * one.queries.shape[2] ** 0.5)
        keys, values = (_float(part[:, columns]) for part in (one.keys, one.values))
        return cls(queries, keys, values, not whole, tuple(notes))


def _wanted(found: Capture, names: str | Iterable[str] | None, module: str) -> list[CapturedAttention]:
    all_names = dict.fromkeys([one.name for one in found.attentions] + [place for place, _ in found.refused])
    if not all_names:
        raise AssayError(f"no softmax attention was called in {module}")
    if names is None:
        patterns = ["*"]
    else:
        require(isinstance(names, Iterable), "names", names, "patterns of names of attentions")
        patterns = [names] if isinstance(names, str) else list(map(str, names))
    kept = {place for place in all_names if any(fnmatchcase(place, pattern) for pattern in patterns)}
    some = ", ".join(list(all_names)[:SHOWN]) + (
        f" and {len(all_names) - SHOWN} more" if len(all_names) > SHOWN else ""
    )
    require(bool(kept), "names", ", ".join(patterns), f"patterns of some of {some}")
    refused = [(place, reason) for place, reason in found.refused if place in kept]
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise AssayError(f"attention in {refused[0][0] or module} cannot be read: {refused[0][1]}{more}")
    return [one for one in found.attentions if one.name in kept]


def _joined(written: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """One array for all heads; None unless each layer's is known, with one rank."""
    parts = [part for part in written if part is not None]
    if not parts or len(parts) < len(written) or len({part.shape[1:] for part in parts}) > 1:
        return None
    return np.concatenate(parts)


def _float(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _array(tensors: list[Tensor]) -> np.ndarray:
    return torch.cat(tensors).detach().cpu().numpy()
