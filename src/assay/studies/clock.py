"""How far a run is and what is left of it: from a plan at first, corrected by the time that questions really take.

A plan says how many seconds a question of each course takes. The pace is how many times as long questions took, those
that are still running included: of a running question, the time that it has taken already is known to be needed. A kind
of question has a pace of its own, which is near that of all until some of the kind are answered.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.studies.course import Course
from assay.studies.usual import START, usual_seconds

_STATUS_EVERY = 0.25  # seconds: working out how far things are takes longer than many an answer
_TRUST = 0.02  # share of the plan that has to be done for the measured pace to count as much as the planned one
_LATE = 0.1  # of the time that an overdue question has taken: what it is taken to need yet


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes:
        done: questions answered so far, those found in the ledger included.
        new: questions answered in this run.
        total: questions expected in all.
        elapsed: seconds since it began.
        remaining: seconds expected.
        news: what has just been finished or failed, for people; empty otherwise.
    """

    done: int
    new: int
    total: int
    elapsed: float
    remaining: float
    news: str = ""


@dataclass
class _Work:
    """Seconds of questions: as planned, and as they took."""

    planned: float
    took: float

    def pace(self, running: Iterable[_Running]) -> float:
        """Times as long as planned. A running question counts where it has taken longer than at the pace of others."""
        planned, took = self.planned, self.took
        for one in sorted(running, key=lambda one: one.took / one.planned, reverse=True):
            if one.took * planned <= took * one.planned:
                break
            planned, took = planned + one.planned, took + one.took
        return took / planned


@dataclass(frozen=True)
class _Running:
    """A question that is being answered.

    Attributes:
        course: that it is of.
        planned: seconds.
        took: seconds so far.
    """

    course: int
    planned: float
    took: float


@dataclass(frozen=True)
class _Begun:
    """A question, when it began and whether workers were there already."""

    course: int
    at: float
    warm: bool


class Clock:
    """Counts, times and estimates.

    Args:
        courses: all of them, begun.
        planned: seconds of a question of a course, by the course's label; usual ones for others.
    """

    def __init__(self, courses: list[Course], planned: Mapping[str, float]) -> None:
        self.courses, self.workers, self.new = courses, 1, 0
        self.began = self.told = time.monotonic()
        self._planned = [
            max(1e-3, planned.get(course.label) or usual_seconds(next(iter(course.pending.values()))))
            if course.pending
            else 0.0
            for course in courses
        ]
        whole = sum(seconds * _left(course) for seconds, course in zip(self._planned, courses, strict=True))
        self._trust = max(1.0, _TRUST * whole)
        self._begun: dict[str, _Begun] = {}
        self._done: dict[tuple[str, ...], _Work] = defaultdict(lambda: _Work(0.0, 0.0))

    def begin(self, key: str, course: int) -> None:
        """A question of the course at this place is being answered from now on."""
        self._begun[key] = _Begun(course, time.monotonic(), self.new > 0)

    def end(self, key: str, *, answered: bool) -> None:
        """It is answered, or has failed."""
        begun = self._begun.pop(key)
        one = self._running(begun)
        if answered:
            self.new += 1
        if answered and one is not None:
            work = self._done[_kind(self.courses[begun.course])]
            work.planned += one.planned
            work.took += one.took

    @property
    def due(self) -> bool:
        """Whether it is time to say how far things are."""
        return time.monotonic() - self.told >= _STATUS_EVERY

    def status(self, news: str = "") -> Status:
        """Where the run stands."""
        self.told = time.monotonic()
        going = {
            place: _left(course)
            for place, course in enumerate(self.courses)
            if not course.finished and not course.failed
        }
        done = sum(course.answered for course in self.courses)
        elapsed = self.told - self.began
        return Status(done, self.new, done + sum(going.values()), elapsed, self._remaining(going), news)

    def _remaining(self, going: Mapping[int, int]) -> float:
        """Seconds until these courses have asked so many questions more."""
        running = [one for begun in self._begun.values() if (one := self._running(begun)) is not None]
        all_done = self._done.values()
        sums = sum(work.planned for work in all_done), sum(work.took for work in all_done)
        overall = _Work(self._trust + sums[0], self._trust + sums[1]).pace(running)
        paces = {}
        for place in going:
            kind, own = _kind(self.courses[place]), self._planned[place]
            if kind not in paces:
                work = self._done[kind]
                alike = [one for one in running if _kind(self.courses[one.course]) == kind]
                paces[kind] = _Work(own + work.planned, overall * own + work.took).pace(alike)
        expected = {place: self._planned[place] * paces[_kind(self.courses[place])] for place in going}
        ahead, left, longest = dict(going), 0.0, 0.0
        for begun in self._begun.values():
            if ahead.get(begun.course):
                ahead[begun.course] -= 1
                took = self.told - begun.at
                own = max(expected[begun.course] - took, _LATE * took)
                left, longest = left + own, max(longest, own)
        left += sum(expected[place] * count for place, count in ahead.items())
        begins = START if going and not self.new else 0.0
        return max(left / self.workers, longest) + max(0.0, begins - (self.told - self.began))

    def _running(self, begun: _Begun) -> _Running | None:
        """What it tells of the pace; nothing where workers are only starting and it is over before they are."""
        planned, took = self._planned[begun.course], time.monotonic() - begun.at
        if begun.warm:
            return _Running(begun.course, planned, took)
        return _Running(begun.course, planned, max(0.0, took - START)) if planned >= START else None


def _left(course: Course) -> int:
    return max(course.expected - course.answered, len(course.pending))


def _kind(course: Course) -> tuple[str, ...]:
    return course.kind[:2]  # runs of a grid are runs of a search, as to their time
