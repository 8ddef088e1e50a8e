"""Constructions as questions of a study, and their evidence."""

from __future__ import annotations

import time
from typing import Any

import torch

from assay.constructions import build
from assay.constructions.base import Construction
from assay.errors import unknown
from assay.evidence import Evidence
from assay.tasks import Task, task_from_json
from assay.versions import versions

_AT_ONCE = 1 << 22  # inputs are tried in batches of about this many numbers


def construction_question(
    method: str, task: Task[Any], tolerance: float, draws: int, *, portrait: bool = False
) -> dict[str, Any]:
    """How wide is this construction for this worst-case error, and does it hold on that many draws of each kind?"""
    return {
        "kind": "construction", "method": method, "task": task.to_json(), "tolerance": tolerance, "draws": draws,
        "portrait": portrait,
    }  # fmt: skip


def measured_error(network: Construction, distribution: str, draws: int, *, seed: int = 0) -> float:
    """Largest error over this many inputs of a distribution, against answers computed in float64.

    Raises:
        AssayError: the certificate does not speak of this distribution (values outside the ball), or this network or
            length cannot be tried on it.
    """
    task = network.task
    if distribution not in checkable(network):
        raise unknown(f"distribution to check {network.method!r} on,", distribution, checkable(network))
    at_once = max(1, _AT_ONCE // network.numbers_at_work())
    largest = 0.0
    for start in range(0, draws, at_once):
        inputs, targets = task.sample(
            min(at_once, draws - start),
            seed=seed,
            start=start,
            distribution=distribution,
            dtype=torch.float64,
            keys=network.position_keys() if distribution == "adversarial" else None,
        )
        largest = max(largest, task.errors(network(inputs), targets).max().item())
    return largest


def checkable(network: Construction) -> list[str]:
    """Distributions in the unit ball that this network can be tried on."""
    task = network.task
    hard = task.length >= 2 * task.sparsity + (task.layout == "all")
    adversarial = network.position_keys() is not None and task.length > task.sparsity
    return ["uniform", "sign", *["hard"] * hard, *["adversarial"] * adversarial]


def attention_portrait(task: Task[Any], network: Any, **sampling: Any) -> dict[str, Any]:
    """Attention weights of the first example beside its pointers, as plain lists: what a report draws."""
    inputs = task.sample(1, seed=0, **sampling).inputs
    with torch.no_grad():
        weights = network.attention(inputs)[0].mean(dim=0)
    rounded = [[round(weight, 4) for weight in row] for row in weights.tolist()]
    on = weights.gather(1, inputs.pointers[0]).sum(dim=1).mean().item()
    return {"weights": rounded, "pointers": inputs.pointers[0].tolist(), "mass_on_pointers": round(on, 4)}


def answer_construction(question: dict[str, Any]) -> Evidence:
    """Build it, and try it on every distribution that fits."""
    begin = time.process_time()
    task = task_from_json(question["task"])
    network = build(task, method=question["method"], tolerance=question["tolerance"])
    certificate = network.certificate()
    draws = question["draws"]
    measured = {name: measured_error(network, name, draws) for name in checkable(network)}
    detail: dict[str, Any] = {
        "measured": measured,
        "draws": draws,
        "certificate": certificate.to_json(),
        "holds": max(measured.values()) <= certificate.guaranteed_error,
    }
    if question["portrait"]:
        detail["portrait"] = attention_portrait(task, network)
    return Evidence(
        question=question,
        task=task.to_json(),
        family=network.family,
        architecture=network.family,
        source=network.method,
        size=network.size,
        verdict="constructed",
        error_kind="worst",
        error=certificate.guaranteed_error,
        tolerance=question["tolerance"],
        rests_on=f"{certificate.rests_on}; tried on {draws} draws of each of {', '.join(measured)}",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=detail,
    )
