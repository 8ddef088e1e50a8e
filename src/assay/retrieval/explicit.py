"""Explicit documents by their kind, and how large the margins of cyclic ones are."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np

from assay.errors import AssayError
from assay.retrieval.documents import (
    CyclicCodeDocuments,
    CyclicDocuments,
    Documents,
    OneHotCodeDocuments,
    SignDocuments,
)
from assay.retrieval.random_documents import dimensions_for_all
from assay.retrieval.rounded_documents import INTEGER_BITS
from assay.vectors.documents import Documents as Given
from assay.vectors.hulls import nearest

EXPLICIT = ("cyclic", "signs", "one-hot-code", "cyclic-code")
_MOST_SETS = 10_000
_LOST = 1e-12


def explicit_documents(kind: str, documents: int, top: int, number_format: str) -> Documents:
    """Documents of one of the kinds in `EXPLICIT`.

    Signs have 1.3 times the dimensions in which random documents serve all sets with probability 1/2. The cyclic code
    is the smallest for the integers that the number format holds.

    Raises:
        AssayError: no code serves so many documents in this format.
    """
    if kind == "cyclic":
        return CyclicDocuments(documents, top)
    if kind == "signs":
        return SignDocuments(documents, top, math.ceil(1.3 * dimensions_for_all(documents, top)))
    if kind == "one-hot-code":
        return OneHotCodeDocuments(documents, top)
    code = CyclicCodeDocuments.smallest(documents, top, INTEGER_BITS[number_format])
    if code is None:
        raise AssayError(f"no code for {documents:,} documents is proved in {number_format}")
    return code


def cyclic_margin(documents: int, top: int) -> float | None:
    """The least of the sets' largest margins, of cyclic documents and queries of length 1; within .1 % below it.

    Documents can be turned into each other, so that sets which contain the first stand for all. None where these are
    more than 10,000, or where the margin is lost in rounding.

    >>> round(cyclic_margin(9, 2), 3)
    0.077
    """
    if math.comb(documents - 1, top - 1) > _MOST_SETS:
        return None
    vectors = Given(CyclicDocuments(documents, top).vectors())
    sets = [np.array((0, *rest), dtype=np.intp) for rest in combinations(range(1, documents), top - 1)]
    with ThreadPoolExecutor(1) as pool:
        found = nearest(vectors, sets, pool)
    least = min((one.lowest - one.highest) / float(np.linalg.norm(one.query)) for one in found)
    return least if least > _LOST else None
