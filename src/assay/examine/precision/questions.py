"""Smallest precisions as questions of a study and for the command line, and their evidence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from assay.constructions.construction import build_checked
from assay.constructions.questions import code_of_construction
from assay.evidence import Evidence
from assay.examine.precision.search import WIDE, smallest_precision
from assay.examine.subject import Subject, subject_of
from assay.store.versions import versions
from assay.tasks import Task, task_from_json

PRECISION_VERSION = 2  # raised when the search changes, so that old answers are not taken for new ones


def precision_result(
    subject: Subject,
    *,
    draws: int = 200,
    seed: int = 0,
    most_bits: int = WIDE,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """`smallest_precision` as plain JSON values, with the bits that one token's embedding then has."""
    found = smallest_precision(subject, draws=draws, seed=seed, most_bits=most_bits, tell=tell)
    width = None if subject.size is None else subject.size.width
    return {
        "network": subject.name,
        "task": subject.task.to_json(),
        **found.to_json(),
        "width": width,
        "message_bits": None if width is None else width * found.bits,
    }


def precision_question(method: str, task: Task, tolerance: float, draws: int) -> dict[str, Any]:
    """With how few bits per number does this construction still meet this worst-case error on that many draws?"""
    return {
        "kind": "precision",
        "method": method,
        "task": task.to_json(),
        "tolerance": tolerance,
        "draws": draws,
        "version": PRECISION_VERSION,
        "code": code_of_construction(method, task),
    }


def answer_precision(question: dict[str, Any]) -> Evidence:
    """Build it and search."""
    begin = time.process_time()
    task = task_from_json(question["task"])
    network = build_checked(task, question["method"], question["tolerance"])
    found = smallest_precision(subject_of(network), draws=question["draws"])
    return Evidence(
        question=question,
        task=task.to_json(),
        family=network.family,
        architecture=network.model,
        source=network.method,
        size=replace(network.size, precision=found.bits),
        verdict="measured",
        error_kind="worst",
        error=found.error,
        tolerance=question["tolerance"],
        rests_on=f"the largest error seen in fixed point of {found.bits} bits, {found.fraction} of them after the "
        f"point, which proves nothing of other inputs: {found.rests_on}",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail={"fraction": found.fraction, "error_below": found.error_below, "error_exact": found.error_exact},
    )
