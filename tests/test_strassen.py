"""Strassen attention: products and sums against the formula, and the layer."""

from functools import partial

import pytest
import torch
from torch.autograd import gradcheck

from assay.errors import AssayError
from assay.layers import LAYERS
from assay.layers.kernels import strassen
from assay.layers.kernels.strassen import strassen_attention
from pair_attention import MASKS, assert_same_as, draw, over_pairs


def formula(f, g, h, value1, value2, causal=False, window=None):
    """softmax over pairs of f_i.g_j + g_j.h_k + h_k.f_i, then v1 * v2: all N^3 scores."""
    scores = (f @ g.mT).unsqueeze(-1) + (f @ h.mT).unsqueeze(-2) + (g @ h.mT).unsqueeze(-3)
    return over_pairs(scores, value1, value2, causal, window)


@pytest.fixture
def summed(monkeypatch):
    """Numbers of queries that were computed from sums of scores."""
    calls, kept = [], strassen._sum_block
    monkeypatch.setattr(
        strassen, "_sum_block", lambda first, *rest: (calls.append(first.shape[1]), kept(first, *rest))[1]
    )
    return calls


@pytest.fixture(params=["products", "sums", "blocks of sums"])
def form(request, monkeypatch, summed):
    """Sends everything through one form, and checks that it went there."""
    monkeypatch.setattr(strassen, "SUMMED_SCORES", 0 if request.param == "products" else 1 << 30)
    if request.param == "blocks of sums":
        monkeypatch.setattr(strassen, "BLOCK", 1)
    yield request.param
    assert bool(summed) == (request.param != "products")
    assert request.param != "blocks of sums" or set(summed) == {1}


assert_same = partial(assert_same_as, strassen_attention, formula)


@pytest.mark.parametrize(("causal", "window"), MASKS)
@pytest.mark.parametrize(("rows", "length"), [(7, 7), (3, 7), (1, 6), (1, 1)])
def test_every_form_is_the_formula(form, rows, length, causal, window):
    for width, value_width in ((3, 3), (2, 5), (5, 1)):
        assert_same(draw(rows, length, width, value_width, 2, 2), causal=causal, window=window)
    assert_same(draw(rows, length, 3, 3), causal=causal, window=window)
    assert_same(draw(rows, length, 3, 3, 3, dtype=torch.float32), slack=2e-5, causal=causal, window=window)


@pytest.mark.parametrize(("causal", "window"), MASKS[:4])
def test_gradients_are_those_of_the_outputs(form, causal, window):
    inputs = draw(4, 5, 2, 3, 2)
    assert gradcheck(lambda *x: strassen_attention(*x, causal=causal, window=window), inputs)


def test_equal_scores_average_over_all_pairs(form):
    f, g, h, value1, value2 = draw(5, 6, 3, 3, 2)
    outputs = strassen_attention(0 * f, 0 * g, h, value1, value2)
    expected = value1.mean(dim=1, keepdim=True) * value2.mean(dim=1, keepdim=True)
    torch.testing.assert_close(outputs, expected.expand_as(outputs))


def test_only_queries_whose_products_underflow_are_computed_from_sums(monkeypatch, summed):
    """Queries 1 and 4 of the first example want position 2 twice, which g and h forbid: only that pair has no factor
    that underflows, and its score is -1600 below what its three maxima promise.
    """
    monkeypatch.setattr(strassen, "SUMMED_SCORES", 0)
    inputs = draw(6, 6, 2, 2, 2)
    with torch.no_grad():
        inputs[0][..., 1] = 0
        inputs[0][0, [1, 4], 0] = 4000
        for keys, sign in zip(inputs[1:3], (1, -1), strict=True):
            keys[0, 2] = torch.tensor([3.0, sign * 40.0])
            keys[0, [0, 1, 3, 4, 5], 1] = 0
    assert_same(inputs, slack=1e-9)
    assert summed == [2]


