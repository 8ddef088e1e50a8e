"""A study of Boolean functions: run, read again, refused; what its page says, and how a contradiction is found."""

import json
import math
import re
from fractions import Fraction

import pytest

from assay.booleans.symmetric_heads import check_symmetric_heads
from assay.questions.boolean import ImpossibleHeads
from assay.report.boolean_findings import gather_boolean
from assay.store.ledger import Ledger
from assay.studies.study_file import load_study
from fresh import assay
from test_study_files import refusals

SMALL = """
name = "small"
title = "Small functions"
seeds = [0, 1]

[boolean]
functions = ["parity", "half", "multiplexer"]
inputs = [3, 4]
margins = [4, 10]

[[boolean.trained]]
inputs = [3, 4]
restarts = 8
steps = 100
extra = 0

[boolean.backbone]
inputs = [3]
width = 4
steps = 20
"""


def written(folder, text=SMALL):
    (folder / "small.toml").write_text(text, "utf-8")
    return folder / "small.toml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of the study, answered, and what was printed."""
    folder = tmp_path_factory.mktemp("small")
    done = assay("run", written(folder), "--out", folder, "--workers", 2, "--json")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_every_question_is_answered_and_found(finished):
    folder, printed = finished
    plan = load_study(str(folder / "small.toml")).boolean
    # of 3 bits there is no half, of 4 no multiplexer
    trained, backbone, bounds, explicit = (3 + 2) + (4 + 2), 2 * 2, 2 + 2, 2 + 2 + 2
    assert printed["new"] == len(list(plan.questions())) == trained + backbone + bounds + explicit
    found = printed["boolean"]
    assert found["unanswered"] == 0
    assert found["refuted"] == printed["contradictions"] == []
    assert [(one["function"], one["inputs"], one["needed"], one["constructed"]) for one in found["heads"]] == [
        ("parity", 3, 3, 3),
        ("parity", 4, 4, 4),
        ("half", 4, 2, 2),
        ("multiplexer", 3, 2, 2),
    ]
    for one in found["heads"]:
        assert one["learned"] is None or one["needed"] <= one["learned"] <= one["tried"]
        assert one["tried"] == one["needed"]
        assert (one["backbone"] is None) is (one["inputs"] == 4)


def test_errors_are_never_below_what_is_proved(finished):
    errors = finished[1]["boolean"]["errors"]
    assert len(errors) == 11
    for one in errors:
        assert one["least"] <= one["trained"] == one["wrong"][0] / 2 ** one["inputs"]
        assert list(one["wrong"]) == sorted(one["wrong"])
    parity = {one["heads"]: one["least"] for one in errors if (one["function"], one["inputs"]) == ("parity", 4)}
    assert parity == {1: 5 / 16, 2: 2 / 16, 3: 1 / 16, 4: 0}  # sums of binomials, by hand


def test_margins_are_those_of_their_certificates(finished):
    folder, printed = finished
    margins = {(one["function"], one["inputs"]): one for one in printed["boolean"]["margins"]}
    assert set(margins) == {("parity", 3), ("parity", 4), ("parity", 10), ("half", 4), ("half", 10)}
    with Ledger(folder / "ledger.sqlite", create=False) as ledger:
        pieces = [piece for piece in ledger if piece.question["asked"] == "constructed"]
    for piece in pieces:
        detail, key = piece.detail, (piece.question["function"], piece.question["inputs"])
        assert math.log2(1 / Fraction(detail["margin"])) == pytest.approx(detail["bits"])
        if key in margins:
            assert check_symmetric_heads(detail["certificate"]) == Fraction(detail["margin"])
            assert margins[key]["bits"] == detail["bits"]
        else:
            assert key == ("multiplexer", 3)


def test_the_page_holds_charts_answers_and_tables(finished):
    folder, printed = finished
    page = (folder / "small.html").read_text("utf-8")
    for name in ("boolean-heads", "boolean-errors", "boolean-margins"):
        assert f'data-chart="{name}"' in page
    text = re.sub(r"<[^>]+>", "", page)
    assert printed["boolean"]["answer"] in text
    assert printed["boolean"]["answer"].startswith(
        "Heads of one softmax layer, before a linear threshold: parity of 4 "
    )
    assert "not answered yet" not in text
    for one in printed["boolean"]["margins"]:
        assert f"{one['bits']:.1f}" in text


def test_the_same_command_asks_nothing_again_and_reports_the_same(finished):
    folder, printed = finished
    again = json.loads(assay("run", folder / "small.toml", "--out", folder, "--json").stdout)
    assert again["new"] == 0
    assert again["boolean"] == printed["boolean"]
    text = assay("run", folder / "small.toml", "--out", folder)
    assert text.returncode == 0
    assert printed["boolean"]["answer"] in " ".join(text.stdout.split())


