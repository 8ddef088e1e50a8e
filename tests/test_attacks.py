"""Attacks: they break what is broken, and only that; what they report can be tried again."""

import itertools
import json
import math

import pytest
import torch
from torch import nn

from assay import AssayError, CertificateError, Match2, Match3, SparseAveraging
from assay.cli.text import attack_text
from assay.constructions import build
from assay.constructions.answering import NO_NUMBER, answered
from assay.examine.attacks import attack
from assay.examine.attacks.averaging import spread, worst_values
from assay.examine.attacks.methods import draws
from assay.examine.attacks.tries import Tries
from assay.examine.subject import Subject, open_subject, subject_of
from assay.tasks.k_hop import KHop
from assay.training.single import train_one

SMALL = SparseAveraging(length=12, sparsity=2)
LAST = SparseAveraging(length=16, sparsity=2, layout="last")


class Mean(nn.Module):
    """Answers the mean of all values, in the dtype of its one weight."""

    def __init__(self, task):
        super().__init__()
        self.task, self.weight = task, nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, inputs):
        return self.weight * inputs.values.mean(dim=1, keepdim=True).expand(-1, self.task.spec.queries, -1)


class SingleMean(Mean):
    """The same in float32, with the mean by a matrix product, which does not take float64."""

    def __init__(self, task):
        super().__init__(task)
        self.weight = nn.Parameter(torch.full((1, task.length), 1 / task.length))

    def forward(self, inputs):
        return (self.weight @ inputs.values).expand(-1, self.task.spec.queries, -1)


class Shifted(Mean):
    """The mean and 2: beyond every answer, so that it errs to one side only."""

    def forward(self, inputs):
        return super().forward(inputs) + 2


class Never(nn.Module):
    """Answers 0 to every matching question, but a number that is none where residue 3 comes first."""

    def __init__(self, task):
        super().__init__()
        self.task = task

    def forward(self, inputs):
        return torch.where(inputs[:, :1] == 3, torch.nan, 0.0).expand(-1, self.task.spec.queries)


class Refusing(Never):
    """Has no certificate where residue 0 comes first."""

    def forward(self, inputs):
        if (inputs[:, 0] == 0).any():
            raise CertificateError("residue 0 comes first")
        return torch.zeros(inputs.shape)


class Flat(nn.Module):
    """Never errs, but comes the nearer to it the larger the first residue is."""

    def __init__(self, task):
        super().__init__()
        self.task = task

    def forward(self, inputs):
        exact = self.task.targets(inputs)
        return torch.where(exact > 0.5, 2.0, inputs[:, :1].double() / self.task.modulus - 1)


class Sevens(Never):
    """Errs by the share of residues that are 7."""

    def forward(self, inputs):
        exact, share = self.task.targets(inputs), (inputs == 7).double().mean(dim=1, keepdim=True)
        return exact + torch.where(exact > 0.5, -share, share)


class Wrong(Never):
    """Answers in a wrong shape."""

    def forward(self, inputs):
        return torch.zeros(len(inputs), 1)


def users(kind, task):
    return open_subject(f"{__name__}:{kind}", task)


def answer_again(subject, result):
    """The error of the reported input, put together again from JSON."""
    given = json.loads(json.dumps(result.worst_input, allow_nan=False))
    task = subject.task
    if "residues" in given:
        inputs = task.inputs([given["residues"]])
    else:
        dtype = next((p.dtype for p in subject.network.parameters()), torch.float64)
        inputs = task.inputs(
            torch.tensor([given["values"]], dtype=torch.float64).to(dtype), torch.tensor([given["pointers"]])
        )
    errors = task.answer.errors(subject.network(inputs).detach(), task.targets(inputs))[0]
    return errors.max().item(), task.spec.length - task.spec.queries + errors.argmax().item()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "t.safetensors"
    result = train_one(
        LAST,
        "attention",
        path,
        width=12,
        depth=1,
        head_width=0,
        rate=0.01,
        seed=0,
        recipe={"steps": 150, "distribution": "gaussian"},
    )
    return open_subject(path), result.mean_error


