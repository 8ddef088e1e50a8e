"""The tab key through the shell's own protocol, help of a named task, and options that are the same everywhere."""

import os
import subprocess
import sys
from collections import defaultdict

import pytest
import typer

from assay.cli.options import app
from assay.cli.task_parameters import declared_task
from assay.tasks import TASKS, parameters_of
from fresh import assay

USERS = """
raise RuntimeError("nobody asked to run this")

from typing import Literal
from dataclasses import dataclass
from assay.tasks import Task
from assay.tasks.matching import Matching

@dataclass(frozen=True, kw_only=True)
class Mine(Matching):
    '''A task.

    Attributes:
        width: how wide
            it is.
    '''
    width: int
    kind: Literal["one", "two"] = "one"

class Layer:
    width: int
"""
# The program under its own name, by which the shell's variable is called; in the end whether torch was imported.
PROGRAM = """
import sys
sys.argv = ["assay"]
from assay.cli import main
try:
    main()
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def offered(*words, cwd=None):
    """What bash is offered for the last of these words."""
    asked = {
        "_ASSAY_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["assay", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env={**os.environ, **asked}, cwd=cwd, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "False")  # no complaint, and no torch
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (["tra"], {"train"}),
        (["train", "match3"], {"match3", "match3-local", "match3-bigram"}),
        (["train", "copy", "--architecture", "delta"], {"delta-net", "delta-product"}),
        (["build", "copy", "--method", "copy"], {"copy-residues"}),
        (["protocol", "dis"], {"disjointness"}),
        (["run", "field"], {"field-sample"}),
        (["report", "boo"], {"boolean"}),
        (["report", "boolean", "--figures", "p"], {"png", "pdf"}),
        (["ls", "stu"], {"studies"}),
        (["show", "feed-forward-rank"], {"feed-forward-rank", "feed-forward-rank-mean"}),
        (["bound", "match2", "--architecture", "bare-r"], {"bare-recurrent"}),
        (["train", "match3", "--distribution", "p"], {"planted"}),
        (["group", "S"], {"S5"}),
        (["size", "--group", "Q"], {"Q8"}),
        (["probe", "x", "--formats", "q8_0,token-3"], {"q8_0,token-3"}),
        (["train", "match3-local", "--win"], {"--window"}),
        (["train", "match3", "--notation", "d"], {"digits"}),
        (["precision", "x", "--task", "match3", "--notation", "s"], {"symbol"}),
        (["train", "group-word", "--group", "A"], {"A5"}),
        (["train", "recall", "--flat", "t"], {"true"}),
        (["train", "no-task", "--distribution", "u"], set()),
    ],
    ids=lambda part: " ".join(sorted(part) if isinstance(part, set) else part),
)
def test_the_tab_key_offers_names_and_parameters(words, among):
    found = offered(*words)
    assert set(found) == among
    assert len(found) == len(among)


def test_the_tab_key_reads_a_file_of_the_users_and_does_not_run_it(tmp_path):
    (tmp_path / "mine.py").write_text(USERS, "utf-8")
    (tmp_path / "wrong.py").write_text("class (", "utf-8")
    assert offered("train", "mine.py:Mine", "--wid", cwd=tmp_path) == ["--width"]  # the command's own, once
    assert offered("train", "mine.py:Mine", "--kind", "t", cwd=tmp_path) == ["two"]
    assert offered("train", "mine.py:Mine", "--mod", cwd=tmp_path) == ["--modulus"]
    for other in ("mine.py:Layer", "mine.py:None", "wrong.py:Mine", "missing.py:Mine"):
        assert offered("train", other, "--kind", cwd=tmp_path) == []


@pytest.mark.parametrize("name", TASKS.names())
def test_parameters_that_are_read_are_those_that_the_class_has_and_all_have_a_meaning(name):
    declared = declared_task(name)
    assert declared is not None
    assert [one.name for one in declared.parameters] == list(parameters_of(name))
    assert declared.distributions == TASKS[name].distributions
    assert all(one.meaning for one in declared.parameters)
    defaults = {key: field.default for key, field in TASKS[name].__dataclass_fields__.items()}
    for one in declared.parameters:
        known = defaults[one.name]
        assert one.default in ({None} if one.default is None else {str(known), str(known).lower()})


def test_help_of_a_task_shows_its_parameters_and_plain_help_none():
    shown = assay("train", "sparse-averaging", "--help").stdout
    assert "Parameters of sparse-averaging:" in shown
    assert "--sparsity int" in shown
    assert "--layout all|last" in shown
    assert "q, how many of them one query token averages" in " ".join(shown.split())
    assert "[default: all]" in shown
    assert "Parameters of" not in assay("train", "--help").stdout
    assert "--window" in assay("precision", "--task", "match3-local", "--help").stdout
    shown = assay("train", "language", "--help").stdout  # an empty default is none that must be given
    assert shown[shown.index("  --alphabet") :].count("[required]") == 0


def test_help_of_a_users_task_reads_its_file(tmp_path):
    (tmp_path / "mine.py").write_text(USERS, "utf-8")
    shown = assay("train", "mine.py:Mine", "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert "--kind one|two" in shown.stdout


def test_the_same_option_has_the_same_sentence_in_all_commands():
    """But for `size`, whose options say to which question they belong, and for what a task's word means to two."""
    different = {"length", "heads", "sparsity", "error", "report", "queries", "inputs", "names", "table"}
    said = defaultdict(set)
    for name, command in typer.main.get_command(app).commands.items():
        for option in (
            one for one in command.params if one.param_type_name == "option" and not one.hidden and name != "size"
        ):
            said[option.opts[0]].add((option.help or "").partition("  [")[0])
    assert {name: helps for name, helps in said.items() if len(helps) > 1 and name.lstrip("-") not in different} == {
        "--out": {"The safetensors file to write.", "Folder for answers and reports."}
    }
    assert not {"--precision", "--instances", "--batch", "--most"} & set(said)


def test_options_end_with_quiet_and_json_and_all_commands_have_json():
    for name, command in typer.main.get_command(app).commands.items():
        options = [one.opts[0] for one in command.params if one.param_type_name == "option"]
        assert options[-2 if options[-1] == "--help" else -1] == "--json", name
        if "--quiet" in options:
            assert options.index("--quiet") + 1 == options.index("--json")


def test_quiet_prints_no_progress_and_still_what_went_wrong(tmp_path):
    shape = ("--length", 4, "--sparsity", 1, "--layout", "last", "--width", 4, "--steps", 30, "--out", tmp_path / "t")
    loud, quiet = (assay("train", "sparse-averaging", *shape, *more) for more in ((), ("--quiet",)))
    assert loud.returncode == quiet.returncode == 0
    assert loud.stderr
    assert quiet.stderr == ""
    assert quiet.stdout
    wrong = assay("train", "sparse-averaging", "--length", "x", "--out", tmp_path / "t", "--quiet")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--length = x is not allowed" in wrong.stderr
