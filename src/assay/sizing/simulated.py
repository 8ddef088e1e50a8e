"""Heads with generic keys, drawn and rounded as a cache rounds them: what is left of the averages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.probing.reach import needed_norms, softmax_on
from assay.probing.sets import DrawnSets
from assay.sizing.caches import Cache
from assay.tasks import counter

SETS = 8


@dataclass(frozen=True)
class Simulated:
    """What a simulation came to.

    Attributes:
        sets: random sets of q that were tried.
        found: those for which a query was found, for the unrounded keys.
        norm: median n of these queries over all sets; infinity where fewer than half were found.
        mass: median, over all sets, of the softmax on the set with rounded keys; without a query it is q / N.
        error: the same of the error of an average of values in [-1, 1], the l1 distance from uniform weights.
    """

    sets: int
    found: int
    norm: float
    mass: float
    error: float


def simulate_head(
    head_width: int, keys: int, average: int, cache: Cache, *, sets: int = SETS, seed: int = 0
) -> Simulated:
    """Gaussian keys and the least queries for random sets of them; then the keys alone are rounded, as caches do.

    Each query is the shortest that puts 90 % of the softmax on its set with equal scores there, for the unrounded keys
    (`assay.probing.reach`, solved to 0.1 %), and stays a float32. Time O(sets N d^2) some tens of times.

    >>> from assay.sizing.caches import make_cache
    >>> simulate_head(32, 64, 3, make_cache(bits=8)).found
    8
    """
    random = counter.words(counter.example_keys(seed, "test", 0, keys), 0, head_width + head_width % 2)
    points = counter.normals(random)[:, :head_width]
    chosen = DrawnSets("random", sets, (average,), keys, seed).positions()[average]
    scale = head_width**-0.5
    found = needed_norms(points, chosen, scale=scale)
    stored = cache.rounded(points)
    norms, masses, errors = [], [], []
    for positions, query, norm in zip(chosen, found.queries, found.at_most, strict=True):
        fine = math.isfinite(norm)
        asked = query.astype(np.float32).astype(np.float64) if fine else np.zeros(head_width)
        scores = scale * (stored @ asked)
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        weights[positions] -= 1 / average
        norms.append(norm * scale if fine else math.inf)
        masses.append(softmax_on(scores, positions.tolist()))
        errors.append(float(np.abs(weights).sum()))
    middle = sorted(norms)[len(norms) // 2]
    return Simulated(
        len(chosen), int(np.isfinite(norms).sum()), float(middle), float(np.median(masses)), float(np.median(errors))
    )
