"""The frontier: smallest constructed and learned sizes, and largest impossible ones, against a parameter.

Boundaries that are stated, by a bound or a construction, are read off pieces of evidence; learned ones are the ends of
searches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from assay.bounds import bounds_of
from assay.bounds.bound import Bound
from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError
from assay.evidence import Evidence
from assay.models.bare_models import BARE_MODELS
from assay.resources import Resources
from assay.results.growth import Found, Growth, Interval, fit_growth
from assay.tasks import Task, task_from_json
from assay.training.question import TrainingQuestion
from assay.training.search import Search, SearchResult


@dataclass(frozen=True)
class Point:
    """One smallest (or largest impossible) width, or value of the field that its series is about.

    Attributes:
        x: the value of the parameter that varies.
        width: the width, or other value; with `censored`, the last that was tried and not learned.
        censored: whether the value is only known to lie beyond: above, or below where the largest was sought.
        first: whether it is the ladder's first, so that the value sought may lie before it.
        seeds: the width that each seed was first seen to learn, None where it learned at none; empty for what has no
            seeds. A seed is not asked below the reported width once most have failed there, so it may learn less.
        intervals: where the value of each seed lies, as far as it was asked: from the first whole number above the one
            before, to the one that it learned; those first that learned at the hardest. Where the largest is sought,
            from the one that it learned to the last below the next.
        runs: training runs behind it.
        parameters: trainable or stored numbers of a network of this width; 0 for what speaks of no single network.
        precision: bits per number.
        message_bits: bits that hold all that one token knows before it looks at the others.
        state_bits: bits that the network carries on behind the last token; 0 where none are declared.
        required: what a bound requires at least, in the units of its resource; 0 for what is no bound.
        error: the error guaranteed, reached or forced.
    """

    x: int
    width: int
    censored: bool = False
    first: bool = False
    seeds: tuple[int | None, ...] = ()
    intervals: tuple[Interval, ...] = ()
    runs: int = 0
    parameters: int = 0
    precision: int = 32
    message_bits: int = 0
    state_bits: int = 0
    required: float = 0.0
    error: float = 0.0


@dataclass(frozen=True)
class Series:
    """The points of one boundary.

    Attributes:
        family: whose colour it has.
        architecture: whose widths they are: what is trained, with its depth and heads, or a bare model.
        source: the construction's or bound's name, or `training`.
        verdict: impossible, constructed or learned.
        error_kind: worst or mean.
        points: ascending in x.
        resource: what a bound is a bound on, such as `message bits`; empty for what is no bound.
        depth: layers of the network, the deepest where they differ.
        head_width: of heads that split the width, 0 if there is one.
        field: what the points' widths are: `width`, or another field of the network or of the task.
        largest: whether the largest value that is learned is meant: then what lies below is learned, too.
    """

    family: str
    architecture: str
    source: str
    verdict: str
    error_kind: str
    points: tuple[Point, ...]
    resource: str = ""
    depth: int = 1
    head_width: int = 0
    field: str = "width"
    largest: bool = False

    @cached_property
    def growth(self) -> Growth:
        """The growth law of the values; its note says which are known from one side only."""
        pairs = [(point, self._found(point)) for point in self.points if point.width > 0]
        growth = fit_growth([found for _, found in pairs])
        failed = [str(point.x) for point in self.points if point.censored]
        whole = [str(point.x) for point, found in pairs if point.first and found.side]
        notes = [growth.note]
        notes += [f"not learned within this budget at {', '.join(failed)}"] * bool(failed)
        end = "largest" if self.largest else "smallest"
        notes += [f"the {end} value that was tried is learned at {', '.join(whole)}"] * bool(whole)
        return replace(growth, note="; ".join(filter(None, notes)))

    def side(self, point: Point) -> int:
        """1 where what is sought is at least the point's value, -1 where it is at most, 0 where it is that value."""
        least = self.head_width or 1 if self.field == "width" else 1
        if point.censored:
            return -1 if self.largest else 1
        if point.first and self.largest:
            return 1
        return -1 if point.first and point.width > least else 0

    def _found(self, point: Point) -> Found:
        """The point for a fit."""
        known = point.intervals or ((float(point.width), float(point.width)),)
        return Found(point.x, point.width, self.side(point), known)


