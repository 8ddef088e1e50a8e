"""`assay group` as it is used, its page, and what it says of groups."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from assay.evidence import CONDITIONAL, MEASURED, PROVED, PUBLISHED
from assay.groups.answer import answer_group
from assay.groups.facts import facts_of
from assay.groups.named import named_group
from assay.groups.reading import group_from
from assay.groups.structure import structure_of
from assay.groups.text import group_text, headline
from assay.placing.battery import BY_NAME
from assay.placing.trained import ROWS, trained_on_group
from assay.tasks import make_task
from fresh import assay
from test_cli import complaint, printed

PAGE = (Path(__file__).parent.parent / "docs" / "groups.md").read_text("utf-8")
KEYS = {"order", "abelian", "nilpotent", "solvable", "derived_length", "householder_steps", "representation", "facts"}
KEYS |= {"householder_steps_generators", "eigenvalue_range", "conjugacy_classes", "horizon", "weights", "generators"}

KNOWN = {
    "Z2": (2, True, True, True, 1, 1, 1),
    "S3": (6, False, False, True, 2, 2, 1),
    "S4": (24, False, False, True, 3, 2, 1),
    "A5": (60, False, False, False, None, 2, 2),
    "S5": (120, False, False, False, None, 4, 1),
    "Q8": (8, False, True, True, 2, 4, 4),
    "Z2xS3": (12, False, False, True, 2, 2, 1),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_answer_as_json(name):
    found = printed("group", name)
    assert found.keys() >= KEYS
    names = ("order", "abelian", "nilpotent", "solvable", "derived_length", "householder_steps")
    assert tuple(found[key] for key in (*names, "householder_steps_generators")) == KNOWN[name]
    assert found["householder_steps_least_orthogonal"] == found["householder_steps"]
    assert found["diagonal_layers"] == found["derived_length"]
    assert found["eigenvalue_range"] == [-1, 1]
    assert found["eigenvalues_0_to_1_enough"] is False
    assert sum(one["size"] for one in found["conjugacy_classes"]) == found["order"]
    assert sum(found["element_orders"].values()) == found["order"]
    assert found["representation"]["dimension"] == sum(part["dimension"] for part in found["representation"]["parts"])
    exact = [one["horizon"] for one in found["weights"] if one["steps"] == found["householder_steps"]]
    assert found["horizon"] in exact
    assert (found["horizon"] is None) == (name == "Z2")  # signs are exact
    assert found["horizon"] is None or found["horizon"] > 10_000
    assert {one["status"] for one in found["facts"]} <= {PROVED, PUBLISHED, CONDITIONAL, MEASURED}
    assert found["left_out"] == []


def test_a_group_of_one_element_asks_nothing():
    found = printed("group", "Z1")
    assert (found["order"], found["householder_steps"], found["derived_length"]) == (1, 0, 0)
    assert found["eigenvalues_0_to_1_enough"] is True
    assert found["horizon"] is None
    assert found["weights"] == []


def test_three_ways_to_give_a_group_agree(tmp_path):
    path = tmp_path / "a4.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in named_group("A4").table.tolist()), "utf-8")
    found = [printed("group", text) for text in ("A4", "(1 2)(3 4),(1 2 3)", path)]
    for key in ("order", "derived_series", "element_orders", "householder_steps", "exponent", "centre"):
        assert found[0][key] == found[1][key] == found[2][key]


@pytest.mark.parametrize("name", ["S3", "Q8", "A5", "Z1", "Z30", "D361", "S6", "S3xS3xS3", "D200"])
def test_the_text_begins_with_the_answer_and_says_what_is_left_out(name):
    found = answer_group(group_from(name))
    text = group_text(found)
    assert " ".join(text.split()).startswith(headline(found))
    assert all(len(line) <= 118 for line in text.splitlines())
    for one in (*found.facts, *found.weights):
        assert " ".join(one.justification.split()) in " ".join(text.split())
    assert ("not done" in text) == bool(found.left_out) == (name in {"D361", "S6", "S3xS3xS3", "D200"})
    if name == "D361":
        assert found.steps is None
        assert "no characters above 720 elements, and so no count of Householder steps" in found.left_out
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["answer"] == headline(found)


def test_a_count_is_never_said_to_be_a_lower_bound_for_all_weights():
    text = " ".join(group_text(answer_group(named_group("S5"))).split())
    assert "4 Householder steps a token are enough" in text
    assert "no faithful orthogonal representation has fewer" in text
    assert "Whether weights that are not orthogonal do with fewer is not decided here" in text
    assert "impossible" not in text


@pytest.mark.parametrize("name", ["A5", "S5", "S3", "Q8", "Z7", "A5xZ2"])
def test_what_is_conditional_is_tagged_and_only_said_of_groups_that_are_not_solvable(name):
    structure = structure_of(named_group(name))
    facts = facts_of(structure)
    conditional = [one for one in facts if one.status == CONDITIONAL]
    assert [one.name for one in conditional] == ([] if structure.solvable else ["fixed depth"])
    assert all(("NC1" not in one.says) or one.status == CONDITIONAL for one in facts)
    assert any("parity" in one.says for one in facts) == (structure.order % 2 == 0)


def test_what_training_came_to_is_that_of_the_battery():
    for name, (row, steps) in ROWS.items():
        line = BY_NAME[row].sweep
        assert (line["task"]["group"], line["recipe"]["steps"], BY_NAME[row].search["at"]) == (name, steps, [16])
        (fact,) = trained_on_group(name)
        assert fact.status == "measured"
        assert asdict(fact) in printed("group", name)["facts"]
        assert "learned by" in fact.says
        assert "delta-product" in fact.says.split("by no seed of")[0]
    assert trained_on_group("S4") == ()


WRONG = {
    "S7": "group = S7 is not allowed; it must be one of Z1 to Z1000",
    "Z1000xZ1000": "group = Z1000xZ1000 is not allowed: it has more than 1000 elements, the most allowed",
    "(1 2 3": "generator '(1 2 3' is no permutation in cycle notation",
    "(1 2 3 4 5 6 7 8 9 10),(1 2)": "generators give a group of more than 1000 elements, the most allowed",
    "missing.csv": "missing.csv cannot be read: No such file or directory",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_input_is_refused_in_one_line(text, tmp_path):
    assert WRONG[text] in complaint("group", text, cwd=tmp_path)


def test_a_table_that_is_no_group_names_a_triple(tmp_path):
    table = named_group("D6").table.copy()
    table[[1, 2]] = table[[2, 1]]
    (tmp_path / "t.csv").write_text("\n".join(",".join(map(str, row)) for row in table.tolist()), "utf-8")
    line = complaint("group", "t.csv", cwd=tmp_path)
    assert line.startswith("assay: t.csv is no group: ")
    assert len(line) < 200


def test_nothing_heavy_is_imported():
    script = "import sys; from assay.groups.answer import answer_group; from assay.groups import named_group\n"
    script += (
        "answer_group(named_group('S4')); assert not {'torch', 'matplotlib', 'sympy', 'sklearn'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_names_the_command():
    assert "group" in assay("--help").stdout
    assert "multiplication table" in assay("group", "--help").stdout


def test_examples_of_the_page_are_what_the_command_prints():
    examples = re.findall(r"^    \$ assay group (.+)\n    (.+)$", PAGE, re.MULTILINE)
    assert len(examples) >= 3
    for text, answer in examples:
        assert headline(answer_group(group_from(text.strip("'")))) == answer


def test_the_table_of_the_page_is_what_is_computed():
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    names, _, *rows = [[cell.strip() for cell in line.split("|")[2:-1]] for line in lines[:5]]
    for name, *cells in zip(names, *rows, strict=True):
        found = answer_group(named_group(name))
        length = found.structure.derived_length
        layers = "none" if length is None else str(length)
        assert cells == [str(found.steps.count), str(found.steps_generators.count), layers]


def test_horizons_of_the_page_are_what_is_proved():
    (said,) = re.findall(r"A5 ([0-9,]+) tokens, S5 ([0-9,]+)", PAGE)
    for name, number in zip(("A5", "S5"), said, strict=True):
        proved = answer_group(named_group(name)).horizon
        # starts are drawn, and chosen in floating point, which differs between machines
        assert abs(int(number.replace(",", "")) - proved) < 0.1 * proved
    for name in ("S3", "S4"):
        assert f"{answer_group(named_group(name)).weights[-1].horizon:,} tokens" in PAGE


def test_the_python_of_the_page_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "groups.md", "exec"), {})
    assert capsys.readouterr().out == "(120, 4, 5) None\n"


@pytest.mark.parametrize("group", ["Q8", "Z2xS3", "Z2xZ2xZ2"])
def test_the_task_of_words_takes_the_new_names(group):
    task = make_task("group-word", length=8, group=group)
    assert task.spec.answer is not None
    inputs, targets, _ = task.sample(4, seed=0)
    assert targets.max() < named_group(group).order
    assert inputs.max() < len(named_group(group).generators)
