"""Proofs as questions of a study, and their evidence."""

from __future__ import annotations

import time
from typing import Any

from assay.constructions.construction import build_checked
from assay.constructions.questions import code_of_construction
from assay.errors import AssayError
from assay.evidence import Evidence
from assay.proofs import certify
from assay.store.versions import versions
from assay.tasks import Task, task_from_json

PROOF_VERSION = 1  # raised when proofs change, so that old answers are not taken for new ones


def certificate_question(method: str, task: Task, tolerance: float) -> dict[str, Any]:
    """What can be proved of this construction from its weights?"""
    return {
        "kind": "certificate",
        "method": method,
        "task": task.to_json(),
        "tolerance": tolerance,
        "version": PROOF_VERSION,
        "code": code_of_construction(method, task),
    }


def answer_certificate(question: dict[str, Any]) -> Evidence:
    """Build it and prove its guarantee; where that fails, the evidence says at what."""
    begin = time.process_time()
    task = task_from_json(question["task"])
    network = build_checked(task, question["method"], question["tolerance"])
    stated = network.certificate()
    try:
        proof = certify(network).to_json()
        error, rests_on = proof["guaranteed_error"], _in_words(proof)
    except AssayError as failure:
        proof, error, rests_on = None, stated.guaranteed_error, f"stated, but {failure}"
    return Evidence(
        question=question,
        task=task.to_json(),
        family=network.family,
        architecture=network.model,
        source=network.method,
        size=network.size,
        verdict="constructed",
        error_kind="worst",
        error=error,
        tolerance=question["tolerance"],
        rests_on=rests_on,
        seconds=time.process_time() - begin,
        versions=versions(),
        detail={"proof": proof, "arithmetic": stated.dtype},
    )


def _in_words(proof: dict[str, Any]) -> str:
    steps = [f"{step['statement']} ({step['how']})" for step in proof["steps"]]
    return "; ".join(["proved from the weights as stored", *steps, f"assuming {', '.join(proof['assumes'])}"])
