"""What a probe found, as plain JSON values: for each head its reach, for all keys the existence curves, and advice."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from assay.evidence import Evidence, content_hash
from assay.probing.headline import MOST, advice, median
from assay.probing.plan import Plan
from assay.probing.reach import MASS
from assay.probing.sets import KINDS
from assay.probing.thresholds import (
    face_probability,
    face_threshold,
    half_point,
    separation_probability,
    separation_threshold,
)
from assay.probing.uses import LONGEST

_PREDICTED_POINTS = 24


def gather_probe(plan: Plan, answers: Mapping[str, Evidence]) -> dict[str, Any]:
    """The findings of a probe from the answers there are, by the keys of their questions.

    Returns a dictionary with
        name, note, heads_count, key_heads, layers, width, scale, causal, length (keys seen), mass, sparsities, kinds,
        sets, seed, formats, longest_context (up to which contexts were measured): what was probed and how;
        has_queries, has_values, has_written, plain: what of heads is known;
        heads: for each head `layer`, `place`, `key_head`, `norm_in_use` (None without queries), `half` (the measured q
        at which half of the random sets exist, interpolated; None where no curve crosses), `losses`, `fewest` and
        `statistics` (see `assay.probing.uses.uses_of`; empty where not asked), `context` (median of the
        longest contexts measured; None where not asked) and, by kind of sets and then by q as text, `reach` (share of
        sets in reach of the ellipsoid of the head's queries), `ball` (within the norm in use), `needed` (median needed
        norm, None where there is no query for most) and `ratio` (needed over in use); by q `predicted_ratio` and
        `predicted`;
        curves: for exists and separates `threshold`, `half_point`, `predicted` and `measured` points;
        undecided: outcomes that are left open, by what was asked; rational: those of exists and separates that took
        exact fractions; unanswered: questions without an answer yet;
        advice: what to look at first.
    """
    heads = plan.heads
    found = {content_hash(question): question for question in plan.questions()}
    pieces = [answers[key] for key in found if key in answers]
    by_head: dict[tuple[int, str, str], dict[int, dict[str, Any]]] = {}
    uses: dict[int, dict[str, Any]] = {}
    for piece in pieces:
        question = piece.question
        if question["asked"] == "uses":
            uses[question["head"]] = piece.detail
            continue
        place = (question["key_head"], question["asked"], question["sets"]["kind"])
        by_head[place] = {int(size): detail for size, detail in piece.detail.items()}
    norms = heads.norms_in_use
    rows = [
        {**_head(plan, head, None if norms is None else float(norms[head]), by_head), **_uses(uses.get(head))}
        for head in range(heads.count)
    ]
    result = {
        "name": heads.name,
        "note": heads.note,
        "heads_count": heads.count,
        "key_heads": len(heads.keys),
        "layers": len(set(heads.layer)),
        "width": heads.width,
        "scale": heads.scale,
        "causal": heads.causal,
        "length": plan.seen,
        "mass": MASS,
        "sparsities": list(plan.sparsities),
        "kinds": dict(KINDS),
        "sets": plan.sets,
        "curve_sets": plan.curves,
        "seed": plan.seed,
        "formats": list(plan.cached),
        "has_queries": plan.asks_uses,
        "has_values": heads.values is not None,
        "plain": heads.plain,
        "has_written": heads.written is not None,
        "longest_context": 1 + LONGEST,
        "heads": rows,
        "curves": {asked: _curve(plan, asked, sizes, by_head) for asked, sizes in plan.curve.items()}
        if plan.curves
        else {},
        "undecided": _count("undecided", by_head)
        | {"reach": sum(_sum(one, "open") for one in uses.values()), "ball": sum(row.pop("open") for row in rows)},
        "rational": _count("rational", by_head),
        "unanswered": len(found) - len(pieces),
    }
    return {**result, "advice": advice(result)}


def _head(plan: Plan, head: int, in_use: float | None, by_head: Mapping[Any, Any]) -> dict[str, Any]:
    """One head's row."""
    heads = plan.heads
    key_head = heads.key_head[head]
    row: dict[str, Any] = {
        "layer": heads.layer[head],
        "place": heads.place[head],
        "key_head": key_head,
        "norm_in_use": in_use,
        "half": _crossing(by_head.get((key_head, "exists", "random"), {})),
        "ball": {},
        "needed": {},
        "ratio": {},
        "predicted": {},
        "predicted_ratio": {},
        "open": 0,
    }
    for kind in KINDS:
        answers = by_head.get((key_head, "norm", kind), {})
        row["needed"][kind] = {str(q): median(detail["at_most"]) for q, detail in answers.items()}
        row["predicted"] |= {str(q): detail["predicted"] for q, detail in answers.items()}
        if in_use is None:
            continue
        row["ratio"][kind] = {q: _over(needed, in_use) for q, needed in row["needed"][kind].items()}
        row["ball"][kind] = {
            str(q): sum(norm is not None and norm <= in_use for norm in detail["at_most"]) / len(detail["at_most"])
            for q, detail in answers.items()
        }
        row["open"] += sum(
            low <= in_use and (high is None or high > in_use)
            for detail in answers.values()
            for low, high in zip(detail["at_least"], detail["at_most"], strict=True)
        )
    if in_use is not None:
        row["predicted_ratio"] = {q: _over(norm, in_use) for q, norm in row["predicted"].items()}
    return row


