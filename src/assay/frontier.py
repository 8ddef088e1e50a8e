"""The frontier: smallest constructed and smallest learned width, and largest impossible width, against a parameter.

Everything here is read off pieces of evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from assay.bounds import bounds_of
from assay.evidence import Evidence
from assay.growth import Growth, fit_growth
from assay.tasks import task_from_json


@dataclass(frozen=True)
class Point:
    """One smallest (or largest impossible) width.

    Attributes:
        x: the length or sparsity it belongs to.
        width: the width; with `censored`, the largest that was tried and not learned.
        censored: whether the smallest width is only known to be larger.
        seeds: smallest width of each seed, None where a seed learned at none; empty for what has no seeds.
        runs: training runs behind it.
        precision: bits per number.
        message_bits: width times precision.
        error: the error guaranteed, reached or forced.
    """

    x: int
    width: int
    censored: bool = False
    seeds: tuple[int | None, ...] = ()
    runs: int = 0
    precision: int = 32
    message_bits: int = 0
    error: float = 0.0


@dataclass(frozen=True)
class Series:
    """The points of one boundary.

    Attributes:
        family: attention, recurrent or feed-forward.
        architecture: the architecture that was trained; the family, for what holds for all of it.
        source: the construction's or bound's name, or `training`.
        verdict: impossible, constructed or learned.
        error_kind: worst or mean.
        points: ascending in x.
    """

    family: str
    architecture: str
    source: str
    verdict: str
    error_kind: str
    points: tuple[Point, ...]

    def growth(self) -> Growth:
        """The growth law of the widths; censored points are left out, and the note says so."""
        known = [point for point in self.points if not point.censored and point.width > 0]
        growth = fit_growth([point.x for point in known], [_replicates(point) for point in known])
        left_out = [str(point.x) for point in self.points if point.censored]
        if not left_out:
            return growth
        note = f"not learned within this budget at {', '.join(left_out)}, which the fit leaves out"
        return replace(growth, note="; ".join(filter(None, [growth.note, note])))

    def to_json(self) -> dict[str, Any]:
        """Fields and growth law as plain JSON values."""
        return {**asdict(self), "growth": self.growth().to_json()}


def frontier(evidence: Iterable[Evidence], x: str) -> list[Series]:
    """All boundaries against the task parameter `x`, from evidence that differs in nothing else that matters.

    Training runs of one architecture at one x become one point: the smallest width at which at least three seeds were
    run and most of them learned; or a censored one.
    """
    groups: dict[tuple[str, str, str, str, str], list[Evidence]] = defaultdict(list)
    for piece in evidence:
        verdict = "learned" if piece.verdict == "not learned" else piece.verdict
        groups[piece.family, piece.architecture, piece.source, verdict, piece.error_kind].append(piece)
    series = []
    for (family, architecture, source, verdict, error_kind), pieces in sorted(groups.items()):
        by_x: dict[int, list[Evidence]] = defaultdict(list)
        for piece in pieces:
            by_x[piece.task[x]].append(piece)
        make = learned_point if verdict == "learned" else _stated_point
        points = [make(value, by_x[value]) for value in sorted(by_x)]
        series.append(
            Series(family, architecture, source, verdict, error_kind, tuple(p for p in points if p is not None))
        )
    return series


def contradictions(evidence: Iterable[Evidence]) -> list[str]:
    """Sizes that a bound excludes and guarantees that a trial broke: one sentence each; there should be none.

    Constructions are held against worst-case bounds at the error they guarantee, learned sizes against mean-error
    bounds at the tolerance and on the inputs that they were judged by.
    """
    found = []
    for piece in evidence:
        if piece.verdict not in ("constructed", "learned"):
            continue
        if not piece.detail.get("holds", True):
            found.append(f"{piece.source} for {piece.task} errs by {piece.detail['measured']}, not {piece.error:g}")
        task = task_from_json(piece.task)
        error = piece.error if piece.error_kind == "worst" else piece.tolerance
        distribution = piece.question.get("recipe", {}).get("distribution", "uniform")
        for bound in bounds_of(task):
            if (bound.family, bound.error_kind) != (piece.family, piece.error_kind):
                continue
            check = bound.check(task, piece.size, error=error, distribution=distribution)
            if check.status == "binds":
                found.append(
                    f"{piece.architecture} of width {piece.size.width} was {piece.verdict} ({piece.source}) for "
                    f"{piece.task}, but {bound.name} needs {check.required:g} {bound.resource}, of which it has "
                    f"{check.available:g}"
                )
    return found


def learned_point(x: int, runs: list[Evidence]) -> Point | None:
    """The smallest width that most of at least three seeds learned; None where no width was run with three seeds."""
    learned: dict[int, dict[int, bool]] = defaultdict(dict)
    for run in runs:
        seed, width = run.question["seed"], run.size.width
        learned[width][seed] = learned[width].get(seed, False) or run.verdict == "learned"
    settled = {width: by_seed for width, by_seed in learned.items() if len(by_seed) >= 3}
    solved = [width for width, by_seed in settled.items() if 2 * sum(by_seed.values()) > len(by_seed)]
    if not settled:
        return None
    width = min(solved, default=max(settled))
    seeds = sorted(settled[width])
    return Point(
        x=x,
        width=width,
        censored=not solved,
        seeds=tuple(min((w for w in learned if learned[w].get(seed)), default=None) for seed in seeds),
        runs=len(runs),
        precision=runs[0].size.precision,
        message_bits=width * runs[0].size.precision,
        error=min(run.error for run in runs if run.size.width == width),
    )


def _stated_point(x: int, pieces: list[Evidence]) -> Point:
    pick = max if pieces[0].verdict == "impossible" else min
    best = pick(pieces, key=lambda piece: piece.size.width)
    return Point(
        x=x,
        width=best.size.width,
        precision=best.size.precision,
        message_bits=best.size.message_bits,
        error=best.error,
    )


def _replicates(point: Point) -> list[float]:
    """Widths to resample: every seed's own, a seed that learned at none counting as above the reported width."""
    return [float(width if width is not None else 2 * point.width) for width in point.seeds] or [float(point.width)]
