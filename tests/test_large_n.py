"""Structured evaluation against plain softmax in more digits, and constructions at lengths and moduli that need it."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError, Match2, Match3, SparseAveraging, load
from assay.arithmetic.fixed_point import FixedPoint, fixed_point
from assay.constructions import build, cosine_unit, cyclic, parabola, third_order
from assay.constructions.trials import try_network
from assay.models.structured import SHORTEST, TAIL, triples
from assay.models.structured.positions import moment_averages, moment_reach
from assay.models.structured.profile import Profile
from assay.models.structured.residues import pair_mass, table_mass
from assay.models.structured.tiles import LONG, row_attention, shifted_attention
from assay.models.structured.transform import cyclic_convolution, transform_error
from assay.models.structured.triples import pair_counts, triple_mass

FORMING_SCORES = [cosine_unit, parabola, third_order, cyclic]


def cosine(total, modulus):
    return mpmath.cos(2 * mpmath.pi * (total % modulus) / modulus)


def plain_mass(scores, sink, others=()):
    """Share of exp(scores) beside exp(sink) and some others, in 60 digits."""
    with mpmath.workdps(60):
        real = mpmath.fsum(mpmath.exp(score - sink) for score in scores)
        return float(real / (real + 1 + mpmath.fsum(mpmath.exp(score - sink) for score in others)))


def plain_pairs(residues, modulus, temperature, sink):
    """softmax(c cos(2 pi (x_i + x_j) / M)) with a sink that scores c - sink."""
    with mpmath.workdps(60):
        return [
            plain_mass([temperature * cosine(x + y, modulus) for y in residues], temperature - mpmath.mpf(sink))
            for x in residues
        ]


def plain_triples(residues, modulus, temperature, sink):
    pairs = list(itertools.product(residues, repeat=2))
    with mpmath.workdps(60):
        return [
            plain_mass(
                [temperature * cosine(x + y + z, modulus) for y, z in pairs],
                temperature - mpmath.mpf(sink),
                [0] * (2 * len(residues)),
            )
            for x in residues
        ]


def usual(modulus, entries):
    """Temperature and sink as the units choose them: the gap between match and sink is ln(4 entries) at least."""
    gap = min(math.sin(math.pi / modulus) ** 2, 0.5)
    sink = math.log(4 * entries)
    return sink / gap, sink


def residues_of(modulus, least=1, most=9):
    """Sequences in which negatives, near misses, duplicates and halves of the modulus are frequent."""
    near = st.sampled_from([0, 1, modulus - 1, modulus // 2, (modulus + 1) // 2, modulus // 3, 7 % modulus])
    step = st.integers(-2, 2)
    special = st.tuples(near, step, st.sampled_from([1, -1])).map(lambda x: x[2] * (x[0] + x[1]) % modulus)
    return st.lists(special | st.integers(0, modulus - 1), min_size=least, max_size=most)


@pytest.mark.parametrize("modulus", [1, 2, 3, 4, 7, 16, 1009, 10**4, 10**9, 10**12, 10**12 + 39, 1 << 60])
def test_pairs_agree_with_the_exact_softmax_at_every_modulus(modulus):
    @settings(max_examples=15, deadline=None, database=None)
    @given(residues_of(modulus), st.sampled_from([0.0, 0.01, 0.3, 1.0]))
    def agrees(residues, share):
        hot, sink = usual(max(2, modulus), len(residues))
        temperature = hot * share
        found = pair_mass(np.array([residues]), Profile(modulus, temperature), sink * share)
        expected = plain_pairs(residues, modulus, temperature, sink * share)
        assert np.abs(found[0] - expected).max() <= 1e-12

    agrees()


@settings(max_examples=40, deadline=None, database=None)
@given(st.lists(st.integers(-4, 4) | st.integers(-(1 << 58), 1 << 58), min_size=1, max_size=8), st.floats(0, 30))
def test_pairs_on_the_line_agree_with_the_exact_softmax(points, temperature):
    found = pair_mass(np.array([points]), Profile(0, temperature), temperature)
    with mpmath.workdps(60):
        hot = mpmath.mpf(temperature)
        expected = [plain_mass([-2 * hot * (x + y) ** 2 for y in points], -hot) for x in points]
    assert np.abs(found[0] - expected).max() <= 1e-12


@pytest.mark.parametrize(
    ("way", "modulus"),
    [
        *[("grid", modulus) for modulus in (1, 2, 3, 8, 17, 1009, 10**7, 10**12, 1 << 60)],
        *[("transform", modulus) for modulus in (1, 2, 3, 8, 17, 1009, 10**5)],
    ],
)
def test_triples_agree_with_the_exact_softmax_whichever_way_they_are_counted(way, modulus, monkeypatch):
    monkeypatch.setattr(triples, "_prefers_transform", lambda *_: way == "transform")

    @settings(max_examples=12, deadline=None, database=None)
    @given(residues_of(modulus, most=5), st.sampled_from([0.0, 0.3, 1.0]))
    def agrees(residues, share):
        hot, sink = usual(max(2, modulus), (len(residues) + 1) ** 2)
        temperature, sink = hot * share, sink * share
        found = triple_mass(np.array([residues]), Profile(modulus, temperature), sink, mixed=temperature)
        expected = plain_triples(residues, modulus, temperature, sink)
        assert np.abs(found[0] - expected).max() <= 1e-12

    agrees()


def test_both_ways_of_counting_triples_are_taken_and_agree(monkeypatch):
    generator = np.random.default_rng(0)
    taken = set()
    for length, modulus in [(300, 601), (300, 10**6), (70, 10**9), (2000, 5000), (64, 2)]:
        residues = generator.integers(0, modulus, (2, length))
        hot, sink = usual(modulus, length**2)
        profile = Profile(modulus, hot)
        taken.add(triples._prefers_transform(residues, modulus, profile.reach(length**2, sink)))
        chosen = triple_mass(residues, profile, sink, mixed=hot)
        with monkeypatch.context() as patch:
            patch.setattr(triples, "_prefers_transform", lambda *_: False)
            assert np.abs(chosen - triple_mass(residues, profile, sink, mixed=hot)).max() <= 1e-13
    assert taken == {True, False}


def test_residues_are_taken_modulo_m():
    modulus, hot, sink = 11, 400.0, 30.0
    residues, profile = np.array([[3, 8, 1, 5]]), Profile(11, 400.0)
    shifted = residues + np.array([[11, -11, -22, 33]])
    assert np.array_equal(pair_mass(residues, profile, sink), pair_mass(shifted, profile, sink))
    assert np.array_equal(triple_mass(residues, profile, sink, hot), triple_mass(shifted, profile, sink, hot))
    table = profile.weight(0) * np.exp(-np.minimum(np.arange(modulus), modulus - np.arange(modulus)))
    assert np.array_equal(table_mass(residues, table, 1.0, 1e-6), table_mass(shifted, table, 1.0, 1e-6))


@given(st.integers(1, 40), st.data())
@settings(max_examples=40, deadline=None, database=None)
def test_pairs_are_counted_exactly(modulus, data):
    residues = data.draw(st.lists(st.integers(0, modulus - 1), min_size=1, max_size=30))
    points, counts = np.unique(residues, return_counts=True)
    expected = [0] * modulus
    for x, y in itertools.product(residues, repeat=2):
        expected[(x + y) % modulus] += 1
    assert pair_counts(points, counts, modulus).tolist() == expected


def test_a_convolution_that_rounding_may_spoil_is_not_used():
    points, counts = np.array([0, 5]), np.array([1 << 40, 1])
    assert pair_counts(points, counts, 1009) is None
    profile = Profile(1009, 1e6)
    assert triples._transformed(points, counts, profile, 2) is None


def test_the_bound_on_a_transform_holds_and_is_not_loose_by_many_digits():
    generator = np.random.default_rng(1)
    for modulus in (64, 1009, 4099):
        left = generator.integers(0, 1 << 20, modulus).astype(np.float64)
        exact = np.zeros(modulus, dtype=object)
        whole = left.astype(np.int64).astype(object)
        for shift, number in enumerate(whole):
            exact += number * np.roll(whole, shift)
        error = max(abs(round(a) - b) for a, b in zip(cyclic_convolution(left), exact, strict=True))
        bound = transform_error(modulus) * float(left @ left)
        assert error <= bound
        assert bound < 1e-11 * float(left @ left)


def test_a_table_of_weights_agrees_with_the_exact_softmax_or_is_refused():
    generator = np.random.default_rng(2)
    for modulus in (1, 2, 7, 30, 101):
        half = np.concatenate([[1.0], generator.random(modulus // 2) * 0.1])
        table = np.concatenate([half, half[1 : (modulus + 1) // 2][::-1]])
        residues = generator.integers(0, modulus, (2, 9))
        found = table_mass(residues, table, sink=3.0, allowed=1e-9)
        sums = table[(residues[:, :, None] + residues[:, None, :]) % modulus].sum(axis=2)
        assert np.abs(found - sums / (sums + math.exp(-3.0))).max() <= 1e-12
        assert table_mass(residues, table, sink=30.0, allowed=1e-9) is None


def test_what_is_left_out_is_as_little_as_is_said():
    circles = [(10**6, 1e13, 15.0, 10**5), (10**6, 1e9, 15.0, 10**5), (50, 20.0, 3.0, 40)]
    lines = [(0, 11.0, 11.0, 10**6), (0, 1e-5, 0.0, 10**6)]
    for modulus, temperature, sink, entries in circles + lines:
        profile = Profile(modulus, temperature)
        reach = profile.reach(entries, sink)
        if modulus == 0 or reach < modulus // 2:
            assert entries * profile.weight(reach + 1) <= TAIL * math.exp(-sink)
        if reach > 1:
            assert entries * profile.weight(reach - 1) > TAIL * math.exp(-sink)
    for sparsity, positions, temperature in [(1, 1000, 9.0), (3, 10**5, 3.0), (8, 10**6, 3e-5), (2, 50, 0.0)]:
        reach = moment_reach(sparsity, positions, temperature)
        weight = math.exp(-temperature * (reach + 1.0) ** (2 * sparsity))
        assert reach == positions or positions * weight <= TAIL * sparsity


@pytest.mark.parametrize("what", [math.nan, math.inf])
def test_weights_that_are_no_numbers_give_no_numbers(what):
    residues = np.array([[1, 2]])
    assert np.isnan(pair_mass(residues, Profile(5, what), 1.0)).all()
    assert np.isnan(triple_mass(residues, Profile(5, 1.0), 1.0, what)).all()
    assert np.isnan(moment_averages(np.ones((1, 2, 1)), np.array([[[0]]]), 2, what)).all()


@given(st.data())
@settings(max_examples=60, deadline=None, database=None)
def test_averages_near_pointers_agree_with_the_exact_softmax(data):
    length = data.draw(st.integers(1, 12))
    sparsity = data.draw(st.integers(1, min(4, length)))
    extra = data.draw(st.integers(0, 1))
    temperature = data.draw(st.sampled_from([0.0, 0.001, 0.1, 1.0, 9.0]))
    pointers = data.draw(st.permutations(range(length)))[:sparsity]
    values = np.random.default_rng(length).standard_normal((1, length, 2))
    found = moment_averages(values, np.array([[pointers]]), length + extra, temperature)[0, 0]
    with mpmath.workdps(60):
        scores = [math.prod((t - p) ** 2 for p in pointers) for t in range(length + extra)]
        weights = [mpmath.exp(-mpmath.mpf(temperature) * score) for score in scores]
        for axis in range(2):
            mean = mpmath.fdot(weights[:length], values[0, :, axis].tolist()) / mpmath.fsum(weights)
            assert abs(found[axis] - float(mean)) <= 1e-13


def in_plain_form(unit, inputs, monkeypatch):
    with monkeypatch.context() as patch:
        for module in FORMING_SCORES:
            patch.setattr(module, "SHORTEST", 1 << 40)
        return unit(inputs)


@pytest.mark.parametrize(
    ("task", "method", "rounding"),
    [
        (Match2(length=SHORTEST, modulus=2), "trigonometric", 1e-5),
        (Match2(length=300, modulus=301), "trigonometric", 1e-4),
        (Match2(length=300, modulus=90_000), "trigonometric", 1e-5),
        (Match2(length=300, modulus=2), "parabola", 1e-5),
        (Match2(length=300, modulus=10**9), "parabola", 1e-5),
        (Match2(length=300, modulus=500), "random-frequencies", 1e-4),
        (Match3(length=100, modulus=3), "third-order", 1e-5),
        (Match3(length=100, modulus=201), "third-order", 1e-4),
        (Match3(length=100, modulus=10**6), "third-order", 1e-5),
        (SparseAveraging(length=200, sparsity=1), "cyclic", 1e-12),
        (SparseAveraging(length=200, sparsity=5, dimension=2, layout="last"), "cyclic", 1e-12),
        (SparseAveraging(length=70, sparsity=30), "cyclic", 1e-12),
    ],
    ids=str,
)
def test_units_compute_the_same_function_without_their_scores(task, method, rounding, monkeypatch):
    unit = build(task, method=method)
    for distribution in task.distributions:
        if task.lacks(distribution) or distribution in ("adversarial", "gaussian"):
            continue
        inputs, targets, _ = task.sample(3, seed=0, distribution=distribution)
        outputs = unit(inputs)
        assert outputs.dtype == torch.float64
        assert (outputs - in_plain_form(unit, inputs, monkeypatch)).abs().max() <= rounding
        assert task.answer.errors(outputs, targets).max() <= unit.certificate().guaranteed_error


@pytest.mark.parametrize("modulus", [3_000, 10**5, 10**8, 10**9, 10**12, 1 << 60])
def test_match2_is_exact_at_moduli_that_no_float_holds(modulus):
    task = Match2(length=2000, modulus=modulus)
    unit = build(task)
    for distribution in ("planted", "hard"):
        inputs, targets, _ = task.sample(2, seed=3, distribution=distribution)
        brute = [[any((x + y) % modulus == 0 for y in row) for x in row] for row in inputs[:, :400].tolist()]
        found = unit(inputs)
        assert torch.equal(found > 0.5, targets > 0.5)
        assert (found - targets).abs().max() <= unit.certificate().guaranteed_error
        short = build(Match2(length=400, modulus=modulus))
        assert (short(inputs[:, :400]) > 0.5).tolist() == brute


def test_cosines_in_float64_err_where_sums_of_residues_do_not():
    modulus = 10**12
    residues = torch.tensor([[5, modulus - 5, 17, modulus - 16] * 20])
    hot, sink = usual(modulus, 80)
    labels = [[True, True, False, False] * 20]
    assert (pair_mass(residues.numpy(), Profile(modulus, hot), sink) > 0.5).tolist() == labels
    angles = 2 * math.pi / modulus * torch.where(2 * residues > modulus, residues - modulus, residues).double()
    cosines = (angles.unsqueeze(2) + angles.unsqueeze(1)).cos()
    scores = torch.cat([torch.full((1, 80, 1), hot * (1 - sink / hot)).double(), hot * cosines], dim=2)
    assert ((1 - torch.softmax(scores, dim=2)[:, :, 0]) > 0.5).tolist() != labels


def test_one_token_alone():
    for modulus, residue, label in [(10**12, 0, 1), (10**12, 5 * 10**11, 1), (10**12, 7, 0), (2, 1, 1), (3, 1, 0)]:
        unit = build(Match2(length=1, modulus=modulus))
        assert abs(unit(torch.tensor([[residue]])).item() - label) <= unit.certificate().guaranteed_error


def test_no_match_leaves_all_to_the_sink_and_all_the_same_residue_none():
    modulus = 10**12
    unit = build(Match2(length=1000, modulus=modulus))
    assert unit(torch.full((1, 1000), 1)).max() <= unit.certificate().guaranteed_error
    assert unit(torch.full((1, 1000), modulus // 2)).min() > 1 - 1e-3
    third = build(Match3(length=1000, modulus=3_000))
    assert third(torch.full((1, 1000), 1)).max() <= third.certificate().guaranteed_error
    assert third(torch.full((1, 1000), 1000)).min() > 1 - 1e-3


def test_altered_weights_take_the_plain_form_and_are_found_out():
    for method in ("trigonometric", "random-frequencies"):
        unit = build(Match2(length=100, modulus=150), method=method)
        unit.query.fill_(torch.nan)
        assert try_network(unit, "planted", 2).largest_error > 1e9
    unit = build(Match2(length=100, modulus=150), method="trigonometric")
    unit.key.mul_(-1)
    assert try_network(unit, "planted", 2).largest_error > 0.5


def test_fixed_point_still_forms_scores():
    numbers = FixedPoint(bits=4, fraction=2)
    for task, method in [
        (Match2(length=100, modulus=150), "trigonometric"),
        (Match2(length=100, modulus=150), "parabola"),
        (SparseAveraging(length=100, sparsity=2), "cyclic"),
        (Match3(length=64, modulus=90), "third-order"),
    ]:
        unit, inputs = build(task, method=method), task.sample(1, seed=0).inputs
        exact = unit(inputs)
        with fixed_point(unit, numbers):
            rounded = unit(inputs)
        assert not torch.equal(rounded.double(), exact)
        assert torch.equal(rounded, numbers.round(rounded))


def test_scores_that_64_bits_do_not_hold_are_not_formed():
    unit, residues = build(Match2(length=4, modulus=10**12)), torch.tensor([[1, 2, 3, 10**12 - 1]])
    assert (unit(residues) > 0.5).tolist() == [[True, False, False, True]]
    assert unit.size.precision == (2 * 10**24).bit_length() + 1
    with fixed_point(unit, FixedPoint(40, 0)), pytest.raises(AssayError, match="for scores in 64-bit integers"):
        unit(residues)
    unit.query.add_(1)
    with pytest.raises(AssayError, match="for scores in 64-bit integers"):
        unit(residues)


def test_a_large_unit_is_built_saved_loaded_and_checked(tmp_path):
    task = Match2(length=100_000, modulus=10**12)
    path = tmp_path / "unit.safetensors"
    build(task).save(path)
    unit = load(path)
    trial = try_network(unit, "planted", 3)
    assert trial.refused == 0
    assert trial.largest_error <= unit.certificate().guaranteed_error < 0.5


def test_averaging_at_a_hundred_thousand_positions():
    task = SparseAveraging(length=100_000, sparsity=3)
    unit = build(task, method="cyclic")
    inputs, targets, _ = task.sample(1, seed=0)
    assert task.answer.errors(unit(inputs), targets).max() <= unit.certificate().guaranteed_error


def test_match3_at_many_positions():
    task = Match3(length=20_000, modulus=8_000_000)
    unit = build(task)
    inputs, targets, _ = task.sample(1, seed=0, distribution="planted")
    assert (unit(inputs) - targets).abs().max() <= unit.certificate().guaranteed_error


# Dense attention in tiles


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("rows", "length"), [(1, 1), (3, 5000), (300, 2048), (257, 2049)])
def test_tiles_agree_with_the_plain_softmax(dtype, rows, length):
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = (
        torch.randn(2, count, width, generator=generator, dtype=torch.float64)
        for count, width in [(rows, 6), (length, 6), (length, 3)]
    )
    scores = queries @ keys.mT
    expected = torch.softmax(scores, dim=2) @ values
    found = shifted_attention(*(x.to(dtype) for x in (queries, keys, values, scores.amax(dim=2) - 1)))
    assert found.dtype == dtype
    by_rows = row_attention(queries.to(dtype), keys.to(dtype), values.to(dtype))
    for outputs in (found, by_rows):
        assert (outputs.double() - expected).abs().max() <= {torch.float32: 1e-5, torch.float64: 1e-13}[dtype]


@pytest.mark.parametrize("method", ["trigonometric", "random-frequencies"])
def test_pair_units_form_their_scores_by_rows(method, monkeypatch):
    task = Match2(length=LONG, modulus=700)
    unit = build(task, method=method)
    inputs = task.sample(2, seed=0).inputs
    embedded = unit.embedded(inputs)
    dense = unit.answers(embedded)
    monkeypatch.setattr(cosine_unit, "LONG", 1 << 40)
    assert (dense - unit.answers(embedded)).abs().max() <= 1e-4
    assert (dense - unit(inputs)).abs().max() <= 1e-4


@pytest.mark.parametrize("layout", ["all", "last"])
@pytest.mark.parametrize("dimension", [1, 3])
def test_averaging_units_compute_the_same_in_tiles(layout, dimension, monkeypatch):
    task = SparseAveraging(length=LONG + 60, sparsity=2, dimension=dimension, layout=layout)
    unit = build(task, method="reed-solomon")
    inputs, targets, _ = task.sample(1, seed=0)
    inputs.pointers[0, -1] = inputs.pointers[0, -1].flip(0)
    outputs = unit(inputs)
    monkeypatch.setattr("assay.constructions.averaging_unit.LONG", 1 << 40)
    plain = unit(inputs)
    assert plain.shape == outputs.shape
    assert (outputs - plain).abs().max() <= 1e-5
    assert task.answer.errors(outputs, targets).max() <= unit.certificate().guaranteed_error


@pytest.mark.parametrize("factor", [-100.0, -1.0, 0.0, 0.5, 10.0, 1000.0, math.inf])
def test_a_temperature_that_was_altered_gives_what_the_scores_give(factor):
    unit = build(Match2(length=64, modulus=101), method="trigonometric")
    unit.query.mul_(factor)
    residues = torch.arange(64).repeat(2, 1) * 7 % 101
    found, formed = unit(residues), unit.answers(unit.embed(residues))
    assert torch.allclose(found.double(), formed.double(), atol=1e-4, equal_nan=True)


def test_cyclic_keys_have_gradients_at_any_length():
    for length in (32, 64):
        task = SparseAveraging(length=length, sparsity=2)
        (values, pointers), _, _ = task.sample(1, seed=0)
        unit = build(task, method="cyclic")
        fast = unit((values, pointers))
        slow = unit((values.clone().requires_grad_(), pointers))
        assert slow.requires_grad
        assert torch.allclose(fast, slow, atol=1e-9)
