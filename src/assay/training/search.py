"""The first rung of a ladder that learns, such as the smallest width: a search that treats seeds honestly.

One field of a network, or of the task, varies along a ladder, on which learning becomes easier from rung to rung. A
rung is learned if most seeds learn it, and a seed has not learned a rung before it has failed at every learning rate.
The search gallops from a starting rung and bisects; the first seed goes ahead alone, then the others are asked about
the rungs it leads to, and no further ones once most agree. At the rung that is reported every seed is run. A search is
a generator that asks questions and is sent their answers: its course depends on the answers alone, never on time or
order, so it can be replayed from a ledger after an interruption.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from assay.errors import require
from assay.evidence import Evidence

Question = dict[str, Any]
Asking = Generator[list[Question], list[Evidence], Any]


@dataclass(frozen=True)
class Unit:
    """One search, or sweep.

    Attributes:
        question: the training question without its seed and rate, and without what a rung adds.
        ladder: values that may be reported: sizes, ascending, of which the smallest that learns is sought; or values of
            a parameter of the task, the hardest and largest first, of which the largest that is learned is sought.
        start: the rung to begin at.
        seeds: independent runs of one rung; most of them must learn.
        rates: learning rates, in the order they are tried until one works; from then on the last that worked is first.
        field: what the ladder's values are values of, in words.
        rungs: what each rung adds to the question; its width unless given.
        name: of what is trained, for people; as its question says unless given.
        largest: whether the ladder goes down and the largest value that is learned is sought.
        sweep: whether nothing is sought, and the one rung there is is asked of every seed at every rate.
        variants: of the question, such as ways to tell positions apart, of which one is chosen beforehand; then that.
    """

    question: Question
    ladder: tuple[int, ...]
    start: int
    seeds: tuple[int, ...]
    rates: tuple[float, ...]
    field: str = "width"
    rungs: tuple[Question, ...] = ()
    name: str = ""
    largest: bool = False
    sweep: bool = False
    variants: tuple[Question, ...] = ()

    def __post_init__(self) -> None:
        if not self.rungs:
            object.__setattr__(self, "rungs", tuple({"width": width} for width in self.ladder))
        require(len(self.rungs) == len(self.ladder), "rungs", len(self.rungs), f"{len(self.ladder)}, as the ladder has")

    def at(self, rung: int) -> Question:
        """The question at a rung, without its seed and rate."""
        return {**self.question, **self.rungs[rung]}

    def rung_of(self, question: Question) -> int | None:
        """The rung that a question asks about; None for none of this search."""
        variant = self.variants[0] if len(self.variants) == 1 else {}
        for rung, added in enumerate(self.rungs):
            if all(question.get(key) == value for key, value in {**variant, **added}.items()):
                return rung
        return None


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
    """The rung to begin at, knowing what is proved: nearest to the geometric mean of two widths.

    Args:
        widths: the ladder.
        open_from: the smallest width that no bound excludes.
        constructed: the smallest width of a construction.

    >>> start_between((4, 5, 6, 8, 10, 12, 15, 16), open_from=3, constructed=9)
    2
    """
    require(1 <= open_from <= constructed, "smallest width not excluded", open_from, f"from 1 to {constructed}")
    middle = math.log(max(open_from, widths[0]) * constructed) / 2
    return min(range(len(widths)), key=lambda rung: abs(math.log(widths[rung]) - middle))


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


def chosen(unit: Unit) -> Generator[list[Question], list[Evidence], Unit]:
    """Generator that asks the first seed for every variant at every rate at the starting rung, and returns the search
    of the variant with the least error, the rates in order of their errors with it; the earlier of equal ones.

    A search without variants is returned as it is.
    """
    if not unit.variants:
        return unit
    tried = list(product(unit.variants, unit.rates))
    answers = yield [{**unit.at(unit.start), **variant, "seed": unit.seeds[0], "rate": rate} for variant, rate in tried]
    ordered = sorted(zip(tried, answers, strict=True), key=lambda pair: pair[1].error)
    best = ordered[0][0][0]
    rates = tuple(rate for (variant, rate), _ in ordered if variant is best)
    return replace(unit, question={**unit.question, **best}, rates=rates, variants=(best,))


def asked_of_all(unit: Unit) -> Asking:
    """Generator that asks the questions of one value of a sweep, all at once."""
    yield [{**unit.at(0), "seed": seed, "rate": rate} for seed, rate in product(unit.seeds, unit.rates)]


def first_learned(unit: Unit) -> Asking:
    """Generator that asks for training runs until the first learned rung is settled, and returns it.

    Returns None where most seeds did not learn on the whole ladder.

    On the way learning is taken to be monotone in the rung: a seed that failed at a rung is not asked about harder
    ones, nor one that learned about easier ones. The verdict at the rung that is returned takes nothing for
    granted: all seeds are run there, and if most fail after all, the next rung is tried. A seed that fails there is
    followed up to the first rung that it learns. Where learning is not monotone there are several boundaries, and
    one is found.
    """
    tried, rungs = _Tried(unit, list(unit.rates)), len(unit.ladder)
    scouted = yield from _boundary(rungs, unit.start, lambda rung: _learned(tried, rung, unit.seeds[0]))
    found = yield from _boundary(rungs, min(scouted, rungs - 1), lambda rung: _most_learned(tried, rung))
    for rung in range(min(found, rungs - 1), rungs):
        learned = yield from _together([_learned(tried, rung, seed) for seed in unit.seeds])
        if sum(learned) >= tried.most:
            late = [seed for seed, on_time in zip(unit.seeds, learned, strict=True) if not on_time]
            yield from _together([_follow_up(tried, rung, seed) for seed in late])
            return rung
    return None


@dataclass
class _Tried:
    """What a search knows.

    Attributes:
        unit: the search.
        rates: learning rates, the last that worked first.
        learned: by rung and seed.
    """

    unit: Unit
    rates: list[float]
    learned: dict[tuple[int, int], bool] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """How many seeds must learn."""
        return len(self.unit.seeds) // 2 + 1

    def expected(self, rung: int, seed: int) -> bool | None:
        """Whether this seed learns here if it is monotone in the rung; None if that is open, or it is not monotone."""
        learns = any(learned and at <= rung for (at, of), learned in self.learned.items() if of == seed)
        fails = any(not learned and at >= rung for (at, of), learned in self.learned.items() if of == seed)
        return self.learned.get((rung, seed), learns if learns is not fails else None)


def _boundary(rungs: int, start: int, learned: Callable[[int], Asking]) -> Asking:
    """The smallest learned rung, found by galloping from `start` and bisecting; `rungs` if there is none."""
    failed, found, step, rung = -1, rungs, 1, start
    while found - failed > 1:
        if (yield from learned(rung)):
            found = rung
        else:
            failed = rung
        if failed == -1:
            rung, step = max(0, found - step), 2 * step
        elif found == rungs:
            rung, step = min(rungs - 1, failed + step), 2 * step
        else:
            rung = (failed + found) // 2
    return found


def _most_learned(tried: _Tried, rung: int) -> Asking:
    """Whether most seeds learn at this rung; asks as many at a time as it takes in any case."""
    seeds = tried.unit.seeds
    while True:
        expected = {seed: tried.expected(rung, seed) for seed in seeds}
        to_learn = tried.most - sum(answer is True for answer in expected.values())
        to_fail = len(seeds) + 1 - tried.most - sum(answer is False for answer in expected.values())
        if min(to_learn, to_fail) <= 0:
            return to_learn <= 0
        unknown = [seed for seed, answer in expected.items() if answer is None]
        yield from _together([_learned(tried, rung, seed) for seed in unknown[: min(to_learn, to_fail)]])


def _follow_up(tried: _Tried, rung: int, seed: int) -> Asking:
    """Find the smallest rung that this seed learns, which failed at `rung`."""

    def learned(wider: int) -> Asking:
        expected = tried.expected(wider, seed)
        return expected if expected is not None else (yield from _learned(tried, wider, seed))

    rungs = len(tried.unit.ladder)
    yield from _boundary(rungs, min(rung + 1, rungs - 1), learned)


def _learned(tried: _Tried, rung: int, seed: int) -> Asking:
    """Whether this seed learns at this rung at one of the rates."""
    if (rung, seed) not in tried.learned:
        tried.learned[rung, seed] = yield from _try_rates(tried, rung, seed)
    return tried.learned[rung, seed]


def _try_rates(tried: _Tried, rung: int, seed: int) -> Asking:
    """Run the rates one by one until one works."""
    unit = tried.unit
    for rate in tuple(tried.rates):
        (evidence,) = yield [{**unit.at(rung), "seed": seed, "rate": rate}]
        if evidence.verdict == "learned":
            tried.rates.sort(key=lambda other: other != rate)
            return True
    return False


def _together(searches: list[Asking]) -> Asking:
    """Run several searches side by side: their questions are asked in one list. Returns their results, in order."""
    results: list[Any] = [None] * len(searches)
    waiting: dict[int, list[Question]] = {}

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
    return results
