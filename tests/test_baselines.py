"""Trivial baselines: what they find, what is refused, and how many test inputs training saw."""

import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError, SparseAveraging
from assay.models.candidates import Candidates
from assay.questions.baselines import BaselinesQuestion, refused
from assay.sessions.study import require_tests_of_learning, run
from assay.store.ledger import Ledger
from assay.tasks import TASKS, counter, make_task
from assay.tasks.answers import Bits, Classes, Reals
from assay.tasks.k_hop import KHop
from assay.tasks.matching_features import counts_of_zero
from assay.tasks.next_symbol import NextSymbol
from assay.tasks.recall import Recall
from assay.tasks.spec import Spec, Symbols
from assay.tasks.task import Task
from assay.tasks.token_features import token_features
from assay.testing import check_task
from assay.training.lengths import length_of
from assay.training.overlap import count_test_inputs, hashes
from assay.training.question import TrainingQuestion
from assay.training.recipe import Recipe
from assay.trivial.fit import ANSWERS_BEFORE_TRAINING, Baselines, baselines_of, no_test
from assay.trivial.predictors import BOOSTED_CLASSES, predict
from assay.trivial.shipped import shipped_sizes
from fresh import assay

DIGITS = {"notation": "digits"}
# Errors that predictors of this kind are known to reach, to be reached here too.
KNOWN = [
    ("directed-triangle", 4, {}, "hard", 0.0),
    ("directed-triangle", 6, {}, "hard", 0.03),
    ("directed-triangle", 8, {}, "hard", 0.02),
    ("directed-triangle", 16, {}, "uniform", 0.207),
    ("directed-triangle", 32, {}, "uniform", 0.242),
    ("five-cycle", 8, {}, "hard", 0.0),
    ("five-cycle", 20, {}, "uniform", 0.147),
    ("match3", 12, DIGITS, "digits", 0.14),
    ("match3", 24, DIGITS, "digits", 0.25),
]
QUICK = {("directed-triangle", 4), ("match3", 12)}


def best(found, *, partial=True):
    return min(one.error for one in found.found if partial or not one.partial)


@pytest.mark.parametrize(
    ("name", "length", "options", "distribution", "known"),
    [pytest.param(*row, marks=[pytest.mark.long] * (row[:2] not in QUICK)) for row in KNOWN],
)
def test_known_errors_are_reached(name, length, options, distribution, known):
    found = baselines_of(make_task(name, length=length, **options), distribution)
    assert best(found) <= known
    assert (found.passing is None) is (known > 0.1)


@pytest.mark.long
@pytest.mark.parametrize("length", [8, 12, 16, 24])
def test_trivial_baselines_do_not_reach_the_lengths_of_the_shipped_study(length):
    """What adds up partners' residues at two of three digits does, at the least length: a part of the task."""
    found = baselines_of(make_task("match3", length=length, **DIGITS), "digits")
    assert found.passing is None
    assert (best(found) <= 0.1) is (length == 8)


def fitted_on(answer, numbers, targets, scored=None, shown=None):
    """Outputs for rows (draws, queries, columns), fitted on the same ones unless others are given."""
    scored = torch.ones(numbers.shape[:2], dtype=torch.bool) if scored is None else scored
    return predict(answer, numbers, targets, scored, numbers if shown is None else shown)


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(100, 300))
@settings(deadline=None, max_examples=10)
def test_trees_find_a_threshold_and_are_the_same_again(seed, width, rows):
    numbers = torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, 2, width)))
    targets = (numbers[..., -1] > numbers[..., -1].median()).double()
    outputs, again = fitted_on(Bits(), numbers, targets), fitted_on(Bits(), numbers, targets)
    assert torch.equal(outputs, again)
    assert Bits().judge(outputs, targets) < 0.1
    order = torch.randperm(rows)
    assert torch.equal(fitted_on(Bits(), numbers, targets, shown=numbers[order]), outputs[order])


def test_trees_find_what_no_single_column_tells():
    numbers = torch.from_numpy(np.random.default_rng(0).integers(0, 2, size=(1000, 4, 3)).astype(float))
    first, second, third = (numbers > 0).unbind(2)
    targets = (first & second | third & ~first).double()
    outputs = fitted_on(Bits(), numbers[:500], targets[:500], shown=numbers[500:])
    assert Bits().judge(outputs, targets[500:]) == 0