def zero_sums(scale, dtype, length=40, most=50):
    """Scores -scale (x_i + x_j + x_k)^2 of whole x, as sums of pairwise scores of size scale most^2."""
    x = torch.randint(-most, most + 1, (length,), generator=torch.Generator().manual_seed(0)).to(dtype)
    x[:3] = torch.tensor([5.0, -3.0, -2.0])
    one, nothing = torch.ones_like(x), torch.zeros_like(x)
    # f.g = -2 x_i x_j - x_i^2 - x_j^2,  g.h = -2 x_j x_k - x_k^2,  h.f = -2 x_k x_i
    f = torch.stack([x, one, x.square(), nothing, nothing, x], dim=1)
    g = torch.stack([-2 * x, -x.square(), -one, -2 * x, -one, nothing], dim=1)
    h = torch.stack([nothing, nothing, nothing, x, x.square(), -2 * x], dim=1)
    root = scale**0.5
    return x, root * f, root * g, root * h


@pytest.mark.parametrize("causal", [False, True])
def test_large_scores_that_cancel_are_exact(causal):
    """Pairwise scores of 1e14 in float64 whose largest sums are near 0."""
    x, f, g, h = zero_sums(scale=2.0**34, dtype=torch.float64)
    assert 1e13 < (f @ g.mT).abs().max() < 2e14
    value1, value2 = torch.stack([x, torch.ones_like(x)], dim=1), torch.stack([torch.ones_like(x), x], dim=1)
    outputs = strassen_attention(f, g, h, value1, value2, causal=causal)
    for row in range(len(x)):
        reach = x[: row + 1] if causal else x
        misses = (x[row] + reach.unsqueeze(1) + reach).abs()
        best = (misses == misses.min()).nonzero()
        expected = reach[best].mean(dim=0)
        torch.testing.assert_close(outputs[row], expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_float32_is_as_accurate_as_the_formula_in_float32(scale):
    inputs = [x.detach() for x in draw(60, 60, 4, 3, 2, dtype=torch.float32)]
    inputs[:3] = [x * scale**0.5 for x in inputs[:3]]
    exact = formula(*(x.double() for x in inputs))
    mistake, allowed = ((y - exact).abs().max() for y in (strassen_attention(*inputs), formula(*inputs)))
    assert mistake <= 4 * allowed + 1e-6


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": 9}])
def test_default_sizes(options, summed):
    assert_same(draw(70, 70, 4, 3, 2), slack=1e-10, **options)
    assert_same(draw(1, 70, 4, 3, 2), slack=1e-10, **options)
    assert not summed


def test_more_queries_than_positions_is_refused():
    with pytest.raises(ValueError, match="5 queries, 4 positions"):
        strassen_attention(*draw(5, 4, 2, 2))


def test_layer_is_its_formula():
    torch.manual_seed(0)
    layer = LAYERS["strassen"](6, heads=2, window=3).double()
    tokens = torch.randn(3, 5, 6, dtype=torch.float64)
    parts = [linear(tokens) for linear in list(layer.children())[:5]]
    parts[:3] = [x / 9**0.25 for x in parts[:3]]  # scores over sqrt(3 m'), m' = 3
    heads = [x.unflatten(-1, (2, 3)).transpose(1, 2) for x in parts]
    expected = layer.out(formula(*heads, window=3).transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(tokens, 5), expected)
    torch.testing.assert_close(layer(tokens, 2), expected[:, -2:])


def test_causal_layer_does_not_look_ahead():
    torch.manual_seed(0)
    layer, tokens = LAYERS["strassen"](4, causal=True, window=2), torch.randn(1, 6, 4)
    changed = tokens.clone()
    changed[:, 4:] += 1
    changed[:, 0] += 1
    torch.testing.assert_close(layer(tokens, 6)[:, 3], layer(changed, 6)[:, 3], atol=1e-6, rtol=0)


def test_heads_must_divide_the_width():
    with pytest.raises(AssayError, match="heads = 4 is not allowed; it must be a divisor of width = 6"):
        LAYERS["strassen"](6, heads=4)
