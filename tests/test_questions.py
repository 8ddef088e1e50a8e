"""Questions: plain JSON and back, what is filled in for all kinds, and that a worker imports what it needs."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest

from assay import SparseAveraging
from assay.errors import AssayError
from assay.evidence import content_hash
from assay.models.candidates import Candidates
from assay.probing.questions import ExistenceQuestion
from assay.probing.sets import DrawnSets
from assay.questions import question_from_json
from assay.questions.baselines import BaselinesQuestion
from assay.questions.boolean import ImpossibleHeads
from assay.questions.bound import BoundQuestion
from assay.questions.certificate import CertificateQuestion
from assay.questions.construction import ConstructionQuestion
from assay.questions.memory import MemoryQuestion
from assay.questions.precision import PrecisionQuestion
from assay.questions.protocol import ProtocolQuestion
from assay.questions.retrieval import RoundedDocuments
from assay.store.versions import versions
from assay.studies import shipped
from assay.studies.kept import kept_answers
from assay.studies.study_file import load_study
from assay.tasks import make_task
from assay.training.question import TrainingQuestion

TASK = SparseAveraging(length=4, sparsity=1, layout="last")
RECIPE = {"steps": 2, "batch": 4, "validation": 4, "test": 4, "test_lengths": (8,)}
SIGN = ConstructionQuestion("sign", TASK, 0.25, draws=2)
TRAINED = TrainingQuestion.usual(
    Candidates.of("min-gru", depth=2, positions="none"), make_task("copy", length=4), RECIPE, 4, seed=1, rate=0.01
)
EVERY_KIND = [
    BaselinesQuestion(TASK, "gaussian"),
    BoundQuestion("recurrent-state", TASK, Candidates("lstm"), 32, "gaussian"),
    SIGN,
    CertificateQuestion("sign", TASK, 0.25),
    PrecisionQuestion("heads", TASK, 0.25, draws=2),
    ProtocolQuestion("disjointness", SIGN, (12, 8), 16),
    TRAINED,
    RoundedDocuments(2, 6, "float32"),
    MemoryQuestion("correlation", 8, 2, ("float32",), (0,)),
    ImpossibleHeads("parity", 3),
]
LABELS = [
    "baselines on sparse-averaging at N = 4, q = 1",
    "bound recurrent-state on sparse-averaging at N = 4, q = 1",
    "construction sign on sparse-averaging at N = 4, q = 1",
    "certificate sign on sparse-averaging at N = 4, q = 1",
    "precision heads on sparse-averaging at N = 4, q = 1",
    "protocol disjointness on sparse-averaging at N = 4, q = 1",
    "training min-gru on copy at N = 4, A = 8",
    "retrieval rounded",
    "memory",
    "boolean impossible",
]


def read_back(question):
    """As it comes out of a ledger, or at a worker."""
    return question_from_json(json.loads(json.dumps(question.to_json(), allow_nan=False)))


@pytest.mark.parametrize(("question", "label"), list(zip(EVERY_KIND, LABELS, strict=True)), ids=LABELS)
def test_every_kind_is_answered_read_back_and_named(question, label):
    answer = question.answer()
    assert (question.label, answer.key) == (label, question.key)
    assert answer.question == question.to_json()
    assert type(question).of(answer) == read_back(question) == question
    assert answer.versions == versions()
    assert answer.seconds >= 0
    assert answer.task == (question.about or answer.task) != {}
    with pytest.raises(FrozenInstanceError):
        question.version = 0


@pytest.mark.parametrize("name", sorted(shipped()))
def test_all_that_a_study_asks_is_read_back(name):
    study = load_study(name)
    candidates = [asked for search in study.searches() for asked in search.candidates]
    for question in (*study.singles(), *study.baselines(), *candidates):
        assert read_back(question) == question
        assert question.key == content_hash(json.loads(json.dumps(question.to_json())))


@pytest.mark.parametrize("name", ["languages-whole", "groups-whole"])
def test_kept_answers_are_read_as_they_were_asked(name):
    kept = kept_answers(name)
    assert kept
    assert {question_from_json(piece.question).key for piece in kept.values()} == set(kept)


def test_code_and_version_are_part_of_the_question_and_kept_when_it_is_read():
    older = {**TRAINED.to_json(), "code": {"architecture": 0, "task": 1}}
    older["recipe"] = {**older["recipe"], "version": 0}
    read = TrainingQuestion.from_json(older)
    assert (read.code, read.version) == (older["code"], 0)
    assert read.key == content_hash(older) != TRAINED.key
    assert replace(read, seed=2).code == older["code"]  # a question of the same code


def test_a_probe_is_what_describes_it():
    question = ExistenceQuestion("x", "model", (DrawnSets("random", 3, (2, 1), 8, 0),), 4, key_head=1)
    described = question.to_json()
    assert described["sets"] == [{"kind": "random", "count": 3, "sparsities": [1, 2], "length": 8, "seed": 0}]
    assert question_from_json(json.loads(json.dumps(described))) == question
    assert question.label == "probe exists"


def test_a_worker_imports_what_its_question_needs():
    script = (
        "import sys, assay.studies.workers; assert 'torch' not in sys.modules\n"
        "import assay.questions; assert 'torch' not in sys.modules\n"
        "assay.questions.question_from_json({'kind': 'memory', 'memory': 'correlation', 'dimensions': 8, 'pairs': 2, "
        "'formats': ['float32'], 'seeds': [0], 'version': 1})\n"
        "assert not {'assay.questions.boolean', 'assay.training.question', 'assay.proofs'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_heads_of_a_network_are_part_of_the_key_where_there_are_several():
    one, four = (
        BoundQuestion("attention-message", TASK, Candidates("attention", heads=h), 32, "uniform") for h in (1, 4)
    )
    assert one.key != four.key
    assert "heads" not in one.to_json()
    assert [BoundQuestion.from_json(asked.to_json()) for asked in (one, four)] == [one, four]


def test_a_kind_that_there_is_not_is_refused_in_one_line():
    with pytest.raises(AssayError, match=r"kind of question 'probe norm' is not known"):
        question_from_json({"kind": "probe", "asked": "norm"})


@pytest.mark.parametrize(
    "question", [TRAINED, BoundQuestion("attention-message", TASK, Candidates("attention"), 32, "uniform")]
)
def test_a_field_that_there_is_not_is_refused_in_one_line(question):
    with pytest.raises(AssayError, match=r"'vversion' is not known") as said:
        question_from_json({**question.to_json(), "vversion": 1})
    assert "networks" not in str(said.value)
