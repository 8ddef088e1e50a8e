"""What a study's searches found, by asking their questions again of the answers that there are.

A search's course depends on the answers alone. Played over the ledger's answers it asks what it asked in the run and
comes to the same end, so only what this study asked, with its seeds, rates and ladders, counts as its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from assay.evidence import Evidence
from assay.studies.course import search_course
from assay.studies.study import Study
from assay.studies.workers import Failed
from assay.training.search import Search, SearchResult

_NONE: Mapping[str, Failed] = MappingProxyType({})


def replay(search: Search, answers: Mapping[str, Evidence], failed: Mapping[str, Failed] = _NONE) -> SearchResult:
    """Play a search over answers by the keys of their questions; `failed` says what has none, by its label."""
    course = search_course(search)
    course.begin(answers)
    keys = [key for key in dict.fromkeys(course.asked) if key in answers]
    reason = failed[course.label].reason if course.label in failed and not course.finished else ""
    runs = tuple(answers[key] for key in keys)
    return SearchResult(course.search or search, course.finished, course.value, runs, reason)


def study_evidence(study: Study, evidence: Iterable[Evidence]) -> list[Evidence]:
    """All of this evidence that answers a question of this study, in the order of its keys."""
    answers = {piece.key: piece for piece in evidence}
    wanted = {question.key for question in (*study.baselines(), *study.singles())}
    wanted |= {run.key for search in study.searches() for run in replay(search, answers).runs}
    return [answers[key] for key in sorted(wanted & set(answers))]
