"""Where a search for the smallest learned width begins when its study does not say: from what is proved."""

from __future__ import annotations

from typing import Any

from assay.bounds import bounds_of
from assay.constructions import CONSTRUCTIONS, build
from assay.errors import AssayError
from assay.learning.search import start_between
from assay.networks import family
from assay.tasks import Task


def proved_start(architecture: str, task: Task[Any], widths: tuple[int, ...], head_width: int = 0) -> int:
    """The rung between the smallest width that no mean-error bound excludes and the narrowest construction's.

    Both of the architecture's family; where it has no construction, the top of the ladder stands for it.

    >>> from assay import SparseAveraging
    >>> widths = (4, 5, 6, 8, 10, 12, 15, 16)
    >>> widths[proved_start("feed-forward", SparseAveraging(length=8, sparsity=2, layout="last"), widths)]
    8
    """
    kind = family(architecture)
    bounds = [bound for bound in bounds_of(task) if bound.family == kind and bound.error_kind == "mean"]
    open_from = max((bound.smallest(task, head_width=head_width) for bound in bounds), default=1)
    return start_between(widths, open_from, max(open_from, min(_constructed(task, kind), default=widths[-1])))


def _constructed(task: Task[Any], kind: str) -> list[int]:
    """Widths of the family's constructions that can be built for this task."""
    found = []
    for method in CONSTRUCTIONS.names():
        if CONSTRUCTIONS[method].family == kind and task.name in CONSTRUCTIONS[method].solves:
            try:
                found.append(build(task, method=method).size.width)
            except AssayError:
                continue  # not at this size
    return found
