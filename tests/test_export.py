"""The frontier and the evidence of a study that was run from Python, and as files for other programs."""

import csv
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

import assay
from assay import AssayError, Ledger
from assay.report.sweeps import excludes
from assay.results.frontier import Point, Series
from assay.schema import to_json
from assay.sessions.export import export
from assay.sessions.frontier import Frontier, FrontierSweep, frontier, sized
from assay.sessions.latex import escaped, frontier_latex
from test_cli import complaint, printed

TINY = Path(__file__).parent / "tiny.toml"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder in which the tiny study was run from Python, and what that returned."""
    folder = tmp_path_factory.mktemp("ran")
    return folder, assay.run(TINY, out=folder, workers=2)


def test_a_study_runs_from_python_once(ran):
    folder, reported = ran
    assert reported.new > 10
    assert repr(reported).startswith("<Reported A study of a few seconds, for the tests: ")
    assert Path(reported.report).is_file()
    again = assay.run(str(TINY), out=str(folder))
    assert (again.new, again.findings.evidence) == (0, reported.findings.evidence)
    told, shown = again.to_json(), printed("run", TINY, "--out", folder)
    assert {name: told[name] for name in told if name != "made"} == {
        name: shown[name] for name in shown if name != "made"
    }


def test_the_frontier_is_the_same_from_findings_page_and_ledger(ran):
    folder, reported = ran
    found = frontier(reported)
    assert found == frontier(reported.findings) == frontier(folder) == frontier(folder / "ledger.sqlite")
    assert found == frontier(folder, study=TINY)
    with Ledger(folder / "ledger.sqlite") as ledger:
        assert found == frontier(ledger) == frontier(ledger, study=str(TINY))
    rows = list(found.rows())
    (sweep,) = reported.findings.sweeps
    assert len(rows) == sum(len(series.points) for series in sweep.series)
    learned = [row for row in rows if row.verdict == "learned"]
    assert {(row.architecture, row.x) for row in learned} == {("attention", 3), ("attention", 4), ("gru", 3)}


def test_the_figure_has_a_line_for_each_boundary_that_says_something(ran):
    found = frontier(ran[1])
    (axes,) = found.figure().get_axes()
    told = [series for series in found.sweeps[0].series if series.verdict != "impossible" or excludes(series)]
    assert len(axes.get_legend().get_texts()) == len(told)
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale()) == ("N", "width", "log")


POINTS = [
    ("learned", False, Point(8, 6), ("=", 6)),
    ("learned", False, Point(8, 6, censored=True), (">", 6)),
    ("learned", True, Point(8, 64, first=True), (">=", 64)),
    ("learned", False, Point(8, 6, first=True), ("<=", 6)),
    ("learned", False, Point(8, 1, first=True), ("=", 1)),
    ("learned", True, Point(8, 2, censored=True), ("<", 2)),
    ("constructed", False, Point(8, 13), ("<=", 13)),
    ("impossible", False, Point(8, 7), (">=", 8)),
]


@pytest.mark.parametrize(("verdict", "largest", "point", "expected"), POINTS)
def test_sizes_say_from_which_side_they_are_known(verdict, largest, point, expected):
    assert sized(Series("a", "a", "s", verdict, "mean", (point,), largest=largest), point) == expected


def sweep_of(*series):
    return FrontierSweep("my_study", "50%", "A & B", {"name": "match2"}, "N", (0, 1), (0.5, 0.5), (0.1, 0.2), series)


def test_tables_of_latex_have_a_column_for_each_place_and_a_caption():
    growing = tuple(Point(2**k, 2**k, seeds=(2**k,) * 3) for k in range(3, 8))
    few = Series("gru", "gru", "bound_1", "impossible", "worst", (Point(8, 0), Point(16, 15)))
    silent = Series("gru", "gru", "bound_2", "impossible", "worst", (Point(8, 0),))
    learned = Series("a", "lstm", "training", "learned", "mean", growing)
    text = frontier_latex(Frontier((sweep_of(learned, few, silent),)))
    assert r"Study my\_study, A \& B. Smallest width against $N$ on match2; seeds 0, 1" in text
    assert "a mean error of at most 0.1 to 0.2; constructed: the worst-case error is at most 0.5" in text
    assert r"lstm & learned & 8 & 16 & 32 & 64 & 128 & 1.00 [" in text
    assert r"gru & impossible (bound\_1, worst) & -- & $\geq$ 16 &  &  &  &  \\" in text
    assert "bound\\_2" not in text
    counted = Counter(re.findall(r"\\(begin|end)\{(\w+)\}", text))
    assert counted["begin", "table"] == counted["end", "table"] == counted["begin", "tabular"] == 1
    rows = [row for row in text.splitlines() if " & " in row and row.endswith(r"\\")]
    assert len({len(re.split(r"(?<!\\)&", row)) for row in rows}) == 1


def test_special_letters_of_latex():
    assert escaped(r"a_b{50%}\~^") == r"a\_b\{50\%\}\textbackslash{}\textasciitilde{}\textasciicircum{}"


def test_evidence_is_written_as_csv_json_and_parquet(ran, tmp_path):
    folder, _ = ran
    with Ledger(folder / "ledger.sqlite", create=False) as ledger:
        runs = ledger.runs()
    assert len(runs) == export(folder, tmp_path / "e.json").rows
    assert json.loads((tmp_path / "e.json").read_text("utf-8")) == runs
    export(folder / "ledger.sqlite", tmp_path / "e.csv")
    with open(tmp_path / "e.csv", newline="", encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    assert [row["key"] for row in told] == [row["key"] for row in runs]
    assert {row["seed"] for row in told} == {"", "0", "1", "2"}
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    export(folder, tmp_path / "e.parquet")
    read = pandas.read_parquet(tmp_path / "e.parquet")
    assert list(read["key"]) == [row["key"] for row in runs]
    assert read["width"].sum() == sum(row["width"] for row in runs)


def test_the_command_writes_the_frontier(ran, tmp_path):
    folder, reported = ran
    table, tex = tmp_path / "f.csv", tmp_path / "f.tex"
    told = printed("export", folder, "--to", table, "--what", "frontier")
    rows = [to_json(row) for row in frontier(reported).rows()]
    assert (told["file"], told["what"], told["rows"]) == (str(table), "frontier", len(rows))
    with open(table, newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [
            {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
        ]
    printed("export", folder, "--to", tex, "--study", TINY)
    assert tex.read_text("utf-8") == frontier_latex(frontier(reported))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "x.xls"], "ending of x.xls: 'xls' is not known. Known: csv, json, parquet, tex"),
        (["--to", "x.pdf"], "x.pdf is a figure: 'assay report STUDY --figures pdf' writes those of a study"),
        (["--to", "x.tex", "--what", "evidence"], "has the table of smallest sizes"),
        (["--to", "x.csv", "--what", "runs"], "what = runs is not allowed; it must be evidence or frontier"),
        (["--to", "x.csv", "--study", "sparse-averaging"], "are for the frontier"),
        (["--to", "no/x.csv"], "cannot be written"),
        (["--to", "x.csv", "--what", "frontier", "--study", "sparse-averagin"], "did you mean 'sparse-averaging'"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(ran, arguments, says, tmp_path):
    assert says in complaint("export", ran[0], *arguments, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folders_without_results(ran, tmp_path):
    assert "does not exist" in complaint("export", tmp_path, "--to", tmp_path / "x.csv")
    with pytest.raises(AssayError, match="is no folder of results, and no ledger"):
        frontier(tmp_path)
    os.link(ran[0] / "ledger.sqlite", tmp_path / "ledger.sqlite")
    with pytest.raises(AssayError, match=r"no report stands beside .*; name the study"):
        frontier(tmp_path)
    page = (ran[0] / "tiny.html").read_text("utf-8")
    (tmp_path / "tiny.html").write_text(re.sub(r'"schema": ?\d+', '"schema": 0', page), "utf-8")
    with pytest.raises(AssayError, match="is of another version of Assay; 'assay report tiny' writes it anew"):
        frontier(tmp_path)


def test_parquet_without_pyarrow_is_one_line(ran, tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")

    def to_parquet(self, path):
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pandas.DataFrame, "to_parquet", to_parquet)
    with pytest.raises(AssayError, match=r"needs pyarrow beside pandas: pip install 'assay-attention\[frames\]'"):
        export(ran[0], tmp_path / "e.parquet")
    assert list(tmp_path.iterdir()) == []
