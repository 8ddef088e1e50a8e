"""Attention as it was called: captures against softmax written from its definition, in numpy, for modules of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from assay import AssayError
from assay.probing.capture import CapturedAttention, capture, capturing
from assay.probing.models.live import heads_of_module

WIDTH, COUNT, KEY_HEADS, N = 16, 4, 2, 7
D = WIDTH // COUNT


def definition(one: CapturedAttention) -> tuple[np.ndarray, np.ndarray]:
    """Weights (heads, N_q, N_k) and output (heads, N_q, d_v), query by query."""
    q, k, v = (tensor.double().numpy() for tensor in (one.queries, one.keys, one.values))
    weights = np.zeros((len(q), q.shape[1], k.shape[1]))
    for head, row in np.ndindex(q.shape[:2]):
        scores = one.scale * k[head // one.groups] @ q[head, row]
        if one.cap is not None:
            scores = one.cap * np.tanh(scores / one.cap)
        if one.mask is not None:
            scores = scores + one.mask[head if len(one.mask) > 1 else 0, row].double().numpy()
        if one.causal:
            scores[row + 1 :] = -np.inf
        more = [] if one.sink is None else [float(one.sink[head, row])]
        if np.isfinite(scores).any():
            raised = np.exp(np.append(scores, more) - max(scores.max(), *more, -np.inf))
            weights[head, row] = raised[: k.shape[1]] / raised.sum()
    return weights, np.einsum("hqk,hkd->hqd", weights, np.repeat(v, one.groups, axis=0))


def agrees(one: CapturedAttention, expected: torch.Tensor | None = None) -> None:
    """The capture gives the model's output, in rows that see anything, and perhaps these weights (heads, N_q, N_k)."""
    weights, output = definition(one)
    rows = one.seen.any(dim=-1).expand(len(output), -1).numpy()
    np.testing.assert_allclose(
        output[rows], one.output.detach().double().numpy()[rows], rtol=0, atol=1e-5 * np.abs(output).max()
    )
    if expected is not None:
        np.testing.assert_allclose(weights[rows], expected.detach().double().numpy()[rows], rtol=0, atol=1e-5)


def text(seed=0, batch=1, length=N, width=WIDTH):
    return torch.randn(batch, length, width, generator=torch.Generator().manual_seed(seed))


class Hand(nn.Module):
    """Attention with projections of its own; `attend` does the rest."""

    def __init__(self, attend, key_heads=COUNT, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.attend, self.key_heads = attend, key_heads
        self.q, self.k, self.v = (nn.Linear(WIDTH, heads * D) for heads in (COUNT, key_heads, key_heads))

    def forward(self, x, other=None):
        other = x if other is None else other
        q = self.q(x).unflatten(-1, (COUNT, D)).transpose(1, 2)
        k, v = (part(other).unflatten(-1, (self.key_heads, D)).transpose(1, 2) for part in (self.k, self.v))
        return self.attend(q, k, v)


def one_of(module, *inputs):
    found = capture(module, inputs)
    assert not found.refused
    (one,) = found.attentions
    agrees(one)
    return one


# --- modules of torch


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"kdim": 12, "vdim": 5}, {"bias": False}, {"add_bias_kv": True}, {"dropout": 0.3}]
)
@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_multihead_attention(batch_first, options, need_weights, causal):
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(WIDTH, COUNT, batch_first=batch_first, **options).eval()
    parts = [
        text(seed, 2, width=width)
        for seed, width in enumerate((WIDTH, options.get("kdim", WIDTH), options.get("vdim", WIDTH)))
    ]
    parts = parts if batch_first else [part.transpose(0, 1) for part in parts]
    mask = torch.full((N, N), -torch.inf).triu(1) if causal else None
    asked = dict(zip(("query", "key", "value"), parts, strict=True)) | {"attn_mask": mask, "need_weights": need_weights}
    expected = attention(*parts, attn_mask=mask, average_attn_weights=False)[1]
    found = capture(attention, asked)
    assert [one.text for one in found.attentions] == [0, 1]
    for one in found.attentions:
        agrees(one, expected[one.text])
        assert one.name == ""