@pytest.mark.parametrize("method", ["sign", "cyclic", "reed-solomon", "heads", "recurrent", "feed-forward"])
@pytest.mark.parametrize("layout", ["all", "last"])
def test_an_intact_construction_keeps_its_guarantee(method, layout):
    task = SparseAveraging(length=10, sparsity=2, dimension=2, layout=layout)
    result = attack(subject_of(build(task, method=method, tolerance=0.1)), budget=600)
    assert not result.broken
    assert result.error <= result.guaranteed_error <= 0.1
    assert "proves nothing" in result.justification
    assert sum(result.tried.values()) == 600


@pytest.mark.parametrize("task", [Match2(length=16, modulus=31), Match3(length=6, modulus=11)])
def test_an_intact_matching_construction_keeps_its_guarantee(task):
    result = attack(subject_of(build(task)), budget=1000)
    assert not result.broken
    assert result.error <= result.guaranteed_error


def test_altered_keys_break_the_guarantee():
    unit = build(SMALL, method="sign", tolerance=0.1)
    guaranteed = unit.certificate().guaranteed_error
    unit.key.mul_(0.5)
    subject = Subject("altered", "constructed", unit, SMALL, "attention", unit.size, 0.1, guaranteed)
    result = attack(subject, budget=500)
    assert result.broken
    assert result.exceeds_tolerance
    assert "one forward pass" in result.justification
    assert answer_again(subject, result) == (result.error, result.token)
    assert "BROKEN" in attack_text(result)


def test_one_bad_key_of_many_is_found():
    task = SparseAveraging(length=64, sparsity=2, layout="last")
    unit = build(task, method="heads", tolerance=0.05)
    unit.nodes[17] = unit.nodes[18] - 0.5  # asked for 17 or 18, a head also looks at the other
    subject = subject_of(unit)
    found = attack(subject, budget=2000)
    assert found.broken
    assert set(found.worst_input["pointers"][0]) & {17, 18}
    assert found.error == pytest.approx(answer_again(subject, found)[0])


def test_half_the_temperature_breaks_the_guarantee():
    unit = build(Match2(length=32, modulus=101), method="trigonometric", tolerance=0.05)
    subject = subject_of(unit)
    assert not attack(subject, budget=1000).broken
    unit.query.mul_(0.5)
    result = attack(subject, budget=1000)
    assert result.broken
    assert answer_again(subject, result)[0] == result.error


def test_cosines_beyond_float32_break_the_guarantee():
    unit = build(Match2(length=32, modulus=20_000), method="trigonometric", tolerance=0.1)
    guaranteed = unit.certificate().guaranteed_error
    assert not attack(subject_of(unit), budget=600).broken
    narrow = unit
    for name, buffer in list(unit.named_buffers()):  # given anew: a cast would be refused
        narrow.register_buffer(name, buffer.float())
    object.__setattr__(narrow.arithmetic, "dtype", torch.float32)
    subject = Subject("narrow", "constructed", narrow, narrow.task, "attention", narrow.size, 0.1, guaranteed)
    assert attack(subject, budget=600).broken


def test_search_goes_beyond_the_draws_of_a_trained_network(trained):
    subject, mean_error = trained
    better = 0
    for seed in range(4):
        tries = Tries(subject, 3000, seed, lambda _: None)
        draws(tries, 3000)
        found = attack(subject, budget=3000, seed=seed)
        assert found.error >= mean_error
        better += found.error > tries.worst.badness[0]
    assert better >= 3


def test_the_result_can_be_reproduced_and_read_back(trained):
    first, again = (attack(trained[0], budget=700, seed=5) for _ in range(2))
    assert first == again
    assert first != attack(trained[0], budget=700, seed=6)
    assert json.loads(json.dumps(first.to_json(), allow_nan=False)) == first.to_json()
    assert answer_again(trained[0], first) == (first.error, first.token)
    assert first.error_in_batch == pytest.approx(first.error, rel=1e-5)
    assert first.guaranteed_error is None
    assert not first.broken


def test_small_tasks_are_exhausted():
    task = Match2(length=3, modulus=5)
    found = attack(users("Never", task), budget=125)
    assert found.tried == {"exhaustive": math.prod(task.choices(p) for p in range(3))} == {"exhaustive": 125}
    assert found.error == NO_NUMBER
    assert found.network_answer is None
    assert found.worst_input["residues"][0] == 3
    assert "exhaustive" not in attack(users("Never", task), budget=124).tried


