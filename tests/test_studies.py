"""Studies: the shipped files are whole and ask what they should; searches are read off the ledger by replaying them."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from assay import AssayError
from assay.bounds import bounds_of
from assay.models import family
from assay.report.findings import gather
from assay.report.sweeps import Unfinished
from assay.studies import shipped
from assay.studies.course import search_course
from assay.studies.replay import replay, study_evidence
from assay.studies.study_file import load_study
from assay.training.search import first_learned, ladder
from searches import run_of

QUICK = {name for name, path in shipped().items() if "quick" in tomllib.loads(path.read_text("utf-8"))}
TWO_TASKS = """
name = "two"
title = "Two tasks, one of them along two parameters"
seeds = [0, 1, 2]
ratio = 1.2
precision = 32
draws = 2

[recipe]
distribution = "uniform"
batch = 16

[sweeps.averaging]
title = "Averaging"
task = { name = "sparse-averaging", sparsity = 2, layout = "last" }
along = "length"
bounds = [4, 8, 16]
constructions = [4, 8]
methods = ["heads"]

[[sweeps.averaging.search]]
architecture = "attention"
at = [4, 8]
start = [4, 8]
steps = [20, 20]
lowest = 2
highest = 40
rates = [0.02, 0.01]

[[sweeps.averaging.search]]
architecture = "lstm"
at = [4]
start = [4]
steps = [20]
lowest = 2
highest = 8
rates = [0.02]

[sweeps.sparsity]
task = { name = "sparse-averaging", length = 8, layout = "last" }
along = "sparsity"
recipe = { distribution = "gaussian" }
bounds = [1, 2]

[sweeps.matching]
task = { name = "match2" }
along = "length"

[[sweeps.matching.search]]
architecture = "attention"
head_width = 2
at = [4]
start = [4]
steps = [20]
lowest = 2
highest = 20
rates = [0.02]

