"""Every benchmark that compares runs, and its tables hold what they claim to count; times are not looked at."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a benchmark at its smallest size; gives its rows, and what it printed."""
    monkeypatch.syspath_prepend(str(ROOT))

    def of(name, *options):
        file = tmp_path / "results.jsonl"
        import_module(f"benchmarks.{name}").main(["--tiny", "--rounds", "1", "--json", str(file), *options])
        (line,) = file.read_text("utf-8").splitlines()
        entry, printed = json.loads(line), capsys.readouterr().out
        assert entry["machine"]["processor"] in printed
        assert entry["rows"]
        return entry["rows"], printed

    return of


def test_labels_of_every_task_agree_with_numpy(run):
    rows, printed = run("peers.labels")
    assert {row["task"] for row in rows} == {
        "match2",
        "match3",
        "match3-bigram",
        "match3-local",
        "sparse-averaging",
        "directed-triangle",
        "five-cycle",
    }
    assert all(row["wrong"] == 0 and row["answers"] > 0 and row["ratio"] > 0 for row in rows)
    assert "match3-bigram" in printed


def test_plain_torch_and_ours_answer_the_same_questions(run):
    rows, printed = run("peers.plain_torch")
    exact = {"einsum", "assay kernel", "assay unit", "embedding_bag", "assay labels", "attention, assay's queries"}
    assert all(row["wrong"] == 0 for row in rows if row["what"] != "gaussian" and row["way"] in exact)
    assert all(row["largest error"] < 1e-4 for row in rows if row["what"] == "gaussian")
    assert "embedding_bag" in printed


def test_training_steps_are_timed_beside_a_plain_loop(run):
    rows, printed = run("peers.training_step")
    assert all(row["plain ms"] > 0 and row["bare ms"] > 0 and row["plain error"] > 0 for row in rows)
    assert "plain error" in printed


def test_layers_are_timed_beside_plain_attention(run):
    rows, printed = run("layers", "--only", "net")
    assert {"retnet", "delta-net", "delta-net eigenvalues=signed"} < {row["layer"] for row in rows}
    assert all(row["plain ms"] > 0 and row["ratio"] > 0 for row in rows)
    assert "bar" in printed


def test_drift_is_of_states_that_are_carried_on(run):
    rows, _ = run("layers", "--drift")
    names = {row["layer"].split()[0] for row in rows}
    assert {"window-attention", "delta-product", "mlstm", "s4d", "gru"} < names
    assert not {"attention", "alibi", "short-conv"} & names
    for row in rows:
        assert row["float32 state"] < 1e-5 < row["bfloat16 state"] < 0.1


def test_growth_lists_time_and_memory(run):
    rows, printed = run("growth", "--only", "labels match")
    assert {"labels match2", "labels match3"} <= {row["operation"] for row in rows}
    assert all(len(row["seconds"]) == 3 for row in rows)
    assert "time N^b" in printed


def test_growth_finds_the_exponent_of_a_power(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    exponent = import_module("benchmarks.growth").exponent
    cubes = {n: [3.0 * n**3] * 2 for n in (2, 8, 16, 32, 64)} | {1: [1e9]}
    assert exponent(dict(sorted(cubes.items()))) == ("3.00", "8-64")
    assert exponent({8: [1.0]}) == ("", "")


def test_tracr_is_counted_against_brute_force(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    tracr = import_module("benchmarks.peers.tracr")
    sequences, exact = tracr.draw("match2", 16, 23)
    pairs = [[any((x + y) % 23 == 0 for y in row) for x in row] for row in sequences.tolist()]
    assert exact.tolist() == np.array(pairs).astype(int).tolist()
    assert tracr.wrong("match2", np.where(exact, 0.9, 0.2), exact) == 0
    assert tracr.wrong("match2", 1 - exact, exact) == exact.size
    columns, _ = tracr.ours(sequences, exact, 23)
    assert columns["assay wrong"] == 0
    assert columns["assay width"] == 3


def test_a_worker_that_ends_or_is_late_is_said_to_have_reached_a_cap(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT))
    tracr = import_module("benchmarks.peers.tracr")
    worker = tmp_path / "tracr_worker.py"
    monkeypatch.setattr(tracr, "python_of", lambda _: sys.executable)
    monkeypatch.setattr(tracr, "WORKER", worker)
    for act, cap, said in [("raise MemoryError", 60, "over 4 GB"), ("time.sleep(60)", 0.2, "over 0.2 s")]:
        worker.write_text(f"import time\ninput()\nprint('{{}}', flush=True)\ninput()\n{act}\n")
        process = tracr.Tracr(tmp_path, cap, 4)
        assert tracr.theirs(process, {"function": "length"}, None) == {"tracr wrong": f"not reached: {said}"}


@pytest.mark.long
def test_tracr_runs_in_its_own_environment(run):
    rows, printed = run("peers.tracr")
    assert rows[0]["tracr wrong"] == rows[0]["assay wrong"] == 0
    assert rows[0]["width"] > rows[0]["assay width"]
    assert "compile ms" in printed


def test_every_benchmark_can_be_imported():
    """In a process of its own, since some set what torch reads as it starts."""
    files = [path for path in (ROOT / "benchmarks").rglob("*.py") if path.stem not in ("__init__", "tracr_worker")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    assert "benchmarks.throughput" in names
    command = [sys.executable, "-c", "; ".join(f"import {name}" for name in names)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
