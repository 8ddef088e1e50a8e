"""From the tables of a TOML text to a checked study file, or to a line for everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from assay.errors import AssayErrors, one_line, unknown
from assay.schema import Json
from assay.studies.checks import Above, CannotBe
from assay.studies.schema import StudyTable, Table

KeyPath = Sequence[int | str]
_LONGEST = 120  # characters of a value that is shown
_WORDS = {"dict_type": "a table", "model_type": "a table", "list_type": "a list", "too_short": "not empty"}


def read_tables(tables: Json, study: str, folder: Path) -> tuple[StudyTable, StudyTable | None]:
    """The study of these tables as a whole, and as its table `quick` changes it; None where it has none.

    Paths to a user's own code start from `folder`; what is named is imported.

    Raises:
        AssayErrors: a line for each fault, with the path of its key, its value and what is allowed.
    """
    whole = {key: value for key, value in tables.items() if key != "quick"}
    changes = tables.get("quick", {})
    forms, said, read = {"": whole}, {}, []
    if not isinstance(changes, dict):
        said["quick"] = f"study {study}: quick = {_shown(changes)} is not allowed; it must be a table"
    elif changes:
        forms["in the quick form, "] = _overlay(whole, changes)
    for which, form in forms.items():
        try:
            read.append(StudyTable.model_validate(form, context=Above(folder)))
        except ValidationError as error:
            for reason, message in _faults(error):
                said.setdefault(reason, one_line(f"study {study}: {which}{message}"))
    if said:
        raise AssayErrors(said.values())
    return read[0], read[1] if len(read) > 1 else None


def _overlay(below: Json, above: Json) -> Json:
    """`below` with the entries of `above` put over it, tables within tables; lists are replaced whole."""
    merged = dict(below)
    for key, value in above.items():
        both_tables = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _overlay(below[key], value) if both_tables else value
    return merged


def _faults(error: ValidationError) -> Iterator[tuple[str, str]]:
    """What tells each fault from others, and its message."""
    for fault in error.errors(include_url=False):
        path, kind = fault["loc"], fault["type"]
        *above, last = path
        if kind == "missing":
            message = f"{_text(above) or 'it'} has no {last}"
        elif kind == "extra_forbidden":
            message = f"{_text([*above, 'key'])} {str(unknown('', str(last), _table_at(above).model_fields)).lstrip()}"
        elif kind == "value_error":
            reason = str(fault["ctx"]["error"])
            message = (
                f"{_text([*above, ''])}{reason}" if reason.startswith(f"{last} = ") else f"{_text(path)}: {reason}"
            )
            if isinstance(fault["ctx"]["error"], CannotBe):
                yield f"{path[:2]}: {reason}", message
                continue
        else:
            message = _not_allowed(path, fault)
        yield message, message


def _not_allowed(path: KeyPath, fault: ErrorDetails) -> str:
    name, value = (_text(path), fault["input"]) if path[-1] != "[key]" else ("the name of a sweep", path[-2])
    allowed = fault["msg"] if fault["type"] == "must" else _WORDS.get(fault["type"])
    end = f"it must be {allowed}" if allowed else fault["msg"]
    return f"{name} = {_shown(value)} is not allowed; {end}"


def _shown(value: object) -> str:
    try:
        text = one_line(repr(value))
    except ValueError:  # digits without end
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _text(path: KeyPath) -> str:
    """A key's place as people write it: `sweeps.pairs.search[1].steps`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _table_at(path: KeyPath) -> type[Table]:
    """What the table is whose unknown key is complained of."""
    kind: type[Table] = StudyTable
    parts = iter(path)
    for part in parts:
        annotation = kind.model_fields[str(part)].annotation
        (kind,) = [
            one for one in (annotation, *get_args(annotation)) if isinstance(one, type) and issubclass(one, Table)
        ]
        if get_origin(annotation) in (list, dict):
            next(parts)  # a number, or the name of a sweep
    return kind
