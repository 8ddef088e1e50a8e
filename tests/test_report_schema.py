"""The JSON of findings: its keys are recorded with the number of their form, so that none changes unnoticed.

`python tests/test_report_schema.py` records them anew: raise `assay.schema.SCHEMA` first.
"""

import json
import sys
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.report.findings import Findings
from assay.report.probe_page import ProbeFound
from assay.schema import SCHEMA, to_json

RECORDED = Path(__file__).parent / "report_schema.txt"


def classes_in(annotation):
    """Dataclasses that a field's type names, at any depth."""
    found = [annotation] if is_dataclass(annotation) else []
    return found + [one for part in get_args(annotation) for one in classes_in(part)]


def keys(of, path=""):
    """A line for each object in the JSON: where it is found, and its keys."""
    computed = {key: how.func for key, how in vars(of).items() if isinstance(how, cached_property)}
    hints = get_type_hints(of) | {key: get_type_hints(function)["return"] for key, function in computed.items()}
    known = {key: hints[key] for key in (*(field.name for field in fields(of)), *computed)}
    yield f"{path or of.__name__}: {', '.join(sorted(known))}"
    for key, hint in sorted(known.items()):
        for part in classes_in(hint):
            yield from keys(part, f"{path}.{key}".lstrip("."))


def recorded():
    return "\n".join([f"schema {SCHEMA}", *keys(Findings), *keys(ProbeFound)]) + "\n"


def test_keys_are_those_recorded_for_this_number():
    said = "keys of the findings changed: raise SCHEMA, then run python tests/test_report_schema.py"
    assert RECORDED.read_text("utf-8") == recorded(), said


@dataclass(frozen=True)
class Part:
    value: object

    @cached_property
    def twice(self):
        return [self.value, self.value]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
LISTS = st.lists(PLAIN, max_size=3)
VALUES = PLAIN | LISTS | LISTS.map(tuple) | st.dictionaries(st.integers(), LISTS | PLAIN.map(Part), max_size=3)


def twin(value):
    """What the JSON module makes of the same values, told what a Part is."""
    text = json.dumps(value, default=lambda part: {"value": part.value, "twice": [part.value, part.value]})
    return json.loads(text)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(VALUES | VALUES.map(Part))
def test_plain_values_are_what_the_json_module_makes_of_them(value):
    assert to_json(Part(value)) == twin(Part(value))


@pytest.mark.parametrize("wrong", [{"a": 1}, Part, (Part(1),), 3])
def test_only_dataclasses_are_described(wrong):
    with pytest.raises(TypeError, match="is no dataclass"):
        to_json(wrong)


if __name__ == "__main__":
    RECORDED.write_text(recorded(), "utf-8")
    sys.stdout.write(f"{RECORDED}: schema {SCHEMA}\n")
