"""The page on bounds says what the code says."""

import re
from pathlib import Path

from assay.bounds import BOUNDS
from assay.bounds.table import bounds_table, example_of, excluded
from assay.resources import Resources

PAGE = (Path(__file__).parent.parent / "docs" / "bounds.md").read_text("utf-8")


def test_the_table_is_that_of_the_code():
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| "))
    assert table == bounds_table(), "python -m assay.bounds.table prints the table for docs/bounds.md"


def test_every_bound_has_a_paragraph():
    said = set(re.findall(r"\*\*`([a-z0-9-]+)`\*\*", PAGE))
    assert said == set(BOUNDS.names())


def test_sizes_in_the_table_follow_from_the_amounts():
    """Of bounds on bits: the largest whole number of numbers of p bits below what is required."""
    for name in BOUNDS.names():
        bound, case = BOUNDS[name](), example_of(name)
        if bound.resource in ("state bits", "embedding bits"):
            for precision in (32, 8):
                needed = bound.amount(
                    case.task, case.error, case.distribution, Resources(precision=1, passes=case.passes)
                )
                assert excluded(name, precision) * precision < needed <= (excluded(name, precision) + 1) * precision
