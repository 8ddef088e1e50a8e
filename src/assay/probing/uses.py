"""What one head can do with its own queries, and what it loses when its cache is rounded: one answer for each head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.probing.best_share import best_margins
from assay.probing.budget import Budget, query_budget
from assay.probing.cache_formats import FAMILIES, MOST_BITS, cache_format
from assay.probing.caches import cache_loss, fewest_bits, kept_shares
from assay.probing.context import context_limits
from assay.probing.heads import Heads
from assay.probing.one_head import HeadOnText, one_head
from assay.probing.purposes import Purpose, purposes
from assay.probing.sets import positions_of
from assay.probing.statistics import head_statistics

QUERIES = 256  # of a head, at most, evenly spaced: what losses and statistics are means over
TOP_SIZE, TOP_SETS = 4, 32  # the sets that are to be kept: the keys that a query weighs most, without the sink
CONTEXTS, LONGEST = 4, 8192  # keys whose longest context is measured, and how far


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


def uses_of(heads: Heads, head: int, described: Sequence[dict[str, Any]], formats: Sequence[str]) -> dict[str, Any]:
    """What a head does and can do on its text, as plain JSON values; None stands for what is not known.

    Losses, bits and statistics are over at most 256 of its queries. The budget is the ellipsoid of all of them (see
    `assay.probing.budget`), about 0.

    Args:
        heads: with queries.
        head: index.
        described: drawn sets, see `assay.probing.sets.drawn`, of as many positions as there are keys seen.
        formats: of a cache, see `assay.probing.cache_formats`.

    Returns a dictionary with
        losses: for each format that takes these keys and values, if their products are all of the scores, `bits`; of
        keys rounded, values as they are, `weights` (mean total variation of the attention weights), `worst` (its 95th
        percentile), `output` (relative error of the output), `written` (error added to the residual stream, over the
        stream's median norm) and `kept` (softmax mass kept by the least kept tenth of its top sets); of values
        rounded, keys as they are, `output of values` and `written of values`;
        fewest: for each family of formats `keys` and `values` (the fewest bits, 1 to 8, at which the output is off by
        at most 10 %), `weights` (mean total variation at most 10 %) and `sets` (nine tenths of the top sets keep 90 %);
        reach: by kind of sets and q as text, `yes` (found), `no` (proved in exact arithmetic, up to rounding) and
        `open`;
        context: for some keys the longest context in which one gets 90 % of the softmax, other keys drawn with
        replacement from those of the text, up to `most`;
        statistics: see `assay.probing.statistics`; top_sets: how many sets are to be kept.
    """
    seen = described[0]["length"]
    whole = head_on_text(heads, head, seen)
    few = spaced(whole)
    budget = query_budget(whole.queries)
    written = None if heads.written is None else heads.written[head].astype(np.float64)
    sets = [one for one in purposes(few, range(seen), sizes=(TOP_SIZE,), queries=TOP_SETS) if one.kind == "top"]
    taken = [name for name in formats if heads.plain and _takes(name, few)]
    families = [family for family in FAMILIES if heads.plain and _takes(f"{family}-{MOST_BITS}", few)]
    reach: dict[str, dict[str, dict[str, int]]] = {}
    for one in described:
        reach[one["kind"]] = {}
        for size, positions in positions_of(one).items():
            found = best_margins(whole.keys, positions, budget, scale=whole.scale)
            yes, no = int(found.reached.sum()), int((found.at_most < 0).sum())
            reach[one["kind"]][str(size)] = {"yes": yes, "no": no, "open": len(positions) - yes - no}
    return {
        "losses": {name: _losses(few, name, sets, written) for name in taken},
        "fewest": {family: _fewest(few, family, sets) for family in families},
        "reach": reach,
        "context": _context(whole, budget, described[0]["seed"]),
        "statistics": {name: _number(value) for name, value in vars(head_statistics(few)).items()},
        "top_sets": len(sets),
    }


def _takes(name: str, head: HeadOnText) -> bool:
    found = cache_format(name)
    return found.takes(head.keys) and (head.values is None or found.takes(head.values))


def _losses(
    head: HeadOnText, name: str, sets: Sequence[Purpose], written: NDArray[np.float64] | None
) -> dict[str, Any]:
    found, exact = cache_format(name), cache_format("exact")

    of_keys = cache_loss(head, found)
    result = {
        "bits": found.bits,
        "weights": _number(of_keys.variation),
        "worst": _number(of_keys.worst),
        "output": _number(of_keys.output),
        "written": None,
        "output of values": None,
        "written of values": None,
        "kept": _number(float(np.quantile(kept_shares(head, sets, found), 0.1))) if sets else None,
    }
    if head.values is not None:
        result["output of values"] = _number(cache_loss(head, exact, found).output)
    if written is not None:
        result["written"] = _number(cache_loss(head, found, projection=written).change)
        result["written of values"] = _number(cache_loss(head, exact, found, projection=written).change)
    return result


def _fewest(head: HeadOnText, family: str, sets: Sequence[Purpose]) -> dict[str, int | None]:
    found = fewest_bits(head, family, sets)
    return {name: getattr(found, name) for name in ("keys", "values", "weights", "sets")}


def _context(head: HeadOnText, budget: Budget, seed: int) -> dict[str, Any]:
    places = np.random.default_rng(seed).permutation(len(head.keys))[:CONTEXTS]
    found = context_limits(head.keys, places[:, None], budget, scale=head.scale, resample=LONGEST, seed=seed)
    measured = [] if found.measured is None else found.measured.tolist()
    return {"keys": places.tolist(), "measured": measured, "most": found.most}


def _number(value: float) -> float | None:
    return float(f"{value:.9g}") if np.isfinite(value) else None
