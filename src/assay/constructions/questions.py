"""Constructions as questions of a study, and their evidence."""

from __future__ import annotations

import time
from typing import Any

import torch

from assay.arithmetic.torch_settings import in_float32
from assay.constructions import CONSTRUCTIONS
from assay.constructions.answering import NO_NUMBER as NO_NUMBER
from assay.constructions.answering import Trial, answered, at_once, finite, together
from assay.constructions.construction import Construction, build_checked
from assay.errors import AssayError, Refuted, require_integer, unknown
from assay.evidence import Evidence
from assay.store.versions import versions
from assay.tasks import TASKS, Task, task_from_json


def construction_question(
    method: str, task: Task, tolerance: float, draws: int, *, portrait: bool = False
) -> dict[str, Any]:
    """How wide is this construction for this worst-case error, and does it hold on that many draws of each kind?"""
    return {
        "kind": "construction",
        "method": method,
        "task": task.to_json(),
        "tolerance": tolerance,
        "draws": draws,
        "code": code_of_construction(method, task),
        "portrait": portrait,
    }


def code_of_construction(method: str, task: Task) -> dict[str, int | str]:
    """What stands for the code of a construction in the key of a question: see `assay.registry.Registry.code`."""
    return {"construction": CONSTRUCTIONS.code(method), "task": TASKS.code(task.to_json()["name"])}


@in_float32()
def try_network(network: Construction, distribution: str, draws: int, *, seed: int = 0) -> Trial:
    """Run a network on this many inputs of a distribution, against answers computed in float64.

    Raises:
        AssayError: the certificate does not speak of this distribution, or this network or length cannot be tried on
            it; or draws that are no positive integer.
    """
    require_integer("draws", draws, 1, None)
    task = network.task
    if distribution in task.distributions and task.lacks(distribution) and distribution not in checkable(network):
        raise AssayError(f"{distribution!r} inputs need {task.lacks(distribution)}")
    if distribution not in checkable(network):
        raise unknown(f"distribution to check {network.method!r} on,", distribution, checkable(network))
    keys = network.position_keys() if distribution == "adversarial" else None
    size = at_once(network)
    trials = []
    for start in range(0, draws, size):
        count = min(size, draws - start)
        inputs, targets, _ = task.trial(count, seed=seed, start=start, distribution=distribution, keys=keys)
        outputs, rows = answered(network, inputs)
        largest = None if outputs is None else finite(task.answer.errors(outputs, targets[rows])).max().item()
        trials.append(Trial(count, count - len(rows), largest))
    return together(trials)


def try_all(network: Construction, draws: int) -> dict[str, Trial]:
    """The same on every distribution that fits, by name."""
    return {name: try_network(network, name, draws) for name in checkable(network)}


def checkable(network: Construction) -> list[str]:
    """Distributions that this network's guarantee covers and that it can be tried on."""
    return network.task.trial_distributions(keys=network.position_keys() is not None)


def attention_portrait(task: Task, network: Any, **sampling: Any) -> dict[str, Any]:
    """Attention weights of the first example beside its pointers, as plain lists: what a report draws."""
    inputs = task.sample(1, seed=0, **sampling).inputs
    with torch.no_grad():
        weights = network.attention(inputs)[0].mean(dim=0)
    rounded = [[round(weight, 4) for weight in row] for row in weights.tolist()]
    on = weights.gather(1, inputs.pointers[0]).sum(dim=1).mean().item()
    return {"weights": rounded, "pointers": inputs.pointers[0].tolist(), "mass_on_pointers": round(on, 4)}


def answer_construction(question: dict[str, Any]) -> Evidence:
    """Build it, and try it on every distribution that fits.

    Raises:
        Refuted: it answers none of the inputs, so that nothing is constructed.
    """
    begin = time.process_time()
    task = task_from_json(question["task"])
    network = build_checked(task, question["method"], question["tolerance"])
    certificate = network.certificate()
    draws = question["draws"]
    trials = try_all(network, draws)
    trial = together(trials.values())
    reason = trial.refutation(certificate.guaranteed_error)
    if trial.largest_error is None:
        raise Refuted(f"{network.method} for {task.to_json()} constructs nothing: {reason}")
    detail: dict[str, Any] = {
        "measured": {name: one.largest_error for name, one in trials.items() if one.largest_error is not None},
        "refused": trial.refused,
        "draws": draws,
        "certificate": certificate.to_json(),
        "holds": not reason,
    }
    rests_on = [certificate.rests_on, network.remark, f"tried on {draws} draws of each of {', '.join(trials)}"]
    if question["portrait"]:
        detail["portrait"] = attention_portrait(task, network)
    return Evidence(
        question=question,
        task=task.to_json(),
        family=network.family,
        architecture=network.model,
        source=network.method,
        size=network.size,
        verdict="constructed",
        error_kind="worst",
        error=certificate.guaranteed_error,
        tolerance=question["tolerance"],
        rests_on=f"{'; '.join(filter(None, rests_on))}, refused {trial.refused}",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=detail,
    )
