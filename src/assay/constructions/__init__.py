"""Weights by hand: networks that provably compute a task, each with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from assay.constructions.base import Construction
    from assay.tasks.base import Task

CONSTRUCTIONS: Registry[type[Construction]] = Registry("construction", "assay.constructions", "assay.constructions")


def build(task: Task[Any], *, method: str | None = None, tolerance: float | None = None) -> Construction:
    """An explicit network for `task` with worst-case error at most `tolerance` (the task's own unless given).

    Without a method, the one that is preferred for the task: for sparse averaging `sign`.

    Raises:
        AssayError: an unknown method, one for another task, or a tolerance that it cannot guarantee.
    """
    from assay.constructions.base import build_checked

    return build_checked(task, method, tolerance)


def load(path: str | Path) -> Construction:
    """The network that `Construction.save` or `assay build` wrote to a safetensors file.

    Its `certificate()` is what the method guarantees of weights such as the file's settings say; that these are such
    weights is what `assay.certify` and `assay verify` prove.

    Raises:
        AssayError: the file cannot be read, was not written by Assay, or its weights do not fit its certificate.
    """
    from assay.constructions.weights_file import load_network

    return load_network(path)


__all__ = ["CONSTRUCTIONS", "build", "load"]
