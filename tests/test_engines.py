"""Engines: the same evidence wherever questions are answered, whoever dies; questions are asked in the same order."""

import importlib
import json
import os
import random
import re
import signal
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import active_children
from pathlib import Path
from typing import ClassVar

import pytest

import fresh
from assay import AssayError, Evidence, Ledger, Size
from assay.evidence import content_hash
from assay.question import Question
from assay.studies.course import Course, search_course, single_course
from assay.studies.engines import cluster, open_engine
from assay.studies.engines.desk import ATTEMPTS, Desk
from assay.studies.engines.engine import Engine, WorkerLost
from assay.studies.runner import Agenda, run_questions
from assay.studies.study_file import load_study
from assay.studies.workers import Failed, Workers

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'ray'")
TINY = Path(__file__).parent / "tiny.toml"
SMALL = """
name = "small"
title = "A study of a second or two"
seeds = [0, 1, 2]
ratio = 1.5
precision = 32
draws = 5

[recipe]
distribution = "gaussian"
batch = 16
check_every = 20
validation = 64
test = 128

[sweeps.averaging]
task = { name = "sparse-averaging", sparsity = 1, dimension = 1, layout = "last" }
along = "length"
bounds = [3, 4]
constructions = [3]
methods = ["sign"]

[[sweeps.averaging.search]]
architecture = "attention"
at = [4]
start = [4]
steps = [STEPS]
lowest = 2
highest = 6
rates = [0.02]
"""


def study_file(folder, steps=60, searches=1):
    """A study with searches of one to four lengths; several keep several workers busy."""
    path = folder / f"small-{steps}.toml"
    changes = {"at": [4, 5, 6, 7], "start": [4] * 4, "steps": [steps] * 4}
    text = SMALL.replace("[STEPS]", "[]")
    for name, values in changes.items():
        text = re.sub(rf"^{name} = \[.*\]$", f"{name} = {values[:searches]}", text, flags=re.MULTILINE)
    path.write_text(text)
    return path


def rows(folder):
    """Everything in the ledger but what depends on the clock."""
    with Ledger(folder / "ledger.sqlite", create=False) as ledger:
        return [
            (e.key, e.verdict, e.size, e.error, e.justification, json.dumps(e.detail, sort_keys=True)) for e in ledger
        ]


@dataclass(frozen=True)
class Single(Question):
    """A question that nothing answers."""

    kind: ClassVar[str] = "single"
    number: object = 0

    def find(self, folder=None):
        raise AssertionError


def made_up(question):
    """An answer without work: widths that are at least the length learn."""
    question = question if isinstance(question, dict) else question.to_json()
    task = question.get("task", {"name": "none", "length": 1})
    width = question.get("width", 1)
    return Evidence(
        question=question,
        task=task,
        family="attention",
        architecture="attention",
        source=question["kind"],
        size=Size(width=width),
        verdict="learned" if width >= task["length"] else "not learned",
        error_kind="mean",
        error=0.1,
        tolerance=0.2,
        justification="a test",
    )


class Fake(Engine):
    """Answers at once; `loses(key, attempt)`: whether the worker dies over it; `fails(question)`: whether it fails."""

    def __init__(self, slots, loses=lambda key, attempt: False, fails=lambda question: False):
        self.count, self.loses, self.fails, self.asked, self.entered, self.left = slots, loses, fails, [], 0, 0

    @property
    def slots(self):
        return self.count

    def submit(self, question):
        key, future = content_hash(question), Future()
        self.asked.append(key)
        if self.loses(key, self.asked.count(key)):
            future.set_exception(WorkerLost())
        else:
            future.set_result(Failed("with a test") if self.fails(question) else made_up(question))
        return future

    def result(self, future):
        return future.result()

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *_):
        self.left += 1


def run(study, engine, report=lambda status: None):
    """Evidence by key, from a ledger in memory."""
    with Ledger(":memory:") as ledger:
        run_questions(study.asked(), ledger, engine=engine, report=report)
        return {piece.key: piece for piece in ledger}


