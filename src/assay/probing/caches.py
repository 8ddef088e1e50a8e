"""What a head loses when its cache is quantised, or keys are evicted from it; the queries are kept.

Two errors of a query: the total variation between its attention weights before and after, half the sum of |a - a'|, and
the distance between its outputs. If no visible score changes by more than e, the total variation is at most
tanh(e / 2): the odds of any group of keys change by a factor of at most e^(2e), and the logistic function rises by at
most tanh(e / 2) over an interval of length 2e.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer, unknown
from assay.probing.cache_formats import FAMILIES, MOST_BITS, CacheFormat, cache_format
from assay.probing.one_head import Floats, HeadOnText, softmax
from assay.probing.purposes import Purpose, own_mass

KEPT = 0.9  # of the softmax mass that a set had


@dataclass(frozen=True)
class CacheLoss:
    """What a head loses on a text, over its queries.

    Attributes:
        variation: mean total variation of the attention weights, from 0 to 1.
        worst: 95th percentile of it.
        bound: mean of tanh(e / 2), e the largest change of a visible score of the query: `variation` is no more. NaN
            where keys are evicted.
        output: root mean square of the change of the output over that of the output; NaN without values, and where the
            output is zero.
        change: root mean square norm of the change of the output, in the units of the values; NaN without values. With
            a projection, over the norm of the layer's input, it tells best what happens to the model: rank correlations
            over heads of SmolLM2 and MiniLM are in `benchmarks/probe_validation.py`.
    """

    variation: float
    worst: float
    bound: float
    output: float
    change: float


def cache_loss(
    head: HeadOnText, keys: CacheFormat, values: CacheFormat | None = None, *, projection: Floats | None = None
) -> CacheLoss:
    """What quantising the keys, and the values if a format is given, does to a head.

    Time O(M N d).

    Args:
        head: on one text.
        keys: how keys are stored.
        values: how values are stored; as they are unless given.
        projection: (d_v, width), the head's rows of the layer's output projection: the output and its change are then
            what the head adds to the residual stream.

    Raises:
        AssayError: a format that does not fit the width, a format or projection for values that are not known, or a
            projection of another shape.

    >>> rng = np.random.default_rng(0)
    >>> from assay.probing.one_head import one_head
    >>> head = one_head(*(rng.standard_normal((64, 32)) for _ in range(3)), causal=True)
    >>> [round(cache_loss(head, cache_format(name)).variation, 3) for name in ("q8_0", "q4_0", "exact")]
    [0.002, 0.029, 0.0]
    """
    require(values is None or head.values is not None, "values", values and values.name, "None for a head without")
    rounded = keys.rounded(head.keys)
    scores, after = head.scores(), head.scores(rounded)
    moved = np.abs(np.subtract(scores, after, out=np.zeros_like(scores), where=head.visible)).max(axis=1)
    stored = head.values if values is None or head.values is None else values.rounded(head.values)
    return _loss(head, softmax(scores), softmax(after), stored, float(np.tanh(moved / 2).mean()), projection)


def eviction_loss(head: HeadOnText, recent: int, first: int = 1, *, projection: Floats | None = None) -> CacheLoss:
    """What a head loses that keeps the first keys and the recent ones only (Xiao et al. 2024, StreamingLLM).

    The key of a query's own position is that of the last key it sees.

    Args:
        head: on one text.
        recent: how many of the last keys that a query sees it keeps, its own counted.
        first: how many of the first.
        projection: as for `cache_loss`.

    Raises:
        AssayError: numbers below 1, or below 0 for `first`; a projection that does not fit.

    >>> rng = np.random.default_rng(0)
    >>> from assay.probing.one_head import one_head
    >>> head = one_head(rng.standard_normal((64, 32)), rng.standard_normal((64, 32)), causal=True)
    >>> eviction_loss(head, 64).variation, round(eviction_loss(head, 8).variation, 2)
    (0.0, 0.59)
    """
    scores = head.scores()
    after = softmax(np.where(kept_keys(head, recent, first), scores, -np.inf))
    return _loss(head, softmax(scores), after, head.values, np.nan, projection)


def kept_keys(head: HeadOnText, recent: int, first: int = 1) -> NDArray[np.bool_]:
    """The keys (M, N) that are left after `eviction_loss`."""
    require_integer("recent", recent, 1, None)
    require_integer("first", first, 0, None)
    places = np.arange(len(head.keys))
    last = len(places) - 1 - head.visible[:, ::-1].argmax(axis=1)
    return head.visible & ((places < first) | (places > last[:, None] - recent))


def kept_shares(head: HeadOnText, sets: Sequence[Purpose], keys: CacheFormat) -> Floats:
    """The softmax mass that each set keeps of what it gets from its own query, (sets,); above 1 if it gains."""
    before, after = own_mass(head, sets), own_mass(head, sets, head.weights(keys.rounded(head.keys)))
    return np.divide(after, before, out=np.ones_like(after), where=before > 0)


@dataclass(frozen=True)
class FewestBits:
    """The fewest bits of a number at which a head still does what it did, of 1 to 8 bits; None where 8 do not.

    At more bits of the same family it does so too, up to 8.

    Attributes:
        family: of formats, see `cache_formats`.
        sets: fewest bits of the keys at which nine tenths of the sets keep 90 % of their mass; None also without sets.
        weights: fewest bits of the keys at which the mean total variation is at most `allowed`.
        keys: fewest bits of the keys at which the relative error of the output is at most `allowed`; None without
            values.
        values: the same of the values, keys as they are.
        margins: the kept mass that nine tenths of the sets exceed, minus 0.9, for 1 to 8 bits; empty without sets.
        allowed: error of weights and outputs.
    """

    family: str
    sets: int | None
    weights: int | None
    keys: int | None
    values: int | None
    margins: tuple[float, ...]
    allowed: float


def fewest_bits(head: HeadOnText, family: str, sets: Sequence[Purpose] = (), *, allowed: float = 0.1) -> FewestBits:
    """How few bits a head's cache takes in a family of formats, each of 1 to 8 bits tried.

    Sets count as kept at some bits if nine tenths of them keep at least 90 % of the softmax mass that their own queries
    give them.

    Args:
        head: on one text.
        family: `token`, `channel` or `rotated`.
        sets: of positions with their queries, see `purposes`.
        allowed: largest mean total variation of the weights, and largest relative error of the output.

    Raises:
        AssayError: no such family, a width that it does not take, or an error that is not positive.

    >>> rng = np.random.default_rng(0)
    >>> from assay.probing.one_head import one_head
    >>> head = one_head(*(rng.standard_normal((64, 32)) for _ in range(3)), causal=True)
    >>> found = fewest_bits(head, "channel")
    >>> found.weights, found.keys, found.values
    (3, 4, 4)
    """
    if family not in FAMILIES:
        raise unknown("family of cache formats", family, FAMILIES)
    require(allowed > 0, "allowed", allowed, "positive")
    formats = [cache_format(f"{family}-{bits}") for bits in range(1, MOST_BITS + 1)]
    losses = [cache_loss(head, one) for one in formats]
    exact = cache_format("exact")
    of_values = [] if head.values is None else [cache_loss(head, exact, one).output <= allowed for one in formats]
    margins = [float(np.quantile(kept_shares(head, sets, one), 0.1)) - KEPT for one in formats] if sets else []
    return FewestBits(
        family=family,
        sets=_fewest([margin >= 0 for margin in margins]),
        weights=_fewest([loss.variation <= allowed for loss in losses]),
        keys=None if head.values is None else _fewest([loss.output <= allowed for loss in losses]),
        values=_fewest(of_values),
        margins=tuple(margins),
        allowed=allowed,
    )


def _fewest(fits: Sequence[bool]) -> int | None:
    """The least bits from which on all fit, the first entry being for 1 bit; None where the last does not."""
    short = max((bits for bits, fit in enumerate(fits, 1) if not fit), default=0)
    return None if short == len(fits) else short + 1


def _loss(
    head: HeadOnText, before: Floats, after: Floats, stored: Floats | None, bound: float, projection: Floats | None
) -> CacheLoss:
    variation = np.abs(before - after).sum(axis=1) / 2
    output = change = np.nan
    width = None if head.values is None else head.values.shape[1]
    fits = projection is None or (projection.ndim == 2 and len(projection) == width)
    require(
        fits, "shape of projection", getattr(projection, "shape", None), f"({width or 'None without values'}, width)"
    )
    if head.values is not None and stored is not None:
        plain = before @ head.values
        moved = after @ stored - plain
        change, size = (_norm(rows if projection is None else rows @ projection) for rows in (moved, plain))
        output = change / size if size > 0 else np.nan
    return CacheLoss(float(variation.mean()), float(np.quantile(variation, 0.95)), bound, output, change)


def _norm(rows: Floats) -> float:
    """Root mean square norm of rows."""
    return float(np.sqrt(np.square(rows).sum(axis=1).mean()))