def test_transformer_encoder_layer_does_not_take_its_fast_path():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, COUNT, dim_feedforward=24, batch_first=True)
    module = nn.TransformerEncoder(layer, num_layers=2).eval()
    padding = torch.tensor([[False] * N, [False] * (N - 3) + [True] * 3])
    found = capture(module, {"src": text(0, 2), "src_key_padding_mask": padding})
    assert [(one.name, one.text) for one in found.attentions] == [
        (f"layers.{layer}.self_attn", number) for layer in (0, 1) for number in (0, 1)
    ]
    for one in found.attentions:
        agrees(one)
        assert one.seen[..., : N - 3].all()
        assert bool(one.seen[..., N - 3 :].any()) == (one.text == 0)


@pytest.mark.parametrize("kind", ["bool", "float", "causal", "scaled", "three dimensions"])
def test_fused_attention(kind):
    mask = torch.rand(N, N) < 0.6
    mask[:, 0] = True
    bias = torch.randn(COUNT, N, N)
    options = {
        "bool": {"attn_mask": mask},
        "float": {"attn_mask": bias},
        "causal": {"is_causal": True},
        "scaled": {"scale": 0.3, "dropout_p": 0.0},
        "three dimensions": {},
    }[kind]
    fold = kind == "three dimensions"

    def attend(q, k, v):
        q, k, v = (part.flatten(0, 1) if fold else part for part in (q, k, v))
        return functional.scaled_dot_product_attention(q, k, v, **options)

    one = one_of(Hand(attend), text())
    assert one.queries.shape == (COUNT, N, D)
    assert one.scale == (0.3 if kind == "scaled" else D**-0.5)
    assert one.causal == (kind == "causal")
    if kind == "bool":
        assert torch.equal(one.seen[0], mask)
    if kind == "float":
        assert torch.equal(one.mask, bias)