def many(count):
    """Courses of one question each, after searches that share questions."""
    singles = [Single(number) for number in range(count)]
    return [*map(search_course, load_study(str(TINY)).searches()), *map(single_course, singles)]


def first_unasked(courses, answers, asked, room):
    """The order of questions, from its definition: a look at every course each time."""
    chosen = {}
    for course in courses:
        for key, question in course.pending.items():
            if key not in answers and key not in asked and len(chosen) < room:
                chosen.setdefault(key, question)
    return list(chosen.items())


@pytest.mark.parametrize("seed", range(8))
def test_questions_come_in_the_order_of_the_courses(seed):
    draws = random.Random(seed)
    twins, answers, asked, flying = many(20), {}, set(), []
    # A search twice, at the front and at the end: courses that wait for the same questions.
    twins.append(search_course(twins[0].search))
    known = [question for course in many(20)[2:8] for question in next(course.asking)]
    answers.update({question.key: made_up(question) for question in known})
    for course in twins:
        course.begin(answers)
    mine = many(20)
    mine.append(search_course(mine[0].search))
    agenda = Agenda(mine, dict(answers))
    while not all(course.finished for course in twins):
        room = draws.randint(0 if flying else 1, 4)
        expected = first_unasked(twins, answers, asked, room)
        assert list(agenda.draw(room)) == expected
        asked |= {key for key, _ in expected}
        flying += expected
        key, question = flying.pop(draws.randrange(len(flying)))
        answers[key] = made_up(question)
        open_before = [course.finished for course in twins]
        for course in twins:
            course.advance(answers)
        finished = {place for place, was in enumerate(open_before) if twins[place].finished and not was}
        assert {mine.index(course) for course in agenda.note(key, made_up(question))} == finished
        assert agenda.unfinished == sum(not course.finished for course in twins)
    assert [course.value for course in mine] == [course.value for course in twins]
    assert not list(agenda.draw(9))


def test_an_answer_costs_only_the_courses_that_wait_for_it(monkeypatch):
    calls, advance = [], Course.advance
    monkeypatch.setattr(Course, "advance", lambda self, answers: (calls.append(self), advance(self, answers)))
    agenda = Agenda([single_course(Single(number)) for number in range(300)], {})
    begun = len(calls)
    while agenda.unfinished:
        for key, question in agenda.draw(2):
            agenda.note(key, made_up(question))
    assert len(calls) - begun == 300


def test_progress_is_worked_out_a_few_times_a_second_and_at_the_end():
    told = []
    found = run(load_study(str(TINY)), Fake(2), told.append)
    assert told[-1].done == told[-1].total >= len(found)
    assert told[-1].new == len(found)
    first, *plain = [status for status in told[:-1] if not status.news]
    assert (first.done, first.remaining > 0) == (0, True)
    assert len(plain) <= told[-1].elapsed / 0.25
    assert sum(bool(status.news) for status in told) == len(load_study(str(TINY)).searches())


@pytest.mark.parametrize("slots", [1, 3, 50])
def test_questions_whose_workers_die_are_asked_again_and_nothing_else_changes(slots):
    study = load_study(str(TINY))
    expected = run(study, Fake(1))
    lossy = Fake(slots, lambda key, attempt: attempt <= int(key, 16) % ATTEMPTS)  # 0, 1, ... deaths, by question
    told = []
    assert run(study, lossy, told.append) == expected
    assert {lossy.asked.count(key) for key in expected} == set(range(1, ATTEMPTS + 1))
    assert any("asked again" in status.news for status in told)
    assert (lossy.entered, lossy.left) == (1, 1)


