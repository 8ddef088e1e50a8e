"""Where a search for the smallest learned width begins when its study does not say: from what is proved."""

from __future__ import annotations

from assay.bounds import bounds_of
from assay.bounds.bound import LARGEST_WIDTH, Bound
from assay.constructions import CONSTRUCTIONS, build
from assay.errors import AssayError
from assay.models import family
from assay.models.bare_models import BARE_MODELS
from assay.models.candidates import Candidates
from assay.tasks import Task
from assay.training.search import start_between


def proved_start(networks: Candidates, task: Task, widths: tuple[int, ...]) -> int:
    """The place between the smallest width that no mean-error bound excludes and the narrowest construction's.

    Constructions are those of bare models with the architecture's colour: they say nothing of it, but widths are often
    of a size. Where there is none, the top of the ladder stands for it.

    >>> from assay import SparseAveraging
    >>> widths = (4, 5, 6, 8, 10, 12, 15, 16)
    >>> task = SparseAveraging(length=8, sparsity=2, layout="last")
    >>> widths[proved_start(Candidates("feed-forward"), task, widths)]
    8
    """
    open_from = max((_open_from(bound, networks, task) for bound in bounds_of(task)), default=1)
    return start_between(widths, open_from, max(open_from, min(_constructed(networks, task), default=widths[-1])))


def _open_from(bound: Bound, networks: Candidates, task: Task) -> int:
    """The smallest width that a mean-error bound leaves open; 1 where it says nothing."""
    if bound.error_kind != "mean":
        return 1
    try:
        return bound.smallest(task, networks.at(task), multiple=networks.multiple) or LARGEST_WIDTH
    except AssayError:
        return 1  # the resource falls as the width grows


def _constructed(networks: Candidates, task: Task) -> list[int]:
    """Widths of constructions that can be built for this task."""
    kind, found = family(networks.architecture), []
    for method in CONSTRUCTIONS.names():
        if BARE_MODELS[CONSTRUCTIONS[method].model].family == kind and task.name in CONSTRUCTIONS[method].solves:
            try:
                found.append(build(task, method=method).size.width)
            except AssayError:
                continue  # not at this size
    return found
