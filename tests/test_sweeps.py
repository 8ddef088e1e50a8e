"""Sweeps: every value, every seed, every rate; the error that bounds leave; and state against the size of the task."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import Evidence, Match2, Size, SparseAveraging
from assay.bounds import BOUNDS
from assay.frontier import SearchEnd, learned_series
from assay.learning.search import Unit, asked_of_all
from assay.report.states import state_charts
from assay.resources import Resources
from assay.studies.study import load_study
from assay.sweeps import least_error, sweeps_of
from assay.tasks.recall import Recall
from fresh import assay

AVERAGING = SparseAveraging(length=16, sparsity=2, layout="last")
STUDY = """
name = "swept"
seeds = [0, 1]

[recipe]
steps = 20
batch = 16
validation = 64
test = 128

[lines.rows]
task = { name = "sparse-averaging", sparsity = 2, layout = "last" }

[[lines.rows.sweep]]
architecture = "feed-forward"
values = [12, 8]
at = [16]
rates = [0.01, 0.003]

[lines.state]
task = { name = "recall", vocabulary = 32 }
along = "pairs"

[[lines.state.sweep]]
architecture = "min-gru"
values = [2, 4]
at = [8]
axis = "state bits"

[[lines.state.sweep]]
architecture = "delta-net"
vary = "key_width"
values = [2, 4]
width = 4
at = [8]
axis = "state bits"

