"""Findings as JSON, made here and nowhere else: what `--json` of run and probe prints, and what every page carries.

Keys are the fields of `assay.report.findings.Findings` or `assay.report.probe_page.ProbeFound` and of the dataclasses
that they hold, whose docstrings say what they mean and in which units, and what these compute once
(`functools.cached_property`). What has no finite number, or no answer, is None there and null in JSON; an error that
was not finite is the large number that the ledger has, 1e9 of a training run and 1e300 of a protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property

SCHEMA = 2  # raised when a key of the findings changes its name or meaning, or goes

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def to_json(found: object) -> dict[str, Json]:
    """A dataclass as plain JSON values: tuples become lists, and keys of mappings texts.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Reached:
    ...     largest: tuple[int, ...]
    ...     by_width: dict[int, float]
    ...     @cached_property
    ...     def middle(self) -> int:
    ...         return self.largest[len(self.largest) // 2]
    >>> to_json(Reached((3, 5, 8), {16: 0.5}))
    {'largest': [3, 5, 8], 'by_width': {'16': 0.5}, 'middle': 5}

    Raises:
        TypeError: `found` is no dataclass, or holds what JSON does not know.
    """
    if not is_dataclass(found) or isinstance(found, type):
        raise TypeError(f"{found!r} is no dataclass")
    computed = (name for name, of in vars(type(found)).items() if isinstance(of, cached_property))
    return {name: _plain(getattr(found, name)) for name in (*(field.name for field in fields(found)), *computed)}


def _plain(value: object) -> Json:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return to_json(value)
