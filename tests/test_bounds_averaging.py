"""Bounds of sparse averaging against every state of few values, against networks that forget, and by hand."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from assay import SparseAveraging
from assay.bounds import BOUNDS
from assay.bounds.bound import binary_entropy, log2_binomial
from assay.bounds.recurrent_state_gaussian import unknown_variances
from assay.bounds.recurrent_state_mean import allowed_distortion, rate
from assay.resources import Resources
from exhaustive import last_pass, least_costs, spread

ONCE = Resources(precision=1, embedding=1, state=lambda tokens: 1, first_layer=1)
TWICE = replace(ONCE, passes=2)


def required(name, task, network=ONCE, **given):
    return BOUNDS[name]().check(task, network, **given).required


# Worst case


@pytest.mark.parametrize(("length", "sparsity"), [(5, 1), (9, 2), (9, 3), (16, 4)])
def test_worst_case_constants(length, sparsity):
    task = SparseAveraging(length, sparsity, 3)
    sets = len(list(itertools.combinations(range(length - 1), sparsity)))
    assert required("attention-message", task) == pytest.approx(math.log2(sets))
    assert required("recurrent-state", task) == length - 1
    assert required("recurrent-state", task, TWICE) == pytest.approx(math.log2(sparsity * 2 ** (length - sparsity)))
    assert required("feed-forward-rank", task) == length * 3
    assert required("feed-forward-rank", task, error=0.9 / sparsity) == (length - sparsity + 1) * 3
    last = SparseAveraging(length, sparsity, 3, "last")
    assert required("recurrent-state", last) == length
    assert required("attention-message", last) == pytest.approx(math.log2(math.comb(length, sparsity)))


@pytest.mark.parametrize(
    "name",
    [
        "attention-message",
        "attention-message-mean",
        "recurrent-state",
        "recurrent-state-mean",
        "feed-forward-rank",
        "feed-forward-rank-mean",
    ],
)
def test_more_tokens_that_ask_change_no_bound(name):
    """A network that answers several answers the first: the same is required, of the same part of the network."""
    growing = replace(ONCE, precision=4, state=lambda tokens: tokens)
    one, many = (SparseAveraging(16, 2, 1, "last", queries) for queries in (1, 32))
    check = BOUNDS[name]().check(many, growing)
    assert check.required > 0
    assert check == BOUNDS[name]().check(one, growing)


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


def conflict(first, second, pointers):
    """Whether some token, having seen the same of two sign sequences, has targets at least 2/q apart."""
    agree = next(i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
    sums = ([sum(z[j] for j in pointers[t]) for t in range(agree)] for z in (first, second))
    return any(abs(a - b) >= 2 for a, b in zip(*sums, strict=True))


def clique_of_the_proof(length, q):
    """The q 2^(N-q) sign sequences and the pointers of the docstring, for q >= 2; counted from 0."""
    pointers = [(*range(q - 1), min(q - 1 + t, length - 1)) for t in range(length)]
    steps = [(1,) * ups + (-1,) * (q - 1 - ups) for ups in range(q)]
    return pointers, [(1, *up, *rest) for up in steps for rest in itertools.product([-1, 1], repeat=length - q)]


@pytest.mark.parametrize(
    ("length", "q"), [(2, 2), (3, 2), (3, 3), (4, 2), (4, 3), (4, 4), (6, 2), (6, 3), (6, 5), (7, 4)]
)
def test_all_sequences_of_the_proof_need_other_states_in_several_passes(length, q):
    pointers, sequences = clique_of_the_proof(length, q)
    assert all(len(set(named)) == q for named in pointers)
    assert len(set(sequences)) == q * 2 ** (length - q)
    assert all(conflict(a, b, pointers) for a, b in itertools.combinations(sequences, 2))
    assert required("recurrent-state", SparseAveraging(length, q), TWICE) == pytest.approx(math.log2(len(sequences)))


@pytest.mark.parametrize("length", [3, 4])
@pytest.mark.parametrize("q", [1, 2])
def test_as_many_states_suffice_in_two_passes_where_every_value_but_one_is_kept(length, q):
    """For q <= 2 the bound is N - 1 bits; all values but the first, that token 1 itself carries, are N - 1 bits."""
    task = SparseAveraging(length, q)
    kept = {z: z[1:] for z in itertools.product([-1, 1], repeat=length)}
    assert len(set(kept.values())) == 2 ** required("recurrent-state", task, TWICE)


def test_two_passes_really_need_no_fewer_states_than_the_bound_says():
    """All states of all two-pass networks at N = 3: cells without conflicts, for the pointers that need most."""
    signs = list(itertools.product([-1, 1], repeat=3))
    for q in (1, 2, 3):
        most = 0
        for pointers in itertools.product(list(itertools.combinations(range(3), q)), repeat=3):
            bad = {(a, b) for a, b in itertools.combinations(range(8), 2) if conflict(signs[a], signs[b], pointers)}
            costs = least_costs(
                lambda cell, bad=bad: float(any(p in bad for p in itertools.combinations(cell, 2))), 8, 8
            )
            most = max(most, 1 + next(states for states, cost in enumerate(costs) if cost == 0))
        assert math.log2(most) >= required("recurrent-state", SparseAveraging(3, q), TWICE)


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


# Mean errors: attention


def test_mean_error_bound_on_messages_against_the_exact_optimum():
    """With b bits, the best is to split the sets into 2^b cells; for q = 1 cells of equal size k leave (1 - 1/k)."""
    task = SparseAveraging(16, 1, layout="last")
    for bits in (1, 2, 3):
        cell = 16 >> bits
        reached = math.sqrt(1 - 1 / cell)
        assert required("attention-message-mean", task, error=reached) <= bits + 1e-9
    assert required("attention-message-mean", task, error=1e-9) == pytest.approx(4, abs=1e-6)


@pytest.mark.parametrize("layout", ["last", "all"])
@pytest.mark.parametrize(("length", "q"), [(5, 1), (8, 1), (4, 2), (5, 2), (5, 3)])
def test_no_embedding_of_few_values_beats_attention_message_mean(layout, length, q):
    """All partitions of one token's pointer sets. Where all ask, its own value counts too, which it knows: the answer
    errs by it only as far as the cell leaves open whether the token points to itself.
    """
    sets = list(itertools.combinations(range(length), q))
    member = np.array([[j in chosen for j in range(length)] for chosen in sets], dtype=float)

    def cost(cell):
        share = member[cell].mean(axis=0)
        return len(cell) / len(sets) * float((share * (1 - share)).sum()) / q**2

    task = SparseAveraging(length, q, layout=layout)
    for states, square in enumerate(least_costs(cost, len(sets), len(sets)), 1):
        assert required("attention-message-mean", task, error=math.sqrt(max(square, 0))) <= math.log2(states) + 1e-6


# Mean errors: states


@pytest.mark.parametrize("kept", range(12))
def test_mean_error_bound_on_state_against_a_network_that_forgets(kept):
    """Keeping k of N signs and answering 0 for the rest is a network with k bits of state; its error is known."""
    for q in (1, 2, 3):
        task = SparseAveraging(12, q, layout="last")
        sets = list(itertools.combinations(range(12), q))
        lost = np.mean([sum(j >= kept for j in subset) for subset in sets])  # variance of the forgotten values
        reached = math.sqrt(lost) / q
        assert required("recurrent-state-mean", task, error=reached, distribution="sign") <= kept + 1e-9


@pytest.mark.parametrize(("length", "q"), [(2, 1), (3, 1), (2, 2), (3, 2), (3, 3)])
def test_no_state_of_few_values_beats_recurrent_state_chain(length, q):
    """All partitions of all sign sequences; token t answers with its mean target, given cell and values so far."""
    task = SparseAveraging(length, q)
    pointers = task.sample(1, seed=0, distribution="chain").inputs.pointers[0].tolist()
    signs = list(itertools.product([-1.0, 1.0], repeat=length))
    targets = [[sum(z[j] for j in pointers[t]) / q for t in range(length)] for z in signs]
    costs = least_costs(last_pass(signs, targets, spread), len(signs), len(signs))
    for states, cost in enumerate(costs, 1):
        error = math.sqrt(max(0.0, cost) / len(signs) / length)
        needed = required("recurrent-state-chain", task, TWICE, error=error, distribution="chain")
        assert needed <= math.log2(states) + 1e-6
    assert required("recurrent-state-chain", task, TWICE, error=0.0, distribution="chain") == max(
        length - q + (q > 1), length - 1 if q == 1 else 0
    )


@pytest.mark.parametrize(("length", "q"), [(5, 1), (6, 2), (9, 3), (4, 4)])
def test_chained_pointers_are_distinct_and_name_what_is_yet_to_come(length, q):
    task = SparseAveraging(length, q)
    pointers = task.sample(2, seed=1, distribution="chain").inputs.pointers
    assert torch.equal(pointers[0], pointers[1])
    assert all(len(set(named)) == q for named in pointers[0].tolist())
    assert sum(named[-1] > t for t, named in enumerate(pointers[0].tolist()[: task.chained])) == task.chained
    assert len({named[-1] for named in pointers[0].tolist()[: task.chained]}) == task.chained


@pytest.mark.parametrize(("length", "q"), [(4, 1), (6, 2), (8, 3)])
def test_unknown_variances_are_residuals_of_a_regression(length, q):
    """The squared distance of each target from the span of the values so far and of the targets before."""
    found = unknown_variances(length, q)
    pointers = SparseAveraging(length, q).sample(5, seed=0, distribution="gaussian").inputs.pointers.numpy()
    for sequence in range(5):
        known = np.zeros((0, length))
        for t in range(length):
            known = np.vstack([known, np.eye(length)[t]])
            target = np.zeros(length)
            target[pointers[sequence, t]] = 1 / q
            solution = np.linalg.lstsq(known.T, target, rcond=None)[0]
            assert found[sequence, t] == pytest.approx(((known.T @ solution - target) ** 2).sum(), abs=1e-9)
            known = np.vstack([known, target])


@pytest.mark.parametrize("kept", [0, 2, 4, 6, 8])
@pytest.mark.parametrize("q", [1, 2])
def test_gaussian_bound_against_networks_that_keep_one_bit_of_some_values(kept, q):
    """W: the signs of the last k values. The mean of a normal number of known sign is sqrt(2/pi), with that sign."""
    task = SparseAveraging(8, q, 1)
    values, pointers = task.sample(20_000, seed=3, distribution="gaussian").inputs
    values = values[:, :, 0].double()
    guess = torch.where(torch.arange(8) >= 8 - kept, values.sign() * math.sqrt(2 / math.pi), 0.0)
    square = 0.0
    for t in range(8):
        known = torch.where(torch.arange(8) <= t, values, guess)
        square += ((known - values).gather(1, pointers[:, t]).mean(dim=1) ** 2).mean().item() / 8
    needed = required("recurrent-state-gaussian", task, TWICE, error=math.sqrt(square))
    assert needed <= kept
    assert kept < 4 or needed > 0


def test_gaussian_bound_asks_for_everything_at_no_error():
    assert required("recurrent-state-gaussian", SparseAveraging(8, 2, 2), TWICE, error=0.0) == math.inf
    assert required("recurrent-state-gaussian", SparseAveraging(8, 2, 2), TWICE, error=1.0) == 0.0


@pytest.mark.parametrize(
    ("length", "q", "error", "bits"),
    [(16, 2, 0.25, 8.5), (32, 2, 0.25, 16.9), (64, 2, 0.25, 35.5), (32, 3, 1 / 6, 23.8)],
)
def test_gaussian_bound_against_figures_of_another_program(length, q, error, bits):
    """Those are means; three standard errors are taken off here."""
    found = required("recurrent-state-gaussian", SparseAveraging(length, q, 2), TWICE, error=error)
    assert 0.93 * bits - 0.5 <= found <= bits + 0.5


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


# Mean errors: feed-forward


def test_mean_error_bound_on_rank_is_attained_by_reading_some_values():
    """Reading r of N Gaussian values leaves (N - r)/N of the variance: the bound says so and no more, at q = 1."""
    task = SparseAveraging(20, 1, layout="last")
    for rows in range(1, 20):
        assert required("feed-forward-rank-mean", task, error=math.sqrt(1 - rows / 20)) == pytest.approx(rows)


def test_figures_worked_out_by_hand():
    assert allowed_distortion(SparseAveraging(16, 2, 2, "last"), 0.25) == pytest.approx(0.134, abs=5e-4)
    rows = BOUNDS["feed-forward-rank-mean"]().smallest(
        SparseAveraging(16, 2, 2, "last"), lambda width: Resources(precision=32, first_layer=width)
    )
    assert rows == 28
    assert required("attention-message-mean", SparseAveraging(64, 2, layout="last")) == pytest.approx(8.6, abs=0.05)


def test_binomials_of_any_size():
    assert [log2_binomial(1 << k, 1) for k in (14, 20, 30)] == [14, 20, 30]
    for n, k in ((20_000, 8_000), (10**6, 5_001), (10**5, 94_000)):
        assert log2_binomial(n, k) == pytest.approx(math.log2(math.comb(n, k)), rel=1e-14)
    assert log2_binomial(2**53, 20_000) < 803_092 < log2_binomial(2**53, 20_000) + 1  # by 40 digits
    assert log2_binomial(3, 5) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.data())
def test_several_passes_never_need_more_than_one_pass(length, data):
    """Where N - 1 bits of values suffice for every q, nothing larger may be claimed."""
    task = SparseAveraging(length, data.draw(st.integers(1, length)))
    assert required("recurrent-state", task, TWICE) <= length - 1 + 1e-9 or task.sparsity == length == 1
