"""Layouts of attention modules: where a module's queries and keys are found, once it has run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.errors import AssayError, require
from assay.networks.heads import split_heads
from assay.networks.mixers.attention import Attention, turn
from assay.probing.heads import shown, truth
from assay.probing.models.rotary import cos_sin, rotate_halves

# Hugging Face models that do nothing to queries and keys after these projections, other than what is said.
PLAIN = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "vit", "deit")
ROTARY = ("llama", "mistral", "mixtral", "qwen2", "gemma")  # then a rotary embedding in halves
COUNTS = ("num_heads", "num_attention_heads", "n_head", "heads")
PADDED = "The padding mask is not taken into account: keys at padded positions count like others."
AS_PROJECTED = "Keys and queries are as projected: a norm or a rotary embedding that comes after is not in them."


@dataclass(frozen=True)
class Call:
    """One call of an attention module: its arguments, and the outputs of its parts.

    Attributes:
        attention: the module.
        config: of the model, None if it has none.
        arguments: positional ones, and those by keyword.
        outputs: by the part's path.
        heads: of queries.
    """

    attention: nn.Module
    config: Any
    arguments: tuple[tuple[Any, ...], Mapping[str, Any]]
    outputs: Mapping[str, Tensor]
    heads: int | None

    def find(self, *names: str) -> Any:
        """The first of these attributes that the attention or the configuration has; None if there is none."""
        holders = [holder for holder in (self.attention, self.config) if holder is not None]
        found = (getattr(holder, name, None) for holder in holders for name in names)
        return next((value for value in found if value is not None), None)

    @property
    def name(self) -> str:
        """The attention's class."""
        return type(self.attention).__name__

    def causal(self, *names: str) -> bool | None:
        """What the first of these attributes says; None if there is none."""
        said = self.find(*names)
        return None if said is None else truth(f"{' or '.join(names)} of {self.name}", said)

    def require_count(self, count: int) -> None:
        """Raise the standard error if another number of heads was asked for than the attention computes with."""
        require(self.heads in (None, count), "heads", self.heads, f"{count}, as {self.name} has it, or left out")

    def split(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Heads of projections (batch, positions, heads * d): (batch, heads, positions, d)."""
        count = self.find(*COUNTS) if self.heads is None else self.heads
        said = isinstance(count, int) and not isinstance(count, bool)
        require(said, "heads", shown(count), "an integer that is given, as the attention does not say")
        require(count > 0, "heads", count, "above 0")
        for name, projected in (("queries", queries), ("keys", keys)):
            require(projected.ndim in (3, 4) and projected.numel() > 0, f"shape of the {name} in {self.name}",
                    tuple(projected.shape), "(1, N, heads * d) or (1, N, heads, d)")  # fmt: skip
        queries, keys = queries.flatten(2), keys.flatten(2)
        require(queries.shape[-1] % count == 0, "heads", count, f"a divisor of the queries' width {queries.shape[-1]}")
        width = queries.shape[-1] // count
        require(keys.shape[-1] % width == 0, "width of all keys", keys.shape[-1], f"a multiple of a head's, {width}")
        return split_heads(queries, count), split_heads(keys, keys.shape[-1] // width)


@dataclass(frozen=True)
class Reading:
    """What a call of an attention shows.

    Attributes:
        queries: (batch, heads, positions, d), as they enter the scores.
        keys: (batch, key heads, positions, d), likewise.
        causal: None if the attention does not say.
        note: what a reader should know.
    """

    queries: Tensor
    keys: Tensor
    causal: bool | None
    note: str = ""


@dataclass(frozen=True)
class Layout:
    """How one kind of attention is read.

    Attributes:
        parts: paths of the submodules whose outputs are needed.
        fits: whether an attention module (with a model's configuration) is of this kind.
        read: what a call shows.
    """

    parts: tuple[str, ...]
    fits: Callable[[nn.Module, Any], bool]
    read: Callable[[Call], Reading]


def by_paths(query: str, key: str) -> Layout:
    """Any attention whose queries and keys are the outputs of two of its parts."""

    def read(call: Call) -> Reading:
        heads = call.split(call.outputs[query], call.outputs[key])
        return Reading(*heads, call.causal("is_causal", "is_decoder"), AS_PROJECTED)

    return Layout((query, key), lambda module, _: _has(module, query, key), read)


def _plain(call: Call) -> Reading:
    positions = call.find("position_embedding_type")
    require(positions in (None, "absolute"), "position_embedding_type", positions, "absolute")
    heads = call.split(call.outputs["query"], call.outputs["key"])
    causal = call.causal("is_causal", "is_decoder")
    known = getattr(call.config, "model_type", None) in PLAIN  # encoders, unless they say otherwise
    return Reading(*heads, False if causal is None and known else causal)


def _rotary(call: Call) -> Reading:
    queries, keys = call.split(call.outputs["q_proj"], call.outputs["k_proj"])
    of_run = call.arguments[1].get("position_embeddings")
    if of_run is not None:  # cosines and sines (batch, N, r), the angles of one half twice
        cos, sin = (part[0, :, : part.shape[-1] // 2].to(queries) for part in of_run)
        note = ""
    else:
        base: Any = getattr(call.config, "rope_theta", None)
        scaling = getattr(call.config, "rope_scaling", None)
        require(scaling is None, "config.rope_scaling", scaling, "None unless the attention is given its cosines")
        require(base is not None, "config.rope_theta", base, "a number unless the attention is given its cosines")
        cos, sin = (part.to(queries) for part in cos_sin(queries.shape[2], queries.shape[3], float(base)))
        note = f"The rotary embedding is that of positions 0 to {queries.shape[2] - 1} with base {base:g}."
    causal = call.causal("is_causal")
    return Reading(
        rotate_halves(queries, cos, sin), rotate_halves(keys, cos, sin), True if causal is None else causal, note
    )


def _fused(call: Call) -> Reading:
    by_layer = call.find("scale_attn_by_inverse_layer_idx")
    require(not by_layer, "scale_attn_by_inverse_layer_idx", by_layer, "False")
    queries, keys, _ = call.outputs["c_attn"].chunk(3, dim=-1)
    causal = call.causal("is_causal")
    return Reading(*call.split(queries, keys), True if causal is None else causal)


def _multihead(call: Call) -> Reading:
    attention: Any = call.attention
    extra = attention.bias_k is not None or attention.add_zero_attn
    require(not extra, "add_bias_kv or add_zero_attn", True, "False, as the extra key is at no position")
    call.require_count(attention.num_heads)
    positional, named = call.arguments
    given = signature(nn.MultiheadAttention.forward).bind(attention, *positional, **named).arguments
    asking, asked = (
        _batch_first(plain_tensor(f"{name} of {call.name}", given[name]), attention.batch_first)
        for name in ("query", "key")
    )
    if attention.in_proj_weight is None:
        matrices = attention.q_proj_weight, attention.k_proj_weight
    else:
        matrices = attention.in_proj_weight.chunk(3)[:2]
    biases = (None, None) if attention.in_proj_bias is None else attention.in_proj_bias.chunk(3)[:2]
    queries, keys = map(functional.linear, (asking, asked), matrices, biases)
    mask = given.get("attn_mask")
    causal = bool(given.get("is_causal")) if mask is None or given.get("is_causal") else _is_causal(mask)
    return Reading(*call.split(queries, keys), causal, "" if given.get("key_padding_mask") is None else PADDED)


def _assay(call: Call) -> Reading:
    attention: Any = call.attention
    positional, named = call.arguments
    tokens = positional[0] if positional else named["tokens"]
    call.require_count(attention.heads)
    plain = type(attention).weights is Attention.weights and type(attention)._bias is Attention._bias
    require(plain, "attention", call.name, "one whose scores are queries times keys alone")
    queries, keys = call.split(attention.query(tokens), attention.key(tokens))
    if attention.rotary:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        queries, keys = turn(queries, positions), turn(keys, positions)
    return Reading(queries, keys, attention.causal)


def plain_tensor(name: str, value: Any) -> Tensor:
    """A tensor of numbers that is stored as one array.

    Raises:
        AssayError: something else, such as a tuple or a nested tensor.
    """
    kind = "a nested tensor" if isinstance(value, Tensor) and value.is_nested else type(value).__name__
    plain = isinstance(value, Tensor) and not value.is_nested and value.layout == torch.strided
    require(plain, name, kind, "a tensor (1, N, heads * d) or (1, N, heads, d)")
    require(value.is_floating_point(), f"dtype of {name}", value.dtype, "a real floating-point type")
    return value


def _batch_first(tokens: Tensor, already: bool) -> Tensor:
    if tokens.ndim == 2:
        return tokens[None]
    return tokens if already else tokens.transpose(0, 1)


def _is_causal(mask: Tensor) -> bool | None:
    hidden = mask if mask.dtype == torch.bool else mask == -torch.inf
    later = torch.ones_like(hidden).triu(1)
    return True if bool((hidden == later).all()) else None


def _has(module: nn.Module, *paths: str) -> bool:
    for path in paths:
        try:
            module.get_submodule(path)
        except AttributeError:
            return False
    return True


def _is_model(config: Any, kinds: tuple[str, ...]) -> bool:
    return getattr(config, "model_type", kinds[0]) in kinds


LAYOUTS = {
    "Assay's attention": Layout((), lambda module, _: isinstance(module, Attention), _assay),
    "torch.nn.MultiheadAttention": Layout((), lambda module, _: isinstance(module, nn.MultiheadAttention), _multihead),
    "BERT's query and key": Layout(
        ("query", "key"), lambda module, config: _has(module, "query", "key") and _is_model(config, PLAIN), _plain
    ),
    "Llama's q_proj and k_proj": Layout(
        ("q_proj", "k_proj"),
        lambda module, config: (
            _has(module, "q_proj", "k_proj", "o_proj") and not _has(module, "q_norm") and _is_model(config, ROTARY)
        ),
        _rotary,
    ),
    "GPT-2's c_attn": Layout(
        ("c_attn",),
        lambda module, config: _has(module, "c_attn") and not _has(module, "q_attn") and _is_model(config, ("gpt2",)),
        _fused,
    ),
}


def layout_of(module: nn.Module, config: Any) -> Layout | None:
    """The layout that a module has, None if it is no attention of a known kind."""
    return next((layout for layout in LAYOUTS.values() if layout.fits(module, config)), None)


def one_text(tensor: Tensor) -> Tensor:
    """(1, heads, positions, d) as float32 (heads, positions, d), or float64 if it was.

    Raises:
        AssayError: a batch of several.
    """
    if len(tensor) != 1:
        raise AssayError(f"the module was given {len(tensor)} texts; heads are probed on one")
    return tensor[0] if tensor.dtype == torch.float64 else tensor[0].float()
