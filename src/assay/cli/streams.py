"""Standard output and error that never stand in the way of the work."""

from __future__ import annotations

import os
from io import BufferedWriter, FileIO, TextIOWrapper
from select import select
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class SteadyStream(TextIOWrapper):
    """A text stream whose writer hears of no error: a fault of the terminal or pipe must not cost the work's result.

    Once a write fails, all that follows is dropped, and `failure` says why. Characters that the encoding lacks are
    written as escapes.
    """

    def __init__(self, stream: TextIO | None) -> None:
        """Take the place of `stream`, which is None if it was closed before Python began."""
        # Every write to what was opened to be read fails, as it should, and no other file gets the closed one's number.
        number = os.open(os.devnull, os.O_RDONLY) if stream is None else stream.fileno()
        self._end = _End(number, "w", closefd=False)
        encoding = "utf-8" if stream is None else stream.encoding
        super().__init__(BufferedWriter(self._end), encoding, errors="backslashreplace", line_buffering=True)

    @property
    def failure(self) -> OSError | None:
        """Why it could not be written; None if all is well."""
        return self._end.failure


class _End(FileIO):
    """The end of a stream, from which bytes go to the system."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of the bytes, or drop all; how many."""
        while self.failure is None:
            try:
                written = super().write(data)
                if written is not None:
                    return written
                select([], [self], [])  # a pipe that does not block, and is full
            except OSError as error:
                self.failure = error
        return memoryview(data).nbytes
