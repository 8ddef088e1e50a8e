"""Comparisons: what a study of tasks by networks asks and makes of the answers, and answers that come with Assay."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assay.report.charts import charts
from assay.report.comparisons import cell_text, comparison_table, gather_comparison, summary_text
from assay.report.findings import gather
from assay.report.page import page_text
from assay.store.ledger_rows import evidence_text
from assay.studies import shipped
from assay.studies.kept import keep_answers, kept_answers
from assay.studies.study_file import load_study, study_of
from assay.training.search import asked_of_all
from fresh import assay
from searches import run_of

STUDY = """
name = "words"
seeds = [0, 1, 2]

[[comparisons]]
title = "Words"
tasks = [
    { name = "language", length = 4, expression = "(ab)*" },
    { name = "language", length = 4, expression = "(aa)*" },
]
recipe = { steps = 12, batch = 8, check_every = 6, test = 64, validation = 32, shortest = 2, test_lengths = [8, 16] }

[[comparisons.networks]]
architecture = "attention"
positions = "none"
width = 4
rates = [0.001, 0.01]

[[comparisons.networks]]
architecture = "lstm"
positions = "none"
width = 4
steps = 6
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "words.toml").write_text(STUDY, "utf-8")
    return load_study(str(tmp_path / "words.toml"))


def answer(question, error, lengths):
    """A run with these errors, and with as large a share of wrong words."""
    tolerance = question.task.mean_tolerance
    detail = {"sequence_error": error, "lengths": lengths, "sequence_lengths": lengths}
    return run_of(question, error <= tolerance, error=error, tolerance=tolerance, detail=detail)


def answered(study, errors):
    """Findings where the runs of a cell have the errors that `errors` says for its task, network, seed and rate."""
    (comparison,) = study.comparisons
    answers = {}
    for cell in comparison.cells:
        for question in next(asked_of_all(cell)):
            named = question.task.expression, question.networks.architecture, question.seed, question.rate
            if (found := errors(*named)) is not None:
                short, middle, long = found
                answers[question.key] = answer(question, short, {"8": middle, "16": long})
    return gather_comparison(comparison, answers)


def test_every_task_is_asked_of_every_network_by_every_seed_at_every_rate(study):
    (comparison,) = study.comparisons
    firsts = [cell.candidates[0] for cell in comparison.cells]
    assert [(one.task.expression, one.networks.architecture, one.width) for one in firsts] == [
        ("(ab)*", "attention", 4),
        ("(ab)*", "lstm", 4),
        ("(aa)*", "attention", 4),
        ("(aa)*", "lstm", 4),
    ]
    asked = [question for search in study.searches() for question in next(asked_of_all(search))]
    assert len({question.key for question in asked}) == len(asked) == 2 * 3 * (2 + 1)
    assert {question.recipe.steps for question in asked if question.networks.architecture == "lstm"} == {6}
    assert {question.recipe.distribution for question in asked} == {"half"}
    assert len(study.baselines()) == 2
    assert len({search.name for search in study.searches()}) == 4


def test_reach_is_the_longest_length_that_most_seeds_hold_at_the_rate_that_is_best_at_the_length_of_training(study):
    runs = {  # the better rate at the length of training counts, whatever holds beyond it
        (0, 0.001): (0.02, 0.0, 0.0),
        (0, 0.01): (0.01, 0.03, 0.2),
        (1, 0.001): (0.0, 0.02, 0.04),
        (1, 0.01): (0.5, 0.5, 0.5),
        (2, 0.001): (0.04, 0.04, 0.3),
        (2, 0.01): (0.3, 0.0, 0.0),
    }
    found = answered(study, lambda word, layer, seed, rate: runs[seed, rate] if layer == "attention" else (0, 0, 0))
    trained = found.rows[0].cells[0].trained
    assert (trained.learned, trained.seeds, trained.error) == (3, 3, 0.01)
    assert trained.lengths == {8: 0.03, 16: 0.2}
    assert trained.reach == 8
    assert cell_text(found.rows[0].cells[0], found) == "to 8, 0.800"


def test_decisions_and_training_are_held_against_each_other(study):
    def errors(expression, layer, seed, rate):
        if layer == "lstm":
            return (0.5, 0.5, 0.5) if expression == "(ab)*" else (0.0, 0.0, 0.01)
        return (0.0, 0.0, 0.5) if expression == "(ab)*" else (0.0, 0.02, 0.01)

    found = answered(study, errors)
    assert [[cell.agrees for cell in row.cells] for row in found.rows] == [[False, False], [False, True]]
    assert [row.decided for row in found.rows] == ["C-RASP", "not star-free"]
    assert (found.agree, found.decided, found.unanswered) == (1, 4, 0)
    beyond, though, unlearned = found.disagreements
    assert beyond == (
        "attention, width 4: can, and learned length 4, but training found weights that do not hold up to 16: "
        "(ab)* (0.5 wrong). In C-RASP, by a program of depth 2."
    )
    assert though.startswith("attention, width 4: cannot do all words at all lengths, but has nearly all answers right")
    assert "(aa)* (0.01 wrong). Such attention does what C-RASP does" in though
    assert unlearned.startswith("lstm, width 4: can, but did not learn it within this budget; whether budget, size")
    means = {kind.decided: kind.right for kind in found.kinds}
    assert means == {"C-RASP": (0.5, 0.5), "not star-free": (0.99, 0.99)}
    assert summary_text(found).startswith("Training agrees with 1 of 4 decisions")


def test_a_shallow_network_is_said_to_be_shallow(study):
    found = answered(study, lambda *_: (0.5, 0.5, 0.5))
    (first, *_) = found.disagreements
    assert "can at a depth that is known, but did not learn it at depth 1 within this budget: (ab)*" in first


