"""Colours and markers of all charts: one table for every report.

Colours stand out from white and from a dark page, by a contrast of three at least (`tests/test_looks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.models.bare_models import BARE_MODELS
from assay.report.sweeps import Sweep, rank

GREY = "#8a8f98"  # impossible, for the mean error; and what stands beside
SOFT = "#8d97a8"  # impossible, for the worst case: drawn paler
RED, VIOLET, INDIGO, BLUE, PINK, TEAL, GREEN = (
    *("#d1342b", "#8e63b5", "#6c70d4", "#2f76c9", "#c2559d", "#1f8a9c", "#2f8f57"),
)
ORANGE, OLIVE, BROWN, STEEL = "#c27c1f", "#7a7f36", "#a3643f", "#5b76a8"
SERIES = [BLUE, RED, ORANGE, GREEN, VIOLET, TEAL, PINK, OLIVE, BROWN, STEEL, INDIGO]  # lines that are no architectures

# Paths in a square from -1 to 1.
STAR = "M0,-1L.26,-.36L.95,-.31L.43,.14L.59,.81L0,.45L-.59,.81L-.43,.14L-.95,-.31L-.26,-.36Z"
CROSSED = "M-.7,-1L0,-.3L.7,-1L1,-.7L.3,0L1,.7L.7,1L0,.3L-.7,1L-1,.7L-.3,0L-1,-.7Z"
HEXAGON = "M1,0L.5,.87L-.5,.87L-1,0L-.5,-.87L.5,-.87Z"
UP = "M0,-3L.8,-1.8L.25,-1.8L.25,0L-.25,0L-.25,-1.8L-.8,-1.8Z"  # an arrow that begins at the point
DOWN = "M0,3L.8,1.8L.25,1.8L.25,0L-.25,0L-.25,1.8L-.8,1.8Z"
MARKERS = ["circle", "square", "diamond", "triangle-down", "cross", STAR, HEXAGON, CROSSED]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [5, 1], [3, 1, 1, 1, 1, 1]]


@dataclass(frozen=True)
class Look:
    """Colour and marker of an architecture or a family, on all charts of a report."""

    colour: str
    marker: str


_LOOKS = {
    "attention": Look(RED, "circle"),
    "third-order": Look(VIOLET, "triangle-down"),
    "strassen": Look(INDIGO, HEXAGON),
    "lstm": Look(BLUE, "square"),
    "gru": Look(PINK, "triangle-left"),
    "recurrent": Look(TEAL, "square"),
    "feed-forward": Look(GREEN, "diamond"),
}
_FURTHER = [
    Look(ORANGE, "cross"),
    Look(OLIVE, CROSSED),
    Look(BROWN, "triangle-right"),
    Look(STEEL, STAR),
    Look("#9a8200", HEXAGON),
    Look("#c9527a", "diamond"),
]


def looks(sweeps: Iterable[Sweep]) -> dict[str, Look]:
    """A look for everything on these sweeps; one of its own for each name that is not a known one, while they last.

    The plainest of several depths or splits into heads of an architecture has the architecture's look, unless the
    architecture itself was trained too.
    """
    sweeps = list(sweeps)
    boundaries = [series for sweep in sweeps for series in sweep.series]
    gridded = [curve for sweep in sweeps for grid in sweep.grids for curve in grid.curves]
    names = {name for one in (*boundaries, *gridded) for name in (one.architecture, one.family)}
    taken = {one.architecture for one in gridded} | {one.architecture for one in boundaries if one.verdict == "learned"}
    found, further = dict(_LOOKS), []
    for name in sorted(names - set(_LOOKS), key=rank):
        kind = name.partition(", ")[0]
        if kind in BARE_MODELS:  # nothing is trained in it: it shares its family's colour
            found[name] = _LOOKS.get(BARE_MODELS[kind].family, _FURTHER[0])
            continue
        if kind in _LOOKS and kind not in taken:
            taken.add(kind)
            found[name] = _LOOKS[kind]
        else:
            further.append(name)
    return {**found, **{name: _FURTHER[place % len(_FURTHER)] for place, name in enumerate(further)}}
