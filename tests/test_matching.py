"""The matching tasks: definitions, distributions, the disjointness encodings, and what cheap predictors reach."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError, Match2, Match3, Match3Bigram, Match3Local, SparseAveraging
from assay.tasks import TASKS, make_task, task_from_json
from assay.testing import check_task

TASKS_TO_CHECK = [
    Match2(length=8),
    Match2(length=9, modulus=10**12),
    Match3(length=8),
    Match3(length=6, modulus=7),
    Match3(length=16, modulus=10**9),
    Match3Bigram(length=8),
    Match3Local(length=8, window=1),
    Match3Local(length=12, window=3),
    Match2(length=8, notation="digits"),
    Match3(length=8, notation="digits"),
    Match3Bigram(length=8, notation="digits"),
    Match3Local(length=8, window=2, notation="digits"),
]


def answer(task, row):
    """From the definitions, with nothing but loops."""
    n, modulus, places = len(row), task.modulus, range(len(row))
    if isinstance(task, Match2):
        return [float(any((row[i] + row[j]) % modulus == 0 for j in places)) for i in places]
    if isinstance(task, Match3Bigram):
        return [float(any((row[i] + row[j] + row[j + 1]) % modulus == 0 for j in range(n - 1))) for i in places]
    window = task.window if isinstance(task, Match3Local) else n
    return [
        float(
            any(
                (row[i] + row[j] + row[k]) % modulus == 0
                for j in places
                for k in places
                if abs(i - j) <= window and abs(i - k) <= window
            )
        )
        for i in places
    ]


@pytest.mark.parametrize("task", [task for task in TASKS_TO_CHECK if task.modulus not in (7, 10**9, 10**12)], ids=str)
def test_conforms(task):
    check_task(task)


@pytest.mark.parametrize("task", TASKS_TO_CHECK, ids=str)
def test_answers_are_those_of_the_definition(task):
    for distribution in task.trial_distributions(keys=False):
        residues, targets, _ = task.sample(6, seed=3, distribution=distribution)
        assert residues.dtype == torch.int64
        assert targets.tolist() == [answer(task, row) for row in residues.tolist()]


@pytest.mark.parametrize("name", ["match2", "match3", "match3-bigram", "match3-local"])
def test_a_single_token_and_the_smallest_modulus(name):
    window = {"window": 1} if name == "match3-local" else {}
    task = make_task(name, length=1, modulus=2, **window)
    answers = {"match2": [1.0, 1.0], "match3": [1.0, 0.0], "match3-bigram": [0.0, 0.0], "match3-local": [1.0, 0.0]}
    assert task.targets(task.inputs([[0], [1]])).flatten().tolist() == answers[name]


@pytest.mark.parametrize("length", [6, 16, 64, 128])
def test_default_moduli_balance_the_labels(length):
    for task in (Match2(length=length), Match3(length=length), Match3Bigram(length=length)):
        share = task.sample(max(400, 20000 // length), seed=0).targets.mean().item()
        assert 0.42 < share < 0.58, (task, share)
    local = Match3Local(length=length, window=2)
    assert 0.3 < local.sample(2000, seed=0).targets.mean().item() < 0.58  # fewer pairs at the ends


def test_planted_groups_match_or_miss_by_one():
    task = Match3(length=30, modulus=10**9)
    residues, targets, _ = task.sample(200, seed=0, distribution="planted")
    share = targets.mean().item()
    assert 0.4 < share < 0.6
    modulus = task.modulus
    for row in residues[:20].tolist():
        sums = {(a + b + c) % modulus for a, b, c in itertools.combinations(row, 3)}
        assert sums & {1, modulus - 1}, "no near miss"


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_encoding_of_match3_is_disjointness_for_every_modulus(n):
    bits = np.array(list(itertools.product([0, 1], repeat=n)))
    alice, bob = (grid.reshape(-1, n) for grid in (np.repeat(bits, len(bits), 0), np.tile(bits, (len(bits), 1))))
    meet = (alice & bob).any(axis=1)
    for length in (2 * n + 1, 2 * n + 2):
        for modulus in range(length + 1, length + 7):
            task = Match3(length=length, modulus=modulus)
            residues = task.hard_residues(alice, bob)
            assert [answer(task, row)[0] == 1 for row in residues.tolist()] == meet.tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_encoding_of_match2_is_disjointness_for_every_modulus(n):
    bits = np.array(list(itertools.product([0, 1], repeat=n)))
    alice, bob = (grid.reshape(-1, n) for grid in (np.repeat(bits, len(bits), 0), np.tile(bits, (len(bits), 1))))
    meet = (alice & bob).any(axis=1)
    for length in (2 * n, 2 * n + 1):
        for modulus in range(2 * n + 3, 2 * n + 9):
            task = Match2(length=length, modulus=modulus)
            residues = task.hard_residues(alice, bob)
            assert [any(answer(task, row)[n:]) for row in residues.tolist()] == meet.tolist()


def test_hard_inputs_meet_half_of_the_time_and_then_once():
    for task, asker in ((Match3(length=41), 0), (Match2(length=40), slice(20, None))):
        targets = task.sample(2000, seed=0, distribution="hard").targets[:, asker].reshape(2000, -1)
        assert 0.45 < (targets.sum(dim=1) > 0).double().mean() < 0.55
        assert targets.sum(dim=1).max() == 1


def test_hard_inputs_are_refused_where_they_do_not_fit():
    with pytest.raises(AssayError, match="modulus of at least 10"):
        Match3(length=9, modulus=9).sample(1, seed=0, distribution="hard")
    with pytest.raises(AssayError, match="did you mean"):
        Match3Bigram(length=9).sample(1, seed=0, distribution="plantd")
    assert "hard" not in Match2(length=8, modulus=4).trial_distributions(keys=False)


def test_mean_error_is_balanced_and_counts_what_is_not_a_number():
    task = Match2(length=4, modulus=5)
    targets = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert task.answer.judge(torch.tensor([[0.6, 0.4, 0.7, 0.1]]), targets) == pytest.approx(1 / 6)
    assert task.answer.judge(torch.tensor([[0.4, 0.4, 0.4, 0.4]]), targets) == 0.5
    assert task.answer.judge(torch.full((1, 4), torch.nan), targets) == 1
    assert task.answer.errors(torch.tensor([[7.0, -3.0, 0.25, 0.5]]), targets).tolist() == [[0, 0, 0.25, 0.5]]


def test_inputs_are_checked():
    task = Match3(length=3, modulus=7)
    assert task.inputs(np.array([[0, 1, 6]], dtype=np.int32)).dtype == torch.int64
    for wrong, words in [
        ([[0, 1, 7]], r"residues\[0, 2\] = 7 is not allowed"),
        ([[0, 1, -1]], r"from 0 to 6"),
        ([[0.0, 1.0, 2.0]], "must be integers"),
        ([[0, 1]], r"must be \(batch, 3\)"),
    ]:
        with pytest.raises(AssayError, match=words):
            task.inputs(wrong)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"length": 0}, "length = 0 is not allowed"),
        ({"length": 4, "modulus": 1}, "modulus = 1 is not allowed; it must be an integer from 2"),
        ({"length": 4, "modulus": 1 << 61}, "modulus"),
        ({"length": 4, "windw": 1}, "did you mean"),
    ],
)
def test_wrong_parameters_are_refused(parameters, words):
    with pytest.raises(AssayError, match=words):
        make_task("match3-local", **{"window": 2, **parameters})


@given(name=st.sampled_from([n for n in TASKS.names() if n.startswith("match")]), length=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_a_task_is_its_json(name, length):
    task = make_task(name, length=length, **({"window": 2} if name == "match3-local" else {}))
    assert task_from_json(task.to_json()) == task
    assert task.modulus >= 2


def test_large_moduli_do_not_overflow():
    task = Match3(length=64, modulus=(1 << 60) - 1)
    residues, targets, _ = task.sample(4, seed=0, distribution="planted")
    assert targets.tolist() == [answer(task, row) for row in residues.tolist()]


def test_digits_are_those_of_the_residue_and_vectors_match_where_their_residues_do():
    task = Match3(length=7, modulus=64, notation="digits")
    everything = torch.arange(63).view(9, 7)
    encoded, squares = task.encode(everything).chunk(2, dim=2)
    digits = (encoded * (2 / 3) ** 0.5).round().long()
    assert torch.equal((digits * torch.tensor([1, 4, 16])).sum(dim=2) % 64, everything)
    assert torch.allclose(squares * (2 / 9) ** 0.5 + 2 / 3, digits.float() ** 2)
    assert set(digits.flatten().tolist()) == {-1, 0, 1, 2}

    residues, targets, _ = task.sample(300, seed=0, distribution="digits")
    vectors = (task.encode(residues)[..., :3] * (2 / 3) ** 0.5).round().long()
    sums = vectors[:, :, None, None] + vectors[:, None, :, None] + vectors[:, None, None, :]
    zero = (sums == 0).all(dim=-1).flatten(2).any(dim=2)
    assert torch.equal(zero, targets.bool())
    assert 0.1 < targets.mean() < 0.9
    seen = {tuple(vector) for vector in vectors.flatten(0, 1).tolist()}
    assert len(seen) == 26
    assert (0, 0, 0) not in seen


def test_digits_need_a_power_of_four():
    assert [Match3(length=n, notation="digits").modulus for n in (4, 8, 16, 32)] == [4**2, 4**3, 4**4, 4**5]
    with pytest.raises(AssayError, match=r"modulus = 1000 is not allowed; it must be a power of 4"):
        Match3(length=4, modulus=1000, notation="digits")
    with pytest.raises(AssayError, match="'digits' inputs need the notation"):
        Match3(length=4).sample(1, seed=0, distribution="digits")
    with pytest.raises(AssayError, match="did you mean 'digits'"):
        Match3(length=4, notation="digit")


@pytest.mark.parametrize("length", [4, 8, 16, 32])
def test_default_moduli_of_digits_leave_both_kinds_of_answers(length):
    for task in (Match2, Match3, Match3Bigram):
        made = task(length=length, notation="digits")
        assert 0.05 < made.sample(500, seed=0, distribution="digits").targets.mean() < 0.85


def test_the_loss_weighs_both_kinds_of_answers_alike():
    task = Match2(length=4, modulus=5)
    targets = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    scored = torch.ones(1, 4, dtype=torch.bool)
    none = task.answer.loss(torch.full((1, 4), 0.5 - 3.0), targets, scored)
    all_ = task.answer.loss(torch.full((1, 4), 0.5 + 3.0), targets, scored)
    assert none == pytest.approx(all_.item())
    assert task.answer.loss(torch.full((1, 4), 0.5), targets, scored) == pytest.approx(np.log(2))
    assert torch.isfinite(task.answer.loss(torch.zeros(1, 4), torch.zeros(1, 4), scored))


def test_tasks_say_what_their_tokens_are():
    assert Match3(length=5).spec.tokens.counts == (Match3(length=5).modulus,)
    assert SparseAveraging(5, 2).spec.tokens.width == 6
