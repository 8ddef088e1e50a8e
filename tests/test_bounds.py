"""Bounds: constants against independent counts, and against networks that run into them."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm

from assay import AssayError, Match2, Match3, Size, SparseAveraging, build
from assay.bounds import BOUNDS, bounds_of
from assay.bounds.base import binary_entropy, log2_binomial
from assay.bounds.recurrent_state_mean import allowed_distortion, rate
from assay.bounds.report import bound_rows
from assay.testing import check_bound

TASKS = [
    SparseAveraging(9, 2, layout="last"),
    SparseAveraging(64, 3, 2, "last"),
    SparseAveraging(64, 3, 2, "all"),
    SparseAveraging(4096, 16, 1, "all"),
    Match2(length=40),
    Match3(length=3),
    Match3(length=65, modulus=66),
    Match3(length=4096),
    Match3(length=1 << 20),
]


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_conforms(task):
    assert bounds_of(task)
    for bound in bounds_of(task):
        check_bound(bound, task)


def test_every_bound_speaks_of_a_task():
    assert {bound.name for task in TASKS for bound in bounds_of(task)} == set(BOUNDS.names())


def required(name, task, **given):
    return BOUNDS[name]().required(task, **given)


@pytest.mark.parametrize(("length", "sparsity"), [(5, 1), (9, 2), (9, 3), (16, 4)])
def test_worst_case_constants(length, sparsity):
    task = SparseAveraging(length, sparsity, 3)
    sets = len(list(itertools.combinations(range(length - 1), sparsity)))
    assert required("attention-message", task) == pytest.approx(math.log2(sets))
    assert required("recurrent-state", task) == length - 1
    assert required("feed-forward-rank", task) == length * 3
    assert required("feed-forward-rank", task, error=0.9 / sparsity) == (length - sparsity + 1) * 3
    last = SparseAveraging(length, sparsity, 3, "last")
    assert required("recurrent-state", last) == length
    assert required("attention-message", last) == pytest.approx(math.log2(math.comb(length, sparsity)))


@pytest.mark.parametrize("name", ["attention-message", "recurrent-state", "feed-forward-rank"])
def test_worst_case_bounds_need_an_error_below_1_over_q(name):
    task = SparseAveraging(16, 4)
    assert required(name, task, error=0.249) > 0
    assert required(name, task, error=0.25) == 0
    assert "1/q = 0.25" in BOUNDS[name]().check(task, Size(width=4), error=0.25).reason


def test_equal_embeddings_force_an_error_of_1_over_q():
    """What the attention bound rests on: targets of two pointer sets differ by 2/q for values split between them."""
    for q in (1, 2, 3):
        for y, other in itertools.combinations(itertools.combinations(range(6), q), 2):
            values = torch.full((1, 6, 1), -1.0)
            values[0, [j for j in y if j not in other]] = 1.0
            task = SparseAveraging(6, q, layout="last")
            first, second = (task.targets(task.inputs(values, [[list(pointers)]])).item() for pointers in (y, other))
            assert abs(first - second) >= 2 / q - 1e-6


def test_equal_states_force_an_error_of_1_over_q():
    for q in (1, 2, 4):
        sums = {
            signs: [sum(signs[j] for j in subset) for subset in itertools.combinations(range(5), q)]
            for signs in itertools.product([-1, 1], repeat=5)
        }
        for first, second in itertools.combinations(sums.values(), 2):
            assert max(abs(a - b) for a, b in zip(first, second, strict=True)) >= 2


@pytest.mark.parametrize(("length", "dimension", "sparsity"), [(5, 1, 2), (6, 2, 3), (7, 3, 1)])
def test_a_lost_direction_forces_an_error_above_1_over_2q(length, dimension, sparsity):
    """For any direction that a first layer of rank N d - 1 loses, some q-set has targets more than 1/q apart."""
    generator = np.random.default_rng(0)
    sets = list(itertools.combinations(range(length), sparsity))
    for _ in range(300):
        lost = generator.normal(size=(length, dimension)) * generator.choice([0.0, 1.0, 9.0], size=(length, 1))
        if not lost.any():
            continue
        lost /= np.linalg.norm(lost, axis=1).max()
        gap = max(np.linalg.norm(lost[list(subset)].sum(axis=0)) for subset in sets) * 2 / sparsity
        assert gap / 2 > 1 / (2 * sparsity)


def test_networks_that_exist_are_not_excluded():
    for task in (SparseAveraging(40, 3, 2, "last"), SparseAveraging(40, 3, 2)):
        for method in ("sign", "cyclic", "reed-solomon", "heads", "recurrent", "feed-forward"):
            network = build(task, method=method)
            for bound in bounds_of(task):
                if bound.family == network.family:
                    assert (
                        bound.check(task, network.size, error=network.certificate().guaranteed_error).status
                        == "vacuous"
                    )


def test_mean_error_bound_on_messages_against_the_exact_optimum():
    """With b bits, the best is to split the sets into 2^b cells; for q = 1 cells of equal size k leave (1 - 1/k)."""
    task = SparseAveraging(16, 1, layout="last")
    for bits in (1, 2, 3):
        cell = 16 >> bits
        reached = math.sqrt(1 - 1 / cell)
        assert required("attention-message-mean", task, error=reached) <= bits + 1e-9
    assert required("attention-message-mean", task, error=1e-9) == pytest.approx(4, abs=1e-6)


def test_mean_error_bound_on_state_against_a_network_that_forgets():
    """Keeping k of N signs and answering 0 for the rest is a network with k bits of state; its error is known."""
    for q in (1, 2, 3):
        task = SparseAveraging(12, q, layout="last")
        sets = list(itertools.combinations(range(12), q))
        for kept in range(12):
            lost = np.mean([sum(j >= kept for j in subset) for subset in sets])  # variance of the forgotten values
            reached = math.sqrt(lost) / q
            assert required("recurrent-state-mean", task, error=reached, distribution="sign") <= kept + 1e-9


def test_distortion_inequality_is_attained_when_errors_sum_to_zero():
    """D* comes from |sum of errors|^2 >= 0: with errors that sum to zero the mean over q-sets is exactly that."""
    errors = np.array([1.0, -1.0, 2.0, -2.0, 0.5, -0.5])
    for q in (1, 2, 3):
        mean = np.mean([np.mean(errors[list(subset)]) ** 2 for subset in itertools.combinations(range(6), q)])
        task = SparseAveraging(6, q, layout="last")
        assert allowed_distortion(task, math.sqrt(mean)) == pytest.approx(np.mean(errors**2))


def test_rates():
    assert rate(0.0, 3, "sign") == 3
    assert rate(1.5, 3, "gaussian") == 0
    flip = 0.11  # sending signs through a channel that flips 11 % leaves distortion 1 - (1 - 2 * 0.11)^2
    assert rate(1 - (1 - 2 * flip) ** 2, 1, "sign") == pytest.approx(1 - binary_entropy(flip))
    quantised = norm.expect(lambda x: (abs(x) - math.sqrt(2 / math.pi)) ** 2)  # one-bit quantiser of a normal number
    assert rate(quantised, 1, "gaussian") < 1


def test_mean_error_bound_on_rank_is_attained_by_reading_some_values():
    """Reading r of N Gaussian values leaves (N - r)/N of the variance: the bound says so and no more, at q = 1."""
    task = SparseAveraging(20, 1, layout="last")
    for rows in range(1, 20):
        assert required("feed-forward-rank-mean", task, error=math.sqrt(1 - rows / 20)) == pytest.approx(rows)


def test_figures_worked_out_by_hand():
    assert allowed_distortion(SparseAveraging(16, 2, 2, "last"), 0.25) == pytest.approx(0.134, abs=5e-4)
    assert BOUNDS["feed-forward-rank-mean"]().smallest(SparseAveraging(16, 2, 2, "last")) == 28
    assert required("attention-message-mean", SparseAveraging(64, 2, layout="last")) == pytest.approx(8.6, abs=0.05)


def test_hypotheses_that_fail_are_named():
    task = SparseAveraging(16, 2, 2)
    for name, distribution, says in [
        ("recurrent-state-mean", "sign", "one token asks"),
        ("feed-forward-rank-mean", "sign", "needs gaussian values"),
        ("attention-message-mean", "hard", "independent centred values"),
    ]:
        check = BOUNDS[name]().check(task, Size(width=1, precision=1), distribution=distribution)
        assert check.status == "vacuous"
        assert says in check.reason


def test_binomials_of_any_size():
    assert [log2_binomial(1 << k, 1) for k in (14, 20, 30)] == [14, 20, 30]
    assert log2_binomial(20_000, 8_000) == pytest.approx(math.log2(math.comb(20_000, 8_000)), rel=1e-9)
    assert log2_binomial(3, 5) == 0


def rows(task, precision=1, architecture=None, width=None, error=None, distribution="gaussian", heads=1):
    return bound_rows(
        task, precision=precision, heads=heads, architecture=architecture, width=width, error=error,
        distribution=distribution,
    )  # fmt: skip


def test_rows_speak_of_an_architecture_or_of_all():
    task = SparseAveraging(64, 2, layout="last")
    assert len(rows(task)) == len(bounds_of(task))
    lstm, gru = (
        next(row for row in rows(task, architecture=name, width=8) if row["error_kind"] == "worst")
        for name in ("lstm", "gru")
    )
    assert (lstm["smallest_width"], gru["smallest_width"]) == (32, 64)
    assert lstm["status"] == "binds"
    with pytest.raises(AssayError, match="did you mean 'lstm'"):
        rows(task, architecture="lstn")


def test_match3_rows_speak_of_standard_attention_and_not_of_third_order():
    task = Match3(length=1024)
    named = {row["bound"] for row in rows(task, architecture="attention", distribution="uniform")}
    assert named == {"match3-messages", "split-vc"}
    assert rows(task, architecture="third-order", distribution="uniform") == []
    one, four = (rows(task, 8, "attention", heads=h, distribution="uniform")[0] for h in (1, 4))
    assert one["smallest_width"] > four["smallest_width"] > 1


def quantise(numbers, step):
    return np.round(np.asarray(numbers) / step) * step


@pytest.mark.parametrize("precision", [4, 8, 12])
@pytest.mark.parametrize("heads", [1, 3])
def test_messages_of_the_stated_size_simulate_a_layer_to_half_a_step(precision, heads):
    """The protocol behind match3-messages, run on random p-bit layers at the largest values and sharpest scores."""
    generator = np.random.default_rng(precision + heads)
    step, width, tokens = 2.0**-3, 4, 30
    largest = step * 2.0 ** (precision - 1)
    spacing_average, spacing_normaliser = step / (2 * heads), 2 * 2.0**-precision / heads
    for _ in range(200):
        exact, sent = np.zeros(width), np.zeros(width)
        for _ in range(heads):
            spread = generator.choice([0.0, 1.0, 2.0**precision])
            scores = generator.uniform(-0.5, 0.5, tokens) * spread
            values = generator.choice([-largest, largest], (tokens, width))
            parts = [slice(0, 15), slice(15, tokens)]
            logs = [logsumexp(scores[part]) for part in parts]
            averages = [np.exp(scores[part] - log) @ values[part] for part, log in zip(parts, logs, strict=True)]
            exact += _mix(logs[0] - logs[1], averages)
            told = quantise(logs[0], spacing_normaliser), quantise(averages[0], spacing_average)
            sent += _mix(told[0] - logs[1], [told[1], averages[1]])
        assert np.abs(exact - sent).max() <= step / 2 + 1e-9


def _mix(difference, averages):
    weight = 0.5 * (1 + np.tanh(difference / 2))
    return weight * averages[0] + (1 - weight) * averages[1]


def test_match3_messages_count_their_levels():
    task, bound = Match3(length=1025), BOUNDS["match3-messages"]()
    average = 2 * 3 * 2**6 + 1
    normaliser = (2**6 + math.log(1025)) * 3 * 2**5 + 1
    bits = 3 * (7 * math.log2(average) + math.log2(normaliser))
    assert bound.available(task, Size(width=7, heads=3, precision=6)) == pytest.approx(bits)
    assert bound.required(task) == 512
    split = bound.available(task, Size(width=12, heads=3, head_width=4, precision=6))
    assert split == pytest.approx(3 * (4 * math.log2(average) + math.log2(normaliser)))
    assert bound.smallest(task, precision=6, head_width=4) > bound.smallest(task, precision=6, heads=8)
    assert bound.required(task, error=0.5) == 0
    assert bound.check(task, Size(width=1, depth=2, precision=1)).status == "vacuous"
    assert "modulus of at least 1026" in bound.check(Match3(length=1025, modulus=99), Size(width=1)).reason


def test_match3_messages_at_any_precision():
    """At many bits a single coordinate carries more than is asked for: nothing may be excluded."""
    task, bound = Match3(length=100_001), BOUNDS["match3-messages"]()
    assert bound.available(task, Size(width=1, precision=50_000)) == pytest.approx(150_000, rel=1e-4)
    assert bound.smallest(task, precision=50_000) == 1
    exact = math.log2(2 * 2**40 + 1) + math.log2((2**40 + math.log(100_001)) * 2**39 + 1)
    assert bound.available(task, Size(width=1, precision=40)) == pytest.approx(exact, rel=1e-12)
    assert bound.available(task, Size(width=1, precision=1)) == pytest.approx(
        math.log2(5) + math.log2(2 + math.log(100_001) + 1)
    )


def test_match_state_counts():
    bound = BOUNDS["match-state"]()
    assert [bound.required(Match3(length=n)) for n in (2, 3, 4, 65)] == [0, 1, 1, 32]
    assert bound.required(Match2(length=60, modulus=63)) == 10
    assert bound.required(Match2(length=60, modulus=62)) == 0


def test_split_vc_is_never_more_than_asymptotic_and_its_dimension_is_shattered():
    bound, task = BOUNDS["split-vc"](), Match3(length=9)
    check = bound.check(task, Size(width=1))
    assert check.status == "vacuous"
    assert "4^Omega(1)" in check.reason
    n = bound.split_vc_dimension(task)
    singletons, sets = np.eye(n, dtype=np.int64), np.array(list(itertools.product([0, 1], repeat=n)))
    for bob in sets:
        residues = task.hard_residues(singletons, np.tile(bob, (n, 1)))
        assert task.targets(torch.from_numpy(residues))[:, 0].tolist() == bob.tolist()
