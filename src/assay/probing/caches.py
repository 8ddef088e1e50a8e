"""What a head loses when its cache is quantised; the queries are kept.

The attention error of a query is the total variation between its weights before and after, half the sum of |a - a'|;
errors of outputs are root mean squares over the queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, unknown
from assay.probing.cache_formats import FAMILIES, MOST_BITS, CacheFormat, cache_format
from assay.probing.one_head import Floats, HeadOnText
from assay.probing.top_sets import TopSet, own_mass

ALLOWED = 0.1  # error of weights, and relative error of outputs, up to which they count as kept
KEPT = 0.9  # of the softmax mass that a set had
LEAST = 0.1  # the share of the sets that may keep less
F = TypeVar("F")


@dataclass(frozen=True)
class Loss(Generic[F]):
    """What a head loses in a format of its cache: numbers on one text (NaN where not known), or spreads over several.

    Attributes:
        weights: keys rounded, values kept: mean total variation of the attention weights, from 0 to 1.
        output: likewise: error of the output, relative.
        written: likewise: error of what is added to the residual stream, over the stream's median norm.
        kept: likewise: the softmax mass, of what they had, that all but a tenth of the sets keep; above 1 if they gain.
        output_of_values: values rounded, keys kept: error of the output, relative.
        written_of_values: likewise: of what is added to the residual stream.
    """

    weights: F
    output: F
    written: F
    kept: F
    output_of_values: F
    written_of_values: F


@dataclass(frozen=True)
class Fewest(Generic[F]):
    """The fewest bits of a number, 1 to 8, at which a head still does what it did, at more bits too; 9 if 8 do not do.

    Attributes:
        weights: of keys, at which the mean total variation of the attention weights is at most 10 %.
        keys: of keys, at which the relative error of the output is at most 10 %; NaN without values.
        values: the same of values.
    """

    weights: F
    keys: F
    values: F


@dataclass(frozen=True, eq=False)
class Intact:
    """A head with its cache as it is: what losses are compared with, computed once.

    Attributes:
        head: on one text.
        weights: of its attention, (M, N).
        output: (M, d_v); None without values.
        written: (d_v, r), what outputs are multiplied by before they are added to the residual stream, over the
            stream's norm; None where that is not known.
    """

    head: HeadOnText
    weights: Floats
    output: Floats | None
    written: Floats | None

    @classmethod
    def of(cls, head: HeadOnText, written: NDArray[np.floating] | None = None) -> Intact:
        """Compute it.

        Raises:
            AssayError: `written` does not fit the values.
        """
        width = None if head.values is None else head.values.shape[1]
        fits = written is None or (written.ndim == 2 and len(written) == width)
        require(fits, "shape of written", getattr(written, "shape", None), f"({width or 'None without values'}, r)")
        weights = head.weights()
        output = None if head.values is None else weights @ head.values
        return cls(head, weights, output, None if written is None else written.astype(np.float64))

    def errors(self, moved: Floats | None) -> tuple[float, float]:
        """The relative error of an output that moved by this (M, d_v), and the written one; NaN where not known."""
        if moved is None or self.output is None:
            return np.nan, np.nan
        size = _norm(self.output)
        written = np.nan if self.written is None else _norm(moved @ self.written)
        return _norm(moved) / size if size > 0 else np.nan, written

    def with_keys(self, keys: CacheFormat) -> tuple[Floats, Floats | None]:
        """The attention weights with keys rounded, and the change of the output; None without values."""
        after = self.head.weights(keys.rounded(self.head.keys))
        return after, None if self.head.values is None else (after - self.weights) @ self.head.values

    def with_values(self, values: CacheFormat) -> Floats | None:
        """The change of the output with values rounded; None without values."""
        stored = self.head.values
        return None if stored is None else self.weights @ (values.rounded(stored) - stored)


def cache_loss(intact: Intact, cached: CacheFormat, sets: Sequence[TopSet] = ()) -> Loss[float]:
    """What a head loses when its keys, or its values, are kept in a format.

    Time O(M N d).

    Args:
        intact: the head.
        cached: how numbers are stored.
        sets: that are to be kept, each by its own query.

    Raises:
        AssayError: a width that the format does not take.

    >>> rng = np.random.default_rng(0)
    >>> from assay.probing.one_head import one_head
    >>> head = Intact.of(one_head(*(rng.standard_normal((64, 32)) for _ in range(3)), causal=True))
    >>> [round(cache_loss(head, cache_format(name)).weights, 3) for name in ("q8_0", "q4_0", "exact")]
    [0.002, 0.029, 0.0]
    """
    after, moved = intact.with_keys(cached)
    output, written = intact.errors(moved)
    of_values, written_of_values = intact.errors(intact.with_values(cached))
    kept = float(np.quantile(_kept(sets, intact.weights, after), LEAST)) if sets else np.nan
    return Loss(_variation(intact.weights, after), output, written, kept, of_values, written_of_values)


def fewest_bits(intact: Intact, family: str, *, allowed: float = ALLOWED) -> Fewest[float]:
    """How few bits a head's cache takes in a family of formats: tried from 8 down, up to the first that does not do.

    Args:
        intact: the head.
        family: `token`, `channel` or `rotated`.
        allowed: largest mean total variation of the weights, and largest relative error of the output.

    Raises:
        AssayError: no such family, a width that it does not take, or an error that is not positive.

    >>> rng = np.random.default_rng(0)
    >>> from assay.probing.one_head import one_head
    >>> fewest_bits(Intact.of(one_head(*(rng.standard_normal((64, 32)) for _ in range(3)))), "channel")
    Fewest(weights=3, keys=4, values=4)
    """
    if family not in FAMILIES:
        raise unknown("family of cache formats", family, FAMILIES)
    require(allowed > 0, "allowed", allowed, "positive")
    found = {"weights": MOST_BITS + 1.0, "keys": MOST_BITS + 1.0, "values": MOST_BITS + 1.0}
    doing = ["weights"] if intact.head.values is None else list(found)
    found |= {name: np.nan for name in found if name not in doing}
    for bits in range(MOST_BITS, 0, -1):
        cached = cache_format(f"{family}-{bits}")
        errors: dict[str, float] = {}
        if "weights" in doing or "keys" in doing:
            after, moved = intact.with_keys(cached)
            errors = {"weights": _variation(intact.weights, after), "keys": intact.errors(moved)[0]}
        if "values" in doing:
            errors["values"] = intact.errors(intact.with_values(cached))[0]
        doing = [name for name in doing if errors[name] <= allowed]
        found |= dict.fromkeys(doing, bits)
    return Fewest(**found)


def _kept(sets: Sequence[TopSet], before: Floats, after: Floats) -> Floats:
    """The softmax mass that each set keeps of what it gets from its own query, (sets,)."""
    had = own_mass(sets, before)
    return np.divide(own_mass(sets, after), had, out=np.ones_like(had), where=had > 0)


def _variation(before: Floats, after: Floats) -> float:
    return float(np.abs(before - after).sum(axis=1).mean() / 2)


def _norm(rows: Floats) -> float:
    """Root mean square norm of rows."""
    return float(np.sqrt(np.square(rows).sum(axis=1).mean()))