def test_what_is_not_answered_is_said(finished, tmp_path):
    folder, _ = finished
    plan = load_study(str(folder / "small.toml")).boolean
    nothing = gather_boolean(plan, {})
    assert nothing.answer == "Nothing is answered yet."
    assert nothing.unanswered == len(list(plan.questions()))
    assert nothing.errors == nothing.margins == ()
    question = ImpossibleHeads("half", 4)
    some = gather_boolean(plan, {question.key: question.answer()})
    assert some.answer.endswith("half of 4 bits: 2 needed.")
    path = written(tmp_path)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add(question.answer())
    assert assay("report", path, "--out", tmp_path).returncode == 0
    page = (tmp_path / "small.html").read_text("utf-8")
    assert f"{some.unanswered} questions are not answered yet." in re.sub(r"<[^>]+>", "", page)


@pytest.mark.parametrize("exact", [True, False])
def test_a_network_that_beats_the_bound_is_a_contradiction_if_its_answers_are_exact_and_else_is_said_to_round(
    finished, tmp_path, exact
):
    """Made up: 3 heads are right on all words of the parity of 4 bits."""
    path = written(tmp_path)
    plan = load_study(str(path)).boolean
    bound, question = ImpossibleHeads("parity", 4), plan.learned(plan.trained[0], "parity", 4, 3)
    claimed = question.answer()
    claimed.detail["seeds"] = [{"seed": seed, "wrong": 0, "steps": 5, "exact": exact} for seed in (0, 1)]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add(bound.answer())
        ledger.add(claimed)
    done = assay("report", path, "--out", tmp_path, "--json")
    found = json.loads(done.stdout)
    said = "3 heads of parity, n = 4, are wrong on a share of 0 in exact arithmetic, but at least 0.0625 is proved"
    assert found["contradictions"] == ([said] if exact else [])
    assert done.returncode == (1 if exact else 0)
    assert (said in (tmp_path / "small.html").read_text("utf-8")) is exact
    parity = next(one for one in found["boolean"]["heads"] if (one["function"], one["inputs"]) == ("parity", 4))
    assert parity["learned"] == (3 if exact else None)
    assert ("0 (by rounding)" in (tmp_path / "small.html").read_text("utf-8")) is not exact


WRONG = [
    ('"half"', '"hlf"', "boolean.functions[1]: function 'hlf' is not known; did you mean 'half'?"),
    ('"half"', '"parity"', "boolean.functions: ['parity', 'parity', 'multiplexer'] has an entry twice"),
    ('["parity", "half", "multiplexer"]', "[]", "boolean.functions = [] is not allowed"),
    ("inputs = [3, 4]\nmargins", "inputs = [9]\nmargins", "boolean.inputs = [9] is not allowed; it must be a list"),
    ("margins = [4, 10]", "margins = [0]", "boolean.margins = [0] is not allowed; it must be a"),
    ("inputs = [3, 4]\nrestarts", "inputs = []\nrestarts", "trained[0].inputs = [] is not allowed; it must be"),
    ("restarts = 8", "restarts = 0", "trained[0].restarts = 0 is not allowed; it must be an integer from 1 to 1024"),
    ("steps = 100", "steps = 0", "boolean.trained[0].steps = 0 is not allowed; it must be an integer from 1 to 100000"),
    ("extra = 0", "extra = 25", "trained[0].extra = 25 is not allowed; it must be an integer from 0 to 24"),
    ("width = 4", "heads = 3\nwidth = 4", "boolean.backbone.width = 4 is not allowed; it must be a multiple of heads"),
    ("extra = 0", "extr = 0", "boolean.trained[0].key 'extr' is not known; did you mean 'extra'?"),
]


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_a_wrong_table_is_refused_in_one_line_with_the_value_and_what_is_allowed(old, new, says, tmp_path):
    assert old in SMALL
    lines = refusals(tmp_path, SMALL.replace(old, new, 1))
    assert len(lines) == 1
    assert says in lines[0]


def test_a_table_that_asks_nothing_is_refused(tmp_path):
    (line,) = refusals(tmp_path, 'name = "small"\n[boolean]\nfunctions = ["parity"]\n')
    assert "nothing is asked; boolean has inputs, margins, trained or backbone" in line


def test_the_shipped_study_asks_for_every_number_of_heads():
    plan = load_study("boolean").boolean
    questions = list(plan.questions())
    assert len({question.key for question in questions}) == len(questions)
    asked = {(q.function, q.inputs, q.heads) for q in questions if q.asked == "learned"}
    assert {heads for name, n, heads in asked if (name, n) == ("parity", 8)} == set(range(1, 10))
    assert {heads for name, n, heads in asked if (name, n) == ("mod-3", 8)} == set(range(1, 7))
    assert {n for name, n, _ in asked if name == "multiplexer"} == {3, 6}
    quick = load_study("boolean", quick=True).boolean
    assert len(list(quick.questions())) < len(questions) / 3
