"""What a probe found, as plain JSON values: for each head its reach, for all keys the existence curves, and advice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise, takewhile
from typing import Any

import numpy as np

from assay.evidence import Evidence, content_hash
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

_PREDICTED_POINTS = 24
MOST = 0.5  # a head averages sets of a size if it reaches at least this share of them


def gather_probe(plan: Plan, answers: Mapping[str, Evidence]) -> dict[str, Any]:
    """The findings of a probe from the answers there are, by the keys of their questions.

    Returns a dictionary with
        name, note, heads_count, key_heads, layers, width, scale, causal, length (keys seen), mass, sparsities, kinds,
        sets, seed: what was probed and how;
        heads: for each head `layer`, `place`, `key_head`, `norm_in_use` (None without queries), `half` (the measured q
        at which half of the random sets exist, interpolated; None where no curve crosses) and, by kind of sets and then
        by q as text, `reach` (share of sets within the norm in use), `needed` (median needed norm, None where there is
        no query for most) and `ratio` (needed over in use); `predicted_ratio` and `predicted` by q;
        curves: for exists and separates `threshold`, `half_point`, `predicted` and `measured` points;
        undecided: outcomes that are left open, by what was asked; rational: those of exists and separates that took
        exact fractions; unanswered: questions without an answer yet;
        advice: one sentence.
    """
    heads = plan.heads
    found = {content_hash(question): question for question in plan.questions()}
    pieces = [answers[key] for key in found if key in answers]
    by_head: dict[tuple[int, str, str], dict[int, dict[str, Any]]] = {}
    for piece in pieces:
        question = piece.question
        place = (question["key_head"], question["asked"], question["sets"]["kind"])
        by_head[place] = {int(size): detail for size, detail in piece.detail.items()}
    norms = heads.norms_in_use
    rows = [_head(plan, head, None if norms is None else float(norms[head]), by_head) for head in range(heads.count)]
    result = {
        "name": heads.name, "note": heads.note, "heads_count": heads.count, "key_heads": len(heads.keys),
        "layers": len(set(heads.layer)), "width": heads.width, "scale": heads.scale, "causal": heads.causal,
        "length": plan.seen, "mass": MASS, "sparsities": list(plan.sparsities), "kinds": dict(KINDS), "sets": plan.sets,
        "curve_sets": plan.curves, "seed": plan.seed, "has_queries": norms is not None,
        "heads": rows,
        "curves": {asked: _curve(plan, asked, sizes, by_head) for asked, sizes in plan.curve.items()} if plan.curves
        else {},
        "undecided": _count("undecided", by_head) | {"reach": sum(row.pop("open") for row in rows)},
        "rational": _count("rational", by_head),
        "unanswered": len(found) - len(pieces),
    }  # fmt: skip
    return {**result, "advice": advice(result)}


def _head(plan: Plan, head: int, in_use: float | None, by_head: Mapping[Any, Any]) -> dict[str, Any]:
    """One head's row."""
    heads = plan.heads
    key_head = heads.key_head[head]
    row: dict[str, Any] = {
        "layer": heads.layer[head], "place": heads.place[head], "key_head": key_head, "norm_in_use": in_use,
        "half": _crossing(by_head.get((key_head, "exists", "random"), {})), "reach": {}, "needed": {}, "ratio": {},
        "predicted": {}, "predicted_ratio": {}, "open": 0,
    }  # fmt: skip
    for kind in KINDS:
        answers = by_head.get((key_head, "norm", kind), {})
        row["needed"][kind] = {str(q): _median(detail["at_most"]) for q, detail in answers.items()}
        row["predicted"] |= {str(q): detail["predicted"] for q, detail in answers.items()}
        if in_use is None:
            continue
        row["ratio"][kind] = {q: _over(needed, in_use) for q, needed in row["needed"][kind].items()}
        row["reach"][kind] = {
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


def _over(norm: float | None, in_use: float) -> float | None:
    return None if norm is None or in_use == 0 else norm / in_use


def _median(norms: list[float | None]) -> float | None:
    """The median, None counting as larger than every number."""
    middle = sorted(math.inf if norm is None else norm for norm in norms)[(len(norms) - 1) // 2]
    return None if math.isinf(middle) else middle


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


def able(findings: dict[str, Any], sparsity: int, kind: str = "random") -> list[dict[str, Any]]:
    """The heads that reach at least half of the sets of this size."""
    return [row for row in findings["heads"] if row["reach"].get(kind, {}).get(str(sparsity), 0) >= MOST]


def median_ratio(findings: dict[str, Any], sparsity: int, kind: str = "random") -> float | None:
    """Needed norm over norm in use of the median head; None where there is no query for most heads."""
    ratios = [row["ratio"].get(kind, {}).get(str(sparsity)) for row in findings["heads"]]
    return _median(ratios) if ratios else None


def advice(findings: dict[str, Any]) -> str:
    """One sentence on what limits the heads, and what would help."""
    length, count = findings["length"], findings["heads_count"]
    room = _room(findings)
    single = f"keys single out most random sets of up to {room} positions" if room else ""
    start = f"{findings['name']} at N = {length}: "
    if not findings["has_queries"]:
        return f"{start}{single or 'norms were measured'}; of reach nothing can be said without the heads' queries."
    counts = {size: len(able(findings, size)) for size in findings["sparsities"]}
    reached = ", ".join(f"{able_of} for q = {size}" for size, able_of in counts.items())
    start += f"of {count} heads, these average most random sets of q positions with queries as long as their own: "
    start += f"{reached}; "
    short = next((size for size in counts if 2 * counts[size] < count), None)
    if short is None:
        return f"{start}none of these sizes is out of reach for the median head."
    needed = _median([row["needed"].get("random", {}).get(str(short)) for row in findings["heads"]])
    if needed is None:
        return f"{start}for q = {short} no query was found for most sets of the median head, however long."
    ratio = median_ratio(findings, short)
    if ratio is None:
        return f"{start}the median head's own queries are zero."
    longer = f"for q = {short} the median head needs queries (or logits) {ratio:.2g} times as large"
    return f"{start}{single}, so it is not width that is lacking: {longer}." if room >= short else f"{start}{longer}."


def _room(findings: dict[str, Any]) -> int:
    """The size asked about up to which most random sets exist on the median head's keys; 0 if there is none."""
    points = findings["curves"].get("exists", {"measured": {"random": []}})["measured"]["random"]
    return max((point["q"] for point in takewhile(lambda point: point["median"] >= MOST, points)), default=0)
