"""Grids: every value, every seed, every rate; the error that bounds leave; and state against the size of the task."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import SparseAveraging
from assay.bounds import BOUNDS
from assay.report.states import state_charts
from assay.resources import Resources
from assay.results.grids import grids_of, least_error
from assay.studies.course import search_course
from assay.studies.study_file import load_study
from assay.tasks.recall import Recall
from assay.training.search import asked_of_all
from fresh import assay
from searches import asked, finished, run_of, search_of

AVERAGING = SparseAveraging(length=16, sparsity=2, layout="last")
STUDY = """
name = "gridded"
seeds = [0, 1]

[recipe]
steps = 20
batch = 16
validation = 64
test = 128

[sweeps.rows]
task = { name = "sparse-averaging", sparsity = 2, layout = "last" }

[[sweeps.rows.grid]]
architecture = "feed-forward"
values = [12, 8]
at = [16]
rates = [0.01, 0.003]

[sweeps.state]
task = { name = "recall", vocabulary = 32 }
along = "pairs"

[[sweeps.state.grid]]
architecture = "min-gru"
values = [2, 4]
at = [8]
axis = "state bits"

[[sweeps.state.grid]]
architecture = "delta-net"
vary = "key_width"
values = [2, 4]
width = 4
at = [8]
axis = "state bits"

[[sweeps.state.grid]]
architecture = "attention"
vary = "heads"
values = [1, 4]
width = 8
at = [4]
axis = "parameters"
"""


def written(folder, text=STUDY):
    path = folder / "gridded.toml"
    path.write_text(text)
    return path


@given(st.integers(1, 20), st.sampled_from(("gaussian", "sign")))
def test_the_least_error_is_where_the_bound_stops_binding(rows, distribution):
    bound, network = BOUNDS["feed-forward-rank-mean"](), Resources(precision=32, first_layer=rows)
    least = least_error(bound, AVERAGING, network, distribution)

    def binds(error):
        return bound.check(AVERAGING, network, error=error, distribution=distribution).status == "binds"

    assert binds(least * 0.999) is (least > 0)
    assert not binds(least + 1e-6)
    assert (least == 0) is (rows >= 16 or not binds(1e-6))


def test_every_value_is_asked_of_every_seed_at_every_rate(tmp_path):
    rows, state = load_study(str(written(tmp_path))).sweeps
    runs = [question for search in rows.searches for batch in asked_of_all(search) for question in batch]
    found = {(question.width, question.seed, question.rate) for question in runs}
    assert found == {(width, seed, rate) for width in (8, 12) for seed in (0, 1) for rate in (0.01, 0.003)}
    assert len(runs) == 8
    heads = [search for search in state.searches if search.field == "heads"]
    assert [search.candidates[0].networks.head_width for search in heads] == [0, 2]
    assert {search.x for search in state.searches} == {4, 8}
    labels = [search_course(search).label for line in (rows, state) for search in line.searches]
    assert len(set(labels)) == len(labels)


def run(width, seed, rate, error, task=AVERAGING):
    question = asked(width, seed, rate, task=task)
    return run_of(question, error <= 0.25, error=error, family="feed-forward", state=width // 2)


def test_of_several_rates_the_best_counts():
    def gridded(width, runs, **more):
        search = search_of(
            (width,), seeds=(0, 1), rates=(0.1, 0.2), question=asked(task=AVERAGING), x=3, grid=True, **more
        )
        return finished(search, None, runs)

    narrow = tuple(run(8, seed, rate, 0.5 + rate) for seed in (0, 1) for rate in (0.1, 0.2))
    wide = run(16, 0, 0.1, 0.3), run(16, 0, 0.2, 0.2), run(16, 1, 0.1, 0.4), run(16, 1, 0.2, 0.5)
    (grid,) = grids_of([gridded(16, wide), gridded(8, narrow)])
    assert (grid.x, grid.axis) == (3, "width")
    small, large = grid.curves[0].points
    assert (small.errors, small.learned, small.bound) == ((0.6, 0.6), 0, "feed-forward-rank-mean")
    assert 0.4 < small.floor < 0.6
    assert (large.errors, large.learned, large.floor, large.bound) == ((0.2, 0.4), 1, 0.0, "")
    (same,) = grids_of([gridded(16, wide, axis="state bits"), gridded(8, narrow, axis="state bits")])
    assert [point.at for point in same.curves[0].points] == [4 * 32, 8 * 32]
    assert [point.at for point in grid.curves[0].points] == [8, 16]


def averaging_run(length, width, learned):
    task = SparseAveraging(length=length, sparsity=2, layout="last")
    return run(width, 0, 0.1, 0.2 if learned else 0.4, task)


def test_state_is_drawn_against_what_is_remembered():
    tasks = [SparseAveraging(length=n, sparsity=2, layout="last") for n in (8, 16, 32)]
    ends = [
        finished(
            search_of((4, 8, 16), seeds=(0,), question=asked(task=task), x=task.length),
            found,
            [averaging_run(task.length, found or 16, found is not None)],
        )
        for task, found in zip(tasks, (4, 8, None), strict=True)
    ]
    (chart,) = state_charts(ends, "N", "gaussian")
    held = chart.learned["feed-forward"]
    assert [(point.at, point.bits, point.censored) for point in held] == [
        (8, 64, False),
        (16, 128, False),
        (32, 256, True),
    ]
    bound = BOUNDS["recurrent-state-mean"]()
    needed = [(task.length, bound.amount(task, 0.25, "gaussian", Resources(precision=1))) for task in tasks]
    assert chart.required["recurrent-state-mean"] == tuple(needed)
    stateless = [
        replace(end, runs=tuple(replace(one, size=replace(one.size, state=0)) for one in end.runs)) for end in ends
    ]
    assert state_charts(stateless, "N", "gaussian") == []


def test_of_tasks_that_share_a_place_the_least_is_required():
    """A search for the largest K at two vocabularies: no learned point may lie in what only the larger one requires."""
    ends = []
    for vocabulary in (16, 1024):
        tasks = [Recall(pairs=pairs, vocabulary=vocabulary) for pairs in (8, 4)]
        first, found = asked(4, task=tasks[0]), 8 if vocabulary == 16 else 4
        search = search_of(
            (8, 4), seeds=(0,), rates=(0.1,), question=first, tasks=tasks, field="K", largest=True, x=vocabulary
        )
        ends.append(finished(search, found, [run(4, 0, 0.1, 0.2, Recall(pairs=found, vocabulary=vocabulary))]))
    (chart,) = state_charts(ends, "V", "uniform")
    assert sorted((point.at, point.more) for point in chart.learned["feed-forward"]) == [(4, False), (8, True)]
    bound, small = BOUNDS["recall-state"](), [Recall(pairs=pairs, vocabulary=16) for pairs in (4, 8)]
    assert chart.required["recall-state"] == tuple(
        (task.pairs, bound.amount(task, 0.05, "uniform", Resources(precision=1))) for task in small
    )


def test_a_study_of_sweeps_and_its_report(tmp_path):
    written(tmp_path)
    done = assay("run", "gridded.toml", "--out", "out", "--tables", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "grid: width 8, feed-forward on sparse-averaging" in done.stderr
    assert "feed-forward-rank-mean" in done.stdout
    page = (tmp_path / "out" / "gridded.html").read_text()
    findings = json.loads(page.partition('id="findings">')[2].partition("</script>")[0])
    assert not findings["contradictions"]
    rows, state = (line["grids"] for line in findings["sweeps"])
    assert [point["floor"] > 0.25 for curve in rows[0]["curves"] for point in curve["points"]] == [True, True]
    shared = {grid["x"]: [curve["architecture"] for curve in grid["curves"]] for grid in state}
    assert shared == {8: ["min-gru", "delta-net, width 4"], 4: ["attention, width 8"]}
    figures = {path.name for path in (tmp_path / "out" / "gridded-figures").iterdir()}
    assert {"rows.grid-width-16.svg", "state.grid-state-bits-8.svg", "state.grid-parameters-4.svg"} <= figures
    again = assay("run", "gridded.toml", "--out", "out", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["new"] == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("values = [12, 8]\n", "", "values = [] is not allowed; it must be given where width varies"),
        ("values = [1, 4]", "values = [1, 3]", "width = 8 is not allowed; it must be a multiple of heads = 3"),
        ('vary = "heads"', 'vary = "heads"\nhead_width = 2', "head_width must not be given, since heads varies"),
        ("values = [12, 8]", "values = [12, 100001]", "integers from 1 to 100000"),
        ('axis = "parameters"', 'axis = "seconds"', "it must be one of state bits, parameters, width"),
        ('architecture = "attention"', 'architecture = "min-gru"', "heads"),
        ("at = [16]", "at = [16]\nstart = 8", "start"),
    ],
)
def test_sweeps_that_cannot_be_are_refused(tmp_path, old, new, said):
    assert old in STUDY
    written(tmp_path, STUDY.replace(old, new, 1))
    done = assay("run", "gridded.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr, done.stderr


FAULTY = """
import torch
class Wide(torch.nn.Module):
    causal = True
    def __init__(self, width):
        super().__init__()
        self.width, self.map = width, torch.nn.Linear(width, width)
    def forward(self, x):
        if self.width == 8 and x.shape[0] > 2:
            raise RuntimeError("not this one")
        return self.map(x)
