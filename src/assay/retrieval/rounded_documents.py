"""What number formats leave of explicit documents: the share of sets that the rounded query still retrieves.

Documents and queries are rounded, each number by itself; scores are float64 products and sums of these. int8 has a
scale for each vector, which brings its largest entry to 127. Formats of integers hold the codes as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from assay.arithmetic.torch_settings import settled
from assay.errors import require_integer, unknown
from assay.retrieval.documents import Documents, Floats, Sets
from assay.tasks import counter

EXHAUSTIVE = 10**6  # sets up to which all are tried
_AT_ONCE = 1 << 22  # scores

# Bits p of the integers, sign included, that a format holds exactly.
INTEGER_BITS = {"float64": 54, "float32": 25, "float16": 12, "bfloat16": 9, "int8": 8}
STORED_BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "int8": 8}
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Retrieved:
    """How many sets the rounded query retrieves from the rounded documents.

    Attributes:
        retrieved: how many.
        tried: of how many.
        exhaustive: whether these are all.
    """

    retrieved: int
    tried: int
    exhaustive: bool

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.retrieved / self.tried


def rounded(vectors: Floats, number_format: str) -> Floats:
    """Rows in a number format, as float64.

    Values beyond the range of float16 become infinite, as they do there.

    >>> rounded(np.array([[1.0, 1 / 3]]), "int8").round(4).tolist(), rounded(np.array([[1 / 3]]), "bfloat16").tolist()
    ([[1.0, 0.3307]], [[0.333984375]])

    Raises:
        AssayError: an unknown format.
    """
    if number_format == "float64":
        return vectors
    if number_format == "int8":
        step = np.abs(vectors).max(axis=1, keepdims=True) / 127
        step = np.where(step > 0, step, 1)
        return np.rint(vectors / step) * step
    if number_format not in _DTYPES:
        raise unknown("number format", number_format, INTEGER_BITS)
    with settled():
        return torch.from_numpy(np.ascontiguousarray(vectors)).to(_DTYPES[number_format]).double().numpy()


def retrieved(documents: Documents, number_format: str, *, draws: int = 20_000, seed: int = 0) -> Retrieved:
    """How many sets of k are retrieved: of all where there are up to 10^6, of `draws` random ones else.

    Time: a product (sets, d) by (d, n); seconds for 10^6 sets of 1,000 documents.

    >>> from assay.retrieval.documents import CyclicDocuments
    >>> retrieved(CyclicDocuments(46, 2), "float32"), retrieved(CyclicDocuments(46, 2), "float16").share < 1
    (Retrieved(retrieved=1035, tried=1035, exhaustive=True), True)

    Raises:
        AssayError: an unknown format, or draws below 1.
    """
    require_integer("draws", draws, 1, None)
    count, top = documents.documents, documents.top
    exhaustive = math.comb(count, top) <= EXHAUSTIVE
    sets = np.array(list(combinations(range(count), top))) if exhaustive else drawn_sets(count, top, draws, seed)
    vectors, right = rounded(documents.vectors(), number_format), 0
    for part in np.array_split(sets, 1 + len(sets) * count // _AT_ONCE):
        right += int(is_retrieved(vectors, rounded(documents.queries(part), number_format), part).sum())
    return Retrieved(right, len(sets), exhaustive)


def is_retrieved(vectors: Floats, queries: Floats, sets: Sets) -> NDArray[np.bool_]:
    """Whether all scores in each set (sets, k) are above all others: ties are failures. (sets,)."""
    with np.errstate(invalid="ignore"):  # numbers beyond a format: what is not a number is not above others
        scores = queries @ vectors.T
    least = np.take_along_axis(scores, sets, axis=1).min(axis=1)
    np.put_along_axis(scores, sets, -np.inf, axis=1)
    return least > scores.max(axis=1)


def drawn_sets(documents: int, top: int, draws: int, seed: int) -> Sets:
    """Random sets (draws, k), ascending, each as likely; the same for the same arguments everywhere."""
    return counter.subsets(counter.words(counter.example_keys(seed, "test", 0, draws), 0, top), documents)
