"""Heads from captures as plain arrays: their weights times their values are what the model computed."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from assay import AssayError
from assay.probing.capture import CapturedAttention, capture
from assay.probing.captured_heads import beyond_products

sys.path.append(str(Path(__file__).parent.parent))
heads_on_text = import_module("benchmarks.head_runs").heads_on_text


class Attention(torch.nn.Module):
    """Four heads of queries on two of keys, with the given arguments."""

    def __init__(self, **arguments):
        super().__init__()
        self.arguments = arguments

    def forward(self, q, k, v):
        return scaled_dot_product_attention(q, k, v, enable_gqa=True, **self.arguments)


def call(**arguments):
    torch.manual_seed(0)
    shapes = [(1, 4, 6, 8), (1, 2, 9, 8), (1, 2, 9, 5)]
    (one,) = capture(Attention(**arguments), tuple(torch.randn(shape) for shape in shapes)).attentions
    return one


def padded():
    mask = torch.ones(6, 9, dtype=torch.bool).tril(3)
    mask[:, 0] = False
    return mask


@pytest.mark.parametrize("arguments", [{}, {"scale": 0.7}, {"attn_mask": padded()}, {"is_causal": True}])
def test_weights_times_values_are_the_output(arguments):
    one = call(**arguments)
    for head, found in enumerate(heads_on_text(one)):
        assert np.abs(found.weights() @ found.values - one.output[head].double().numpy()).max() < 1e-5
        assert found.keys.shape[0] == 9 - ("attn_mask" in arguments) - 3 * ("is_causal" in arguments)


def test_a_number_for_each_query_is_no_bias():
    one = call(attn_mask=torch.randn(6, 1).expand(6, 9))
    for head, found in enumerate(heads_on_text(one)):
        assert np.abs(found.weights() @ found.values - one.output[head].double().numpy()).max() < 1e-5


def test_scores_that_have_more_in_them_are_refused():
    with pytest.raises(AssayError, match="a bias is added to its scores"):
        heads_on_text(call(attn_mask=torch.randn(6, 9)))
    plain = call()
    parts = {name: getattr(plain, name) for name in ("queries", "keys", "values", "output", "scale")}
    for more, says in (({"cap": 5.0}, "soft-capped"), ({"sink": torch.zeros(4, 6)}, "a sink besides the keys")):
        one = CapturedAttention("layer", 0, **parts, **more)
        assert says in beyond_products(one)
        with pytest.raises(AssayError, match=f"layer is not scale <w, k> alone: .*{says}"):
            heads_on_text(one)
    blind = CapturedAttention("", 0, **parts, mask=torch.full((1, 6, 9), -torch.inf))
    with pytest.raises(AssayError, match="the attention has a head whose queries see no key"):
        heads_on_text(blind)
