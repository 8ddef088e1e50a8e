"""Courses of questioning: a search, or a question that stands alone, moved on by the answers there are."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

from assay.evidence import Evidence
from assay.question import Question
from assay.studies.checks import WIDTH_SYMBOL
from assay.studies.workers import Failed
from assay.tasks import symbol_texts
from assay.training.question import TrainingQuestion
from assay.training.search import Search, asked_of_all, chosen, first_learned


@dataclass
class Course:
    """One course of questioning.

    Attributes:
        label: what it is, for people.
        kind: courses of one kind take times that are comparable.
        expected: how many questions it is likely to ask.
        asking: yields questions and is sent their answers.
        search: that it is, once `finished` in the way that was chosen; None for a question that stands alone.
        asked: keys of all questions so far, in the order they were asked.
        pending: keys and questions that wait for an answer.
        order: the keys of the questions asked last.
        answered: how many questions have been answered.
        finished: whether there is nothing more to ask.
        failed: why one of its questions has no answer, so that it cannot go on; None where it can.
        value: once `finished`, the first value that a search learned; None where most seeds learned at none.
    """

    label: str
    kind: tuple[str, ...]
    expected: int
    asking: Generator[Sequence[Question], list[Evidence], tuple[Search, int | None] | None]
    search: Search | None = None
    asked: list[str] = field(default_factory=list)
    pending: dict[str, Question] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    answered: int = 0
    finished: bool = False
    failed: Failed | None = None
    value: int | None = None

    @property
    def news(self) -> str:
        """What a finished search found, or why a course failed, for people; empty for a question that was answered."""
        if self.failed is not None:
            return f"{self.label} failed {self.failed.reason}"
        if self.search is None:
            return ""
        if self.search.grid:
            return f"{self.label}: done ({self.answered} runs)"
        sought, beyond = ("largest", "<") if self.search.largest else ("smallest", ">")
        found = f"{beyond} {self.search.values[-1]}" if self.value is None else self.value
        return f"{self.label}: {sought} learned {self.search.field} {found} ({self.answered} runs)"

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
            self.search, self.value = stop.value or (None, None)
            self.pending, self.order = {}, []
            return
        self.order = [question.key for question in questions]
        self.asked += self.order
        self.pending = dict(zip(self.order, questions, strict=True))


def search_course(search: Search) -> Course:
    """A search for the first value that learns, or one value of a grid."""
    first, last = search.candidates[0], search.candidates[-1]
    place = [text for text in symbol_texts(first.about) if text in symbol_texts(last.about)]
    place += [f"{WIDTH_SYMBOL} = {first.width}"] * search.largest
    label = " ".join([f"{search.name} on {first.about['name']}", *(["at", ", ".join(place)] if place else [])])
    label = f"grid: {search.field} {search.values[0]}, {label}" if search.grid else label
    label += f" ({search.field})" * (search.field != "width" and not search.grid)
    kind = (*search_kind(first), *["grid"] * search.grid)
    return Course(label, kind, expected_runs(search), _settle(search), search)


def expected_runs(search: Search) -> int:
    """All runs of a grid's value; of a search, if all seeds learn at one, and most at no rate at the next harder."""
    if search.grid:
        return len(search.seeds) * len(search.rates)
    trials = max(0, len(search.positions) * len(search.rates) - 1)  # one of them is a run of the search
    if len(search.values) == 1:  # all learn at some rate, or none does
        return trials + round(len(search.seeds) * (1 + len(search.rates)) / 2)
    return trials + len(search.seeds) + (len(search.seeds) // 2 + 1) * len(search.rates)


def single_course(question: Question) -> Course:
    """A question that stands alone."""
    return Course(question.label, (question.kind,), 1, _once(question))


def search_kind(question: TrainingQuestion) -> tuple[str, ...]:
    """What makes training runs take comparable times, but for the length."""
    return question.about["name"], question.networks.architecture


def _settle(search: Search) -> Generator[Sequence[Question], list[Evidence], tuple[Search, int | None]]:
    if search.grid:
        yield from asked_of_all(search)
        return search, None
    settled = yield from chosen(search)
    place = yield from first_learned(settled)
    return settled, None if place is None else settled.values[place]


def _once(question: Question) -> Generator[Sequence[Question], list[Evidence], None]:
    yield [question]