@pytest.mark.parametrize("way", ["grouped", "repeated", "expanded"])
@pytest.mark.parametrize("fused", [False, True])
def test_heads_that_share_keys(way, fused):
    def attend(q, k, v):
        if way == "repeated":
            k, v = (part.repeat_interleave(COUNT // KEY_HEADS, dim=1) for part in (k, v))
        if way == "expanded" or (way == "grouped" and not fused):  # dimensions of their own for groups
            q = q.unflatten(1, (KEY_HEADS, -1))
            k, v = k[:, :, None], v[:, :, None]
        if not fused:
            return torch.softmax(q @ k.mT * D**-0.5, dim=-1) @ v
        return functional.scaled_dot_product_attention(q, k, v, enable_gqa=way == "grouped")

    module = Hand(attend, KEY_HEADS)
    one = one_of(module, text())
    assert (one.groups, one.queries.shape, one.keys.shape) == (2, (COUNT, N, D), (KEY_HEADS, N, D))
    heads = heads_of_module(module, text())
    assert heads.key_head == (0, 0, 1, 1)


def test_cross_attention_and_dropout_that_is_off():
    drop = nn.Dropout(0.4)
    module = Hand(lambda q, k, v: drop(torch.softmax(q @ k.mT / 2, dim=-1)) @ v)
    module.drop = drop
    one = one_of(module, text(), text(1, length=4))
    assert (one.queries.shape, one.keys.shape, one.seen.all()) == ((COUNT, N, D), (COUNT, 4, D), True)
    assert module.training
    assert drop.training


def by_hand(q, k, v, **how):
    """Attention in the ways that people write it."""
    add = how.get("mask")
    if how.get("product") == "einsum":
        scores = torch.einsum("bhqd,bhkd->bhqk", q, k)
    elif how.get("product") == "bmm":
        scores = torch.bmm(q.flatten(0, 1), k.flatten(0, 1).transpose(1, 2)).view(*q.shape[:3], -1)
    elif how.get("product") == "baddbmm":
        scores = torch.zeros(1, 1, 1).expand(COUNT, N, N)
        scores = scores.baddbmm(q.flatten(0, 1), k.flatten(0, 1).mT, beta=0.7, alpha=how["scale"])
        scores = scores.view(*q.shape[:3], -1)
    else:
        scores = torch.matmul(q, k.transpose(-2, -1))
    if how.get("product") != "baddbmm":
        if how.get("in_place"):
            scores *= how["scale"]
        elif how.get("divide"):
            scores = scores / torch.tensor(1 / how["scale"])
        else:
            scores = how["scale"] * scores
    if how.get("cap"):
        scores = how["cap"] * torch.tanh(scores / how["cap"])
    if add is not None and add.dtype == torch.bool:
        fill = how["fill"]
        if how.get("in_place"):
            scores.masked_fill_(~add, fill)
        else:
            scores = (
                torch.where(add, scores, torch.tensor(fill)) if how.get("divide") else scores.masked_fill(~add, fill)
            )
    elif add is not None:
        scores = scores + add
    if how.get("stable"):
        scores = scores - scores.amax(dim=-1, keepdim=True)
    weights = nn.Softmax(dim=-1)(scores) if how.get("module") else functional.softmax(scores, dim=3)
    if how.get("product") == "einsum":
        return torch.einsum("bhqk,bhkd->bqhd", weights, v)
    return weights.to(v.dtype) @ v


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_attention_written_by_hand(data):
    """Whatever the way: scale, cap and mask are those that went in, and the output follows from the definition."""
    choice = {
        "product": data.draw(st.sampled_from(["matmul", "einsum", "bmm", "baddbmm"])),
        "scale": data.draw(st.floats(0.1, 2.0)),
        "cap": data.draw(st.sampled_from([None, 3.0, 20.0])),
        **{name: data.draw(st.booleans()) for name in ("in_place", "divide", "stable", "module")},
        "fill": data.draw(st.sampled_from([-torch.inf, -1e9, torch.finfo(torch.float32).min])),
    }
    random = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    seen = torch.rand(N, N, generator=random) < 0.7
    seen.fill_diagonal_(True)
    bias = torch.randn(COUNT, N, N, generator=random)
    choice["mask"] = data.draw(st.sampled_from([None, seen, bias]))
    one = one_of(Hand(lambda q, k, v: by_hand(q, k, v, **choice)), text(data.draw(st.integers(0, 99))))
    assert one.scale == pytest.approx(choice["scale"], rel=1e-6)
    assert one.cap == (None if choice["cap"] is None else pytest.approx(choice["cap"], rel=1e-6))
    if choice["mask"] is None:
        assert one.mask is None
    elif choice["mask"] is seen:
        assert torch.equal(one.seen[0], seen)
    else:
        torch.testing.assert_close(one.mask, bias)


@pytest.mark.parametrize(
    ("attend", "reason"),
    [
        (lambda q, k, v: torch.softmax(q @ k.mT + q @ k.flip(2).mT, -1) @ v, "add with something else that depends"),
        (lambda q, k, v: torch.softmax((q @ k.mT) ** 2, -1) @ v, "its scores pass through pow"),
        (lambda q, k, v: torch.softmax(1 - q @ k.mT, -1) @ v, "its scores pass through rsub"),
        (lambda q, k, v: torch.softmax((q @ k.mT).mT, -1) @ v, "its scores pass through get"),
        (lambda q, k, v: torch.softmax(q @ k.mT, -2) @ v, "softmax over another axis than the last"),
        (lambda q, k, v: torch.softmax((q[:, :, :, None] * k[:, :, None]).sum(-1), -1) @ v, "no product of queries"),
        (lambda q, k, v: torch.softmax(q @ k.mT, -1).sqrt() @ v, "its weights pass through sqrt"),
        (lambda q, k, v: (v.mT @ torch.softmax(q @ k.mT, -1)).mT, "right factor of a product"),
        (lambda q, k, v: (torch.softmax(q @ k.mT, -1)[..., None] * v[:, :, None]).sum(-2), "do not meet values"),
        (lambda q, k, v: functional.dropout(torch.softmax(q @ k.mT, -1), 0.5) @ v, "its weights pass through dropout"),
        (lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, dropout_p=0.5), "dropped out with probab"),
        (lambda q, k, v: (lambda e: (e / e.sum(-1, keepdim=True)) @ v)((q @ k.mT).exp()), "written by hand, with exp"),
        (lambda q, k, v: functional.scaled_dot_product_attention(q, k * torch.inf, v), "not finite"),
    ],
)
def test_attention_of_another_kind_is_refused_with_the_reason(attend, reason):
    module = nn.Sequential(Hand(attend))
    found = capture(module, text())
    assert not found.attentions
    assert found.refused
    assert all(name == "0" for name, _ in found.refused)
    assert any(reason in one for _, one in found.refused)
    with pytest.raises(AssayError, match="attention in 0 cannot be read: ") as error:
        heads_of_module(module, text())
    assert "\n" not in str(error.value)


def test_weights_that_were_changed_in_place_are_found_out():
    """The trace does not see this; the comparison with the model's output does."""

    def attend(q, k, v):
        weights = torch.softmax(q @ k.mT, -1)
        weights.view(-1)[::3] = 0
        return weights @ v

    found = capture(Hand(attend), text())
    assert not found.attentions
    assert "off from its output by" in found.refused[0][1]


def test_captures_keep_what_a_model_overwrites():
    def attend(q, k, v):
        weights = torch.softmax(q @ k.mT, -1)
        output = weights @ v
        for part in (q, k, v, weights):
            part.zero_()
        return output.zero_()

    one = one_of(Hand(attend), text())
    assert bool(one.keys.any())
    assert bool(one.output.any())


def test_linear_attention_and_routers_are_no_softmax_attention():
    experts = nn.Parameter(torch.eye(D))

    def linear(q, k, v):
        router = torch.softmax(q.mean(dim=2) @ experts.t(), dim=-1)
        return router[:, :, None] * ((q @ k.mT).tril() @ v)

    assert capture(Hand(linear), text()).refused == []
    for module, inputs in ((Hand(linear), text()), (nn.Linear(WIDTH, 2), text()), (nn.GRU(WIDTH, 3), text())):
        with pytest.raises(AssayError, match=r"^no softmax attention was called in "):
            heads_of_module(module, inputs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions(dtype):
    module = Hand(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, is_causal=True)).to(dtype)
    (one,) = capture(module, text().to(dtype)).attentions
    assert one.keys.dtype == dtype
    assert one.error < (1e-12 if dtype == torch.float64 else 0.01)
    assert heads_of_module(module, text().to(dtype)).keys.dtype == (
        np.float64 if dtype == torch.float64 else np.float32
    )


# --- putting other keys and values in


@pytest.mark.parametrize("way", ["fused", "by hand", "einsum", "torch"])
def test_transform_puts_keys_values_and_a_mask_in(way):
    """As if the model had had these: the same keys with noise, and the last two evicted."""
    torch.manual_seed(3)
    noise, gone = torch.randn(COUNT, N, D), torch.tensor([0.0] * (N - 2) + [-torch.inf] * 2)

    def transform(one):
        return one.keys + noise, 2 * one.values, gone

    def plain(q, k, v):
        bias = 0.3 * torch.ones(N, N).tril()
        if way == "fused":
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        if way == "einsum":
            weights = torch.softmax(torch.einsum("bhqd,bhkd->bhqk", q, k) * D**-0.5 + bias, dim=-1)
            return torch.einsum("bhqk,bhkd->bqhd", weights, v).transpose(1, 2)
        return torch.softmax(q @ k.mT * D**-0.5 + bias, dim=-1) @ v

    def other(q, k, v):
        bias = 0.3 * torch.ones(N, N).tril() + gone
        return functional.scaled_dot_product_attention(q, k + noise, 2 * v, attn_mask=bias)

    if way == "torch":
        layer = nn.TransformerEncoderLayer(WIDTH, COUNT, batch_first=True, dropout=0.0).eval()
        with torch.no_grad(), capturing(layer, transform=lambda one: (one.keys, 0 * one.values)):
            changed = layer(text())
        with torch.no_grad():
            layer.self_attn.out_proj.weight.zero_()
            torch.testing.assert_close(changed, layer(text()))
        return
    module, changed = Hand(plain), Hand(other)
    with torch.no_grad(), capturing(module, transform=transform) as found:
        output = module(text())
    torch.testing.assert_close(output, changed(text()).detach(), rtol=1e-5, atol=1e-5)
    agrees(found.attentions[0])  # of the model's own


def test_transform_may_leave_alone_and_must_fit():
    module = Hand(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v))
    with torch.no_grad(), capturing(module, transform=lambda _: None):
        output = module(text(0, 2))
    assert torch.equal(output, module(text(0, 2)).detach())
    for answer, message in (
        (lambda one: one.keys, "answer of transform = Tensor"),
        (lambda one: (one.keys[:1], one.values), r"shape of transformed keys = \(1, 7, 4\)"),
        (lambda one: (one.keys, one.values, torch.zeros(3, 3)), "mask of transform does not fit"),
    ):
        with pytest.raises(AssayError, match=message) as error:
            capture(module, text(), transform=answer)
        assert "\n" not in str(error.value)
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


