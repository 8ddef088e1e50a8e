"""Protocols as questions of a study and for the command line, and their evidence."""

from __future__ import annotations

import time
from typing import Any

from assay.arithmetic.fixed_point import FixedPoint
from assay.constructions.construction import build_checked
from assay.evidence import Evidence
from assay.examine.protocols import PROTOCOLS
from assay.examine.subject import Subject, subject_of
from assay.models import shape_of
from assay.store.versions import versions
from assay.tasks import task_from_json
from assay.training.loop import Recipe, train

PROTOCOL_VERSION = 1  # raised when protocols change, so that old answers are not taken for new ones


def run_protocol(
    name: str, subject: Subject, numbers: tuple[int, int] | None = None, instances: int = 4096, *, seed: int = 0
) -> dict[str, Any]:
    """A protocol on a network, as plain JSON values: see `assay.examine.protocols.protocol.Outcome`.

    Args:
        name: of the protocol.
        subject: the network and its task.
        numbers: bits of every number, and how many of them are after the point; as the network is unless given.
        instances: inputs to enumerate, or else to draw.
        seed: of those that are drawn.

    >>> from assay import SparseAveraging, build
    >>> from assay.examine.subject import subject_of
    >>> unit = build(SparseAveraging(length=5, sparsity=2), method="sign", tolerance=0.1)
    >>> found = run_protocol("disjointness", subject_of(unit))
    >>> found["wrong"], found["runs"], found["baselines"]
    (0, 16, {'always intersect': 9, 'always disjoint': 7})

    Raises:
        AssayError: no such protocol, or it needs what the network has not.
    """
    protocol = PROTOCOLS[name]()
    outcome = protocol.run(subject, FixedPoint(*numbers) if numbers else None, instances, seed)
    return {
        "network": subject.name,
        "family": subject.family,
        "task": subject.task.to_json(),
        "size": None if subject.size is None else subject.size.to_json(),
        "numbers": None if numbers is None else list(numbers),
        **outcome.to_json(),
    }


def protocol_question(name: str, network: dict[str, Any], numbers: list[int] | None, instances: int) -> dict[str, Any]:
    """What does this protocol come to on the network that answers another question: a construction, or a training?"""
    return {
        "kind": "protocol",
        "protocol": name,
        "network": network,
        "numbers": numbers,
        "instances": instances,
        "version": PROTOCOL_VERSION,
        "code": {"protocol": PROTOCOLS.code(name)},
    }


def answer_protocol(question: dict[str, Any]) -> Evidence:
    """Build or train the network, and run the protocol on it."""
    begin = time.process_time()
    asked = question["network"]
    task = task_from_json(asked["task"])
    if asked["kind"] == "construction":
        subject = subject_of(build_checked(task, asked["method"], asked["tolerance"]))
        verdict, mean_error = "constructed", None
    else:
        subject, mean_error = _trained(asked)
        verdict = "learned" if mean_error <= task.mean_tolerance else "not learned"
    numbers = question["numbers"]
    found = run_protocol(question["protocol"], subject, tuple(numbers) if numbers else None, question["instances"])
    assert subject.size is not None
    constructed = mean_error is None
    return Evidence(
        question=question,
        task=task.to_json(),
        family=subject.family,
        architecture=subject.family if constructed else asked["architecture"],
        source=question["protocol"],
        size=subject.size,
        verdict=verdict,
        error_kind="worst" if constructed else "mean",
        error=subject.guaranteed if constructed else mean_error,  # ty: ignore[invalid-argument-type]
        tolerance=asked["tolerance"] if constructed else task.mean_tolerance,
        rests_on=f"{found['source']}; {found['rests_on']}",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=found,
    )


def _trained(asked: dict[str, Any]) -> tuple[Subject, float]:
    """The network that a training question speaks of, and its mean error."""
    task, architecture = task_from_json(asked["task"]), asked["architecture"]
    recipe = Recipe(**{name: value for name, value in asked["recipe"].items() if name != "version"})
    run = train(
        task,
        architecture,
        asked["width"],
        seed=asked["seed"],
        rate=asked["rate"],
        recipe=recipe,
        **shape_of(asked),
    )
    network: Any = run.network
    subject = Subject(architecture, "trained", network, task, network.family, network.size, task.tolerance)
    return subject, run.mean_error
