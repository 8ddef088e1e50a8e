"""What all bounds say about a task and about networks, in rows."""

from __future__ import annotations

from dataclasses import dataclass

from assay.bounds import bounds_of
from assay.bounds.bound import Bound
from assay.errors import AssayError, require, unknown
from assay.evidence import ErrorKind
from assay.models.candidates import Candidates
from assay.tasks import Task

_LEAST_ERROR = 1e-12  # below it, what is required of continuous values overflows


@dataclass(frozen=True)
class BoundRow:
    """What one bound says about one architecture.

    Attributes:
        bound: its name.
        architecture: with its depth and heads, if there are several.
        error_kind: worst or mean.
        error: at which networks are excluded.
        resource: what is counted.
        cut: where.
        required: how much of it at least, at the width asked about or else the smallest not excluded.
        smallest_width: not excluded; None where all up to the largest looked at are, or where that is not known.
        source: the theorem.
        justified: how it is known: proved, or estimated from samples.
        reason: why nothing is said, or no smallest width; else empty.
        width: that was asked about; None for none.
        status: of that width: binds or vacuous.
        available: what it has of the resource; None if it declares none.
        slack: available - required; negative where the bound binds.
    """

    bound: str
    architecture: str
    error_kind: ErrorKind
    error: float
    resource: str
    cut: str
    required: float
    smallest_width: int | None
    source: str
    justified: str
    reason: str
    width: int | None = None
    status: str | None = None
    available: float | None = None
    slack: float | None = None


def bound_rows(
    task: Task,
    networks: list[Candidates],
    *,
    precision: int,
    width: int | None,
    error: float | None,
    distribution: str,
) -> list[BoundRow]:
    """One row for each bound on the task and each architecture that declares the resource.

    Where one architecture is asked about, the bounds that do not speak of it have rows too, with the reason. Of
    several, those that cannot be made for the task, or of this width, are left out.

    Args:
        task: the task.
        networks: architectures to ask about.
        precision: bits per number.
        width: a width to check; None for none.
        error: worst-case or mean; None for the task's tolerance.
        distribution: of the inputs that mean errors speak of.

    Raises:
        AssayError: an unknown distribution, an error out of range, or a width that an architecture cannot have.
    """
    if distribution not in task.distributions:
        raise unknown("distribution", distribution, task.distributions)
    require(error is None or _LEAST_ERROR <= error <= 1, "error", error, f"from {_LEAST_ERROR:g} to 1")
    alone = len(networks) == 1
    rows = [
        _row(bound, task, asked, precision=precision, width=width, error=error, distribution=distribution, alone=alone)
        for bound in bounds_of(task)
        for asked in networks
        if alone or _can_be_made(asked, task, width)
    ]
    return [row for row in rows if row is not None]


def _can_be_made(asked: Candidates, task: Task, width: int | None) -> bool:
    try:
        asked.resources(task, asked.multiple if width is None else width)
    except AssayError:
        return False
    return True


def _row(
    bound: Bound,
    task: Task,
    asked: Candidates,
    *,
    precision: int,
    width: int | None,
    error: float | None,
    distribution: str,
    alone: bool,
) -> BoundRow | None:
    """None where one of several declares none of the resource."""
    goal, networks = bound.goal(task, error), asked.at(task, precision=precision)
    least = asked.multiple if width is None else width
    at_width = bound.check(task, networks(least), error=goal, distribution=distribution)
    if at_width.available is None and not alone:
        return None
    smallest, reason = None, at_width.reason
    if not reason:
        try:
            smallest = bound.smallest(task, networks, multiple=asked.multiple, error=goal, distribution=distribution)
        except AssayError as failure:  # the resource falls as the width grows
            reason = str(failure)
    return BoundRow(
        bound=bound.name,
        architecture=asked.name,
        error_kind=bound.error_kind,
        error=goal,
        resource=bound.resource,
        cut=bound.cut,
        required=at_width.required,
        smallest_width=smallest,
        source=bound.source,
        justified=bound.justified,
        reason=reason,
        width=width,
        status=None if width is None else at_width.status,
        available=None if width is None else at_width.available,
        slack=None if width is None else at_width.slack,
    )