@pytest.mark.parametrize("count", [2, 3, 9, 40, BOOSTED_CLASSES + 1, 300])
def test_classes_that_a_column_tells_are_found(count):
    """By boosted trees, and where classes are many by a single one; a class that was not seen is none."""
    random = np.random.default_rng(count)
    numbers = torch.from_numpy(random.integers(0, count - 1, size=(2000, 4, 2)).astype(float))
    targets = (numbers[..., 1].long() * 7 + 3) % count
    outputs = fitted_on(Classes(count), numbers, targets)
    assert outputs.shape == (2000, 4, count)
    assert Classes(count).judge(outputs, targets) < 0.05
    absent = sorted(set(range(count)) - set(targets.flatten().tolist()))
    assert not outputs[..., absent].any()


def test_rare_answers_weigh_as_much_as_others():
    """Balanced, like the measure: of two kinds of rows with 0 % and 10 % of yes the second is answered by yes."""
    random = np.random.default_rng(0)
    numbers = torch.from_numpy(random.integers(0, 2, size=(5000, 1, 1)).astype(float))
    targets = (torch.from_numpy(random.random((5000, 1))) < 0.1 * numbers[..., 0]).double()
    assert torch.equal(fitted_on(Bits(), numbers, targets) > 0.5, numbers[..., 0] > 0)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("answer", [Bits(), Classes(3)])
def test_where_all_answers_are_alike_they_are_given(answer, kind):
    targets = torch.full((10, 2), kind).to(answer.dtype)
    shown = torch.arange(40.0).view(20, 2, 1)
    outputs = fitted_on(answer, torch.arange(20.0).view(10, 2, 1), targets, shown=shown)
    assert answer.judge(outputs, targets.expand(2, -1, -1).flatten(0, 1)) == 0


def test_least_squares_find_a_linear_map():
    numbers = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 3, 4)))
    targets = numbers @ torch.arange(8.0, dtype=torch.float64).view(4, 2) + 5
    assert Reals(2).judge(fitted_on(Reals(2), numbers, targets), targets) < 1e-6


@pytest.mark.parametrize("answer", [Bits(), Classes(3), Reals(2)], ids=str)
def test_what_is_not_scored_is_not_fitted(answer):
    random = torch.Generator().manual_seed(0)
    numbers = torch.randn(200, 5, 3, generator=random, dtype=torch.float64)
    targets = torch.randint(0, 2, (200, 5, *answer.target_shape), generator=random).to(answer.dtype)
    scored = torch.rand(200, 5, generator=random) < 0.5
    changed = torch.where(scored.view(200, 5, *[1] * (targets.ndim - 2)), targets, 1 - targets)
    outputs = [fitted_on(answer, numbers, part, scored) for part in (targets, changed)]
    assert torch.equal(*outputs)


class Echo(Task):
    """The own token where the place is even; a place that is odd has no answer."""

    name = "echo"
    distributions = TASKS["k-hop"].distributions
    length = 6

    @property
    def spec(self):
        return Spec(Symbols(4), Classes(4), self.length)

    def draw(self, example_keys, distribution):
        return torch.from_numpy(counter.integers(counter.words(example_keys, 0, self.length), 4))

    def targets(self, inputs):
        return torch.where(torch.arange(self.length) % 2 == 0, inputs, -1)


@pytest.mark.parametrize("kind", [0.0, 1.0])
def test_the_best_constant_is_right_where_all_answers_are_alike(kind):
    targets, scored = torch.full((3, 2), kind), torch.ones(3, 2, dtype=torch.bool)
    assert Bits().judge(Bits().constant(targets, scored), targets, scored) == 0


def test_only_scored_positions_are_judged():
    found = {one.name: one.error for one in baselines_of(Echo(), "uniform", 6000).found}
    assert found["own token"] == found["last tokens"] == 0
    assert found["constant"] == pytest.approx(0.75, abs=0.03)
    assert found["place"] == pytest.approx(0.75, abs=0.03)


def test_tokens_up_to_the_query():
    tokens = torch.tensor([[7, 8, 9, 6]])
    found = token_features(tokens, 4)
    assert found["own token"].tolist() == [[[7], [8], [9], [6]]]
    assert found["last tokens"].tolist() == [[[7, -1, -1], [8, 7, -1], [9, 8, 7], [6, 9, 8]]]
    pairs = token_features(torch.stack([tokens, 10 * tokens], dim=2), 1)
    assert pairs["own token"].tolist() == [[[6, 60]]]
    assert pairs["last tokens"].tolist() == [[[6, 60, 9, 90, 8, 80]]]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("one", [False, True])
