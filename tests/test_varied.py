"""Searches that vary other fields than the width, and lines along the width."""

import json
from dataclasses import replace
from itertools import product

import pytest

from assay.report.boundaries import learned, rows, signs_text
from assay.report.looks import Look
from assay.report.words import sought_text, width_text
from assay.results.frontier import learned_series
from assay.studies.study_file import load_study
from assay.tasks import make_task
from assay.training.search import first_learned
from fresh import assay
from searches import finished, run_of, search_of

HEAD = """
name = "varied"
title = "What varies"
seeds = [0, 1, 2]

[recipe]
steps = 60
batch = 16
validation = 64
test = 128
"""
CAPACITY = """
[sweeps.capacity]
task = { name = "recall", vocabulary = 16 }
along = "width"
search = [
    { architecture = "attention", vary = "pairs", values = [2, 4, 8], at = [4, 8], rates = [0.02] },
    { architecture = "min-gru", vary = "pairs", values = [8, 2, 4], at = [4, 8], rates = [0.02] },
]
"""
SHAPES = """
[sweeps.shapes]
task = { name = "k-hop" }
search = [
    { architecture = "attention", vary = "depth", values = [1, 2], width = 8, at = [6, 8] },
    { architecture = "selective", vary = "states", values = [2, 4], width = 4, at = [6] },
    { architecture = "gru", vary = "loops", values = [1, 2], width = 4, at = [6] },
]
"""


def written(folder, *lines):
    path = folder / "varied.toml"
    path.write_text(HEAD + "".join(lines))
    return path


def test_candidates_are_questions(tmp_path):
    study = load_study(str(written(tmp_path, CAPACITY, SHAPES)))
    capacity, shapes = study.sweeps
    first, _, other, _ = capacity.searches
    assert (first.values, first.field, first.largest, first.name) == ((8, 4, 2), "K", True, "attention")
    assert other.values == first.values
    assert [one.task.pairs for one in first.candidates] == [8, 4, 2]
    assert [one.task.length for one in first.candidates] == [16, 8, 4]  # it follows the pairs
    assert {(search.x, one.width) for search in capacity.searches for one in search.candidates} == {(4, 4), (8, 8)}
    depth, _, states, loops = shapes.searches
    assert (depth.values, depth.field, depth.name) == ((1, 2), "depth", "attention, width 8")
    assert [one.networks.depth for one in depth.candidates] == [1, 2]
    assert [one.networks.options for one in states.candidates] == [(("states", 2),), (("states", 4),)]
    assert (states.field, loops.field, loops.largest) == ("states", "loops", False)
    assert states.place_of(run_of(states.run(1, 0, 0.1), True)) == 1
    stranger = replace(states.candidates[1].networks, options=(("states", 3),))
    assert states.place_of(run_of(replace(states.candidates[1], networks=stranger), True)) is None
    baselines = [(question.task.name, question.about.get("pairs")) for question in study.baselines()]
    assert {("recall", 2), ("recall", 4), ("recall", 8)} < set(baselines)


def played(search, answer):
    """The place of the value that a search ends at."""
    course = first_learned(search)
    questions = next(course)
    while True:
        try:
            questions = course.send([answer(question) for question in questions])
        except StopIteration as stop:
            return stop.value


def of_pairs(values, start=0):
    """A search for the largest number of pairs of recall."""
    tasks = [make_task("recall", pairs=pairs, vocabulary=32) for pairs in values]
    return search_of(values, start, tasks=tasks, field="K", largest=True, x=8)


def test_the_largest_value_is_found_as_the_first():
    search = of_pairs((16, 8, 4, 2), 3)
    most = {0: 8, 1: 4, 2: 8}

    class Answer:
        def __init__(self, question):
            self.verdict = "learned" if question.task.pairs <= most[question.seed] else "not learned"

    assert search.values[played(search, Answer)] == 8


@pytest.mark.parametrize(("found", "said"), [(None, "< 2"), (4, "4"), (16, ">= 16")])
def test_largest_values_are_said_with_their_direction(found, said):
    search = of_pairs((16, 4, 2))
    tried = product(range(3), enumerate(search.values))
    runs = [run_of(search.run(at, seed, 0.1), found is not None and value <= found) for seed, (at, value) in tried]
    (series,) = learned_series([finished(search, found, runs)])
    assert sought_text(series) == "largest K"
    assert width_text(series.points[0], series) == said
    assert series.points[0].seeds == (found,) * 3


