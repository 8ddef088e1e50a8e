"""Worker processes that answer questions, one torch thread each.

This module imports no torch: a worker sets OpenMP's environment before anything does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

from assay.errors import AssayError, one_line
from assay.evidence import Evidence, Json
from assay.store.source import Code, adopt, codes_in
from assay.studies.allocator import keep_freed_memory

_OURS = (os.path.dirname(os.path.dirname(__file__)), "site-packages", "<frozen")  # what a user's code is not part of
_forks = False  # whether workers are forked from one process that has imported torch; see `fork_workers`
_LONGEST = 400  # characters of a reason
_ENDING = 10.0  # seconds in which a worker that was told to end does so


@dataclass(frozen=True)
class Failed:
    """Why a question has no answer. It says nothing of what the answer is, and is not kept.

    Attributes:
        reason: one line.
        refused: whether it was a request that cannot be met, rather than a fault of the code that was to answer.
    """

    reason: str
    refused: bool = False


def attempt(question: Json, folder: Path, codes: tuple[Code, ...] = ()) -> Evidence | Failed:
    """What `answer` says, or why it says nothing: errors of a user's own may not survive the way to another process."""
    try:
        return answer(question, folder, codes)
    except BaseException as error:  # a layer may even leave the program
        return failure(error, question.get("width"))


def failure(error: BaseException, width: int | None) -> Failed:
    """What went wrong over a question, in one line, with the line of the user's code where there is one."""
    where = "with: " if width is None else f"at width {width}: "
    if isinstance(error, AssayError):
        return Failed(_short(f"{where}{error}"), refused=True)
    said = " ".join(traceback.format_exception_only(error))
    if isinstance(error, MemoryError) or "allocate memory" in said:
        return Failed(f"{where}this needs more memory than the machine has", refused=True)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    place = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return Failed(_short(f"{where}{said}") + place)


def _short(text: str) -> str:
    sweep = one_line(text)
    return sweep if len(sweep) <= _LONGEST else f"{sweep[: _LONGEST - 3]}..."


def _is_ours(file: str) -> bool:
    return any(part in file for part in _OURS)


def answer(question: Json, folder: Path, codes: tuple[Code, ...] = ()) -> Evidence:
    """The evidence that answers a question of any kind.

    Args:
        question: as plain JSON values.
        folder: where questions on heads find them.
        codes: of a user's own that the question names, as the process that asks has read it.
    """
    from assay.arithmetic.torch_settings import in_float32
    from assay.questions import question_from_json

    for code in codes:
        adopt(code)
    with in_float32():
        return question_from_json(question).answer(folder)


def fork_workers() -> None:
    """Let workers be forked from a process that has imported torch: there in milliseconds rather than seconds.

    For programs that do nothing else, as the command line: there is one fork server for all that a process does, and
    its environment is that of its start. Else workers are interpreters of their own.
    """
    global _forks
    _forks = sys.platform == "linux"
    multiprocessing.set_forkserver_preload(["assay.studies.preloaded"])


def _context() -> SpawnContext | ForkServerContext:
    if _forks:
        try:
            forkserver.ensure_running()
        except OSError:  # the path of its socket is too long, or it is another process's
            return multiprocessing.get_context("spawn")
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


class Workers:
    """A pool of worker processes; a context manager that leaves none behind, even when it is left by an exception."""

    def __init__(self, count: int, folder: Path) -> None:
        self.count, self.folder = count, folder
        self._pool = ProcessPoolExecutor(count, _context(), initializer=_start)

    def submit(self, question: Json) -> Future[Evidence | Failed]:
        """Start answering a question."""
        return self._pool.submit(attempt, question, self.folder, codes_in(question))

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        own = list((self._pool._processes or {}).values())  # a user's program may have other children
        self._pool.shutdown(wait=False, cancel_futures=True)
        for child in own:
            child.terminate()
        for child in own:
            child.join(_ENDING)


def _start() -> None:
    """One thread, no spinning, memory kept, deaf to Ctrl-C (the parent decides), and gone when the parent is.

    What a user's code prints goes to standard error, as standard output is for results. Threads that spin while they
    wait take the cores from the other workers: a collapse to a hundredth was measured.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = sys.stderr
    threading.Thread(target=_follow_parent, daemon=True).start()
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["OMP_NUM_THREADS"] = "1"
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
