"""What all bounds say about a task, and about a width, in rows."""

from __future__ import annotations

from typing import Any

from assay.bounds import bounds_of
from assay.errors import require, unknown
from assay.networks import MIXERS, NETWORKS, architectures, families
from assay.size import Size
from assay.tasks import Task

_LEAST_ERROR = 1e-12  # below it, what is required of continuous values overflows


def bound_rows(
    task: Task[Any],
    *,
    precision: int,
    heads: int,
    architecture: str | None,
    width: int | None,
    error: float | None,
    distribution: str,
) -> list[dict[str, Any]]:
    """One row per bound; for recurrent architectures by name, with the state that one unit of width keeps.

    Args:
        task: the task.
        precision: bits per number.
        heads: of an attention layer.
        architecture: a family or an architecture; None for all bounds.
        width: a width to check; None for none.
        error: worst-case or root-mean-square; None for the task's tolerance.
        distribution: of the inputs that mean errors speak of.
    """
    family, state_per_width = _family_and_state(architecture)
    if distribution not in task.distributions:
        raise unknown("distribution", distribution, task.distributions)
    require(error is None or _LEAST_ERROR <= error <= 1, "error", error, f"from {_LEAST_ERROR:g} to 1")
    rows = []
    for bound in bounds_of(task):
        if family not in (None, bound.family):
            continue
        own = task.mean_tolerance if bound.error_kind == "mean" else task.tolerance
        goal = own if error is None else error
        smallest = bound.smallest(
            task,
            precision=precision,
            heads=heads,
            state_per_width=state_per_width,
            error=goal,
            distribution=distribution,
        )
        row = {
            "bound": bound.name, "family": bound.family, "error_kind": bound.error_kind, "error": goal,
            "resource": bound.resource, "required": bound.required(task, error=goal, distribution=distribution),
            "smallest_width": smallest, "source": bound.source, "reason": bound.unmet(task, goal, distribution),
        }  # fmt: skip
        if width is not None:
            size = Size(width=width, heads=heads, precision=precision, state=width * state_per_width)
            check = bound.check(task, size, error=goal, distribution=distribution)
            row |= {"width": width, "status": check.status, "available": check.available, "slack": check.slack}
        rows.append(row)
    return rows


def _family_and_state(architecture: str | None) -> tuple[str | None, int]:
    if architecture is None:
        return None, 1
    if architecture in MIXERS:
        mixer = MIXERS[architecture]
        return mixer.family, max(1, mixer.state_per_width)
    if architecture in NETWORKS:
        return NETWORKS[architecture].family, 1
    if architecture in families():
        return architecture, 1
    raise unknown("architecture", architecture, [*architectures(), *families()])
