"""A network that refuses every input: no number is given for an error of nothing, and nothing is said to hold."""

import json

import pytest
import torch

from assay import AssayError, Match3, SparseAveraging, load
from assay.constructions import build
from assay.constructions.answering import Trial, together
from assay.constructions.sign import SignKeys
from assay.constructions.trials import try_all, try_network
from assay.errors import Refuted
from assay.evidence import canonical
from assay.examine.attacks.attack import attack
from assay.examine.precision import smallest_precision
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.head_summary import BareLayer
from assay.examine.subject import open_subject, subject_of
from assay.proofs import certify
from assay.proofs.certificate_file import write_certificate
from assay.questions.construction import ConstructionQuestion
from assay.store.tensors import read_tensors, write_tensors
from assay.testing import check_construction
from fresh import assay

TASK = SparseAveraging(length=6, sparsity=2)


BUILD = SignKeys.build


def silent(task=TASK, tolerance=0.2):
    """Sign keys that are all equal, which set no pointer set apart."""
    unit = BUILD(task, tolerance)
    unit.keys[:] = unit.keys[:1].clone()
    return unit


@pytest.fixture
def file(tmp_path):
    silent().save(tmp_path / "silent.safetensors")
    return tmp_path / "silent.safetensors"


def test_a_trial_in_which_nothing_was_answered_has_no_error_and_bears_nothing_out():
    unit = silent()
    trial = try_network(unit, "uniform", 30)
    assert trial == Trial(tried=30, refused=30, largest_error=None)
    assert trial.refutation(1e9) == "it refuses all 30 inputs that were tried"
    assert together(try_all(unit, 5).values()).largest_error is None
    assert together([trial, Trial(10, 2, 0.5)]) == Trial(40, 32, 0.5)
    assert Trial(10, 2, 0.5).refutation(0.5) == ""
    assert Trial(10, 2, 0.5).refutation(0.4) == "it errs by 0.5 on an input, more than 0.4"
    assert together([]).refutation(1.0)


@pytest.mark.parametrize("draws", [0, -1, 2.5, True])
def test_no_verdict_is_given_on_no_draws(draws):
    with pytest.raises(AssayError, match=r"draws = .* must be an integer from 1 up"):
        try_network(build(TASK), "uniform", draws)


def test_check_says_that_all_was_refused_and_ends_with_1(file):
    found = assay("check", file, "--draws", 40)
    assert found.returncode == 1
    lines = dict(line.split("  ", 1) for line in found.stdout.splitlines())
    assert lines["largest error"].strip() == "no answer"
    assert lines["holds"].strip() == "False"
    assert lines["reason"].strip() == "it refuses all 40 inputs that were tried"
    found = json.loads(assay("check", file, "--draws", 40, "--json").stdout)
    assert (found["largest_error"], found["refused"], found["holds"]) == (None, 40, False)


def test_attack_and_precision_end_with_1_too(file):
    found = assay("attack", file, "--budget", 100)
    assert found.returncode == 1
    assert "no answer; it rests on nothing: it refuses all" in found.stdout
    found = assay("precision", file, "--draws", 3)
    assert found.returncode == 1
    assert not found.stdout
    assert "meets no tolerance: it refuses all" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_an_attack_on_what_answers_nothing_has_no_verdict():
    found = attack(subject_of(silent()), budget=100)
    assert found.error is found.exceeds_tolerance is found.broken is None
    assert found.constants == {}
    assert found.refused == sum(found.tried.values()) > 0


def test_a_precision_of_what_answers_nothing_is_refuted():
    with pytest.raises(Refuted, match="it refuses all"):
        smallest_precision(subject_of(silent()), draws=2)


def test_a_study_does_not_call_constructed_what_answers_nothing(monkeypatch):
    question = ConstructionQuestion("sign", TASK, 0.2, draws=3)
    assert question.answer().verdict == "constructed"
    monkeypatch.setattr(SignKeys, "build", classmethod(lambda cls, task, tolerance: silent(task, tolerance)))
    with pytest.raises(Refuted, match="constructs nothing: it refuses all"):
        question.answer()


