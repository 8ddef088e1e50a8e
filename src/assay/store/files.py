"""Files a user names: looked at before the work whose result they are for, written whole or not at all, and read as
far as a stated size."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from assay.errors import AssayError, DiskError, ParameterError, one_line

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # the path is as it should be, the disk is not
_SPECIAL = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def write_whole(path: str | Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a temporary neighbour of `path`, then put it in place; on failure nothing is left behind.

    Raises:
        DiskError: the disk is full or fails.
        AssayError: the path is one that `require_writable` refuses.
    """
    target = Path(path)
    with _explained(str(target), "written"):
        _require_new_or_plain(target)
        temporary = _neighbour(target)
        try:
            write(temporary)
            _reach_disk(temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def require_writable(*paths: Path | None, reads: Iterable[Path | None] = ()) -> None:
    """Refuse paths that files cannot be written to, before the work whose results they are for; None is no path.

    Args:
        paths: of the files to be written; each is new, or a plain file to be replaced.
        reads: files that are read, and must not be replaced.

    Raises:
        DiskError: the disk is full or fails.
        AssayError: there is a folder, link, device, pipe or socket; its folder is not there, or not to be written to;
            the system refuses the name; or two of the paths are the same.
    """
    taken = {os.path.realpath(path) for path in reads if path is not None}
    for path in paths:
        if path is None:
            continue
        with _explained(str(path), "written"):
            _require_new_or_plain(path)
            trial = _neighbour(path)
            trial.touch(exist_ok=False)
            trial.unlink()
        place = os.path.realpath(path)
        if place in taken:
            raise AssayError(f"{path} cannot be written: the same file is named twice")
        taken.add(place)


def make_folder(path: str | Path, *, is_out: bool = False) -> Path:
    """The folder, made if need be, and known to be writable; `is_out` says that the parameter `out` names it.

    Raises:
        DiskError: the disk is full or fails.
        AssayError: it cannot be made or written to.
    """
    folder = Path(path)
    refuse_file(folder, is_out=is_out)
    with _explained(f"folder {folder}", "written to"):
        folder.mkdir(parents=True, exist_ok=True)
        trial = _neighbour(folder / "file")
        trial.touch(exist_ok=False)
        trial.unlink()
    return folder


def require_folder(path: str | Path, *, is_out: bool = False) -> None:
    """Refuse what `make_folder` would refuse, before the work whose results it is for; nothing is left there.

    Raises:
        DiskError: the disk is full or fails.
        AssayError: it cannot be made or written to.
    """
    refuse_file(Path(path), is_out=is_out)
    folder = Path(path).absolute()
    nearest = nearest_folder(folder)
    with (
        _explained(f"folder {path}", "written to"),
        TemporaryDirectory(dir=nearest, prefix=".assay-") as trial,
    ):
        Path(trial, folder.relative_to(nearest)).mkdir(parents=True, exist_ok=True)


def refuse_file(folder: Path, *, is_out: bool = False) -> None:
    """Refuse a file where a folder is to be, or one above it.

    Raises:
        AssayError: it names the file, and the parameter `out` where that names the folder.
    """
    for place in (folder, *folder.parents):
        if os.path.isfile(place):  # False for a name that is too long
            if is_out:
                raise ParameterError("{} is a file; {out} is a folder", place)
            raise AssayError(f"{place} is a file; it must be a folder")


def free_bytes(path: str | Path) -> int:
    """Bytes that are free on the disk of a file or folder, which need not exist yet."""
    return shutil.disk_usage(nearest_folder(path)).free


def nearest_folder(path: str | Path) -> Path:
    """The path itself, or the nearest one above that is there."""
    place = Path(path).absolute()
    return next(folder for folder in (place, *place.parents) if os.path.lexists(folder))


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
    refuse_special(name, found.st_mode, "read")
    raise AssayError(f"{name} cannot be read: it has {found.st_size} bytes; at most {most} are allowed")


def read_bounded(path: str | Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    >>> read_bounded("/dev/zero", 1000)
    Traceback (most recent call last):
    assay.errors.AssayError: /dev/zero cannot be read: it is a device

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


def is_marked(path: str | Path, mark: str, most: int) -> bool:
    """Whether this is a readable file of JSON that says it is of the kind `mark`; nothing in it is checked."""
    try:
        return f'"{mark}"' in read_text(path, most)
    except AssayError:
        return False


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


def _require_new_or_plain(path: Path) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except ValueError as error:  # a name that no file can have
        raise AssayError(f"{path} cannot be written: {error}") from error
    refuse_special(path, mode, "written")


def refuse_special(path: str | Path, mode: int, verb: str) -> None:
    """Refuse a path whose mode is not a plain file's; `verb` says what it cannot be: read or written.

    Raises:
        AssayError: it names the path, and what is there.
    """
    if not stat.S_ISREG(mode):
        kind = next((name for holds, name in _SPECIAL if holds(mode)), "a device")
        raise AssayError(f"{path} cannot be {verb}: it is {kind}")


def _neighbour(path: Path) -> Path:
    """A new name beside `path`, however long its own is."""
    return path.with_name(f".assay-{token_hex(8)}.tmp")


def _reach_disk(path: Path) -> None:
    """Wait until the file is on the disk, which may be full without having said so yet."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _explained(what: str, verb: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        kind = DiskError if error.errno in _DISK else AssayError
        raise kind(f"{what} cannot be {verb}: {error.strerror or error}") from error
