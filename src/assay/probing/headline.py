"""The first lines of a probe: which heads lose most when keys are cached in few bits, and which isolate no token."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from assay.probing.caches import KEPT

MOST = 0.5  # a head averages sets of a size if it reaches at least this share of them
ALLOWED = 0.1  # relative error of an output up to which it counts as kept
_NAMED = 3  # heads
_RANKED = {
    "written": "by the error that they add to the residual stream, over its norm",
    "output": "by the relative error of their outputs",
    "weights": "by the total variation of their attention",
}


def able(findings: dict[str, Any], sparsity: int, kind: str = "random") -> list[dict[str, Any]]:
    """The heads that reach at least half of the sets of this size."""
    return [row for row in findings["heads"] if row["reach"].get(kind, {}).get(str(sparsity), 0) >= MOST]


def coarsest(findings: dict[str, Any]) -> str | None:
    """The format of fewest bits that the heads were asked about and take; None where there is none."""
    bits = {name: loss["bits"] for row in findings["heads"] for name, loss in row["losses"].items()}
    return min(bits, key=lambda name: (bits[name], name)) if bits else None


def ranked_by(findings: dict[str, Any], name: str) -> str:
    """The figure by which heads are ordered: the best validated of those that are known for all of them."""
    losses = [row["losses"][name] for row in findings["heads"] if name in row["losses"]]
    return next(figure for figure in _RANKED if figure == "weights" or all(loss[figure] is not None for loss in losses))


def first_to_lose(findings: dict[str, Any], name: str) -> list[tuple[dict[str, Any], float]]:
    """Heads in the order of what they lose with keys in this format, with the figure of `ranked_by`."""
    figure = ranked_by(findings, name)
    known = [(row, row["losses"][name][figure]) for row in findings["heads"] if name in row["losses"]]
    return sorted(known, key=lambda one: -one[1])


def advice(findings: dict[str, Any]) -> str:
    """Which heads lose their sets or outputs first in the coarsest format, and how far the heads isolate a token."""
    start = f"{findings['name']} at N = {findings['length']}: "
    if not findings["has_queries"]:
        room = _room(findings)
        single = f"keys single out most random sets of up to {room} positions" if room else "norms were measured"
        return f"{start}{single}; of what heads lose and reach nothing can be said without their queries."
    parts = [part for part in (_losses(findings), _contexts(findings)) if part]
    return f"{start}{'. '.join(parts) or 'no head is answered yet'}."


def _losses(findings: dict[str, Any]) -> str:
    name = coarsest(findings)
    if not findings["plain"]:
        return "more than products of queries and keys enters the softmax, so that losses in a cache are not given"
    if name is None:
        return "" if not _answered(findings) else "keys and values are of sizes that no format asked about takes"
    rows = [row["losses"][name] for row in findings["heads"] if name in row["losses"]]
    count, ranked = len(rows), first_to_lose(findings, name)
    lost = sum(row["kept"] is not None and row["kept"] < KEPT for row in rows)
    text = f"with keys cached in {name} ({rows[0]['bits']} bits), {lost} of {count} heads lose sets that they attend to"
    if findings["has_values"]:
        over = sum(row["output"] is not None and row["output"] > ALLOWED for row in rows)
        text += f", and the outputs of {over} are off by more than {ALLOWED:.0%}"
    else:
        text += " (what their outputs lose is not known without values)"
    first = ", ".join(f"{head_name(row)} ({loss:.2g})" for row, loss in ranked[:_NAMED])
    return f"{text}; first to lose, {_RANKED[ranked_by(findings, name)]}: {first}"


def _contexts(findings: dict[str, Any]) -> str:
    rows = _answered(findings)
    if not rows:
        return ""
    ordered = sorted(rows, key=lambda row: row["context"])
    short = sum(row["context"] < findings["length"] for row in rows)
    most = findings["longest_context"]
    middle = ordered[(len(ordered) - 1) // 2]["context"]
    weakest = [f"{head_name(row)} ({row['context']:,})" for row in ordered[:_NAMED] if row["context"] < most]
    return (
        f"With queries like their own, {short} of {len(rows)} heads cannot put {findings['mass']:.0%} of the softmax "
        f"on a single token among {findings['length']:,} keys; the median head can among up to {middle:,}"
        f"{' or more' if middle >= most else ''}{', the weakest: ' if weakest else ''}{', '.join(weakest)}"
    )


def head_name(row: dict[str, Any]) -> str:
    """A head in words."""
    return f"layer {row['layer']} head {row['place']}"


def _answered(findings: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in findings["heads"] if row["context"] is not None]


def median(numbers: Iterable[float | None]) -> float | None:
    """The lower median, None counting as larger than every number."""
    ordered = sorted(math.inf if number is None else number for number in numbers)
    middle = ordered[(len(ordered) - 1) // 2]
    return None if math.isinf(middle) else middle


def _room(findings: dict[str, Any]) -> int:
    """The size asked about up to which most random sets exist on the median head's keys; 0 if there is none."""
    points = findings["curves"].get("exists", {"measured": {"random": []}})["measured"]["random"]
    return max((point["q"] for point in takewhile(lambda point: point["median"] >= MOST, points)), default=0)
