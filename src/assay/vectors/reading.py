"""Embeddings and relevance from files: .npy arrays; TREC qrels, tables of two or three columns, or pairs in an .npz."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, one_line, require
from assay.probing.heads import shown
from assay.store.files import open_regular, read_text
from assay.vectors.documents import Places

LARGEST_ARRAY = 1 << 40  # bytes; arrays stay on the disk
LARGEST_TEXT = 1 << 30
_FORMS = "'query document', 'query document relevance' or 'query 0 document relevance'"


@dataclass(frozen=True, eq=False)
class Relevance:
    """The documents that each query should rank on top.

    Attributes:
        names: of the queries.
        sets: for each of them the rows of its documents, ascending.
        rows: of each query in an array of queries; None where the name is no row number.
    """

    names: tuple[str, ...]
    sets: tuple[Places, ...]
    rows: tuple[int | None, ...]


Sets = Mapping[Any, Iterable[int]] | Sequence[Iterable[int]]  # rows of documents, for each query


def read_embeddings(source: str | Path | NDArray[np.floating], name: str) -> NDArray[np.floating]:
    """An array (n, d) as it is, or an .npy file, which stays on the disk (a memory map).

    Args:
        source: the array, or the path of a file.
        name: what it holds, for messages.

    Raises:
        AssayError: no such file, or not one array of two axes of float16, float32 or float64.
    """
    if isinstance(source, (str, Path)):
        open_regular(source, LARGEST_ARRAY).close()  # refuses folders and pipes, which NumPy would wait for
        try:
            array = np.load(source, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            reason = "it holds Python objects" if "allow_pickle" in str(error) else shown(error)
            raise AssayError(f"{one_line(str(source))} is no whole .npy file: {reason}") from None
        require(isinstance(array, np.ndarray), f"{name} of {source}", "an .npz file", "one array, as numpy.save writes")
    else:
        array = np.asarray(source)
    allowed = "float16, float32 or float64"
    require(array.dtype.kind == "f" and array.dtype.itemsize in (2, 4, 8), f"dtype of {name}", array.dtype, allowed)
    require(array.ndim == 2 and array.size > 0, f"shape of {name}", array.shape, f"(number of {name}, d)")
    native = array.dtype.newbyteorder("=")
    return array if array.dtype == native and array.flags.c_contiguous else np.ascontiguousarray(array, dtype=native)


def read_relevance(
    source: str | Path | Sets,
    count: int,
    ids: str | Path | None = None,
    query_ids: str | Path | None = None,
) -> Relevance:
    """Relevance sets from a file, or from Python: a list of sets of rows, or a dictionary of them.

    A text has a line for each relevant document: 'query document', 'query document relevance' or, as TREC's qrels,
    'query 0 document relevance', separated by tabs or spaces; documents with relevance 0 or less are not relevant. A
    first line whose relevance is no number is a header. An .npz file has `pairs` (m, 2) of queries and documents, or
    `sets` (m, k). Ids are row numbers, from 0, unless a file with one id in each line gives the rows other ids.

    Args:
        source: path, list or dictionary.
        count: documents there are.
        ids: file of the documents' ids.
        query_ids: file of the queries' ids, in the order of their embeddings.

    Raises:
        AssayError: what is not of that form; ids out of range, unknown or twice; empty sets, or of all documents.

    >>> found = read_relevance([[3, 1], [0]], 5)
    >>> found.names, [members.tolist() for members in found.sets]
    (('0', '1'), [[1, 3], [0]])
    """
    sets: dict[str, list[int]]
    if isinstance(source, (str, Path)):
        row_of = None if ids is None else _rows_of(ids, count)
        sets = _of_arrays(source) if Path(source).suffix == ".npz" else _of_text(source, count, row_of)
    else:
        named = source.items() if isinstance(source, Mapping) else enumerate(source)
        sets = {
            str(name): [_whole(entry, f"a document of query {name}") for entry in members] for name, members in named
        }
    require(bool(sets), "relevance", "nothing", "at least one query with a relevant document")
    for name, members in sets.items():
        _check(name, members, count)
    found = tuple(np.sort(np.array(members, dtype=np.intp)) for members in sets.values())
    rows = {} if query_ids is None else _rows_of(query_ids, None)
    query_rows = [rows.get(name) if query_ids else int(name) if name.isdecimal() else None for name in sets]
    return Relevance(tuple(sets), found, tuple(query_rows))


def query_rows(relevance: Relevance, count: int) -> Places:
    """The row of each query in an array of `count` queries.

    Raises:
        AssayError: a query without one.
    """
    for name, row in zip(relevance.names, relevance.rows, strict=True):
        require(
            row is not None and row < count,
            "query",
            name,
            f"a row of the queries, 0 to {count - 1}, or an id in a file of query ids",
        )
    return np.array(relevance.rows, dtype=np.intp)


def _check(name: str, members: list[int], count: int) -> None:
    require(bool(members), f"relevant documents of query {name}", "none", "at least one")
    for member in members:
        require(0 <= member < count, f"document of query {name}", member, f"a row of the documents, 0 to {count - 1}")
    twice = sorted(members)
    for one, other in pairwise(twice):
        require(one != other, f"document {one} of query {name}", "given twice", "given once")
    require(len(members) < count, f"relevant documents of query {name}", f"all {count}", "fewer than there are")


def _whole(value: Any, name: str) -> int:
    fits = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    require(fits, name, shown(value), "a row number, an integer")
    return int(value)


def _of_arrays(path: str | Path) -> dict[str, list[int]]:
    """From an .npz file."""
    open_regular(path, LARGEST_ARRAY).close()
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # zip files go wrong in many ways
        raise AssayError(f"{one_line(str(path))} is no whole .npz file: {shown(error)}") from None
    known = [name for name in ("pairs", "sets") if name in arrays]
    names = shown(", ".join(arrays) or "none")
    require(
        len(known) == 1, f"arrays of {path}", names, "either pairs (m, 2), of queries and documents, or sets (m, k)"
    )
    array = arrays[known[0]]
    fits = array.ndim == 2 and array.dtype.kind in "iu" and (known[0] == "sets" or array.shape[1] == 2)
    require(
        fits, known[0], f"{array.dtype} {array.shape}", "integers (m, 2)" if known[0] == "pairs" else "integers (m, k)"
    )
    if known[0] == "sets":
        return {str(row): members for row, members in enumerate(array.tolist())}
    found: dict[str, list[int]] = {}
    for query, document in array.tolist():
        found.setdefault(str(query), []).append(document)
    return found


def _of_text(path: str | Path, count: int, row_of: Mapping[str, int] | None) -> dict[str, list[int]]:
    """From a table."""
    found: dict[str, list[int]] = {}
    columns = 0
    for number, line in enumerate(read_text(path, LARGEST_TEXT).splitlines(), 1):
        words = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            continue
        columns = columns or len(words)
        require(
            len(words) == columns and 2 <= columns <= 4,
            f"line {number} of {path}",
            shown(line) or "empty",
            f"{columns} columns as before" if 2 <= columns <= 4 else _FORMS,
        )
        if number == 1 and _is_header(words, row_of):
            continue
        relevant = columns == 2 or _relevance(words[-1], number, path) > 0
        members = found.setdefault(words[0], [])
        if relevant:
            members.append(_row(words[2 if columns == 4 else 1], number, path, count, row_of))
    return found


def _is_header(words: list[str], row_of: Mapping[str, int] | None) -> bool:
    if len(words) > 2:
        return not _is_number(words[-1])
    return row_of is None and not words[1].isdecimal() and not words[0].isdecimal()


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _relevance(word: str, number: int, path: str | Path) -> float:
    require(
        _is_number(word) and np.isfinite(float(word)), f"relevance in line {number} of {path}", shown(word), "a number"
    )
    return float(word)


def _row(word: str, number: int, path: str | Path, count: int, row_of: Mapping[str, int] | None) -> int:
    if row_of is None:
        fits = word.isdecimal() and int(word) < count
        allowed = f"a row of the documents, 0 to {count - 1}; other ids need a file of ids"
    else:
        fits, allowed = word in row_of, "an id in the file of ids"
    require(fits, f"document in line {number} of {path}", shown(word), allowed)
    return int(word) if row_of is None else row_of[word]


def _rows_of(path: str | Path, count: int | None) -> dict[str, int]:
    """The row of each id in a file with one in each line."""
    lines = [line.strip() for line in read_text(path, LARGEST_TEXT).splitlines()]
    if count is not None:
        require(len(lines) == count, f"lines of {path}", len(lines), f"{count}, an id for each document")
    found = {name: row for row, name in enumerate(lines)}
    if len(found) < len(lines):
        twice = next(name for row, name in enumerate(lines) if found[name] != row)
        require(False, f"id in {path}", shown(twice) or "empty", "a different one in each line")
    return found
