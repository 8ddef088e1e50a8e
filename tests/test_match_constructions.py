"""Explicit weights for the matching tasks: right on all inputs that can be enumerated, refused where they would not be.

Answers are compared with the task's own, which test_match_labels holds against the definitions.
"""

import itertools
import math

import pytest
import torch

from assay import AssayError, CertificateError, Match2, Match3, Match3Bigram, Match3Local, load
from assay.constructions import build
from assay.constructions.bigram import NeighboursThenPartner
from assay.constructions.random_frequencies import separating_frequencies, worst_miss
from assay.constructions.s_order_unit import even_sets, match_mass, s_order_attention
from assay.constructions.strassen import StrassenHeads
from assay.constructions.trials import checkable, try_network
from assay.constructions.trigonometric import holds
from assay.layers.kernels.third_order import third_order_attention

ANY = ["gather", "store-residues", "copy-residues"]
MATCH2 = ["trigonometric", "parabola", "random-frequencies"]
MATCH3 = ["third-order", "strassen"]
ALL_INPUTS = [
    *[(Match2(length=n, modulus=m), method) for n, m in [(5, 5), (4, 7), (3, 25), (1, 2), (2, 4)] for method in MATCH2],
    *[(Match3(length=n, modulus=m), method) for n, m in [(4, 5), (3, 7), (2, 16), (1, 3)] for method in MATCH3],
    *[(Match3Bigram(length=n, modulus=m), "bigram") for n, m in [(5, 3), (4, 6), (1, 3), (2, 4)]],
    *[
        (Match3Local(length=n, window=k, modulus=m), "window")
        for n, k, m in [(5, 2, 5), (3, 1, 7), (4, 2, 5), (1, 1, 3)]
    ],
    *[(Match2(length=4, modulus=6), method) for method in ANY],
    *[(Match3(length=3, modulus=8), method) for method in ANY],
    *[(Match3Bigram(length=4, modulus=4), method) for method in ANY],
    *[(Match3Local(length=5, window=1, modulus=4), method) for method in ANY],
]


def every_input(task):
    return torch.tensor(list(itertools.product(range(task.modulus), repeat=task.length)))


@pytest.mark.parametrize(("task", "method"), ALL_INPUTS, ids=lambda x: str(x))
def test_right_on_all_inputs(task, method):
    residues = every_input(task)
    unit = build(task, method=method)
    outputs, targets = unit(residues), task.targets(residues)
    assert outputs.shape == residues.shape
    assert torch.equal(outputs > 0.5, targets > 0.5)
    assert (outputs.double() - targets).abs().max() <= unit.certificate().guaranteed_error


@pytest.mark.parametrize(
    ("task", "method"),
    [
        *[(Match2(length=256, modulus=370), method) for method in MATCH2],
        *[(Match2(length=256, modulus=10**6), method) for method in MATCH2[:2]],
        (Match2(length=256, modulus=10**9), "parabola"),
        *[(Match3Bigram(length=256, modulus=m), "bigram") for m in (370, 10**6)],
        *[(Match3Local(length=256, window=2, modulus=m), "window") for m in (22, 10**6)],
        *[(Match3(length=64, modulus=m), method) for m in (3000, 10**6) for method in MATCH3],
    ],
    ids=lambda x: str(x),
)
def test_no_error_on_random_near_miss_and_hard_inputs(task, method):
    unit = build(task, method=method)
    for distribution in checkable(unit):
        trial = try_network(unit, distribution, 20)
        assert trial.largest_error <= unit.certificate().guaranteed_error < 0.5
        assert trial.refused == 0


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("distribution", ["uniform", "planted"])
@pytest.mark.parametrize(
    ("task", "method"),
    [
        *[(Match2(length=256, modulus=m), method) for m in (10**3, 10**6) for method in MATCH2],
        (Match2(length=256, modulus=10**9), "parabola"),
        *[(Match3(length=256, modulus=m), method) for m in (47_000, 10**6) for method in MATCH3],
        *[(Match3Bigram(length=256, modulus=m), "bigram") for m in (370, 10**6)],
        *[(Match3Local(length=256, window=3, modulus=m), "window") for m in (40, 10**6)],
    ],
    ids=lambda x: str(x),
)
def test_no_error_over_a_thousand_inputs_of_length_256_for_each_method(task, method, distribution):
    unit = build(task, method=method)
    assert try_network(unit, distribution, 250).largest_error <= unit.certificate().guaranteed_error < 0.5