def test_a_question_that_kills_every_worker_ends_the_run_and_what_is_finished_is_kept():
    study = load_study(str(TINY))
    order = list(run(study, (plain := Fake(1))))
    deadly = plain.asked[5]
    engine = Fake(1, lambda key, attempt: key == deadly)
    with Ledger(":memory:") as ledger:
        with pytest.raises(AssayError, match=f"a worker process died {ATTEMPTS} times over one .* question") as raised:
            run_questions(study.asked(), ledger, engine=engine, report=lambda status: None)
        assert "\n" not in str(raised.value)
        assert {piece.key for piece in ledger} == set(plain.asked[:5])
        assert engine.asked.count(deadly) == ATTEMPTS
        assert (engine.entered, engine.left) == (1, 1)
        run_questions(study.asked(), ledger, engine=Fake(1), report=lambda status: None)
        assert {piece.key for piece in ledger} == set(order)


@pytest.mark.parametrize("slots", [1, 5])
def test_a_question_that_fails_costs_its_own_course_is_not_kept_and_is_asked_again(slots):
    study, told = load_study(str(TINY)), []
    expected = run(study, Fake(slots))
    broken = Fake(slots, fails=lambda question: question.get("architecture") == "gru" and question.get("width") == 4)
    with Ledger(":memory:") as ledger:
        ran = run_questions(study.asked(), ledger, engine=broken, report=told.append)
        kept = {piece.key: piece for piece in ledger}
        assert ran.failed == {"gru on sparse-averaging at N = 3, q = 1": Failed("with a test")}
        assert ran.new == len(kept)
        lost = [piece for piece in expected.values() if piece.key not in kept]
        assert {piece.question.get("architecture") for piece in lost} == {"gru"}
        assert not any(piece.question.get("architecture") == "gru" for piece in kept.values() if piece.size.width == 4)
        assert "gru on sparse-averaging at N = 3, q = 1 failed with a test" in [status.news for status in told]
        assert told[-1].remaining == 0
        assert run_questions(study.asked(), ledger, engine=Fake(slots), report=told.append).failed == {}
        assert {piece.key for piece in ledger} == set(expected)


def test_a_failed_question_ends_every_course_that_comes_to_wait_for_it():
    def course(label, *kinds):
        def ask():
            for kind in kinds:
                yield [Single(kind)]

        return Course(label, (label,), 1, ask())

    agenda = Agenda([course("one", "a", "shared"), course("two", "b", "shared"), course("three", "c")], {})
    (a, first), (b, second), (c, third) = agenda.draw(9)
    assert agenda.note(a, made_up(first)) == []
    ((shared, _),) = agenda.draw(9)
    assert [course.label for course in agenda.note(shared, Failed("x"))] == ["one"]
    assert [course.label for course in agenda.note(b, made_up(second))] == ["two"]  # which asks for it only now
    assert [course.label for course in agenda.note(c, made_up(third))] == ["three"]
    assert list(agenda.draw(9)) == []
    assert agenda.unfinished == 0


def test_a_finished_study_starts_no_engine():
    study, engine = load_study(str(TINY)), Fake(2)
    with Ledger(":memory:") as ledger:
        assert run_questions(study.asked(), ledger, engine=Fake(2), report=lambda status: None).new == len(ledger)
        assert run_questions(study.asked(), ledger, engine=engine, report=lambda status: None).new == 0
    assert engine.entered == 0


@pytest.mark.parametrize(
    ("name", "address", "says"),
    [
        ("rya", None, "did you mean 'ray'"),
        ("local", "auto", "address is for engine ray"),
        pytest.param("ray", "here", "address = here is not allowed", marks=needs_ray),
        pytest.param("ray", "ray://here:1", "address = ray://here:1 is not allowed", marks=needs_ray),
    ],
)
def test_engines_that_there_are_not(name, address, says, tmp_path):
    with pytest.raises(AssayError, match=says):
        open_engine(name, workers=1, folder=tmp_path, address=address)


@needs_ray
def test_an_address_where_nothing_listens_is_refused_at_once(tmp_path):
    with (
        pytest.raises(AssayError, match=r"no Ray cluster at 127\.0\.0\.1:1: .*refused"),
        open_engine("ray", workers=1, folder=tmp_path, address="127.0.0.1:1"),
    ):
        pass


