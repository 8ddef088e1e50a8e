"""What can be read off the lines of the findings: who contends on them, and which boundaries concern whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from assay.models.bare_models import BARE_MODELS

Series = dict[str, Any]
Line = dict[str, Any]

ORDER = ("attention", "third-order", "strassen", "lstm", "gru", "recurrent", "feed-forward")


@dataclass(frozen=True)
class Contender:
    """What has a chart, and a column of the matrix: an architecture that was trained, or a bare model.

    Attributes:
        name: the architecture, with its depth and heads if there are several; or the bare model.
        family: whose colour it has.
        bare: whether it is a bare model, in which explicit weights are written and nothing is trained.
    """

    name: str
    family: str
    bare: bool


def contenders(lines: Iterable[Line]) -> list[Contender]:
    """All that something is known of on these lines, in the order of charts."""
    known = {
        Contender(series["architecture"], series["family"], series["architecture"] in BARE_MODELS)
        for line in lines
        for series in line["series"]
        if series["points"]
    }
    return sorted(known, key=lambda contender: (contender.bare, rank(contender.name)))


def rank(name: str) -> tuple[int, int, str]:
    """Where an architecture, model or family stands among others: by its kind, the plainer first."""
    base, _, more = name.partition(", ")
    kind = BARE_MODELS[base].family if base in BARE_MODELS else base
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), len(more), name)


def boundaries_of(line: Line, contender: Contender) -> list[Series]:
    """Series of a contender: what it learned, what was constructed, what is impossible for it."""
    return [series for series in line["series"] if series["points"] and series["architecture"] == contender.name]


def references(line: Line, contender: Contender) -> list[Series]:
    """Constructed series of bare models with the contender's colour: to be drawn beside it, under their own names."""
    if contender.bare:
        return []
    return [
        series
        for series in line["series"]
        if series["points"] and series["verdict"] == "constructed" and series["family"] == contender.family
    ]


def with_laws(line: Line) -> list[Series]:
    """Series of a line to whose widths laws were fitted."""
    return [series for series in line["series"] if series["growth"]["power"] is not None]


def excludes(series: Series) -> bool:
    """Whether a bound excludes some width somewhere on its line."""
    return any(point["width"] for point in series["points"])
