"""Files: written whole or not at all, read as far as a stated size."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any

from assay.errors import AssayError, one_line


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


def open_regular(path: str | Path, most: int) -> BufferedReader:
    """A regular file of at most `most` bytes, or a link to one, open for reading: no folder, device or pipe.

    Raises:
        AssayError: it is something else, larger, or cannot be read; the message names it.
    """
    name = one_line(str(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # else a pipe waits for its writer
    except OSError as error:
        raise AssayError(f"{name} cannot be read: {error.strerror or error}") from error
    except ValueError:  # a NUL, or half of a surrogate pair
        raise AssayError(f"{name} cannot be read: no file can have this name") from None
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return open(descriptor, "rb")
    os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise AssayError(f"{name} cannot be read: it is not a file but a folder, a device or a pipe")
    raise AssayError(f"{name} cannot be read: it has {found.st_size} bytes; at most {most} are allowed")


def read_bounded(path: str | Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    >>> read_bounded("/dev/zero", 1000)
    Traceback (most recent call last):
    assay.errors.AssayError: /dev/zero cannot be read: it is not a file but a folder, a device or a pipe

    Raises:
        AssayError: see `open_regular`.
    """
    with open_regular(path, most) as file:
        return file.read(most)


def read_text(path: str | Path, most: int) -> str:
    """The same of a text in UTF-8."""
    try:
        return read_bounded(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise AssayError(f"{path} cannot be read: it is no text in UTF-8 (byte {error.start})") from None


def sha256_of(path: str | Path, most: int) -> str:
    """The SHA-256 of such a file, in hexadecimal."""
    with open_regular(path, most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_json(text: str, what: str) -> Any:
    """The value of a JSON text; numbers that are not finite are refused.

    >>> parse_json('{"error": NaN}', "the certificate")
    Traceback (most recent call last):
    assay.errors.AssayError: the certificate is no JSON text: NaN is no finite number

    Raises:
        AssayError: it is none, or nested too deeply.
    """

    def finite(number: str) -> float:
        if not math.isfinite(float(number)):
            raise ValueError(f"{number} is no finite number")
        return float(number)

    try:
        return json.loads(text, parse_float=finite, parse_constant=finite)
    except ValueError as error:
        raise AssayError(f"{what} is no JSON text: {error}") from None
    except RecursionError:
        raise AssayError(f"{what} is no JSON text: it is nested too deeply") from None
