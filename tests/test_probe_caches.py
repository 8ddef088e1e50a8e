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
from assay.probing.caches import cache_loss, eviction_loss, fewest_bits, kept_keys, kept_shares
from assay.probing.one_head import one_head
from assay.probing.purposes import Purpose, purposes
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


def by_loops(head, keys, values, visible=None):
    """Mean variation, its 95th percentile, relative and absolute change of the output, query by query."""
    visible = head.visible if visible is None else visible
    variations, changes, sizes = [], [], []
    for row, query in enumerate(head.queries):
        before = {j: math.exp(head.scale * query @ head.keys[j]) for j in np.flatnonzero(head.visible[row])}
        after = {j: math.exp(head.scale * query @ keys[j]) for j in np.flatnonzero(visible[row])}
        a = {j: weight / sum(before.values()) for j, weight in before.items()}
        b = {j: weight / sum(after.values()) for j, weight in after.items()}
        variations.append(sum(abs(a[j] - b.get(j, 0.0)) for j in a) / 2)
        plain = sum(weight * head.values[j] for j, weight in a.items())
        moved = sum(weight * values[j] for j, weight in b.items()) - plain
        changes.append(moved @ moved)
        sizes.append(plain @ plain)
    change = math.sqrt(np.mean(changes))
    return np.mean(variations), np.quantile(variations, 0.95), change / math.sqrt(np.mean(sizes)), change


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("of_keys", "of_values"), [("q4_0", None), ("exact", "token-3"), ("channel-2", "rotated-4")])
def test_losses_are_those_of_loops_over_queries_and_keys(causal, of_keys, of_values):
    head = drawn_head(1, causal=causal)
    keys = cache_format(of_keys).rounded(head.keys)
    values = head.values if of_values is None else cache_format(of_values).rounded(head.values)
    found = cache_loss(head, cache_format(of_keys), of_values and cache_format(of_values))
    assert (found.variation, found.worst, found.output, found.change) == pytest.approx(by_loops(head, keys, values))


def test_losses_through_a_projection_are_those_of_projected_outputs():
    head = drawn_head(7)
    rng = np.random.default_rng(0)
    projection, values = rng.standard_normal((32, 5)), cache_format("token-2").rounded(head.values)
    after = head.weights(cache_format("q4_0").rounded(head.keys))
    plain = head.weights() @ head.values @ projection
    found = cache_loss(head, cache_format("q4_0"), cache_format("token-2"), projection=projection)
    assert found.change == pytest.approx(math.sqrt(np.square(after @ values @ projection - plain).sum() / 40))
    assert found.output == pytest.approx(found.change / math.sqrt(np.square(plain).sum() / 40))
    assert eviction_loss(head, 40, projection=projection).change == 0
    evicted = one_head(head.queries, head.keys, head.values @ projection, causal=True)
    assert eviction_loss(head, 5, projection=projection).output == pytest.approx(eviction_loss(evicted, 5).output)
    with pytest.raises(AssayError, match=r"shape of projection = \(5, 32\)"):
        cache_loss(head, cache_format("q4_0"), projection=projection.T)


