"""Whether a figure of heads says more of what happens to the model than plain statistics do.

Figures and effects are compared by Spearman's rank correlation over heads, on each text, and averaged over texts.
Intervals are percentile bootstraps: in each draw both the heads and the texts are drawn anew with replacement, heads
the same on all texts. A figure leads by its |correlation| minus that of the best plain statistic, which is chosen anew
in each draw: that favours plain statistics, so a lead above 0 is not due to the choice of one. With few texts their
spread is known poorly, and no interval mends that.

The partial correlation is that of the ranks' residuals after a linear regression on the ranks of all plain statistics:
what a figure adds to them. A figure may be weaker than the best statistic and still add, or lead and add little.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from assay.errors import require, require_integer

Floats = NDArray[np.float64]
_LEAST_HEADS = 8
_NOTHING = 1e-9  # of the variance of ranks
_NUMBERS = 2_000_000  # of figures that are held at once


@dataclass(frozen=True)
class Interval:
    """A number and its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Validity:
    """How a figure of heads goes with a measured effect.

    Attributes:
        figure: its name.
        plain: whether it is one of the plain statistics.
        rank: mean over texts of the rank correlation over heads.
        by_text: the correlation on each text.
        lead: |rank| minus that of the best other plain statistic.
        partial: the same as `rank`, with the (other) plain statistics regressed out.
        best: the plain statistic with the largest |rank|, itself left out.
        heads: that were compared.
    """

    figure: str
    plain: bool
    rank: Interval
    by_text: tuple[float, ...]
    lead: Interval
    partial: Interval
    best: str
    heads: int

    @property
    def leads(self) -> bool:
        """Whether the interval of the lead lies above 0."""
        return self.lead.low > 0

    @property
    def adds(self) -> bool:
        """Whether the interval of the partial correlation leaves out 0."""
        return self.partial.low > 0 or self.partial.high < 0


