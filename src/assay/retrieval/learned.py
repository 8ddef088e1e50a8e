"""Top-k retrieval learned: documents and one query for every k-subset, all free unit vectors, trained by full batches.

Every number here belongs to a temperature. As a rule of thumb, seen afterwards at a few points, training at temperature
tau ends where the least margin still to be had is .5 to 1.6 tau. With k = 2 and three seeds, tau = .1 ends at 7 to 9
documents in four dimensions, tau lowered step by step to .01 (`ANNEALED`) at 16 or 17; explicit vectors have no end.
What is found is what this descent, from these starts, within these steps reaches: no statement that more is impossible.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, require, require_integer
from assay.results.growth import Interval
from assay.retrieval.learned_kernel import LANES, adam, descend
from assay.tasks import counter

Vectors = NDArray[np.float64]
Sets = NDArray[np.int64]
Loss = Literal["infonce", "sigmoid"]

MOST_SETS = 1 << 20  # queries of one training run
MOST_NUMBERS = 1 << 26  # of all queries: about a gigabyte with their moments and slopes
MOST_DOCUMENTS = 200  # unless a search is told otherwise

_FIRST_QUERY = 1 << 39  # counter-based examples from here on are queries, those before documents
_LEAST_TEMPERATURE, _LARGEST_TEMPERATURE = 1e-4, 1e4
_MOST_STEPS = 10_000_000
_CLIMB = 5 / 4  # from one number of documents tried to the next
_FAILURES = 2  # in a row, which end the climb
_BLOCK = 1 << 20  # scores checked at once
_AT_ONCE = 10**10  # products in scores between two lines about progress: some seconds


@dataclass(frozen=True)
class Setting:
    """How vectors are trained.

    The loss is the mean over all queries; s_i is the inner product of a query with document i, S its set, tau the
    temperature:

    - `infonce`: log sum_i e^(s_i / tau) - (1/k) sum over S of s_i / tau, the cross entropy of the softmax over all
      documents, with 1/k on each of the set;
    - `sigmoid`: sum over S of ln(1 + e^((b - s_i) / tau)) + sum over the rest of ln(1 + e^((s_i - b) / tau)), where the
      threshold b, one for each query, is trained too, from 0.

    At one temperature `infonce` solves more documents. With temperatures lowered the same way and all steps made,
    `sigmoid` depends less on the start and mostly leaves larger least margins (.249, not .111, at n = 12, d = 6, k = 2,
    seed 0).

    Documents and queries start as standard normal vectors brought to unit norm. Each step is one of Adam (decays .9 and
    .999, epsilon 1e-8) on all of them, by all queries, after which each is brought to unit norm again.

    Attributes:
        loss: `infonce` or `sigmoid`.
        temperatures: tau, or several that share the steps evenly, in this order; Adam's moments are kept.
        steps: at most so many in all, not fewer than temperatures.
        rate: of Adam.

    >>> Setting(temperatures=())
    Traceback (most recent call last):
    assay.errors.AssayError: temperatures = () is not allowed; it must be some numbers from 0.0001 to 10000
    """

    loss: Loss = "infonce"
    temperatures: tuple[float, ...] = (0.1,)
    steps: int = 1000
    rate: float = 0.01

    def __post_init__(self) -> None:
        require(self.loss in ("infonce", "sigmoid"), "loss", self.loss, "'infonce' or 'sigmoid'")
        fit = all(_LEAST_TEMPERATURE <= tau <= _LARGEST_TEMPERATURE for tau in self.temperatures)
        allowed = f"some numbers from {_LEAST_TEMPERATURE:g} to {_LARGEST_TEMPERATURE:g}"
        require(bool(self.temperatures) and fit, "temperatures", self.temperatures, allowed)
        require_integer("steps", self.steps, len(self.temperatures), _MOST_STEPS)
        require(0 < self.rate <= 1, "rate", self.rate, "above 0 and at most 1")

    @property
    def text(self) -> str:
        """In words.

        >>> Setting().text, Setting(temperatures=(0.1, 0.01), steps=4000).text
        ('InfoNCE at temperature 0.1, 1,000 steps', 'InfoNCE from temperature 0.1 to 0.01, 4,000 steps')
        """
        first, last = self.temperatures[0], self.temperatures[-1]
        at = f"at temperature {first:g}" if len(self.temperatures) == 1 else f"from temperature {first:g} to {last:g}"
        name = {"infonce": "InfoNCE", "sigmoid": "sigmoid loss"}[self.loss]
        return f"{name} {at}, {self.steps:,} steps"


ANNEALED = Setting(temperatures=(0.1, 0.05, 0.03, 0.02, 0.01), steps=4000)


@dataclass(frozen=True)
class Trained:
    """Vectors after training.

    Attributes:
        documents: (n, d), unit rows.
        sets: (C(n, k), k), ascending: all k-subsets in the order of their largest element, then the next one, ...
        queries: (C(n, k), d), unit rows: row j is meant for row j of `sets`.
        steps: that were made.
        margin: the least over all queries of (least score of its set - largest score of the rest), by float64 products.
        solved: whether every query ranks exactly its set first: each margin was computed, and is larger than float64's
            rounding errors can be.
    """

    documents: Vectors
    sets: Sets
    queries: Vectors
    steps: int
    margin: float
    solved: bool


@dataclass(frozen=True)
class Tried:
    """One number of documents that a search tried.

    Attributes:
        documents: n.
        sets: C(n, k).
        solved: whether all sets were ranked first within the steps.
        steps: until they were, or all.
        seconds: it took.
    """

    documents: int
    sets: int
    solved: bool
    steps: int
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class Learned:
    """The largest number of documents that training solved.

    Whether n is solved depends on the start, and a larger n may be solved where a smaller one is not. So `largest` is
    the largest n that was solved on this search's path, which `tried` shows, and not the largest that could be.

    Attributes:
        dimensions: d.
        top: k.
        setting: of training.
        seed: of the starts.
        largest: n; k itself, where the one set is all documents, if nothing else was solved.
        open: whether the search ended at the most documents it was allowed, which were solved.
        margin: the least margin at that n, of unit vectors: after all steps of the setting, or when it was first solved
            if that is larger. None where n = k.
        tried: in order.
    """

    dimensions: int
    top: int
    setting: Setting
    seed: int
    largest: int
    open: bool
    margin: float | None
    tried: tuple[Tried, ...]

    @property
    def interval(self) -> Interval:
        """Where the largest solved n lies, as growth laws read it: no upper end if the search is open."""
        return (self.largest, None if self.open else self.largest)

    @property
    def seconds(self) -> float:
        """Of all that was tried."""
        return sum(one.seconds for one in self.tried)


def subsets(documents: int, top: int) -> Sets:
    """All k-subsets of range(n), (C(n, k), k), rows ascending, in colexicographic order: those of n - 1 come first.

    >>> subsets(4, 2).tolist()
    [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
    """
    found = np.zeros((1, 0), np.int64)
    for size in range(1, top + 1):
        last = range(size - 1, documents - top + size)
        counts = [math.comb(element, size - 1) for element in last]
        rows = np.concatenate([np.arange(count) for count in counts])
        found = np.column_stack([found[rows], np.repeat(np.array(last), counts)])
    return found


def least_margins(documents: Vectors, queries: Vectors, sets: Sets) -> Vectors:
    """For each query the least score of its set less the largest score of the other documents, in float64.

    Args:
        documents: (n, d).
        queries: (m, d).
        sets: (m, k), the documents that each query is meant to rank first, k < n.

    Returns:
        (m,); positive where the query retrieves its set, up to rounding.

    >>> least_margins(np.eye(3), np.array([[1.0, 1.0, 0.0]]), np.array([[0, 1]])).tolist()
    [1.0]
    """
    documents, queries = np.asarray(documents, np.float64), np.asarray(queries, np.float64)
    rows = max(1, _BLOCK // len(documents))
    found = np.empty(len(queries))
    for first in range(0, len(queries), rows):
        part = slice(first, first + rows)
        scores = queries[part] @ documents.T
        least = np.take_along_axis(scores, sets[part], axis=1).min(axis=1)
        np.put_along_axis(scores, sets[part], -np.inf, axis=1)
        found[part] = least - scores.max(axis=1)
    return found


def train(
    documents: int,
    dimensions: int,
    top: int,
    setting: Setting,
    seed: int,
    *,
    to_the_end: bool = False,
    tell: Callable[[str], object] = lambda _: None,
) -> Trained:
    """Train n documents and the queries of all their k-subsets in R^d, until every query ranks its set first.

    The compiled loop stops by its own float32 scores; `solved` and `margin` come from float64 products of the vectors
    that are returned. Start and order are the same for every n: document i, and the query of a set, start at the same
    vector whatever n, by counter-based random numbers of the seed. About C(n, k) n d nanoseconds a step, or less.

    Args:
        documents: n, more than k.
        dimensions: d.
        top: k.
        setting: of training.
        seed: of the start.
        to_the_end: make all steps, for larger margins; what was solved may get lost again.
        tell: takes lines about progress, none from short runs.

    Raises:
        AssayError: an argument that is not allowed, or more than 2^20 sets.

    >>> trained = train(6, 4, 2, Setting(), seed=0)
    >>> trained.solved, len(trained.sets), trained.steps < 1000
    (True, 15, True)
    """
    require_integer("top", top, 1, None)
    require_integer("documents", documents, top + 1, None)
    require_integer("dimensions", dimensions, 1, None)
    most = _most_sets(dimensions)
    count = math.comb(documents, top)
    if count > most:
        raise AssayError(f"{count} sets of {top} of {documents} documents are too many to train; at most {most} are")
    sets = subsets(documents, top)
    blocks, padded = -(-count // LANES), dimensions + dimensions % 2
    start = np.zeros((documents, padded), np.float32)
    start[:, :dimensions] = _start(seed, 0, documents, dimensions)
    queries = np.zeros((blocks * LANES, padded), np.float32)
    queries[:, :dimensions] = _start(seed, _FIRST_QUERY, len(queries), dimensions)
    meant = np.concatenate([sets, np.repeat(sets[-1:], len(queries) - count, axis=0)])
    in_lanes = np.ascontiguousarray(queries.reshape(blocks, LANES, padded).transpose(0, 2, 1))
    states = adam(start), adam(in_lanes), adam(np.zeros((blocks, LANES), np.float32))
    asked_for = np.ascontiguousarray(meant.astype(np.int32).reshape(blocks, LANES, top).transpose(0, 2, 1))
    inverse = (1 / np.array(setting.temperatures)).astype(np.float32)
    guard = math.inf if to_the_end else _float32_rounding(dimensions)
    at_once = max(1, _AT_ONCE // (count * documents * padded))
    done = 0
    while done < setting.steps:
        end = min(done + at_once, setting.steps)
        sigmoid = setting.loss == "sigmoid"
        done = descend(*states, asked_for, count, inverse, setting.rate, sigmoid, guard, setting.steps, done, end)
        if done < end:
            break
        if done < setting.steps:
            tell(f"d = {dimensions}, k = {top}, {documents} documents: {done} of {setting.steps} steps")
    queries = in_lanes.transpose(0, 2, 1).reshape(queries.shape)[:count]
    found, asked = _unit(start[:, :dimensions]), _unit(queries[:, :dimensions])
    margin = float(least_margins(found, asked, sets).min())
    return Trained(found, sets, asked, done, margin, margin > _float64_rounding(dimensions))


def largest_learned(
    dimensions: int,
    top: int,
    setting: Setting,
    seed: int,
    *,
    most: int = MOST_DOCUMENTS,
    tell: Callable[[str], object] = lambda _: None,
) -> Learned:
    """The largest n for which training gets all k-subsets ranked first, by a climb and bisection.

    The climb begins at max(k, d) + 1 documents, where a regular simplex would do, and goes up by a quarter. A failure
    may be the start's, so it ends at the second failure in a row. Between the largest n solved and the next one that
    failed, bisection follows.

    Args:
        dimensions: d.
        top: k.
        setting: of training.
        seed: of the starts; see `train`.
        most: documents that are tried at most; fewer if there were more than 2^20 sets.
        tell: takes lines about progress: one for each number of documents tried, more from long runs.

    Raises:
        AssayError: an argument that is not allowed.

    >>> learned = largest_learned(3, 1, Setting(steps=200), seed=0, most=6)
    >>> learned.largest, learned.open, [one.documents for one in learned.tried]
    (6, True, [4, 5, 6])
    """
    require_integer("top", top, 1, None)
    require_integer("dimensions", dimensions, 1, None)
    require_integer("most", most, top + 1, None)
    while math.comb(most, top) > _most_sets(dimensions):
        most -= 1
    search = _Search(dimensions, top, setting, seed, tell)
    solved = search.climb(min(most, max(top, dimensions) + 1), most)
    solved = search.bisect(solved)
    margin = None
    if solved > top:
        to_the_end = train(solved, dimensions, top, setting, seed, to_the_end=True, tell=tell)
        margin = max(to_the_end.margin, search.margins[solved])
    return Learned(dimensions, top, setting, seed, solved, solved == most, margin, tuple(search.tried))


class _Search:
    """What a search has tried."""

    def __init__(self, dimensions: int, top: int, setting: Setting, seed: int, tell: Callable[[str], object]) -> None:
        self.dimensions, self.top, self.setting, self.seed, self.tell = dimensions, top, setting, seed, tell
        self.tried: list[Tried] = []
        self.margins: dict[int, float] = {}

    def solves(self, documents: int) -> bool:
        """Train, and note what came of it."""
        begin = time.perf_counter()
        trained = train(documents, self.dimensions, self.top, self.setting, self.seed, tell=self.tell)
        seconds = time.perf_counter() - begin
        self.tried.append(Tried(documents, len(trained.sets), trained.solved, trained.steps, seconds))
        self.margins[documents] = trained.margin
        outcome = f"solved after {trained.steps} steps" if trained.solved else f"not solved in {trained.steps} steps"
        self.tell(f"d = {self.dimensions}, k = {self.top}, {documents} documents: {outcome}, {seconds:.1f} s")
        return trained.solved

    def climb(self, documents: int, most: int) -> int:
        """The largest n solved on the way up; k if none was."""
        solved, failures = self.top, 0
        while failures < _FAILURES:
            if self.solves(documents):
                solved, failures = documents, 0
            else:
                failures += 1
            if documents == most:
                break
            documents = min(most, max(documents + 1, int(documents * _CLIMB)))
        return solved

    def bisect(self, solved: int) -> int:
        """The largest n solved between the largest yet and the least that failed above it."""
        failed = min((one.documents for one in self.tried if one.documents > solved), default=solved + 1)
        while failed - solved > 1:
            middle = (solved + failed) // 2
            if self.solves(middle):
                solved = middle
            else:
                failed = middle
        return solved


def _most_sets(dimensions: int) -> int:
    return min(MOST_SETS, MOST_NUMBERS // dimensions)


def _start(seed: int, first: int, count: int, dimensions: int) -> Vectors:
    """Standard normal vectors, brought to unit norm."""
    keys = counter.example_keys(seed, "train", first, count)
    return _unit(counter.normals(counter.words(keys, 0, dimensions + dimensions % 2))[:, :dimensions])


def _unit(vectors: NDArray[np.floating]) -> Vectors:
    vectors = vectors.astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _float32_rounding(dimensions: int) -> float:
    """More than float32 can be wrong about a margin of vectors whose norms are 1 up to its rounding."""
    return 8 * (dimensions + 4) * 2.0**-24


def _float64_rounding(dimensions: int) -> float:
    """More than float64 can be wrong about a margin of unit vectors: each score by (d + 2) 2^-53 times its norms."""
    return 4 * (dimensions + 2) * 2.0**-53
