"""The published curve of how many documents training serves at d dimensions, and its inverse; for k = 2 only.

Weller, Boratko, Naim and Lee, "On the theoretical limitations of embedding-based retrieval" (2025, arXiv 2508.21038):
free embeddings, InfoNCE at temperature 0.1, the first n at which not all pairs are retrieved; a cubic through what was
measured at small d. It describes that temperature: annealed training goes far beyond it (`assay.retrieval.learned`).
"""

from __future__ import annotations

import math

COEFFICIENTS = (-10.5322, 4.0309, 0.0520, 0.0037)  # of d^0 ... d^3
TEMPERATURE = 0.1
FIRST = 4  # dimensions from which the curve is used


def critical_documents(dimensions: float) -> float:
    """The number of documents n at d dimensions; below d = 4 there is no value worth its name.

    >>> round(critical_documents(10)), round(critical_documents(512), -4)
    (39, 510000.0)
    """
    return sum(factor * dimensions**power for power, factor in enumerate(COEFFICIENTS))


def critical_dimensions(documents: int) -> int:
    """The least d, from 4 up, at which the curve reaches n.

    >>> critical_dimensions(50_000), critical_dimensions(1_000)
    (233, 56)
    """
    low, high = FIRST - 1, FIRST
    while critical_documents(high) < documents:
        low, high = high, 2 * high
    while high - low > 1:
        middle = math.floor((low + high) / 2)
        low, high = (middle, high) if critical_documents(middle) < documents else (low, middle)
    return high