def test_cells_without_all_runs_say_how_many_are_left(study):
    found = answered(study, lambda word, layer, seed, rate: (0, 0, 0) if (seed, rate) != (2, 0.01) else None)
    assert found.unanswered == 4
    assert found.decided == 0
    assert cell_text(found.rows[0].cells[0], found) == "1 run left"
    assert summary_text(found) == "4 runs not finished."


def test_every_sentence_is_on_the_page_and_in_the_terminal(study):
    findings = gather(study, [], "assay run words.toml")
    assert "18 runs not finished" not in page_text(replace(findings, comparisons=()), charts(findings))
    page = page_text(findings, charts(findings))
    assert page.count("18 runs not finished") == 2  # at the head, and where the comparison stands
    whole = answered(study, lambda *_: (0.5, 0.5, 0.5))
    page = page_text(replace(findings, comparisons=(whole,)), charts(findings))
    for sentence in whole.disagreements:
        assert sentence in page.replace("&#39;", "'")
    assert len(comparison_table(whole).rows) == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('expression = "(aa)*" }', 'expression = "(aa" }', "comparisons[0].tasks: "),
        ('expression = "(aa)*" }', 'expression = "(ab)*" }', "has an entry twice"),
        ('{ name = "language", length = 4, expression = "(aa)*" }', '{ name = "k-hop", length = 4 }', "have one name"),
        ('title = "Words"\n', "", "comparisons[0] has no title"),
        ("width = 4\nsteps", "width = 0\nsteps", "comparisons[0].networks[1].width = 0 is not allowed"),
        ('"lstm"\npositions = "none"\nwidth = 4\nsteps = 6', '"attention"\npositions = "none"\nwidth = 4', "different"),
        ("shortest = 2,", 'distribution = "no",', "distribution 'no' is not known"),
        ('"(aa)*" }', '"aa" }', "'half' inputs of"),
    ],
)
def test_a_wrong_comparison_is_refused(old, new, says, tmp_path):
    assert old in STUDY
    (tmp_path / "words.toml").write_text(STUDY.replace(old, new), "utf-8")
    done = assay("run", "words.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["words.toml"]


def test_a_comparison_runs_from_the_command_line_and_goes_on_where_it_stopped(tmp_path):
    (tmp_path / "words.toml").write_text(STUDY.replace("[0, 1, 2]", "[0]").replace("length = 4", "length = 7"), "utf-8")
    first = assay("run", "words.toml", "--json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert found["new"] == 6
    (compared,) = found["comparisons"]
    assert [cell["trained"]["seeds"] for row in compared["rows"] for cell in row["cells"]] == [1] * 4
    assert {*compared["rows"][0]["cells"][0]["trained"]["lengths"]} == {"8", "16"}
    again = json.loads(assay("run", "words.toml", "--json", cwd=tmp_path).stdout)
    assert again["new"] == 0
    assert again["comparisons"] == found["comparisons"]
    assert "<h2>Words</h2>" in (tmp_path / found["report"]).read_text("utf-8")


def test_kept_answers_are_what_was_kept_and_the_same_pieces_make_the_same_file(study, tmp_path):
    (comparison,) = study.comparisons
    cell = comparison.cells[0]
    questions = next(asked_of_all(cell))
    pieces = [answer(question, 0.25, {"8": 0.5}) for question in questions]
    assert kept_answers("words", tmp_path) == {}
    keep_answers("words", pieces, tmp_path)
    before = (tmp_path / "words.jsonl.gz").read_bytes()
    keep_answers("words", reversed(pieces), tmp_path)
    assert (tmp_path / "words.jsonl.gz").read_bytes() == before
    kept = kept_answers("words", tmp_path)
    assert {key: evidence_text(piece) for key, piece in kept.items()} == {p.key: evidence_text(p) for p in pieces}


@pytest.mark.parametrize("name", ["languages", "groups"])
def test_shipped_comparisons_ask_four_networks_within_the_whole_table(name):
    part, whole = load_study(name), load_study(f"{name}-whole")
    keys = [{q.key for search in s.searches() for q in next(asked_of_all(search))} for s in (part, whole)]
    assert keys[0] < keys[1]
    assert {len(row.cells) for c in part.comparisons for row in gather_comparison(c, {}).rows} == {4}
    assert name in shipped()


def test_classes_of_the_shipped_languages_are_three_of_each():
    (comparison,) = load_study("languages").comparisons
    kinds = [row.decided for row in gather_comparison(comparison, {}).rows]
    assert kinds == [kind for kind in ("R-trivial", "C-RASP", "star-free", "not star-free") for _ in range(3)]
    assert study_of({"name": "x", "comparisons": []} | {"memory": {"dimensions": [8]}}, "x", Path()).comparisons == ()


def test_half_of_the_seeds_are_not_most(study, tmp_path):
    (tmp_path / "two.toml").write_text(STUDY.replace("[0, 1, 2]", "[0, 1]"), "utf-8")
    two = load_study(str(tmp_path / "two.toml"))
    found = answered(two, lambda word, layer, seed, rate: (0.0, 0.0, 0.09 * seed))  # the median is .045
    assert {cell.trained.reach for row in found.rows for cell in row.cells} == {8}


def test_a_test_length_that_training_has_is_refused(tmp_path):
    (tmp_path / "words.toml").write_text(STUDY.replace("test_lengths = [8, 16]", "test_lengths = [4]"), "utf-8")
    done = assay("run", "words.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "test_lengths = 4 is not allowed; it must be above the length of training, 4" in done.stderr