ONE = """
[sweeps.one]
task = { name = "sparse-averaging", layout = "last" }
search = [{ architecture = "gru", vary = "sparsity", values = [4, 2], width = 4, at = [8] }]

[sweeps.own]
task = { name = "match3-local", length = 8 }
along = "window"
search = [{ architecture = "window-attention", vary = "window", values = [2, 3], width = 4, at = [1] }]

[sweeps.single]
task = { name = "recall" }
along = "width"
search = [{ architecture = "gru", vary = "pairs", values = [8], at = [4] }]
"""


def test_what_a_value_is_of_is_told_from_the_task(tmp_path):
    one, own, single = load_study(str(written(tmp_path, ONE))).sweeps
    assert sorted({task.tolerance for task in one.learned_tasks()}) == [0.125, 0.25]
    (search,) = own.searches  # the layer's window: the task's is what the sweep goes along
    assert [one.networks.options for one in search.candidates] == [(("window", 2),), (("window", 3),)]
    assert {one.task.window for one in search.candidates} == {1}
    assert not search.largest
    (search,) = single.searches
    assert search.largest


def test_a_study_of_other_fields_and_its_report(tmp_path):
    written(tmp_path, CAPACITY, SHAPES)
    done = assay("run", "varied.toml", "--out", "out", "--tables", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "attention on recall at" in done.stderr
    assert "largest learned K" in done.stderr
    assert "smallest learned depth" in done.stderr
    assert "attention: largest K against m" in done.stdout
    assert "attention, width 8: depth against N" in done.stdout
    page = (tmp_path / "out" / "varied.html").read_text()
    findings = json.loads(page.partition('id="findings">')[2].partition("</script>")[0])
    capacity, shapes = findings["sweeps"]
    assert capacity["task"] == {"name": "recall", "vocabulary": 16, "flat": False, "one": False}
    assert (capacity["columns"], shapes["columns"]) == ({"pairs": "K"}, {"length": "N"})
    series = {one["architecture"]: one for one in capacity["series"]}
    assert [point["x"] for point in series["attention"]["points"]] == [4, 8]
    assert series["attention"]["largest"]
    assert {one["field"] for one in shapes["series"] if one["verdict"] == "learned"} == {"depth", "states", "loops"}
    assert not findings["contradictions"]
    assert (tmp_path / "out" / "varied-figures" / "capacity.summary-largest-K.svg").exists()
    again = assay("run", "varied.toml", "--out", "out", "--tables", cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout == done.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('vary = "depth"', 'vary = "dept"', "did you mean 'depth'"),
        ("values = [1, 2], width = 8", "values = [1, 2]", "it must be given where depth varies"),
        ("values = [1, 2], width = 8", "width = 8", "values = [] is not allowed; it must be given where depth varies"),
        ('vary = "states"', 'options = { states = 2 }, vary = "states"', "states must not be given"),
        ('vary = "depth", values = [1, 2]', 'vary = "depth", values = [1, 2], depth = 2', "depth must not be given"),
        ('vary = "pairs", values = [2, 4, 8]', "lowest = 2", "the sweep goes along it"),
        ('along = "width"', 'along = "width"\nbounds = [4]', "must be left out, since the sweep goes along the width"),
        ("values = [2, 4, 8]", "values = [2, 4, 99]", "pairs = 99 is not allowed"),
        ("values = [2, 4, 8]", "values = [2, 4, 8], width = 4", "width = 4 is not allowed; it must be left out"),
    ],
)
def test_searches_that_cannot_be_are_refused(tmp_path, old, new, said):
    text = written(tmp_path, CAPACITY, SHAPES).read_text()
    assert old in text
    (tmp_path / "varied.toml").write_text(text.replace(old, new, 1))
    done = assay("run", "varied.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr, done.stderr


@pytest.mark.parametrize("found", [None, 4, 16])
def test_charts_of_largest_values_mark_what_is_known_from_one_side(found):
    search = of_pairs((16, 4, 2))
    tried = product(range(3), enumerate(search.values))
    runs = [run_of(search.run(at, seed, 0.1), found is not None and value <= found) for seed, (at, value) in tried]
    series = learned_series([finished(search, found, runs)])
    look = {one.architecture: Look("#000000", "o") for one in series}
    drawn = [learned(one, look[one.architecture], "N", named=False) for one in series]
    assert [said.partition(":")[0] for said in signs_text(drawn).split("; ") if said] == ["arrows"] * (
        found is None
    ) + (["\N{GREATER-THAN OR EQUAL TO}"] * (found == 16))
    (row,) = rows(drawn)
    assert (row.get("arrow"), row.get("sign")) == {
        None: ("down", None),
        4: (None, None),
        16: (None, "\N{GREATER-THAN OR EQUAL TO}"),
    }[found]
