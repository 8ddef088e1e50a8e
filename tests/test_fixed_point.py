"""p-bit numbers, and networks that compute with them."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from torch import nn

from assay import AssayError, Match2, Match3, SparseAveraging
from assay.arithmetic.fixed_point import FixedPoint, fixed_point
from assay.constructions import CONSTRUCTIONS
from assay.models import make_network

FORMATS = st.builds(FixedPoint, bits=st.integers(1, 40), fraction=st.integers(-20, 40))


def nearest(number, numbers):
    """The definition, in fractions: nearest whole k, ties to even, cut off at both ends."""
    scaled = Fraction(number) * Fraction(2) ** numbers.fraction
    low = scaled.numerator // scaled.denominator
    rest = scaled - low
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1)
    limit = 1 << (numbers.bits - 1)
    return min(max(low + up, -limit), limit - 1)


@given(FORMATS, st.floats(-1e9, 1e9))
def test_rounding_is_to_nearest_even_and_saturates(numbers, number):
    wanted = nearest(number, numbers)
    assert numbers.whole(torch.tensor([number], dtype=torch.float64)).item() == wanted
    rounded = numbers.round(torch.tensor([number], dtype=torch.float64)).item()
    assert Fraction(rounded) == wanted / Fraction(2) ** numbers.fraction


@given(FORMATS, st.integers(-64, 64))
def test_ties_are_rounded_to_even(numbers, odd):
    number = (odd + 0.5) / 2.0**numbers.fraction
    assert numbers.whole(torch.tensor([number], dtype=torch.float64)).item() == nearest(number, numbers)


@given(st.integers(1, 300), st.integers(-80, 80), st.integers(0, 120), st.integers(-(1 << 200), 1 << 200))
def test_whole_numbers_of_any_size_are_rounded_exactly(bits, fraction, scale, number):
    numbers = FixedPoint(bits, fraction)
    found = numbers.round_exactly(np.array([number], dtype=object), scale=scale)[0]
    assert found == nearest(Fraction(number, 1 << scale), numbers)


def test_nan_stays_and_infinity_saturates():
    rounded = FixedPoint(8, 4).round(torch.tensor([torch.nan, torch.inf, -torch.inf]))
    assert rounded[0].isnan()
    assert rounded[1:].tolist() == [127 / 16, -8.0]


def test_float32_stays_float32():
    assert FixedPoint(8, 4).round(torch.ones(1)).dtype == torch.float32


def test_a_format_wider_than_float64_changes_nothing_that_it_holds():
    numbers = torch.tensor([0.1, -3e300, 5e-324], dtype=torch.float64)
    assert torch.equal(FixedPoint(2000, 1000).round(numbers)[:1], numbers[:1])
    assert torch.equal(FixedPoint(2000, 0).round(numbers), torch.tensor([0, -3e300, 0], dtype=torch.float64))


@pytest.mark.parametrize("arguments", [(0, 0), (-1, 3), (4, 2000), (2.5, 1)])
def test_impossible_formats_are_refused(arguments):
    with pytest.raises(AssayError, match="is not allowed"):
        FixedPoint(*arguments)


class Seen(nn.Module):
    """Keeps all that passes through an attention layer written in the usual ways."""

    def __init__(self, width, *, fused):
        super().__init__()
        self.project, self.norm, self.fused, self.seen = nn.Linear(width, width), nn.LayerNorm(width), fused, []

    def forward(self, tokens):
        queries = self.project(tokens)
        if self.fused:
            attended = nn.functional.scaled_dot_product_attention(queries, tokens, tokens)
        else:
            scores = queries @ tokens.mT * tokens.shape[-1] ** -0.5
            weights = torch.softmax(scores, dim=-1)
            self.seen += [scores, weights]
            attended = weights @ tokens
        self.seen += [self.project.weight.clone(), queries, attended, self.norm(tokens + attended)]
        return self.seen[-1]


def on_grid(tensor, numbers):
    return torch.equal(numbers.round(tensor), tensor)


@pytest.mark.parametrize("fused", [False, True])
def test_every_result_of_a_users_module_is_rounded_and_its_parameters_come_back(fused):
    torch.manual_seed(0)
    module, numbers = Seen(6, fused=fused), FixedPoint(7, 4)
    before = module.project.weight.clone()
    tokens = numbers.round(torch.randn(2, 5, 6))
    with fixed_point(module, numbers):
        outputs = module(tokens)
    assert all(on_grid(part, numbers) for part in module.seen)
    assert torch.equal(module.project.weight, before)
    _, queries, attended, last = module.seen[-4:]
    scores = queries @ tokens.mT * 6**-0.5 if fused else numbers.round(queries @ tokens.mT) * 6**-0.5
    weights = numbers.round(torch.softmax(numbers.round(scores), dim=-1))
    assert torch.equal(attended, numbers.round(weights @ tokens))
    assert torch.equal(last, outputs)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_states_are_rounded_at_every_step(kind):
    torch.manual_seed(0)
    layer, numbers = kind(3, 4, batch_first=True), FixedPoint(6, 4)
    tokens = torch.randn(2, 7, 3)
    with fixed_point(layer, numbers):
        outputs, state = layer(tokens)
    assert on_grid(outputs, numbers)
    by_hand = kind(3, 4, batch_first=True)
    by_hand.load_state_dict({name: numbers.round(value) for name, value in layer.state_dict().items()})
    held = None
    for token in tokens.split(1, dim=1):
        output, held = by_hand(token, held)
        held = tuple(numbers.round(part) for part in held) if isinstance(held, tuple) else numbers.round(held)
    assert torch.equal(outputs[:, -1:], numbers.round(output))
    last = state[0] if isinstance(state, tuple) else state
    assert torch.equal(last, held[0] if isinstance(held, tuple) else held)


def test_what_cannot_be_rounded_is_refused():
    layer = nn.MultiheadAttention(4, 1, batch_first=True)
    tokens = torch.randn(1, 3, 4)
    with pytest.raises(AssayError, match="out of reach"), fixed_point(layer, FixedPoint(8, 4)):
        layer(tokens, tokens, tokens)


@pytest.mark.parametrize("architecture", ["attention", "lstm", "gru", "feed-forward", "third-order"])
def test_many_bits_change_a_trained_network_little_and_few_a_lot(architecture):
    task = SparseAveraging(length=6, sparsity=2, layout="last")
    network = make_network(architecture, task, 6, seed=0).requires_grad_(False)
    inputs, _, _ = task.sample(16, seed=0)
    exactly = network(inputs)
    errors = []
    for numbers in (FixedPoint(23, 18), FixedPoint(12, 6), FixedPoint(4, 1)):
        with fixed_point(network, numbers):
            outputs = network(inputs)
        assert on_grid(outputs, numbers)
        errors.append((outputs - exactly).abs().max().item())
    assert errors[0] < 1e-4 < errors[1] < errors[2]
    assert torch.equal(network(inputs), exactly)


CASES = [
    (SparseAveraging(length=8, sparsity=3), name)
    for name in ("sign", "reed-solomon", "heads", "cyclic", "recurrent", "feed-forward")
]
CASES += [
    (Match2(length=6, modulus=11), name)
    for name in ("trigonometric", "parabola", "random-frequencies", "gather", "store-residues", "copy-residues")
]
CASES += [(Match3(length=5, modulus=11), name) for name in ("third-order", "strassen")]


@pytest.mark.parametrize(("task", "method"), CASES, ids=lambda part: str(part))
def test_constructions_round_and_come_back(task, method):
    network = CONSTRUCTIONS[method].build(task, task.tolerance)
    inputs, targets, _ = task.sample(20, seed=0)
    exactly = network(inputs)
    with fixed_point(network, FixedPoint(48, 20)):
        fine = network(inputs)
    with fixed_point(network, FixedPoint(2, 1)):
        coarse = network(inputs)
    assert torch.equal(network(inputs), exactly)
    assert task.answer.errors(fine, targets).max() <= network.certificate().guaranteed_error + 1e-3
    assert on_grid(coarse.double(), FixedPoint(2, 1)) or method in (
        "gather",
        "store-residues",
        "copy-residues",
        "strassen",
    )
    assert task.answer.errors(coarse, targets).max() > task.tolerance


def test_every_construction_for_these_tasks_is_tried():
    """Those of bigrams and windows are in test_precision.py."""
    tasks = {task.name for task, _ in CASES}
    assert {method for _, method in CASES} == {
        name for name in CONSTRUCTIONS.names() if tasks & set(CONSTRUCTIONS[name].solves)
    }


def test_results_of_several_parts_are_rounded():
    torch.manual_seed(0)
    cell, numbers = nn.LSTMCell(3, 4), FixedPoint(5, 2)
    state = None
    with fixed_point(cell, numbers):
        for _ in range(4):
            state = cell(torch.randn(2, 3), state)
    assert all(on_grid(part, numbers) for part in state)
    with fixed_point(nn.Identity(), numbers):
        extremes = torch.randn(5, 3).max(dim=1)
    assert on_grid(extremes.values, numbers)
    assert extremes.indices.dtype == torch.int64


class Masked(nn.Module):
    """A causal softmax over zeros."""

    def forward(self, tokens):
        mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
        return torch.softmax(tokens.masked_fill(mask, -torch.inf), dim=-1)


def test_a_mask_stays_one():
    module = Masked()
    with fixed_point(module, FixedPoint(8, 6)):
        weights = module(torch.zeros(4, 4))
    assert (weights.triu(1) == 0).all()
    assert weights[0, 0] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.LSTM(3, 4, bidirectional=True)(torch.randn(5, 2, 3)), "both directions"),
        (lambda: nn.GRU(3, 4)(nn.utils.rnn.pack_sequence([torch.randn(3, 3), torch.randn(2, 3)])), "packed"),
        (
            lambda: nn.functional.scaled_dot_product_attention(
                *[torch.randn(1, 4, 2)] * 3, attn_mask=torch.ones(4, 4, dtype=torch.bool)
            ),
            "with a mask",
        ),
    ],
)
def test_what_has_no_steps_is_refused(call, message):
    with pytest.raises(AssayError, match=message), fixed_point(nn.Identity(), FixedPoint(8, 4)):
        call()
