"""Results as JSON, made here and nowhere else: what commands print with `--json`, and what every page carries.

Keys are the fields of the dataclasses, whose docstrings say what they mean and in which units, and what these compute
once (`functools.cached_property`). What has no finite number, or no answer, is None there and null in JSON; an error
that was not finite is the large number that the ledger has, 1e9 of a training run and 1e300 of a protocol.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

SCHEMA = 3  # raised when a key of the JSON of a command or page changes its name or meaning, or goes

Plain = dict[str, "Plain"] | list["Plain"] | str | int | float | bool | None
Json = dict[str, Any]  # an object of plain JSON values


class Result(ABC):
    """What a command answers with, and the function of `assay` of the same name returns: a frozen dataclass.

    Its `repr` is one line. Subclasses are decorated with `@dataclass(frozen=True, repr=False)`.
    """

    @property
    @abstractmethod
    def line(self) -> str:
        """What was found, in one line: sizes, and what is guaranteed."""

    def to_json(self) -> Json:
        """Plain JSON values: what the command prints with `--json` beside the number of their form, `SCHEMA`."""
        return to_json(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.line}>"


def to_json(found: object) -> dict[str, Plain]:
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
    return {name: plain(getattr(found, name)) for name in (*(field.name for field in fields(found)), *computed)}


def plain(value: object) -> Plain:
    """A value, with the dataclasses in it, as plain JSON values."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return plain_object(value)
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    return to_json(value)


def plain_object(told: Mapping[str, object]) -> Json:
    """A mapping, with what is in it, as plain JSON values.

    >>> plain_object({"alice": (0, 1)})
    {'alice': [0, 1]}
    """
    return {str(key): plain(entry) for key, entry in told.items()}
