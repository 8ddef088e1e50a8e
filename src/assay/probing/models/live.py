"""Heads of a live torch module: one run on one text, with hooks on the attention in it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from assay.errors import AssayError, require
from assay.probing.heads import number, shown, truth
from assay.probing.models.base import gather
from assay.probing.models.layouts import LAYOUTS, Call, Layout, Reading, by_paths, layout_of, one_text, plain_tensor

if TYPE_CHECKING:
    from assay.probing.heads import Heads


def heads_of_module(
    module: nn.Module,
    inputs: Any,
    *,
    names: str | Iterable[str] | None = None,
    query: str | None = None,
    key: str | None = None,
    heads: int | None = None,
    causal: bool | None = None,
    scale: float | None = None,
    name: str | None = None,
) -> Heads:
    """Heads of a module on one text: it runs once, in evaluation mode and without gradients.

    Known without help: Hugging Face's BERT (`query`, `key`), Llama and its kin (`q_proj`, `k_proj`; the rotary
    embedding is applied here, with the cosines and sines that the attention was called with, or else from
    `config.rope_theta`) and GPT-2 (`c_attn`), torch.nn.MultiheadAttention, and Assay's own attention, whose queries
    here are those of all tokens. Anything else is read with `query` and `key`, whose outputs are taken as they are.
    Layers are numbered by their order in the module. Padding masks and sliding windows are not taken into account: a
    query is taken to see all keys, or if causal all up to its own.

    Args:
        module: a module with attention in it, or an attention itself.
        inputs: what the module is called with, one text: a tuple of arguments, a mapping of keywords, or anything else
            as the one argument.
        names: pattern or patterns (with * and ?) of the names of the attentions that are wanted; otherwise all.
        query: path, from an attention, of its part whose output is the queries: (1, N, heads * d) or (1, N, heads, d).
        key: likewise of the keys; there are as many heads, or a divisor of it.
        heads: of each attention; otherwise its attribute `num_heads`, `num_attention_heads`, `n_head` or `heads`, or
            that of its configuration.
        causal: otherwise as the attention or its configuration says by `is_causal` or `is_decoder`, or as its kind is
            known to be: encoders such as BERT are not, Llama and GPT-2 are.
        scale: that scores are multiplied by; otherwise the attention's `scaling`, or its `scale` if that is a float, or
            else 1/sqrt(d).
        name: for people; otherwise the module's class.

    Raises:
        AssayError: no such attention, none that ran, several texts, or what must be given and was not.

    >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> text = torch.ones(1, 5, 8)
    >>> heads_of_module(attention, (text, text, text)).keys.shape
    (2, 5, 4)
    """
    require(isinstance(module, nn.Module), "module", shown(module), "a torch.nn.Module")
    require(inputs is not None, "inputs", inputs, "what the module is called with")
    asked = None if causal is None else truth("causal", causal)
    given = None if scale is None else number("scale", scale)
    attentions = _wanted(_attentions(module, query, key), names)
    readings: dict[str, list[Reading]] = {place: [] for place in attentions}
    with ExitStack() as hooks:
        hooks.enter_context(_evaluating(module))
        hooks.enter_context(torch.no_grad())
        for place, (attention, layout) in attentions.items():
            config = getattr(attention, "config", getattr(module, "config", None))
            hooks.enter_context(_recording(attention, layout, config, heads, readings[place].append))
        _run(module, inputs)
    layers, masks, scales, notes = [], set(), set(), {}
    for place, (attention, _) in attentions.items():
        for reading in readings[place]:
            layers.append((one_text(reading.queries), one_text(reading.keys)))
            masks.add(reading.causal if asked is None else asked)
            scales.add(_scale(attention, reading.keys.shape[-1]) if given is None else given)
            notes[reading.note] = None
    require(bool(layers), "attentions that ran", 0, f"at least one of {', '.join(attentions)}")
    require(masks in ({True}, {False}), "causal", masks, "given, as the attentions do not say, or not the same")
    require(len(scales) == 1, "scale", scales, "given, as the attentions do not have the same")
    return gather(
        name or type(module).__name__, layers, causal=masks == {True}, scale=scales.pop(),
        note=" ".join(filter(None, notes)),
    )  # fmt: skip


def _scale(attention: nn.Module, width: int) -> float:
    scaling = getattr(attention, "scaling", None)
    if isinstance(scaling, Tensor) and scaling.numel() == 1:
        scaling = scaling.item()
    if scaling is not None:
        return number(f"scaling of {type(attention).__name__}", scaling)
    scale = getattr(attention, "scale", None)
    return scale if isinstance(scale, float) else width**-0.5


def _attentions(module: nn.Module, query: str | None, key: str | None) -> dict[str, tuple[nn.Module, Layout]]:
    require((query is None) == (key is None), "query and key", (query, key), "two paths, or left out")
    chosen = None if query is None or key is None else by_paths(query, key)
    found = {}
    for name, part in module.named_modules():
        config = getattr(part, "config", getattr(module, "config", None))
        layout = layout_of(part, config) if chosen is None else chosen if chosen.fits(part, config) else None
        if layout is not None:
            found[name or type(module).__name__] = (part, layout)
    if not found and chosen is None:
        raise AssayError(f"{type(module).__name__} has no attention of a known kind ({', '.join(LAYOUTS)}); "
                         "give the paths query and key")  # fmt: skip
    require(bool(found), "query and key", f"{query}, {key}", f"paths from some part of {type(module).__name__}")
    return found


def _wanted(
    attentions: dict[str, tuple[nn.Module, Layout]], names: str | Iterable[str] | None
) -> dict[str, tuple[nn.Module, Layout]]:
    if names is None:
        return attentions
    require(isinstance(names, Iterable), "names", names, "patterns of names of attentions")
    patterns = [names] if isinstance(names, str) else list(map(str, names))
    kept = {place: found for place, found in attentions.items() if any(fnmatchcase(place, name) for name in patterns)}
    require(bool(kept), "names", ", ".join(patterns), f"patterns of some of {', '.join(attentions)}")
    return kept


def _run(module: nn.Module, inputs: Any) -> None:
    if isinstance(inputs, Mapping):
        module(**inputs)
    elif type(inputs) is tuple:  # a named tuple is one argument
        module(*inputs)
    else:
        module(inputs)


@contextmanager
def _evaluating(module: nn.Module) -> Generator[None]:
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


@contextmanager
def _recording(
    attention: nn.Module, layout: Layout, config: Any, heads: int | None, record: Callable[[Reading], None]
) -> Generator[None]:
    """Hooks that record each call of an attention, read before anything after it can change tensors in place."""
    outputs: dict[str, Tensor] = {}

    def finished(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], __: Any) -> None:
        missing = [path for path in layout.parts if path not in outputs]
        require(not missing, "parts of the attention that did not run", ", ".join(missing), "none")
        record(layout.read(Call(attention, config, (args, kwargs), outputs, heads)))
        outputs.clear()

    def keep(path: str) -> Callable[[nn.Module, Any, Any], None]:
        name = f"output of {path} in {type(attention).__name__}"
        return lambda _, __, output: outputs.__setitem__(path, plain_tensor(name, output).clone())

    handles = [attention.get_submodule(path).register_forward_hook(keep(path)) for path in layout.parts]
    handles.append(attention.register_forward_hook(finished, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
