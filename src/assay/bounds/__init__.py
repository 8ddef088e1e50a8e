"""Theorems as objects: the smallest size they leave open for a task, and whether they say anything at a given size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.registry import Registry

if TYPE_CHECKING:
    from assay.bounds.bound import Bound
    from assay.tasks.task import Task

BOUNDS: Registry[type[Bound]] = Registry("bound", "assay.bounds")


def bounds_of(task: Task) -> list[Bound]:
    """Every bound that speaks of this task, in the order of their names."""
    return [BOUNDS[name]() for name in BOUNDS.names() if task.name in BOUNDS[name].speaks_of]


__all__ = ["BOUNDS", "bounds_of"]