"""


def test_a_size_that_fails_costs_no_other(tmp_path):
    (tmp_path / "faulty.py").write_text(FAULTY)
    text = (
        STUDY.partition("[sweeps.rows]")[0]
        + """
[sweeps.copy]
task = { name = "copy", alphabet = 8 }
[[sweeps.copy.grid]]
architecture = "faulty.py:Wide"
values = [2, 8, 4]
at = [8]
"""
    )
    written(tmp_path, text)
    done = assay("run", "gridded.toml", "--out", "out", "--json", cwd=tmp_path)
    assert done.returncode == 70, done.stderr
    found = json.loads(done.stdout)
    (grid,) = found["sweeps"][0]["grids"]
    assert [point["value"] for point in grid["curves"][0]["points"]] == [2, 4]
    assert ["width 8" in failure["what"] for failure in found["failures"]] == [True]


def test_curves_of_other_parameters_of_the_task_say_them(tmp_path):
    text = (
        STUDY.partition("[sweeps.rows]")[0]
        + """
[sweeps.copy]
task = { name = "copy" }
[[sweeps.copy.grid]]
architecture = "min-gru"
values = [2, 4]
at = [8]
[[sweeps.copy.grid]]
architecture = "min-gru"
vary = "alphabet"
values = [4, 64]
width = 4
at = [8]
"""
    )
    (line,) = load_study(str(written(tmp_path, text))).sweeps
    assert {search.name for search in line.searches} == {"min-gru, A = 8", "min-gru, width 4"}


def test_a_line_along_the_width_has_widths_that_can_be_split(tmp_path):
    text = (
        STUDY.partition("[sweeps.rows]")[0]
        + """
[sweeps.most]
task = { name = "recall", vocabulary = 32 }
along = "width"
search = [{ architecture = "attention", head_width = 4, vary = "pairs", values = [2, 4], at = [10] }]
"""
    )
    written(tmp_path, text)
    done = assay("run", "gridded.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "at = 10 is not allowed; it must be a width, and a multiple of head_width = 4" in done.stderr
