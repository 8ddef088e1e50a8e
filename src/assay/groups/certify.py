"""What is proved about weights for a group's words, and the arithmetic that the proofs speak of."""

from __future__ import annotations

import math
from dataclasses import dataclass

SINGLE = 2.0**-24  # unit roundoff of float32
DOUBLE = 2.0**-53


@dataclass(frozen=True)
class WeightsCertificate:
    """What was checked of weights, and what follows.

    Attributes:
        weights: what they are.
        layers: number of layers.
        steps: Householder steps at each token; 0 for other layers.
        state: numbers of state, over all layers; a complex number is two.
        letters: how many elements a token may be.
        arithmetic: in which the answers are proved to be right.
        token_error: the largest distance that a token adds between the state and the exact one; 0 where it is exact.
        margin: up to which distance the state is read right.
        horizon: tokens up to which every answer on every word is right; None where there is no end.
        justification: what was enumerated, and the inequality.
    """

    weights: str
    layers: int
    steps: int
    state: int
    letters: int
    arithmetic: str
    token_error: float
    margin: float
    horizon: int | None
    justification: str


def gamma(n: int, unit: float) -> float:
    """n u / (1 - n u): the relative error of n roundings (Higham, Accuracy and Stability, lemma 3.1).

    >>> round(gamma(3, SINGLE) / SINGLE, 3)
    3.0
    """
    return n * unit / (1 - n * unit)


def tokens_within(growth: float, added: float, margin: float) -> int:
    """The most tokens t with e_t < margin, for e_0 = 0 and e_t = growth e_(t-1) + added; growth above 1.

    e_t = added (growth^t - 1) / (growth - 1).

    >>> tokens_within(1.5, 1.0, 5.0), tokens_within(1.5, 1.0, 4.7)  # e = 0, 1, 2.5, 4.75, ...
    (3, 2)
    """
    if margin <= 0:
        return 0
    found = math.log1p(margin * (growth - 1) / added) / math.log1p(growth - 1)
    return max(0, math.ceil(found * (1 - 1e-9)) - 1)
