"""Courses of questioning: a search, or a question that stands alone, moved on by the answers there are."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from assay.evidence import Evidence, content_hash
from assay.models.candidates import candidates_of
from assay.studies.checks import WIDTH_SYMBOL
from assay.studies.study import symbol_texts
from assay.studies.workers import Failed
from assay.training.search import Question, Unit, asked_of_all, chosen, first_learned


@dataclass
class Course:
    """One course of questioning.

    Attributes:
        label: what it is, for people.
        kind: courses of one kind take times that are comparable.
        weight: how much longer than another of its kind it takes, roughly.
        expected: how many questions it is likely to ask.
        asking: yields questions and is sent their answers.
        asked: keys of all questions so far, in the order they were asked.
        pending: keys and questions that wait for an answer.
        order: the keys of the questions asked last.
        answered: how many questions have been answered.
        finished: whether there is nothing more to ask.
        failed: why one of its questions has no answer, so that it cannot go on; None where it can.
        unit: the search that it is, once `finished` in the variant that was chosen; None for a question that stands
            alone.
        outcome: once `finished`, the value of a search's first learned rung; None where most seeds learned at none.
    """

    label: str
    kind: tuple[str, ...]
    weight: float
    expected: int
    asking: Generator[list[Question], list[Evidence], tuple[Unit, int | None] | None]
    unit: Unit | None = None
    asked: list[str] = field(default_factory=list)
    pending: dict[str, Question] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    answered: int = 0
    finished: bool = False
    failed: Failed | None = None
    outcome: int | None = None

    @property
    def news(self) -> str:
        """What a finished search found, or why a course failed, for people; empty for a question that was answered."""
        if self.failed is not None:
            return f"{self.label} failed {self.failed.reason}"
        if self.unit is None:
            return ""
        if self.unit.sweep:
            return f"{self.label}: done ({self.answered} runs)"
        sought = "largest" if self.unit.largest else "smallest"
        return f"{self.label}: {sought} learned {self.unit.field} {self._found} ({self.answered} runs)"

    @property
    def _found(self) -> str:
        """What a finished search found: a value, or beyond which value it lies."""
        assert self.unit is not None
        last = self.unit.ladder[-1]
        return str(self.outcome) if self.outcome is not None else f"{'<' if self.unit.largest else '>'} {last}"

    def begin(self, answers: Mapping[str, Evidence]) -> None:
        """Ask the first questions, and move on as far as the answers reach."""
        self._send(None)
        self.advance(answers)

    def advance(self, answers: Mapping[str, Evidence]) -> None:
        """Move on as far as the answers reach."""
        while not self.finished and all(key in answers for key in self.order):
            self._send([answers[key] for key in self.order])

    def _send(self, answers: list[Evidence] | None) -> None:
        self.answered += len(answers or ())
        try:
            questions = self.asking.send(answers)  # ty: ignore[invalid-argument-type]
        except StopIteration as stop:
            self.finished = True
            self.unit, self.outcome = stop.value or (None, None)
            self.pending, self.order = {}, []
            return
        self.order = [content_hash(question) for question in questions]
        self.asked += self.order
        self.pending = dict(zip(self.order, questions, strict=True))


def search_course(unit: Unit) -> Course:
    """A search for the first rung that learns, or one value of a sweep."""
    tasks = [unit.at(rung)["task"] for rung in (0, len(unit.ladder) - 1)]
    first, last = map(symbol_texts, tasks)
    place = [text for text in first if text in last]
    if unit.largest and "width" in unit.question:
        place.append(f"{WIDTH_SYMBOL} = {unit.question['width']}")
    label = " ".join([f"{name_of(unit)} on {tasks[0]['name']}", *(["at", ", ".join(place)] if place else [])])
    label = f"sweep: {unit.field} {unit.ladder[0]}, {label}" if unit.sweep else label
    label += f" ({unit.field})" * (unit.field != "width" and not unit.sweep)
    kind = (*search_kind(unit.question), *["sweep"] * unit.sweep)
    return Course(label, kind, tasks[0]["length"], expected_runs(unit), _settle(unit), unit)


def name_of(unit: Unit) -> str:
    """What is trained, for people."""
    return unit.name or candidates_of(unit.question).name


def expected_runs(unit: Unit) -> int:
    """All runs of a sweep's value; of a search, if all seeds learn at one rung, and most at no rate at the next."""
    if unit.sweep:
        return len(unit.seeds) * len(unit.rates)
    trials = max(0, len(unit.variants) * len(unit.rates) - 1)  # one of them is a run of the search
    if len(unit.ladder) == 1:  # all learn at some rate, or none does
        return trials + round(len(unit.seeds) * (1 + len(unit.rates)) / 2)
    return trials + len(unit.seeds) + (len(unit.seeds) // 2 + 1) * len(unit.rates)


def single_course(question: Question) -> Course:
    """A question that stands alone."""
    return Course(_said(question), (question["kind"],), 1.0, 1, _once(question))


def search_kind(question: Question) -> tuple[str, ...]:
    """What makes training runs take comparable times, but for the length."""
    return question["task"]["name"], question["architecture"]


def _said(question: Question) -> str:
    """What a question is, for people: `construction sign on sparse-averaging at N = 8, q = 2`."""
    named = (question[key] for key in ("method", "bound", "protocol", "architecture", "asked") if key in question)
    task = question.get("network", question).get("task")
    where = f"on {task['name']} at {', '.join(symbol_texts(task))}" if task else ""
    return " ".join(filter(None, [question["kind"], next(named, ""), where]))


def _settle(unit: Unit) -> Generator[list[Question], list[Evidence], tuple[Unit, int | None]]:
    if unit.sweep:
        yield from asked_of_all(unit)
        return unit, None
    settled = yield from chosen(unit)
    rung = yield from first_learned(settled)
    return settled, None if rung is None else unit.ladder[rung]


def _once(question: Question) -> Generator[list[Question], list[Evidence], None]:
    yield [question]
