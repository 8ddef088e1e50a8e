"""Four tasks of a user's file in every command: sampled, trained, in a study, and in its report."""

import json
from pathlib import Path

import pytest

from fresh import assay
from test_cli import printed

TASKS_FILE = Path(__file__).with_name("tasks_of_users.py").resolve()
NAMES = ["Recollect", "Copy", "Parity", "EvenBlocks"]
STUDY = """
name = "own-tasks"
title = "Tasks of a user"
seeds = [0, 1]

[recipe]
steps = 60
batch = 32
validation = 128
test = 256
"""
LINE = """
[sweeps.{line}]
task = {{ name = "{file}:{name}" }}
recipe = {{ {recipe} }}
search = [{{ architecture = "lstm", at = [8], lowest = 4, highest = 4 }}]
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_users_task_is_sampled_and_trained(tmp_path, name):
    task = f"{TASKS_FILE}:{name}"
    sampled = printed("sample", task, "--length", 8, "--draws", 2)
    assert len(sampled["targets"]) == 2
    out = tmp_path / "network.safetensors"
    options = ["--architecture", "lstm", "--width", 4, "--steps", 20, "--out", out]
    trained = printed("train", task, "--length", 8, *options)
    assert trained["verdict"] == "not learned within this budget"
    assert trained["judged_by"] == "error rate"
    assert 0 < trained["mean_error"] <= trained["sequence_error"] <= 1
    assert out.exists()


def test_users_tasks_in_a_study_and_its_report(tmp_path):
    lines = [
        LINE.format(name=name, line=name.lower(), file=TASKS_FILE, recipe=recipe)
        for name, recipe in zip(NAMES, ["", *["test_lengths = [16, 32]"] * 3], strict=True)
    ]
    (tmp_path / "own.toml").write_text(STUDY + "".join(lines))
    done = assay("run", "own.toml", "--out", "out", "--tables", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Other lengths: error rate beyond the length of training") == 3
    page = (tmp_path / "out" / "own-tasks.html").read_text()
    findings = json.loads(page.partition('id="findings">')[2].partition("</script>")[0])
    tested = {line["name"]: line["lengths"] for line in findings["sweeps"]}
    assert tested.pop("recollect") == []
    for (row,) in tested.values():
        assert (row["x"], row["width"]) == (8, 4)
        assert {length: len(errors) for length, errors in row["errors"].items()} == {"16": 2, "32": 2}
    assert page.count("<h3>Other lengths</h3>") == 3