def stated_series(evidence: Iterable[tuple[int, Evidence]]) -> list[Series]:
    """Boundaries from bounds and constructions, given with the values of the parameter that varies."""
    groups: dict[tuple[str, ...], dict[int, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for x, piece in evidence:
        groups[piece.family, piece.architecture, piece.source, piece.verdict, piece.error_kind][x].append(piece)
    return [
        Series(
            family=family,
            architecture=architecture,
            source=source,
            verdict=verdict,
            error_kind=error_kind,
            points=tuple(_stated_point(x, by_x[x]) for x in sorted(by_x)),
            resource=next(iter(by_x.values()))[0].detail.get("resource", ""),
            depth=max(piece.size.depth for pieces in by_x.values() for piece in pieces),
            head_width=next(iter(by_x.values()))[0].size.head_width if verdict == "impossible" else 0,
        )
        for (family, architecture, source, verdict, error_kind), by_x in sorted(groups.items())
    ]


def learned_series(results: Iterable[SearchResult]) -> list[Series]:
    """Boundaries from finished searches, one for each architecture, shape and field that varies."""
    groups: dict[tuple[str, str, str], list[SearchResult]] = defaultdict(list)
    for one in results:
        groups[one.runs[0].family, one.search.name, one.search.field].append(one)
    return [_learned_series(family, name, found) for (family, name, _), found in sorted(groups.items())]


def contradictions(evidence: Iterable[Evidence]) -> list[str]:
    """Sizes that a bound excludes and guarantees that a trial broke: one sentence each; there should be none.

    Constructions are held against worst-case bounds at the error they guarantee, learned sizes against mean-error
    bounds at the tolerance and on the inputs that they were judged by; both by what the networks declare they have.
    """
    found = []
    for piece in evidence:
        if piece.verdict not in ("constructed", "learned"):
            continue
        if not piece.detail.get("holds", True):
            found.append(f"{piece.source} for {piece.task} errs by {piece.detail['measured']}, not {piece.error:g}")
        task = task_from_json(piece.task)
        error = piece.error if piece.error_kind == "worst" else piece.tolerance
        distribution = TrainingQuestion.of(piece).recipe.distribution if piece.source == "training" else "uniform"
        try:
            network = resources_of(piece, task)
        except AssayError:  # a layer that has been edited since, and fails: nothing is known of what it had
            continue
        for bound in bounds_of(task):
            judged = piece.verdict == "constructed" or bound.error_at == Bound.error_at
            if bound.error_kind != piece.error_kind or not judged:
                continue
            check = bound.check(task, network, error=error, distribution=distribution)
            if check.status == "binds":
                found.append(
                    f"{piece.architecture} of width {piece.size.width} was {piece.verdict} ({piece.source}) for "
                    f"{piece.task}, but {bound.name} ({bound.justified}) needs {check.required:g} {bound.resource}, "
                    f"of which it has {check.available:g}"
                )
    return found


def resources_of(piece: Evidence, task: Task) -> Resources:
    """What the network has that was constructed, or trained, for `task`."""
    if piece.source in CONSTRUCTIONS:
        return BARE_MODELS[CONSTRUCTIONS[piece.source].model].resources(piece.size, task)
    asked = piece.question.get("network", piece.question)  # a protocol's question holds that of its network
    if asked["kind"] == "construction":
        return BARE_MODELS[CONSTRUCTIONS[asked["method"]].model].resources(piece.size, task)
    networks = TrainingQuestion.from_json(asked).networks
    return networks.resources(task, piece.size.width, precision=piece.size.precision)


def _learned_series(family: str, name: str, results: list[SearchResult]) -> Series:
    size, search = results[0].runs[0].size, results[0].search
    return Series(
        family=family,
        architecture=name,
        source="training",
        verdict="learned",
        error_kind="mean",
        points=tuple(_learned_point(one) for one in sorted(results, key=lambda one: one.search.x)),
        depth=size.depth,
        head_width=size.head_width,
        field=search.field,
        largest=search.largest,
    )


def _learned_point(result: SearchResult) -> Point:
    search, there, values = result.search, result.there, result.search.values
    step = there[0].size.head_width or 1 if search.field == "width" else 1
    first = result.first_learned()
    return Point(
        x=search.x,
        width=values[result.place],
        censored=result.value is None,
        first=result.value is not None and result.place == 0,
        seeds=tuple(None if place is None else values[place] for place in first.values()),
        intervals=tuple(
            _interval(search, place, step)
            for place in sorted(len(values) if place is None else place for place in first.values())
        ),
        runs=len(result.runs),
        parameters=there[0].size.parameters,
        precision=there[0].size.precision,
        message_bits=there[0].size.message_bits,
        state_bits=there[0].size.state_bits,
        error=min(run.error for run in there),
    )


def _stated_point(x: int, pieces: list[Evidence]) -> Point:
    pick = max if pieces[0].verdict == "impossible" else min
    best = pick(pieces, key=lambda piece: piece.size.width)
    return Point(
        x=x,
        width=best.size.width,
        parameters=best.size.parameters,
        precision=best.size.precision,
        message_bits=best.size.message_bits,
        required=best.detail.get("required", 0.0),
        error=best.error,
    )


def _interval(search: Search, place: int, step: int) -> Interval:
    """Where the value lies that a seed would be seen to learn first, or last, if all were tried, `step` apart."""
    known = [float(value) for value in search.values]
    if search.largest:
        return (0.0 if place == len(known) else known[place], known[place - 1] - step if place else None)
    least = known[place - 1] + step if place else step if known[0] == step else 0.0
    return (known[-1] if place == len(known) else least, None if place == len(known) else known[place])
