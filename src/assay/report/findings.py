"""Everything a report shows, gathered from a study's evidence. Figures, tables and pages only draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from assay.evidence import Evidence
from assay.models.candidates import candidates_of
from assay.probing.findings import Findings as ProbeFindings
from assay.probing.findings import gather_probe
from assay.report.boolean_findings import BooleanFindings, gather_boolean
from assay.report.comparisons import Compared, gather_comparison
from assay.report.gathering import gather_sweep, parameters_text
from assay.report.protocols import ProtocolRun
from assay.report.retrieval_findings import (
    MemoryFindings,
    RetrievalFindings,
    gather_memories,
    gather_retrieval,
)
from assay.report.schema import SCHEMA, Json, to_json
from assay.report.sweeps import Sweep
from assay.report.task_matrix import TaskMatrix, task_matrix
from assay.results.frontier import contradictions
from assay.store.versions import machine, versions
from assay.studies.study import Study
from assay.studies.workers import Failed


@dataclass(frozen=True)
class AttentionMap:
    """Attention weights of one unit, constructed or trained, on one input.

    Attributes:
        verdict: constructed, learned or not learned.
        source: the construction's name, or `training`.
        architecture: of the unit.
        task: its name and parameters.
        parameters: of the task, in a few words.
        width: of the unit.
        error: guaranteed or reached.
        error_kind: worst or mean.
        weights: from each query position, a row, to each position; each row sums to 1.
        pointers: the positions that each query position points to.
        mass_on_pointers: the mean share of the attention that is on these, from 0 to 1.
    """

    verdict: str
    source: str
    architecture: str
    task: dict[str, Any]
    parameters: str
    width: int
    error: float
    error_kind: str
    weights: tuple[tuple[float, ...], ...]
    pointers: tuple[tuple[int, ...], ...]
    mass_on_pointers: float


@dataclass(frozen=True)
class Protocol:
    """A protocol's outcome.

    Attributes:
        title: protocol, network and task.
        lines: as pairs of a name and a line of text.
        outcome: in full, as the ledger keeps it.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    outcome: dict[str, Any]


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
    """One piece of evidence: what is not here said otherwise is as in `assay.evidence.Evidence` and `assay.size.Size`.

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


@dataclass(frozen=True)
class Findings:
    """What a study found.

    Attributes:
        study: its name.
        title: one line for people.
        command: that gives these findings again.
        made: date and time, with the time zone, as ISO 8601 says.
        versions: of what computed them.
        machine: where.
        seeds: of every search.
        precision: bits per number at which bounds in bits become widths.
        sweeps: in the order of the study's file.
        matrix: of tasks and architectures; None where the study has one task.
        protocols: run on networks.
        probes: of attention heads.
        retrieval: of documents by vectors; None where nothing is asked.
        memory: linear memories; None where nothing is asked.
        comparisons: of networks on tasks.
        boolean: Boolean functions; None where nothing is asked.
        attention_maps: of single units.
        contradictions: a sentence for each size that a bound excludes, and guarantee that a trial broke; there should
            be none.
        failures: what has no answer, and why.
        evidence: every piece.
        schema: the number of the form of the JSON, see `assay.report.schema`.
    """

    study: str
    title: str
    command: str
    made: str
    versions: dict[str, str]
    machine: str
    seeds: tuple[int, ...]
    precision: int
    sweeps: tuple[Sweep, ...] = ()
    matrix: TaskMatrix | None = None
    protocols: tuple[Protocol, ...] = ()
    probes: tuple[ProbeFindings, ...] = ()
    retrieval: RetrievalFindings | None = None
    memory: MemoryFindings | None = None
    comparisons: tuple[Compared, ...] = ()
    boolean: BooleanFindings | None = None
    attention_maps: tuple[AttentionMap, ...] = ()
    contradictions: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    evidence: tuple[EvidenceRow, ...] = ()
    schema: int = SCHEMA


@dataclass(frozen=True)
class Reported:
    """Findings whose report was written.

    Attributes:
        findings: what was found.
        new: questions that were answered by this run.
        ledger: the file that holds all answers.
        report: the page.
    """

    findings: Findings
    new: int
    ledger: str
    report: str

    def to_json(self) -> dict[str, Json]:
        """For `--json`: of evidence the number of pieces alone, and no attention maps, which the page has."""
        shown = to_json(replace(self.findings, evidence=(), attention_maps=()))
        del shown["evidence"], shown["attention_maps"]
        pieces = len(self.findings.evidence)
        return {"new": self.new, **shown, "pieces_of_evidence": pieces, "ledger": self.ledger, "report": self.report}


def gather(
    study: Study, evidence: list[Evidence], command: str, failed: Mapping[str, Failed] = MappingProxyType({})
) -> Findings:
    """The findings of a study; `failed` says why questions have no answer, by what they are."""
    answers = {piece.key: piece for piece in evidence}
    sweeps = tuple(gather_sweep(sweep, answers, failed) for sweep in study.sweeps)
    played = [answers[question.key] for question in study.protocols if question.key in answers]
    boolean = None if study.boolean is None else gather_boolean(study.boolean, answers)
    symbols = {(str(sweep.task["name"]), key): symbol for sweep in sweeps for key, symbol in sweep.columns.items()}
    return Findings(
        study=study.name,
        title=study.title,
        command=command,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        machine=machine(),
        seeds=study.seeds,
        precision=study.precision,
        sweeps=sweeps,
        matrix=task_matrix(sweeps),
        protocols=tuple(map(_protocol, played)),
        probes=tuple(gather_probe(probe, answers) for probe in study.probes),
        retrieval=None if study.retrieval is None else gather_retrieval(study.retrieval, answers),
        memory=None if study.memory is None else gather_memories(study.memory, answers),
        comparisons=tuple(gather_comparison(one, answers) for one in study.comparisons),
        boolean=boolean,
        attention_maps=tuple(_attention_map(piece) for piece in evidence if "attention_map" in piece.detail),
        contradictions=(*contradictions(evidence), *(boolean.refuted if boolean else ())),
        failures=tuple(Failure(what, why.reason, why.refused) for what, why in failed.items()),
        evidence=tuple(_row(piece, symbols) for piece in sorted(evidence, key=_order)),
    )


def _attention_map(piece: Evidence) -> AttentionMap:
    kept = piece.detail["attention_map"]
    return AttentionMap(
        verdict=piece.verdict,
        source=piece.source,
        architecture=piece.architecture,
        task=piece.task,
        parameters=parameters_text(piece.task),
        width=piece.size.width,
        error=piece.error,
        error_kind=piece.error_kind,
        weights=tuple(map(tuple, kept["weights"])),
        pointers=tuple(map(tuple, kept["pointers"])),
        mass_on_pointers=kept["mass_on_pointers"],
    )


def _protocol(piece: Evidence) -> Protocol:
    network = f"{piece.verdict} {piece.architecture}, width {piece.size.width}, {parameters_text(piece.task)}"
    lines = ProtocolRun.from_json(piece.detail).lines
    return Protocol(f"{piece.source}: {network}", tuple(lines), piece.detail)


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
