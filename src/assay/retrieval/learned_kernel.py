"""Full-batch Adam on documents and queries at once, compiled: the loop behind `assay.retrieval.learned`.

Queries lie in blocks of LANES with the query as the last axis, so that every inner loop runs over LANES neighbouring
numbers whatever the number of documents or dimensions, and the processor's vector units are full. Coordinates are
padded by one zero to an even number: it has no gradient and stays zero. Places of the last block beyond the last query
are neither trained on nor counted.

All is float32. Side by side on the curve of three seeds (k = 2, d = 4 ... 12) a float64 loop took about twice as long
and ended at the same number of documents in all 18 searches. Exponentials are a polynomial of z / 128, squared seven
times: a relative error below 1e-4 down to e^-50 and .002 at e^-80, for probabilities that only steer the descent.
Whether a query is solved does not depend on them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Sets = NDArray[np.int32]

LANES = 32
FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8  # of Adam, as usual

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_BEYOND = np.float32(4)  # larger than any inner product of unit vectors
_LEAST = np.float32(-80)  # below it e^z is taken for e^-80
_SHRINK = np.float32(1 / 128)
_C3, _C4, _C5, _C6 = (np.float32(1 / math.factorial(power)) for power in (3, 4, 5, 6))
_BETA1, _REST1 = np.float32(FIRST_DECAY), np.float32(1 - FIRST_DECAY)
_BETA2, _REST2 = np.float32(SECOND_DECAY), np.float32(1 - SECOND_DECAY)
_EPSILON = np.float32(EPSILON)


class Adam(NamedTuple):
    """What is trained, and its moments: three arrays of one shape."""

    numbers: Floats
    first: Floats
    second: Floats


def adam(numbers: Floats) -> Adam:
    """Before the first step."""
    return Adam(numbers, np.zeros_like(numbers), np.zeros_like(numbers))


@njit(cache=True, fastmath=True, error_model="numpy")
def descend(
    documents: Adam,
    queries: Adam,
    thresholds: Adam,
    sets: Sets,
    count: int,
    inverse_temperatures: Floats,
    rate: float,
    sigmoid: bool,
    guard: float,
    steps: int,
    begin: int,
    end: int,
) -> int:
    """Train in place, until every query ranks its set first by more than `guard`, or for some of the steps.

    Args:
        documents: (n, d), d even, unit rows.
        queries: (blocks, d, LANES), unit columns.
        thresholds: (blocks, LANES), of the sigmoid loss.
        sets: (blocks, k, LANES): the documents of each query.
        count: queries that count.
        inverse_temperatures: of stages that share the steps evenly, in this order.
        rate: of Adam.
        sigmoid: the loss, InfoNCE otherwise.
        guard: infinity to make all steps in any case.
        steps: in all.
        begin: steps made before.
        end: steps to be made when it returns; the vectors are not looked at again after the last of them.

    Returns:
        Steps made, fewer than `end` if all queries rank their sets first.
    """
    n, d = documents.numbers.shape
    blocks, k = sets.shape[:2]
    slopes, threshold_slopes = np.empty_like(queries.numbers), np.empty_like(thresholds.numbers)
    document_slopes = np.empty((n, d, LANES), np.float32)  # a sum for each lane; added up at the end of a step
    scores, own = np.empty((n, LANES), np.float32), np.empty((k, LANES), np.float32)
    least, most = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    for step in range(begin, end):
        inverse = inverse_temperatures[step * len(inverse_temperatures) // steps]
        document_slopes[:] = _ZERO
        solved = 0
        for block in range(blocks):
            live = min(LANES, count - block * LANES)
            _score(documents.numbers, queries.numbers[block], scores)
            _rank(scores, sets[block], own, least, most)
            for lane in range(live):
                solved += least[lane] - most[lane] > guard
            if sigmoid:
                _sigmoid_slopes(scores, sets[block], thresholds.numbers[block], inverse, threshold_slopes[block])
            else:
                _infonce_slopes(scores, sets[block], own, most, inverse)
            scores[:, live:] = _ZERO
            scores *= inverse / np.float32(count)
            threshold_slopes[block] *= inverse / np.float32(count)
            _pull_back(documents.numbers, queries.numbers[block], scores, slopes[block], document_slopes)
        if solved == count:
            return step
        pace = np.float32(rate / (1 - FIRST_DECAY ** (step + 1)))
        scale = np.float32(1 / math.sqrt(1 - SECOND_DECAY ** (step + 1)))
        for block in range(blocks):
            _move(queries.numbers[block], slopes[block], queries.first[block], queries.second[block], pace, scale)
            _normalise(queries.numbers[block], least)
        if sigmoid:
            _move(thresholds.numbers, threshold_slopes, thresholds.first, thresholds.second, pace, scale)
        _move_documents(documents, document_slopes, pace, scale)
    return end


@njit(cache=True, fastmath=True, error_model="numpy")
def _score(documents: Floats, queries: Floats, scores: Floats) -> None:
    """Inner products of all documents with the queries of a block, two coordinates at a time."""
    n, d = documents.shape
    for i in range(n):
        for lane in range(LANES):
            scores[i, lane] = _ZERO
        for j in range(0, d, 2):
            here, there = documents[i, j], documents[i, j + 1]
            for lane in range(LANES):
                scores[i, lane] += here * queries[j, lane] + there * queries[j + 1, lane]


@njit(cache=True, fastmath=True, error_model="numpy")
def _rank(scores: Floats, sets: Sets, own: Floats, least: Floats, most: Floats) -> None:
    """For each query the scores of its set, the least of them, and the largest of the other documents."""
    n, k = len(scores), len(sets)
    least[:], most[:] = _BEYOND, -_BEYOND
    for m in range(k):
        for lane in range(LANES):
            score = scores[sets[m, lane], lane]
            own[m, lane] = score
            least[lane] = min(least[lane], score)
            scores[sets[m, lane], lane] = -_BEYOND
    for i in range(n):
        for lane in range(LANES):
            most[lane] = max(most[lane], scores[i, lane])
    for m in range(k):
        for lane in range(LANES):
            scores[sets[m, lane], lane] = own[m, lane]


@njit(cache=True, fastmath=True, error_model="numpy")
def _exponential(z: np.float32) -> np.float32:
    """e^z for z <= 0; squaring instead of shifting bits, as compilers vectorise it."""
    z = max(z, _LEAST) * _SHRINK
    e = _ONE + z * (_ONE + z * (_HALF + z * (_C3 + z * (_C4 + z * (_C5 + z * _C6)))))
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return e * e


@njit(cache=True, fastmath=True, error_model="numpy")
def _infonce_slopes(scores: Floats, sets: Sets, own: Floats, most: Floats, inverse: np.float32) -> None:
    """Scores become slopes of the loss by them, times the temperature: softmax less 1/k on the set."""
    n, k = len(scores), len(sets)
    total = np.zeros(LANES, np.float32)
    for m in range(k):
        for lane in range(LANES):
            most[lane] = max(most[lane], own[m, lane])
    for i in range(n):
        for lane in range(LANES):
            e = _exponential((scores[i, lane] - most[lane]) * inverse)
            scores[i, lane] = e
            total[lane] += e
    for lane in range(LANES):
        total[lane] = _ONE / total[lane]
    for i in range(n):
        for lane in range(LANES):
            scores[i, lane] *= total[lane]
    for m in range(k):
        for lane in range(LANES):
            scores[sets[m, lane], lane] -= _ONE / np.float32(k)


@njit(cache=True, fastmath=True, error_model="numpy")
def _sigmoid_slopes(
    scores: Floats, sets: Sets, thresholds: Floats, inverse: np.float32, threshold_slopes: Floats
) -> None:
    """Scores become slopes of the loss by them, times the temperature: a probability, less 1 on the set."""
    n, k = len(scores), len(sets)
    threshold_slopes[:] = _ZERO
    for i in range(n):
        for lane in range(LANES):
            z = (scores[i, lane] - thresholds[lane]) * inverse
            e = _exponential(-abs(z))
            probability = (_ONE if z > _ZERO else e) / (_ONE + e)
            scores[i, lane] = probability
            threshold_slopes[lane] -= probability
    for m in range(k):
        for lane in range(LANES):
            scores[sets[m, lane], lane] -= _ONE
    for lane in range(LANES):
        threshold_slopes[lane] += np.float32(k)


@njit(cache=True, fastmath=True, error_model="numpy")
def _pull_back(
    documents: Floats, queries: Floats, score_slopes: Floats, query_slopes: Floats, document_slopes: Floats
) -> None:
    """Slopes by the scores become slopes by the queries of a block; those by the documents are added to."""
    n, d = documents.shape
    query_slopes[:] = _ZERO
    for i in range(n):
        for j in range(d):
            number = documents[i, j]
            for lane in range(LANES):
                slope = score_slopes[i, lane]
                query_slopes[j, lane] += slope * number
                document_slopes[i, j, lane] += slope * queries[j, lane]


@njit(cache=True, fastmath=True, error_model="numpy")
def _move(numbers: Floats, slopes: Floats, first: Floats, second: Floats, pace: np.float32, scale: np.float32) -> None:
    """One step of Adam on a matrix."""
    for row in range(numbers.shape[0]):
        for column in range(numbers.shape[1]):
            slope = slopes[row, column]
            first[row, column] = _BETA1 * first[row, column] + _REST1 * slope
            second[row, column] = _BETA2 * second[row, column] + _REST2 * slope * slope
            numbers[row, column] -= pace * first[row, column] / (np.sqrt(second[row, column]) * scale + _EPSILON)


@njit(cache=True, fastmath=True, error_model="numpy")
def _normalise(queries: Floats, squares: Floats) -> None:
    """Unit columns; `squares` is work space."""
    squares[:] = _ZERO
    for j in range(len(queries)):
        for lane in range(LANES):
            squares[lane] += queries[j, lane] * queries[j, lane]
    for lane in range(LANES):
        squares[lane] = _ONE / np.sqrt(squares[lane])
    for j in range(len(queries)):
        for lane in range(LANES):
            queries[j, lane] *= squares[lane]


@njit(cache=True, fastmath=True, error_model="numpy")
def _move_documents(documents: Adam, lane_slopes: Floats, pace: np.float32, scale: np.float32) -> None:
    """One step of Adam, then unit rows."""
    numbers = documents.numbers
    n, d = numbers.shape
    slopes = np.empty_like(numbers)
    for i in range(n):
        for j in range(d):
            total = _ZERO
            for lane in range(LANES):
                total += lane_slopes[i, j, lane]
            slopes[i, j] = total
    _move(numbers, slopes, documents.first, documents.second, pace, scale)
    for i in range(n):
        square = _ZERO
        for j in range(d):
            square += numbers[i, j] * numbers[i, j]
        length = _ONE / np.sqrt(square)
        for j in range(d):
            numbers[i, j] *= length
