"""Theorems as objects: the smallest size they leave open for a task, and whether they say anything at a given size."""

from __future__ import annotations

from assay.bounds.base import Bound, Check
from assay.registry import Registry

BOUNDS: Registry[type[Bound]] = Registry("bound", "assay.bounds", "assay.bounds")


def all_bounds() -> list[Bound]:
    """Every bound, in the order of their names."""
    return [BOUNDS[name]() for name in BOUNDS.names()]


__all__ = ["BOUNDS", "Bound", "Check", "all_bounds"]