[[lines.state.sweep]]
architecture = "attention"
vary = "heads"
values = [1, 4]
width = 8
at = [4]
axis = "parameters"
"""


def written(folder, text=STUDY):
    path = folder / "swept.toml"
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
    rows, state = load_study(str(written(tmp_path))).lines
    (unit,) = (search.unit for search in rows.searches)
    (asked,) = asked_of_all(unit)
    runs = {(question["width"], question["seed"], question["rate"]) for question in asked}
    assert runs == {(width, seed, rate) for width in (8, 12) for seed in (0, 1) for rate in (0.01, 0.003)}
    assert len(asked) == 8
    heads = state.searches[2].unit
    assert [heads.at(rung)["head_width"] for rung in range(2)] == [0, 2]
    assert {search.x for search in state.searches} == {4, 8}


def run(width, seed, rate, error, task=AVERAGING):
    return Evidence(
        question={
            "kind": "training", "architecture": "feed-forward", "width": width, "seed": seed, "rate": rate,
            "recipe": {"distribution": "gaussian"},
        },
        task=task.to_json(), family="feed-forward", architecture="feed-forward", source="training",
        size=Size(width=width, parameters=10 * width, state=width // 2),
        verdict="learned" if error <= 0.25 else "not learned", error_kind="mean", error=error, tolerance=0.25,
        rests_on="a test",
    )  # fmt: skip


def test_of_several_rates_the_best_counts():
    unit = Unit({}, (8, 16), 0, (0, 1), (0.1, 0.2), name="feed-forward", sweep=True)
    runs = [run(8, seed, rate, 0.5 + rate) for seed in (0, 1) for rate in (0.1, 0.2)]
    runs += [run(16, 0, 0.1, 0.3), run(16, 0, 0.2, 0.2), run(16, 1, 0.1, 0.4), run(16, 1, 0.2, 0.5)]
    (sweep,) = sweeps_of([(3, "", unit, tuple(runs))])
    assert (sweep.x, sweep.axis, sweep.tolerance) == (3, "width", 0.25)
    small, large = sweep.curves[0].points
    assert (small.errors, small.learned, small.bound) == ((0.6, 0.6), 0, "feed-forward-rank-mean")
    assert 0.4 < small.floor < 0.6
    assert (large.errors, large.learned, large.floor, large.bound) == ((0.2, 0.4), 1, 0.0, "")
    (same,) = sweeps_of([(3, "state bits", unit, tuple(runs))])
    assert [point["at"] for point in same.to_json()["curves"][0]["points"]] == [4 * 32, 8 * 32]
    assert [point["at"] for point in sweep.to_json()["curves"][0]["points"]] == [8, 16]


def test_state_is_drawn_against_what_is_remembered():
    ends = [
        SearchEnd(x, Unit({}, (4, 8, 16), 0, (0,), (0.1,)), found, (run(found or 16, 0, 0.1, 0.2 if found else 0.4),))
        for x, found in ((8, 4), (16, 8), (32, None))
    ]
    tasks = [SparseAveraging(length=n, sparsity=2, layout="last") for n in (8, 16, 32)]
    series = learned_series(ends)
    (chart,) = state_charts(series, "N", tasks, "gaussian")
    held = chart.learned["feed-forward"]
    assert [(point.at, point.bits, point.censored) for point in held] == [
        (8, 64, False),
        (16, 128, False),
        (32, 256, True),
    ]
    needed = [BOUNDS["recurrent-state-mean"]().amount(task, 0.25, "gaussian", Resources(precision=1)) for task in tasks]
    assert chart.required["recurrent-state-mean"] == [
        (task.length, bits) for task, bits in zip(tasks, needed, strict=True)
    ]
    unit = Unit({}, (16, 8, 4), 0, (0,), (0.1,), "K", ({"width": 16}, {"width": 8}, {"width": 4}), largest=True)
    most = learned_series(
        [SearchEnd(2, unit, 16, (run(16, 0, 0.1, 0.2),)), SearchEnd(3, unit, 8, (run(8, 0, 0.1, 0.2),))]
    )
    (chart,) = state_charts(most, "m", [Recall(pairs=4)], "uniform")
    assert [(point.at, point.more) for point in chart.learned["feed-forward"]] == [(16, True), (8, False)]
    stateless = [replace(one, points=tuple(replace(p, state_bits=0) for p in one.points)) for one in series]
    assert state_charts(stateless, "N", [Match2(length=8)], "uniform") == []


def test_a_study_of_sweeps_and_its_report(tmp_path):
    written(tmp_path)
    done = assay("run", "swept.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "width (8, 12) swept (8 runs)" in done.stderr
    assert "feed-forward-rank-mean" in done.stdout
    page = (tmp_path / "out" / "swept.html").read_text()
    findings = json.loads(page.partition('id="findings">')[2].partition("</script>")[0])
    assert not findings["contradictions"]
    rows, state = (line["sweeps"] for line in findings["lines"])
    assert [point["floor"] > 0.25 for curve in rows[0]["curves"] for point in curve["points"]] == [True, True]
    shared = {sweep["x"]: [curve["architecture"] for curve in sweep["curves"]] for sweep in state}
    assert shared == {8: ["min-gru", "delta-net, width 4"], 4: ["attention, width 8"]}
    figures = {path.name for path in (tmp_path / "out" / "swept-figures").iterdir()}
    assert {"rows.sweep-width-16.svg", "state.sweep-state-bits-8.svg", "state.sweep-parameters-4.svg"} <= figures
    again = assay("run", "swept.toml", "--out", "out", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["new"] == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("values = [12, 8]\n", "", "values = [] is not allowed; it must be given where width varies"),
        ("values = [1, 4]", "values = [1, 3]", "width = 8 is not allowed; it must be a multiple of heads = 3"),
        ('vary = "heads"', 'vary = "heads"\nhead_width = 2', "head_width must not be given, since heads varies"),
        ('axis = "parameters"', 'axis = "seconds"', "it must be one of state bits, parameters, width"),
        ('architecture = "attention"', 'architecture = "min-gru"', "heads"),
        ("at = [16]", "at = [16]\nstart = 8", "start"),
    ],
)  # fmt: skip
def test_sweeps_that_cannot_be_are_refused(tmp_path, old, new, said):
    assert old in STUDY
    written(tmp_path, STUDY.replace(old, new, 1))
    done = assay("run", "swept.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr, done.stderr
