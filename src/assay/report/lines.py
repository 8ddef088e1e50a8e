"""What can be read off the lines of the findings: who contends on them, and which boundaries concern whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Series = dict[str, Any]
Line = dict[str, Any]

ORDER = ("attention", "third-order", "strassen", "lstm", "gru", "recurrent", "feed-forward")


@dataclass(frozen=True)
class Contender:
    """What has a chart, and a column of the matrix: what was trained, or a family of which nothing was.

    Attributes:
        name: the architecture, with its depth and heads if there are several; or the family.
        family: whose bounds and constructions concern it.
        depth: layers; 0 for a family.
        head_width: of heads that split the width, 0 if there is one; None for a family.
        state_per_width: numbers of state that it keeps per unit of width, as its trained networks declare; else 1.
    """

    name: str
    family: str
    depth: int = 0
    head_width: int | None = None
    state_per_width: int = 1


def contenders(lines: Iterable[Line]) -> list[Contender]:
    """All that were trained on these lines, and families of which nothing was, in the order of charts."""
    boundaries = [series for line in lines for series in line["series"]]
    trained = {
        series["architecture"]: Contender(
            name=series["architecture"],
            family=series["family"],
            depth=series["depth"],
            head_width=series["head_width"],
            state_per_width=max(1, series["state_per_width"]),
        )
        for series in boundaries
        if series["verdict"] == "learned"
    }
    families = {series["family"] for series in boundaries} - {contender.family for contender in trained.values()}
    found = [*trained.values(), *(Contender(family, family) for family in families)]
    return sorted(found, key=lambda contender: rank(contender.name))


def rank(name: str) -> tuple[int, int, str]:
    """Where an architecture or family stands among others: by its kind, the plainer first."""
    base, _, more = name.partition(", ")
    return (ORDER.index(base) if base in ORDER else len(ORDER), len(more), name)


def boundaries_of(line: Line, contender: Contender) -> list[Series]:
    """Series that concern a contender: its own, and those that hold for its family, widths in its own units.

    Bounds on state bits count numbers of state. A contender that keeps several per unit of width has the largest
    excluded width divided by that and rounded down. A bound that speaks of one depth or width of heads concerns no
    other.
    """
    return [
        _scaled(series, contender.state_per_width)
        for series in line["series"]
        if series["points"] and _concerns(series, contender)
    ]


def with_laws(line: Line) -> list[Series]:
    """Series of a line to whose widths laws were fitted."""
    return [series for series in line["series"] if series["growth"]["power"] is not None]


def counted_in_state(boundaries: Iterable[Series]) -> bool:
    """Whether a bound among these counts numbers of state."""
    return any(series["resource"] == "state bits" for series in boundaries)


def _concerns(series: Series, contender: Contender) -> bool:
    if series["verdict"] == "learned":
        return series["architecture"] == contender.name
    if series["family"] != contender.family or series["verdict"] == "constructed":
        return series["family"] == contender.family
    of_depth = 0 in (series["depth"], contender.depth) or series["depth"] == contender.depth
    split = {series["head_width"], contender.head_width}
    return of_depth and (None in split or len(split) == 1)


def _scaled(series: Series, per_width: int) -> Series:
    if series["resource"] != "state bits" or per_width == 1:
        return series
    return {**series, "points": [{**point, "width": point["width"] // per_width} for point in series["points"]]}