@pytest.mark.parametrize(
    ("task", "method"),
    [
        (Match2(length=64), "trigonometric"),
        (Match2(length=64, modulus=10**6), "parabola"),
        (Match3(length=64), "third-order"),
        (Match3Bigram(length=64), "bigram"),
        (Match3Local(length=64, window=1), "window"),
    ],
)
def test_the_preferred_method(task, method):
    assert build(task).method == method


def test_saved_and_loaded_networks_are_the_same(tmp_path):
    for task in (Match2(length=8), Match3(length=8), Match3Bigram(length=8), Match3Local(length=8, window=1)):
        unit, path = build(task), tmp_path / f"{task.name}.safetensors"
        unit.save(path)
        again = load(path)
        residues = task.sample(5, seed=0).inputs
        assert torch.equal(again(residues), unit(residues))
        assert again.certificate() == unit.certificate()


@pytest.mark.parametrize(
    ("task", "method", "words"),
    [
        (Match2(length=8, modulus=10**8), "trigonometric", "rounding in float64"),
        (Match2(length=8, modulus=1 << 25), "random-frequencies", "to be checked"),
        (Match3(length=8, modulus=10**8), "third-order", "rounding in float64"),
        (Match3(length=8, modulus=1 << 24), "strassen", "for float64"),
        (Match3Bigram(length=4096, modulus=10**9), "bigram", "must be read off"),
        (Match3(length=1024, modulus=1 << 45), "gather", "for gather at N = 1024"),
        (Match3(length=5000), "gather", "memory O"),
        (Match3(length=8), "parabola", "solves match2, not match3"),
    ],
)
def test_what_the_arithmetic_does_not_carry_is_refused_with_the_reason(task, method, words):
    with pytest.raises(AssayError, match=words):
        build(task, method=method)


def test_limits_are_where_the_documentation_says():
    for modulus, dtype in [(1_190, "float32"), (1_220, "float64"), (18_000_000, "float64")]:
        assert build(Match2(length=8, modulus=modulus), method="trigonometric").certificate().dtype == dtype
    for modulus, dtype in [(880, "float32"), (900, "float64"), (9_000_000, "float64")]:
        assert build(Match3(length=8, modulus=modulus)).certificate().dtype == dtype
    for task, method in [
        (Match2(length=8, modulus=20_000_000), "trigonometric"),
        (Match3(length=8, modulus=9_500_000), None),
    ]:
        with pytest.raises(AssayError, match="rounding in float64"):
            build(task, method=method)


@pytest.mark.parametrize("tolerance", [0, 0.5, 1.0, -1])
def test_a_tolerance_that_says_nothing_is_refused(tolerance):
    with pytest.raises(AssayError, match=r"at most 0\.49"):
        build(Match2(length=8), tolerance=tolerance)


def test_float32_is_used_where_it_holds_the_margin_and_not_beyond():
    assert holds(torch.float32, 1_000)
    assert not holds(torch.float32, 2_000)
    assert build(Match2(length=16, modulus=1_000), method="trigonometric").certificate().dtype == "float32"
    assert build(Match2(length=16, modulus=2_000), method="trigonometric").certificate().dtype == "float64"
    assert build(Match3(length=16, modulus=100)).certificate().dtype == "float32"
    assert build(Match3(length=16, modulus=10**6)).certificate().dtype == "float64"


def test_float32_beyond_its_limit_is_wrong():
    """The refusal is not timid by orders of magnitude: forced into float32 at M = 30,000 the unit errs."""
    task = Match2(length=64, modulus=30_000)
    unit = build(task, method="trigonometric").float()
    unit.arithmetic = unit.arithmetic.__class__(torch.float32, unit.arithmetic.temperature, 0.0)
    residues, targets, _ = task.sample(200, seed=0, distribution="planted")
    assert ((unit.answers(unit.embedded(residues)) > 0.5) != (targets > 0.5)).any()


@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_unit_of_any_order_matches_that_many_residues(order):
    assert len(even_sets(order)) == 2 ** (order - 1)
    length, modulus = {2: (4, 9), 3: (4, 7), 4: (3, 8)}[order]
    residues = torch.tensor(list(itertools.product(range(modulus), repeat=length)))
    expected = torch.tensor(
        [
            [any((x + sum(rest)) % modulus == 0 for rest in itertools.product(row, repeat=order - 1)) for x in row]
            for row in residues.tolist()
        ]
    )
    assert torch.equal(match_mass(residues, modulus, order) > 0.5, expected)


def test_the_third_order_kernel_is_the_plain_unit_of_order_three():
    generator = torch.Generator().manual_seed(0)
    query, key1, key2, value1, value2 = torch.randn(5, 2, 6, 3, generator=generator, dtype=torch.float64).unbind(0)
    plain = s_order_attention(query, [key1, key2], [value1, value2])
    assert torch.allclose(third_order_attention(query, key1, key2, value1, value2), plain, atol=1e-12)