def test_pairs_of_recall_are_those_of_the_definition(flat, one):
    task = Recall(pairs=3, vocabulary=5, length=12, flat=flat, one=one)
    inputs = task.sample(40, seed=0).inputs
    found = task.baseline_features(inputs)
    first = 12 - (1 if one else 3)
    for row, present, last in zip(inputs.tolist(), found["values present"], found["last pair"], strict=True):
        pairs = [(a, b - 5) for a, b in pairwise(row)] if flat else row
        pairs = [(key, value) for key, value in pairs[:first] if key < 5 and 0 <= value < 5]
        counts = [sum(value == one for _, value in pairs) for one in range(5)]
        assert present.tolist() == [counts] * (12 - first)
        asked = [token if flat else token[0] for token in row[first:]]
        assert last.tolist() == [[key, *pairs[-1], key == pairs[-1][0]] for key in asked]


def test_values_of_a_single_pair_are_no_alarm():
    assert set(Recall(pairs=1).baseline_features(Recall(pairs=1).sample(2, seed=0).inputs)) == {
        "own token",
        "last tokens",
    }


@pytest.mark.parametrize(
    ("task", "least", "most"),
    [
        (Recall(pairs=2), 0.2, 0.5),
        pytest.param(Recall(pairs=4), 0.5, 0.75, marks=pytest.mark.long),
        (Recall(pairs=8, vocabulary=16, length=32), 0.7, 0.9),
    ],
    ids=str,
)
def test_recall_by_its_values_alone(task, least, most):
    """One of K values at random: about 1 - 1/K."""
    found = baselines_of(task, "uniform", ANSWERS_BEFORE_TRAINING)
    assert found.passing is None
    assert least < min(one.error for one in found.found) < most
    assert {one.name: one.error for one in found.found}["constant"] > 0.9


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_hops_over_two_symbols_need_no_pointer(hops):
    """Neighbours differ, so that symbols alternate; three of them do not."""
    assert baselines_of(KHop(length=12, alphabet=2, hops=hops), "uniform", 4000).passing.error == 0
    with pytest.raises(AssertionError, match=r"A = 2, k = . on 'uniform' inputs is no test of learning"):
        check_task(KHop(length=12, alphabet=2, hops=hops))
    assert baselines_of(KHop(length=12, alphabet=3, hops=hops), "uniform", 4000).passing is None


@pytest.mark.parametrize("alphabet", [3, 8])
def test_the_next_symbol_has_no_baseline(alphabet):
    found = baselines_of(NextSymbol(length=10, alphabet=alphabet), "uniform", ANSWERS_BEFORE_TRAINING)
    assert best(found) == pytest.approx(1 - 1 / alphabet, abs=0.03)


@pytest.mark.parametrize(
    ("name", "options"), [("match2", {}), ("match3", {}), ("match3-bigram", {}), ("match3-local", {"window": 1})]
)
def test_partners_are_those_of_the_definition(name, options):
    """With a group as large as the modulus, counts are of the task's own sums: some if and only if there is a match."""
    task = make_task(name, length=7, modulus=9, **options)
    residues, targets, _ = task.sample(200, seed=0)
    assert torch.equal(counts_of_zero([residues], [9], task.partners) > 0, targets > 0.5)


def test_no_baseline_is_told_the_answer():
    """Numbers about a token follow from the inputs alone, and one example's do not depend on the others."""
    for task, distribution in shipped_sizes():
        inputs = task.sample(6, seed=0, distribution=distribution).inputs
        part = inputs[2:4] if isinstance(inputs, torch.Tensor) else type(inputs)(*(one[2:4] for one in inputs))
        whole, alone = task.baseline_features(inputs), task.baseline_features(part)
        assert whole.keys() == alone.keys()
        for name, numbers in whole.items():
            assert torch.allclose(numbers[2:4], alone[name].to(numbers.dtype)), (task, distribution, name)


def test_first_pointer_is_no_alarm_where_it_is_the_task():
    found = baselines_of(SparseAveraging(8, 1), "gaussian")
    assert "first pointer" not in {one.name for one in found.found}
    assert found.passing is None
    assert best(found) > 0.8


def test_averaging_all_values_is_an_alarm():
    task = SparseAveraging(4, 4)
    reason = no_test(task, "sign", baselines_of(task, "sign"))
    assert reason.startswith("sparse-averaging with N = 4, q = 4")
    assert "'all values'" in reason
    assert "0.125 counts as learned" in reason


