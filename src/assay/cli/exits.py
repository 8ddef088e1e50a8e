"""How the program ends: its exit codes, and signals that end it."""

from __future__ import annotations

import signal
from enum import IntEnum
from types import FrameType


class ExitCode(IntEnum):
    """All codes. Only 0 and 1 are verdicts, and only where their result was delivered."""

    FINE = 0
    REFUTED = 1  # a claim does not hold, answers contradict each other, or the doctor found a problem
    REFUSED = 2  # the request cannot be met as it stands, a path that cannot be used included
    FAULT = 70  # of the program, or of a user's module; a study is finished but for what failed
    UNWRITTEN = 74  # a result could not be written: standard output or the disk is full, closed, or fails
    HUNG_UP = 128 + 1  # SIGHUP: the terminal is gone
    INTERRUPTED = 128 + 2  # SIGINT: Ctrl-C
    BROKEN_PIPE = 128 + 13  # whoever read standard output has gone before the result was out
    TERMINATED = 128 + 15  # SIGTERM


ENDINGS = {
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
    ExitCode.HUNG_UP: "ended with its terminal",
}
_SIGNALS = [signal.Signals(code - 128) for code in ENDINGS]


class Ended(BaseException):
    """A signal asks the program to end; like a KeyboardInterrupt, it passes everything but clean-up."""

    def __init__(self, code: ExitCode) -> None:
        self.code = code


def heed_signals() -> None:
    """From now on, signals that end the program raise `Ended`, except those that it was started to ignore."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def ignore_signals() -> None:
    """From now on, only what remains of the clean-up, which takes no time, is in progress: let it finish."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(ExitCode(128 + number))