def test_a_study_gives_no_error_for_a_distribution_of_which_nothing_was_answered(monkeypatch):
    def shy(network, distribution, draws):
        return Trial(draws, draws, None) if distribution == "uniform" else try_network(network, distribution, draws)

    monkeypatch.setattr("assay.constructions.trials.try_network", shy)
    found = ConstructionQuestion("sign", TASK, 0.2, draws=3).answer()
    assert set(found.detail["measured"]) == {"sign", "hard", "chain", "adversarial"}
    assert found.detail["refused"] == 3
    assert found.detail["holds"]


def test_a_construction_that_answers_nothing_does_not_conform(monkeypatch):
    monkeypatch.setattr(SignKeys, "build", classmethod(lambda cls, task, tolerance: silent(task, tolerance)))
    monkeypatch.setattr("assay.testing.PROOFS", {})
    with pytest.raises(AssertionError, match="uniform: it refuses all 50 inputs that were tried"):
        check_construction(SignKeys, TASK, 0.2)


def test_no_certificate_is_made_or_written_for_what_answers_nothing(tmp_path):
    """Beyond a million pointer sets, which are not enumerated."""
    unit = silent(SparseAveraging(length=300, sparsity=4))
    with pytest.raises(AssayError, match="not proved: there is a pointer set with a query among 64"):
        certify(unit)
    with pytest.raises(AssayError):
        write_certificate(unit, tmp_path / "a.safetensors", tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


def test_a_certificate_that_its_own_check_refutes_is_not_written(tmp_path, monkeypatch):
    def wrong(self, inputs):
        return plain(self, inputs) + 1

    unit, plain = build(TASK), SignKeys.forward
    monkeypatch.setattr(SignKeys, "forward", wrong)
    with pytest.raises(Refuted, match="it errs by"):
        write_certificate(unit, tmp_path / "a.safetensors", tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


def test_a_protocol_does_not_compare_answers_that_were_not_given(monkeypatch):
    network = subject_of(build(Match3(length=5, modulus=9), method="gather"))
    protocol = PROTOCOLS["match3"]()
    assert protocol.run(network).differs is not None
    monkeypatch.setattr(BareLayer, "answer", lambda self, asking, means: torch.full((len(asking),), torch.nan))
    found = protocol.run(network)
    assert found.differs is None
    assert found.wrong == found.runs == found.more["refused"]


def test_a_remark_of_a_file_is_not_what_the_program_says(tmp_path):
    unit = build(TASK)
    assert "pointer sets were found to have a certified query" in unit.remark
    assert unit.remark in ConstructionQuestion("sign", TASK, 0.2, draws=1).answer().justification
    unit.save(tmp_path / "a")
    again = load(tmp_path / "a")
    assert again.remark == ""
    assert again.certificate() == unit.certificate()
    metadata, tensors = read_tensors(tmp_path / "a")
    stated = {**json.loads(metadata["settings"]), "checked": "proved for all inputs"}
    write_tensors(tmp_path / "a", tensors, {**metadata, "settings": canonical(stated)})
    with pytest.raises(AssayError, match="setting of sign 'checked' is not known"):
        load(tmp_path / "a")


def test_a_guarantee_that_a_file_states_is_said_to_be_the_files(tmp_path):
    """The temperature is another one in the weights than in the settings, which the guarantee is derived from."""
    unit = build(TASK)
    unit.query *= 0.5
    unit.save(tmp_path / "a")
    subject = open_subject(tmp_path / "a")
    assert subject.guarantee_stated_by == "file"
    assert subject_of(unit).guarantee_stated_by == "build"
    found = assay("check", tmp_path / "a")
    assert found.returncode == 1
    assert "as the file states" in found.stdout
    found = assay("attack", tmp_path / "a", "--budget", 50)
    assert found.returncode == 1
    assert "the file's guarantee of" in found.stdout