def test_without_ray_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(AssayError, match=r"pip install 'assay-attention\[cluster\]'"):
        open_engine("ray", workers=1, folder=tmp_path)


def test_a_node_with_other_versions_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "_prepare", lambda: None)
    with pytest.raises(AssayError, match=r"a node of the cluster has .*, this machine assay 0\.0"):
        cluster._answer({"kind": "bound"}, {"assay": "0.0"}, ())


def test_ray_is_imported_only_where_it_is_asked_for():
    lines = """
import sys
from pathlib import Path
import assay.cli, assay.sessions.study
from assay.studies.engines import open_engine
with open_engine("local", workers=1, folder=Path(".")):
    pass
sys.exit("ray" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", lines], check=True, timeout=100)


def local_rows(folder, steps=60, searches=1):
    """The same study on local processes, none of which dies."""
    study = load_study(str(study_file(folder, steps, searches)))
    with Ledger(folder / "ledger.sqlite") as ledger:
        run_questions(study.asked(), ledger, workers=2, report=lambda status: None)
    return rows(folder)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return local_rows(tmp_path_factory.mktemp("local"))


def test_a_local_worker_that_is_killed_changes_nothing(expected, tmp_path):
    told, killed = [], []

    def report(status):
        told.append(status.news)
        if status.new >= 3 and not killed:
            killed.append(active_children()[0])
            killed[0].kill()

    study = load_study(str(study_file(tmp_path)))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        run_questions(study.asked(), ledger, workers=2, report=report)
    assert killed
    assert any("asked again" in news for news in told)
    assert rows(tmp_path) == expected
    for child in active_children():  # told to end, if not yet gone
        child.join(10)
    assert not active_children()


def assay(*arguments):
    return fresh.assay(*arguments, "--json")


@needs_ray
def test_ray_gives_the_evidence_of_local_processes_and_leaves_standard_output_alone(expected, tmp_path):
    done = assay("run", study_file(tmp_path), "--engine", "ray", "--workers", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new"] == len(expected)
    assert done.stderr == ""
    assert rows(tmp_path) == expected


TWO_NODES = """
import sys, threading, time
from pathlib import Path
from ray.cluster_utils import Cluster
from assay import AssayError, Ledger
from assay.studies.engines import open_engine
from assay.studies.runner import run_questions
from assay.studies.study_file import load_study

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
node = cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
engine = open_engine("ray", workers=None, folder=Path("."), address=cluster.address)
told, killed = [], []

def report(status):
    told.append(status)
    if status.new >= 4 and not killed:
        killed.append(status.new)
        assert engine.slots == 2
        # Both nodes have a question by now; give the one that is lost time to begin.
        threading.Timer(0.3, cluster.remove_node, (node,), {"allow_graceful": False}).start()

try:
    with Ledger(Path(sys.argv[2]) / "ledger.sqlite") as ledger:
        run_questions(load_study(sys.argv[1]).asked(), ledger, engine=engine, report=report)
    assert killed and killed[0] < told[-1].new, (killed, told[-1])
    with open_engine("ray", workers=None, folder=Path("."), address=cluster.address) as again:
        for question, kind in (({"kind": "probe"}, AssayError), ({"kind": "nonsense"}, KeyError)):
            try:
                again.result(again.submit(question))
            except kind:
                continue
            raise AssertionError(question)
finally:
    cluster.shutdown()
