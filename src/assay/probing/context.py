"""The longest context at which a head can still put most of its softmax on a few keys: theorems, and a measurement.

If all scores of a query lie in [-D, D], q positions of N get at most the share q e^D / (q e^D + (N - q) e^-D) of its
softmax. So a share p takes (N - q) (1-p)^-1 p <= q e^2D, which for p = 0.9 is q e^2D >= 9 (N - q), and

    N <= q (1 + e^2D (1-p) / p).                                                                             (1)

Softmax must disperse as contexts grow (Veličković et al. 2024, "Softmax is not enough (for sharp out-of-distribution)",
arXiv 2410.01104, with other constants). Only differences of scores matter, so with G the largest difference of two
scores that a query of the budget makes, 2D becomes G (`by_range`). Sharper still, by Jensen's inequality the mean of
e^score over the other keys is at least e^(mean score): with equal scores on S, 2D becomes the largest difference over
the budget between the score of S's mean key and that of the other keys' mean (`by_mean`), which needs that mean only.

All three are upper bounds on N, and for trained heads far above what is reached: of 54 heads of SmolLM2 on 256 tokens
the median of `by_mean` is 4e8 and that of `measured` 1.2e3 (`benchmarks/probe_budget.py`). That a head does reach a
context is shown by queries: `if_repeated`, at the price of one program, agrees with `measured` but for the draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logsumexp

from assay.errors import require, require_integer
from assay.probing.best_share import best_margins
from assay.probing.budget import Budget
from assay.probing.one_head import HeadOnText
from assay.probing.reach import MASS

LONGEST = 32_768  # keys to which measurements go, unless told otherwise
_LARGEST_EXPONENT = 700.0

Floats = NDArray[np.float64]


def dispersion_limit(product: float, sparsity: int, mass: float = MASS) -> float:
    """The largest N at which scores within [-D, D] can put the share `mass` on q positions: (1) of the module.

    Necessary for any head; enough for one whose scores are D on the set and -D elsewhere. Infinity beyond e^700.

    Args:
        product: D, a bound of all |scores|: scale |w| |k|, or a soft cap.
        sparsity: q.
        mass: p, in (0, 1).

    Raises:
        AssayError: an argument that is not allowed.

    >>> round(dispersion_limit(3.0, 1), 1), round(dispersion_limit(3.0, 4), 1), dispersion_limit(0.0, 9)
    (45.8, 183.3, 10.0)
    """
    require(product >= 0, "product", product, "0 or more")
    require_integer("sparsity", sparsity, 1, None)
    return _limit(2 * product, sparsity, mass)


def needed_product(length: int, sparsity: int, mass: float = MASS) -> float:
    """The least D with which scores within [-D, D] put the share `mass` on q of N positions: the inverse of (1).

    Raises:
        AssayError: an argument that is not allowed.

    >>> round(needed_product(1024, 1), 3), needed_product(10, 9)
    (4.564, 0.0)
    """
    require_integer("length", length, 1, None)
    require_integer("sparsity", sparsity, 1, length, "length")
    require(0 < mass < 1, "mass", mass, "above 0 and below 1")
    if length == sparsity:
        return 0.0
    return max(0.0, (math.log((length - sparsity) / sparsity) + math.log(mass / (1 - mass))) / 2)


@dataclass(frozen=True, eq=False)
class ContextLimits:
    """The longest contexts N at which sets of a head's keys can get the share asked for, (sets,) each.

    Attributes:
        by_norms: theorem, for all keys no longer than the longest seen and any set; one number.
        by_range: theorem, for contexts made of the keys seen, in any numbers, and any set; one number.
        by_mean: theorem, for contexts whose other keys have the mean of those seen; float64 (sets,).
        if_repeated: reached, if each of the other keys seen occurs equally often; float64 (sets,). Exact for whole
            numbers of times, but for the solver's 1e-6 nats; below N where the keys themselves are too many.
        measured: the longest N for which a query was found, of the set's keys and the first N - q of the longer ones;
            int64 (sets,), q where even one more key is too many. None where not asked for.
        most: N up to which it was measured.
        mass: the share asked for.
    """

    by_norms: float
    by_range: float
    by_mean: Floats
    if_repeated: Floats
    measured: NDArray[np.int64] | None
    most: int
    mass: float


def context_limits(
    keys: NDArray[np.floating],
    sets: NDArray[np.integer],
    budget: Budget,
    *,
    scale: float,
    mass: float = MASS,
    longer: NDArray[np.floating] | None = None,
    resample: int = 0,
    seed: int = 0,
) -> ContextLimits:
    """How long contexts may be for the sets of a head, with the queries of a budget.

    Args:
        keys: (N, d), of a text.
        sets: (sets, q) of their positions; N > q.
        budget: of queries.
        scale: of the scores.
        mass: the share of the softmax that the sets are to get.
        longer: (L, d) keys of a longer context to be measured on, such as the later ones of a long text; they join the
            sets' own keys in this order, so these should not be among them.
        resample: instead, measure on this many keys drawn with replacement from those off the set, see `resampled`.
        seed: of these draws.

    Raises:
        AssayError: arguments that do not fit.

    >>> from assay.probing.budget import query_budget
    >>> keys = np.random.default_rng(0).standard_normal((64, 16))
    >>> budget = query_budget(np.random.default_rng(1).standard_normal((64, 16)), "ball")
    >>> found = context_limits(keys, np.array([[3]]), budget, scale=0.25)
    >>> bool(found.if_repeated[0] < found.by_mean[0] < found.by_range < found.by_norms)
    True
    """
    keys = np.asarray(keys, dtype=np.float64)
    length, sparsity = len(keys), sets.shape[1]
    require(length > sparsity, "number of keys", length, f"more than the {sparsity} of a set")
    now = best_margins(keys, sets, budget, scale=scale, mass=mass).at_least
    others = (keys.sum(axis=0) - keys[sets].sum(axis=1)) / (length - sparsity)
    gains = scale * _most(keys[sets].mean(axis=1) - others, budget)
    with np.errstate(over="ignore"):
        repeated = sparsity + (length - sparsity) * np.exp(now)
    found, most = None, length
    if longer is not None or resample:
        _check_longer(longer, resample, keys.shape[1])
        most = sparsity + (resample if longer is None else len(longer))
        found = np.empty(len(sets), dtype=np.int64)
        for index, one in enumerate(sets):
            more = resampled(np.delete(keys, one, axis=0), resample, seed) if longer is None else longer
            found[index] = _longest(keys[one], np.asarray(more, dtype=np.float64), budget, scale, mass, repeated[index])
    return ContextLimits(
        by_norms=dispersion_limit(scale * budget.longest() * float(np.linalg.norm(keys, axis=1).max()), sparsity, mass),
        by_range=_limit(_range(keys, budget, scale), sparsity, mass),
        by_mean=np.array([_limit(float(gain), sparsity, mass) for gain in gains]),
        if_repeated=repeated,
        measured=found,
        most=most,
        mass=mass,
    )


def resampled(keys: NDArray[np.floating], count: int, seed: int = 0) -> Floats:
    """Keys of a longer context than any text at hand: `count` rows drawn from `keys` (N, d) with replacement.

    They keep the distribution of the keys and their rotary positions; what a longer text would add is not in them.

    Raises:
        AssayError: a count below 1.
    """
    require_integer("count", count, 1, None)
    drawn = np.random.default_rng(seed).integers(len(keys), size=count)
    return np.asarray(keys, dtype=np.float64)[drawn]


def crowded_out(head: HeadOnText, more: ArrayLike) -> float:
    """The mean share of the softmax that further keys take, which all queries see: what a longer context costs a head.

    The total variation between the weights before and after is this share, for each query, exactly.

    Args:
        head: on one text.
        more: (L, d) keys, of the same head on another text or `resampled`.

    Raises:
        AssayError: keys of another width.

    >>> from assay.probing.one_head import one_head
    >>> round(crowded_out(one_head(np.zeros((2, 3)), np.ones((6, 3))), np.ones((2, 3))), 9)
    0.25
    """
    extra = np.asarray(more, dtype=np.float64)
    allowed = f"(L, {head.keys.shape[1]})"
    require(extra.ndim == 2 and extra.shape[1] == head.keys.shape[1], "shape of more", extra.shape, allowed)
    own = logsumexp(head.scores(), axis=1)
    other = logsumexp(head.scale * head.queries @ extra.T, axis=1)
    return float(expit(other - own).mean())


def _check_longer(longer: NDArray[np.floating] | None, resample: int, width: int) -> None:
    if longer is None:
        require_integer("resample", resample, 1, None)
        return
    require(not resample, "resample", resample, "0 where longer keys are given")
    require(longer.ndim == 2 and longer.shape[1] == width, "shape of longer", longer.shape, f"(L, {width})")


def _longest(own: Floats, longer: Floats, budget: Budget, scale: float, mass: float, guess: float) -> int:
    """The largest q + n such that the set `own` (q, d) gets its share beside the first n of the longer keys.

    More keys leave less for the set, whatever the query, so that any search by bracketing finds it. The odds of the set
    fall about as 1 / n, which makes a good next guess; every third step halves the bracket's logarithm instead.
    """
    count = len(own)

    def margin(extra: int) -> float:
        together = np.concatenate([own, longer[:extra]])
        return float(best_margins(together, np.arange(count)[None], budget, scale=scale, mass=mass).at_least[0])

    low, high, step = 0, len(longer) + 1, 0
    while high - low > 1:
        at = int(np.clip(guess, low + 1, high - 1))
        found = margin(at)
        low, high = (at, high) if found >= 0 else (low, at)
        step += 1
        guess = math.sqrt((low + 1) * high) if step % 3 == 0 else at * math.exp(np.clip(found, -50, 50))
    return count + low


def _limit(difference: float, sparsity: int, mass: float) -> float:
    require(0 < mass < 1, "mass", mass, "above 0 and below 1")
    if difference > _LARGEST_EXPONENT:
        return math.inf
    return sparsity * (1 + math.exp(difference) * (1 - mass) / mass)


def _most(differences: Floats, budget: Budget) -> Floats:
    """The largest <w, x> over the budget for each x (..., d)."""
    return differences @ budget.centre + np.linalg.norm(differences @ budget.axes, axis=-1)


def _range(keys: Floats, budget: Budget, scale: float) -> float:
    """A bound of the differences of scores: the exact one up to 4,096 keys, else twice the radius about the mean."""
    moved = keys - keys.mean(axis=0)
    if len(keys) > 4096:
        level = moved @ budget.centre
        return scale * float(np.ptp(level) + 2 * np.linalg.norm(moved @ budget.axes, axis=1).max())
    along, level = moved @ budget.axes, moved @ budget.centre
    squares = np.square(along).sum(axis=1)
    best = 0.0
    for start in range(0, len(keys), 256):
        rows = slice(start, start + 256)
        distances = squares[rows, None] + squares - 2 * along[rows] @ along.T
        best = max(best, float((level[rows, None] - level + np.sqrt(np.maximum(distances, 0))).max()))
    return scale * best
