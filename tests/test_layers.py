"""Layers: each fast form against its equation, token by token; what it declares; and forms that reduce to others."""

import copy
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from assay import AssayError
from assay.layers import LAYERS
from assay.layers.common.check import check_layer as measure
from assay.layers.common.short_conv import ShortConv, convolve
from assay.layers.kernels.delta_rule import delta_rule
from assay.layers.kernels.linear_attention import CHUNK, linear_attention
from assay.layers.kernels.scan import scan
from assay.tasks.k_hop import KHop
from assay.tasks.recall import Recall
from assay.testing import check_layer
from assay.training.loop import Recipe, train
from layer_twins import TWINS, convolved

LONG = 2 * CHUNK + 12
MASKED = ("attention", "window-attention", "alibi", "hard-alibi")
# name, options; every layer and every option of it
CASES = [
    ("linear", {}),
    ("linear", {"feature": "identity", "heads": 2, "key_width": 4, "value_width": 2}),
    ("linear", {"heads": 3, "key_width": 3}),
    ("retnet", {}),
    ("retnet", {"heads": 3, "value_width": 9}),
    ("retnet", {"decay": 0.25}),
    ("gated-linear", {}),
    ("gated-linear", {"heads": 2, "key_width": 8}),
    ("gated-linear", {"heads": 2, "gate": "vector"}),
    ("delta-net", {}),
    ("delta-net", {"eigenvalues": "signed", "heads": 2, "key_width": 8, "value_width": 4}),
    ("gated-delta-net", {}),
    ("gated-delta-net", {"eigenvalues": "signed", "heads": 2}),
    ("delta-product", {}),
    ("delta-product", {"steps": 3, "eigenvalues": "positive", "heads": 2, "key_width": 4}),
    ("mlstm", {}),
    ("mlstm", {"heads": 2, "key_width": 4, "value_width": 8}),
    ("s4d", {}),
    ("s4d", {"states": 2}),
    ("selective", {}),
    ("selective", {"states": 3, "eigenvalues": "signed"}),
    ("min-gru", {}),
    ("min-lstm", {}),
]
NEAR = [
    ("attention", {"heads": 2}),
    ("attention", {"heads": 3, "rotary": True}),
    ("window-attention", {"heads": 2, "window": 3}),
    ("window-attention", {"rotary": True, "window": 1}),
    ("alibi", {"heads": 3}),
    ("hard-alibi", {"heads": 6}),
    ("hard-alibi", {}),
]
EVERY = CASES + NEAR
OTHERS = {"lstm", "gru", "third-order", "strassen"}  # torch's own, and those of test_third_order and test_strassen
WIDTH = 6


def made(name, options, dtype=torch.float64, *, seed=0):
    torch.manual_seed(seed)
    layer = LAYERS[name](WIDTH, **({"causal": True} if name in MASKED else {}), **options).to(dtype)
    with torch.no_grad():  # away from what starts at zero, or equal
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return layer


def drawn(length, dtype=torch.float64, batch=2):
    torch.manual_seed(1)
    return torch.randn(batch, length, WIDTH, dtype=dtype)


def error(found, exact):
    return ((found - exact).abs().max() / exact.abs().max()).item()


def name_of(case):
    return " ".join([case[0], *(f"{key}={value}" for key, value in case[1].items())])


every = pytest.mark.parametrize("case", EVERY, ids=name_of)


@every
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.float64, 2e-13)])
def test_outputs_are_those_of_the_equation(case, dtype, most):
    layer = made(*case, dtype)
    tokens = drawn(24 if case in NEAR else LONG, dtype)
    exact = TWINS[case[0]](copy.deepcopy(layer).double(), tokens.double())
    assert error(layer(tokens, tokens.shape[1]), exact) < most
    assert error(layer(tokens, 5), exact[:, -5:]) < most
    assert error(layer(tokens[:, :1], 1), exact[:, :1]) < most


@every
def test_gradients_are_those_of_the_equation(case):
    layer, twin = made(*case), made(*case)
    ours, theirs = (drawn(12).requires_grad_() for _ in range(2))
    towards = torch.randn(2, 12, WIDTH, dtype=torch.float64)
    (layer(ours, 12) * towards).sum().backward()
    (TWINS[case[0]](twin, theirs) * towards).sum().backward()
    assert error(ours.grad, theirs.grad) < 1e-11
    for (name, parameter), other in zip(layer.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(parameter.grad, other.grad, atol=1e-11, rtol=1e-9), name


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_gradients_pass_from_chunk_to_chunk(case):
    """The gradient by the first token of outputs behind the first chunk, in one direction, by difference."""
    layer, tokens = made(*case), drawn(CHUNK + 3, batch=1).requires_grad_()
    towards = torch.randn(1, 3, WIDTH, dtype=torch.float64)

    def value(x):
        return (layer(x, 3) * towards).sum()

    (gradient,) = torch.autograd.grad(value(tokens), tokens)
    direction = torch.randn_like(tokens)
    with torch.no_grad():
        slope = (value(tokens + 1e-6 * direction) - value(tokens - 1e-6 * direction)) / 2e-6
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-5, abs=1e-7)