print(any("asked again" in status.news for status in told), file=sys.stderr)
"""


@needs_ray
@pytest.mark.long
def test_a_ray_node_that_is_killed_changes_nothing(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    expected = local_rows(here, steps=4000, searches=4)  # runs of a second, so that the node dies over one of them
    done = subprocess.run(
        [sys.executable, "-c", TWO_NODES, study_file(there, steps=4000, searches=4), there],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "True", done.stderr  # a question was lost with the node
    assert rows(there) == expected


class OnePool(Engine):
    """A death takes every question in flight with it. `kills(name, attempt)` says which questions do that."""

    shares_fate = True

    def __init__(self, slots, kills):
        self.count, self.kills, self.attempts, self.flying = slots, kills, {}, {}

    @property
    def slots(self):
        return self.count

    def submit(self, question):
        name, future = question["name"], Future()
        self.attempts[name] = self.attempts.get(name, 0) + 1
        if self.kills(name, self.attempts[name]):
            for lost in (future, *self.flying):
                lost.set_exception(WorkerLost())
            self.flying.clear()
        elif (name == "long" and self.flying) or (name == "long" and self.attempts[name] == 1):
            self.flying[future] = name
        else:
            future.set_result(made_up(question))
        return future

    def result(self, future):
        return future.result()

    def __exit__(self, *_):
        pass


def collected(desk, names):
    """Names that were answered, asking them in this order as there is room."""
    left, answered = list(names), []
    for _ in range(100):
        while left and desk.room > 0:
            name = left.pop(0)
            desk.submit(name, {"kind": "made-up", "name": name})
        answered += [key for key, _ in desk.collect(timeout=0.01)]
        if len(answered) == len(names):
            break
    return answered


def test_a_question_beside_others_that_kill_workers_is_not_blamed():
    names = ["long", "a", "b", "c", "d", "e"]
    desk = Desk(OnePool(2, lambda name, attempt: name != "long" and attempt == 1))
    assert sorted(collected(desk, names)) == sorted(names)
    assert desk.lost >= 5


def test_a_question_that_kills_workers_alone_is_blamed_and_those_beside_it_are_answered():
    engine = OnePool(3, lambda name, attempt: name == "guilty")
    desk, answered = Desk(engine), []
    for name in ("one", "guilty", "two"):
        desk.submit(name, {"kind": "made-up", "name": name})
    with pytest.raises(AssayError, match="died 3 times over one made-up question"):  # noqa: PT012
        for _ in range(20):
            answered += [key for key, _ in desk.collect(timeout=0.01)]
    assert sorted(answered) == ["one", "two"]
    assert engine.attempts["guilty"] == 1 + ATTEMPTS


def test_answers_that_are_there_come_before_a_failure():
    class Failing(Fake):
        def submit(self, question):
            future = Future()
            if question["name"] == "bad":
                future.set_exception(ValueError("bad"))
            else:
                future.set_result(made_up(question))
            return future

    desk, answered = Desk(Failing(5)), []
    for name in ("bad", "one", "two", "three"):
        desk.submit(name, {"kind": "made-up", "name": name})
    with pytest.raises(ValueError, match="bad"):  # noqa: PT012
        for key, _ in desk.collect(timeout=0.01):
            answered.append(key)
    assert sorted(answered) == ["one", "three", "two"]


def test_what_a_fork_server_imports_changes_no_other_process():
    handler, environment = signal.getsignal(signal.SIGINT), dict(os.environ)
    preloaded = importlib.reload(importlib.import_module("assay.studies.preloaded"))
    assert all(
        find_spec(f"assay.{name}") for name in preloaded.MODULES
    )  # a fork server would pass over one that is not
    assert signal.getsignal(signal.SIGINT) is handler
    assert dict(os.environ) == environment


def test_without_a_fork_server_workers_are_new_interpreters(tmp_path, monkeypatch):
    """Where its socket cannot be made (a long TMPDIR), or in programs that have not asked for it."""

    def too_long():
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr("assay.studies.workers.forkserver.ensure_running", too_long)
    with Workers(1, tmp_path) as workers:
        assert workers._pool._mp_context.get_start_method() == "spawn"
        assert workers._pool.submit(os.getpid).result() != os.getpid()
    monkeypatch.undo()
    monkeypatch.setattr("assay.studies.workers._forks", False)
    with Workers(1, tmp_path) as workers:
        assert workers._pool._mp_context.get_start_method() == "spawn"
