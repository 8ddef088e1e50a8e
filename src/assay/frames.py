"""Rows as data frames, of whichever library is installed."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.schema import Result, plain, to_json

if TYPE_CHECKING:
    from pandas import DataFrame

LIBRARIES = ("pandas", "polars")  # the first that is installed is taken


class Framed(Result):
    """A result that holds rows."""

    @abstractmethod
    def rows(self) -> Iterable[object]:
        """Dataclasses, or mappings of column names to values."""

    def frame(self) -> DataFrame:
        """The rows as a data frame of pandas, or of polars.

        Raises:
            AssayError: neither is installed.
        """
        return frame(self.rows())


def frame(rows: Iterable[object]) -> DataFrame:
    """A data frame of pandas with these rows, or of polars where pandas is not installed.

    Args:
        rows: dataclasses, or mappings of column names to values. What a row lacks is missing there; what is neither a
            number nor a text is a text in JSON.

    >>> frame([{"N": 8, "width": 6}, {"N": 16, "width": 8, "law": "power"}]).shape  # doctest: +SKIP
    (2, 3)

    Raises:
        AssayError: neither library is installed.
    """
    return library().DataFrame(columns(rows))


def columns(rows: Iterable[object]) -> dict[str, list[str | float | None]]:
    """The values of each column, None where a row lacks it, in the order in which columns first occur.

    >>> columns([{"N": 8}, {"N": 16, "law": "power"}])
    {'N': [8, 16], 'law': [None, 'power']}
    """
    told = [row if isinstance(row, Mapping) else to_json(row) for row in rows]
    names = dict.fromkeys(name for row in told for name in row)
    return {name: [_cell(row.get(name)) for row in told] for name in names}


def _cell(value: object) -> str | float | None:
    whole = plain(value)
    return json.dumps(whole) if isinstance(whole, dict | list) else whole


def library():  # noqa: ANN201  # a module, whose type nobody can say
    """The module of the library whose data frames are used.

    Raises:
        AssayError: there is none.
    """
    for name in LIBRARIES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise AssayError(
        f"a data frame needs {' or '.join(LIBRARIES)}, and neither is installed: pip install 'assay-attention[frames]'"
    )
