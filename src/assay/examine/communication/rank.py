"""Ranks of a communication matrix, exact: over the rational numbers, and over the field of two elements.

A deterministic protocol of c bits that ends when either party knows the answer cuts the matrix into at most 2^c
rectangles in which all rows, or all columns, are equal: each has rank at most 1 over any field, so c >= log2 rank
(Mehlhorn and Schmidt 1982; Kushilevitz and Nisan, "Communication Complexity", 1997, section 1.4).
"""

from __future__ import annotations

import numpy as np
from flint import fmpz_mat, nmod_mat
from numpy.typing import NDArray

from assay.errors import require
from assay.examine.communication.matrix import CommunicationMatrix


def rational_rank(matrix: CommunicationMatrix) -> int:
    """Rank over the rational numbers, by elimination in whole numbers (FLINT); no rounding.

    The unit of the answers is a common factor and does not change the rank. Time O(n^3) word operations if the rank is
    full, up to about O(n^4) if not: 1 s for 512 different rows and columns of rank 256.

    >>> from assay.examine.communication import matrix_of
    >>> rational_rank(matrix_of(lambda x: (x[0] & x[1]).bit_count() % 2, [8, 8], [0]))  # inner product modulo 2
    7
    """
    return fmpz_mat(_distinct(matrix.multiples).tolist()).rank()


def rank_mod_2(matrix: CommunicationMatrix) -> int:
    """Rank over the field of two elements, exact; never above the rational one. Time O(n^3).

    >>> from assay.examine.communication import matrix_of
    >>> rank_mod_2(matrix_of(lambda x: (x[0] & x[1]).bit_count() % 2, [8, 8], [0]))
    3

    Raises:
        AssayError: answers other than 0 and 1.
    """
    require(matrix.is_boolean, "matrix", "one of other answers", "one of answers 0 and 1 for a rank over two elements")
    entries = _distinct(matrix.multiples)
    return nmod_mat(*entries.shape, entries.ravel().tolist(), 2).rank()


def _distinct(multiples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each row and each column once: repeated ones do not change a rank."""
    return np.unique(np.unique(multiples, axis=0), axis=1)
