"""`assay embeddings` as it is used: files, what it prints, how it ends, and what it refuses in one line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from assay.errors import AssayError
from assay.vectors import examine
from assay.vectors.documents import Documents
from assay.vectors.reading import query_rows, read_embeddings, read_relevance
from fresh import assay
from test_cli import complaint, printed

PAGE = Path(__file__).parent.parent / "docs" / "embeddings.md"
SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 2]], dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    """Random documents with a duplicate, relevance, and queries."""
    random = np.random.default_rng(0)
    rows = random.standard_normal((300, 16)).astype(np.float32)
    rows[17] = rows[3]
    np.save(tmp_path / "docs.npy", rows)
    np.save(tmp_path / "q.npy", rows[:40] + rows[40:80])
    sets = [np.sort(random.choice(300, 2, replace=False)) for _ in range(30)]
    sets += [np.sort(random.choice(300, 9, replace=False)) for _ in range(9)] + [np.array([3, 5])]
    lines = [f"{query}\t0\t{document}\t1" for query, members in enumerate(sets) for document in members]
    (tmp_path / "qrels.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


# relevance


@pytest.mark.parametrize(
    "text",
    [
        "a 0 3 1\na 0 1 2\nb 0 0 1\nb 0 2 0\n",
        "a\t3\nb\t0\na\t1\n",
        "query-id\tcorpus-id\tscore\na\t1\t1\na\t3\t1\nb\t0\t0.5\nb\t4\t-1\n",
        "query document\na 3\na 1\n\nb 0",
    ],
)
def test_tables_of_every_form_are_the_same_sets(text, tmp_path):
    (tmp_path / "r.tsv").write_text(text, "utf-8")
    found = read_relevance(tmp_path / "r.tsv", 5)
    assert found.names == ("a", "b")
    assert [members.tolist() for members in found.sets] == [[1, 3], [0]]


def test_ids_of_files(tmp_path):
    (tmp_path / "ids.txt").write_text("d9\nd7\nd 5\n", "utf-8")
    (tmp_path / "queries.txt").write_text("first\nsecond\n", "utf-8")
    (tmp_path / "r.tsv").write_text("second\td 5\t1\nsecond\td9\t1\n", "utf-8")
    found = read_relevance(tmp_path / "r.tsv", 3, tmp_path / "ids.txt", tmp_path / "queries.txt")
    assert found.sets[0].tolist() == [0, 2]
    assert query_rows(found, 2).tolist() == [1]


def test_arrays_of_pairs_and_of_sets(tmp_path):
    np.savez(tmp_path / "pairs.npz", pairs=np.array([[7, 3], [2, 0], [7, 1]]))
    np.savez(tmp_path / "sets.npz", sets=np.array([[3, 1], [0, 2]]))
    pairs, sets = (read_relevance(tmp_path / name, 5) for name in ("pairs.npz", "sets.npz"))
    assert (pairs.names, [members.tolist() for members in pairs.sets]) == (("7", "2"), [[1, 3], [0]])
    assert (sets.names, [members.tolist() for members in sets.sets]) == (("0", "1"), [[1, 3], [0, 2]])


def test_embeddings_of_every_layout_are_the_same(tmp_path):
    rows = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    for name, array in {"c": rows, "fortran": np.asfortranarray(rows), "big": rows.astype(">f4")}.items():
        np.save(tmp_path / f"{name}.npy", array)
        found = read_embeddings(tmp_path / f"{name}.npy", "documents")
        assert np.array_equal(found, rows)
        assert Documents(found).digest == Documents(rows).digest
    assert isinstance(read_embeddings(tmp_path / "c.npy", "documents"), np.memmap)


# the command


def test_the_answer_comes_first_then_the_table_then_what_fails(folder):
    options = ["--relevance", "qrels.tsv", "--queries", "q.npy", "--quantise", "int8,binary"]
    done = assay("embeddings", "docs.npy", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    shares = re.match(
        r"Of 40 relevance sets, (\d+) \(.*%\) exist .* (\d+) \(.*%\) exist with a margin above .*, (\d+) \(.*%\) are "
        r"retrieved by the best query rounded to float32; (\d+) \(.* %\) by the queries given\.",
        lines[0],
    )
    exist, above, rounded, own = map(int, shares.groups())
    assert 0 <= own <= exist < 40
    assert above <= rounded <= exist
    table = {line.split()[0]: line.split() for line in lines if line.startswith(("float32 ", "int8 ", "binary "))}
    assert table["float32"][1] == str(exist)
    assert set(table) == {"float32", "int8", "binary"}
    assert "equal: 3, 17" in done.stdout
    assert "query 39: document 3 equals document 17, which is not in the set" in done.stdout
    assert len([line for line in lines if line.startswith("  query ")]) <= 30
    assert "float32: 40 sets" in done.stderr


def test_json_is_what_python_gives(folder):
    data = printed("embeddings", "docs.npy", "--relevance", "qrels.tsv", "--out", "o", cwd=folder)
    found = examine(folder / "docs.npy", folder / "qrels.tsv")
    (at,) = data["precisions"]
    assert (at["exist"], at["no"], at["undecided"]) == (found.precisions[0].exist, 40 - found.precisions[0].exist, 0)
    for row, answer in zip(at["queries"], found.precisions[0].answers, strict=True):
        assert (row["rows"], row["answer"]) == (list(answer.rows), answer.answer)
        assert (row["certificate"] is None) == (answer.answer == "yes")
    assert data["dimension"]["at_least"] == found.dimension.dimension
    assert data["sentence"] == found.sentence


def check_script():
    (code,) = re.findall(r"```python check\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert "assay" not in code
    assert len(code.splitlines()) <= 9
    return code


def test_the_script_of_the_page_checks_every_certificate_and_refuses_altered_ones(folder):
    found = printed(
        "embeddings", "docs.npy", "--relevance", "qrels.tsv", "--quantise", "int8,binary", "--out", "o", cwd=folder
    )
    script = compile(check_script(), "check.py", "exec")

    def holds(certificate, documents):
        command, sys.argv = sys.argv, ["check.py", str(certificate), str(documents)]
        try:
            exec(script, {})
        except AssertionError:
            return False
        finally:
            sys.argv = command
        return True

    place, checked = folder / "o" / "certificates", 0
    for at in found["precisions"]:
        for row in at["queries"]:
            if row["answer"] == "no":
                proof = json.loads((place / row["certificate"]).read_text("utf-8"))
                documents = folder / "docs.npy" if at["precision"] == "float32" else place / proof["documents"]
                assert proof["set"] == row["rows"]
                assert holds(place / row["certificate"], documents)
                checked += 1
                for half in ("inside", "outside"):
                    altered = json.loads(json.dumps(proof))
                    first = next(iter(altered[half]))
                    altered[half][first] = f"{int(altered[half][first], 16) + 1:x}"
                    (folder / "altered.json").write_text(json.dumps(altered), "utf-8")
                    assert not holds(folder / "altered.json", documents)
    assert checked >= 20


def test_the_python_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    exec(compile(code[0], "embeddings.md", "exec"), {})
    sentence, side, diagonal = capsys.readouterr().out.splitlines()
    assert sentence.startswith("Of 2 relevance sets, 1 (50 %) exist")
    assert side == "side yes 1.0 ()"
    assert diagonal == "diagonal no 0.0 (1, 2)"


def test_an_interrupted_run_says_so_in_a_line_and_keeps_what_it_answered(tmp_path):
    """Its sets take far longer than the signal does, however fast the machine."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "docs.npy", random.standard_normal((8_000, 96)).astype(np.float32))
    sets = np.array([np.sort(random.choice(8_000, 12, replace=False)) for _ in range(3_000)])
    np.savez(tmp_path / "sets.npz", sets=sets)
    command = [sys.executable, "-m", "assay", "embeddings", "docs.npy", "--relevance", "sets.npz", "--out", "o"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        kept = []
        while not kept and process.poll() is None:
            time.sleep(0.2)
            kept = [file for file in tmp_path.glob("o/answers-*.jsonl") if b"\n" in file.read_bytes()]
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == (
        "assay: interrupted; what is finished is kept, and the same command goes on from there"
    )
    answered = {tuple(json.loads(line)["rows"]) for line in kept[0].read_text("utf-8").splitlines()}
    assert answered <= set(map(tuple, sets.tolist()))
    # those that were answered, and two more
    np.savez(tmp_path / "sets.npz", sets=np.array([*sorted(answered), *sets[-2:].tolist()]))
    done = assay("embeddings", "docs.npy", "--relevance", "sets.npz", "--out", "o", cwd=tmp_path)
    assert f"float32: {len(answered) + 2} sets, {len(answered)} answered before" in done.stderr


# what is refused


NAN = SQUARE.copy()
NAN[3, 1] = np.nan
WRONG_DOCUMENTS = [
    (NAN, "document 3 = not finite is not allowed; it must be finite numbers"),
    (SQUARE[0], r"shape of documents = \(2,\) is not allowed"),
    (SQUARE[:1], "documents = 1 is not allowed; it must be at least 2"),
    (SQUARE[:, :0], r"shape of documents = \(5, 0\) is not allowed"),
    (SQUARE.astype(int), "dtype of documents = int64 is not allowed; it must be float16, float32 or float64"),
    (np.full((2, 2), np.inf), "document 0 = not finite"),
    (SQUARE.astype(float) * 1e200, r"largest magnitude in the documents = 2e\+200 is not allowed"),
    (SQUARE + 1j, "dtype of documents = complex64"),
]


@pytest.mark.parametrize(("array", "message"), WRONG_DOCUMENTS)
def test_documents_that_make_no_sense(array, message):
    with pytest.raises(AssayError, match=message) as error:
        examine(array, [[0]])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("relevance", "message"),
    [
        ([], "relevance = nothing is not allowed"),
        ([[]], "relevant documents of query 0 = none is not allowed; it must be at least one"),
        ([[0, 1, 2, 3, 4]], "relevant documents of query 0 = all 5 is not allowed; it must be fewer than there are"),
        ([[0], [5]], "document of query 1 = 5 is not allowed; it must be a row of the documents, 0 to 4"),
        ({"a": [-1]}, "document of query a = -1 is not allowed"),
        ([[1, 1]], "document 1 of query 0 = given twice is not allowed"),
        ([[0.5]], "a document of query 0 = 0.5 is not allowed; it must be a row number, an integer"),
    ],
)
def test_relevance_that_makes_no_sense(relevance, message):
    with pytest.raises(AssayError, match=message) as error:
        examine(SQUARE, relevance)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "relevance = nothing"),
        ("q 0 9 1\n", "document in line 1 of .* = 9 is not allowed; it must be a row of the documents, 0 to 4"),
        ("q 0 x7 1\n", "document in line 1 of .* = x7 is not allowed; .*; other ids need a file of ids"),
        ("q 0 1 1\nq 0 2\n", "line 2 of .* = q 0 2 is not allowed; it must be 4 columns as before"),
        ("q 0 1 1 5\n", "line 1 of .* is not allowed; it must be 'query document'"),
        ("q\n", "line 1 of .* = q is not allowed"),
        ("q 0 1 1\nq 0 1 high\n", "relevance in line 2 of .* = high is not allowed; it must be a number"),
        ("q 0 1 nan\n", "relevance in line 1 of .* = nan is not allowed"),
        ("q 0 1 1\nq 0 1 1\n", "document 1 of query q = given twice"),
        ("q 0 1 1\np 0 2 0\n", "relevant documents of query p = none"),
    ],
)
def test_tables_that_make_no_sense(text, message, tmp_path):
    (tmp_path / "r.tsv").write_text(text, "utf-8")
    with pytest.raises(AssayError, match=message) as error:
        examine(SQUARE, tmp_path / "r.tsv")
    assert "\n" not in str(error.value)


