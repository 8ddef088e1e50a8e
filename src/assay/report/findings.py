"""Everything a report shows, gathered from a study's evidence. Figures, tables and pages only draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from assay.evidence import Evidence
from assay.examine.protocols.running import ProtocolRun
from assay.report.boolean_findings import BooleanFindings, gather_boolean
from assay.report.comparisons import Compared, gather_comparison
from assay.report.found import Found, evidence_rows, failures
from assay.report.gathering import gather_sweep, parameters_text
from assay.report.protocols import protocol_lines
from assay.report.retrieval_findings import (
    MemoryFindings,
    RetrievalFindings,
    gather_memories,
    gather_retrieval,
)
from assay.report.sweeps import Sweep
from assay.report.task_matrix import TaskMatrix, task_matrix
from assay.results.frontier import contradictions
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


@dataclass(frozen=True, kw_only=True)
class Findings(Found):
    """What a study found; `seeds` are those of every search.

    Attributes:
        study: its name.
        precision: bits per number at which bounds in bits become widths.
        sweeps: in the order of the study's file.
        matrix: of tasks and architectures; None where the study has one task.
        protocols: run on networks.
        retrieval: of documents by vectors; None where nothing is asked.
        memory: linear memories; None where nothing is asked.
        comparisons: of networks on tasks.
        boolean: Boolean functions; None where nothing is asked.
        attention_maps: of single units.
    """

    study: str
    precision: int
    sweeps: tuple[Sweep, ...] = ()
    matrix: TaskMatrix | None = None
    protocols: tuple[Protocol, ...] = ()
    retrieval: RetrievalFindings | None = None
    memory: MemoryFindings | None = None
    comparisons: tuple[Compared, ...] = ()
    boolean: BooleanFindings | None = None
    attention_maps: tuple[AttentionMap, ...] = ()


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
        seeds=study.seeds,
        precision=study.precision,
        sweeps=sweeps,
        matrix=task_matrix(sweeps),
        protocols=tuple(map(_protocol, played)),
        retrieval=None if study.retrieval is None else gather_retrieval(study.retrieval, answers),
        memory=None if study.memory is None else gather_memories(study.memory, answers),
        comparisons=tuple(gather_comparison(one, answers) for one in study.comparisons),
        boolean=boolean,
        attention_maps=tuple(_attention_map(piece) for piece in evidence if "attention_map" in piece.detail),
        contradictions=(*contradictions(evidence), *(boolean.refuted if boolean else ())),
        failures=failures(failed),
        evidence=evidence_rows(evidence, symbols),
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
    lines = protocol_lines(ProtocolRun.from_json(piece.detail))
    return Protocol(f"{piece.source}: {network}", tuple(lines), piece.detail)
