"""How the weight of an attention entry falls off with the distance of a sum of residues from a match."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numba import njit

from assay.models.structured import TAIL

FARTHEST = 1 << 61  # on the line, where coordinates lie below 2^60


@dataclass(frozen=True)
class Profile:
    """Weights exp(-2 c sin^2(pi d / M)) at distance d on a circle of M residues, or exp(-2 c d^2) on the line, M = 0.

    A match has the weight 1; on the circle that is exp(c cos(2 pi d / M)) divided by the weight of a match. d is a
    whole number, so that nothing cancels: exponents have a relative error of some roundings at any M.

    Attributes:
        modulus: M, at most 2^60; 0 for the line.
        sharpness: c, at least 0.

    >>> Profile(modulus=8, sharpness=3.0).weight(4) == math.exp(-6)
    True
    """

    modulus: int
    sharpness: float

    def weight(self, distance: int) -> float:
        """Weight of an entry at this distance."""
        return weight_at(distance, self.modulus, self.sharpness)

    def reach(self, entries: int, sink: float) -> int:
        """The distance beyond which `entries` entries together weigh at most TAIL times exp(-sink).

        Weights fall with the distance up to M / 2, the largest that there is. Of `sink`, the exponent of an entry
        that is there for certain, the total weight is at least exp(-sink).

        >>> Profile(modulus=10**12, sharpness=1e25).reach(entries=10**6, sink=20.0)
        1
        """
        exponent = max(0.0, math.log(max(1, entries)) + sink - math.log(TAIL))
        farthest = self.modulus // 2 if self.modulus else FARTHEST
        if not 2 * self.sharpness * (1 if self.modulus else float(farthest) ** 2) > exponent:
            return farthest
        root = math.sqrt(exponent / (2 * self.sharpness))
        distance = math.asin(root) / math.pi * self.modulus if self.modulus else root
        return min(farthest, math.ceil(distance * (1 + 2.0**-40)))  # which covers the roundings of a few operations


@njit(cache=True)
def weight_at(distance: int, modulus: int, sharpness: float) -> float:
    """exp(-2 c sin^2(pi d / M)), or exp(-2 c d^2) if M is 0."""
    root = math.sin(math.pi * (distance / modulus)) if modulus else float(distance)
    return math.exp(-2.0 * sharpness * root * root)