@every
@pytest.mark.parametrize(("length", "cut"), [(2, 1), (17, 5), (17, 16), (LONG, CHUNK + 7)])
def test_two_halves_are_the_whole(case, length, cut):
    layer, tokens = made(*case), drawn(length)
    first, state = layer.run(tokens[:, :cut])
    second, last = layer.run(tokens[:, cut:], state)
    whole, whole_state = layer.run(tokens)
    exact = layer(tokens, length)
    assert state.shape == (2, layer.state(cut))
    assert last.shape == whole_state.shape == (2, layer.state(length))
    assert error(torch.cat([first, second], 1), exact) < 1e-12
    assert error(whole, exact) < 1e-12
    assert error(last, whole_state) < 1e-12


@every
def test_layers_are_what_they_declare(case):
    name, options = case
    causal = {"causal": True} if name in MASKED else {}

    class Layer(LAYERS[name]):
        def __init__(self, width):
            super().__init__(width, **causal, **options)

    facts = check_layer(Layer, KHop(length=8), width=WIDTH)
    assert facts.causal
    assert facts.causality_declared
    assert facts.rank is None or facts.rank <= facts.state


@pytest.mark.parametrize(
    ("name", "options", "numbers"),
    [
        ("linear", {"key_width": 4, "value_width": 10, "heads": 2}, 4 * 10 // 2 + 4),
        ("linear", {"feature": "identity"}, 36),
        ("delta-net", {"key_width": 2, "value_width": 3}, 6),
        ("mlstm", {"heads": 3}, 3 * (4 + 2 + 1)),
        ("s4d", {"states": 4}, 24),
        ("selective", {"states": 5}, 30),
        ("min-lstm", {}, 6),
        ("window-attention", {"window": 4}, 2 * 6 * 4),
        ("hard-alibi", {"heads": 6}, 2 * (2 + 3 + 4 + 3 * 9)),
        ("alibi", {}, 2 * 6 * 9),
    ],
)
def test_state_after_nine_tokens(name, options, numbers):
    assert made(name, options).state(9) == numbers


@pytest.mark.parametrize("name", ["retnet", "gated-linear", "mlstm"])
def test_memories_of_what_is_linear_in_tokens_are_of_a_symmetric_matrix(name):
    """Keys and values are both linear in the same tokens: S = K^T M V, M symmetric, m (m + 1) / 2 numbers, and n."""
    facts = measure(lambda width: LAYERS[name](width), name, width=WIDTH)
    assert facts.rank == 21 + 6 * (name == "mlstm")


def test_decay_1_is_linear_attention():
    linear, retention = made("linear", {"feature": "identity"}), made("retnet", {"decay": 1.0})
    retention.load_state_dict(linear.state_dict())
    tokens = drawn(LONG)
    assert error(retention(tokens, LONG), linear(tokens, LONG)) < 1e-13


def test_gates_that_stay_open_are_linear_attention():
    linear, gated = made("linear", {"feature": "identity"}), made("gated-linear", {})
    gated.load_state_dict(linear.state_dict(), strict=False)
    torch.nn.init.zeros_(gated.decay.weight)
    torch.nn.init.constant_(gated.decay.bias, 1e3)
    tokens = drawn(LONG)
    assert error(gated(tokens, LONG), linear(tokens, LONG)) < 1e-13


def test_delta_rule_without_strength_writes_nothing():
    layer, tokens = made("delta-net", {}), drawn(9)
    torch.nn.init.constant_(layer.strength.bias, -1e4)
    _, state = layer.run(tokens)
    assert not state.any()
    assert torch.equal(layer(tokens, 9), layer.out.bias.expand(2, 9, WIDTH))
    before = torch.randn_like(state)
    assert torch.equal(layer.run(tokens, before)[1], before)


def test_delta_rule_with_orthonormal_keys_is_linear_attention():
    keys, values = torch.eye(5, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    queries, ones = torch.randn(5, 5, dtype=torch.float64), torch.ones(5, dtype=torch.float64)
    found = delta_rule(queries, keys, values, ones, None, None, carry=True)
    for ours, theirs in zip(found, linear_attention(queries, keys, values, None, None, carry=True), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-14)


def test_a_product_of_one_step_is_delta_net():
    one, net = made("delta-product", {"steps": 1}), made("delta-net", {"eigenvalues": "signed"})
    one.load_state_dict(net.state_dict())
    assert torch.equal(one(drawn(20), 20), net(drawn(20), 20))


def test_a_memory_that_never_decays_is_delta_net():
    gated, net = made("gated-delta-net", {}), made("delta-net", {})
    gated.load_state_dict(net.state_dict(), strict=False)
    torch.nn.init.zeros_(gated.decay.weight)
    torch.nn.init.constant_(gated.decay.bias, -1e4)
    assert error(gated(drawn(LONG), LONG), net(drawn(LONG), LONG)) < 1e-12


def test_strength_2_reflects_the_memory():
    """One key seen again and again with the value 0: the sign of what was stored changes with every token."""
    key = torch.nn.functional.normalize(torch.ones(1, 4, dtype=torch.float64), dim=-1)
    keys, values = key.expand(6, 4), torch.zeros(6, 1, dtype=torch.float64)
    outputs, _ = delta_rule(keys, keys, values, torch.full((6,), 2.0).double(), None, key.mT, carry=False)
    assert torch.allclose(outputs.squeeze(), torch.tensor([-1.0, 1.0] * 3).double())


@pytest.mark.parametrize("rotary", [False, True])
def test_a_window_as_long_as_the_sequence_is_attention(rotary):
    window = made("window-attention", {"window": 20, "rotary": rotary, "heads": 3})
    whole = made("attention", {"rotary": rotary, "heads": 3})
    whole.load_state_dict(window.state_dict())
    assert error(window(drawn(20), 20), whole(drawn(20), 20)) < 1e-13


def test_near_attention_that_may_look_ahead_is_symmetric():
    """Reversed tokens have reversed outputs; there is no state."""
    for name, options in [("window-attention", {"window": 3}), ("alibi", {"heads": 2}), ("hard-alibi", {"heads": 2})]:
        layer = LAYERS[name](WIDTH, **options).double()
        tokens = drawn(9)
        assert error(layer(tokens.flip(1), 9).flip(1), layer(tokens, 9)) < 1e-13
        assert layer.state(9) is None
        with pytest.raises(AssayError, match="looks ahead, so that it has no state; make it with causal=True"):
            layer.run(tokens)


def test_a_selective_layer_whose_gates_are_fixed_is_one_convolution():
    """Steps, B and C that do not see the token: y is a convolution of u with sum_n C_n B_n D exp(k D A_n)."""
    layer, tokens = made("selective", {}), drawn(20)
    torch.nn.init.zeros_(layer.step.weight)
    b, c = (torch.randn(8, dtype=torch.float64) for _ in range(2))
    ones = torch.cat([tokens[..., :-1], torch.ones(2, 20, 1, dtype=torch.float64)], dim=2)
    with torch.no_grad():
        for linear, fixed in ((layer.b, b), (layer.c, c)):
            linear.weight.zero_()
            linear.weight[:, -1] = fixed
    step, u = torch.nn.functional.softplus(layer.step.bias), layer.input(ones)
    powers = torch.exp(-torch.arange(20)[:, None, None] * step[:, None] * layer.log_a.exp())
    kernel = step * (powers * b * c).sum(-1)  # (20, m)
    y = torch.stack([(kernel[: t + 1].flip(0) * u[:, : t + 1]).sum(1) for t in range(20)], 1)
    assert error(layer(ones, 20), layer.out(y + layer.skip * u)) < 1e-13


def test_scans_have_derivatives_of_any_order():
    torch.manual_seed(0)
    for start in (None, torch.randn(2, 3, dtype=torch.float64, requires_grad=True)):
        given = [torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
        given += [] if start is None else [start]
        assert gradcheck(scan, given)
        assert gradgradcheck(scan, given)
        assert gradcheck(scan, [x[:1] if x.ndim == 3 else x for x in given])


def test_short_convolutions_have_derivatives_of_any_order():
    torch.manual_seed(0)
    for taps in (1, 3):
        given = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 4 + taps, 2), (taps, 2))]
        assert gradcheck(convolve, given)
        assert gradgradcheck(convolve, given)


