"""The commands that examine a network, each in a new process."""

import json
import subprocess
import sys

import pytest
import torch

import fresh
from assay import SparseAveraging
from assay.constructions import build


def assay(*arguments, code=0):
    """Standard output of a command that must end with this exit code."""
    done = fresh.assay(*arguments)
    assert done.returncode == code, done.stderr + done.stdout
    if code == 2:
        assert not done.stdout
        assert len(done.stderr.splitlines()) == 1
        return done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    path = tmp_path_factory.mktemp("unit") / "unit.safetensors"
    build(SparseAveraging(length=9, sparsity=3, layout="last"), method="sign").save(path)
    return path


def test_build_writes_a_certificate_that_verify_reads(tmp_path):
    weights, path = tmp_path / "u.safetensors", tmp_path / "u.json"
    text = assay("build", "match2", "--length", 5, "--modulus", 7, "--out", weights, "--certificate", path)
    assert "proved over all residues: every answer errs by at most" in text
    assert "(distance from the exact answer, 0 or 1), in float32, rounding included" in text
    assert "of any weights built with these settings; " in text
    assert "assumptions" in text
    assert f"{path} holds" in assay("verify", path)
    moved = tmp_path / "elsewhere.safetensors"
    weights.rename(moved)
    said = assay("verify", path, code=2)
    assert (
        "u.json speaks of the weights file u.safetensors, and there is none beside it: keep both in one folder" in said
    )
    assert "--weights" in said
    assert "none.safetensors cannot be read" in assay("verify", path, "--weights", "none.safetensors", code=2)
    assert json.loads(assay("verify", path, "--weights", moved, "--json"))["holds"]


def test_nothing_is_written_where_nothing_can_be_proved(tmp_path):
    weights = tmp_path / "u.safetensors"
    assay("build", "match2", "--length", 5, "--out", weights, "--certificate", tmp_path / "no" / "c.json", code=2)
    assert not list(tmp_path.iterdir())


def test_precision_in_words_and_as_json(unit):
    assert "justification" in assay("precision", unit, "--draws", 10)
    found = json.loads(assay("precision", unit, "--draws", 10, "--json"))
    assert found["error"] <= found["tolerance"] < found["error_below"]
    assert found["message_bits"] == found["width"] * found["bits"]


def test_attack_finds_nothing_beyond_the_guarantee(unit):
    text = assay("attack", unit, "--budget", 300)
    assert "exactly" in text
    found = json.loads(assay("attack", unit, "--budget", 300, "--json"))
    assert not found["broken"]
    assert found == json.loads(assay("attack", unit, "--budget", 300, "--json"))


def test_protocols_on_a_network_that_is_large_enough_and_one_that_is_starved(unit):
    enough = json.loads(assay("protocol", "disjointness", unit, "--json"))
    assert (enough["wrong"], enough["runs"], enough["differs"]) == (0, 64, 0.0)
    assert all(8 * sent["size_bytes"] >= sent["bits"] > 8 * sent["size_bytes"] - 8 for sent in enough["sent"])
    starved = json.loads(assay("protocol", "injectivity", unit, "--bits", 1, "--fraction", 0, "--json"))
    assert starved["messages"] < starved["messages_of"] == 84
    assert starved["witness"]["error"] >= starved["witness"]["at_least"]
    assert "collision" in assay("protocol", "injectivity", unit, "--bits", 1, "--fraction", 0)


def test_communication_of_a_small_task():
    arguments = [
        "communication",
        "sparse-averaging",
        "--length",
        3,
        "--sparsity",
        1,
        "--layout",
        "last",
        "--alice",
        "0,1,2",
    ]
    found = json.loads(assay(*arguments, "--threshold", 0, "--json"))
    assert found["from_alice"]["messages_at_least"] == 8
    assert "fooling set" in assay(*arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["protocol", "disjointnes", "UNIT"], "did you mean 'disjointness'?"),
        (["protocol", "null-space", "UNIT"], "needs a torch.nn.Linear"),
        (["protocol", "disjointness", "UNIT", "--bits", 4], "go together"),
        (["protocol", "disjointness", "UNIT", "--length", 4], "need --task"),
        (["precision", "none.safetensors"], "none.safetensors cannot be read: No such file"),
        (["attack", "no.such:Class", "--task", "match2", "--length", 4], "there is no module 'no.such'"),
        (["attack", "UNIT", "--task", "match2", "--length", 4], "says its own task"),
        (["communication", "match3", "--length", 3, "--modulus", 3, "--alice", "0,x"], "--alice = x"),
        (["communication", "match3", "--length", 30, "--alice", "0"], "at most"),
        (["train", "match2", "--length", 4, "--rate", 0, "--out", "t.safetensors"], "rate = 0.0"),
    ],
    ids=lambda part: " ".join(map(str, part[:3])) if isinstance(part, list) else "",
)
def test_requests_that_cannot_be_met_are_one_line(unit, arguments, said):
    assert said in assay(*[unit if word == "UNIT" else word for word in arguments], code=2)


def test_a_fault_in_a_users_module_is_no_refutation(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "class Broken(nn.Module):\n"
        "    def __init__(self, task):\n"
        "        super().__init__()\n"
        "    def forward(self, inputs):\n"
        "        raise ValueError('no answer today')\n"
    )
    command = [sys.executable, "-P", "-m", "assay", "attack", "mine:Broken", "--task", "match2", "--length", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 70, done.stderr
    assert "no answer today" in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here; the test below trains on it")
def test_a_device_that_is_not_there_is_refused(tmp_path):
    asked = ("train", "match2", "--length", 4, "--width", 4, "--steps", 2, "--out", tmp_path / "n.safetensors")
    said = assay(*asked, "--device", "cuda", code=2)
    assert "device = cuda is not allowed; it must be one of those that torch finds here: cpu" in said
    assert not (tmp_path / "n.safetensors").exists()


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU that torch can use: training on one is not tested here"
)
def test_training_on_a_gpu_gives_what_training_on_the_cpu_gives(tmp_path):
    asked = ("train", "match2", "--length", 4, "--width", 4, "--steps", 40)
    cpu = json.loads(assay(*asked, "--out", tmp_path / "cpu.safetensors", "--json"))
    gpu = json.loads(assay(*asked, "--out", tmp_path / "gpu.safetensors", "--device", "cuda", "--json"))
    assert gpu["mean_error"] == pytest.approx(cpu["mean_error"], abs=0.02)