def validate(
    figures: Mapping[str, ArrayLike],
    effect: ArrayLike,
    plain: Collection[str],
    *,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Validity, ...]:
    """Rank correlations of figures with an effect, beside plain statistics; the largest |rank| first.

    Heads that lack a figure or the effect on some text (NaN) are left out, for all figures; infinities are ranked.
    Time O(draws * texts * figures * heads log heads): seconds for 30 figures of 270 heads.

    Args:
        figures: by name, each (texts, heads).
        effect: (texts, heads), on the same heads and texts.
        plain: names of those figures that are plain statistics; at least two.
        draws: of the bootstrap.
        confidence: of the intervals, in (0, 1).
        seed: of the draws.

    Raises:
        AssayError: shapes that differ, a plain statistic that is not there, or fewer heads with all figures than 8 and
            twice the plain statistics.

    >>> rng = np.random.default_rng(0)
    >>> effect = rng.standard_normal((3, 60))
    >>> noise = {name: rng.standard_normal((3, 60)) for name in ("entropy", "spread")}
    >>> best = validate({"own error": effect**3, **noise}, effect, ["entropy", "spread"], draws=100)[0]
    >>> best.figure, round(best.rank.value, 9), best.leads, best.adds
    ('own error', 1.0, True, True)
    """
    names = tuple(figures)
    effect = np.asarray(effect, dtype=np.float64)
    require(effect.ndim == 2, "shape of effect", effect.shape, "(texts, heads)")
    table = _table(figures, effect)
    statistics = [names.index(name) for name in _checked(names, plain)]
    require_integer("draws", draws, 2, None)
    require(0 < confidence < 1, "confidence", confidence, "above 0 and below 1")
    there = ~(np.isnan(table).any(axis=(0, 1)) | np.isnan(effect).any(axis=0))
    least = max(_LEAST_HEADS, 2 * (len(statistics) + 2))
    require(int(there.sum()) >= least, "heads with all figures", int(there.sum()), f"{least} or more")
    table, effect = table[:, :, there], effect[:, there]
    point = _correlations(table, effect, statistics)
    rng = np.random.default_rng(seed)
    texts, heads = effect.shape
    of_texts, of_heads = rng.integers(texts, size=(draws, texts, 1)), rng.integers(heads, size=(draws, 1, heads))
    block = max(1, _NUMBERS // table.size)
    drawn = []
    for start in range(0, draws, block):
        which = of_texts[start : start + block], of_heads[start : start + block]
        # (figures, draws, texts, heads) -> (draws, figures, texts, heads)
        drawn.append(_means(_correlations(table[:, *which].swapaxes(0, 1), effect[which], statistics), statistics))
    tails = np.quantile(np.concatenate(drawn), ((1 - confidence) / 2, (1 + confidence) / 2), axis=0).transpose(1, 2, 0)
    value = _means(point, statistics)
    found = []
    for index, name in enumerate(names):
        rank, lead, partial = (
            Interval(float(value[kind, index]), *map(float, tails[kind, index])) for kind in range(3)
        )
        others = [one for one in statistics if one != index]
        best = names[max(others, key=lambda one: abs(value[0, one]))]
        found.append(
            Validity(name, index in statistics, rank, tuple(point[index, :, 0].tolist()), lead, partial, best, heads)
        )
    return tuple(sorted(found, key=lambda one: -abs(one.rank.value)))


def _table(figures: Mapping[str, ArrayLike], effect: Floats) -> Floats:
    """(figures, texts, heads)."""
    rows = []
    for name, figure in figures.items():
        row = np.asarray(figure, dtype=np.float64)
        require(row.shape == effect.shape, f"shape of {name}", row.shape, f"{effect.shape}, that of the effect")
        rows.append(row)
    return np.array(rows)


def _checked(names: Collection[str], plain: Collection[str]) -> list[str]:
    missing = next((name for name in plain if name not in names), None)
    require(missing is None, "plain", missing, f"among {', '.join(names)}")
    require(len(set(plain)) >= 2, "plain", ", ".join(plain), "two statistics or more")
    return sorted(set(plain))


def _correlations(table: Floats, effect: Floats, statistics: list[int]) -> Floats:
    """Rank correlations and partial ones, (..., figures, texts, 2), of tables (..., figures, texts, heads).

    With G the correlations of the statistics among each other, a those of a figure with them and b those of the effect,
    the partial correlation is (r - a G^+ b) / sqrt((1 - a G^+ a) (1 - b G^+ b)), and 0 where either factor is 0.
    """
    ranks, target = _standard(rankdata(table, axis=-1)), _standard(rankdata(effect, axis=-1))
    of_texts = np.moveaxis(ranks, -2, -3)  # (..., texts, figures, heads)
    rank = (of_texts @ target[..., None])[..., 0]
    among = of_texts @ of_texts[..., statistics, :].swapaxes(-1, -2)  # (..., texts, figures, statistics)
    partial = np.empty_like(rank)
    for index in [None, *statistics]:  # a statistic is not regressed out of itself
        rows = [one for one in range(table.shape[-3]) if one not in statistics] if index is None else [index]
        others = [place for place, one in enumerate(statistics) if one != index]
        figure, outcome = among[..., rows, :][..., others], rank[..., [statistics[place] for place in others]]
        inner = among[..., [statistics[place] for place in others], :][..., others]
        solved = figure @ np.linalg.pinv(inner, rcond=1e-9, hermitian=True)
        of_outcome = (np.linalg.pinv(inner, rcond=1e-9, hermitian=True) @ outcome[..., None])[..., 0]
        left = 1 - (solved * figure).sum(axis=-1)
        right = 1 - (of_outcome * outcome).sum(axis=-1, keepdims=True)
        both = np.maximum(left, 0) * np.maximum(right, 0)
        shared = rank[..., rows] - (solved @ outcome[..., None])[..., 0]
        there = (left > _NOTHING) & (right > _NOTHING)
        partial[..., rows] = np.divide(shared, np.sqrt(both), out=np.zeros_like(both), where=there)
    return np.stack([rank, partial], axis=-1).swapaxes(-2, -3)


def _means(found: Floats, statistics: list[int]) -> Floats:
    """Rank correlation, lead and partial correlation, means over texts: (..., 3, figures)."""
    rank, partial = np.moveaxis(found.mean(axis=-2), -1, 0)
    sizes = np.abs(rank)
    best = [sizes[..., [one for one in statistics if one != index]].max(axis=-1) for index in range(rank.shape[-1])]
    return np.stack([rank, sizes - np.stack(best, axis=-1), partial], axis=-2)


def _standard(rows: Floats) -> Floats:
    """Rows of mean 0 and length 1; 0 where all entries are equal."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-9 * np.abs(rows).max(initial=1.0))
