"""What a study's searches found, by asking their questions again of the answers that there are.

A search's course depends on the answers alone. Played over the ledger's answers it asks what it asked in the run and
comes to the same end, so only what this study asked, with its seeds, rates and ladders, counts as its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.evidence import Evidence, content_hash
from assay.studies.course import search_course
from assay.studies.study import Study
from assay.training.search import Unit


@dataclass(frozen=True)
class Replay:
    """A search played over answers.

    Attributes:
        unit: the search; where it is finished, in the variant that was chosen.
        finished: whether the answers bring it to its end.
        width: the width, or other value, of the first learned rung; None where it is not finished, or there is none.
        runs: the answers to what it asks, in that order.
    """

    unit: Unit
    finished: bool
    width: int | None
    runs: tuple[Evidence, ...]


def replay(unit: Unit, answers: Mapping[str, Evidence]) -> Replay:
    """Play a search over answers by the keys of their questions."""
    course = search_course(unit)
    course.begin(answers)
    keys = [key for key in dict.fromkeys(course.asked) if key in answers]
    return Replay(course.unit or unit, course.finished, course.outcome, tuple(answers[key] for key in keys))


def study_evidence(study: Study, evidence: Iterable[Evidence]) -> list[Evidence]:
    """All of this evidence that answers a question of this study, in the order of its keys."""
    answers = {piece.key: piece for piece in evidence}
    wanted = {content_hash(question) for question in (*study.baselines(), *study.singles())}
    wanted |= {run.key for unit in study.searches() for run in replay(unit, answers).runs}
    return [answers[key] for key in sorted(wanted & set(answers))]
