"""What answers with few errors tell: the sums that bounds on mean errors are made of. All logarithms are binary."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from assay.bounds.bound import binary_entropy

Numbers = NDArray[np.float64]

STANDARD_ERRORS = 3  # what is sampled is moved by so many, to the safe side


def told(error: float, choices: int = 2) -> float:
    """Bits that a guess with this share of errors tells, at least, of one of V equally likely values.

    log2 V - h(error) - error log2(V - 1) by Fano's inequality: at most h(error) bits say whether the guess is right,
    and where it is wrong the value is one of V - 1 others. 0 from 1 - 1/V on. Of a coin, V = 2, it is 1 - h(error).

    >>> told(0.0), round(told(0.1), 3), told(0.5), told(0.7)
    (1.0, 0.531, 0.0, 0.0)
    >>> told(0.0, 64), round(told(0.1, 64), 3), told(1 - 1 / 64, 64)
    (6.0, 4.933, 0.0)
    """
    if error >= 1 - 1 / choices:
        return 0.0
    return math.log2(choices) - binary_entropy(error) - error * math.log2(choices - 1)


def plain_error(balanced: float, ones: float) -> float:
    """The largest share of wrong answers that this balanced share allows, where a share `ones` of the answers is 1.

    With shares e_1 and e_0 of wrong answers among the ones and the zeros it is ones e_1 + (1 - ones) e_0, at most
    max(ones, 1 - ones) (e_1 + e_0), and the balanced share is (e_1 + e_0) / 2.

    >>> plain_error(0.1, 0.5), round(plain_error(0.1, 0.3), 3)
    (0.1, 0.14)
    """
    return 2 * max(ones, 1 - ones) * balanced


def water_level(weights: Numbers, depths: Numbers, amount: float) -> float:
    """The level at which sum of weights min(level, depths) is `amount`, or the largest depth if that is too little.

    >>> water_level(np.ones(3), np.array([1.0, 2.0, 4.0]), 5.0), water_level(np.ones(2), np.array([1.0, 2.0]), 9.0)
    (2.0, 2.0)
    """
    order = np.argsort(depths)
    weights, depths = weights[order], depths[order]
    below = np.concatenate([[0.0], np.cumsum(weights * depths)])
    wider = np.append(np.cumsum(weights[::-1])[::-1], 0.0)  # the weight of this depth and of those above it
    step = int(np.searchsorted(below[:-1] + wider[:-1] * depths, amount))
    return float(depths[-1]) if step == len(depths) else float((amount - below[step]) / wider[step])


def told_of_answers(weights: Numbers, chances: Numbers, errors: float) -> float:
    """Bits that yes/no answers tell, at least, if this many of them may be wrong in the mean.

    Answer t is yes with probability p_t given all that was seen before, and wrong with probability e_t. It then tells
    at least h(p_t) - h(e_t) bits where e_t < min(p_t, 1 - p_t), and may tell none otherwise. The least sum has equal
    e_t = level, up to min(p_t, 1 - p_t), as h(p) - h(e) is convex in e.

    Args:
        weights: how often there is such an answer.
        chances: p_t of each.
        errors: sum of weights e_t.

    >>> round(told_of_answers(np.ones(2), np.array([0.5, 0.5]), 0.2), 3), 2 * round(told(0.1), 3)
    (1.062, 1.062)
    """
    rarer = np.minimum(chances, 1 - chances)
    if errors >= float(weights @ rarer):
        return 0.0
    left = np.minimum(water_level(weights, rarer, errors), rarer)
    return max(0.0, float(weights @ (_entropies(rarer) - _entropies(left))))


def told_of_gaussians(fitted: Numbers, tried: Numbers, squares: float) -> float:
    """Bits that answers tell, at least, of normal numbers of these variances, drawn anew for each sequence.

    An answer to a number of variance v with mean square error s < v tells at least log2(v / s) / 2 bits. Of a sum of
    errors S the least is told if all are one level, up to v. For any level L, by convexity, at least the mean of

        sum of log2(v / min(L, v)) / 2 + (sum of min(L, v) - S) / (2 L ln 2)

    is told. L is chosen on some sequences and the mean taken over others, so that it is not biased; three standard
    errors are taken off it.

    Args:
        fitted: variances (sequences, answers) that choose the level.
        tried: variances that the mean is over, drawn independently.
        squares: S, the sum of the mean square errors of the answers of one sequence.

    >>> variances = np.ones((2, 5))
    >>> told_of_gaussians(variances, variances, 5 / 4), told_of_gaussians(variances, variances, 0.0)
    (5.0, inf)
    """
    weights = np.full(fitted.size, 1 / len(fitted))
    level = water_level(weights, fitted.ravel(), squares)
    if level <= 0:
        return math.inf if fitted.any() and squares <= 0 else 0.0
    left = np.minimum(level, tried)
    unknown, bits = tried > left, np.zeros_like(tried)
    bits[unknown] = np.log2(tried[unknown]) - np.log2(left[unknown])
    slack = (left.sum(axis=1) - squares) / level
    return max(0.0, below_mean(bits.sum(axis=1) / 2 + slack / (2 * math.log(2))))


def below_mean(samples: Numbers) -> float:
    """The mean of independent samples less three standard errors.

    >>> below_mean(np.array([1.0, 1.0, 1.0]))
    1.0
    """
    return float(samples.mean() - STANDARD_ERRORS * samples.std(ddof=1) / math.sqrt(len(samples)))


def _entropies(chances: Numbers) -> Numbers:
    return (entr(chances) + entr(1 - chances)) / math.log(2)