@given(seed=SEEDS, name=st.sampled_from(["q4_0", "token-1", "channel-2", "rotated-3", "q8_0"]), causal=st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_variation_is_below_its_bound(seed, name, causal):
    found = cache_loss(drawn_head(seed, length=33, causal=causal), cache_format(name))
    assert found.variation <= found.bound + 1e-12


def test_the_bound_is_met_by_two_keys_whose_scores_move_apart():
    # scores 1/3 and -1/3 with 1 bit: keys 0.3 and -0.3 stay, so move them by hand through the values of a query
    head = one_head([[1.0]], [[0.5], [-0.5]], scale=1.0)
    swapped = one_head([[1.0]], [[-0.5], [0.5]], scale=1.0)
    variation = np.abs(head.weights() - swapped.weights()).sum() / 2
    assert variation == pytest.approx(math.tanh(1.0 / 2))  # each score moved by 1


def test_exact_caches_lose_nothing_and_more_bits_lose_less():
    head = drawn_head(2)
    exact = cache_format("exact")
    assert cache_loss(head, exact, exact).output == 0
    for family in FAMILIES:
        losses = [cache_loss(head, cache_format(f"{family}-{bits}")).output for bits in (2, 4, 6, 8)]
        assert losses == sorted(losses, reverse=True)


def test_heads_without_values_have_no_error_of_the_output():
    head = one_head(np.ones((2, 32)), np.eye(2, 32))
    found = cache_loss(head, cache_format("q8_0"))
    assert np.isnan([found.output, found.change]).all()
    with pytest.raises(AssayError, match="values = q8_0"):
        cache_loss(head, cache_format("q8_0"), cache_format("q8_0"))
    nothing = one_head(np.ones((2, 32)), np.eye(2, 32), np.zeros((2, 3)))
    assert np.isnan(cache_loss(nothing, cache_format("q8_0")).output)


@pytest.mark.parametrize(("recent", "first"), [(1, 0), (4, 1), (7, 2), (99, 0)])
def test_evicted_keys_are_all_but_the_first_and_the_recent_ones(recent, first):
    head = drawn_head(3, length=12)
    kept = kept_keys(head, recent, first)
    for row in range(12):
        assert np.flatnonzero(kept[row]).tolist() == [
            place for place in range(row + 1) if place < first or place > row - recent
        ]
    found = eviction_loss(head, recent, first)
    expected = by_loops(head, head.keys, head.values, kept)
    assert (found.variation, found.worst, found.output, found.change) == pytest.approx(expected)
    assert np.isnan(found.bound)


@pytest.mark.parametrize(("recent", "first", "message"), [(0, 1, "recent = 0"), (1, -1, "first = -1")])
def test_evictions_that_leave_nothing_are_refused(recent, first, message):
    with pytest.raises(AssayError, match=message):
        eviction_loss(drawn_head(0), recent, first)


# --- fewest bits


def test_sets_keep_the_share_of_their_own_mass():
    head = drawn_head(4)
    sets = [Purpose("top", 30, (2, 9)), Purpose("top", 12, (12,))]
    after = head.weights(cache_format("token-2").rounded(head.keys))
    expected = [after[30, [2, 9]].sum() / head.weights()[30, [2, 9]].sum(), after[12, 12] / head.weights()[12, 12]]
    assert kept_shares(head, sets, cache_format("token-2")) == pytest.approx(expected)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("allowed", [0.3, 0.1, 0.02])
def test_the_fewest_bits_are_those_from_which_on_all_do(family, allowed):
    head = drawn_head(5)
    sets = purposes(head, list(range(40)), sizes=(2, 4))
    found = fewest_bits(head, family, sets, allowed=allowed)
    formats = {bits: cache_format(f"{family}-{bits}") for bits in range(1, 9)}

    def fewest(does):
        return next((bits for bits in formats if all(does(formats[more]) for more in range(bits, 9))), None)

    assert found.weights == fewest(lambda one: cache_loss(head, one).variation <= allowed)
    assert found.keys == fewest(lambda one: cache_loss(head, one).output <= allowed)
    assert found.values == fewest(lambda one: cache_loss(head, cache_format("exact"), one).output <= allowed)
    kept = {bits: np.quantile(kept_shares(head, sets, one), 0.1) for bits, one in formats.items()}
    assert found.sets == fewest(lambda one: kept[one.bits] >= 0.9)
    assert found.margins == pytest.approx([kept[bits] - 0.9 for bits in range(1, 9)])


def test_what_cannot_be_asked_has_no_answer():
    head = one_head(np.ones((2, 8)), np.eye(2, 8))
    found = fewest_bits(head, "token", allowed=1e-12)
    assert (found.sets, found.keys, found.values, found.margins) == (None, None, None, ())
    with pytest.raises(AssayError, match="family of cache formats 'block' is not known"):
        fewest_bits(head, "block")
    with pytest.raises(AssayError, match="allowed = 0"):
        fewest_bits(head, "token", allowed=0.0)
