"""Running a study: asks its questions of worker processes until all have answers in the ledger.

A finished question is never asked again, so running a finished study does nothing, and running an interrupted one goes
on where it stopped. What is asked next depends on the answers alone, so the evidence is the same for any number of
workers.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from assay.errors import AssayError
from assay.evidence import Evidence, content_hash
from assay.learning.search import Question
from assay.ledger import Ledger
from assay.studies.course import Course, search_course, search_kind, single_course
from assay.studies.study import Study
from assay.studies.workers import Workers


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes:
        done: questions answered so far, those found in the ledger included.
        new: questions answered in this run.
        total: questions expected in all.
        elapsed: seconds since it began.
        remaining: seconds expected; None before the first answer that tells.
        news: what has just been finished, for people; empty otherwise.
    """

    done: int
    new: int
    total: int
    elapsed: float
    remaining: float | None
    news: str = ""


def run_study(study: Study, ledger: Ledger, *, workers: int, report: Callable[[Status], None]) -> int:
    """Answer all questions of `study` that the ledger does not answer; how many those were.

    `report` is called after every answer and at least once a second.
    """
    courses = _courses(study)
    answers = {evidence.key: evidence for evidence in ledger}
    for course in courses:
        course.begin(answers)
    clock = _Clock(courses, workers)
    if all(course.finished for course in courses):
        report(clock.status())
        return 0
    with Workers(workers, ledger.path.parent) as pool:
        running: dict[Future[Evidence], str] = {}
        while not all(course.finished for course in courses):
            for key, question in _next(courses, answers, set(running.values()), workers - len(running)):
                running[pool.submit(question)] = key
            ready, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in ready:
                evidence = _result(future)
                ledger.add(evidence)
                answers[running.pop(future)] = evidence
                clock.note(evidence)
                for course in courses:
                    was_finished = course.finished
                    course.advance(answers)
                    if course.finished and not was_finished:
                        report(clock.status(course.news))
            report(clock.status())
    return clock.new


def _result(future: Future[Evidence]) -> Evidence:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise AssayError(
            "a worker process died, perhaps for want of memory (fewer --workers need less); what is finished is kept, "
            "and the same command goes on from there"
        ) from error


def _courses(study: Study) -> list[Course]:
    singles = {content_hash(question): question for question in study.singles()}
    return [*map(search_course, study.searches()), *map(single_course, singles.values())]


def _next(
    courses: Iterable[Course], answers: dict[str, Evidence], running: set[str], room: int
) -> list[tuple[str, Question]]:
    """The first questions, in the order of the courses, that nobody has answered or is answering."""
    chosen: dict[str, Question] = {}
    for course in courses:
        for key, question in course.pending.items():
            if len(chosen) == room:
                return list(chosen.items())
            if key not in answers and key not in running:
                chosen.setdefault(key, question)
    return list(chosen.items())


class _Clock:
    """Counts, times and estimates. A course not yet timed is taken to cost like others of its kind, by weight."""

    def __init__(self, courses: list[Course], workers: int) -> None:
        self.courses, self.workers = courses, workers
        self.begin, self.new = time.monotonic(), 0
        self.seconds: dict[tuple[str, ...], float] = defaultdict(float)
        self.weights: dict[tuple[str, ...], float] = defaultdict(float)

    def note(self, evidence: Evidence) -> None:
        """One more answer."""
        self.new += 1
        question, kind, weight = evidence.question, (evidence.question["kind"],), 1.0
        if question["kind"] == "training" and not question["portrait"]:
            kind, weight = search_kind(question), evidence.task["length"]
        self.seconds[kind] += evidence.seconds
        self.weights[kind] += weight

    def status(self, news: str = "") -> Status:
        """Where the run stands."""
        done = sum(course.answered for course in self.courses)
        left = {id(course): self._left(course) for course in self.courses if not course.finished}
        remaining = sum(left[id(course)] * self._cost(course) for course in self.courses if not course.finished)
        known = bool(self.weights) or not left
        elapsed = time.monotonic() - self.begin
        return Status(
            done, self.new, done + sum(left.values()), elapsed, remaining / self.workers if known else None, news
        )

    def _left(self, course: Course) -> int:
        return max(course.expected - course.answered, len(course.pending))

    def _cost(self, course: Course) -> float:
        if self.weights[course.kind]:
            return self.seconds[course.kind] / self.weights[course.kind] * course.weight
        total = sum(self.weights.values())
        return sum(self.seconds.values()) / total * course.weight if total else 0.0
