"""Running a study: asks its questions of worker processes until all have answers in the ledger.

A finished question is never asked again, so running a finished study does nothing, and running an interrupted one goes
on where it stopped. What is asked next depends on the answers alone, so the evidence is the same for any number of
workers.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from assay.errors import AssayError
from assay.evidence import Evidence, content_hash
from assay.learning.search import Question, Unit, smallest_width
from assay.ledger import Ledger
from assay.studies.study import Study
from assay.studies.workers import Workers

EXPECTED_RUNS = 12  # of one search, before anything is known of it: for the estimate of the remaining time


@dataclass
class Course:
    """One line of questioning: a search, or a question that stands alone. Answers move it on.

    Attributes:
        label: what it is, for people.
        kind: courses of one kind take times that are comparable.
        weight: how much longer than another of its kind it takes, roughly.
        expected: how many questions it is likely to ask.
        pending: keys and questions that wait for an answer.
        outcome: what it found, once `finished`.
    """

    label: str
    kind: str
    weight: float
    expected: int
    asking: Generator[list[Question], list[Evidence], Any]
    pending: dict[str, Question] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    answered: int = 0
    finished: bool = False
    outcome: Any = None

    def begin(self) -> None:
        """Ask the first questions."""
        self._send(None)

    def advance(self, answers: dict[str, Evidence]) -> None:
        """Move on as far as the answers reach."""
        while not self.finished and all(key in answers for key in self.order):
            self._send([answers[key] for key in self.order])

    def _send(self, answers: list[Evidence] | None) -> None:
        self.answered += len(answers or ())
        try:
            questions = self.asking.send(answers)  # ty: ignore[invalid-argument-type]
        except StopIteration as stop:
            self.finished, self.outcome = True, stop.value
            self.pending, self.order = {}, []
            return
        self.order = [content_hash(question) for question in questions]
        self.pending = dict(zip(self.order, questions, strict=True))


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
        course.begin()
        course.advance(answers)
    clock = _Clock(courses, workers)
    if all(course.finished for course in courses):
        report(clock.status())
        return 0
    with Workers(workers) as pool:
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
                        report(clock.status(_news(course)))
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


def study_evidence(study: Study, ledger: Ledger) -> list[Evidence]:
    """All evidence in the ledger that answers a question of this study."""
    answers = {evidence.key: evidence for evidence in ledger}
    wanted = {content_hash(question) for question in [*study.stated(), *study.portraits()]}
    searched = {_search_key(unit.question) for unit in study.searches()}
    return [
        evidence
        for key, evidence in answers.items()
        if key in wanted or (evidence.source == "training" and _search_key(evidence.question) in searched)
    ]


def _search_key(question: Question) -> str:
    return content_hash({name: value for name, value in question.items() if name not in ("width", "seed", "rate")})


def _courses(study: Study) -> list[Course]:
    searches = [
        Course(
            _unit_label(unit),
            unit.question["architecture"],
            unit.question["task"]["length"],
            EXPECTED_RUNS,
            _settle(unit),
        )
        for unit in study.searches()
    ]
    singles = {content_hash(question): question for question in [*study.portraits(), *study.stated()]}
    return searches + [Course(q["kind"], q["kind"], 1.0, 1, _ask_once(q)) for q in singles.values()]


def _settle(unit: Unit) -> Generator[list[Question], list[Evidence], str]:
    rung = yield from smallest_width(unit)
    return f"> {unit.ladder[-1]}" if rung is None else str(unit.ladder[rung])


def _ask_once(question: Question) -> Generator[list[Question], list[Evidence], None]:
    yield [question]


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
        self.seconds: dict[str, float] = defaultdict(float)
        self.weights: dict[str, float] = defaultdict(float)

    def note(self, evidence: Evidence) -> None:
        """One more answer."""
        self.new += 1
        kind, weight = evidence.question["kind"], 1.0
        if kind == "training" and not evidence.question["portrait"]:
            kind, weight = evidence.architecture, evidence.task["length"]
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


def _unit_label(unit: Unit) -> str:
    task = unit.question["task"]
    return f"{unit.question['architecture']} at N = {task['length']}, q = {task['sparsity']}"


def _news(course: Course) -> str:
    return f"{course.label}: smallest learned width {course.outcome} ({course.answered} runs)" if course.outcome else ""
