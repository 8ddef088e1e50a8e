"""Everything a report shows, gathered from a study's evidence as plain JSON values. Figures and pages only draw it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from assay.evidence import Evidence
from assay.frontier import contradictions, frontier
from assay.studies.study import Study
from assay.versions import machine, versions

_AUDIT_DRAWS = 4000


def gather(study: Study, evidence: list[Evidence], command: str) -> dict[str, Any]:
    """The findings of a study.

    Returns a dictionary with `study`, `title`, `command`, `made`, `versions`, `machine`, `task` (parameters that do
    not vary), `tolerance`, `distribution`, `seeds`, `along_length` and `along_sparsity` (boundaries: see
    `assay.frontier.Series.to_json`), `fixed_length`, `portraits`, `audit`, `contradictions` and `evidence` (one flat
    row each).
    """
    base = study.tables["task"]
    portraits = [piece for piece in evidence if "portrait" in piece.detail]
    rest = [piece for piece in evidence if "portrait" not in piece.detail]
    along_length = [piece for piece in rest if piece.task["sparsity"] == base["sparsity"]]
    across = study.tables.get("sparsity", {})
    along_sparsity = [piece for piece in rest if across and piece.task["length"] == across["length"]]
    first = study.task(length=min(study.tables["bounds"]["lengths"]))
    return {
        "study": study.name,
        "title": study.title,
        "command": command,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": machine(),
        "task": base,
        "tolerance": first.tolerance,
        "distribution": study.distribution,
        "seeds": study.tables["learning"]["seeds"],
        "along_length": [series.to_json() for series in frontier(along_length, "length")],
        "along_sparsity": [series.to_json() for series in frontier(along_sparsity, "sparsity")],
        "fixed_length": across.get("length"),
        "portraits": [_portrait(piece) for piece in portraits],
        "audit": first.audit(_AUDIT_DRAWS, seed=0, distribution=study.distribution),
        "audit_length": first.length,
        "contradictions": contradictions(evidence),
        "evidence": [_row(piece) for piece in sorted(evidence, key=_order)],
    }


def _portrait(piece: Evidence) -> dict[str, Any]:
    return {
        "verdict": piece.verdict, "source": piece.source, "architecture": piece.architecture, "task": piece.task,
        "width": piece.size.width, "error": piece.error, "error_kind": piece.error_kind, **piece.detail["portrait"],
    }  # fmt: skip


def _order(piece: Evidence) -> tuple[Any, ...]:
    task, question = piece.task, piece.question
    return (
        piece.family, piece.architecture, piece.source, task["sparsity"], task["length"], piece.size.width,
        question.get("seed", 0), question.get("rate", 0.0), piece.key,
    )  # fmt: skip


def _row(piece: Evidence) -> dict[str, Any]:
    question, detail = piece.question, piece.detail
    measured = max(detail.get("measured", {}).values(), default=None)
    return {
        "length": piece.task["length"], "sparsity": piece.task["sparsity"], "layout": piece.task["layout"],
        "architecture": piece.architecture, "source": piece.source, "verdict": piece.verdict,
        "width": piece.size.width, "heads": piece.size.heads, "precision": piece.size.precision,
        "parameters": piece.size.parameters, "state": piece.size.state or None, "required": detail.get("required"),
        "error_kind": piece.error_kind, "error": piece.error, "tolerance": piece.tolerance,
        "largest_error": detail.get("largest_error", measured),
        "error_99": detail.get("error_99"), "seed": question.get("seed"), "rate": question.get("rate"),
        "steps": detail.get("steps"), "seconds": round(piece.seconds, 2), "rests_on": piece.rests_on, "key": piece.key,
    }  # fmt: skip
