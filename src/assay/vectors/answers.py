"""The file of answers in a folder: a line of JSON for each set that was answered, added as it is answered.

A line that was cut short, as by a kill, is left out when the file is read; the set is then asked again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path

from assay.errors import AssayError, DiskError
from assay.store.files import make_folder, refuse_special
from assay.vectors.findings import Answer

FORMAT = 1  # raised when answers are found in another way
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class Answers:
    """Answers by precision and set; kept in memory alone where there is no folder.

    Args:
        folder: where the file is, or is made.
        digest: of the documents as given; part of the file's name.

    Raises:
        AssayError: the folder or the file cannot be read or written.
    """

    def __init__(self, folder: Path | None, digest: str) -> None:
        self._known: dict[tuple[str, tuple[int, ...]], Answer] = {}
        self._file: Path | None = None
        if folder is not None:
            self._file = make_folder(folder) / f"answers-{digest[:16]}.jsonl"
            self._read()

    def get(self, precision: str, rows: tuple[int, ...], fast: bool) -> Answer | None:
        """The answer that is known, if any; one that is undecided is known only to those who ask fast."""
        found = self._known.get((precision, rows))
        return None if found is None or (found.answer == "undecided" and not fast) else found

    def add(self, precision: str, answers: Iterable[Answer]) -> None:
        """Keep answers; they are on the disk when this returns."""
        lines = []
        for answer in answers:
            self._known[precision, answer.rows] = answer
            lines.append(json.dumps({"format": FORMAT, "precision": precision, **answer.to_json()}) + "\n")
        if self._file is None:
            return
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("".join(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            kind = DiskError if error.errno in _FULL else AssayError
            raise kind(f"{self._file} cannot be written: {error.strerror or error}") from error

    def _read(self) -> None:
        file = self._file
        if file is None or not os.path.lexists(file):
            return
        refuse_special(file, file.stat().st_mode, "read")
        try:
            text = file.read_bytes()
            if text and not text.endswith(b"\n"):  # a line was cut short: the next one must not follow on it
                with file.open("ab") as stream:
                    stream.write(b"\n")
        except OSError as error:
            raise AssayError(f"{file} cannot be read: {error.strerror or error}") from error
        for line in text.splitlines():
            try:
                data = json.loads(line)
                if data.pop("format") == FORMAT:
                    precision = data.pop("precision")
                    answer = Answer.from_json(data)
                    self._known[precision, answer.rows] = answer
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