@pytest.mark.parametrize("layout", ["all", "last"])
def test_exhaustion_finds_what_enumeration_by_hand_does(layout):
    task = SparseAveraging(length=3, sparsity=2, layout=layout)
    unit = build(task, method="sign", tolerance=0.4)
    sets = list(itertools.combinations(range(3), 2))
    largest = max(
        task.answer.errors(unit(inputs), task.targets(inputs)).max().item()
        for signs in itertools.product([1.0, -1.0], repeat=3)
        for asked in itertools.product(sets, repeat=task.spec.queries)
        for inputs in [task.inputs(torch.tensor([signs], dtype=torch.float64)[..., None], [asked])]
    )
    count = 8 * 3**task.spec.queries
    found = attack(subject_of(unit), budget=count)
    assert found.tried == {"exhaustive": count}
    assert f"the {count} inputs of the finite form" in found.justification
    assert found.error == pytest.approx(largest, rel=1e-5)


def test_refused_inputs_are_counted_and_not_judged():
    task = Match2(length=2, modulus=3)
    found = attack(users("Refusing", task), budget=9)
    assert found.refused == 3
    assert found.tried == {"exhaustive": 9}
    single = attack(users("Refusing", Match2(length=1, modulus=2)), budget=2)  # residue 1 matches itself
    assert (single.refused, single.error) == (1, 1.0)


def test_where_everything_is_refused_nothing_is_said(monkeypatch):
    def refuse(self, inputs):
        raise CertificateError("never")

    monkeypatch.setattr(Refusing, "forward", refuse)
    for budget in (4, 300):
        result = attack(users("Refusing", Match2(length=2 if budget == 4 else 20, modulus=2)), budget=budget)
        assert result.error is None
        assert not result.broken
        assert result.refused == sum(result.tried.values()) <= budget
        assert result.justification.startswith("nothing")
        assert "refused" in attack_text(result)


def test_a_refused_batch_is_halved_down_to_the_culprits():
    network = Refusing(Match2(length=2, modulus=3))
    inputs = torch.tensor([[1, 1], [0, 1], [2, 2], [0, 0], [1, 2]])
    outputs, rows = answered(lambda some: network(some) + some, inputs)
    assert torch.equal(outputs.long(), inputs[rows])
    assert sorted(rows.tolist()) == [0, 2, 4]


@pytest.mark.parametrize("kind", ["Mean", "SingleMean"])
@pytest.mark.parametrize("layout", ["all", "last"])
@pytest.mark.parametrize("dimension", [1, 3])
def test_the_worst_error_of_a_linear_network_is_found(kind, layout, dimension):
    """The mean of all N misses that of q by at most |1/q - 1/N| q + (N - q) / N = 2 (1 - q/N), for any q of them."""
    task = SparseAveraging(length=8, sparsity=2, dimension=dimension, layout=layout)
    found = attack(users(kind, task), budget=400)
    assert found.error == pytest.approx(2 * (1 - 2 / 8), rel=1e-5)
    assert found.exceeds_tolerance
    assert answer_again(users(kind, task), found)[0] == pytest.approx(found.error)
    assert found.constants["always 0"] == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("method", ["sign", "heads", "cyclic"])
def test_worst_values_reach_the_distance_of_the_weights_from_uniform(method):
    unit = build(SMALL, method=method, tolerance=0.2)
    inputs = SMALL.sample(5, seed=1, dtype=torch.float64).inputs
    worse = worst_values(Tries(subject_of(unit), 1, 0, lambda _: None), inputs)
    weights = unit.attention(inputs).mean(dim=1).double()
    uniform = torch.zeros_like(weights)
    for row, token in itertools.product(range(5), range(SMALL.spec.queries)):
        uniform[row, token, inputs.pointers[row, token]] = 1 / SMALL.sparsity
    distance = (weights - uniform).abs().sum(dim=2).amax(dim=1)
    errors = SMALL.answer.errors(unit(worse), SMALL.targets(worse)).amax(dim=1)
    assert torch.allclose(errors, distance, rtol=1e-3, atol=1e-6)
    before = SMALL.answer.errors(unit(inputs), SMALL.targets(inputs)).amax(dim=1)
    assert (errors >= before - 1e-6).all()


