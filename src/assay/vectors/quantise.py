"""Documents and queries at a precision, and the error of scores there.

The documents of a precision are exact numbers, which the same questions are asked about. Its queries are rounded too:

| precision | document | query |
|---|---|---|
| float16, float32, float64 | rounded to this format | the same, products added in float32 (float64 for float64) |
| int8 | integers from -127 to 127 times a scale of its own | integers from -127 to 127 times one scale |
| binary | sign of each number, +1 for 0 | integers from -127 to 127 times one scale |
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, unknown
from assay.vectors.documents import Documents, Floats

PRECISIONS = ("float16", "int8", "binary")  # that documents can be quantised to
_LEVELS = 127
_SCALE_BITS = 16  # of a document's scale: its product with an integer below 128 is exact in float32


def quantised(documents: NDArray[np.floating], precision: str) -> NDArray[np.floating]:
    """The documents at a precision, (n, d): float16, or float32 (float64 where that alone holds them).

    The scale of a document is its largest magnitude over 127, rounded up to 16 bits.

    Raises:
        AssayError: no such precision, or numbers too large for float16.

    >>> quantised(np.array([[1.27, -0.634, 0.0]], dtype=np.float32), "int8").tolist()
    [[1.270029067993164, -0.6300144195556641, 0.0]]
    >>> quantised(np.array([[1.27, -0.634, 0.0]], dtype=np.float32), "binary").tolist()
    [[1.0, -1.0, 1.0]]
    """
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    if precision == "binary":
        return np.where(documents >= 0, np.float32(1), np.float32(-1))
    if precision == "float16":
        largest = float(np.abs(documents).max())
        require(largest <= 65504, "largest magnitude in the documents", largest, "at most 65504 for float16")
        return documents.astype(np.float16)
    found = np.empty(documents.shape, dtype=np.float32)
    for start in range(0, len(documents), 8192):
        rows = documents[start : start + 8192].astype(np.float64)
        fraction, exponent = np.frexp(np.abs(rows).max(axis=1, keepdims=True) / _LEVELS)
        scale = np.ldexp(np.ceil(np.ldexp(fraction, _SCALE_BITS)), exponent - _SCALE_BITS)
        exact = np.rint(rows / np.where(scale > 0, scale, 1.0)) * scale
        if found.dtype == np.float32 and (np.abs(exact).max() > 1e38 or (exact.astype(np.float32) != exact).any()):
            found = found.astype(np.float64)
        found[start : start + 8192] = exact
    return found


def query_precision(precision: str) -> str:
    """What queries are rounded to for documents of a precision."""
    return precision if precision.startswith("float") else "int8"


def rounded_query(query: Floats, precision: str) -> Floats:
    """The query (d,) at the precision of queries, times a positive number: scores are compared, not read.

    >>> rounded_query(np.array([0.5, -0.1, 0.0]), "int8").tolist()
    [127.0, -25.0, 0.0]
    """
    largest = float(np.abs(query).max())
    if largest == 0:
        return query
    if query_precision(precision) == "int8":
        return np.rint(query * (_LEVELS / largest))
    return (query / largest).astype(precision).astype(np.float64)


def score_error(query: Floats, precision: str, documents: Documents) -> float:
    """By how much a score may err at a precision, for this query divided by its length; a bound for all documents.

    With float queries: u |w| |x| for rounding the query to unit roundoff u, and d v |w| |x| for a product of d numbers
    added in unit roundoff v, in any order. With int8 queries: half a step, max |w| / 254, times the sum of |x_c|, as
    products of integers are exact, and three roundings of scales in float32. Two scores are compared, so a margin above
    twice this error is safe.
    """
    unit = query / np.linalg.norm(query)
    if query_precision(precision) == "int8":
        return float(np.abs(unit).max() / (2 * _LEVELS)) * documents.largest_sum + 3 * 2.0**-24 * documents.longest
    own = float(np.finfo(precision).eps) / 2
    added = 2.0**-53 if precision == "float64" else 2.0**-24
    return 1.01 * (own + (documents.width + 1) * added) * documents.longest


def checked_precisions(names: Iterable[str], given: np.dtype) -> tuple[str, ...]:
    """Precisions that are asked for besides that of the documents.

    Raises:
        AssayError: one that is not known, named twice, or that of the documents.
    """
    found = tuple(names)
    for name in found:
        if name not in PRECISIONS:
            raise unknown("precision", name, PRECISIONS)
        require(name != str(given), "quantise", name, "another precision than that of the documents")
        require(found.count(name) == 1, "quantise", ",".join(found), "different precisions")
    return found