# --- heads of modules


def weights_of(heads) -> np.ndarray:
    """Attention weights (heads, M, N) that keys and queries give."""
    keys, queries = heads.keys.astype(float)[list(heads.key_head)], heads.queries.astype(float)
    scores = heads.scale * queries @ keys.transpose(0, 2, 1)
    if heads.causal:
        scores[:, ~np.tri(*scores.shape[1:], scores.shape[2] - scores.shape[1], dtype=bool)] = -np.inf
    raised = np.exp(scores - scores.max(axis=2, keepdims=True))
    return raised / raised.sum(axis=2, keepdims=True)


class Stack(nn.Module):
    """Layers that attend with scales and masks of their own."""

    def __init__(self, *options):
        super().__init__()
        self.options = options
        self.layers = nn.ModuleList(Hand(self.attend, seed=seed) for seed in range(len(options)))

    def attend(self, q, k, v):
        options = dict(self.now)
        scores = q @ k.mT * options.pop("scale", D**-0.5) + options.pop("add", 0)
        self.weights.append(torch.softmax(scores, dim=-1))
        return self.weights[-1] @ v

    def forward(self, x):
        self.weights = []
        for layer, options in zip(self.layers, self.options, strict=True):
            self.now = options
            x = x + layer(x).transpose(1, 2).flatten(2)
        return x


