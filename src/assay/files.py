"""Writing files whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from assay.errors import AssayError


def write_whole(path: str | Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a temporary neighbour of `path`, then put it in place; on failure nothing is left behind.

    Raises:
        AssayError: the folder does not exist or cannot be written to, or `path` is a folder.
    """
    target = Path(path)
    if target.is_dir() or not target.name:
        raise AssayError(f"{target} cannot be written: it is a folder")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise AssayError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: str | Path) -> Path:
    """The folder, made if need be, and known to be writable.

    Raises:
        AssayError: it cannot be made or written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.tmp"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise AssayError(f"folder {folder} cannot be written to: {error.strerror or error}") from error
    return folder


def free_bytes(path: str | Path) -> int:
    """Bytes that are free on the disk of a file or folder, which need not exist yet."""
    return shutil.disk_usage(nearest_folder(path)).free


def nearest_folder(path: str | Path) -> Path:
    """The path itself, or the nearest one above that is there."""
    place = Path(path).absolute()
    return next(folder for folder in (place, *place.parents) if folder.exists())
