"""Proofs of the matching constructions: what they prove, what they refuse, and that measured errors are within it."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from assay import AssayError, Match2, Match3, Match3Bigram, Match3Local
from assay.arithmetic.rounding import circle_error, exact, underflow, upper, weight_roundings
from assay.constructions import CONSTRUCTIONS, build
from assay.layers.kernels.strassen import _by_products, strassen_attention
from assay.layers.kernels.third_order import Inputs, Mask, _forward, dense
from assay.proofs import PROOFS, certify
from assay.proofs.certificate_file import verify, write_certificate
from assay.proofs.gather import _radius
from assay.proofs.presence import moved_mass, nearest_miss, presence_bound, wrong_mass
from assay.proofs.proof import Stored, prove
from assay.proofs.random_frequencies import _worst_miss

ANY = ["gather", "store-residues", "copy-residues"]
MATCH2 = ["trigonometric", "parabola", "random-frequencies"]
MATCH3 = ["third-order", "strassen"]
CASES = [
    *[(Match2(length=n, modulus=m), method) for n, m in [(1, 2), (5, 3), (64, 101), (256, 4099)] for method in MATCH2],
    (Match2(length=256, modulus=10**6), "trigonometric"),
    (Match2(length=16, modulus=30_011), "random-frequencies"),
    (Match2(length=256, modulus=(1 << 31) - 1), "parabola"),
    (Match2(length=4, modulus=18_000_000), "trigonometric"),
    *[(Match3(length=n, modulus=m), method) for n, m in [(1, 2), (4, 5), (70, 12), (600, 10**6)] for method in MATCH3],
    (Match3(length=2, modulus=9_000_000), "third-order"),
    (Match3(length=2, modulus=1 << 23), "strassen"),
    *[(Match3Bigram(length=n, modulus=m), "bigram") for n, m in [(1, 2), (2, 2), (64, 90), (256, 10**6)]],
    *[
        (Match3Local(length=n, window=k, modulus=m), "window")
        for n, k, m in [(1, 3, 2), (5, 2, 5), (32, 1, 22), (64, 2, 10**6)]
    ],
    *[(Match3(length=n, modulus=m), method) for n, m in [(1, 2), (2, 3), (300, 10**6)] for method in ANY],
]
SMALL = [
    *[(Match2(length=3, modulus=7), method) for method in [*MATCH2, *ANY]],
    *[(Match2(length=1, modulus=2), method) for method in MATCH2],
    *[(Match3(length=3, modulus=7), method) for method in [*MATCH3, *ANY]],
    *[(Match3(length=1, modulus=2), method) for method in MATCH3],
    (Match3Bigram(length=4, modulus=5), "bigram"),
    (Match3Local(length=4, window=1, modulus=5), "window"),
]
# Strassen heads' temperature is a power of 4, so that rounding may be all that is left of their error. The proof counts
# what products of exponentials round and underflow by as well: at most 2 (29 + 4 N + 24 - 2 (N + 1)^2) units.
OF_PRODUCTS = 64 * 2.0**-53


def every_input(task):
    return torch.tensor(list(itertools.product(range(task.modulus), repeat=task.length)))


def altered(tensor, place, steps):
    """The entry at a place changed by 1 if it is a whole number, else by some units in the last place."""
    changed = tensor.clone().flatten()
    if tensor.is_floating_point():
        for _ in range(steps):
            changed[place] = torch.nextafter(changed[place], torch.tensor(torch.inf, dtype=tensor.dtype))
    else:
        changed[place] += 1
    return changed.view_as(tensor)


@pytest.mark.parametrize("tolerance", [0.25, pytest.param(1e-3, marks=pytest.mark.long), 1e-7])
@pytest.mark.parametrize(("task", "method"), CASES, ids=str)
def test_what_is_proved_is_what_the_certificate_states(task, method, tolerance):
    unit = build(task, method=method, tolerance=tolerance)
    proof = certify(unit)
    stated = unit.certificate().guaranteed_error
    allowed = OF_PRODUCTS if method == "strassen" else 0
    assert 0 <= proof.guaranteed_error <= stated * (1 + 1e-3) + allowed
    assert proof.guaranteed_error <= tolerance * (1 + 1e-6)
    assert proof.arithmetic == unit.certificate().dtype
    assert not proof.refuses
    assert all(step.statement and step.how for step in proof.steps)


def test_both_dtypes_are_proved():
    for task, method in CASES:
        if method in ("trigonometric", "third-order", "parabola", "bigram"):
            assert "float64" in certify(build(task, method=method, tolerance=1e-7)).arithmetic
    for method in MATCH2:
        assert certify(build(Match2(length=64, modulus=101), method=method)).arithmetic == "float32"
    assert certify(build(Match3(length=70, modulus=12), method="third-order")).arithmetic == "float32"


def test_every_matching_construction_has_a_proof():
    matching = {"match2", "match3", "match3-bigram", "match3-local"}
    methods = [name for name in CONSTRUCTIONS.names() if matching & set(CONSTRUCTIONS[name].solves)]
    assert set(methods) <= set(PROOFS.names())
    assert {method for _, method in CASES} == set(methods)


@pytest.mark.parametrize("tolerance", [0.49, 0.1, 1e-6])
@pytest.mark.parametrize(("task", "method"), SMALL, ids=str)
def test_measured_errors_on_all_inputs_stay_within_what_is_proved(task, method, tolerance):
    unit = build(task, method=method, tolerance=tolerance)
    inputs = every_input(task)
    assert task.answer.errors(unit(inputs), task.targets(inputs)).max() <= certify(unit).guaranteed_error


@pytest.mark.parametrize("modulus", [5, 3000])
@pytest.mark.parametrize("method", MATCH3)
def test_measured_errors_of_the_kernels_stay_within_what_is_proved(method, modulus):
    """At 80 tokens the kernels use tiles, the flash operator and products of exponentials."""
    task = Match3(length=80, modulus=modulus)
    unit = build(task, method=method, tolerance=0.01)
    batch = 8
    for distribution in ("planted", "hard"):
        if task.lacks(distribution):
            continue
        inputs, targets, _ = task.sample(batch, seed=0, distribution=distribution)
        assert task.answer.errors(unit(inputs), targets).max() <= certify(unit).guaranteed_error


EXACT = [(task, method) for task, method in SMALL if method not in ("bigram", "gather", "random-frequencies")]


@pytest.mark.parametrize(("task", "method"), EXACT, ids=str)
def test_any_altered_number_is_refused(task, method):
    stored = Stored.of(build(task, method=method))
    for name, tensor in stored.tensors.items():
        for place in range(tensor.numel()):
            with pytest.raises(AssayError):
                prove(replace(stored, tensors={**stored.tensors, name: altered(tensor, place, 1)}))


@pytest.mark.parametrize("notch", [0, 40])
@pytest.mark.parametrize(
    ("task", "method"), [(Match3Bigram(length=4, modulus=5), "bigram"), (Match3(length=5, modulus=7), "gather")]
)
def test_points_on_the_circle_may_be_off_by_rounding_and_no_more(task, method, notch):
    """Libraries differ in the last place of a cosine: what cannot be told from that is accepted, and is as good."""
    stored = Stored.of(build(task, method=method))
    for name, tensor in stored.tensors.items():
        circle = name in ("points", "keys", "queries")
        for place in range(tensor.numel()):
            changed = altered(tensor, place, 1)
            if circle and notch:
                changed = tensor.clone()
                changed.view(-1)[place] += notch * 2.0**-53 * tensor.abs().max()
            other = replace(stored, tensors={**stored.tensors, name: changed})
            if circle and not notch and tensor.flatten()[place].abs() > 1e-3 * tensor.abs().max():
                assert prove(other).guaranteed_error == prove(stored).guaranteed_error
            elif notch or not circle:
                with pytest.raises(AssayError):
                    prove(other)


def test_other_frequencies_are_judged_by_what_they_separate():
    """By brute force over all residues: refused where a miss comes too near, else proved with what the misses are."""
    task = Match2(length=3, modulus=41)
    stored = Stored.of(build(task, method="random-frequencies"))
    assert len(stored.tensors["frequencies"]) > 1
    refused = 0
    for place, frequency in itertools.product(range(len(stored.tensors["frequencies"])), range(0, 41, 3)):
        frequencies = stored.tensors["frequencies"].clone()
        frequencies[place] = frequency
        worst = max(
            sum(math.cos(2 * math.pi * f * s / 41) for f in frequencies.tolist()) / len(frequencies)
            for s in range(1, 41)
        )
        other = replace(stored, tensors={**stored.tensors, "frequencies": frequencies})
        if worst < 0.75 - 1e-3:  # where the sink is
            assert worst - 1e-13 <= _worst_miss(frequencies, 41) <= worst + 1e-12
            proved = prove(other).guaranteed_error
            assert worst > 0.5 or proved <= prove(stored).guaranteed_error * (1 + 1e-3)
            assert worst < 0.55 or proved > 1.05 * prove(stored).guaranteed_error
        else:
            refused += 1
            with pytest.raises(AssayError, match="keep a gap"):
                prove(other)
    assert refused


@pytest.mark.parametrize(("task", "method"), [case for case in SMALL if case[1] not in ANY], ids=str)
def test_another_task_is_refused(task, method):
    stored = Stored.of(build(task, method=method))
    tasks = [Match2, Match3, Match3Bigram]
    for other in tasks:
        if not isinstance(task, other):
            with pytest.raises(AssayError, match="computes"):
                prove(replace(stored, task=other(length=task.length, modulus=task.modulus)))


@pytest.mark.parametrize("method", ["trigonometric", "random-frequencies"])
@pytest.mark.parametrize("gap", [0.0, -0.1, 1.0, 1e-12, 0.999, math.nan])
def test_a_gap_that_does_not_fit_is_refused(method, gap):
    stored = Stored.of(build(Match2(length=8, modulus=101), method=method))
    with pytest.raises(AssayError):
        prove(replace(stored, settings={**stored.settings, "gap": gap}))


@pytest.mark.parametrize("method", ["trigonometric", "random-frequencies"])
def test_a_colder_query_proves_less_and_a_hotter_one_more(method):
    stored = Stored.of(build(Match2(length=8, modulus=31), method=method, tolerance=0.1))
    proved = {
        factor: prove(
            replace(stored, tensors={**stored.tensors, "query": factor * stored.tensors["query"]})
        ).guaranteed_error
        for factor in (0.5, 1.0, 2.0)
    }
    assert proved[0.5] > 1.5 * proved[1.0] > 2 * proved[2.0]
    with pytest.raises(AssayError, match="keep a gap"):
        prove(replace(stored, tensors={**stored.tensors, "query": -stored.tensors["query"]}))


@pytest.mark.parametrize(
    ("task", "method"), [(Match2(length=8, modulus=31), "parabola"), (Match3Bigram(length=8, modulus=31), "bigram")]
)
def test_a_tolerance_that_warms_the_softmax_is_seen(task, method):
    """Where the temperature follows from the tolerance in the settings, another tolerance proves another error."""
    stored = Stored.of(build(task, method=method, tolerance=0.01))
    warm = prove(replace(stored, settings={**stored.settings, "tolerance": 0.4}))
    assert warm.guaranteed_error > 0.3 > 0.01 >= prove(stored).guaranteed_error


def test_a_third_order_temperature_that_the_settings_do_not_give_is_refused():
    stored = Stored.of(build(Match3(length=8, modulus=31), method="third-order", tolerance=0.01))
    with pytest.raises(AssayError, match="temperature"):
        prove(replace(stored, settings={**stored.settings, "tolerance": 0.4}))


def test_a_narrower_root_proves_less_until_nothing():
    stored = Stored.of(build(Match3(length=8, modulus=31), method="strassen", tolerance=0.1))
    errors = [
        prove(replace(stored, tensors={"root": stored.tensors["root"] * factor})).guaranteed_error
        for factor in (1, 0.5, 0.25)
    ]
    assert errors[0] < errors[1] < errors[2]
    assert errors[2] > 0.5
    for root in (3.0, 0.0, -4.0, math.inf, math.nan):
        with pytest.raises(AssayError):
            prove(replace(stored, tensors={"root": torch.tensor(root, dtype=torch.float64)}))


def test_a_window_whose_averages_are_too_coarse_is_refused():
    stored = Stored.of(build(Match3Local(length=6, window=1, modulus=9), method="window"))
    unit = stored.settings["unit"]
    halved = {**stored.settings, "unit": {**unit, "temperature": unit["temperature"] / 2}}
    tensors = {**stored.tensors, "unit.query": stored.tensors["unit.query"] / 2}
    with pytest.raises(AssayError, match="read off"):
        prove(replace(stored, settings=halved, tensors=tensors))
    with pytest.raises(AssayError, match="none of sign"):
        prove(replace(stored, settings={**stored.settings, "keys": "heads"}))


def test_a_window_without_a_query_is_refused():
    """Two equal keys that one window holds both of and the next only one."""
    unit = build(Match3Local(length=6, window=1, modulus=9), method="window")
    assert unit.settings["keys"] == "sign"
    unit.unit.keys[2] = unit.unit.keys[0]
    with pytest.raises(AssayError, match="every window has a query"):
        certify(unit)


def test_windows_with_reed_solomon_keys_are_proved():
    unit = build(Match3Local(length=5, window=2, modulus=10**9), method="window")
    assert unit.settings["keys"] == "reed-solomon"
    proof = certify(unit)
    assert proof.guaranteed_error == 0
    assert any("polynomials" in step.how for step in proof.steps)


@given(
    entries=st.integers(1, 200),
    above=st.integers(0, 3),
    gap=st.floats(0.01, 30.0),
    spread=st.floats(0.0, 0.5),
    seed=st.integers(0, 10**6),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_the_presence_bound_holds_for_scores_as_it_is_told(entries, above, gap, spread, seed, dtype):
    """A softmax in floating point against 0 or 1, and its rounding against a softmax of the same scores in balls."""
    random = torch.rand(entries, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    above = min(above, entries)
    scores = torch.cat([torch.zeros(1, dtype=torch.float64), -gap - 5 * random])
    if above:
        scores[1 : above + 1] = gap + spread * random[:above]
    scores = scores.to(dtype)
    found_gap, reals = math.inf, scores[1:].double().tolist()
    for real in reals:
        found_gap = min(found_gap, abs(real))
    values = torch.ones(entries + 1, dtype=dtype)
    values[0] = 0
    mass = (torch.softmax(scores, dim=0) @ values).item()
    weights = [exact(score).exp() for score in scores.double().tolist()]
    exactly = sum(weights[1:], arb(0)) / sum(weights, arb(0))
    kept, wide = exact(found_gap), exact(spread + 1e-5)
    roundings = weight_roundings(entries + 1) + entries
    bound = presence_bound(entries, kept, wide, roundings, dtype)
    assert abs(mass - (above > 0)) <= upper(bound)
    assert abs(exact(mass) - exactly) <= bound - wrong_mass(entries, kept)


def test_wrong_and_moved_mass_contain_their_formulas():
    for entries, gap in itertools.product((1, 7, 10**6), (0.5, 3.0, 30.0)):
        off = entries * math.exp(-gap)
        assert off / (1 + off) == pytest.approx(float(wrong_mass(entries, arb(gap))), rel=1e-12)
        u = 2.0**-24
        distances = [gap + k / 100 for k in range(1000)]
        largest = max(math.exp(-d) * math.expm1(u * d) for d in distances)
        moved = upper(moved_mass(entries, arb(gap), arb(0), torch.float32))
        assert entries * largest <= moved * (1 + 1e-9)
    with pytest.raises(AssayError, match="keep a gap"):
        wrong_mass(3, arb(0, 1e-9))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_of_residues_are_as_near_the_circle_as_is_taken_for_granted(dtype):
    from assay.constructions.presence import residue_angles

    bound = circle_error(dtype)
    for modulus in (7, 1009, (1 << 40) + 15):
        residues = torch.arange(0, modulus, max(1, modulus // 200))
        angles = residue_angles(residues, modulus)
        for x, cos, sin in zip(
            residues.tolist(), angles.cos().to(dtype).tolist(), angles.sin().to(dtype).tolist(), strict=True
        ):
            angle = 2 * arb.pi() * x / modulus
            off = ((exact(cos) - angle.cos()) ** 2 + (exact(sin) - angle.sin()) ** 2).sqrt()
            assert off <= bound


def test_the_nearest_miss_is_the_largest_cosine():
    for modulus in (2, 3, 4, 5, 100):
        largest = max(math.cos(2 * math.pi * s / modulus) for s in range(1, modulus))
        assert largest == pytest.approx(float(nearest_miss(modulus)), abs=1e-15)


def test_the_average_of_points_is_as_long_as_it_is_said():
    for length in (1, 2, 3, 50):
        angles = 2 * math.pi / length * torch.arange(length, dtype=torch.float64)
        points = torch.stack([angles.cos(), angles.sin()], dim=1)
        average = torch.softmax(points @ points.T, dim=1) @ points
        assert torch.allclose(average.norm(dim=1), torch.full((length,), float(_radius(length)), dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_forms_of_the_third_order_kernel_are_within_the_bound_on_rounding(dtype):
    """Flash and streaming on the scores of a match and a sink, against the dense form in float64."""
    from assay.constructions.presence import Arithmetic
    from assay.constructions.s_order_unit import match_factors
    from assay.proofs.third_order import _kernel_bound

    task = Match3(length=70, modulus=9)
    residues = task.sample(2, seed=0, distribution="planted").inputs
    c = 40.0
    query, keys, value = match_factors(residues, task.modulus, 3, Arithmetic(dtype, c, 0.0))
    inputs = Inputs(query, *keys, value, value)
    exactly = dense(Inputs(*(x.double() for x in inputs)), Mask(causal=False, window=None))
    bound, gap = _kernel_bound(71, arb(c * 0.1), arb(1e-4), dtype)
    rounding = bound - wrong_mass(71**2 - 1, gap)
    for flash in (False, True):
        found, state = _forward(inputs, None, flash)
        assert (type(state).__name__ == "Flashed") == flash
        assert (found.double() - exactly).abs().max() <= upper(rounding)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_computed_scores_are_within_what_is_proved_of_them(dtype):
    """All triples of some residues, as the plain unit computes them, against cosines in balls."""
    from assay.constructions.presence import Arithmetic
    from assay.constructions.s_order_unit import match_factors
    from assay.proofs.third_order import _score_error

    c, modulus = 1000.0, 1_000_003
    chosen = [0, 1, 2, 250_001, 333_334, 500_001, 777_777, 1_000_002]
    query, (key1, key2), _ = match_factors(torch.tensor([chosen]), modulus, 3, Arithmetic(dtype, c, 0.0))
    scores = torch.einsum("im,jm,km->ijk", query[0], key1[0, 1:], key2[0, 1:]).double()
    bound = c * _score_error(dtype)
    for (i, x), (j, y), (k, z) in itertools.product(enumerate(chosen), repeat=3):
        exactly = c * (2 * arb.pi() * (x + y + z) / modulus).cos()
        assert abs(exact(scores[i, j, k].item()) - exactly) <= bound


def test_near_misses_at_the_largest_modulus_stay_within_what_is_proved():
    for task, method in [
        (Match2(length=64, modulus=18_000_000), "trigonometric"),
        (Match3(length=16, modulus=9_000_000), "third-order"),
        (Match3(length=8, modulus=48_000_000_000_000), "gather"),
        (Match3Bigram(length=1000, modulus=30_000_000), "bigram"),
    ]:
        unit = build(task, method=method)
        inputs, targets, _ = task.sample(10, seed=0, distribution="planted")
        assert 0 < targets.mean() < 1
        assert task.answer.errors(unit(inputs), targets).max() <= certify(unit).guaranteed_error


def test_products_of_exponentials_are_within_what_is_allowed_them():
    """Heads at 20 tokens by products, against sums of scores."""
    task = Match3(length=20, modulus=31)
    unit = build(task, method="strassen")
    residues = task.sample(50, seed=0, distribution="planted").inputs
    value = torch.ones(50, 21, 1, dtype=torch.float64)
    value[:, 0] = 0
    for total in (31, 62):
        f, g, h = unit.factors(residues, total)
        by_products = _by_products(f @ g.mT, g @ h.mT, f @ h.mT, value, value)
        scores = torch.einsum("bim,bjm->bij", f, g).unsqueeze(3) + torch.einsum("bjm,bkm->bjk", g, h).unsqueeze(1)
        scores = scores + torch.einsum("bim,bkm->bik", f, h).unsqueeze(2)
        weights = torch.softmax(scores.flatten(2), dim=2).view_as(scores)
        expected = weights[:, :, 1:, 1:].sum(dim=(2, 3))
        assert (by_products.squeeze(2) - expected).abs().max() <= 200 * 2.0**-53
        assert torch.allclose(strassen_attention(f, g, h, value, value), by_products, atol=1e-13)


def test_underflow_is_counted():
    assert 0 < upper(underflow(4, torch.float32)) < 1e-37
    assert upper(underflow(4, torch.float64)) < 1e-306


@pytest.mark.parametrize(("task", "method"), [(task, method) for task, method in SMALL if task.length > 1], ids=str)
def test_certificates_of_matching_networks_can_be_written_and_verified(task, method, tmp_path):
    unit = build(task, method=method)
    write_certificate(unit, tmp_path / "unit.safetensors", tmp_path / "unit.json")
    result = verify(tmp_path / "unit.json")
    assert result.holds, result.reason


def test_a_parabola_is_proved_where_no_score_fits_into_64_bits():
    unit = build(Match2(length=100, modulus=10**12), method="parabola")
    proof = certify(unit)
    assert unit.certificate().guaranteed_error * 0.999 <= proof.guaranteed_error <= unit.certificate().guaranteed_error
    assert any("M <= 2^60" in step.how for step in proof.steps)