def test_distributions_that_cannot_be_drawn_are_refused():
    with pytest.raises(AssayError, match="keys of a network"):
        baselines_of(SparseAveraging(8, 2), "adversarial")


def test_baselines_are_a_question_like_others():
    task = make_task("directed-triangle", length=4)
    answer = BaselinesQuestion(task, "hard").answer()
    assert (answer.verdict, answer.error, answer.tolerance) == ("measured", 0, 0.1)
    assert Baselines.from_json(answer.detail).to_json() == answer.detail
    assert refused(answer) == no_test(task, "hard", Baselines.from_json(answer.detail)) != ""


STUDY = """
name = "one"
[recipe]
distribution = "{distribution}"
[sweeps.one]
task = {{ name = "directed-triangle" }}
along = "length"
[[sweeps.one.search]]
architecture = "attention"
at = [{at}]
steps = [1]
lowest = 2
highest = 2
rates = [0.01]
"""


def test_a_study_of_a_trivial_size_is_refused_before_anything_is_trained(tmp_path):
    file = tmp_path / "one.toml"
    file.write_text(STUDY.format(distribution="hard", at=4))
    settings = {"quick": False, "workers": 1, "engine": "local", "address": None, "quiet": True}
    for _ in range(2):  # the second time from the ledger
        with pytest.raises(AssayError, match="study one: directed-triangle with N = 4 on 'hard' inputs is no test"):
            run(str(file), out=tmp_path / "out", **settings)
        with Ledger(tmp_path / "out" / "ledger.sqlite") as ledger:
            assert [piece.question["kind"] for piece in ledger] == ["baselines"]


def test_a_task_that_fails_is_left_to_its_searches(tmp_path, capsys, monkeypatch):
    from assay.studies.study_file import load_study

    def fails(question):
        raise ValueError("no")

    monkeypatch.setattr(BaselinesQuestion, "find", fails)
    file = tmp_path / "one.toml"
    file.write_text(STUDY.format(distribution="hard", at=4))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        require_tests_of_learning(load_study(str(file)), ledger)
        assert len(ledger) == 0
    assert "no baselines on directed-triangle: ValueError: no" in capsys.readouterr().err


def test_the_command_in_a_process_of_its_own(tmp_path):
    found = assay("baselines", "directed-triangle", "--length", "4", "--distribution", "hard", "--json")
    assert found.returncode == 0, found.stderr
    (row,) = json.loads(found.stdout)["baselines"]
    assert row["task"] == {"name": "directed-triangle", "length": 4}
    assert (row["passing"], row["tolerance"], row["draws"]) == ("degrees", 0.1, 8192)
    text = assay("baselines", "sparse-averaging", "--length", "4", "--sparsity", "4", "--distribution", "sign")
    assert "within the tolerance: no test of learning" in text.stdout
    assert assay("baselines", "--length", "4").returncode == 2
    out = tmp_path / "weights.safetensors"
    refusal = assay("train", "directed-triangle", "--length", "4", "--distribution", "hard", "--out", str(out))
    assert (refusal.returncode, len(refusal.stderr.splitlines())) == (2, 1)
    assert "N = 4 on 'hard' inputs is no test of learning: the trivial baseline 'degrees'" in refusal.stderr
    assert not out.exists()


