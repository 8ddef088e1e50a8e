"""The ledger: what is stored is found again, once, by whoever asks; and files that are no ledgers are refused."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import AssayError, Ledger
from assay.evidence import canonical, content_hash
from assay.sizes import Size
from assay.store.ledger import Merge
from statements import statement

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.randoms())
def test_the_key_does_not_depend_on_the_order_of_keys(value, random):
    def shuffled(part):
        if isinstance(part, dict):
            items = list(part.items())
            random.shuffle(items)
            return {key: shuffled(inner) for key, inner in items}
        return [shuffled(inner) for inner in part] if isinstance(part, list) else part

    assert canonical(shuffled(value)) == canonical(value)
    assert content_hash(shuffled(value)) == content_hash(value)


def test_a_row_comes_back_equal_and_only_once(tmp_path):
    with Ledger(tmp_path / "a" / "ledger.sqlite") as ledger:
        assert ledger.add(statement(1))
        assert not ledger.add(statement(1, error=0.9))
        assert ledger.get(statement(1).question) == statement(1)
        assert ledger.get({"kind": "never asked"}) is None
    with Ledger(tmp_path / "a" / "ledger.sqlite", create=False) as again:
        assert list(again) == [statement(1)]


def test_two_open_ledgers_write_to_one_file(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as first, Ledger(tmp_path / "l.sqlite") as second:
        for number in range(50):
            (first if number % 2 else second).add(statement(number))
        assert len(first) == len(second) == 50


def test_ledgers_of_two_machines_are_put_together(tmp_path):
    with Ledger(tmp_path / "a.sqlite") as a, Ledger(tmp_path / "b.sqlite") as b:
        for number in (1, 2):
            a.add(statement(number))
        for number in (2, 3):
            b.add(statement(number))
        assert a.merge(b) == Merge(taken=(1,), known=(1,), contradictions=())
        assert {evidence.question["number"] for evidence in a} == {1, 2, 3}


def test_other_versions_and_other_files_are_refused(tmp_path):
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = '99'")
    with pytest.raises(AssayError, match="has version 99; this Assay reads and writes version 3: to ask anew"):
        Ledger(path)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(AssayError, match="is a database, but not a ledger"):
        Ledger(other)
    text = tmp_path / "text"
    text.write_text("not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(AssayError, match="cannot be used: file is not a database"):
        Ledger(text)
    with pytest.raises(AssayError, match="does not exist"):
        Ledger(tmp_path / "missing", create=False)


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AssayError, match="is a file; it must be a folder"):
        Ledger(tmp_path / "file" / "l.sqlite")


ASKED = {"kind": "training", "seed": 3, "rate": 0.01, "recipe": {"distribution": "sign"}}


def test_the_view_runs_says_the_evidence_in_flat_columns(tmp_path):
    learned = replace(
        statement(1, error=0.125),
        question=ASKED,
        source="training",
        detail={"steps": 70},
        size=Size(width=4, state=6, depth=2),
    )
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.add(learned)
        ledger.add(statement(2))
        said = ledger.runs()
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as connection:
        found = connection.execute("SELECT * FROM runs ORDER BY key")
        assert [dict(zip([name for name, *_ in found.description], row, strict=True)) for row in found] == said
    run = next(row for row in said if row["key"] == learned.key)
    expected = {"seed": 3, "rate": 0.01, "distribution": "sign", "steps": 70, "width": 4, "state": 6, "depth": 2}
    expected |= {"test_error": 0.125, "error": 0.125, "task": learned.task["name"], "verdict": learned.verdict}
    assert {name: run[name] for name in expected} == expected
    assert json.loads(run["task_parameters"]) == {key: value for key, value in learned.task.items() if key != "name"}
    other = next(row for row in said if row["key"] != learned.key)
    assert other["seed"] is other["state"] is None


def test_an_old_ledger_has_the_view_once_it_is_opened_to_write(tmp_path):
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        ledger.add(statement(1))
        rows = ledger.runs()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP VIEW runs")
    with Ledger(path, create=False) as read:
        assert read.runs() == rows
    views = "SELECT name FROM sqlite_master WHERE type = 'view'"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(views).fetchall() == [], "reading changes nothing"
        connection.execute("CREATE VIEW runs AS SELECT key FROM evidence")  # as another version may have made it
        connection.commit()
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(views).fetchall() == [("runs",)]
        assert len(connection.execute("SELECT * FROM runs").fetchone()) == len(rows[0])
