"""How often a sequence is shown to a network."""

from __future__ import annotations

from typing import Any

from assay.tasks.base import Task


def passes_for(task: Task[Any], causal: bool) -> int:
    """Twice where several tokens ask and no layer looks ahead, as what a token asks for may come after it; else once.

    >>> from assay import Match2, SparseAveraging
    >>> passes_for(Match2(length=8), causal=True), passes_for(Match2(length=8), causal=False)
    (2, 1)
    >>> passes_for(SparseAveraging(length=8, sparsity=2, layout="last"), causal=True)
    1
    """
    return 2 if causal and task.asking > 1 else 1
