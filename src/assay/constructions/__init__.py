"""Weights by hand: networks that provably compute a task, each with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.registry import Registry
from assay.store.source import name_code

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from assay.constructions.construction import Construction
    from assay.tasks.task import Task

CONSTRUCTIONS: Registry[type[Construction]] = Registry(
    "construction", "assay.constructions", "assay.constructions.construction:Construction"
)


def build(task: Task, *, method: str | None = None, tolerance: float | None = None) -> Construction:
    """An explicit network for `task` with worst-case error at most `tolerance` (the task's own unless given).

    `method` is a construction's name, or `path/to/file.py:Class` or `package.module:Class` for a user's own. Unless
    given, it is the one that is preferred for the task: for sparse averaging `sign`.

    Raises:
        AssayError: an unknown method, one for another task, or a tolerance that it cannot guarantee.
    """
    from assay.constructions.construction import build_checked

    return build_checked(task, method and CONSTRUCTIONS.named(method), tolerance)


def load(path: str | Path, code: Iterable[str] = ()) -> Construction:
    """The network that `Construction.save` or `assay build` wrote to a safetensors file.

    A file is data: of a user's own construction or task, the Python file or module is imported only if `code` names it.
    Its `certificate()` is what the method guarantees of weights such as the file's settings say; that these are such
    weights is what `assay.certify` and `assay verify` prove.

    Raises:
        AssayError: the file cannot be read, was not written by Assay, needs code that is not named, or its weights do
            not fit its certificate.
    """
    from assay.constructions.weights_file import load_network

    for where in code:
        name_code(where)
    return load_network(path)


__all__ = ["CONSTRUCTIONS", "build", "load"]
