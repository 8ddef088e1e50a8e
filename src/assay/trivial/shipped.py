"""Sizes at which trivial baselines of the shipped tasks are shown, unless another is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from assay.tasks import TASKS, make_task
from assay.tasks.task import Task

LENGTH = 16
OPTIONS: dict[str, list[dict[str, object]]] = {  # beside the length; in turn, until one carries the distribution
    "match3-local": [{"window": 2}, {"window": 2, "notation": "digits"}],
    "recall": [{"pairs": 4}],
    "sparse-averaging": [{"sparsity": 2}],
}
USUAL: list[dict[str, object]] = [{}, {"notation": "digits"}]
ALSO: dict[tuple[str, str], list[int]] = {  # lengths beside the usual one
    ("directed-triangle", "uniform"): [32],
    ("directed-triangle", "hard"): [4, 6, 8],
    ("five-cycle", "uniform"): [20],
    ("five-cycle", "hard"): [8],
    ("match3", "digits"): [8, 12, 24],
    ("match2", "digits"): [8, 32],
    ("match3-bigram", "digits"): [8],
    ("match3-local", "digits"): [8, 32],
}


def shipped_sizes() -> Iterator[tuple[Task, str]]:
    """Every shipped task with each distribution that can be drawn without a network, at one length or several."""
    for name in TASKS.names():
        for distribution in TASKS[name].distributions:
            for length in sorted({LENGTH, *ALSO.get((name, distribution), [])}):
                tasks = (make_task(name, length=length, **options) for options in OPTIONS.get(name, USUAL))
                fitting = next((task for task in tasks if not task.lacks(distribution)), None)
                if fitting is not None:
                    yield fitting, distribution
