"""What a study will ask and take, before it runs: from the runs in the ledger, and a few timed training steps.

A search is expected to run every seed at one width where it learns, and most at every rate at the next smaller one
where they do not. A run is expected to take a share of its budget, since most stop early. Where finished searches of
the ledger say how many runs and steps searches on this task and architecture really took, that is taken instead.
Seconds of a step are timed, here and now, on the width that the search begins at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import mean

from assay.evidence import Evidence
from assay.frames import Framed
from assay.question import Question
from assay.studies.course import Course, expected_runs, search_course
from assay.studies.study import Study
from assay.studies.usual import START, usual_seconds, usual_share
from assay.studies.workers import failure
from assay.training.question import TrainingQuestion
from assay.training.search import Search
from assay.training.timing import RunSeconds, time_run

ROW_BYTES = 2100  # of the ledger for an answer, and
PAGE_BYTES = 3600  # of the report: means over the shipped studies, indices and curves included


@dataclass(frozen=True)
class Part:
    """Questions of one kind, or one search.

    Attributes:
        name: what they are, for people.
        questions: expected, those that have an answer not counted.
        answered: that have one in the ledger.
        seconds: of one processor that the questions will take.
        justification: where the seconds come from.
    """

    name: str
    questions: float
    answered: int
    seconds: float
    justification: str


@dataclass(frozen=True, repr=False)
class Estimate(Framed):
    """What is left of a study, and what it will take.

    Attributes:
        study: its name.
        workers: processes, one core each.
        parts: of the study.
        questions: to be asked, about.
        answered: that have an answer.
        processor_seconds: of one processor, for all of them.
        seconds: on the workers.
        disk_bytes: of the ledger and the report.
        free_bytes: of the disk that these go to; None where no folder was looked at.
    """

    study: str
    workers: int
    parts: tuple[Part, ...]
    questions: int
    answered: int
    processor_seconds: float
    seconds: float
    disk_bytes: int
    free_bytes: int | None = None

    @property
    def line(self) -> str:
        """Questions and seconds."""
        return (
            f"{self.study}: about {self.questions} questions, {self.answered} answered; about {self.seconds:.0f} s "
            f"with {self.workers} workers"
        )

    @property
    def by_question(self) -> dict[str, float]:
        """Seconds of one question of a part, by the part's name."""
        return {part.name: part.seconds / part.questions for part in self.parts if part.questions}

    def rows(self) -> Iterable[object]:
        """A row for each part."""
        return self.parts


def estimate(
    study: Study,
    answers: dict[str, Evidence],
    *,
    workers: int,
    tell: Callable[[str], None] = lambda _: None,
    timer: Callable[[TrainingQuestion], RunSeconds] = time_run,
) -> Estimate:
    """Questions, processor time, time on this many workers and disk of what is left of a study; nothing is answered.

    Args:
        study: to be run.
        answers: that the ledger holds, by key.
        workers: processes, one core each.
        tell: is given a line on each calibration.
        timer: times the steps of a training question.
    """
    parts = [*_singles(study, answers), *_searches(study.searches(), answers, tell, timer)]
    questions = sum(part.questions for part in parts)
    processor = sum(part.seconds for part in parts)
    longest = max((part.seconds / max(1.0, part.questions) for part in parts), default=0.0)
    return Estimate(
        study=study.name,
        workers=workers,
        parts=tuple(parts),
        questions=round(questions),
        answered=sum(part.answered for part in parts),
        processor_seconds=processor,
        seconds=max(processor / workers, longest) + START * bool(questions),
        disk_bytes=round((ROW_BYTES + PAGE_BYTES) * questions),
    )


def _singles(study: Study, answers: dict[str, Evidence]) -> list[Part]:
    """All but searches, by kind."""
    attention_maps = {question.key for question in study.attention_maps}
    waiting: dict[str, list[Question]] = defaultdict(list)
    answered: dict[str, int] = defaultdict(int)
    for key, question in {question.key: question for question in study.singles()}.items():
        kind = "attention_map" if key in attention_maps else question.kind
        waiting[kind] += [] if key in answers else [question]
        answered[kind] += key in answers
    return [
        Part(
            kind,
            len(questions),
            answered[kind],
            sum(map(usual_seconds, questions)),
            "seconds measured before",
        )
        for kind, questions in waiting.items()
    ]


def _searches(
    searches: Iterable[Search],
    answers: dict[str, Evidence],
    tell: Callable[[str], None],
    timer: Callable[[TrainingQuestion], RunSeconds],
) -> list[Part]:
    courses = [(search, search_course(search)) for search in searches]
    for _, course in courses:
        course.begin(answers)
    known = _experience(courses, answers)
    parts = []
    for search, course in courses:
        expected = expected_runs(search), usual_share(search.candidates[0]), "usual numbers of runs and steps"
        runs, share, source = known.get(course.kind, expected)
        left = 0.0 if course.finished else max(runs - course.answered, len(course.pending))
        seconds, rests = 0.0, "finished"
        if left:
            tell(f"timing {course.label}")
            place = max(0, search.start - search.largest)  # a largest value is mostly found beyond where it begins
            asked = search.in_positions(search.positions[0]) if search.positions else search
            question = asked.candidates[place]
            rests = f"steps timed at {search.field} {search.values[place]}, {source}"
            try:
                seconds = left * timer(question).of(share)
            except (Exception, SystemExit) as error:  # of a layer of a user's own
                rests = f"cannot be timed: {failure(error, question.width).reason}"
        parts.append(Part(course.label, left, course.answered, seconds, rests))
    return parts


def _experience(
    courses: list[tuple[Search, Course]], answers: dict[str, Evidence]
) -> dict[tuple[str, ...], tuple[float, float, str]]:
    """Runs and shares of their budget that finished searches took, by what they search."""
    runs, shares = defaultdict(list), defaultdict(list)
    for search, course in courses:
        if course.finished:
            runs[course.kind].append(course.answered)
            budget = search.candidates[0].recipe.steps
            shares[course.kind] += [answers[key].detail["steps"] / budget for key in course.asked if key in answers]
    return {
        kind: (mean(counts), mean(shares[kind]), f"runs and steps of {len(counts)} finished searches")
        for kind, counts in runs.items()
    }
