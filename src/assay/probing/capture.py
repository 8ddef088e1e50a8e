"""Attention as a model computes it: queries, keys, values and mask of each call, read while the model runs.

Nothing is known of models by name. Every call of torch during a forward pass is seen (`assay.probing.tracing`), so what
is captured is what entered the scores: after norms, rotary embeddings, key caches and repeated heads of keys. Each
capture is then computed again from the definition in float64 and compared with what the model computed; what does not
agree is refused with the reason.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from assay.errors import AssayError, require
from assay.probing.heads import shown
from assay.probing.tracing import HIDDEN, Call, Tracer

TOLERANCE = 1e-5  # relative, of a capture's output against the model's
MOST_SCORES = 1 << 24  # computed again for one call; with more, evenly spaced queries are

Replaced = tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]
Transform = Callable[["CapturedAttention"], Replaced | None]


@dataclass(frozen=True, eq=False)
class CapturedAttention:
    """One call of softmax attention on one text: output = softmax(cap(scale Q K^T) + mask) V for each head.

    Head h uses keys and values h // groups. Tensors have the model's type.

    Attributes:
        name: of the submodule that called, empty for the module itself.
        text: index in the batch.
        queries: (heads, N_q, d), as they enter the scores.
        keys: (key heads, N_k, d), likewise, with those of a cache.
        values: (key heads, N_k, d_v).
        output: (heads, N_q, d_v), what the model computed.
        scale: that products of queries and keys are multiplied by.
        mask: added to the scores, (1 or heads, N_q, N_k), -inf where a query does not see a key; None for nothing.
        causal: whether query i sees keys 0 to i only, apart from the mask (`is_causal` of the call).
        cap: c where scores s become c tanh(s / c); None otherwise.
        sink: (heads, N_q), scores of one more key, with value 0; None without.
        error: the largest difference from the definition in float64, relative to the largest output.
        checked: how many of the N_q queries it was computed for.
    """

    name: str
    text: int
    queries: Tensor
    keys: Tensor
    values: Tensor
    output: Tensor
    scale: float
    mask: Tensor | None = None
    causal: bool = False
    cap: float | None = None
    sink: Tensor | None = None
    error: float = 0.0
    checked: int = 0

    @property
    def groups(self) -> int:
        """Heads for each head of keys."""
        return len(self.queries) // len(self.keys)

    @property
    def shift(self) -> Tensor:
        """What is added to scores, float64 (1 or heads, N_q, N_k): mask and causality, -inf for what is not seen."""
        shape = (1, self.queries.shape[1], self.keys.shape[1])
        added = torch.zeros(shape, dtype=torch.float64) if self.mask is None else self.mask.double()
        if self.causal:
            added = added.masked_fill(torch.ones(shape, dtype=torch.bool, device=added.device).triu(1), -torch.inf)
        return added

    @property
    def seen(self) -> Tensor:
        """Which query sees which key, bool (1 or heads, N_q, N_k)."""
        return self.shift > -torch.inf

    def attend(
        self, keys: Tensor | None = None, values: Tensor | None = None, mask: Tensor | None = None, rows: Any = None
    ) -> Tensor:
        """The output from the definition, float64 (heads, N_q, d_v); 0 for queries that see no key.

        Args:
            keys: in place of the captured ones.
            values: likewise.
            mask: added to the scores besides what is added already, to be broadcast to (heads, N_q, N_k).
            rows: indices of the queries wanted; all unless given.
        """
        rows = slice(None) if rows is None else rows
        k, v = (
            (own if other is None else other).double().repeat_interleave(self.groups, dim=0)
            for own, other in ((self.keys, keys), (self.values, values))
        )
        scores = self.scale * self.queries[:, rows].double() @ k.mT
        if self.cap is not None:
            scores = self.cap * torch.tanh(scores / self.cap)
        scores = scores + self.shift[:, rows].to(scores.device)
        if mask is not None:
            scores = scores + mask.double().expand(len(scores), self.queries.shape[1], -1)[:, rows]
        if self.sink is not None:
            scores = torch.cat([scores, self.sink[:, rows, None].double()], dim=-1)
        weights = torch.softmax(scores, dim=-1)[..., : v.shape[1]]
        return weights.masked_fill((scores == -torch.inf).all(-1, keepdim=True), 0.0) @ v


@dataclass(frozen=True)
class Capture:
    """What one run showed.

    Attributes:
        attentions: in the order of their calls; for a batch, one for each text.
        refused: name of the submodule and reason, for softmax attention that could not be read.
    """

    attentions: list[CapturedAttention] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def capture(module: nn.Module, inputs: object, *, transform: Transform | None = None) -> Capture:
    """Run a module once, in evaluation mode and without gradients, and read its attention.

    Args:
        module: any torch module.
        inputs: a tuple of arguments, a mapping of keywords, or anything else as the one argument.
        transform: see `capturing`.

    >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> text = torch.ones(1, 5, 8)
    >>> (one,) = capture(attention, (text, text, text)).attentions
    >>> one.queries.shape, one.groups, one.error < 1e-5
    (torch.Size([2, 5, 4]), 1, True)

    Raises:
        AssayError: something else than a module, no inputs, or a module that cannot be seen into (see `capturing`).
    """
    require(isinstance(module, nn.Module), "module", shown(module), "a torch.nn.Module")
    require(inputs is not None, "inputs", inputs, "what the module is called with")
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad(), capturing(module, transform=transform) as found:
            if isinstance(inputs, Mapping):
                module(**inputs)
            elif type(inputs) is tuple:  # a named tuple is one argument
                module(*inputs)
            else:
                module(inputs)
    finally:
        for part in training:
            part.training = True
    return found


@contextmanager
def capturing(module: nn.Module, *, transform: Transform | None = None) -> Generator[Capture]:
    """Read the attention of a module in all that runs inside of `with`, such as a loss, or a second step with a cache.

    Read are calls of `torch.nn.functional.scaled_dot_product_attention`, and attention written out as a product of
    queries and keys, scaling, soft capping, masks and biases, softmax, and a product with values. Not read, and listed
    in `refused`, is softmax attention whose scores are more than one product (DeBERTa, XLNet), or pass through other
    operations. What runs in a kernel of its own (FlashAttention, FlexAttention) cannot be seen: a Hugging Face model
    that is set to one is refused.

    A capture counts as exact where the definition in float64 gives the model's output within 1e-5 of the largest output
    of the call (four units in the last place for half precision). Otherwise it is in `refused`.

    Args:
        module: whose submodules names are told.
        transform: is given each captured attention and may answer with keys and values that the model is to go on with
            in place of its own, of the same shapes, and perhaps a mask (broadcast to (heads, N_q, N_k)) that is added
            to the scores, such as -inf for keys that were evicted; or with None. The output is then computed from the
            definition, in float64, and rounded to the model's type; no gradient passes it.

    >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> text = torch.randn(1, 5, 8)
    >>> with torch.no_grad(), capturing(attention, transform=lambda one: (one.keys, 0 * one.values)):
    ...     output, _ = attention(text, text, text)
    >>> torch.equal(output[0, 0], attention.out_proj.bias)
    True

    Raises:
        AssayError: a model that is set to a kernel which cannot be seen, or a transform that answers something else.
    """
    _require_visible(module)
    found, stack = Capture(), [""]

    def where() -> str:
        return stack[-1]

    def refuse(name: str, reason: str) -> None:
        if (name, reason) not in found.refused:
            found.refused.append((name, reason))

    def read(call: Call) -> Tensor | None:
        texts = []
        for one in _texts(call, where(), _fold(module, where())):
            compared = _compared(one)
            if isinstance(compared, str):
                refuse(where(), compared)
                return None
            texts.append(compared)
        found.attentions.extend(texts)
        outputs = [None if transform is None else _transformed(one, transform) for one in texts]
        if all(one is None for one in outputs):
            return None
        kept = zip(texts, outputs, strict=True)
        return torch.stack([one.output.double() if out is None else out for one, out in kept])

    tracer = Tracer(where, read, refuse)
    with ExitStack() as open_things:
        for name, part in module.named_modules():
            enter = part.register_forward_pre_hook(lambda *_, name=name: stack.append(name))
            leave = part.register_forward_hook(lambda *_: stack.__delitem__(-1), always_call=True)
            open_things.callback(enter.remove)
            open_things.callback(leave.remove)
        # transformers then passes heads of keys as they are, rather than repeated or folded into queries
        open_things.enter_context(patch.dict(os.environ, {"TRANSFORMERS_SDPA_FORCE_GQA": "1"}))
        compiled = "torch._dynamo" in sys.modules
        open_things.enter_context(torch.compiler.set_stance("force_eager") if compiled else nullcontext())
        open_things.enter_context(tracer)
        yield found
    tracer.finish()


def _require_visible(module: nn.Module) -> None:
    """Refuse a model that is set to an attention kernel which is no function of torch."""
    for name, part in module.named_modules():
        kind = getattr(getattr(part, "config", None), "_attn_implementation", None)
        seen = not isinstance(kind, str) or kind in ("eager", "sdpa") or "eager" in kind
        require(seen, f"attn_implementation of {name or type(module).__name__}", kind, "'sdpa' or 'eager', to be read")


def _fold(module: nn.Module, name: str) -> int | None:
    """Heads, where the calling module folds texts and heads into one dimension."""
    part = module.get_submodule(name)
    return part.num_heads if isinstance(part, nn.MultiheadAttention) else None


def _texts(call: Call, name: str, folded: int | None) -> list[CapturedAttention]:
    """A call text by text, with heads of keys that are the same ones joined."""
    lead = call.output.shape[:-2]
    if len(lead) == 1 and folded and lead[0] % folded == 0:
        lead = (lead[0] // folded, folded)
    shape = (1, 1) if not lead else (1, lead[0]) if len(lead) == 1 else (lead[0], prod(lead[1:]))

    def split(tensor: Tensor) -> Tensor:
        full = tensor if prod(tensor.shape[:-2]) == prod(lead) else tensor.expand(*lead, *tensor.shape[-2:])
        return full.reshape(*shape, *tensor.shape[-2:])

    queries, output = split(call.queries), split(call.output)
    if call.grouped:
        keys, values = (one.expand(*lead[:-1], *one.shape[-3:]) for one in (call.keys, call.values))
        keys, values = (one.reshape(shape[0], -1, *one.shape[-2:]) for one in (keys, values))
    else:
        keys, values = split(call.keys), split(call.values)
    sink = None if call.sink is None else split(call.sink)[..., 0]
    mask = None
    if call.mask is not None:
        one_for_all = len(lead) == 2 and (call.mask.ndim <= 2 or call.mask.shape[-3] == 1)
        of_heads = (lead[0], 1) if one_for_all else call.output.shape[:-2]
        mask = call.mask.expand(*of_heads, output.shape[2], keys.shape[2])
        mask = mask.reshape(shape[0], -1, *mask.shape[-2:]).float()
        mask = mask.masked_fill(mask <= HIDDEN, -torch.inf)
    found = []
    for text in range(shape[0]):
        k, v = _joined(keys[text], values[text])
        found.append(
            CapturedAttention(
                name,
                text,
                queries[text],
                k,
                v,
                output[text],
                call.scale,
                None if mask is None else _one_mask(mask[text]),
                call.causal,
                call.cap,
                None if sink is None else sink[text],
            )
        )
    return found


def _joined(keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Each head of keys and values once, where all are repeated equally often in a row."""
    count = len(keys)
    for groups in (size for size in range(count, 1, -1) if count % size == 0):
        parts = [one.unflatten(0, (-1, groups)) for one in (keys, values)]
        if all(torch.equal(part, part[:, :1].expand_as(part)) for part in parts):
            return parts[0][:, 0], parts[1][:, 0]
    return keys, values


