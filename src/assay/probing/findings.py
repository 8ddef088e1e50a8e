"""What a probe found: for each head what it loses and reaches, with its spread over texts, and which heads lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from assay.evidence import Evidence
from assay.probing.caches import Fewest, Loss
from assay.probing.headline import MOST, advice
from assay.probing.plan import Plan
from assay.probing.questions import ExistenceQuestion, UsesQuestion
from assay.probing.sets import KINDS
from assay.probing.spread import Spread, over_texts, spread
from assay.probing.statistics import HeadStatistics
from assay.probing.thresholds import face_probability, face_threshold
from assay.probing.uses import LONGEST, Uses

_PREDICTED_POINTS = 24


@dataclass(frozen=True)
class HeadRow:
    """One head; figures are spreads over texts, None where they are not known.

    Attributes:
        layer: from 0.
        place: in the layer, from 0.
        key_head: index of its keys.
        losses: by format.
        fewest: fewest bits, by family of formats.
        reach: share of sets in reach of the ellipsoid of the head's queries, by kind of sets and then by q.
        context: median of the longest contexts that were measured on a text.
        statistics: plain ones; None where the head is not answered.
        half: the measured q at which half of the random sets exist, interpolated.
    """

    layer: int
    place: int
    key_head: int
    losses: dict[str, Loss[Spread | None]]
    fewest: dict[str, Fewest[Spread | None]]
    reach: dict[str, dict[int, Spread]]
    context: Spread | None
    statistics: HeadStatistics[Spread | None] | None
    half: Spread | None


@dataclass(frozen=True)
class Point:
    """Shares of sets of one size that exist, over keys and texts: the quantiles 10, 50 and 90 % and the mean."""

    q: int
    low: float
    median: float
    high: float
    mean: float


@dataclass(frozen=True)
class Curve:
    """Which sets exist.

    Attributes:
        sets: of each size and kind.
        threshold: the q at which the width is the statistical dimension, for generic keys.
        predicted: (q, probability) for generic keys.
        measured: by kind of sets.
        undecided: outcomes that are left open.
        rational: outcomes that took exact fractions.
    """

    sets: int
    threshold: float
    predicted: tuple[tuple[int, float], ...]
    measured: dict[str, tuple[Point, ...]]
    undecided: int
    rational: int


@dataclass(frozen=True)
class Findings:
    """What a probe found.

    Attributes:
        name: of the model or file.
        note: what else a reader should know.
        texts: what they are called; one that is empty where that is not known.
        heads_count: heads.
        key_heads: those with keys of their own.
        layers: how many.
        width: d.
        causal: whether a query sees only positions up to its own.
        length: keys seen.
        sparsities: q of the sets whose reach was asked for.
        sets: of each kind and size.
        seed: of the sets.
        formats: of a cache that were asked about.
        longest_context: up to which contexts were measured.
        has_queries, has_values, has_written, plain: what of the heads is known, see `assay.probing.heads.Heads`.
        heads: a row for each.
        curve: which sets exist; None where not asked.
        open: sets of which it is left open whether they are in reach.
        unanswered: questions without an answer yet.
        advice: what to look at first.
    """

    name: str
    note: str
    texts: tuple[str, ...]
    heads_count: int
    key_heads: int
    layers: int
    width: int
    causal: bool
    length: int
    sparsities: tuple[int, ...]
    sets: int
    seed: int
    formats: tuple[str, ...]
    longest_context: int
    has_queries: bool
    has_values: bool
    has_written: bool
    plain: bool
    heads: tuple[HeadRow, ...]
    curve: Curve | None
    open: int
    unanswered: int
    advice: str = ""


Existence = dict[tuple[int, str, str], dict[int, dict[str, int]]]  # by key head, text's digest and kind, then by q


def gather_probe(plan: Plan, answers: Mapping[str, Evidence]) -> Findings:
    """The findings of a probe from the answers there are, by the keys of their questions."""
    heads = plan.heads
    asked = {question.key: question for question in plan.questions()}
    uses: dict[int, list[Uses]] = {}
    existence: Existence = {}
    for question, piece in ((question, answers[key]) for key, question in asked.items() if key in answers):
        if isinstance(question, UsesQuestion):
            uses.setdefault(question.head, []).append(Uses.from_json(piece.detail))
        elif isinstance(question, ExistenceQuestion):
            place = (question.key_head, question.heads, question.sets[0].kind)
            existence[place] = {int(size): counts for size, counts in piece.detail.items()}
    reached = [
        counts for found in uses.values() for one in found for kind in one.reach.values() for counts in kind.values()
    ]
    found = Findings(
        name=heads.name,
        note=heads.note,
        texts=tuple(one.text for one in plan.texts),
        heads_count=heads.count,
        key_heads=len(heads.keys),
        layers=len(set(heads.layer)),
        width=heads.width,
        causal=heads.causal,
        length=plan.seen,
        sparsities=plan.sparsities,
        sets=plan.sets,
        seed=plan.seed,
        formats=plan.cached,
        longest_context=1 + LONGEST,
        has_queries=plan.asks_uses,
        has_values=heads.values is not None,
        has_written=heads.written is not None,
        plain=heads.plain,
        heads=tuple(_row(plan, head, uses.get(head, []), existence) for head in range(heads.count)),
        curve=_curve(plan, existence) if plan.curve_sets else None,
        open=sum(counts.open for counts in reached),
        unanswered=sum(key not in answers for key in asked),
    )
    return replace(found, advice=advice(found))


def _row(plan: Plan, head: int, uses: Sequence[Uses], existence: Existence) -> HeadRow:
    heads = plan.heads
    names = dict.fromkeys(name for one in uses for name in one.losses)
    families = dict.fromkeys(family for one in uses for family in one.fewest)
    halves = [_crossing(existence.get((heads.key_head[head], one.digest, "random"), {})) for one in plan.texts]
    return HeadRow(
        layer=heads.layer[head],
        place=heads.place[head],
        key_head=heads.key_head[head],
        losses={name: over_texts([one.losses[name] for one in uses if name in one.losses]) for name in names},
        fewest={name: over_texts([one.fewest[name] for one in uses if name in one.fewest]) for name in families},
        reach={kind: _shares(kind, uses) for kind in KINDS},
        context=spread(sorted(one.contexts)[(len(one.contexts) - 1) // 2] for one in uses),
        statistics=over_texts([one.statistics for one in uses]) if uses else None,
        half=spread(halves),
    )


def _shares(kind: str, uses: Sequence[Uses]) -> dict[int, Spread]:
    sizes = uses[0].reach[kind] if uses else ()
    return {size: found for size in sizes if (found := spread(one.reach[kind][size].share for one in uses))}


def _crossing(by_size: Mapping[int, Mapping[str, int]]) -> float | None:
    """The q at which the share of sets that exist falls to a half, linear between the sizes asked about."""
    shares = [(size, _share(counts)) for size, counts in sorted(by_size.items())]
    for (before, above), (after, below) in pairwise(shares):
        if above >= MOST > below:
            return before + (above - MOST) / (above - below) * (after - before)
    return None


def _share(counts: Mapping[str, int]) -> float:
    return counts["yes"] / (counts["yes"] + counts["no"] + counts["undecided"])


def _curve(plan: Plan, existence: Existence) -> Curve:
    """Shares of sets that exist against q: over all keys and texts, and predicted for generic ones."""
    width, seen, sizes = plan.heads.width, plan.seen, plan.curve
    steps = np.unique(np.linspace(1, max(sizes), _PREDICTED_POINTS).round().astype(int)).tolist()
    measured: dict[str, tuple[Point, ...]] = {}
    for kind in KINDS:
        answered = [by_size for (_, _, sets), by_size in existence.items() if sets == kind]
        points = {size: [_share(by_size[size]) for by_size in answered] for size in sizes if answered}
        measured[kind] = tuple(
            Point(size, *np.quantile(shares, (0.1, 0.5, 0.9)).tolist(), float(np.mean(shares)))
            for size, shares in points.items()
        )
    counts: list[Mapping[str, int]] = [one for by_size in existence.values() for one in by_size.values()]
    return Curve(
        sets=plan.curve_sets,
        threshold=face_threshold(width, seen),
        predicted=tuple((size, face_probability(width, seen, size)) for size in steps),
        measured=measured,
        undecided=sum(one["undecided"] for one in counts),
        rational=sum(one["rational"] for one in counts),
    )
