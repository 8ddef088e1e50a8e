from __future__ import annotations

import math

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.errors import AssayError
from assay.probing.cache_formats import FAMILIES, cache_format, rotation
from assay.probing.caches import Intact, cache_loss, fewest_bits
from assay.probing.one_head import one_head
from assay.probing.top_sets import TopSet
from assay.sizing.caches import make_cache

SEEDS = st.integers(0, 2**32 - 1)
KINDS = {"q8_0": gguf.GGMLQuantizationType.Q8_0, "q4_0": gguf.GGMLQuantizationType.Q4_0}


def drawn_head(seed, length=40, width=32, causal=True):
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((length, width)) for _ in range(3)]
    parts[1][:, 3] *= 6  # a channel of large keys, as trained heads have
    return one_head(*parts, causal=causal)


# --- formats


def by_gguf(rows, name):
    return gguf.quants.dequantize(gguf.quants.quantize(rows, KINDS[name]), KINDS[name]).astype(np.float64)


@pytest.mark.parametrize("name", KINDS)
@given(rows=arrays(np.float32, (3, 64), elements=st.floats(-60000, 60000, width=32)))
@settings(max_examples=150, deadline=None)
def test_gguf_formats_are_those_of_the_gguf_package_bit_for_bit(name, rows):
    with np.errstate(over="ignore", invalid="ignore"):
        expected = by_gguf(rows, name)
    fine = np.isfinite(expected)  # not where the inverse of a step overflows
    assert (cache_format(name).rounded(rows)[fine] == expected[fine]).all()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("size", [1e-7, 1e-3, 1.0, 100.0])
def test_gguf_formats_of_usual_numbers_and_of_ties_are_bit_for_bit(name, size):
    rng = np.random.default_rng(1)
    rows = (size * rng.standard_normal((400, 96)) * np.exp(rng.standard_normal((400, 1)))).astype(np.float32)
    rows[::7] = size * rng.integers(-254, 255, (len(rows[::7]), 96)) / 2  # halves of steps of 127
    rows[0] = 0
    assert (cache_format(name).rounded(rows) == by_gguf(rows, name)).all()


@pytest.mark.parametrize("name", KINDS)
def test_gguf_formats_agree_with_those_of_sizing_up_to_a_step(name):
    rows = np.random.default_rng(2).standard_normal((200, 64))
    ours, other = cache_format(name).rounded(rows), make_cache(name=name).rounded(rows)
    assert (ours == other).mean() > 0.99  # that one rounds in float64
    assert np.abs(ours - other).max() < 1.0


def affine(numbers, bits):
    """One group by its definition, in Python's numbers."""
    half, single = np.float16, np.float32
    least = float(half(min(numbers)))
    step = float(half(single(single(max(numbers)) - single(least)) / single(2**bits - 1)))
    if step == 0:
        return [least for _ in numbers]
    inverse = float(single(1) / single(step))
    found = []
    for number in numbers:
        whole = round(float(single(single(single(number) - single(least)) * single(inverse))))  # halves to even
        found.append(float(single(least + single(min(max(whole, 0), 2**bits - 1) * step))))
    return found


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_tokens_and_channels_are_rounded_in_their_own_groups(bits):
    rows = np.random.default_rng(bits).standard_normal((70, 5)).astype(np.float32)
    token = [affine(row.tolist(), bits) for row in rows]
    assert cache_format(f"token-{bits}").rounded(rows) == pytest.approx(np.array(token), rel=1e-6, abs=1e-6)
    channel = np.empty((70, 5))
    for start in (0, 32, 64):
        for column in range(5):
            channel[start : start + 32, column] = affine(rows[start : start + 32, column].tolist(), bits)
    assert cache_format(f"channel-{bits}").rounded(rows) == pytest.approx(channel, rel=1e-6, abs=1e-6)


@given(seed=SEEDS, family=st.sampled_from(FAMILIES), bits=st.integers(1, 8))
@settings(max_examples=80, deadline=None)
def test_rounded_numbers_are_within_a_step_and_few(seed, family, bits):
    rows = np.random.default_rng(seed).standard_normal((33, 32)).astype(np.float32)
    found = cache_format(f"{family}-{bits}").rounded(rows)
    step = 2 * np.abs(rows).max() * (1 if family != "rotated" else math.sqrt(32)) / (2**bits - 1)
    error = np.abs(found - rows) if family != "rotated" else np.abs((found - rows) @ rotation(32))
    assert error.max() <= 0.51 * step + 0.01
    if family == "token":
        assert max(len(set(row)) for row in found.tolist()) <= 2**bits


