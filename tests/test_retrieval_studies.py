"""Studies of retrieval and of linear memories: run, killed, read again, refused; what their pages say."""

import itertools
import json
import math
import os
import re
import signal
import time

import numpy as np
import pytest
from scipy.optimize import nnls

from assay.report.retrieval_findings import gather_memories, gather_retrieval
from assay.retrieval.explicit import cyclic_margin
from assay.store.ledger import Ledger
from assay.studies.study_file import load_study
from fresh import Process, assay
from test_study_files import refusals

BOTH = """
name = "both"
title = "Both of them"
seeds = [0, 1]

[retrieval]
explicit = [8, 46]
documents = [6, 8]
formats = ["float64", "bfloat16", "int8"]

[[retrieval.trained]]
steps = 200
dimensions = [3, 4]

[[retrieval.trained]]
loss = "sigmoid"
temperatures = [0.1, 0.05]
steps = 300
dimensions = [4]

[retrieval.margins]
steps = 200
dimensions = [4]

[memory]
dimensions = [16, 24]
loads = [0.5, 1.0]
formats = ["float32", "int8"]
"""


def written(folder, text=BOTH):
    (folder / "both.toml").write_text(text, "utf-8")
    return folder / "both.toml"


def of_retrieval(findings):
    """What does not depend on when and where it was made."""
    return {key: findings[key] for key in ("retrieval", "memory", "title", "sweeps", "seeds")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of the study, answered, and what was printed."""
    folder = tmp_path_factory.mktemp("both")
    done = assay("run", written(folder), "--out", folder, "--workers", 2, "--json")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_every_question_is_answered_and_found(finished):
    folder, printed = finished
    study = load_study(str(folder / "both.toml"))
    questions = [*study.retrieval.questions(), *study.memory.questions()]
    assert printed["new"] == len(questions) == (3 * 2) + 2 * 3 + 2 * 2 + 2 * 2 * 4
    found = printed["retrieval"]
    assert found["unanswered"] == printed["memory"]["unanswered"] == 0
    assert [(one["dimensions"], len(one["largest"])) for one in found["reached"]] == [(3, 2), (4, 2), (4, 2)]
    assert [one["setting"] for one in found["reached"]] == [
        "InfoNCE at temperature 0.1, 200 steps",
        "InfoNCE at temperature 0.1, 200 steps",
        "sigmoid loss from temperature 0.1 to 0.05, 300 steps",
    ]
    for one in found["reached"]:
        assert one["largest"] == sorted(one["largest"])
        assert one["largest"][0] <= one["middle"] <= one["largest"][-1]
        assert one["dimensions"] > 3 or one["largest"][-1] <= 5  # Radon: all pairs of 6 documents need 4 dimensions


def test_shares_of_formats_are_what_they_are_alone(finished):
    _, printed = finished
    kept = {(one["documents"], one["number_format"]): one for one in printed["retrieval"]["kept"]}
    assert set(kept) == set(itertools.product((8, 46), ("float64", "bfloat16", "int8")))
    assert all(one["exhaustive"] and one["tried"] == math.comb(n, 2) for (n, _), one in kept.items())
    assert kept[46, "float64"]["share"] == 1 > kept[46, "int8"]["share"]


@pytest.mark.parametrize(("documents", "top"), [(6, 1), (8, 2), (9, 2), (12, 2), (9, 3)])
def test_margins_of_explicit_documents_are_those_of_the_best_queries(documents, top):
    """The largest margin of a set is the distance of the origin from the hull of all differences of a member and
    another document: by non-negative least squares with a sum of weights that is pulled to 1, for every set.
    """
    t = 2 * math.pi * np.arange(documents) / documents
    points = np.concatenate([[np.cos(i * t), np.sin(i * t)] for i in range(1, top + 1)]).T / math.sqrt(top)
    least = math.inf
    for chosen in itertools.combinations(range(documents), top):
        inside = np.isin(np.arange(documents), chosen)
        differences = (points[inside][:, None] - points[~inside]).reshape(-1, 2 * top)
        weights, _ = nnls(np.vstack([differences.T, np.ones(len(differences))]), np.append(np.zeros(2 * top), 1.0))
        least = min(least, float(np.linalg.norm(differences.T @ weights) / weights.sum()))
    assert 0.998 * least <= cyclic_margin(documents, top) <= least * (1 + 1e-9)


def test_margins_never_exceed_the_optimum(finished):
    margins = finished[1]["retrieval"]["margins"]
    optimum = {one["documents"]: one["margin"] for one in margins if one["kind"] == "optimum"}
    assert set(optimum) == {6, 8, 46}
    for documents, margin in optimum.items():
        assert margin == pytest.approx(documents / math.sqrt(2 * (documents - 1) * (documents - 2)))
    assert {(one["kind"], one["dimensions"], one["documents"]) for one in margins} >= {
        ("trained", 4, 6),
        ("trained", 4, 8),
        ("cyclic", 4, 8),
        ("cyclic", 4, 46),
    }
    assert all(one["margin"] <= optimum[one["documents"]] for one in margins)


def test_lines_do_not_contradict_each_other(finished):
    """What is proved possible is never above what is proved impossible; more bits serve more."""
    bands = {band["name"]: dict(band["points"]) for band in finished[1]["retrieval"]["bands"]}
    assert bands["impossible above"] == {2: 4, 3: 5}  # 2 (n - k') at small n: Radon by hand
    for name in ("int8", "float16", "float32"):
        impossible = bands.get(f"impossible above, queries of {name}", {})
        proved = bands[f"explicit, proved in {name}"]
        assert list(proved.values()) == sorted(proved.values())
        for d, documents in proved.items():
            assert impossible.get(d, 10**9) >= documents
            assert d >= 4
    every, most = bands["random documents, all sets"], bands["random documents, 99 % of sets"]
    # from 11 documents on half a set of all is less than one in a hundred
    assert all(n <= most.get(d, 10**9) for d, n in every.items() if n >= 11)
    assert bands["published curve of training at temperature 0.1"][10] == pytest.approx(38.7, abs=0.1)


def test_the_answer_says_what_was_found(finished):
    found = finished[1]["retrieval"]
    assert found["answer"].startswith(
        "All sets of 2 need 4 dimensions from 6 documents on, and 4 are enough for any number of them, in exact "
    )
    here = [one for one in found["reached"] if one["dimensions"] == 4]
    for one in here:
        low, high = one["largest"]
        assert f"{one['setting']} reaches {low if low == high else f'{low} to {high}'} documents" in found["answer"]
    shares = "Explicit vectors of 4 dimensions for 46 documents serve these shares of all sets: 1 in float64, "
    assert shares in found["answer"]
    memory = finished[1]["memory"]
    at_one = [p for p in memory["points"] if p["dimensions"] == 24 and p["number_format"] == "float32"]
    load = min((p["load"] for p in at_one), key=lambda load: abs(load - 1))
    assert f"at the load 2 n ln n / d^2 = {load:.2g}, d = 24, in float32: " in memory["answer"]
    for point in at_one:
        assert (f"{point['memory']} {point['share']:.2f}" in memory["answer"]) or point["load"] != load


def test_memories_are_at_the_loads_asked_for(finished):
    memory = finished[1]["memory"]
    assert len(memory["points"]) == 2 * 2 * 4 * 2
    for point in memory["points"]:
        n, d = point["pairs"], point["dimensions"]
        assert point["load"] == pytest.approx(2 * n * math.log(n) / d**2)
        assert min(abs(point["load"] - load) for load in (0.5, 1.0)) < 0.05
        assert 0 <= point["lowest"] <= point["share"] <= point["highest"] <= 1
    for one in memory["thresholds"]:
        assert 2 * one["pairs"] * math.log(one["pairs"]) == pytest.approx(one["dimensions"] ** 2, rel=1e-6)
        states = 32 * one["dimensions"] ** 2
        n = one["information"]
        assert math.lgamma(n + 1) / math.log(2) <= states < math.lgamma(n + 2) / math.log(2)


def test_the_page_holds_charts_answers_and_numbers(finished):
    folder, printed = finished
    page = (folder / "both.html").read_text("utf-8")
    for name in ("retrieval-documents", "retrieval-margins", "retrieval-formats", "memory-load"):
        assert f'data-chart="{name}"' in page
    text = re.sub(r"<[^>]+>", "", page)
    for said in (printed["retrieval"]["answer"], printed["memory"]["answer"], "Both of them"):
        assert said in text
    for one in printed["retrieval"]["reached"]:
        assert one["setting"] in page
        assert ", ".join(map(str, one["largest"])) in page
    for one in printed["retrieval"]["kept"]:
        assert f"{one['share']:.4g}" in page
    assert "not answered yet" not in page


def test_the_same_command_asks_nothing_again_and_reports_the_same(finished):
    folder, printed = finished
    again = json.loads(assay("run", folder / "both.toml", "--out", folder, "--json").stdout)
    assert again["new"] == 0
    assert of_retrieval(again) == of_retrieval(printed)
    text = assay("run", folder / "both.toml", "--out", folder)
    assert printed["retrieval"]["answer"] in " ".join(text.stdout.split())
    assert printed["memory"]["answer"] in " ".join(text.stdout.split())
    assert text.returncode == 0


def test_killed_at_any_time_and_run_again_it_finds_the_same(finished, tmp_path):
    _, printed = finished
    path = written(tmp_path)
    process = Process("run", path, "--out", tmp_path, "--workers", 1)
    count = len(list(load_study(str(path)).retrieval.questions()))
    while process.poll() is None:  # until some are answered, however long that takes, but not all of them
        try:
            with Ledger(tmp_path / "ledger.sqlite", create=False) as ledger:
                if sum(1 for _ in ledger) >= 2:
                    break
        except Exception:  # the file is just being made
            pass
        time.sleep(0.02)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with Ledger(tmp_path / "ledger.sqlite", create=False) as ledger:
        kinds = [piece.question["kind"] for piece in ledger]
    before = len(kinds)
    assert before >= 2
    assert assay("report", path, "--out", tmp_path).returncode == 0
    page = re.sub(r"<[^>]+>", "", (tmp_path / "both.html").read_text("utf-8"))
    for kind, asked in (("retrieval", count), ("memory", printed["new"] - count)):
        missing = asked - kinds.count(kind)
        assert (f"{missing} questions are not answered yet." in page) is (missing > 0)
    done = json.loads(assay("run", path, "--out", tmp_path, "--workers", 2, "--json").stdout)
    assert done["new"] == printed["new"] - before
    assert of_retrieval(done) == of_retrieval(printed)


def test_what_is_not_answered_is_said(finished):
    folder, _ = finished
    study = load_study(str(folder / "both.toml"))
    questions = list(study.retrieval.questions())
    some = [q for q in questions if q.asked == "rounded"][:2]
    found = gather_retrieval(study.retrieval, {q.key: q.answer() for q in some})
    assert found.unanswered == len(questions) - 2
    assert len(found.kept) == 2
    assert found.reached == ()
    assert found.answer.startswith("All sets of 2 need 4 dimensions")
    nothing = gather_memories(study.memory, {})
    assert nothing.unanswered == 16
    assert nothing.answer == "Nothing is answered yet."
    one = next(q for q in study.memory.questions() if q.dimensions == 16)
    partly = gather_memories(study.memory, {one.key: one.answer()})
    assert partly.unanswered == 15
    assert "d = 16" in partly.answer


def test_sets_that_were_drawn_are_not_called_all(tmp_path):
    path = written(tmp_path, 'name = "both"\nseeds = [0]\n[retrieval]\nexplicit = [1500]\nformats = ["float16"]\n')
    study = load_study(str(path))
    (question,) = study.retrieval.questions()
    found = gather_retrieval(study.retrieval, {question.key: question.answer()})
    assert "serve these shares of 20,000 random sets: " in found.answer
    assert [(one.kind, one.dimensions, one.documents) for one in found.margins] == [("optimum", None, 1500)]


def test_lines_and_retrieval_stand_in_one_study(tmp_path):
    line = '[sweeps.averaging]\ntask = { name = "sparse-averaging", sparsity = 1 }\nbounds = [4, 8]\n'
    extra = '[retrieval]\nexplicit = [8]\nformats = ["float16"]\n[memory]\ndimensions = [16]\nloads = [1.0]\n'
    path = written(tmp_path, f'name = "both"\nseeds = [0]\n{extra}{line}')
    done = assay("run", path, "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sweeps"]
    assert found["retrieval"]["unanswered"] == found["memory"]["unanswered"] == 0
    page = (tmp_path / "both.html").read_text("utf-8")
    assert 'data-chart="retrieval-documents"' in page
    assert 'data-chart="memory-load"' in page
    assert 'id="retrieval-margins"' not in page


WRONG = [
    ("documents = [6, 8]", "documents = []", "retrieval.documents: there must be margins and documents, or neither"),
    ("documents = [6, 8]", "documents = [6, 6]", "retrieval.documents = [6, 6] is not allowed; it must be a list of"),
    ("documents = [6, 8]", "documents = [2]", "retrieval.documents = 2 is not allowed; it must be more"),
    ("explicit = [8, 46]", "explicit = [1]", "retrieval.explicit = [1] is not allowed; it must be a list of different"),
    ("explicit = [8, 46]", "explicit = [10001]", "explicit = [10001] is not allowed; it must be a list of different"),
    ("explicit = [8, 46]", "explicit = [2]", "retrieval.explicit = 2 is not allowed; it must be more than top"),
    ("explicit = [8, 46]", "explicit = 8", "retrieval.explicit = 8 is not allowed; it must be a list of different"),
    ("explicit = [8, 46]", "explict = [8]", "retrieval.key 'explict' is not known; did you mean 'explicit'?"),
    ("explicit = [8, 46]", "top = 11", "retrieval.top = 11 is not allowed; it must be an integer from 1 to 10"),
    ("explicit = [8, 46]", "top = 0", "retrieval.top = 0 is not allowed; it must be an integer from 1 to 10"),
    ('"float64", "bfloat16"', '"float65", "bfloat16"', "float65"),
    ('"float64", "bfloat16"', '"int8", "bfloat16"', "formats = ['int8', 'bfloat16', 'int8'] is not allowed; it must"),
    ("steps = 200\ndimensions = [3, 4]", "steps = 0\ndimensions = [3, 4]", "trained[0].steps = 0 is not allowed; it m"),
    ("temperatures = [0.1, 0.05]", "temperatures = []", "retrieval.trained[1].temperatures = [] is not allowed; it"),
    ("temperatures = [0.1, 0.05]", "temperatures = [0.0]", "trained[1].temperatures = [0.0] is not allowed; it must"),
    ("steps = 300", "steps = 1", "retrieval.trained[1].steps = 1 is not allowed; it must be at least one for each"),
    ('loss = "sigmoid"', 'loss = "hinge"', "trained[1].loss = 'hinge' is not allowed; it must be infonce or sigmoid"),
    ("dimensions = [3, 4]", "dimensions = [513]", "dimensions = [513] is not allowed; it must be a list of different"),
    ("dimensions = [3, 4]", "dimensions = [0]", "retrieval.trained[0].dimensions = [0] is not allowed; it must be a"),
    ("dimensions = [16, 24]", "dimensions = [0]", "memory.dimensions = [0] is not allowed; it must be a list of dif"),
    ("dimensions = [16, 24]", "", "memory has no dimensions"),
    ("loads = [0.5, 1.0]", "loads = [0.0]", "memory.loads = [0.0] is not allowed; it must be different numbers abov"),
    ("loads = [0.5, 1.0]", "loads = [1.0, 1.0]", "memory.loads = [1.0, 1.0] is not allowed; it must be different nu"),
    ("loads = [0.5, 1.0]", "loads = []", "memory.loads = [] is not allowed; it must be different numbers above 0, at"),
    ("loads = [0.5, 1.0]", "loads = [nan]", "memory.loads = [nan] is not allowed; it must be different numbers"),
    ("loads = [0.5, 1.0]", 'kinds = ["hopfield"]', "hopfield"),
    ("[memory]", "[[memory]]", "memory = "),
    ("[memory]", "[memry]", "key 'memry' is not known; did you mean 'memory'?"),
]


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_a_wrong_table_is_refused_in_one_line_with_the_value_and_what_is_allowed(old, new, says, tmp_path):
    assert old in BOTH
    lines = refusals(tmp_path, BOTH.replace(old, new, 1))
    assert len(lines) == 1
    assert says in lines[0]
    assert lines[0].startswith("study s.toml: ")


def test_a_study_of_nothing_is_refused(tmp_path):
    (line,) = refusals(tmp_path, 'name = "both"\n')
    assert "sweeps, comparisons, retrieval, memory or boolean; this one has none of them" in line


def test_tables_that_ask_nothing_are_refused(tmp_path):
    (line,) = refusals(tmp_path, 'name = "both"\n[retrieval]\ntop = 2\n')
    assert line == (
        "study s.toml: retrieval.documents: nothing is asked; retrieval has explicit, trained, or margins and documents"
    )
    (line,) = refusals(tmp_path, 'name = "both"\n[memory]\ndimensions = []\n')
    assert "memory.dimensions = [] is not allowed" in line
    for table in ("[[retrieval.trained]]\n", "[[retrieval.trained]]\ndimensions = []\n", "[retrieval.margins]\n"):
        faults = refusals(tmp_path, f'name = "both"\n[retrieval]\nexplicit = [8]\n{table}')
        assert "dimensions" in faults[0]


@pytest.mark.parametrize("name", ["retrieval", "memory"])
def test_shipped_studies_can_be_read_and_their_quick_forms_are_small(name, tmp_path):
    whole, quick = load_study(name), load_study(name, quick=True)
    plans = [getattr(study, name) for study in (whole, quick)]
    asked = [len(list(plan.questions())) for plan in plans]
    assert asked[1] < asked[0] / 3
    done = assay("run", name, "--quick", "--dry-run", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(asked[1]) in done.stdout


@pytest.mark.parametrize("name", ["memory", pytest.param("retrieval", marks=pytest.mark.long)])
def test_quick_forms_run_to_the_end(name, tmp_path):
    done = assay("run", name, "--quick", "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found[name]["unanswered"] == 0
    page = (tmp_path / f"{name}-quick.html").read_text("utf-8")
    assert found[name]["answer"] in re.sub(r"<[^>]+>", "", page)
    assert ('data-chart="memory-load"' in page) is (name == "memory")
    if name == "retrieval":
        kept = {(one["documents"], one["number_format"]): one["share"] for one in found["retrieval"]["kept"]}
        assert kept[100, "float32"] == 1 > kept[100, "float16"]
        assert all(one["largest"][0] >= 5 for one in found["retrieval"]["reached"])
