"""Networks to be examined: files of either kind, and users' classes."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import fresh
from assay import AssayError, Match2, SparseAveraging
from assay.constructions import build
from assay.constructions.weights_file import load_network
from assay.evidence import canonical
from assay.examine.protocols.running import run_protocol
from assay.examine.subject import open_subject, subject_of
from assay.layers.layer import Layer
from assay.models import architectures, make_network
from assay.store.tensors import write_tensors
from assay.training.single import train_one
from assay.training.trained_file import load_trained

TASK = SparseAveraging(length=4, sparsity=1, layout="last")


class Zeros(nn.Module):
    """Answers 0, times a weight."""

    def __init__(self, task):
        super().__init__()
        self.task, self.weight = task, nn.Parameter(torch.ones(1))

    def forward(self, inputs):
        return self.weight * torch.zeros(len(inputs.values), *self.task.spec.output_shape)


class Mean(Layer):
    """Averages all tokens."""

    family = "attention"

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, tokens, last):
        return self.scale * tokens.mean(dim=1, keepdim=True).expand(-1, last, -1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "t.safetensors"
    result = train_one(
        TASK,
        "attention",
        path,
        width=6,
        depth=1,
        head_width=3,
        rate=0.01,
        seed=1,
        recipe={"steps": 30, "distribution": "gaussian"},
    )
    return path, result


def test_a_trained_network_comes_back_as_it_was(trained):
    path, result = trained
    subject = open_subject(path)
    assert subject.origin == "trained"
    assert subject.task == TASK
    assert subject.size.parameters == result.parameters
    assert subject.size.head_width == 3
    network, training = load_trained(path)
    inputs, targets, _ = TASK.sample(8192, seed=1, distribution="gaussian")
    assert TASK.answer.judge(network(inputs), targets) == pytest.approx(training["mean_error"], rel=1e-5)
    assert result.verdict in ("learned", "not learned within this budget")


@pytest.mark.parametrize("architecture", architectures())
def test_every_architecture_can_be_trained_kept_and_opened(architecture, tmp_path):
    path = tmp_path / "t.safetensors"
    task = Match2(length=3, modulus=4) if architecture == "strassen" else TASK
    train_one(
        task,
        architecture,
        path,
        width=4,
        depth=1,
        head_width=0,
        rate=0.01,
        seed=0,
        recipe={"steps": 2, "distribution": "uniform"},
    )
    subject = open_subject(path)
    inputs, targets, _ = task.sample(3, seed=0)
    assert subject.network(inputs).shape == targets.shape
    if architecture == "feed-forward":
        found = run_protocol("null-space", subject).outcome
        assert found.witness.error >= found.witness.at_least


class Fails(nn.Module):
    """Cannot be made."""

    def __init__(self):
        super().__init__()


class NoNumbers(Zeros):
    """Answers that are no numbers."""

    def embedded(self, inputs):
        return torch.zeros(len(inputs.values), 5, 1)

    def answers(self, embedded):
        return torch.full((len(embedded), 1, 1), torch.nan)

    def forward(self, inputs):
        return self.answers(self.embedded(inputs))


def test_answers_that_are_no_numbers_are_wrong():
    found = run_protocol("disjointness", open_subject(f"{__name__}:NoNumbers", TASK)).outcome
    assert found.wrong == found.runs == 4


def test_a_seed_makes_the_same_weights():
    task = f"{__name__}:Drawn"
    first, again, other = (open_subject(task, TASK, seed=seed).network.weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


class Drawn(Zeros):
    """A random weight."""

    def __init__(self, task):
        super().__init__(task)
        self.weight = nn.Parameter(torch.randn(1))


def test_a_construction_comes_with_its_guarantee(tmp_path):
    unit = build(TASK, method="sign", tolerance=0.1)
    unit.save(tmp_path / "u.safetensors")
    subject = open_subject(tmp_path / "u.safetensors")
    assert (subject.origin, subject.tolerance) == ("constructed", 0.1)
    assert subject.guaranteed == unit.certificate().guaranteed_error


def test_a_users_class_and_its_weights(tmp_path):
    inputs, _, _ = TASK.sample(3, seed=0)
    subject = open_subject(f"{__name__}:Zeros", TASK)
    assert subject.network(inputs).shape == (3, 1, 1)
    assert (subject.origin, subject.size, subject.guaranteed) == ("user's", None, None)
    save_file({"weight": torch.full((1,), 3.0)}, tmp_path / "w.safetensors")
    assert open_subject(f"{__name__}:Zeros", TASK, weights=tmp_path / "w.safetensors").network.weight.item() == 3
    layer = open_subject(f"{__name__}:Mean", TASK, width=4)
    assert layer.network(inputs).shape == (3, 1, 1)
    assert layer.size.width == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((f"{__name__}:Zeros",), "name the task"),
        ((f"{__name__}:Mean", TASK), "width = None"),
        ((f"{__name__}:Nothing", TASK), "has no 'Nothing'. Module classes in it: Zeros, Mean"),
        ((f"{__name__}:Fails", TASK), "fails: TypeError"),
        ((f"{__name__}:TASK", TASK), "is not a Module class"),
        (("no/such.safetensors",), "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_opened_is_refused(arguments, message):
    with pytest.raises(AssayError, match=message):
        open_subject(*arguments)


def test_a_file_has_its_own_task_and_is_of_one_kind(trained, tmp_path):
    with pytest.raises(AssayError, match="says its own task"):
        open_subject(trained[0], TASK)
    with pytest.raises(AssayError, match="trained network, which has no certificate"):
        load_network(trained[0])
    unit = build(TASK, method="recurrent")
    unit.save(tmp_path / "u.safetensors")
    with pytest.raises(AssayError, match="no trained network"):
        load_trained(tmp_path / "u.safetensors")
    save_file({"weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(AssayError, match="does not hold the weights"):
        open_subject(f"{__name__}:Mean", TASK, width=4, weights=tmp_path / "w.safetensors")


def test_training_from_the_command_line(tmp_path):
    out = tmp_path / "t.safetensors"
    shape = ["--length", 4, "--sparsity", 1, "--layout", "last", "--width", 6, "--steps", 20]
    done = fresh.assay("train", "sparse-averaging", *shape, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["architecture"] == "attention"
    assert done.stderr.startswith("step 20 of 20: root-mean-square error")
    assert open_subject(out).task == TASK
    wrong = fresh.assay("train", "sparse-averaging", *shape, "--out", tmp_path / "no" / "x")
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1


def test_a_file_is_never_code(tmp_path):
    """A trained file that names a module imports nothing of it; the user names the layer, or the module."""
    (tmp_path / "mine.py").write_text(
        "from assay.layers.gru import GRU\n"
        "import pathlib\n"
        "pathlib.Path('imported').touch()\n"
        "class Mine(GRU):\n    pass\n"
    )
    shape = ["--width", "4"]
    task = ["--length", "4", "--modulus", "7"]

    def assay(*words):
        return fresh.assay(*words, cwd=tmp_path)

    trained = assay("train", "match2", *task, "--architecture", "mine:Mine", *shape, "--steps", "2", "--out", "t.st")
    assert trained.returncode == 0, trained.stderr
    (tmp_path / "imported").unlink()
    refused = assay("attack", "t.st")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "--code names it: mine" in refused.stderr
    assert not (tmp_path / "imported").exists()
    named = assay("attack", "mine:Mine", "--task", "match2", *task, *shape, "--weights", "t.st", "--budget", "50")
    assert named.returncode == 0, named.stderr
    opened = assay("attack", "t.st", "--code", "mine", "--budget", "50")
    assert (opened.returncode, opened.stdout.split("\n")[1:]) == (0, named.stdout.split("\n")[1:])


@pytest.mark.parametrize(
    ("field", "text"),
    [(field, text) for field in ("task", "shape", "training") for text in ("", "NaN", "[" * 9999)]
    + [(field, text) for field in ("task", "shape") for text in ("[]", '{"name": "os:path"}', '{"length": "x"}')],
)
def test_a_trained_file_that_says_nonsense_is_refused_in_one_line(field, text, tmp_path):
    task = Match2(length=4, modulus=7)
    network = make_network("gru", task, 4, seed=0)
    texts = {
        "architecture": "gru",
        "task": canonical(task.to_json()),
        "training": "{}",
        "shape": canonical({"width": 4, "depth": 1, "head_width": 0}),
    }
    write_tensors(tmp_path / "t.st", network.state_dict(), {**texts, field: text})
    with pytest.raises(AssayError) as refused:
        open_subject(tmp_path / "t.st")
    assert "\n" not in str(refused.value)


class Keyed(Drawn):
    """A user's module that gives keys, and computes in float64."""

    def __init__(self, task):
        super().__init__(task)
        self.double()

    def position_keys(self):
        return torch.arange(self.task.spec.length).double()[:, None]