CAUSAL = torch.full((N, N), -torch.inf).triu(1)


def test_heads_have_one_scale():
    module = Stack({"scale": 1.0}, {"scale": 1.5}, {"scale": D**-0.5})
    heads = heads_of_module(module, text(), name="mine")
    assert (heads.name, heads.causal, heads.layer) == ("mine", False, (0,) * 4 + (1,) * 4 + (2,) * 4)
    assert (heads.scale, heads.note) == (D**-0.5, "")
    np.testing.assert_allclose(weights_of(heads), torch.cat([one[0] for one in module.weights]).detach(), atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_left_out(side):
    hidden = torch.arange(N) < 3 if side == "left" else torch.arange(N) >= N - 3
    add = torch.minimum(CAUSAL, torch.where(hidden, -torch.inf, 0.0))
    add = torch.where((add > -torch.inf).any(-1, keepdim=True), add, -1e30)  # queries that see nothing
    module = Stack({"add": add}, {"add": add})
    heads = heads_of_module(module, text())
    assert heads.causal
    assert heads.length == N - 3
    assert "3 of 7 positions are padding" in heads.note
    expected = torch.cat([one[0] for one in module.weights])[:, ~hidden][:, :, ~hidden]
    np.testing.assert_allclose(weights_of(heads), expected.detach(), atol=1e-6)


def test_what_else_enters_scores_is_noted_or_refused():
    window = CAUSAL + torch.full((N, N), -torch.inf).tril(-3)
    distance = -(torch.arange(N)[:, None] - torch.arange(N)).abs() / 2
    noted = heads_of_module(Stack({"add": distance}), text())
    assert "bias added" in noted.note
    assert heads_of_module(Stack({"add": torch.ones(N, 1)}), text()).note == ""  # the same for all keys
    for module, message in (
        (Stack({"add": window}), r"layers.0: queries see at most 3 of 7 keys.*sliding window"),
        (Stack({}, {"add": CAUSAL}), "layers.1 is causal and layers.0 is not; choose some attention with names"),
        (Stack({"add": torch.stack([CAUSAL, CAUSAL * 0 + 0, CAUSAL, CAUSAL]).nan_to_num(0)}), "different from head to"),
    ):
        with pytest.raises(AssayError, match=message) as error:
            heads_of_module(module, text())
        assert "\n" not in str(error.value)
    assert heads_of_module(Stack({"add": CAUSAL}, {"add": window}), text(), names="*.0").causal
    assert heads_of_module(Stack({}, {"add": CAUSAL}), text(), names="*.1").layer == (1,) * COUNT
    assert not heads_of_module(Stack({}, {"add": CAUSAL}), text(), names=["layers.0", "x*"]).causal


def test_queries_after_a_cache_see_it_all():
    """Two new tokens after five that are kept: 7 keys, and queries of the last two positions."""
    module = Hand(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, attn_mask=CAUSAL[-2:]))
    heads = heads_of_module(module, (text()[:, -2:], text()))
    assert (heads.queries.shape, heads.keys.shape, heads.causal) == ((COUNT, 2, D), (COUNT, N, D), True)


