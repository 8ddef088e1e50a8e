"""Code of a user's own on the command line, named by its file: found, asked anew when edited, never run unasked."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

import fresh

LAYER = """
import torch
from near import SCALE
from assay.layers.layer import Layer

class Window(Layer):
    '''Mean of the last tokens.'''
    family = "recurrent"
    window = 2

    def __init__(self, width):
        super().__init__()
        self.out = torch.nn.Linear(width, width)

    def forward(self, tokens, last):
        return SCALE * self.out(tokens[:, -self.window:].mean(1, keepdim=True)).expand(-1, last, -1)
"""
TASK = """
from dataclasses import dataclass
from assay.tasks.match2 import Match2

@dataclass(frozen=True, kw_only=True)
class Mine(Match2):
    '''Match2 with a number beside it.'''
    extra: int = 3
"""
CONSTRUCTION = """
from pathlib import Path
from assay.constructions.sign import SignKeys
Path("imported").touch()

class Keys(SignKeys):
    '''Sign keys of my own.'''
"""
TWO = """
from dataclasses import dataclass
from assay.tasks import TASKS
from assay.tasks.match2 import Match2

@TASKS.register
@dataclass(frozen=True, kw_only=True)
class First(Match2):
    pass

@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Second(Match2):
    pass
"""
STUDY = """
name = "own"
title = "Code of a user's own"
seeds = [0, 1, 2]
ratio = 1.5
precision = 32
draws = 5

[recipe]
distribution = "uniform"
batch = 8
check_every = 2
validation = 16
test = 16

[sweeps.own]
task = { name = "mine/task.py:Mine", modulus = 7 }
along = "length"

