"""The smallest width that learns: a search over a ladder of widths that treats seeds honestly.

Each seed has a smallest width of its own, found by galloping from a starting rung and bisecting; a width is tried at
every learning rate before it counts as not learned. The width that is reported is the smallest at which most of the
seeds learned, and every seed is run there. A search is a generator that asks questions and is sent their answers: its
course depends on the answers alone, never on time or order, so it can be replayed from a ledger after an interruption.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from assay.errors import require
from assay.evidence import Evidence

Question = dict[str, Any]
Asking = Generator[list[Question], list[Evidence], Any]


@dataclass(frozen=True)
class Unit:
    """One smallest-width search.

    Attributes:
        question: the training question without its width, seed and rate.
        ladder: widths that may be reported, ascending.
        start: the rung to begin at.
        seeds: one independent search each; most of them must learn.
        rates: learning rates, in the order they are tried.
    """

    question: Question
    ladder: tuple[int, ...]
    start: int
    seeds: tuple[int, ...]
    rates: tuple[float, ...]


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


def smallest_width(unit: Unit) -> Asking:
    """Generator that asks for training runs until the smallest learned width is settled, and returns its rung.

    Returns None where most seeds did not learn on the whole ladder.
    """
    first = yield from _boundary(unit, unit.seeds[0], unit.start)
    begin = first if first is not None else len(unit.ladder) - 1
    others = yield from _together([_boundary(unit, seed, begin) for seed in unit.seeds[1:]])
    needed = len(unit.seeds) // 2 + 1
    boundaries = sorted(len(unit.ladder) if rung is None else rung for rung in [first, *others])
    for rung in range(min(boundaries[needed - 1], len(unit.ladder) - 1), len(unit.ladder)):
        learned = yield from _together([_learned(unit, rung, seed) for seed in unit.seeds])
        if sum(learned) >= needed:
            return rung
    return None


def _boundary(unit: Unit, seed: int, start: int) -> Asking:
    """The smallest rung at which this seed learns, taking learning to be monotone in the width; None if none does."""
    top = len(unit.ladder) - 1
    failed, learned, step, rung = -1, top + 1, 1, start
    while learned - failed > 1:
        if (yield from _learned(unit, rung, seed)):
            learned = rung
        else:
            failed = rung
        if failed == -1 and learned > 0:
            rung, step = max(0, learned - step), 2 * step
        elif learned == top + 1:
            rung, step = min(top, failed + step), 2 * step
        else:
            rung = (failed + learned) // 2
    return None if learned == top + 1 else learned


def _learned(unit: Unit, rung: int, seed: int) -> Asking:
    """Whether this seed learns at this rung at one of the rates."""
    for rate in unit.rates:
        question = {**unit.question, "width": unit.ladder[rung], "seed": seed, "rate": rate}
        (evidence,) = yield [question]
        if evidence.verdict == "learned":
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