@pytest.mark.parametrize("layout", ["all", "last"])
def test_worst_values_take_the_side_that_a_network_errs_to(layout):
    """The mean errs by at most 2 (1 - q/N), and on one of its two sides 2 is added to that."""
    task = SparseAveraging(length=8, sparsity=2, layout=layout)
    subject = users("Shifted", task)
    worse = worst_values(Tries(subject, 1, 0, lambda _: None), task.sample(5, seed=2, dtype=torch.float64).inputs)
    errors = task.answer.errors(subject.network(worse), task.targets(worse)).amax(dim=1)
    assert torch.allclose(errors, torch.full((5,), 2 * (1 - 2 / 8) + 2, dtype=torch.float64))


def test_spread_pointers_are_neighbours_of_one_set():
    inputs = SMALL.sample(1, seed=0).inputs
    many = spread(SMALL, inputs, 4, 20, seed=1, start=7)
    SMALL.inputs(*many)  # distinct and in range
    asked = set(inputs.pointers[0, 4].tolist())
    common = [len(asked & set(row)) for row in many.pointers.flatten(0, 1).tolist()]
    assert min(common) == SMALL.sparsity - 1
    assert torch.equal(many.pointers[:, 4], inputs.pointers[:, 4].expand(20, -1))
    assert torch.equal(many.values, inputs.values.expand(20, -1, -1))


def test_search_climbs_where_the_error_is_flat():
    task = Match2(length=12, modulus=100)
    found = attack(users("Flat", task), budget=1500)
    assert found.error == 0
    assert found.worst_input["residues"][0] >= 98


def test_search_goes_where_only_many_steps_lead():
    """A draw is all sevens with probability 10^-12, and each step can add one."""
    found = attack(users("Sevens", Match2(length=12, modulus=10)), budget=4000)
    assert found.worst_input == {"residues": [7] * 12}
    assert found.error == 1
    assert found.found_by == "search"


@pytest.mark.parametrize("task", [SparseAveraging(length=1, sparsity=1), Match2(length=1, modulus=7)])
def test_one_token(task):
    result = attack(subject_of(build(task)), budget=50)
    assert not result.broken
    assert "exhaustive over" in result.justification


def test_progress_is_told():
    lines = []
    attack(users("Never", Match2(length=6, modulus=50)), budget=300, tell=lines.append)
    assert [line.split(":")[0] for line in lines] == [
        "uniform draws",
        "planted draws",
        "hard draws",
        "ask draws",
        "search",
    ]


def test_wrong_requests_are_refused():
    with pytest.raises(AssayError, match="budget = 0"):
        attack(users("Never", Match2(length=4)), budget=0)
    with pytest.raises(AssayError, match=r"have shape \(\d+, 1\); it must be"):
        attack(users("Wrong", Match2(length=4)), budget=10)


class Oracle(nn.Module):
    """Right where an answer is wanted, and wrong elsewhere; of inputs that begin with 3 always wrong at the end."""

    def __init__(self, task):
        super().__init__()
        self.task = task

    def forward(self, inputs):
        targets = self.task.targets(inputs)
        outputs = torch.nn.functional.one_hot(targets.clamp(min=0), self.task.alphabet).double()
        outputs[targets < 0] = -1.0
        outputs[inputs[:, 0] == 3, -1] *= -1
        return outputs


def test_classes_are_judged_where_they_are_scored():
    task = KHop(length=6)
    subject = Subject("oracle", "user's", Oracle(task), task, "", None, task.tolerance)
    found = attack(subject, budget=400)
    assert found.error == 1
    assert found.worst_input["inputs"][0] == 3
    assert found.token == 5
    assert found.constants == {"always the most frequent": 1.0}
    task = KHop(length=3, hops=2)  # nothing is scored
    subject = Subject("oracle", "user's", Oracle(task), task, "", None, task.tolerance)
    assert attack(subject, budget=50).error == 0