@pytest.mark.parametrize(("width", "block"), [(1, 1), (12, 4), (64, 64), (96, 32), (80, 16)])
def test_rotations_are_orthogonal_symmetric_and_of_equal_entries(width, block):
    turned = rotation(width)
    assert turned @ turned == pytest.approx(np.eye(width), abs=1e-12)
    assert (turned == turned.T).all()
    assert np.abs(turned[turned != 0]) == pytest.approx(block**-0.5)
    assert (np.count_nonzero(turned, axis=1) == block).all()


def test_a_rotation_spreads_one_large_coordinate():
    rows = np.random.default_rng(0).standard_normal((50, 64))
    rows[:, 5] *= 30
    errors = {family: np.square(cache_format(f"{family}-4").rounded(rows) - rows).mean() for family in FAMILIES}
    assert errors["rotated"] < errors["token"] / 2


def test_bits_are_counted_with_their_steps():
    # 64 tokens of 96 numbers: 192 blocks, 64 tokens, 2 x 96 channels
    stored = {
        name: cache_format(name).stored_bits(64, 96)
        for name in ("q8_0", "q4_0", "token-3", "channel-3", "rotated-3", "exact")
    }
    assert stored == {
        "q8_0": 8 * 6144 + 16 * 192,
        "q4_0": 4 * 6144 + 16 * 192,
        "token-3": 3 * 6144 + 32 * 64,
        "channel-3": 3 * 6144 + 32 * 192,
        "rotated-3": 3 * 6144 + 32 * 192,
        "exact": 32 * 6144,
    }
    assert stored["q8_0"] == 8 * gguf.quants.quantize(np.zeros((64, 96), np.float32), KINDS["q8_0"]).size
    assert stored["q4_0"] == 8 * gguf.quants.quantize(np.zeros((64, 96), np.float32), KINDS["q4_0"]).size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cache_format("q5_0"), "cache format 'q5_0' is not known"),
        (lambda: cache_format("token"), "cache format 'token' is not known"),
        (lambda: cache_format("token-9"), "bits = 9 of token-9 is not allowed"),
        (lambda: cache_format("token-0"), "bits = 0"),
        (lambda: cache_format("q8_0").rounded(np.ones((2, 48))), "width = 48"),
        (lambda: cache_format("rotated-4").rounded(np.ones((2, 48))), "width = 48"),
        (lambda: cache_format("token-4").rounded(np.full((2, 4), 1e6)), "largest magnitude = 1000000.0"),
        (lambda: cache_format("token-4").rounded(np.ones(4)), "shape of rows"),
    ],
)
def test_formats_that_do_not_fit_are_refused(call, message):
    with pytest.raises(AssayError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


# --- losses


def by_loops(head, keys, values, written):
    """Mean variation, relative change of the output, and its size as written, query by query."""
    variations, changes, sizes, added = [], [], [], []
    for row, query in enumerate(head.queries):
        before = {j: math.exp(head.scale * query @ head.keys[j]) for j in np.flatnonzero(head.visible[row])}
        after = {j: math.exp(head.scale * query @ keys[j]) for j in before}
        a = {j: weight / sum(before.values()) for j, weight in before.items()}
        b = {j: weight / sum(after.values()) for j, weight in after.items()}
        variations.append(sum(abs(a[j] - b[j]) for j in a) / 2)
        plain = sum(weight * head.values[j] for j, weight in a.items())
        moved = sum(weight * values[j] for j, weight in b.items()) - plain
        changes.append(moved @ moved)
        sizes.append(plain @ plain)
        added.append(sum((moved @ column) ** 2 for column in written.T))
    return np.mean(variations), math.sqrt(np.mean(changes) / np.mean(sizes)), math.sqrt(np.mean(added))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("name", ["q4_0", "token-3", "channel-2", "rotated-4"])
def test_losses_are_those_of_loops_over_queries_and_keys(causal, name):
    head = drawn_head(1, causal=causal)
    written = np.random.default_rng(0).standard_normal((32, 5))
    found = cache_loss(Intact.of(head, written), cache_format(name))
    keys, values = (cache_format(name).rounded(part) for part in (head.keys, head.values))
    expected = by_loops(head, keys, head.values, written)
    assert (found.weights, found.output, found.written) == pytest.approx(expected)
    _, *expected = by_loops(head, head.keys, values, written)
    assert [found.output_of_values, found.written_of_values] == pytest.approx(expected)


@given(seed=SEEDS, name=st.sampled_from(["q4_0", "token-1", "channel-2", "rotated-3", "q8_0"]), causal=st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_variation_is_below_the_bound_of_its_scores(seed, name, causal):
    """If no score changes by more than e, it is at most tanh(e / 2): the odds of a group change by e^(2e) at most."""
    head = drawn_head(seed, length=33, causal=causal)
    moved = np.abs(head.scale * head.queries @ (cache_format(name).rounded(head.keys) - head.keys).T)
    bound = np.tanh(np.where(head.visible, moved, 0).max(axis=1) / 2).mean()
    assert cache_loss(Intact.of(head), cache_format(name)).weights <= bound + 1e-12


def test_exact_caches_lose_nothing_and_more_bits_lose_less():
    head = Intact.of(drawn_head(2))
    nothing = cache_loss(head, cache_format("exact"))
    assert (nothing.weights, nothing.output, nothing.output_of_values) == (0, 0, 0)
    for family in FAMILIES:
        losses = [cache_loss(head, cache_format(f"{family}-{bits}")).output for bits in (2, 4, 6, 8)]
        assert losses == sorted(losses, reverse=True)


def test_what_is_not_known_of_a_head_has_no_error():
    found = cache_loss(Intact.of(one_head(np.ones((2, 32)), np.eye(2, 32))), cache_format("q8_0"))
    unknown = [found.output, found.written, found.output_of_values, found.written_of_values, found.kept]
    assert np.isnan(unknown).all()
    nothing = Intact.of(one_head(np.ones((2, 32)), np.eye(2, 32), np.zeros((2, 32))))
    assert np.isnan(cache_loss(nothing, cache_format("q8_0")).output)
    head = drawn_head(7)
    assert np.isnan(cache_loss(Intact.of(head), cache_format("q8_0")).written)
    with pytest.raises(AssayError, match=r"shape of written = \(5, 32\)"):
        Intact.of(head, np.ones((5, 32)))
    with pytest.raises(AssayError, match="None without values"):
        Intact.of(one_head(np.ones((2, 32)), np.eye(2, 32)), np.ones((32, 5)))


def test_sets_keep_the_share_of_their_own_mass():
    head = drawn_head(4)
    sets = [TopSet(30, (2, 9)), TopSet(12, (12,))]
    after = head.weights(cache_format("token-2").rounded(head.keys))
    shares = [after[30, [2, 9]].sum() / head.weights()[30, [2, 9]].sum(), after[12, 12] / head.weights()[12, 12]]
    found = cache_loss(Intact.of(head), cache_format("token-2"), sets)
    assert found.kept == pytest.approx(min(shares) + 0.1 * abs(shares[0] - shares[1]))


# --- fewest bits


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("allowed", [0.3, 0.1, 0.02, 1e-4])
def test_the_fewest_bits_are_those_from_which_on_all_do(family, allowed):
    head = Intact.of(drawn_head(5))
    losses = {bits: cache_loss(head, cache_format(f"{family}-{bits}")) for bits in range(1, 9)}

    def fewest(error):
        return next(bits for bits in range(1, 10) if all(error(losses[more]) <= allowed for more in range(bits, 9)))

    found = fewest_bits(head, family, allowed=allowed)
    assert found.weights == fewest(lambda one: one.weights)
    assert found.keys == fewest(lambda one: one.output)
    assert found.values == fewest(lambda one: one.output_of_values)


def test_what_cannot_be_asked_has_no_answer():
    head = Intact.of(one_head(np.ones((2, 8)), np.eye(2, 8)))
    found = fewest_bits(head, "token")
    assert found.weights == 1  # zeros and ones are exact
    assert np.isnan([found.keys, found.values]).all()
    with pytest.raises(AssayError, match="family of cache formats 'block' is not known"):
        fewest_bits(head, "block")
    with pytest.raises(AssayError, match="allowed = 0"):
        fewest_bits(head, "token", allowed=0.0)