def test_scans_can_be_mapped_over():
    decay, inputs = (torch.randn(4, 5, 3, dtype=torch.float64) for _ in range(2))
    mapped = torch.func.vmap(torch.func.grad(lambda a, b: scan(a, b).square().sum()))(decay, inputs)
    assert torch.allclose(mapped[1], torch.func.grad(lambda a, b: scan(a, b).square().sum())(decay[1], inputs[1]))


@pytest.mark.parametrize("name", ["gated-linear", "gated-delta-net", "mlstm", "min-lstm", "selective", "retnet"])
def test_gates_at_their_ends_give_numbers(name):
    """Decays of exp(-1000) and gates of exp(1000) overflow nothing, forwards or backwards."""
    for sign in (-1, 1):
        layer, tokens = made(name, {}, torch.float32), drawn(LONG, torch.float32).requires_grad_()
        with torch.no_grad():
            for gate in ("decay", "input", "forget", "gates", "step"):
                if isinstance(getattr(layer, gate, None), torch.nn.Linear):
                    getattr(layer, gate).bias.fill_(1000.0 * sign)
        outputs = layer(tokens, LONG)
        outputs.square().sum().backward()
        assert outputs.isfinite().all()
        assert tokens.grad.isfinite().all()


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_layers_run_in_bfloat16(case):
    layer, tokens = made(*case), drawn(20)
    exact = layer(tokens, 20)
    found = layer.bfloat16()(tokens.bfloat16(), 20)
    assert found.dtype == torch.bfloat16
    assert error(found.double(), exact) < 0.1
    assert layer.run(tokens.bfloat16())[1].dtype == torch.bfloat16