[[sweeps.own.search]]
architecture = "mine/layer.py:Window"
at = [3]
start = [2]
steps = [2]
lowest = 2
highest = 2
rates = [0.02]
"""
LENGTH = ("--length", "6", "--modulus", "7")


@pytest.fixture
def folder(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    files = {"layer": LAYER, "near": "SCALE = 1\n", "task": TASK, "construction": CONSTRUCTION, "two": TWO, "other": ""}
    for name, text in files.items():
        (mine / f"{name}.py").write_text(text)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def run(folder, *words, code=0):
    ran = fresh.assay(*words, cwd=folder)
    assert ran.returncode == code, ran.stderr
    return ran


def complaint(folder, *words):
    """The one line that a command is refused with."""
    ran = run(folder, *words, code=2)
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("assay: ")
    return ran.stderr


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.timeout(900)  # ten runs of the command
def test_what_was_edited_is_asked_anew(folder):
    """The layer, what it imports, the task: each edit is a new question; what is unchanged has its stored answer."""

    def answers():
        run(folder, "run", "study.toml", "--workers", 1, "--out", "out")
        with closing(sqlite3.connect(folder / "out" / "ledger.sqlite")) as ledger:
            return [key for (key,) in ledger.execute("SELECT key FROM evidence ORDER BY stored, key")]

    first = answers()
    assert len(first) == 4  # three of the layer, and what baselines reach on the task
    edit(folder / "mine" / "layer.py", "window = 2", "window = 2  # tokens")
    (folder / "mine" / "other.py").write_text("A = 2\n")
    assert answers() == first
    for name, old, new, count in (
        ("layer", "window = 2", "window = 64", 7),
        ("near", "SCALE = 1", "SCALE = 3", 10),
        ("task", "int = 3", "int = 4", 14),
    ):
        edit(folder / "mine" / f"{name}.py", old, new)
        assert len(answers()) == count
    edit(folder / "mine" / "layer.py", "window = 64", "window = 2")
    edit(folder / "mine" / "near.py", "SCALE = 3", "SCALE = 1")
    edit(folder / "mine" / "task.py", "int = 4", "int = 3")
    assert len(answers()) == 14
    assert "own.html" in run(folder, "report", "study.toml", "--out", "out").stdout
    assert "layer.py:Window" in run(folder, "run", "study.toml", "--dry-run", "--out", "new").stdout


def test_a_trained_network_is_opened_with_the_code_that_the_user_names(folder):
    train = ("train", "mine/task.py:Mine", *LENGTH, "--extra", 5, "--architecture", "mine/layer.py:Window")
    run(folder, *train, "--width", 4, "--steps", 2, "--out", "net.st")
    for command in ("attack", "precision"):
        said = complaint(folder, command, "net.st")
        assert "needs layer.py:Window and task.py:Mine" in said
        assert "unless --code names it: layer.py and task.py" in said
    code = ("--code", "mine/layer.py", "--code", "mine/task.py", "--budget", 20)
    opened = run(folder, "attack", "net.st", *code)
    assert "has changed" not in opened.stderr
    edit(folder / "mine" / "layer.py", "window = 2", "window = 1")
    assert "layer.py:Window has changed since net.st was trained" in run(folder, "attack", "net.st", *code).stderr
    edit(folder / "mine" / "layer.py", "self.out = torch.nn.Linear(width, width)", "self.out = torch.nn.Identity()")
    assert "holds no network that can be used" in complaint(folder, "attack", "net.st", *code)
    assert "holds a trained network" in complaint(folder, "check", "net.st")


def test_a_construction_is_opened_with_the_code_that_the_user_names(folder):
    build = ("build", "sparse-averaging", "--length", 5, "--sparsity", 2, "--method", "mine/construction.py:Keys")
    built = json.loads(run(folder, *build, "--out", "net.st", "--json").stdout)
    assert built["method"] == "Keys"
    (folder / "imported").unlink()
    for command in ("check", "attack", "precision"):
        assert "--code names it: construction.py" in complaint(folder, command, "net.st")
    assert not (folder / "imported").exists()
    assert "holds" in run(folder, "check", "net.st", "--draws", 5, "--code", "mine/construction.py").stdout
    said = complaint(folder, *build, "--out", "new.st", "--certificate", "new.json")
    assert "construction.py:Keys is not" in said
    assert not list(folder.glob("new*"))


def test_a_layer_and_a_task_of_a_file_are_known_to_every_command(folder):
    rows = json.loads(
        run(folder, "bound", "match2", *LENGTH, "--architecture", "mine/layer.py:Window", "--json").stdout
    )
    assert {row["architecture"] for row in rows["bounds"]} == {"layer.py:Window"}
    assert json.loads(run(folder, "bound", "mine/task.py:Mine", *LENGTH, "--json").stdout)["bounds"] == []
    shown = run(folder, "show", "mine/task.py:Mine").stdout
    assert "Match2 with a number beside it" in shown
    assert "Mean of the last tokens" in run(folder, "ls", "mine/layer.py").stdout
    drawn = json.loads(run(folder, "sample", "mine.task:Mine", *LENGTH, "--extra=5", "--json").stdout)
    assert drawn["task"] == {"name": "mine.task:Mine", "length": 6, "modulus": 7, "notation": "symbol", "extra": 5}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bound", "match2", "--N", "64"], "did you mean '--length'?"),
        (["bound", "match2", "--M", "64"], "did you mean '--modulus'?"),
        (["show", "transformer"], "did you mean 'attention'?"),
        (["show", "mine/layer.py"], "it has: mine/layer.py:Window"),
        (["show", "mine/layer.py:Windo"], "layer.py has no 'Windo'; did you mean 'Window'?"),
        (["show", "mine/near.py:SCALE"], "near.py:SCALE is not a"),
        (["bound", "match2", *LENGTH, "--architecture", "third-ordr"], "'third-order' or 'bare-third-order'?"),
        (["bound", "mine/task.py:Mine", "--length", "6", "--extra", "x"], "--extra = x is not allowed; it must be"),
        (["sample", "mine/two.py:First", "--length", "4"], "First and Second are both the task 'two'; a file"),
        (["sample", "mine/task.py", "--length", "4"], "names no class; it has: mine/task.py:Mine"),
        (["sample", "mine/layer.py:Window", "--length", "4"], "layer.py:Window is not a Task class"),
        (["sample", "none.py:Mine", "--length", "4"], "there is no file"),
        (["sample", "no.module:Mine", "--length", "4"], "there is no module 'no.module'"),
        (["train", "match2", *LENGTH, "--architecture", "transformer", "--out", "x"], "did you mean 'attention'?"),
        (["train", "match2", *LENGTH, "--architecture", "mine/layer.py", "--out", "x"], "it has: mine/layer.py:Window"),
        (["build", "match2", *LENGTH, "--method", "mine/layer.py:Window", "--out", "x"], "is not a Construction class"),
        (["attack", "mine/layer.py:Window", "--task", "mine/task.py:Mine", *LENGTH], "width = None is not allowed"),
    ],
)
def test_what_is_said_of_a_wrong_name(words, said, folder):
    line = complaint(folder, *words)
    assert said in line
    known = line.split("Known: ")[1].strip().split(", ") if "Known: " in line else []
    assert known == sorted(set(known))
    assert not (folder / "x").exists()


def test_a_study_says_where_a_name_is_wrong(folder):
    edit(folder / "study.toml", "layer.py:Window", "layer.py:Windows")
    said = complaint(folder, "run", "study.toml", "--out", "out")
    assert "study.toml" in said
    assert "did you mean 'Window'?" in said
    assert not (folder / "out").exists()


def test_an_old_ledger_is_refused_with_what_to_do(folder):
    run(folder, "run", "study.toml", "--workers", 1, "--out", "out")
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
    assert "to ask anew, name another folder as --out" in complaint(folder, "run", "study.toml", "--out", "out")


def test_a_class_that_is_in_no_file_cannot_be_kept(folder):
    """As in a notebook."""
    program = TASK + (
        "from assay import AssayError\n"
        "from assay.training.single import train_one\n"
        "from pathlib import Path\n"
        "print(Mine(length=4).sample(1, seed=0).targets.shape)\n"
        "recipe = {'steps': 1, 'validation': 8, 'test': 8}\n"
        "shape = dict(width=4, depth=1, head_width=0, rate=0.01, seed=0, recipe=recipe)\n"
        "try:\n"
        "    train_one(Mine(length=4), 'gru', Path('x.st'), **shape)\n"
        "except AssayError as error:\n"
        "    print(error)\n"
    )
    for name, said in (("-", "put it into one"), ("program.py", "x.st")):
        (folder / "program.py").write_text(program + "print(*Path('.').glob('x.st'))\n")
        ran = subprocess.run(
            [sys.executable, name], input=program, cwd=folder, capture_output=True, text=True, check=True
        )
        assert said in ran.stdout
        assert (folder / "x.st").exists() is (name != "-")
