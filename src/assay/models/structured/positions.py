"""Sparse averaging with keys on the moment curve: weights depend on the distances of a position from the pointers.

The score of position t for the pointers y is -prod over i in y of (t - i)^2: 0 on the set and so much less a few steps
off it that only positions near a pointer have a weight.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.models.structured import TAIL

_NOTHING = 746.0  # exp(-746) is 0 in float64


def moment_averages(
    values: NDArray[np.float64], pointers: NDArray[np.int64], positions: int, temperature: float
) -> NDArray[np.float64]:
    """Attention of score -temperature * prod_i (t - y_i)^2 over positions t; (batch, queries, d), float64.

    Time O(queries q (q + d) reach) and memory O(queries d) for each example; positions beyond the values have the value
    0 and count in the softmax.

    Error: differences t - y_i are exact, products of 2q of them and the temperature have a relative error below
    (2q + 1) 2^-53. Positions farther than the reach from all pointers have products of at least (reach + 1)^2q, which
    makes their weights together at most TAIL of those of the set.

    Args:
        values: (batch, N, d).
        pointers: (batch, queries, q), different ones for each query token, from 0 to N - 1.
        positions: N, or more.
        temperature: factor on the scores, at least 0.

    >>> moment_averages(np.array([[[1.0], [2.0], [4.0]]]), np.array([[[0, 2]]]), 3, temperature=50.0).tolist()
    [[[2.5]]]
    """
    if not math.isfinite(temperature):
        return np.full((*pointers.shape[:2], values.shape[2]), np.nan)
    reach = moment_reach(pointers.shape[2], positions, temperature)
    ordered = np.sort(pointers, axis=2)
    return _averages(np.ascontiguousarray(values), ordered, positions, temperature, reach)


def moment_reach(sparsity: int, positions: int, temperature: float) -> int:
    """The distance from all q pointers beyond which all positions together weigh at most TAIL of the set.

    >>> moment_reach(sparsity=3, positions=10**5, temperature=4.0)
    2
    """
    if temperature == 0:
        return positions
    exponent = math.log(max(1.0, positions / sparsity)) - math.log(TAIL)
    return min(positions, math.ceil((exponent / temperature) ** (0.5 / sparsity)))


@njit(cache=True)
def _averages(
    values: NDArray[np.float64], pointers: NDArray[np.int64], positions: int, temperature: float, reach: int
) -> NDArray[np.float64]:
    batch, length, dimension = values.shape
    queries, sparsity = pointers.shape[1:]
    averages = np.zeros((batch, queries, dimension))
    for example in range(batch):
        for row in range(queries):
            total, place = 0.0, 0
            for near in pointers[example, row]:
                place = max(place, near - reach)
                while place < min(positions, near + reach + 1):
                    product = 1.0
                    for other in range(sparsity):
                        product *= float(place - pointers[example, row, other])
                    exponent = temperature * product * product if temperature else 0.0
                    if exponent < _NOTHING:
                        weight = math.exp(-exponent)
                        total += weight
                        if place < length:
                            for coordinate in range(dimension):
                                averages[example, row, coordinate] += weight * values[example, place, coordinate]
                    place += 1
            for coordinate in range(dimension):
                averages[example, row, coordinate] /= total
    return averages
