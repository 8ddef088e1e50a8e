"""Rows as data frames: of pandas, else of polars, else one line that says what to install."""

import sys

import pytest

from assay import AssayError, Ledger
from assay.frames import columns, frame
from statements import statement

ROWS = [{"N": 8, "law": "power"}, {"N": 16, "seeds": (1, None)}]


def test_columns_have_a_place_for_every_row():
    assert columns(ROWS) == {"N": [8, 16], "law": ["power", None], "seeds": [None, "[1, null]"]}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_is_of_the_first_library_that_is_installed(library, monkeypatch):
    there = pytest.importorskip(library)
    for other in {"pandas", "polars"} - {library}:
        monkeypatch.setitem(sys.modules, other, None)
    found = frame(ROWS)
    assert isinstance(found, there.DataFrame)
    assert (found.shape, list(found.columns), list(found["N"])) == ((2, 3), ["N", "law", "seeds"], [8, 16])


def test_without_either_one_line_says_what_to_install(monkeypatch):
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(AssayError, match=r"neither is installed: pip install 'assay-attention\[frames\]'"):
        frame(ROWS)


def test_a_ledger_is_a_frame_with_a_row_for_each_piece():
    pytest.importorskip("pandas")
    with Ledger(":memory:") as ledger:
        for number in range(3):
            ledger.add(statement(number))
        found = ledger.frame()
    assert len(found) == 3
    assert {"key", "task", "task_parameters", "architecture", "verdict", "seed", "width", "test_error"} <= set(
        found.columns
    )
