"""The smallest number of bits, against what the theorems say of it."""

import math

import pytest
import torch

from assay import AssayError, Match2, Match3Bigram, Match3Local, SparseAveraging, build
from assay.networks import make_network
from assay.networks.fixed_point import FixedPoint, fixed_point
from assay.precision import smallest_precision
from assay.precision.questions import answer_precision, precision_question
from assay.subject import Subject, subject_of


def bits(task, method, draws=20):
    return smallest_precision(subject_of(build(task, method=method)), draws=draws).bits


def averaging(length, sparsity=3):
    return SparseAveraging(length=length, sparsity=sparsity, layout="last")


def test_sign_keys_need_about_the_same_bits_at_any_length():
    found = [bits(averaging(length), "sign") for length in (16, 64, 128)]
    assert max(found) - min(found) <= 1


@pytest.mark.parametrize("sparsity", [1, 2, 3])
def test_the_cyclic_polytope_needs_2q_bits_more_for_each_doubling(sparsity):
    found = [bits(averaging(length, sparsity), "cyclic") for length in (16, 32, 64, 128)]
    assert (found[-1] - found[0]) / 3 == pytest.approx(2 * sparsity, abs=0.5)


def test_cosines_need_twice_the_bits_of_the_modulus():
    """2 log2 M + 1, within 1."""
    for modulus in (17, 65, 257, 1025):
        assert abs(bits(Match2(length=16, modulus=modulus), "trigonometric") - (2 * math.log2(modulus) + 1)) <= 1.5


def test_random_frequencies_do_not_care_about_the_modulus():
    found = [bits(Match2(length=16, modulus=modulus), "random-frequencies") for modulus in (17, 1025)]
    assert max(found) <= 6


def test_a_power_of_two_makes_reed_solomon_look_cheaper():
    """1/q is then a short number and what is off the set rounds to 0: fewer bits behind the point than for q - 1."""
    fractions = {q: least_fraction(averaging(64, q), "reed-solomon") for q in (3, 4, 7, 8)}
    assert fractions[4] < fractions[3]
    assert fractions[8] < fractions[7]


def least_fraction(task, method):
    """Bits behind the point that a construction needs with any number before it, at half the tolerance."""
    network, (inputs, targets) = build(task, method=method), task.sample(50, seed=0)
    for fraction in range(30):
        with fixed_point(network, FixedPoint(fraction + 40, fraction)):
            if task.errors(network(inputs), targets).max() <= task.tolerance / 2:
                return fraction
    return None


@pytest.mark.parametrize(
    ("task", "method"),
    [
        (Match3Bigram(length=4, modulus=5), "bigram"),
        (Match3Local(length=5, modulus=5, window=1), "window"),
        (averaging(1, 1), "sign"),
        (averaging(5, 5), "reed-solomon"),
    ],
    ids=str,
)
def test_what_is_found_meets_the_tolerance_and_one_bit_less_does_not(task, method):
    network = build(task, method=method)
    found = smallest_precision(subject_of(network), draws=30)
    inputs, targets = task.sample(30, seed=0)
    with fixed_point(network, FixedPoint(found.bits, found.fraction)):
        assert task.errors(network(inputs), targets).max() <= found.error <= found.tolerance
    assert found.bits == 1 or found.error_below is None or found.error_below > found.tolerance


def test_trained_networks_are_judged_by_their_mean_error():
    task = averaging(4, 1)
    torch.manual_seed(0)
    network = make_network("attention", task, 4, seed=0).requires_grad_(False)
    subject = Subject("untrained", "trained", network, task, "attention", network.size, task.tolerance)
    with pytest.raises(AssayError, match=r"untrained has an error of .* as it is, above its tolerance of 0.5"):
        smallest_precision(subject, draws=20)


def test_a_limit_on_bits_is_kept():
    subject = subject_of(build(averaging(64), method="cyclic"))
    with pytest.raises(AssayError, match="does not meet its tolerance with 8 bits; it needs"):
        smallest_precision(subject, draws=5, most_bits=8)


def test_a_study_records_what_was_measured():
    task = averaging(16)
    evidence = answer_precision(precision_question("heads", task, task.tolerance, 10))
    assert evidence.verdict == "measured"
    assert evidence.size.precision == bits(task, "heads", 10)
    assert evidence.error <= task.tolerance < evidence.detail["error_below"]
    assert "proves nothing of other inputs" in evidence.rests_on
