"""Running questions: asks them of an engine until all have answers in the ledger.

A finished question is never asked again, so running a finished study does nothing, and running an interrupted one goes
on where it stopped. What is asked next depends on the answers alone, so the evidence is the same for any engine and any
number of workers. A question that fails costs the courses that wait for its answer, and no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from assay.evidence import Evidence
from assay.question import Question
from assay.store.ledger import Ledger
from assay.studies.clock import Clock, Status
from assay.studies.course import Course, search_course, single_course
from assay.studies.engines import open_engine
from assay.studies.engines.desk import Desk
from assay.studies.engines.engine import Engine
from assay.studies.workers import Failed
from assay.training.search import Search


@dataclass(frozen=True)
class Ran:
    """What a run came to.

    Attributes:
        new: questions answered in it.
        failed: why courses have no end, by what they are. Nothing of this is in the ledger: the next run asks again.
    """

    new: int
    failed: dict[str, Failed]


def run_questions(
    asked: Iterable[Question | Search],
    ledger: Ledger,
    *,
    report: Callable[[Status], None],
    workers: int | None = None,
    engine: Engine | None = None,
    planned: Mapping[str, float] | None = None,
) -> Ran:
    """Answer all questions that the ledger does not answer: those that stand alone, and those that searches ask.

    They are answered by `engine`, which is started if there is anything to ask; by `workers` processes of this machine
    unless given. `report` is called at once, when a search ends, and else a few times a second; `planned` are the
    seconds that it takes a question of a course to take, by the course's label, where these were timed.

    Raises:
        AssayError: workers keep dying over a question, or the engine cannot be started.
    """
    if engine is None:
        engine = open_engine("local", workers=workers, folder=ledger.path.parent)
    different = {one.key: one for one in asked}.values()
    courses = [search_course(one) if isinstance(one, Search) else single_course(one) for one in different]
    agenda = Agenda(courses, {evidence.key: evidence for evidence in ledger})
    clock = Clock(agenda.courses, planned or {})
    if agenda.unfinished:
        with engine:
            _ask(agenda, Desk(engine), ledger, clock, report)
    report(clock.status())
    return Ran(clock.new, {course.label: course.failed for course in agenda.courses if course.failed})


def _ask(agenda: Agenda, desk: Desk, ledger: Ledger, clock: Clock, report: Callable[[Status], None]) -> None:
    """Ask until every course is finished or has failed."""
    lost, clock.workers = 0, max(1, desk.engine.slots)
    report(clock.status())
    while agenda.unfinished:
        for key, question in agenda.draw(desk.room):
            desk.submit(key, question.to_json())
            clock.begin(key, agenda.asked[key])
        clock.workers = max(1, desk.engine.slots)
        for key, answer in desk.collect(timeout=1.0):
            if not isinstance(answer, Failed):
                ledger.add(answer)
            clock.end(key, answered=not isinstance(answer, Failed))
            for course in agenda.note(key, answer):
                if course.news:
                    report(clock.status(course.news))
        if desk.lost > lost:
            lost = desk.lost
            report(clock.status("a worker process died; what it was asked is asked again"))
        if clock.due:
            report(clock.status())


class Agenda:
    """What there is to ask, in the order of the courses. An answer costs time only for the courses that wait for it.

    Attributes:
        courses: all of them, begun.
        answers: by the keys of their questions.
        failures: questions that have none, likewise.
        asked: places of the courses that drew a question, likewise.
        unfinished: how many courses can still go on.
    """

    def __init__(self, courses: list[Course], answers: dict[str, Evidence]) -> None:
        self.courses, self.answers, self.unfinished = courses, answers, 0
        self.failures: dict[str, Failed] = {}
        self.asked: dict[str, int] = {}
        self._open: list[tuple[int, int, str]] = []  # a heap: place of the course, of the question in it, and its key
        self._waiting: dict[str, list[int]] = defaultdict(list)  # places of courses, by the key of what they wait for
        for place, course in enumerate(courses):
            course.begin(answers)
            if not course.finished:
                self.unfinished += 1
                self._expect(place)

    def draw(self, room: int) -> Iterator[tuple[str, Question]]:
        """The first questions that nobody has answered or been asked, at most `room` of them; they count as asked."""
        while room > 0 and self._open:
            place, _, key = heappop(self._open)
            if key not in self.answers and key not in self.asked and not self.courses[place].failed:
                self.asked[key] = place
                room -= 1
                yield key, self.courses[place].pending[key]

    def note(self, key: str, answer: Evidence | Failed) -> list[Course]:
        """One more answer, or failure; the courses that it ends."""
        if isinstance(answer, Failed):
            self.failures[key] = answer
        else:
            self.answers[key] = answer
        waiting = [place for place in self._waiting.pop(key, ()) if not self.courses[place].failed]
        for place in waiting:
            course = self.courses[place]
            before = course.order
            course.advance(self.answers)
            if not course.finished and (key in self.failures or course.order is not before):
                self._expect(place)
        ended = [course for course in map(self.courses.__getitem__, waiting) if course.finished or course.failed]
        self.unfinished -= len(ended)
        return ended

    def _expect(self, place: int) -> None:
        """Wait for the answers that a course asks for; one that cannot be had fails it."""
        course = self.courses[place]
        course.failed = next((self.failures[key] for key in course.pending if key in self.failures), None)
        for position, key in enumerate(course.pending):
            if key not in self.answers and not course.failed:
                self._waiting[key].append(place)
                heappush(self._open, (place, position, key))