def test_recall_is_learned_by_a_delta_rule():
    recipe = Recipe(steps=600, distribution="uniform", batch=64, validation=512, test=1024)
    run = train(Recall(pairs=8), "delta-net", 32, seed=0, rate=0.01, recipe=recipe)
    assert run.stopped == "learned"
    assert run.mean_error <= 0.05


CONVOLVED = [("attention", {"causal": True}), ("delta-net", {}), ("window-attention", {"causal": True, "window": 2})]


@pytest.mark.parametrize(("name", "options"), CONVOLVED)
@pytest.mark.parametrize("taps", [1, 2, 4])
def test_a_short_convolution_stands_before_any_layer(name, options, taps):
    torch.manual_seed(0)
    layer = ShortConv(LAYERS[name](WIDTH, **options), WIDTH, taps).double()
    tokens = drawn(12)
    exact = layer.layer(convolved(layer, tokens), 12)
    assert error(layer(tokens, 12), exact) < 1e-13
    assert error(layer(tokens, 3), exact[:, -3:]) < 1e-13
    assert error(layer(tokens[:, :2], 2), exact[:, :2]) < 1e-13
    assert layer.state(5) == (taps - 1) * WIDTH + layer.layer.state(5)
    for cut in (1, 2, 7):
        first, state = layer.run(tokens[:, :cut])
        assert state.shape == (2, layer.state(cut))
        assert error(torch.cat([first, layer.run(tokens[:, cut:], state)[0]], 1), exact) < 1e-13


def test_a_short_convolution_is_what_it_declares():
    facts = measure(lambda width: ShortConv(LAYERS["min-gru"](width), width, 3), "short", width=4)
    assert (facts.state, facts.rank) == (12, 8)  # the buffer is seen through the next two h alone
    assert ShortConv(LAYERS["attention"](4), 4).state(3) is None
    assert ShortConv(LAYERS["attention"](4), 4).family == "attention"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("linear", {"feature": "relu"}, "feature 'relu' is not known"),
        ("linear", {"heads": 2, "key_width": 3}, "heads = 2 is not allowed; it must be a divisor of key_width = 3"),
        ("retnet", {"decay": 2.0}, "decay = 2.0 is not allowed; it must be from 0 to 1"),
        ("gated-linear", {"gate": "both"}, "gate 'both' is not known"),
        ("delta-net", {"eigenvalues": "any"}, "eigenvalues 'any' is not known"),
        ("delta-product", {"steps": 0}, "steps = 0 is not allowed; it must be at least 1"),
        ("s4d", {"states": 3}, "states = 3 is not allowed; it must be an even number of at least 2"),
        ("selective", {"states": 0}, "states = 0 is not allowed; it must be at least 1"),
        ("window-attention", {"window": 0}, "window = 0 is not allowed; it must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, said):
    with pytest.raises(AssayError, match=said):
        LAYERS[name](WIDTH, **options)


def test_every_layer_has_a_case_here_and_a_row_in_the_docs():
    assert {name for name, _ in EVERY} | OTHERS == set(LAYERS.names())
    page = (Path(__file__).parent.parent / "docs" / "layers.md").read_text("utf-8")
    assert [name for name in LAYERS.names() if f"`{name}`" not in page] == []