def test_calls_of_modules_that_cannot_be_used():
    module = Stack({}, {})
    for arguments, message in (
        ({"inputs": text(0, 2)}, "given 2 texts; heads are probed on one"),
        ({"names": "x"}, "names = x is not allowed; it must be patterns of some of layers.0, layers.1"),
        ({"names": 3}, "names = 3 is not allowed"),
        ({"inputs": None}, "inputs = None is not allowed"),
        ({"module": 42}, "module = 42 is not allowed; it must be a torch.nn.Module"),
    ):
        with pytest.raises(AssayError, match=message) as error:
            heads_of_module(**{"module": module, "inputs": text()} | arguments)
        assert "\n" not in str(error.value)
    module.config = type("Config", (), {"_attn_implementation": "flash_attention_2"})()
    with pytest.raises(AssayError, match="attn_implementation of Stack = flash_attention_2 is not allowed"):
        heads_of_module(module, text())


def test_a_shared_attention_is_read_at_each_call():
    shared = Hand(lambda q, k, v: (torch.softmax(q @ k.mT, -1) @ v).transpose(1, 2).flatten(2))
    heads = heads_of_module(nn.Sequential(shared, shared), text())
    assert heads.layer == (0,) * COUNT + (1,) * COUNT
    assert not np.allclose(heads.keys[:COUNT], heads.keys[COUNT:])


def test_long_calls_are_checked_on_some_of_their_queries(monkeypatch):
    monkeypatch.setattr("assay.probing.capture.MOST_SCORES", COUNT * N * 3)
    one = one_of(Hand(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v)), text())
    assert one.checked == 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch itself, as it compiles
def test_a_compiled_module_is_run_as_it_was_written():
    module = torch.compile(Hand(lambda q, k, v: torch.softmax(q @ k.mT, -1) @ v))
    (one,) = capture(module, text()).attentions
    agrees(one)
    assert one.name == "_orig_mod"


def test_gradients_stay_without_a_transform():
    module = Hand(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v))
    with capturing(module) as found:
        module(text()).sum().backward()
    assert module.v.weight.grad.abs().sum() > 0
    assert not any(part.requires_grad for part in (found.attentions[0].keys, found.attentions[0].output))
