"""State bits of what was learned against the size of the task, beside the state bits that bounds require."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from assay.bounds import bounds_of
from assay.bounds.bound import Bound
from assay.evidence import content_hash
from assay.resources import Resources
from assay.results.frontier import Point, learned_series
from assay.tasks import Task
from assay.training.search import SearchResult


@dataclass(frozen=True)
class Held:
    """What was learned in so many bits of state.

    Attributes:
        at: the value of the task's parameter.
        bits: of state of the network, after the last token of the last pass.
        censored: whether the task was not learned, and the bits are those of the largest network that was tried.
        more: whether this is the largest value that was tried, so that the network may hold more.
    """

    at: int
    bits: int
    censored: bool
    more: bool


@dataclass(frozen=True)
class StateChart:
    """State bits against one parameter of the task.

    Attributes:
        symbol: of the parameter.
        learned: what was learned, by architecture.
        required: the parameter, and the state bits that every causal network needs there, by bound.
    """

    symbol: str
    learned: dict[str, tuple[Held, ...]]
    required: dict[str, tuple[tuple[int, float], ...]]


def state_charts(ends: Iterable[SearchResult], symbol: str, distribution: str) -> list[StateChart]:
    """A chart for each parameter along which something with a state was learned at two values at least.

    Args:
        ends: of a sweep's searches.
        symbol: of what the sweep goes along.
        distribution: of the inputs.
    """
    ends = list(ends)
    learned: dict[str, dict[str, tuple[Held, ...]]] = defaultdict(dict)
    for one in learned_series(ends):
        held = [_held(point, largest=one.largest) for point in one.points if point.state_bits]
        held = [point for point in held if not (one.largest and point.censored)]  # it holds none that was tried
        name = one.field if one.largest else symbol
        if held:
            by = f" (by {one.field})" if one.field not in ("width", name) else ""
            learned[name][f"{one.architecture}{by}"] = tuple(held)
    asked: dict[str, list[Task]] = defaultdict(list)
    for end in ends:
        name = end.search.field if end.search.largest else symbol
        asked[name] += {content_hash(one.about): one.task for one in end.search.candidates}.values()
    return [
        StateChart(name, found, _required(name, asked[name], distribution))
        for name, found in learned.items()
        if len({point.at for held in found.values() for point in held}) > 1
    ]


def _held(point: Point, *, largest: bool) -> Held:
    return Held(point.width if largest else point.x, point.state_bits, point.censored, largest and point.first)


def _required(symbol: str, tasks: list[Task], distribution: str) -> dict[str, tuple[tuple[int, float], ...]]:
    """By bound, what a causal network needs for each value of this parameter: the least, where tasks share one."""
    found: dict[str, dict[int, float]] = {}
    for task in tasks:
        parameter = next((key for key, of in task.symbols.items() if of == symbol), None)
        if parameter is None:
            continue
        causal = Resources(precision=1, passes=2 if task.spec.order == "any" else 1, state=lambda tokens: 0)
        for bound in bounds_of(task):
            judged = (bound.resource, bound.error_kind, bound.error_at) == ("state bits", "mean", Bound.error_at)
            if judged and bound.justified == "proved":
                needed = bound.check(task, causal, distribution=distribution).required
                value, known = task.to_json()[parameter], found.setdefault(bound.name, {})
                known[value] = min(needed, known.get(value, needed))
    return {
        name: tuple(sorted((at, needed) for at, needed in points.items() if needed > 0))
        for name, points in found.items()
    }