def test_other_wrong_input(tmp_path):
    (tmp_path / "two.txt").write_text("a\nb\n", "utf-8")
    (tmp_path / "twice.txt").write_text("a\nb\na\nc\nd\n", "utf-8")
    (tmp_path / "r.tsv").write_text("q\ta\nq\tz\n", "utf-8")
    (tmp_path / "five.txt").write_text("a\nb\nc\nd\ne\n", "utf-8")
    (tmp_path / "bad.npz").write_bytes(b"garbage")
    np.savez(tmp_path / "neither.npz", other=np.eye(2))
    np.savez(tmp_path / "floats.npz", pairs=np.eye(2))
    table = tmp_path / "r.tsv"
    for options, message in [
        ({"relevance": table, "ids": tmp_path / "two.txt"}, "lines of .* = 2 is not .* 5, an id for each"),
        ({"relevance": table, "ids": tmp_path / "twice.txt"}, "id in .* = a is not .* a different one"),
        ({"relevance": table, "ids": tmp_path / "five.txt"}, "line 2 of .* = z is not .* an id in the file"),
        ({"relevance": tmp_path / "bad.npz"}, "bad.npz is no whole .npz file"),
        ({"relevance": tmp_path / "neither.npz"}, "arrays of .* = other is not .* either pairs"),
        ({"relevance": tmp_path / "floats.npz"}, r"pairs = float64 \(2, 2\) is not .* integers \(m, 2\)"),
        ({"relevance": tmp_path / "none.tsv"}, "none.tsv cannot be read: No such file"),
        ({"queries": np.ones((3, 4))}, "width of queries = 4 is not allowed; it must be 2, that of the documents"),
        ({"queries": np.ones((0, 2))}, r"shape of queries = \(0, 2\)"),
        ({"queries": np.full((3, 2), np.inf)}, "embedding of query 0 = not finite"),
        ({"queries": np.full((3, 2), 1e31)}, r"largest magnitude of query 0 = 1e\+31 is not allowed"),
        ({"relevance": {"7": [0]}, "queries": np.ones((3, 2))}, "query = 7 is not .* a row of the queries"),
        ({"relevance": {"x": [0]}, "queries": np.ones((3, 2))}, "query = x is not allowed"),
        ({"quantise": ["int9"]}, "precision 'int9' is not known; did you mean 'int8'"),
        ({"quantise": ["int8", "int8"]}, "quantise = int8,int8 is not allowed; it must be different precisions"),
        ({"workers": 0}, "workers = 0 is not allowed"),
        ({"out": table}, "r.tsv cannot be written to"),
    ]:
        with pytest.raises(AssayError, match=message) as error:
            examine(SQUARE, **{"relevance": [[0]], **options})
        assert "\n" not in str(error.value)


