"""The longest context at which a head can still put most of its softmax on a few keys, measured.

Softmax must disperse as contexts grow (Veličković et al. 2024, "Softmax is not enough (for sharp out-of-distribution)",
arXiv 2410.01104). How far a head gets depends on its keys and queries: here longer contexts are made of the keys of a
text, drawn with replacement. They keep the distribution of the keys and their rotary positions; what a longer text
would add is not in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer
from assay.probing.best_share import best_margins
from assay.probing.budget import Budget
from assay.probing.reach import MASS

_FAR = 50.0  # nats: a guess goes no further at once


def longest_contexts(
    keys: NDArray[np.floating],
    sets: NDArray[np.integer],
    budget: Budget,
    *,
    scale: float,
    draws: int,
    seed: int = 0,
    mass: float = MASS,
) -> NDArray[np.int64]:
    """The longest N at which a query of the budget puts the share on each set, with equal scores there: int64 (sets,).

    A context is a set and the first N - q of the keys drawn from those off it; q where even one is too many, and at
    most q + draws. More keys leave less for the set, whatever the query, so any search by bracketing finds the longest.
    Keys drawn several times count as often, so time and memory are those of `best_margins` for the keys of the text,
    some ten times.

    Args:
        keys: (N, d), of a text.
        sets: (sets, q) of their positions; N > q.
        budget: of queries.
        scale: of the scores.
        draws: how many keys are drawn.
        seed: of the draws.
        mass: the share of the softmax.

    Raises:
        AssayError: arguments that do not fit.

    >>> from assay.probing.budget import query_budget
    >>> keys = np.eye(4)  # the best query is 6 (1, -1/3, -1/3, -1/3) / norm: N <= 1 + e^6.93 / 9
    >>> longest_contexts(keys, np.array([[0]]), query_budget(6 * keys), scale=1.0, draws=500).tolist()
    [114]
    """
    (count, sparsity), length = sets.shape, len(keys)
    require(length > sparsity, "number of keys", length, f"more than the {sparsity} of a set")
    require_integer("draws", draws, 1, None)
    drawn = np.random.default_rng(seed).integers(length - sparsity, size=draws)
    drawn = np.array([np.delete(np.arange(length), one)[drawn] for one in sets])

    def margins(which: NDArray[np.integer], extra: NDArray[np.integer]) -> NDArray[np.float64]:
        copies = [np.bincount(drawn[one][:more], minlength=length) for one, more in zip(which, extra, strict=True)]
        return best_margins(
            keys, sets[which], budget, scale=scale, copies=np.array(copies), mass=mass, decide=True
        ).at_least

    low, high = np.zeros(count, dtype=np.int64), np.full(count, draws + 1)
    guess, step = np.full(count, float(length)), 0
    while (todo := np.flatnonzero(high - low > 1)).size:
        at = np.clip(guess[todo], low[todo] + 1, high[todo] - 1).astype(np.int64)
        found = margins(todo, at)
        low[todo], high[todo] = np.where(found >= 0, at, low[todo]), np.where(found >= 0, high[todo], at)
        step += 1
        # The odds of a set fall about as 1 / N; every other step halves the bracket's logarithm instead.
        odds = at * np.exp(np.clip(found, -_FAR, _FAR))
        guess[todo] = np.sqrt((low[todo] + 1) * high[todo]) if step % 2 == 0 else odds
    return sparsity + low
