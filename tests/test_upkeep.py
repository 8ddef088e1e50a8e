"""Putting ledgers together, and the doctor: what contradicts what, what is written, and what is found amiss."""

import dataclasses
import json
import os
import shutil
import sqlite3
from concurrent.futures import Future
from contextlib import closing
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from assay import AssayError, Ledger, Size
from assay.cli import doctor, machine
from assay.cli.options import app
from assay.schema import SCHEMA
from assay.store.contradictions import differences
from assay.store.merging import merge_files
from fresh import assay
from statements import statement
from test_cli import complaint


def made(path, *evidence):
    with Ledger(path) as ledger:
        for one in evidence:
            assert ledger.add(one)
    return path


def content(path):
    with Ledger(path, create=False) as ledger:
        return {evidence.question["number"]: evidence for evidence in ledger}


def ran(*arguments):
    """A command in this process: exit code and output."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout


# What contradicts what


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"seconds": 9.0, "versions": {"assay": "1"}}, ()),
        ({"justification": "said in other words", "detail": {"curve": [0.9]}}, ()),
        ({"error": 0.125 * (1 + 1e-9)}, ()),
        ({"error": 0.125 + 0.25 * 0.9e-6}, ()),
        ({"error": 0.125 + 0.25 * 1.2e-6}, ("error",)),
        ({"tolerance": 0.3}, ("tolerance",)),
        ({"verdict": "not learned", "error": 0.5}, ("verdict", "error")),
        ({"size": Size(width=4, parameters=7)}, ("size",)),
        ({"source": "sign", "error_kind": "worst"}, ("source", "error_kind")),
        ({"task": {"name": "match2"}, "family": "recurrent"}, ("task", "family")),
        ({"architecture": "lstm"}, ("architecture",)),
    ],
)
def test_two_answers_contradict_each_other_in_what_they_state(changes, fields):
    other = statement(1, **changes)
    assert differences(statement(1), other) == fields
    assert differences(other, statement(1)) == fields
    assert differences(other, other) == ()


def test_every_field_of_evidence_is_compared_or_left_out_on_purpose():
    left_out = {"question", "seconds", "versions", "justification", "detail"}
    other = statement(
        2,
        task={},
        family="x",
        architecture="x",
        source="x",
        size=Size(width=9),
        verdict="measured",
        error_kind="worst",
        error=3.0,
        tolerance=4.0,
        justification="x",
        seconds=1.0,
        versions={},
        detail={},
    )
    names = {field.name for field in dataclasses.fields(other)}
    assert set(differences(statement(1), other)) == names - left_out


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ({"2": {"yes": 30, "no": 2}}, {"2": {"yes": 30, "no": 2}}, True),
        ({"2": {"yes": 30, "no": 2}}, {"2": {"yes": 29, "no": 3}}, False),
        ({"holds": True}, {"holds": False}, False),
        ({"at_most": [8.15, None]}, {"at_most": [8.16, None]}, True),
        ({"at_most": [8.15, None]}, {"at_most": [8.15, 9.0]}, False),
        ({"at_most": [8.15]}, {"at_most": [9.0]}, False),
        ({"at_most": [8.15]}, {"at_most": [8.15, 8.15]}, False),
        ({"at_most": 8.0, "note": "one"}, {"at_most": 8, "note": "another", "new": 1}, True),
    ],
)
def test_measured_answers_are_compared_in_their_details(one, other, agree):
    first, second = (statement(1, verdict="measured", detail=detail) for detail in (one, other))
    assert differences(first, second) == (() if agree else ("detail",))
    assert differences(second, first) == (() if agree else ("detail",))


def test_numbers_near_zero_are_compared_on_the_scale_of_the_tolerance():
    assert differences(statement(1, error=0.0), statement(1, error=1e-9)) == ()
    assert differences(statement(1, error=0), statement(1, error=0.0)) == ()
    assert differences(statement(1, error=0.0, tolerance=0.0), statement(1, error=1e-9, tolerance=0.0)) == ("error",)


# Putting files together


def test_ledgers_are_put_together_into_the_first(tmp_path):
    a = made(tmp_path / "a.db", statement(1), statement(2))
    b = made(tmp_path / "b.db", statement(2, seconds=7.0), statement(3))
    c = made(tmp_path / "c.db", statement(3, error=0.125 + 1e-9), statement(4))
    before = b.read_bytes(), c.read_bytes()
    code, text = ran("merge", a, b, c)
    assert code == 0
    assert text == f"{b}: taken 1, known 1\n{c}: taken 1, known 1\n{a}: answers 4\n"
    assert content(a) == {number: statement(number) for number in (1, 2, 3, 4)}
    assert (b.read_bytes(), c.read_bytes()) == before
    assert {path.name for path in tmp_path.iterdir()} == {"a.db", "b.db", "c.db"}
    assert merge_files([a, b, c]).to_json()["ledgers"] == [
        {"ledger": str(path), "taken": 0, "known": 2, "damaged": None} for path in (b, c)
    ]


def test_ledgers_are_put_together_into_another(tmp_path):
    a, b = made(tmp_path / "a.db", statement(1)), made(tmp_path / "b.db", statement(2))
    new = tmp_path / "folder" / "new.db"
    code, text = ran("merge", a, b, "--into", new, "--json")
    assert code == 0
    assert json.loads(text) == {
        "schema": SCHEMA,
        "into": str(new),
        "written": True,
        "answers": 2,
        "ledgers": [{"ledger": str(path), "taken": 1, "known": 0, "damaged": None} for path in (a, b)],
        "contradictions": [],
    }
    assert content(new).keys() == {1, 2}
    assert [path.name for path in new.parent.iterdir()] == ["new.db"]
    c = made(tmp_path / "c.db", statement(3))
    assert merge_files([c], new).answers == 3, "one that is there is added to"
    assert content(a).keys() == {1}


def test_when_a_row_was_stored_is_kept(tmp_path):
    a, b = made(tmp_path / "a.db", statement(1)), made(tmp_path / "b.db", statement(2))
    with closing(sqlite3.connect(b)) as connection, connection:
        connection.execute("UPDATE evidence SET stored = '2001-01-01T00:00:00+00:00'")
    connection.close()
    merge_files([a, b])
    connection = sqlite3.connect(a)
    stored = [year for (year,) in connection.execute("SELECT substr(stored, 1, 4) FROM evidence ORDER BY stored")]
    connection.close()
    assert stored[0] == "2001"
    assert stored[1] > "2001"


@pytest.mark.parametrize("new", [False, True])
def test_a_contradiction_is_shown_and_nothing_is_written(tmp_path, new):
    a = made(tmp_path / "a.db", statement(1), statement(2))
    b = made(tmp_path / "b.db", statement(3), statement(4))
    c = made(tmp_path / "c.db", statement(2), statement(4, verdict="not learned", error=0.3), statement(5))
    before = a.read_bytes()
    into = ["--into", tmp_path / "new" / "new.db"] if new else []
    done = assay("merge", a, b, c, *into)
    assert (done.returncode, done.stderr) == (1, "")
    title, first, second, end = done.stdout.splitlines()
    assert title == f"contradiction in verdict, error, question {statement(4).key}"
    assert first.startswith(f"  {b}: verdict learned; error 0.125; task length 8, name sparse-averaging; ")
    assert second.startswith(f"  {c}: verdict not learned; error 0.3; task length 8, name sparse-averaging; ")
    assert end == "nothing was written: contradictions 1"
    assert a.read_bytes() == before
    assert not new or list((tmp_path / "new").iterdir()) == []
    code, text = ran("merge", a, b, c, *into, "--json")
    result = json.loads(text)
    assert (code, result["written"]) == (1, False)
    assert [entry["taken"] for entry in result["ledgers"]] == [0] * len(result["ledgers"])
    (shown,) = result["contradictions"]
    assert shown["question"] == statement(4).question
    assert shown["differ_in"] == ["verdict", "error"]
    assert [(answer["ledger"], answer["error"]) for answer in shown["answers"]] == [(str(b), 0.125), (str(c), 0.3)]


def test_a_merge_does_not_depend_on_the_order_but_for_last_digits(tmp_path):
    numbers = {"a": (1, 2, 3), "b": (3, 4), "c": (1, 4, 5)}
    paths = {name: made(tmp_path / name, *map(statement, some)) for name, some in numbers.items()}
    results = []
    for order in ("abc", "cab", "bca"):
        into = tmp_path / f"into-{order}"
        merge_files([paths[name] for name in order], into)
        results.append(content(into))
    assert results[0] == results[1] == results[2] == {number: statement(number) for number in range(1, 6)}


def test_merges_that_make_no_sense(tmp_path):
    a = made(tmp_path / "a.db", statement(1))
    assert complaint("merge", a) == "assay: a merge needs two ledgers, or one and another as --into"
    (tmp_path / "link.db").symlink_to(a)
    for paths, into in (([a, a, tmp_path / "link.db"], None), ([a, tmp_path / "link.db"], tmp_path / "new")):
        with pytest.raises(AssayError, match="a ledger is named twice among"):
            merge_files(paths, into)
    for paths in ([a, tmp_path / "none"], [tmp_path / "none", a]):
        with pytest.raises(AssayError, match="none does not exist"):
            merge_files(paths)
    (tmp_path / "text").write_text("no ledger, but a long enough text " * 50)
    with pytest.raises(AssayError, match="file is not a database"):
        merge_files([a, tmp_path / "text"])
    assert content(a).keys() == {1}
    with pytest.raises(AssayError, match="is a file; it must be a folder"):
        merge_files([a], a / "below")


# The doctor


def findings(out):
    return {check["name"]: check for check in doctor.examine(out).to_json()["checks"]}


@pytest.fixture
def brief(monkeypatch):
    """Without the two checks that train."""
    for name in ("_determinism", "_workers"):
        monkeypatch.setattr(doctor, name, lambda: doctor._ok("left out"))


def test_the_doctor_finds_this_machine_well(tmp_path):
    done = assay("doctor", "--out", tmp_path / "out", "--json")
    result = json.loads(done.stdout)
    assert done.stderr == ""
    assert (done.returncode, result["problems"]) == (0, 0), result
    found = {check["name"]: check for check in result["checks"]}
    assert set(found) == {
        "assay",
        "dependencies",
        "extra probe",
        "extra cluster",
        "extra frames",
        "torch",
        "numpy",
        "threads",
        "openmp",
        "memory",
        "output folder",
        "disk",
        "sqlite",
        "ledger",
        "determinism",
        "workers",
    }
    assert found["determinism"]["found"] == "two equal trainings gave bitwise equal numbers"
    assert found["workers"]["found"] == "start, and give bitwise the numbers of this process"
    assert "OMP_WAIT_POLICY PASSIVE" in found["openmp"]["found"]
    assert "journal mode wal" in found["sqlite"]["found"]
    assert result["warnings"] == [check["status"] for check in result["checks"]].count("warning")
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.usefixtures("brief")
def test_each_check_is_one_line_and_a_problem_sets_the_exit_code(tmp_path, monkeypatch):
    def torch_is_missing():
        raise ModuleNotFoundError("No module named 'torch'\nand more")

    code, text = ran("doctor", "--out", tmp_path)
    assert code == 0
    lines = text.splitlines()
    assert len(lines) == 17
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "warning"}
    monkeypatch.setattr(doctor, "_torch", torch_is_missing)
    code, text = ran("doctor", "--out", tmp_path)
    assert code == 1
    assert "problem  torch          No module named 'torch' and more; this check could not be made" in text.splitlines()
    assert text.splitlines()[-1].startswith("problems 1, warnings ")


@pytest.mark.usefixtures("brief")
def test_the_doctor_looks_at_the_ledger_of_the_folder(tmp_path):
    assert findings(tmp_path)["ledger"]["found"].startswith("none yet")
    path = made(tmp_path / "ledger.sqlite", *map(statement, range(40)))
    assert findings(tmp_path)["ledger"]["found"] == f"{path} has 40 answers, all readable"
    path.write_bytes(path.read_bytes()[:20_000])
    check = findings(tmp_path)["ledger"]
    assert check["status"] == "problem"
    assert "is damaged" in check["found"]
    assert check["advice"] == ""


@pytest.mark.usefixtures("brief")
def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    assert findings(tmp_path / "file" / "out")["output folder"]["status"] == "problem"


def test_versions_below_their_floors_are_problems(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "assay-attention"\ndependencies = ["numpy>=999.1", "torch>=2", "no-such-package>=1"]\n'
        '[project.optional-dependencies]\nprobe = ["numpy>=999", "scipy>=1"]\ncluster = ["no-such-package>=1"]\n'
    )
    monkeypatch.setattr(doctor, "_SOURCE", tmp_path)
    check = doctor._dependencies()
    assert check.status == "problem"
    assert check.found.startswith("numpy ")
    assert check.found.endswith("is older than 999.1, no-such-package is missing")
    assert doctor._extra("probe", "purpose").status == "warning"
    absent = doctor._extra("cluster", "purpose")
    assert (absent.status, absent.found) == ("ok", "not installed (purpose: pip install 'assay-attention[cluster]')")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "assay-attention"\ndependencies = ["typer>=0.1"]\n')
    (tmp_path / "constraints.txt").write_text("typer==0.0.1\nscipy==0.0.1\n")
    check = doctor._dependencies()
    assert check.status == "ok"
    assert "not the versions of constraints.txt" in check.found
    assert "typer" in check.found
    assert "scipy" not in check.found


def test_requirements_of_an_installed_package(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_SOURCE", tmp_path)  # no checkout
    noted = ["torch>=2.6", "gguf>=0.10; extra == 'probe'", "scipy<2,>=1.16 ; python_version > '3'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: noted)
    assert doctor._requirements() == {"": {"torch": "2.6", "scipy": "1.16"}, "probe": {"gguf": "0.10"}}


def test_settings_that_slow_a_shared_machine(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert doctor._openmp().status == "warning"
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    assert doctor._openmp().status == "ok"
    monkeypatch.setattr(doctor, "allowed_cores", lambda: 0.5)
    check = doctor._threads()
    assert check.status == "warning"
    assert "--workers 1" in check.advice


def test_little_memory_and_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "free_memory", lambda: 2**29)
    assert doctor._memory().status == "warning"
    for free, status in ((2**40, "ok"), (2**29, "warning"), (2**20, "problem")):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        assert doctor._disk(tmp_path / "not" / "there").status == status


def test_limits_of_control_groups(monkeypatch):
    files = {"/sys/fs/cgroup/cpu.max": "150000 100000"}
    monkeypatch.setattr(machine, "_words", lambda path: files.get(path, "").split())
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.allowed_cores() == 1.5
    files["/sys/fs/cgroup/cpu.max"] = "max 100000"
    assert machine.allowed_cores() == 8
    unlimited = machine.free_memory()
    files |= {"/sys/fs/cgroup/memory.max": "5000", "/sys/fs/cgroup/memory.current": "2000"}
    assert machine.free_memory() == 3000
    files["/sys/fs/cgroup/memory.max"] = "max"
    assert unlimited is None or machine.free_memory() > 3000


def test_files_on_a_network(tmp_path, monkeypatch):
    assert doctor._sqlite(tmp_path).status == "ok"
    monkeypatch.setattr(doctor, "file_system", lambda folder: "nfs4")
    assert doctor._sqlite(tmp_path).status == "warning"
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 8, 0))
    assert doctor._sqlite(tmp_path).status == "problem"


def test_trainings_that_cannot_be_repeated(monkeypatch):
    from assay.studies import workers

    errors = iter([0.1, 0.2])
    monkeypatch.setattr(workers, "answer", lambda question, folder: statement(1, error=next(errors)))
    check = doctor._determinism()
    assert check.status == "problem"
    assert "ended with errors 0.1 and 0.2" in check.found


@pytest.mark.parametrize(("answers", "status"), [("late", "problem"), ("other", "warning"), ("same", "ok")])
def test_workers_that_do_not_answer_or_answer_otherwise(monkeypatch, answers, status):
    from assay.studies import workers

    class Pool:
        def __init__(self, *_):
            pass

        def submit(self, question):
            future = Future()
            if answers != "late":
                future.set_result(statement(1, error=0.125 if answers == "same" else 0.5))
            return future

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(workers, "answer", lambda question, folder: statement(1))
    monkeypatch.setattr(workers, "Workers", Pool)
    monkeypatch.setattr(doctor, "_START_SECONDS", 0.1)
    assert doctor._workers().status == status


def test_a_new_target_with_a_log_beside_it_is_refused(tmp_path):
    """SQLite would play the log of another ledger over the new one."""
    one, two = made(tmp_path / "one.sqlite", statement(1)), made(tmp_path / "two.sqlite", statement(2))
    stray = tmp_path / "into.sqlite-wal"
    stray.write_bytes(b"rows of another ledger")
    with pytest.raises(AssayError, match="put the ledger back beside it, or move that file away"):
        merge_files([one, two], tmp_path / "into.sqlite")
    assert not (tmp_path / "into.sqlite").exists()
    assert stray.read_bytes() == b"rows of another ledger"


def test_a_ledger_named_twice_is_refused_wherever_it_stands(tmp_path):
    one, two = made(tmp_path / "one.sqlite", statement(1)), made(tmp_path / "two.sqlite", statement(2))
    for paths in ([one, one, two], [one, two, two]):
        with pytest.raises(AssayError, match="named twice"):
            merge_files(paths)


def test_a_row_with_an_absurd_number_does_not_keep_others_from_being_saved(tmp_path):
    path = made(tmp_path / "ledger.sqlite", *(statement(number) for number in range(5)))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE evidence SET rowid = 1 << 40 WHERE rowid = 3")
    connection.execute("UPDATE evidence SET body = 'damaged' WHERE rowid = 4")
    connection.commit()
    connection.close()
    done = merge_files([path], tmp_path / "saved.sqlite")
    assert done.answers == 3


def test_paths_that_look_like_addresses_are_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made("file:x?mode=memory", statement(1))
    assert len(content("file:x?mode=memory")) == 1
