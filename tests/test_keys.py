"""Keys of what shipped studies and the battery ask: were a refactoring to change one, kept answers would be lost.

`keys.txt` has a line for each: name, form, how many questions there are, and a digest of their keys in the order in
which they are asked. `python tests/test_keys.py` records them anew.
"""

import sys
import tomllib
from itertools import product
from pathlib import Path

import pytest

from assay.evidence import content_hash
from assay.placing.battery import BatteryLayer, battery, chosen_rows
from assay.studies import shipped
from assay.studies.course import search_course
from assay.studies.study_file import load_study

RECORD = Path(__file__).with_name("keys.txt")
PLACED = ("attention", "lstm", "delta-net")


def of_search(search):
    """Keys of the first questions of a search, and of all runs of its candidates in every way to tell positions."""
    course = search_course(search)
    course.begin({})
    ways = [search.in_positions(way) for way in search.positions] or [search]
    every = product(range(len(search.values)), ways, search.seeds, search.rates)
    return [*course.asked, *(way.run(place, seed, rate).key for place, way, seed, rate in every)]


def keys_of(study):
    """Of everything that the study may ask, in its order."""
    alone = [question.key for question in (*study.singles(), *study.baselines())]
    return [*alone, *(key for search in study.searches() for key in of_search(search))]


def forms():
    """Every study and battery that comes with Assay: name, form, and what reads it."""
    for name, path in shipped().items():
        yield name, "whole", lambda name=name: load_study(name)
        if "quick" in tomllib.loads(path.read_text("utf-8")):
            yield name, "quick", lambda name=name: load_study(name, quick=True)
    for layer in PLACED:
        for quick in (False, True):
            rows = chosen_rows([], quick=quick)
            yield (
                f"place-{layer}",
                "quick" if quick else "whole",
                lambda layer=layer, rows=rows: battery(BatteryLayer(layer), rows, Path()),
            )


def line_of(name, form, read):
    keys = keys_of(read())
    return f"{name} {form} {len(keys)} {content_hash(keys)}"


@pytest.mark.parametrize(("name", "form", "read"), [pytest.param(*one, id=f"{one[0]}-{one[1]}") for one in forms()])
def test_keys_are_those_that_answers_were_kept_under(name, form, read):
    (recorded,) = (line for line in RECORD.read_text("utf-8").splitlines() if line.startswith(f"{name} {form} "))
    assert line_of(name, form, read) == recorded, (
        "questions have other keys, so that kept answers are not found. Where that is meant (a version was raised, or "
        "the study asks something else), record them: python tests/test_keys.py"
    )


def test_nothing_is_recorded_that_is_gone():
    recorded = [line.rsplit(" ", 2)[0] for line in RECORD.read_text("utf-8").splitlines()]
    assert recorded == sorted(f"{name} {form}" for name, form, _ in forms())


if __name__ == "__main__":
    lines = sorted(line_of(*one) for one in forms())
    RECORD.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    sys.stdout.write(f"{RECORD}: {len(lines)} recorded\n")
