"""Models whose heads are probed: files of trained models, by the reader that knows them, and live torch modules."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.registry import Registry

if TYPE_CHECKING:
    from assay.probing.models.base import Model

READERS: Registry[type[Model]] = Registry("model reader", "assay.probing.models", "assay.readers")


def open_model(name: str | Path) -> Model:
    """The model in a file or folder, or in the files of an installed distribution, whose code is not imported.

    A distribution is named as for pip.

    Raises:
        AssayError: nothing of that name, nothing in it that a reader knows, or files that cannot be read.
    """
    path = Path(name)
    there = os.path.exists(path)  # Path.exists raises for names that are too long
    candidates = [path] if there else _paths(str(name))
    readers = [READERS[reader] for reader in READERS.names()]
    found = [(reader, path) for path in candidates for reader in readers if reader.reads(path)]
    if not found:
        known = "; ".join(f"{reader}: {READERS.summary(reader)}" for reader in READERS.names())
        raise AssayError(f"{name} has no model that can be read. Readers are {known}")
    if len(found) > 1:
        raise AssayError(
            f"{name} has several models, of which one must be named: {', '.join(str(p) for _, p in found)}"
        )
    ((reader, at),) = found
    model = reader.open(at)
    if not there:
        model.name = str(name)
    return model


def _paths(distribution: str) -> list[Path]:
    """Every file of an installed distribution, and every folder that holds one."""
    try:
        files = metadata.files(distribution)
    except (metadata.PackageNotFoundError, ValueError):
        raise AssayError(
            f"model {distribution!r} is neither a file, nor a folder, nor an installed distribution"
        ) from None
    located = [Path(str(file.locate())) for file in files or []]
    return sorted({*located, *(path.parent for path in located)})


__all__ = ["READERS", "open_model"]