def test_strassen_scores_are_the_parabola_in_exact_integers():
    task = Match3(length=5, modulus=8_000_000)
    unit = StrassenHeads.build(task, 0.25)
    residues = task.sample(1, seed=1).inputs
    residues[0, 3] = 0
    f, g, h = (part / unit.root for part in unit.factors(residues, 2 * task.modulus))
    scores = (f @ g.mT)[0][:, :, None] + (g @ h.mT)[0][None] + (f @ h.mT)[0][:, None, :]
    for i, x in enumerate(residues[0].tolist()):
        for j, y in enumerate(residues[0].tolist()):
            for k, z in enumerate(residues[0].tolist()):
                raised = 20 * task.modulus**2 + 2 * x**2 if x == 0 else 0
                assert int(scores[i, j + 1, k + 1]) == -2 * (x + y + z - 2 * task.modulus) ** 2 + raised
        assert int(scores[i, 0, 0]) == -1
        real = scores[i, 1:, 1:].max()
        assert max(scores[i, 0, 1:].max(), scores[i, 1:, 0].max()) < real - task.modulus**2


def test_random_frequencies_separate_every_residue():
    for modulus in (2, 3, 17, 257, 4099):
        frequencies = separating_frequencies(modulus)
        angles = [
            sum(math.cos(2 * math.pi * f * s / modulus) for f in frequencies.tolist()) / len(frequencies)
            for s in range(1, modulus)
        ]
        assert max(angles) <= 0.5 + 1e-12
        assert worst_miss(frequencies, modulus) == pytest.approx(max(angles))


def test_two_neighbours_are_read_off_each_average():
    task = Match3Bigram(length=7, modulus=1000)
    network = NeighboursThenPartner.build(task, 0.25)
    residues = task.sample(3, seed=0).inputs
    own, following, real = network.decode(network.neighbours(residues))
    assert torch.equal(own[:, :7], residues)
    assert torch.equal(following[:, :6], residues[:, 1:])
    assert real.tolist() == [[True] * 6 + [False] * 2] * 3


def test_a_window_is_read_off_each_average():
    task = Match3Local(length=6, window=2, modulus=50)
    network = build(task)
    residues = task.sample(2, seed=0).inputs
    averages = network.unit((network.values(residues), network.pointers(2)))
    seen, inside = network.decode(averages[:, 2:8].double())
    padded = torch.nn.functional.pad(residues, (2, 2))
    assert torch.equal(seen, padded.unfold(1, 5, 1))
    assert torch.equal(inside, torch.nn.functional.pad(torch.ones(2, 6), (2, 2)).bool().unfold(1, 5, 1))


def test_certificates_state_temperature_and_proof():
    certificate = build(Match2(length=64, modulus=1000)).certificate()
    assert certificate.temperature > 64
    assert "2 sin^2" in certificate.justification


def test_an_answer_that_is_no_number_breaks_the_guarantee():
    unit = build(Match2(length=4))
    unit.query.fill_(torch.nan)
    assert try_network(unit, "planted", 3).largest_error > 1e9


def test_a_window_beyond_the_sequence_is_the_whole_sequence():
    task = Match3Local(length=6, window=10**6, modulus=20)
    unit = build(task, method="window")
    assert unit.size == build(Match3Local(length=6, window=5, modulus=20), method="window").size
    residues, targets, _ = task.sample(50, seed=0)
    assert torch.equal(unit(residues), targets)


def test_inputs_that_a_network_cannot_be_tried_on_are_refused_with_the_reason():
    with pytest.raises(AssayError, match="'digits' inputs need the notation"):
        try_network(build(Match2(length=4)), "digits", 1)


def test_frequencies_that_do_not_separate_get_no_certificate():
    unit = build(Match2(length=4, modulus=257), method="random-frequencies")
    unit.frequencies.fill_(1)
    with pytest.raises(CertificateError, match="give a miss the mean cosine"):
        unit.certificate()


@pytest.mark.parametrize(
    ("residues", "tolerance", "words"),
    [([[0, 7]], 0.25, "from 0 to 6"), ([[0, -1]], 0.25, "from 0 to 6"), ([[0, 1]], 0.5, "below 1/2")],
)
def test_a_unit_of_any_order_checks_what_it_is_given(residues, tolerance, words):
    with pytest.raises(AssayError, match=words):
        match_mass(torch.tensor(residues), 7, 3, tolerance)