class Stubborn(nn.Module):
    """Answers of another shape."""

    def __init__(self, task):
        super().__init__()

    def forward(self, inputs):
        return inputs.values


def test_a_subject_says_the_same_of_every_kind_of_network(trained):
    unit = build(TASK, method="sign", tolerance=0.1)
    users = (open_subject(f"{__name__}:{name}", TASK) for name in ("Zeros", "Keyed"))
    constructed, learned, plain, keyed = subject_of(unit), open_subject(trained[0]), *users
    assert torch.equal(constructed.keys, unit.position_keys())
    assert learned.keys is None is plain.keys
    assert keyed.keys.shape == (TASK.spec.length, 1)
    assert constructed.weights == unit.attention
    assert [subject.weights for subject in (learned, plain, keyed)] == [None] * 3
    assert [subject.dtype for subject in (constructed, learned, plain, keyed)] == [
        torch.float64,  # it has buffers, no parameters
        torch.float32,
        torch.float32,
        torch.float64,
    ]
    inputs = TASK.sample(5, seed=0).inputs
    for subject in (constructed, learned, plain, keyed):
        assert subject.at_once >= 1
        suited = subject.suited(inputs)
        assert suited.values.dtype == subject.dtype
        assert torch.equal(suited.pointers, inputs.pointers)
        outputs, rows = subject.answered(suited)
        assert torch.equal(outputs, subject.network(suited))
        assert rows.tolist() == list(range(5))
    with pytest.raises(AssayError, match=r"answers of .*Stubborn have shape \(5, 4, 1\); it must be \(5, 1, 1\)"):
        open_subject(f"{__name__}:Stubborn", TASK).answers(inputs)


def test_a_batch_holds_as_many_inputs_as_fit():
    """Of networks that do not say what they hold, by the width of a token; never less than one."""
    for length, most in ((4, 1024), (1 << 15, 2), (1 << 20, 1)):
        task = SparseAveraging(length=length, sparsity=1, layout="last")
        assert (
            open_subject(f"{__name__}:Zeros", task).at_once
            == max(1, min(1024, (1 << 22) // (64 * (length + 1))))
            <= most
        )