def test_the_command_refuses_in_one_line(folder):
    (folder / "text.npy").write_text("no array", "utf-8")
    np.savez(folder / "docs.npz", docs=np.eye(3))
    np.save(folder / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    for arguments, message in [
        (["text.npy", "--relevance", "qrels.tsv"], "text.npy is no whole .npy file"),
        (["docs.npz", "--relevance", "qrels.tsv"], "it must be one array"),
        (["objects.npy", "--relevance", "qrels.tsv"], "Python objects"),
        (["none.npy", "--relevance", "qrels.tsv"], "none.npy cannot be read: No such file"),
        ([".", "--relevance", "qrels.tsv"], "cannot be read: it is a folder"),
        (["docs.npy", "--relevance", "none.tsv"], "none.tsv cannot be read"),
        (["docs.npy", "--relevance", "qrels.tsv", "--quantise", "int4"], "precision 'int4' is not known"),
        (["docs.npy", "--relevance", "qrels.tsv", "--queries", "none.npy"], "none.npy cannot be read"),
        (["docs.npy", "--relevance", "qrels.tsv", "--out", "docs.npy"], "cannot be written"),
        (["docs.npy"], "Missing option '--relevance'"),
    ]:
        assert message in complaint("embeddings", *arguments, cwd=folder)
