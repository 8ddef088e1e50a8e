"""What every report holds, whatever was asked: how it was made, every piece of evidence, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from assay.evidence import Evidence
from assay.frames import Framed
from assay.models.candidates import candidates_of
from assay.report.gathering import parameters_text
from assay.schema import SCHEMA, to_json
from assay.store.versions import machine, versions
from assay.studies.workers import Failed


@dataclass(frozen=True)
class Failure:
    """A question or search without an answer.

    Attributes:
        what: it is.
        reason: one line.
        refused: whether it was a request that cannot be met, rather than a fault of the code that was to answer.
    """

    what: str
    reason: str
    refused: bool


@dataclass(frozen=True)
class EvidenceRow:
    """One piece of evidence: what is not here said otherwise is as in `assay.evidence.Evidence` and `assay.sizes.Size`.

    Attributes:
        task: its name and parameters, in words.
        along: the parameters that vary on the study's sweeps, by symbol.
        architecture: with depth, heads and the like where they are not usual.
        state: numbers carried from one position to the next; None where nothing is.
        largest_error: that was seen; None where nothing was tried.
        sequence_error: share of the sequences with a wrong answer, from 0 to 1; None where that is not judged.
        seed, rate, steps: of training; None for what is not trained.
        seconds: of a processor.
        key: of the question.
    """

    task: str
    along: dict[str, object]
    architecture: str
    source: str
    verdict: str
    width: int
    heads: int
    depth: int
    precision: int
    parameters: int
    state: int | None
    error_kind: str
    error: float
    tolerance: float
    largest_error: float | None
    sequence_error: float | None
    seed: int | None
    rate: float | None
    steps: int | None
    seconds: float
    justification: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found, and how.

    Attributes:
        title: one line for people.
        command: that gives these findings again.
        made: date and time, with the time zone, as ISO 8601 says.
        versions: of what computed them.
        machine: where.
        seeds: of all that is drawn.
        contradictions: a sentence for each size that a bound excludes, and guarantee that a trial broke; there should
            be none.
        failures: what has no answer, and why.
        evidence: every piece.
        schema: the number of the form of the JSON, see `assay.schema`.
    """

    title: str
    command: str
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(default_factory=versions)
    machine: str = field(default_factory=machine)
    seeds: tuple[int, ...]
    contradictions: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    evidence: tuple[EvidenceRow, ...] = ()
    schema: int = SCHEMA


FoundT = TypeVar("FoundT", bound=Found)


@dataclass(frozen=True, repr=False)
class Reported(Framed, Generic[FoundT]):
    """Findings whose report was written.

    Attributes:
        findings: what was found.
        new: questions that were answered by this run.
        ledger: the file that holds all answers.
        report: the page.
    """

    findings: FoundT
    new: int
    ledger: str
    report: str

    @property
    def line(self) -> str:
        """How much was found, and where the page is."""
        found = self.findings
        said = [f"{len(found.contradictions)} contradictions", f"{len(found.failures)} failures"]
        return f"{found.title}: {len(found.evidence)} pieces of evidence, {', '.join(said)}; {self.report}"

    def rows(self) -> Iterable[object]:
        """One for each piece of evidence."""
        return self.findings.evidence

    def to_json(self) -> dict[str, Any]:
        """For `--json`: of evidence the number of pieces alone, and no attention maps, which the page has."""
        shown = to_json(replace(self.findings, evidence=()))
        for name in ("evidence", "attention_maps"):
            shown.pop(name, None)
        pieces = len(self.findings.evidence)
        return {"new": self.new, **shown, "pieces_of_evidence": pieces, "ledger": self.ledger, "report": self.report}


def failures(failed: Mapping[str, Failed]) -> tuple[Failure, ...]:
    """What has no answer; `failed` says why, by what it is."""
    return tuple(Failure(what, why.reason, why.refused) for what, why in failed.items())


def evidence_rows(
    evidence: Iterable[Evidence], symbols: Mapping[tuple[str, str], str] = MappingProxyType({})
) -> tuple[EvidenceRow, ...]:
    """A row for each piece, ordered by task and network; `symbols` of varied parameters, by task and parameter."""
    return tuple(_row(piece, symbols) for piece in sorted(evidence, key=_order))


def _order(piece: Evidence) -> tuple[object, ...]:
    question = piece.question
    numbers = tuple(value for key, value in piece.task.items() if key != "name" and isinstance(value, int))
    return (
        piece.task["name"],
        piece.family,
        piece.architecture,
        piece.source,
        numbers,
        piece.size.width,
        question.get("seed", 0),
        question.get("rate", 0.0),
        piece.key,
    )


def _row(piece: Evidence, symbols: Mapping[tuple[str, str], str]) -> EvidenceRow:
    question, detail, size, name = piece.question, piece.detail, piece.size, piece.task["name"]
    measured = max(detail.get("measured", {}).values(), default=None)
    return EvidenceRow(
        task=f"{name}: {parameters_text(piece.task)}",
        along={symbols[name, key]: value for key, value in piece.task.items() if (name, key) in symbols},
        architecture=candidates_of(question).name if piece.source == "training" else piece.architecture,
        source=piece.source,
        verdict=piece.verdict,
        width=size.width,
        heads=size.heads,
        depth=size.depth,
        precision=size.precision,
        parameters=size.parameters,
        state=size.state or None,
        error_kind=piece.error_kind,
        error=piece.error,
        tolerance=piece.tolerance,
        largest_error=detail.get("largest_error", measured),
        sequence_error=detail.get("sequence_error"),
        seed=question.get("seed"),
        rate=question.get("rate"),
        steps=detail.get("steps"),
        seconds=round(piece.seconds, 2),
        justification=piece.justification,
        key=piece.key,
    )