def _uses(found: dict[str, Any] | None) -> dict[str, Any]:
    """What a head does with its own queries, in its row."""
    if found is None:
        return {"losses": {}, "fewest": {}, "statistics": {}, "context": None, "reach": {kind: {} for kind in KINDS}}
    shares = {
        kind: {size: counts["yes"] / sum(counts.values()) for size, counts in sizes.items()}
        for kind, sizes in found["reach"].items()
    }
    of_use = {name: found[name] for name in ("losses", "fewest", "statistics")}
    return {**of_use, "context": median(found["context"]["measured"]), "reach": shares}


def _sum(found: dict[str, Any], outcome: str) -> int:
    return sum(counts[outcome] for sizes in found["reach"].values() for counts in sizes.values())


def _over(norm: float | None, in_use: float) -> float | None:
    return None if norm is None or in_use == 0 else norm / in_use


def _crossing(by_size: Mapping[int, dict[str, Any]]) -> float | None:
    """The q at which the share of sets that exist falls to a half, linear between the sizes asked about."""
    shares = [(size, _share(detail)) for size, detail in sorted(by_size.items())]
    for (before, above), (after, below) in pairwise(shares):
        if above >= MOST > below:
            return before + (above - MOST) / (above - below) * (after - before)
    return None


def _share(detail: dict[str, Any]) -> float:
    return detail["yes"] / (detail["yes"] + detail["no"] + detail["undecided"])


def _curve(plan: Plan, asked: str, sizes: list[int], by_head: Mapping[Any, Any]) -> dict[str, Any]:
    """Shares of sets that exist (or are separated) against q: over all keys, and predicted for generic ones."""
    width, seen = plan.heads.width, plan.seen
    probability = face_probability if asked == "exists" else separation_probability
    steps = np.unique(np.linspace(1, max(sizes), _PREDICTED_POINTS).round().astype(int)).tolist()
    measured = {}
    for kind in KINDS:
        points = []
        for size in sizes:
            shares = [
                _share(answers[size])
                for (_, question, sets), answers in by_head.items()
                if (question, sets) == (asked, kind) and size in answers
            ]
            if shares:
                low, middle, high = np.quantile(shares, (0.1, 0.5, 0.9)).tolist()
                points.append({"q": size, "low": low, "median": middle, "high": high, "mean": float(np.mean(shares))})
        measured[kind] = points
    return {
        "threshold": (face_threshold if asked == "exists" else separation_threshold)(width, seen),
        "half_point": half_point(width, seen) if asked == "exists" else None,
        "predicted": [[size, probability(width, seen, size)] for size in steps],
        "measured": measured,
    }


def _count(outcome: str, by_head: Mapping[Any, Any]) -> dict[str, int]:
    counts = {"exists": 0, "separates": 0}
    for (_, asked, _), answers in by_head.items():
        if asked in counts:
            counts[asked] += sum(detail[outcome] for detail in answers.values())
    return counts
