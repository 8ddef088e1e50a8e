"""The command line as it is used: in a new process, with its exit codes, outputs and interruptions."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from assay import Ledger
from assay.schema import SCHEMA
from assay.sessions.catalogue import describe
from assay.studies.study_file import load_study
from fresh import Process, assay

TINY = Path(__file__).parent / "tiny.toml"


def printed(*arguments, cwd=None, code=0):
    """The one JSON object on standard output."""
    done = assay(*arguments, "--json", cwd=cwd)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def complaint(*arguments, cwd=None):
    """The one line on standard error of a request that cannot be met."""
    done = assay(*arguments, cwd=cwd)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("assay: ")
    return lines[0]


def rows(folder):
    """Everything in the ledger but what depends on the clock."""
    with Ledger(folder / "ledger.sqlite", create=False) as ledger:
        return [
            (e.key, e.verdict, e.size, e.error, e.justification, json.dumps(e.detail, sort_keys=True)) for e in ledger
        ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which the tiny study has been run."""
    folder = tmp_path_factory.mktemp("tiny")
    done = assay("run", TINY, "--out", folder, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert "smallest learned width" in done.stderr
    assert "learned" in done.stdout
    return folder


def test_listing_needs_no_torch():
    script = "import sys; sys.argv = ['assay', 'ls']\ntry:\n  from assay.cli import main; main()\nexcept SystemExit:\n"
    script += "  assert not {'torch', 'matplotlib', 'scipy', 'numpy', 'sklearn'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for name in ("sparse-averaging", "lstm", "reed-solomon", "feed-forward-rank", "studies"):
        assert name in done.stdout


def test_listings_and_pages():
    entries = printed("ls")
    assert entries.pop("schema") == SCHEMA
    assert set(entries) == {"tasks", "architectures", "bare models", "constructions", "bounds", "protocols", "studies"}
    assert {"attention", "third-order", "strassen", "lstm", "gru", "feed-forward"} < set(entries["architectures"])
    for names in entries.values():  # one of each kind in a process of its own, all of them in this one
        assert len(printed("show", next(iter(names)))["text"]) > 100
        assert all(len(describe(name)["text"]) > 100 for name in names)


def test_the_package_runs_as_a_module():
    found = subprocess.run([sys.executable, "-m", "assay", "ls", "tasks"], capture_output=True, text=True, check=True)
    assert "match3-local" in found.stdout


def test_help_and_no_arguments():
    assert assay("--help").stdout == assay().stdout
    for command in ("run", "report", "ls", "show", "sample", "build", "check", "bound"):
        assert assay(command, "--help").returncode == 0


MATCH = [
    ("match2", "--length", 16, "--modulus", 10**6),
    ("match3", "--length", 12, "--method", "strassen"),
    ("match3-local", "--length", 16, "--window", 2),
]


@pytest.mark.parametrize("task", MATCH, ids=str)
def test_build_and_check_matching(task, tmp_path):
    built = printed("build", *task, "--out", tmp_path / "f.safetensors")
    assert built["task"]["name"] == task[0]
    checked = printed("check", tmp_path / "f.safetensors", "--draws", 20, "--distribution", "planted")
    assert checked["holds"]
    assert checked["largest_error"] <= built["guaranteed_error"] < 0.5


def test_sample_and_bound_matching():
    drawn = printed("sample", "match3", "--length", 5, "--draws", 3, "--distribution", "hard")
    assert len(drawn["inputs"]) == len(drawn["targets"]) == 3
    said = printed(
        "bound", "match3", "--length", 4096, "--bits", 8, "--heads", 2, "--width", 40, "--architecture", "attention"
    )
    rows = {row["bound"]: row for row in said["bounds"]}
    assert "needs fixed point" in rows["match3-messages"]["reason"]
    assert rows["match-state"]["reason"] == "the network declares no state bits"


@pytest.mark.parametrize("method", ["sign", "cyclic", "reed-solomon", "heads", "recurrent", "feed-forward"])
def test_build_and_check(method, tmp_path):
    built = printed(
        "build",
        "sparse-averaging",
        "--length",
        64,
        "--sparsity",
        3,
        "--tolerance",
        0.05,
        "--method",
        method,
        "--out",
        tmp_path / "f.safetensors",
    )
    wanted = "method width score_width heads depth bits dtype guaranteed_error justification"
    assert set(wanted.split()) <= set(built)
    assert built["method"] == method
    assert built["guaranteed_error"] <= 0.05
    for distribution in ("uniform", "hard", *["adversarial"] * (method not in ("recurrent", "feed-forward"))):
        checked = printed("check", tmp_path / "f.safetensors", "--draws", 5, "--distribution", distribution)
        assert checked["holds"] is True
        assert checked["largest_error"] <= checked["guaranteed_error"] == built["guaranteed_error"]


def test_sample_and_bound():
    drawn = printed("sample", "sparse-averaging", "--length", 4, "--sparsity", 2, "--draws", 3)
    for values, tokens, answers in zip(drawn["values"], drawn["pointers"], drawn["targets"], strict=True):
        for pointers, answer in zip(tokens, answers, strict=True):
            assert answer[0] == pytest.approx(sum(values[j][0] for j in pointers) / 2)
    said = printed("bound", "sparse-averaging", "--length", 64, "--sparsity", 2, "--bits", 1, "--width", 16)
    by_name = {row["bound"]: row for row in said["bounds"]}
    assert by_name["recurrent-state"]["status"] == "binds"
    assert by_name["recurrent-state"]["slack"] == 16 - 63
    assert by_name["feed-forward-rank"]["smallest_width"] == 64


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rnu"], "Did you mean 'run'"),
        (["run", "sparse-averagin"], "did you mean 'sparse-averaging'"),
        (["run", "missing.toml"], "missing.toml cannot be read"),
        (["run", "sparse-averaging", "--workers", "0"], "workers"),
        (["report", "sparse-averaging"], "does not exist"),
        (["ls", "task"], "did you mean 'tasks'"),
        (["show", "sing"], "did you mean 'sign'"),
        (["sample", "sparse-averaging", "--length", "4"], "needs sparsity"),
        (["sample", "sparse-averaging", "--length", "4", "--sparsity", "5"], "sparsity = 5 is not allowed"),
        (["sample", "sparse-averaging", "--length", "x"], "--length = x is not allowed"),
        (["sample", "match3", "--lenght", "4"], "did you mean '--length'"),
        (["build", "match2", "--length", "4", "--out", "f", "--methd", "parabola"], "did you mean '--method'"),
        (["build", "match2", "--length", "4", "--modulus", "1", "--out", "f"], "modulus = 1 is not allowed"),
        (["build", "match3", "--length", "4", "--modulus", "100000000", "--out", "f"], "rounding in float64"),
        (["sample", "match2", "--length"], "--length needs a value"),
        (["build", "match2", "--length", "4", "--out", "."], "is a folder"),
        (["build", "match2", "--length", "4", "--tolerance", "0.5", "--out", "f"], "at most 0.49"),
        (["sample", "sparse-averaging", "--length", "4", "--sparsity", "1", "--distribution", "adversarial"], "keys"),
        (
            ["build", "sparse-averaging", "--length", "9", "--sparsity", "2", "--out", "f", "--tolerance", "0"],
            "tolerance",
        ),
        (["build", "sparse-averaging", "--length", "9", "--sparsity", "2", "--out", "no/f"], "cannot be written"),
        (["build", "sparse-averaging", "--length", "9999999", "--sparsity", "2", "--out", "f"], "length = 9999999"),
        (["sample", "sparse-averaging", "--length", "999999999", "--sparsity", "2"], "numbers in all"),
        (["check", "missing.safetensors"], "missing.safetensors cannot be read: No such file"),
        (["bound", "sparse-averaging", "--length", "9", "--sparsity", "2", "--architecture", "lstn"], "'lstm'"),
    ],
)
def test_what_cannot_be_met_is_one_line_and_leaves_nothing(arguments, says, tmp_path):
    assert says in complaint(*arguments, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_is_not_tried_on_what_it_does_not_speak_of(tmp_path):
    path = tmp_path / "f.safetensors"
    printed("build", "sparse-averaging", "--length", 9, "--sparsity", 2, "--method", "recurrent", "--out", path)
    for distribution in ("gaussian", "unifrm"):
        assert "Known: chain, hard, sign, uniform" in complaint("check", path, "--distribution", distribution)
    assert "need the keys of a network" in complaint("check", path, "--distribution", "adversarial")


def test_a_file_that_is_no_network(tmp_path):
    (tmp_path / "f.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    assert "holds no Assay network" in complaint("check", tmp_path / "f.safetensors")


def test_a_finished_study_does_no_work_twice(finished):
    before = rows(finished)
    again = printed("run", TINY, "--out", finished)
    assert again["new"] == 0
    assert rows(finished) == before
    assert Path(again["report"]).is_file()
    assert again["contradictions"] == []


def test_the_report_is_made_from_the_ledger_alone(finished, tmp_path):
    shutil.copy(finished / "ledger.sqlite", tmp_path / "ledger.sqlite")
    said = printed("report", TINY, "--out", tmp_path)
    assert said["pieces_of_evidence"] == len(rows(finished))
    page = Path(said["report"]).read_text("utf-8")
    assert all(key in page for key, *_ in rows(finished))


def test_figures_are_files_of_the_kind_asked_for(finished, tmp_path):
    shutil.copy(finished / "ledger.sqlite", tmp_path / "ledger.sqlite")
    assert "Known: pdf, png, svg" in complaint("report", TINY, "--out", tmp_path, "--figures", "jpg")
    assert not list(tmp_path.glob("*.html"))
    said = printed("report", TINY, "--out", tmp_path, "--figures", "pdf")
    (folder,) = tmp_path.glob("*-figures")
    drawn = [path for path in folder.iterdir() if path.suffix != ".csv"]
    assert drawn
    assert all(path.suffix == ".pdf" and path.read_bytes().startswith(b"%PDF") for path in drawn)
    page = Path(said["report"]).read_text("utf-8")
    assert all(f'data-chart="{path.stem}"' in page for path in drawn)


def test_a_ledger_of_another_version(finished, tmp_path):
    import sqlite3

    shutil.copy(finished / "ledger.sqlite", tmp_path / "ledger.sqlite")
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE meta SET value = '7'")
    assert "has version 7" in complaint("run", TINY, "--out", tmp_path)


def start(folder, workers=2, study=TINY, env=None):
    command = [
        sys.executable,
        "-c",
        "from assay.cli import main; main()",
        "run",
        str(study),
        "--out",
        str(folder),
        "--workers",
        str(workers),
    ]
    with open(folder / "errors", "w", encoding="utf-8") as errors:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True, env=env)


def wait_for_rows(folder, count, process):
    """Until the ledger has that many rows from workers, or the run has ended; the baselines come before them."""
    baselines = len(load_study(str(TINY)).baselines())
    while process.poll() is None:
        if (folder / "ledger.sqlite").exists():
            try:
                if len(rows(folder)) >= count + baselines:
                    return
            except Exception:  # the file is just being made
                pass
        time.sleep(0.05)


GATED = """
import os, time
from assay.layers.attention import Attention

class Gated(Attention):
    def forward(self, tokens, last):
        while tokens.shape[:2] == (16, 5) and not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
        return super().forward(tokens, last)
"""


@pytest.mark.timeout(900)  # of 20 seconds on a quiet machine
def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(tmp_path):
    """Its layer waits for a file, so that the run cannot be over before it is interrupted, however slow the machine.

    It waits in the batches of training at N = 4 alone, so that the rest goes on.
    """
    study, gate = tmp_path / "gated.toml", tmp_path / "gate"
    study.write_text(TINY.read_text("utf-8").replace('architecture = "attention"', 'architecture = "gated:Gated"'))
    (tmp_path / "gated.py").write_text(GATED)
    env = {**os.environ, "GATE": str(gate), "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    folder = tmp_path / "interrupted"
    folder.mkdir()
    process = start(folder, study=study, env=env)
    wait_for_rows(folder, 3, process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=200) == 130
    errors = (folder / "errors").read_text("utf-8")
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    kept = rows(folder)
    gate.touch()
    assert start(folder, study=study, env=env).wait(timeout=200) == 0
    whole = rows(folder)
    assert 3 <= len(kept) < len(whole)
    assert set(kept) < set(whole)


def begin(folder):
    """The tiny study run by two workers: a fork that can be killed."""
    return Process("run", TINY, "--out", folder, "--workers", 2, err=folder / "errors")


def found(*options):
    """The processes that `pgrep` finds."""
    return set(
        subprocess.run(["pgrep", *map(str, options)], capture_output=True, text=True, check=False).stdout.split()
    )


def kill_and_finish(folder, kills, expected):
    for round_number in range(kills):
        kept = len(rows(folder)) if round_number else 0
        process = begin(folder)
        wait_for_rows(folder, kept + random.Random(round_number).randrange(1, 6), process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert assay("run", TINY, "--out", folder).returncode == 0
    assert rows(folder) == expected
    assert len({key for key, *_ in rows(folder)}) == len(rows(folder))


def test_kill_9_and_the_same_command_goes_on(finished, tmp_path):
    kill_and_finish(tmp_path, 1, rows(finished))


@pytest.mark.long
def test_ten_kills(finished, tmp_path):
    kill_and_finish(tmp_path, 10, rows(finished))


def test_a_worker_that_is_killed_is_replaced_and_loses_nothing(finished, tmp_path):
    process = begin(tmp_path)
    wait_for_rows(tmp_path, 2, process)
    workers = found("-g", process.pid) - found("-P", process.pid) - {str(process.pid)}  # those of the fork server
    assert workers
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    assert process.wait() == 0
    assert "a worker process died" in (tmp_path / "errors").read_text("utf-8")
    assert rows(tmp_path) == rows(finished)


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    process = begin(tmp_path)
    wait_for_rows(tmp_path, 1, process)
    assert len(found("-g", process.pid)) > 1
    process.kill()
    process.wait()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        left = found("-g", process.pid)
        if not left:
            return
        time.sleep(0.1)
    pytest.fail(f"processes {left} are still there")
