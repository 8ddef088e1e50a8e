"""The smallest number of bits, against what the theorems say of it."""

import json
import math

import pytest
import torch
from torch import nn

from assay import AssayError, Match2, Match3Bigram, Match3Local, SparseAveraging
from assay.arithmetic.fixed_point import FixedPoint, fixed_point
from assay.constructions import build
from assay.examine.precision import smallest_precision
from assay.examine.subject import Subject, subject_of
from assay.models import make_network
from assay.questions.precision import PrecisionQuestion
from assay.training.loop import Recipe, train


def bits(task, method, draws=20):
    return smallest_precision(subject_of(build(task, method=method)), draws=draws).bits


def averaging(length, sparsity=3):
    return SparseAveraging(length=length, sparsity=sparsity, layout="last")


def test_sign_keys_need_about_the_same_bits_at_any_length():
    found = [bits(averaging(length), "sign") for length in (16, 64)]
    assert max(found) - min(found) <= 1


class Tabled(nn.Module):
    """Answers exactly, but wrongly in formats that are not listed."""

    numbers = None

    def __init__(self, task, formats):
        super().__init__()
        self.task, self.formats = task, formats

    def forward(self, inputs):
        wrong = self.numbers is not None and not self.formats(self.numbers.bits, self.numbers.fraction)
        return self.task.targets(inputs) + wrong


def of_table(formats, task=None):
    task = task or averaging(4, 1)
    return Subject("table", "user's", Tabled(task, formats), task, "", None, task.tolerance)


@pytest.mark.parametrize(
    ("formats", "fewest"),
    [
        (lambda p, f: f >= 5 and p - f >= 4, 9),
        (lambda p, f: (f >= 5 and p - f >= 4 and p > 11) or (p, f) == (7, 4), 7),  # not monotone
        (lambda p, f: f >= 9 and p - f >= -3, 6),  # small numbers
        (lambda p, f: f >= -3 and p - f >= 9, 6),  # large ones
        (lambda p, f: f >= 40 and p - f >= 60, 100),
        (lambda p, f: True, 1),
    ],
)
def test_the_smallest_of_known_formats_is_found(formats, fewest):
    found = smallest_precision(of_table(formats), draws=5)
    assert found.bits == fewest
    assert formats(found.bits, found.fraction)
    assert (found.error, found.error_below) == (0, None if fewest == 1 else 1)


@pytest.mark.parametrize(("share", "fewest"), [(1, 1), (1 + 2.0**-30, 5)])
def test_an_error_of_the_tolerance_is_within_it_whatever_float64_makes_of_it(share, fewest):
    task = averaging(12, 3)

    class Near(nn.Module):
        numbers = None

        def forward(self, inputs):
            off = self.numbers is not None and self.numbers.bits < 5
            return task.targets(inputs) + off * share * task.tolerance

    found = smallest_precision(Subject("near", "user's", Near(), task, "", None, task.tolerance), draws=50)
    assert found.bits == fewest
    assert found.error in (0, task.tolerance)
    targets = task.sample(50, seed=0, dtype=torch.float64).targets
    assert (targets + task.tolerance - targets).abs().max() > task.tolerance  # rounded, it looks like more


@pytest.mark.parametrize("sparsity", [1, pytest.param(2, marks=pytest.mark.long), 3])
def test_the_cyclic_polytope_needs_2q_bits_more_for_each_doubling(sparsity):
    few, many = (bits(averaging(length, sparsity), "cyclic", draws=5) for length in (16, 256))
    assert (many - few) / 4 == pytest.approx(2 * sparsity, abs=0.5)


def test_cosines_need_twice_the_bits_of_the_modulus():
    """2 log2 M + 1, within 1."""
    for modulus in (17, 65, 257, 1025):
        assert abs(bits(Match2(length=16, modulus=modulus), "trigonometric") - (2 * math.log2(modulus) + 1)) <= 1.5


def test_random_frequencies_do_not_care_about_the_modulus():
    found = [bits(Match2(length=16, modulus=modulus), "random-frequencies") for modulus in (17, 1025)]
    assert max(found) <= 6


@pytest.mark.parametrize("sparsity", [3, 4, 5, 7, 8])
def test_a_power_of_two_makes_reed_solomon_look_cheaper(sparsity):
    """1/q is then a short number and what is off the set rounds to 0; else 2^-f has to divide 1/q finely enough."""
    found = least_fraction(averaging(64, sparsity), "reed-solomon")
    assert found == next(f for f in range(30) if abs(round(2**f / sparsity) / 2**f * sparsity - 1) <= 0.5 / sparsity)
    assert (found == math.log2(sparsity)) == (sparsity in (4, 8))


