"""Third-order attention: every form of the kernel against the formula, and the layer."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck

from assay.errors import AssayError
from assay.layers import LAYERS
from assay.layers.kernels import streaming, third_order
from assay.layers.kernels.third_order import third_order_attention
from pair_attention import MASKS, assert_same_as, draw, over_pairs


def formula(query, key1, key2, value1, value2, causal=False, window=None):
    """softmax over pairs of sum_t q k1 k2, then v1 * v2: all N^3 scores."""
    scores = torch.einsum("...it,...jt,...kt->...ijk", query, key1, key2)
    return over_pairs(scores, value1, value2, causal, window)


@pytest.fixture(params=["dense", "flash", "streaming"])
def form(request, monkeypatch):
    """Sends everything through one form, in small blocks, and checks that it went there."""
    assert third_order._flash_agrees()
    calls = []
    for name in ("dense", "_flash", "streaming_forward"):
        kept = getattr(third_order, name)
        monkeypatch.setattr(third_order, name, lambda *a, name=name, kept=kept: (calls.append(name), kept(*a))[1])
    monkeypatch.setattr(third_order, "DENSE_NUMBERS", 1 << 30 if request.param == "dense" else 0)
    monkeypatch.setattr(third_order, "FLASH_LENGTH", 0 if request.param == "flash" else 1 << 30)
    monkeypatch.setattr(third_order, "BLOCK_NUMBERS", 60)
    monkeypatch.setattr(streaming, "TILE_SCORES", 20)
    monkeypatch.setattr(third_order, "NARROWEST", 1)
    yield request.param
    expected = {"dense": "dense", "flash": "_flash", "streaming": "streaming_forward"}[request.param]
    assert calls
    assert set(calls) == {expected}


assert_same = partial(assert_same_as, third_order_attention, formula)


@pytest.mark.parametrize(("causal", "window"), MASKS)
@pytest.mark.parametrize(("rows", "length"), [(7, 7), (3, 7), (1, 6), (1, 1)])
def test_every_form_is_the_formula(form, rows, length, causal, window):
    for width, value_width in ((3, 3), (2, 5), (5, 2)):
        assert_same(draw(rows, length, width, value_width, 2, 2), causal=causal, window=window)
    assert_same(draw(rows, length, 3, 3), causal=causal, window=window)
    assert_same(draw(rows, length, 3, 3, 3, dtype=torch.float32), slack=1e-5, causal=causal, window=window)


@pytest.mark.parametrize(("causal", "window"), MASKS[:4])
def test_gradients_are_those_of_the_outputs(form, causal, window):
    for width, value_width in ((2, 2), (3, 2)):
        inputs = draw(4, 5, width, value_width, 2)
        assert gradcheck(lambda *x: third_order_attention(*x, causal=causal, window=window), inputs)


def test_recomputed_blocks_have_the_same_gradients(form, monkeypatch):
    monkeypatch.setattr(third_order, "KEPT_NUMBERS", 0)
    assert_same(draw(6, 7, 3, 3, 2), causal=True)


def test_values_and_gradients_that_are_zero(form):
    """Tokens with no value, and outputs nobody asked about, still have gradients through their scores."""
    inputs = draw(6, 6, 3, 3, 2)
    with torch.no_grad():
        inputs[3][:, 2:4] = 0
        inputs[4][:, 0] = 0
    assert_same(inputs)
    outputs, expected = third_order_attention(*inputs), formula(*inputs)
    direction = torch.randn_like(outputs)
    direction[:, 1::2] = 0
    found, wanted = (torch.autograd.grad(y, inputs, direction) for y in (outputs, expected))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(found, wanted, strict=True))


def test_tensors_that_are_not_contiguous(form):
    inputs = [x.detach().transpose(1, 2).contiguous().transpose(1, 2).requires_grad_() for x in draw(5, 6, 3, 4, 2)]
    assert not any(x.is_contiguous() for x in inputs)
    assert_same(inputs, window=3)
    found, wanted = (torch.autograd.grad(kernel(*inputs).sum(), inputs) for kernel in (third_order_attention, formula))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(found, wanted, strict=True))


def test_equal_scores_average_over_all_pairs(form):
    query, key1, key2, value1, value2 = draw(5, 6, 3, 3, 2)
    outputs = third_order_attention(0 * query, key1, key2, value1, value2)
    expected = value1.mean(dim=1, keepdim=True) * value2.mean(dim=1, keepdim=True)
    torch.testing.assert_close(outputs, expected.expand_as(outputs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("causal", [False, True])
def test_large_scores_with_ties_are_safe_in_the_default_form(dtype, causal):
    """Whole scores up to 8e6, which float32 holds exactly; their log-sum-exp it does not."""
    source = torch.Generator().manual_seed(0)
    whole = [torch.randint(-1, 2, (2, 110, 2), generator=source) for _ in range(3)]
    inputs = [(whole[0] * 4_000_000).to(dtype), *(x.to(dtype) for x in whole[1:]), *draw(110, 110, 2, 3, 2)[3:]]
    inputs = [x.detach().to(dtype).requires_grad_() for x in inputs]
    outputs, expected = third_order_attention(*inputs, causal=causal), formula(*inputs, causal=causal)
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=1e-5)
    found, wanted = (torch.autograd.grad(y.sum(), inputs[3:]) for y in (outputs, expected))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    third_order_attention(*inputs, causal=causal).sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in inputs)


@pytest.mark.parametrize("causal", [False, True])
def test_scores_far_below_the_largest_leave_gradients_finite(causal):
    """Pairs whose first position is 0 score 0, all others about -1e13, where float32 steps by a million."""
    inputs = draw(110, 110, 2, 3, 2, dtype=torch.float32)
    with torch.no_grad():
        inputs[0].copy_(-1e13 * (1 + inputs[0].abs()))
        for key in inputs[1:3]:
            key.copy_(1 + key.abs())
        inputs[1][:, 0] = 0
    assert_same(inputs, slack=1e-5, causal=causal, gradients_of=slice(3, 5))
    third_order_attention(*inputs, causal=causal).square().sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in inputs)


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": 9}, {"causal": True, "window": 9}])
def test_default_sizes_by_the_flash_kernel_and_without_it(options, monkeypatch):
    inputs = [x.detach().requires_grad_() for x in draw(130, 130, 20, 20, dtype=torch.float32)]
    assert_same(inputs, slack=3e-5, **options)
    monkeypatch.setattr(third_order, "_FLASH", None)
    monkeypatch.setattr(third_order, "_flash", None)
    assert_same(inputs, slack=3e-5, **options)


def test_a_flash_kernel_that_does_something_else_is_not_used(monkeypatch):
    def refuses(*_, **__):
        raise TypeError("unexpected argument")

    monkeypatch.setattr(third_order, "_FLASH", refuses)
    third_order._flash_agrees.cache_clear()
    try:
        assert_same(draw(110, 110, 4, 4, dtype=torch.float32, seed=1), slack=3e-5)
        assert not third_order._flash_agrees()
    finally:
        third_order._flash_agrees.cache_clear()


def test_the_form_is_chosen_by_size(monkeypatch):
    names = ("dense", "_flash", "streaming_forward")
    for (batch, length, width), expected in {
        (1, 64, 16): "dense",
        (64, 16, 64): "dense",
        (4, 128, 16): "_flash",
        (64, 32, 16): "streaming_forward",
    }.items():
        for name in names:
            with monkeypatch.context() as patch:
                patch.setattr(third_order, name, None)
                inputs = draw(length, length, width, width, batch, dtype=torch.float32)
                if name == expected:
                    with pytest.raises(TypeError):
                        third_order_attention(*inputs)
                else:
                    third_order_attention(*inputs)


def test_more_queries_than_positions_or_no_window_is_refused():
    with pytest.raises(ValueError, match="5 queries, 4 positions"):
        third_order_attention(*draw(5, 4, 2, 2))
    with pytest.raises(ValueError, match="window -1"):
        third_order_attention(*draw(4, 4, 2, 2), window=-1)


PEAK = """
import re, torch
from assay.layers.kernels.third_order import third_order_attention
torch.set_num_threads(1)
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 2**10
before = peak()
inputs = [torch.randn(1, {n}, 16, requires_grad=True) for _ in range(5)]
third_order_attention(*inputs, causal={causal}).square().sum().backward()
assert all(torch.isfinite(x.grad).all() for x in inputs)
print(peak() - before)
"""


def added_megabytes(length, causal):
    code = PEAK.format(n=length, causal=causal)
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")


@needs_proc
def test_memory_is_far_below_that_of_all_scores():
    assert added_megabytes(320, causal=False) < 100  # all scores once: 131 MB; naive training holds about three of them


@needs_proc
@pytest.mark.long
@pytest.mark.parametrize("causal", [False, True])
def test_a_thousand_positions_train_in_little_memory(causal):
    assert added_megabytes(1024, causal) < 300  # all scores once: 4.3 GB


def test_layer_is_its_formula():
    torch.manual_seed(0)
    layer = LAYERS["third-order"](6, heads=2, causal=True).double()
    tokens = torch.randn(3, 5, 6, dtype=torch.float64)
    heads = [x.unflatten(-1, (2, 3)).transpose(1, 2) for x in (linear(tokens) for linear in list(layer.children())[:5])]
    expected = layer.out(formula(heads[0] / 3**0.5, *heads[1:], causal=True).transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(tokens, 5), expected)
    torch.testing.assert_close(layer(tokens, 2), expected[:, -2:])


def test_causal_layer_does_not_look_ahead():
    torch.manual_seed(0)
    layer, tokens = LAYERS["third-order"](4, causal=True, window=2), torch.randn(1, 6, 4)
    changed = tokens.clone()
    changed[:, 4:] += 1
    changed[:, 0] += 1
    assert torch.equal(layer(tokens, 6)[:, 3], layer(changed, 6)[:, 3])


def test_heads_must_divide_the_width():
    with pytest.raises(AssayError, match="heads = 4 is not allowed; it must be a divisor of width = 6"):
        LAYERS["third-order"](6, heads=4)
