"""The first value of a ladder that learns, such as the smallest width: a search that treats seeds honestly.

One field of a network, or of the task, varies along a ladder, on which learning becomes easier from value to value. A
value is learned if most seeds learn it, and a seed has not learned a value before it has failed at every learning rate.
The search gallops from a starting value and bisects; the first seed goes ahead alone, then the others are asked about
the values it leads to, and no further ones once most agree. At the value that is reported every seed is run. A search
is a generator that asks questions and is sent their answers: its course depends on the answers alone, never on time or
order, so it can be replayed from a ledger after an interruption.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TypeVar

from assay.errors import require
from assay.evidence import Evidence, content_hash
from assay.training.question import TrainingQuestion

T = TypeVar("T")
Asking = Generator[list[TrainingQuestion], list[Evidence], T]  # what is to be asked, its answers, and what comes of it


@dataclass(frozen=True)
class Search:
    """One search, or one value of a grid.

    Attributes:
        values: that may be reported: sizes, ascending, of which the smallest that learns is sought; or values of a
            parameter of the task, the hardest and largest first, of which the largest that is learned is sought.
        candidates: the network and the task of each value, as the question of a run. All else of a run varies.
        start: the place among the values to begin at.
        seeds: independent runs of one value; most of them must learn.
        rates: learning rates, in the order they are tried until one works; from then on the last that worked is first.
        field: what the values are values of, in words.
        name: of what is trained, for people; as the networks are called unless given.
        largest: whether the values go down and the largest that is learned is sought.
        grid: whether nothing is sought, and the one value there is is asked of every seed at every rate.
        positions: ways to tell positions apart, of which one is chosen beforehand; then that; nothing where the
            candidates say.
        x: the value of the parameter that its sweep goes along.
        axis: of a grid's chart, where its table says.
    """

    values: tuple[int, ...]
    candidates: tuple[TrainingQuestion, ...]
    start: int
    seeds: tuple[int, ...]
    rates: tuple[float, ...]
    field: str = "width"
    name: str = ""
    largest: bool = False
    grid: bool = False
    positions: tuple[str, ...] = ()
    x: int = 0
    axis: str = ""

    def __post_init__(self) -> None:
        count = len(self.values)
        require(count == len(self.candidates) > 0, "candidates", len(self.candidates), f"{count}, one for each value")
        if not self.name:
            object.__setattr__(self, "name", self.candidates[0].networks.name)

    @property
    def key(self) -> str:
        """Content hash of what it asks: searches of one key find the same."""
        asked = [question.key for question in self.candidates]
        return content_hash([asked, self.start, self.seeds, self.rates, self.grid, self.positions])

    def run(self, place: int, seed: int, rate: float) -> TrainingQuestion:
        """One run of the value at this place."""
        return replace(self.candidates[place], seed=seed, rate=rate)

    def in_positions(self, way: str) -> Search:
        """The search in which positions are told apart in this way."""
        told = (replace(one, networks=replace(one.networks, positions=way)) for one in self.candidates)
        return replace(self, candidates=tuple(told), positions=(way,))

    def place_of(self, piece: Evidence) -> int | None:
        """The place of the value that a run asked about; None for one that is none of its candidates."""
        asked = TrainingQuestion.of(piece)
        for place, one in enumerate(self.candidates):
            if (one.width, one.task, one.networks) == (asked.width, asked.task, asked.networks):
                return place
        return None


@dataclass(frozen=True)
class SearchResult:
    """What a search found, as far as its runs are answered.

    Attributes:
        search: in the way to tell positions apart that was chosen, once it is finished.
        finished: whether the answers bring it to its end.
        value: the first that most seeds learned; None where there is none, nothing is sought, or it is not finished.
        runs: the answers to what it asks, in that order.
        failed: why a run that it waits for has no answer, in one line; empty where none failed.
    """

    search: Search
    finished: bool
    value: int | None
    runs: tuple[Evidence, ...]
    failed: str = ""

    @property
    def place(self) -> int:
        """That of the value; the last where there is none."""
        return len(self.search.values) - 1 if self.value is None else self.search.values.index(self.value)

    @cached_property
    def placed(self) -> tuple[tuple[int, Evidence], ...]:
        """Its runs with the places of their values; those in ways that were not chosen only served to choose."""
        found = ((self.search.place_of(run), run) for run in self.runs)
        return tuple((place, run) for place, run in found if place is not None)

    @property
    def there(self) -> list[Evidence]:
        """The runs of the value, or of the last."""
        return [run for place, run in self.placed if place == self.place]

    def first_learned(self) -> dict[int, int | None]:
        """For each seed the place of the first value that it was seen to learn; None where it learned at none."""
        learned = [(place, TrainingQuestion.of(run).seed) for place, run in self.placed if run.verdict == "learned"]
        return {seed: min((place for place, of in learned if of == seed), default=None) for seed in self.search.seeds}


def best_by_seed(runs: Iterable[Evidence]) -> dict[int, Evidence]:
    """Of each seed its run with the least error, the first of equal ones."""
    best: dict[int, Evidence] = {}
    for run in runs:
        seed = TrainingQuestion.of(run).seed
        if seed not in best or run.error < best[seed].error:
            best[seed] = run
    return best


def ladder(lowest: int, highest: int, ratio: float, multiple: int = 1) -> tuple[int, ...]:
    """Multiples of `multiple` from `lowest` to `highest`, each about `ratio` times the one before, at least one larger.

    >>> ladder(4, 16, 1.25), ladder(4, 30, 1.5, multiple=4)
    ((4, 5, 6, 8, 10, 12, 15, 16), (4, 8, 12, 16, 24, 28))
    """
    require(1 <= lowest <= highest, "lowest width", lowest, f"from 1 to the highest, {highest}")
    require(ratio > 1, "ratio", ratio, "above 1")
    require(multiple <= highest, "highest width", highest, f"at least {multiple}, the width of a head")
    steps, last = [-(-lowest // multiple)], highest // multiple
    while steps[-1] < last:
        steps.append(min(last, max(steps[-1] + 1, round(steps[-1] * ratio))))
    return tuple(multiple * step for step in steps)


def start_between(widths: tuple[int, ...], open_from: int, constructed: int) -> int:
    """The place to begin at, knowing what is proved: nearest to the geometric mean of two widths.

    Args:
        widths: the ladder.
        open_from: the smallest width that no bound excludes.
        constructed: the smallest width of a construction.

    >>> start_between((4, 5, 6, 8, 10, 12, 15, 16), open_from=3, constructed=9)
    2
    """
    require(1 <= open_from <= constructed, "smallest width not excluded", open_from, f"from 1 to {constructed}")
    middle = math.log(max(open_from, widths[0]) * constructed) / 2
    return min(range(len(widths)), key=lambda place: abs(math.log(widths[place]) - middle))


def wrong_verdict(chance: float, seeds: int) -> float:
    """Probability that most of `seeds` seeds learn a width though it is learned with probability `chance` < 1/2.

    With `chance` >= 1/2, that most do not learn it. This is the tail of a binomial distribution, since seeds are
    independent. A search runs every seed at the width that it reports, so whatever way led there, it reports a given
    width of learning probability below 1/2 at most this often. Several such widths add up: the report is too low with
    at most the sum of their probabilities.

    >>> [round(wrong_verdict(chance, 3), 3) for chance in (0.0, 0.1, 0.25, 0.5, 0.9)]
    [0.0, 0.028, 0.156, 0.5, 0.028]
    """
    rare = min(chance, 1 - chance)
    enough = seeds // 2 + 1 if chance < 0.5 else seeds - seeds // 2
    counts = range(enough, seeds + 1)
    return sum(math.comb(seeds, count) * rare**count * (1 - rare) ** (seeds - count) for count in counts)


def chosen(search: Search) -> Generator[list[TrainingQuestion], list[Evidence], Search]:
    """Generator that asks the first seed for every way to tell positions apart, at every rate, at the starting value;
    returns the search in the way with the least error, the rates in order of their errors; the earlier of equal ones.

    A search without several ways is returned as it is.
    """
    if not search.positions:
        return search
    ways = {way: search.in_positions(way) for way in search.positions}
    tried = list(product(ways, search.rates))
    answers = yield [ways[way].run(search.start, search.seeds[0], rate) for way, rate in tried]
    ordered = [pair for pair, _ in sorted(zip(tried, answers, strict=True), key=lambda pair: pair[1].error)]
    best = ordered[0][0]
    return replace(ways[best], rates=tuple(rate for way, rate in ordered if way == best))


def asked_of_all(search: Search) -> Asking[None]:
    """Generator that asks the questions of one value of a grid, all at once."""
    yield [search.run(0, seed, rate) for seed, rate in product(search.seeds, search.rates)]


def first_learned(search: Search) -> Asking[int | None]:
    """Generator that asks for training runs until the first learned value is settled, and returns its place.

    Returns None where most seeds did not learn on the whole ladder.

    On the way learning is taken to be monotone in the value: a seed that failed at one is not asked about harder
    ones, nor one that learned about easier ones. The verdict at the value that is returned takes nothing for
    granted: all seeds are run there, and if most fail after all, the next value is tried. A seed that fails there is
    followed up to the first value that it learns. Where learning is not monotone there are several boundaries, and
    one is found.
    """
    tried, count = _Tried(search, list(search.rates)), len(search.values)
    scouted = yield from _boundary(count, search.start, lambda place: _learned(tried, place, search.seeds[0]))
    found = yield from _boundary(count, min(scouted, count - 1), lambda place: _most_learned(tried, place))
    for place in range(min(found, count - 1), count):
        learned = yield from _together([_learned(tried, place, seed) for seed in search.seeds])
        if sum(learned) >= tried.most:
            late = [seed for seed, on_time in zip(search.seeds, learned, strict=True) if not on_time]
            yield from _together([_follow_up(tried, place, seed) for seed in late])
            return place
    return None


@dataclass
class _Tried:
    """What a search knows.

    Attributes:
        search: the search.
        rates: learning rates, the last that worked first.
        learned: by place and seed.
    """

    search: Search
    rates: list[float]
    learned: dict[tuple[int, int], bool] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """How many seeds must learn."""
        return len(self.search.seeds) // 2 + 1

    def expected(self, place: int, seed: int) -> bool | None:
        """Whether this seed learns here if it is monotone in the value; None if that is open, or it is not monotone."""
        learns = any(learned and at <= place for (at, of), learned in self.learned.items() if of == seed)
        fails = any(not learned and at >= place for (at, of), learned in self.learned.items() if of == seed)
        return self.learned.get((place, seed), learns if learns is not fails else None)


def _boundary(count: int, start: int, learned: Callable[[int], Asking[bool]]) -> Asking[int]:
    """The first learned place, found by galloping from `start` and bisecting; `count` if there is none."""
    failed, found, step, place = -1, count, 1, start
    while found - failed > 1:
        if (yield from learned(place)):
            found = place
        else:
            failed = place
        if failed == -1:
            place, step = max(0, found - step), 2 * step
        elif found == count:
            place, step = min(count - 1, failed + step), 2 * step
        else:
            place = (failed + found) // 2
    return found


def _most_learned(tried: _Tried, place: int) -> Asking[bool]:
    """Whether most seeds learn at this place; asks as many at a time as it takes in any case."""
    seeds = tried.search.seeds
    while True:
        expected = {seed: tried.expected(place, seed) for seed in seeds}
        to_learn = tried.most - sum(answer is True for answer in expected.values())
        to_fail = len(seeds) + 1 - tried.most - sum(answer is False for answer in expected.values())
        if min(to_learn, to_fail) <= 0:
            return to_learn <= 0
        unknown = [seed for seed, answer in expected.items() if answer is None]
        yield from _together([_learned(tried, place, seed) for seed in unknown[: min(to_learn, to_fail)]])


def _follow_up(tried: _Tried, place: int, seed: int) -> Asking[None]:
    """Find the first place that this seed learns, which failed at `place`."""

    def learned(wider: int) -> Asking[bool]:
        expected = tried.expected(wider, seed)
        return expected if expected is not None else (yield from _learned(tried, wider, seed))

    count = len(tried.search.values)
    yield from _boundary(count, min(place + 1, count - 1), learned)


def _learned(tried: _Tried, place: int, seed: int) -> Asking[bool]:
    """Whether this seed learns at this place at one of the rates."""
    if (place, seed) not in tried.learned:
        tried.learned[place, seed] = yield from _try_rates(tried, place, seed)
    return tried.learned[place, seed]


def _try_rates(tried: _Tried, place: int, seed: int) -> Asking[bool]:
    """Run the rates one by one until one works."""
    for rate in tuple(tried.rates):
        (evidence,) = yield [tried.search.run(place, seed, rate)]
        if evidence.verdict == "learned":
            tried.rates.sort(key=lambda other: other != rate)
            return True
    return False


def _together(searches: list[Asking[T]]) -> Asking[list[T]]:
    """Run several searches side by side: their questions are asked in one list. Returns their results, in order."""
    results: dict[int, T] = {}
    waiting: dict[int, list[TrainingQuestion]] = {}

    def step(index: int, answers: list[Evidence] | None) -> None:
        try:
            waiting[index] = searches[index].send(answers)  # ty: ignore[invalid-argument-type]
        except StopIteration as stop:
            waiting.pop(index, None)
            results[index] = stop.value

    for index in range(len(searches)):
        step(index, None)
    while waiting:
        asked = dict(waiting)
        answers = yield [question for questions in asked.values() for question in questions]
        position = 0
        for index, questions in asked.items():
            step(index, answers[position : position + len(questions)])
            position += len(questions)
    return [results[index] for index in range(len(searches))]