def least_fraction(task, method):
    """Bits behind the point that a construction needs with any number before it."""
    network, (inputs, targets, _) = build(task, method=method), task.sample(50, seed=0)
    for fraction in range(30):
        with fixed_point(network, FixedPoint(fraction + 40, fraction)):
            if task.answer.errors(network(inputs), targets).max() <= task.tolerance:
                return fraction
    return None


@pytest.mark.parametrize(
    ("task", "method"),
    [
        (Match3Bigram(length=4, modulus=5), "bigram"),
        (Match3Local(length=4, modulus=5, window=1), "window"),
        (averaging(1, 1), "sign"),
        (averaging(5, 5), "reed-solomon"),
    ],
    ids=str,
)
def test_what_is_found_meets_the_tolerance_and_one_bit_less_does_not(task, method):
    network = build(task, method=method)
    found = smallest_precision(subject_of(network), draws=30)
    inputs, targets, _ = task.sample(30, seed=0)
    with fixed_point(network, FixedPoint(found.bits, found.fraction)):
        assert task.answer.errors(network(inputs), targets).max() <= found.error <= found.tolerance
    assert found.bits == 1 or found.error_below is None or found.error_below > found.tolerance


def trained(architecture, steps):
    task = averaging(2, 1)
    run = train(task, architecture, 8, seed=0, rate=0.01, recipe=Recipe(steps, "uniform", validation=500, test=500))
    return Subject(architecture, "trained", run.network, task, architecture, run.network.size, task.tolerance)


@pytest.mark.parametrize("architecture", ["attention", "lstm"])
def test_trained_networks_are_held_to_their_worst_error_where_they_meet_the_tolerance(architecture):
    subject = trained(architecture, 200)
    found = smallest_precision(subject, draws=20)
    assert (found.error_kind, found.tolerance) == ("worst", 0.5)
    assert 2 <= found.bits <= 8
    inputs, targets, _ = subject.task.sample(20, seed=0)
    with fixed_point(subject.network, FixedPoint(found.bits, found.fraction)), torch.no_grad():
        assert subject.task.answer.errors(subject.network(inputs), targets).max() <= found.error
    assert found.error <= 0.5 < found.error_below


def test_other_trained_networks_are_judged_by_their_mean_error():
    task = averaging(4, 1)

    class Rarely(nn.Module):
        numbers = None

        def forward(self, inputs):
            wrong = (inputs.values[:, :1, :1] > 0.99) | (self.numbers is not None and self.numbers.bits < 5)
            return task.targets(inputs) + wrong

    found = smallest_precision(Subject("rarely", "trained", Rarely(), task, "", None, task.tolerance), draws=20)
    assert (found.error_kind, found.tolerance) == ("mean", task.mean_tolerance)
    assert 0 < found.error <= task.mean_tolerance < found.error_below
    assert "over 400 gaussian inputs of seed 0, for the worst is 1" in found.justification


def test_a_network_that_misses_its_tolerance_has_no_precision():
    task = averaging(4, 1)
    network = make_network("attention", task, 4, seed=0).requires_grad_(False)
    subject = Subject("untrained", "trained", network, task, "attention", network.size, task.tolerance)
    with pytest.raises(AssayError, match=r"untrained has an error of .* as it is, above its tolerance of 0.5"):
        smallest_precision(subject, draws=20)


def test_plain_values_and_progress_for_the_command_line():
    said = []
    subject = subject_of(build(averaging(16), method="heads"))
    found = smallest_precision(subject, draws=10, tell=said.append)
    result = found.to_json()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert repr(found).startswith(f"<Precision heads: {found.bits} bits")
    assert result["message_bits"] == result["bits"] * subject.size.width
    assert said[-1] == f"{result['bits']} bits are enough"


def test_a_limit_on_bits_is_kept():
    subject = subject_of(build(averaging(64), method="cyclic"))
    with pytest.raises(AssayError, match="does not meet its tolerance with 8 bits; it needs"):
        smallest_precision(subject, draws=5, most_bits=8)


def test_a_study_records_what_was_measured():
    task = averaging(16)
    evidence = PrecisionQuestion("heads", task, task.tolerance, 10).answer()
    assert evidence.verdict == "measured"
    assert evidence.size.precision == bits(task, "heads", 10)
    assert evidence.error <= task.tolerance < evidence.detail["error_below"]
    assert "proves nothing of other inputs" in evidence.justification
