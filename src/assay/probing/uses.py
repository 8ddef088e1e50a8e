"""What one head can do with its own queries, and what it loses when its cache is rounded: one answer for each head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from assay.evidence import Json
from assay.probing.best_share import best_margins
from assay.probing.budget import query_budget
from assay.probing.cache_formats import FAMILIES, MOST_BITS, cache_format
from assay.probing.caches import Fewest, Intact, Loss, cache_loss, fewest_bits
from assay.probing.context import longest_contexts
from assay.probing.heads import Heads
from assay.probing.one_head import HeadOnText, one_head
from assay.probing.sets import DrawnSets
from assay.probing.spread import each_field
from assay.probing.statistics import HeadStatistics, head_statistics
from assay.probing.top_sets import top_sets

QUERIES = 256  # of a head, at most, evenly spaced: what losses and statistics are means over
TOP_SIZE, TOP_SETS = 4, 32  # the sets that are to be kept: the keys that a query weighs most, without the sink
CONTEXTS, LONGEST = 4, 8192  # keys whose longest context is measured, and how far


@dataclass(frozen=True)
class Reached:
    """How many sets are in reach.

    Attributes:
        yes: a query was found.
        no: there is none, proved in exact arithmetic, up to rounding.
        open: neither.
    """

    yes: int
    no: int
    open: int

    @property
    def share(self) -> float:
        """Of the sets that are in reach."""
        return self.yes / (self.yes + self.no + self.open)


@dataclass(frozen=True)
class Uses:
    """What a head does and can do on a text; figures are None where they are not known.

    Attributes:
        losses: by format of a cache, those that take these keys and values, if their products are all of the scores.
        fewest: fewest bits, by family of formats.
        reach: by kind of sets and then by their size.
        contexts: for some keys the longest context in which one gets 90 % of the softmax, other keys drawn with
            replacement from those of the text, up to 1 + LONGEST.
        statistics: plain ones.
    """

    losses: dict[str, Loss[float | None]]
    fewest: dict[str, Fewest[float | None]]
    reach: dict[str, dict[int, Reached]]
    contexts: tuple[int, ...]
    statistics: HeadStatistics[float | None]

    def to_json(self) -> Json:
        """As plain JSON values."""
        return json.loads(json.dumps(asdict(self), allow_nan=False))

    @classmethod
    def from_json(cls, found: Json) -> Uses:
        """From what `to_json` gave."""
        return cls(
            losses={name: Loss(**loss) for name, loss in found["losses"].items()},
            fewest={family: Fewest(**bits) for family, bits in found["fewest"].items()},
            reach={
                kind: {int(size): Reached(**counts) for size, counts in sizes.items()}
                for kind, sizes in found["reach"].items()
            },
            contexts=tuple(found["contexts"]),
            statistics=HeadStatistics(**found["statistics"]),
        )


def head_on_text(heads: Heads, head: int, seen: int | None = None) -> HeadOnText:
    """One of the heads with its first keys, and those of its queries that are at their positions.

    Args:
        heads: with queries; of causal ones these are those of the last positions.
        head: index.
        seen: keys; all unless given.

    Raises:
        AssayError: causal heads with more queries than keys, or none up to the last key.
    """
    keys, queries = heads.keys[heads.key_head[head]], heads.queries[head]  # ty: ignore[not-subscriptable]
    values = None if heads.values is None else heads.values[heads.key_head[head]]
    whole = one_head(queries, keys, values, scale=heads.scale, causal=heads.causal)
    seen = len(keys) if seen is None else seen
    rows = len(queries) - (len(keys) - seen) * heads.causal
    return one_head(
        whole.queries[: max(rows, 0)],
        whole.keys[:seen],
        None if whole.values is None else whole.values[:seen],
        scale=heads.scale,
        visible=whole.visible[: max(rows, 0), :seen],
    )


def spaced(head: HeadOnText, most: int = QUERIES) -> HeadOnText:
    """The head with at most this many of its queries, evenly spaced, the first and the last among them."""
    count = len(head.queries)
    if count <= most:
        return head
    rows = np.linspace(0, count - 1, most).round().astype(np.int64)
    return HeadOnText(head.queries[rows], head.keys, head.values, head.scale, head.visible[rows])


def uses_of(heads: Heads, head: int, drawn: Sequence[DrawnSets], formats: Sequence[str]) -> Uses:
    """What a head does and can do on its text.

    Losses, bits and statistics are over at most 256 of its queries. The budget is the ellipsoid of all of them (see
    `assay.probing.budget`).

    Args:
        heads: with queries.
        head: index.
        drawn: sets, of as many positions as there are keys seen.
        formats: of a cache, see `assay.probing.cache_formats`.
    """
    seen, seed = drawn[0].length, drawn[0].seed
    whole = head_on_text(heads, head, seen)
    few = spaced(whole)
    intact = Intact.of(few, None if heads.written is None else heads.written[head])
    sets = top_sets(few, size=TOP_SIZE, queries=TOP_SETS, weights=intact.weights)
    budget = query_budget(whole.queries)
    places = np.random.default_rng(seed).permutation(seen)[:CONTEXTS]
    contexts = longest_contexts(whole.keys, places[:, None], budget, scale=whole.scale, draws=LONGEST, seed=seed)
    reach: dict[str, dict[int, Reached]] = {}
    for one in drawn:
        reach[one.kind] = {}
        for size, positions in one.positions().items():
            found = best_margins(whole.keys, positions, budget, scale=whole.scale, decide=True)
            yes, no = int(found.reached.sum()), int((found.at_most < 0).sum())
            reach[one.kind][size] = Reached(yes, no, len(positions) - yes - no)
    return Uses(
        losses={
            name: each_field(_number, cache_loss(intact, cache_format(name), sets))
            for name in formats
            if heads.plain and _takes(name, few)
        },
        fewest={
            family: each_field(_number, fewest_bits(intact, family))
            for family in FAMILIES
            if heads.plain and _takes(f"{family}-{MOST_BITS}", few)
        },
        reach=reach,
        contexts=tuple(contexts.tolist()),
        statistics=each_field(_number, head_statistics(few)),
    )


def _takes(name: str, head: HeadOnText) -> bool:
    found = cache_format(name)
    return found.takes(head.keys) and (head.values is None or found.takes(head.values))


def _number(value: float) -> float | None:
    return float(f"{value:.9g}") if np.isfinite(value) else None