def test_trees_are_imported_only_where_they_are_fitted():
    lines = """
import sys
import assay, assay.testing
from assay.trivial.fit import baselines_of
from assay.cli.baselines import baselines
from assay.sessions.study import run
assert not {"sklearn", "threadpoolctl", "joblib"} & set(sys.modules)
baselines_of(assay.SparseAveraging(8, 2), "sign", 1000)
assert "sklearn" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", lines], check=True, timeout=100)


@pytest.mark.long
def test_the_command_shows_every_shipped_task_and_distribution():
    rows = json.loads(assay("baselines", "--json").stdout)["baselines"]
    shown = {(row["task"]["name"], row["distribution"], row["task"]["length"]): row for row in rows}
    for name, length, _, distribution, known in KNOWN:
        assert min(one["error"] for one in shown[name, distribution, length]["found"]) <= known


def test_few_inputs_are_all_seen_and_many_are_not():
    seen = count_test_inputs(make_task("match2", length=4, modulus=6), 0, Recipe(400, "uniform"), 400)
    assert (seen.share, seen.different, seen.exhaustive) == (1, 5**4, True)
    assert seen.line == "exhaustive, not fresh: training drew all 625 different ones, and no other of this length"
    for task, distribution in ((make_task("match3", length=16), "uniform"), (SparseAveraging(32, 2), "gaussian")):
        fresh = count_test_inputs(task, 0, Recipe(400, distribution), 400)
        assert (fresh.share, fresh.counted, fresh.trained) == (0, 16384, 51200)
        assert fresh.line == "none of them among the first 16384 of 51200 training inputs"
        assert not fresh.exhaustive


def seen_by_definition(task, distribution, steps):
    """Share of 8192 test inputs that are among the training inputs, all of them kept."""

    def rows(split, start, count):
        inputs = task.drawn(count, seed=0, split=split, start=start, distribution=distribution)
        parts = (inputs,) if isinstance(inputs, torch.Tensor) else inputs
        # zeros of either sign are the same number
        return [
            row.tobytes() for row in torch.cat([part.double().flatten(1) for part in parts], dim=1).add(0.0).numpy()
        ]

    trained = {row for step in range(0, steps, 50) for row in rows("train", 128 * step, 128 * min(50, steps - step))}
    return sum(row in trained for row in rows("test", 0, 8192)) / 8192


@pytest.mark.parametrize(
    ("task", "distribution", "least", "most"),
    [
        (make_task("match2", length=4, modulus=6), "uniform", 1, 1),
        (make_task("match3", length=9), "hard", 1, 1),
        (make_task("sparse-averaging", length=8, sparsity=2, layout="last"), "sign", 0.9999, 1),
        (make_task("directed-triangle", length=4), "uniform", 1, 1),
        (make_task("five-cycle", length=6), "uniform", 0.86, 0.88),
        (Recall(pairs=2, vocabulary=3), "uniform", 1, 1),
    ],
    ids=str,
)
def test_small_sizes_have_few_inputs(task, distribution, least, most):
    found = count_test_inputs(task, 0, Recipe(500, distribution), 500)
    assert least <= found.share <= most
    assert found.share == seen_by_definition(task, distribution, 500)


def test_the_share_is_that_of_the_definition():
    task, recipe = make_task("match2", length=3, modulus=20), Recipe(20, "uniform", batch=50, test=300)
    test = [tuple(row) for row in task.sample(300, seed=5).inputs.tolist()]
    train = {tuple(row) for row in task.sample(1000, seed=5, split="train").inputs.tolist()}
    found = count_test_inputs(task, 5, recipe, 20)
    assert found.different == len(set(test))
    assert found.share == sum(row in train for row in test) / 300
    assert found.line.startswith(f"{100 * found.share:.3g} % of them")


def test_training_at_shorter_lengths_sees_no_test_input_then():
    task, recipe = KHop(length=5, alphabet=3), Recipe(60, "uniform", batch=4, test=100, shortest=2)
    full = [step for step in range(60) if length_of(step, 3, 5, recipe) == 5]
    assert 0 < len(full) < 30
    drawn = (task.sample(4, seed=3, split="train", start=4 * step).inputs.tolist() for step in full)
    train = {tuple(row) for rows in drawn for row in rows}
    test = [tuple(row) for row in task.sample(100, seed=3).inputs.tolist()]
    found = count_test_inputs(task, 3, recipe, 60)
    assert found.counted == found.trained == 4 * len(full)
    assert 0 < found.share == sum(row in train for row in test) / 100 < 1


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=20))
@settings(deadline=None)
def test_hashes_tell_inputs_apart(rows):
    whole = hashes(torch.tensor(rows))
    assert len(set(whole.tolist())) == len({tuple(row) for row in rows})
    assert whole.tolist() == [hashes(torch.tensor([row])).item() for row in rows]
    pair = torch.tensor(rows, dtype=torch.float32), torch.tensor(rows)
    assert len(set(hashes(pair).tolist())) == len({tuple(row) for row in rows})


def test_the_share_is_part_of_the_evidence():
    recipe = {"steps": 20, "batch": 64, "test": 64, "validation": 64, "distribution": "uniform"}
    task = make_task("match2", length=2, modulus=4)
    answer = TrainingQuestion.usual(Candidates("attention"), task, recipe, 4, seed=0, rate=0.01).answer()
    assert answer.detail["test_inputs"]["share"] == 1
    assert answer.justification.endswith("training drew all 9 different ones, and no other of this length")