def _one_mask(mask: Tensor) -> Tensor | None:
    """(1 or heads, N_q, N_k); None where nothing is added."""
    if not bool(mask.any()):
        return None
    return mask[:1].clone() if torch.equal(mask, mask[:1].expand_as(mask)) else mask


def _compared(one: CapturedAttention) -> CapturedAttention | str:
    """The capture with its error and how many queries were compared; or why this is not what the model computed."""
    if not all(bool(part.isfinite().all()) for part in (one.queries, one.keys, one.values)):
        return "its queries, keys or values are not finite"
    count = one.queries.shape[1]
    most = max(1, MOST_SCORES // (len(one.queries) * one.keys.shape[1]))
    rows = torch.arange(count) if count <= most else torch.linspace(0, count - 1, most).round().long().unique()
    seen = one.seen[:, rows].any(dim=-1).expand(len(one.queries), -1)
    expected, given = one.attend(rows=rows)[seen], one.output[:, rows].double()[seen]
    largest = float(given.abs().max()) if given.numel() else 0.0
    error = float((expected - given).abs().max()) / largest if largest else float(expected.abs().sum())
    half = one.output.dtype.itemsize < 4
    if error <= (4 * torch.finfo(one.output.dtype).eps if half else TOLERANCE):
        return replace(one, error=error, checked=len(rows))
    return f"softmax attention with its queries, keys, values and mask is off from its output by {error:.1e} (relative)"


def _transformed(one: CapturedAttention, transform: Transform) -> Tensor | None:
    answer = transform(one)
    if answer is None:
        return None
    fits = isinstance(answer, tuple) and len(answer) in (2, 3) and all(isinstance(part, Tensor) for part in answer)
    require(fits, "answer of transform", shown(type(answer).__name__), "(keys, values) or (keys, values, mask)")
    for name, part, own in zip(("keys", "values"), answer, (one.keys, one.values), strict=False):
        require(part.shape == own.shape, f"shape of transformed {name}", tuple(part.shape), f"{tuple(own.shape)}")
    try:
        return one.attend(*answer)
    except RuntimeError as error:
        raise AssayError(f"mask of transform does not fit (heads, N_q, N_k): {shown(error)}") from error
