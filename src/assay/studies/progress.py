"""Progress for people, on standard error: a bar on a terminal, lines elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from math import inf

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from assay.studies.clock import Status

_LINE_EVERY = 10.0  # seconds between lines where there is no terminal


@contextmanager
def progress(*, quiet: bool) -> Generator[Callable[[Status], None]]:
    """A function that shows each status it is given."""
    console = Console(stderr=True, highlight=False)
    if quiet:
        yield lambda status: None
    elif console.is_terminal:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[times]}"),
            console=console,
            transient=True,
        ) as bar:
            sweep = bar.add_task("questions", total=None, times="")

            def show(status: Status) -> None:
                if status.news:
                    bar.console.print(status.news)
                bar.update(sweep, completed=status.done, total=status.total, times=_times(status))

            yield show
    else:
        yield _Lines(console)


class _Lines:
    """Prints what is finished when it is, and how far things are every ten seconds."""

    def __init__(self, console: Console) -> None:
        self.console, self.last = console, -inf

    def __call__(self, status: Status) -> None:
        now = time.monotonic()
        if status.news or now - self.last >= _LINE_EVERY:
            self.last = now
            count = f"{status.done} of about {status.total} questions"
            print(
                ": ".join(filter(None, [status.news, f"{count}, {_times(status)}"])), file=self.console.file, flush=True
            )


def _times(status: Status) -> str:
    left = f", about {duration(status.remaining)} left" if status.done < status.total else ""
    return f"{_clock(status.elapsed)}{left}"


def duration(seconds: float) -> str:
    """A length of time that is known roughly.

    >>> duration(7.2), duration(40), duration(200), duration(8000)
    ('7 s', '40 s', '3 min', '2.2 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