[[sweeps.matching.search]]
architecture = "attention"
depth = 2
at = [4, 8]
start = [4, 8]
steps = [20, 20]
lowest = 2
highest = 20
rates = [0.02]
"""


@pytest.fixture
def two(tmp_path):
    (tmp_path / "two.toml").write_text(TWO_TASKS)
    return load_study(str(tmp_path / "two.toml"))


def trained(question, learned):
    """The evidence of a training run that was not made."""
    return run_of(question, learned, error=0.01 if learned else 0.9, family=family(question.networks.architecture))


def runs_of(search, learns=lambda q: q.width >= q.task.length):
    """All that a search asks, when `learns` says whether a run learns."""
    found, course = [], first_learned(search)
    questions = next(course)
    while True:
        answers = [trained(question, learns(question)) for question in questions]
        found += answers
        try:
            questions = course.send(answers)
        except StopIteration:
            return found


def keyed(evidence):
    return {piece.key: piece for piece in evidence}


@pytest.mark.parametrize(
    ("name", "quick"), [(name, quick) for name in sorted(shipped()) for quick in (False, True)[: 1 + (name in QUICK)]]
)
def test_shipped_studies_can_be_read(name, quick):
    study = load_study(name, quick=quick)
    searches = study.searches()
    if not study.sweeps:
        assert study.singles() or study.comparisons
        assert len({search.name for search in searches}) == len(searches)
        return
    assert name == "field-sample" or any(line.stated for line in study.sweeps)
    assert searches
    seeds = 1 if quick and name == "field-sample" else 3
    assert all(search.values[search.start] > 0 and len(search.seeds) == seeds for search in searches)
    for line in study.sweeps:
        proved = {b.name for task in line.tasks.values() for b in bounds_of(task) if b.justified == "proved"}
        asked = {asked.question.bound for asked in line.stated if asked.question.kind == "bound"}
        assert asked <= proved
    assert len({search.key for search in searches}) == len(searches)


def test_the_shipped_study_asks_what_it_promises():
    study = load_study("sparse-averaging")
    assert [(line.along, line.symbol) for line in study.sweeps] == [("length", "N"), ("sparsity", "q"), ("length", "N")]
    lengths = {}
    for search in study.sweeps[0].searches:
        lengths.setdefault(search.candidates[0].networks.architecture, set()).add(search.x)
    assert lengths["attention"] == {8, 16, 32, 64, 128, 256}
    assert lengths["feed-forward"] == {8, 16, 32, 64, 128}
    assert lengths["lstm"] == {8, 16, 32, 64}
    assert {search.candidates[0].task.queries for search in study.sweeps[0].searches} == {32}  # the same for all
    assert max(asked.question.task.length for asked in study.sweeps[0].stated) == 4096


def test_a_study_without_a_quick_form_says_so():
    with pytest.raises(AssayError, match="has no quick form"):
        load_study("sparse-averaging-large", quick=True)


def test_quick_changes_only_what_it_names():
    full, quick = load_study("sparse-averaging"), load_study("sparse-averaging", quick=True)
    assert quick.name == "sparse-averaging-quick"
    assert quick.seeds == full.seeds
    assert quick.searches()[0].values != full.searches()[0].values
    for small, large in zip(quick.sweeps, full.sweeps, strict=True):
        assert (small.name, small.along, small.distribution) == (large.name, large.along, large.distribution)
        for one, other in ((small, large), (large, small)):
            asked = {search.candidates[0].networks.architecture for search in one.searches}
            assert asked == {search.candidates[0].networks.architecture for search in other.searches}
    assert set(quick.sweeps[1].tasks[2].to_json().items()) - set(full.sweeps[1].tasks[2].to_json().items()) == {
        ("length", 8)
    }


def test_a_ladder_reaches_its_ends():
    for search in load_study("sparse-averaging").searches():
        assert search.values == ladder(search.values[0], search.values[-1], 1.15)


def test_lines_have_tasks_recipes_and_depths_of_their_own(two):
    averaging, sparsity, matching = two.sweeps
    assert sorted(averaging.tasks) == [4, 8, 16]
    assert averaging.tasks[16].to_json()["length"] == 16
    assert (averaging.distribution, sparsity.distribution) == ("uniform", "gaussian")
    assert sparsity.title == "sparse-averaging against q"
    assert {asked.question.distribution for asked in sparsity.stated} == {"gaussian"}
    asked = [search.candidates[0] for search in matching.searches]
    sizes = {(one.networks.depth, one.networks.head_width) for one in asked}
    assert sizes == {(1, 2), (2, 0)}
    assert {one.task.name for one in asked} == {"match2"}


def test_searches_that_share_a_question_but_not_a_ladder_are_all_run():
    searches = load_study("sparse-averaging").searches()
    asked = [replace(search.candidates[0], width=1).key for search in searches]
    (shared,) = {key for key in asked if asked.count(key) > 1}  # N = 32, q = 2 is on both lines
    assert len({search.values for search, key in zip(searches, asked, strict=True) if key == shared}) == 2


def test_progress_names_architecture_task_and_place(two):
    labels = {search_course(search).label for search in two.searches()}
    assert "attention on sparse-averaging at N = 8, q = 2" in labels
    assert any(label.startswith("attention, depth 2 on match2 at N = 8") for label in labels)


def test_a_replay_finds_what_the_search_found(two):
    for search in two.searches():
        runs = runs_of(search)
        found = replay(search, keyed(runs))
        assert found.finished
        assert found.value == min(width for width in search.values if width >= search.candidates[0].task.length)
        assert list(found.runs) == list({run.key: run for run in runs}.values())


def test_only_what_the_search_asks_is_its_evidence(two):
    search = two.sweeps[0].searches[1]
    runs = runs_of(search)
    strangers = [
        trained(replace(search.candidates[0], width=width, seed=seed, rate=rate), learned=True)
        for width, seed, rate in [(2, 0, 0.5), (2, 7, 0.02), (3, 8, 0.02), (3, 9, 0.02), (1000, 0, 0.02)]
    ]
    found = replay(search, keyed([*runs, *strangers]))
    assert found == replay(search, keyed(runs))
    assert keyed(study_evidence(two, [*runs, *strangers])) == keyed(runs)


def test_a_search_without_its_last_answer_is_not_finished(two):
    search = two.sweeps[0].searches[0]
    runs = list(keyed(runs_of(search)).values())
    found = replay(search, keyed(runs[:-1]))
    assert not found.finished
    assert found.value is None
    assert list(found.runs) == runs[:-1]
    assert not replay(search, {}).finished


def test_a_search_that_learns_nowhere_is_finished(two):
    search = two.sweeps[0].searches[0]
    found = replay(search, keyed(runs_of(search, lambda question: False)))
    assert found.finished
    assert found.value is None


def test_an_empty_ledger_holds_no_evidence_of_a_study(two):
    assert study_evidence(two, []) == []


def test_findings_have_every_line_and_the_matrix(two):
    bounds = [question.answer() for question in two.singles() if question.kind == "bound"]
    runs = [run for search in two.searches() if search.name.startswith("attention") for run in runs_of(search)]
    half = runs_of(two.sweeps[0].searches[2])[:2]
    other = replace(bounds[0], question={**bounds[0].question, "precision": 8})
    evidence = study_evidence(two, [*bounds, *runs, *half, other])
    assert keyed(evidence) == keyed([*bounds, *runs, *half])
    findings = gather(two, evidence, "assay run two")
    averaging, sparsity, matching = findings.sweeps
    assert averaging.task == {"name": "sparse-averaging", "sparsity": 2, "dimension": 1, "layout": "last"}
    assert averaging.unfinished == (Unfinished("lstm", 4, None),)
    assert (averaging.baselines, averaging.test_inputs) == ((), ())
    assert sparsity.tolerance == (0.25, 0.5)
    assert [p.x for series in sparsity.series for p in series.points] == [1, 2] * len(sparsity.series)
    (learned,) = averaging.of("learned")
    assert [(p.x, p.width, p.parameters, p.censored) for p in learned.points] == [(4, 4, 40, False), (8, 8, 80, False)]
    assert [p.intervals for p in learned.points] == [((4, 4),) * 3, ((8, 8),) * 3]
    names = {series.architecture for series in matching.of("learned")}
    assert names == {"attention, head dimension 2", "attention, depth 2"}
    assert matching.task["name"] == "match2"
    assert not {"length", "modulus"} & set(matching.task)
    moduli = [matching_task.to_json()["modulus"] for matching_task in two.sweeps[2].tasks.values()]
    assert matching.follows == {"modulus": (min(moduli), max(moduli))}
    assert findings.matrix.sweeps == ("averaging", "sparsity", "matching")
    (cell,) = [e for e in findings.matrix.cells["matching"]["attention, depth 2"] if e.verdict == "learned"]
    assert (cell.width, cell.x) == (8, 8)
    rows = {row.key: row for row in findings.evidence}
    assert set(rows) == {piece.key for piece in evidence}
    assert rows[bounds[0].key].task.startswith("sparse-averaging: N = 4, q = 2, ")
    assert rows[bounds[0].key].along == {"N": 4, "q": 2}
    assert rows[runs[-1].key].along["N"] in (4, 8)


def test_a_search_without_a_start_begins_where_what_is_proved_says(tmp_path):
    tables = (Path(__file__).parent / "tiny.toml").read_text("utf-8")
    (tmp_path / "given.toml").write_text(tables, "utf-8")
    starts = [line for line in tables.splitlines() if line.startswith("start")]
    assert starts
    (tmp_path / "none.toml").write_text("\n".join(line for line in tables.splitlines() if line not in starts), "utf-8")
    given, none = (load_study(str(tmp_path / name)) for name in ("given.toml", "none.toml"))
    for mine, other in zip(none.searches(), given.searches(), strict=True):
        assert replace(mine, start=other.start) == other
        assert 0 <= mine.start < len(mine.values)
