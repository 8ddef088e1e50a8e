"""Worker processes of this machine; a pool that a dead worker broke is replaced by a new one."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import ClassVar

from assay.evidence import Evidence, Json
from assay.studies.engines.engine import Engine, WorkerLost
from assay.studies.workers import Failed, Workers


class LocalEngine(Engine):
    """`count` worker processes; `folder` is where questions on heads find them.

    One worker that dies takes down the pool: all questions in flight are lost with it.
    """

    shares_fate: ClassVar[bool] = True

    def __init__(self, count: int, folder: Path) -> None:
        self.count, self.folder = count, folder
        self._workers = Workers(count, folder)

    @property
    def slots(self) -> int:
        """How many questions it answers at a time."""
        return self.count

    def submit(self, question: Json) -> Future[Evidence | Failed]:
        """Start answering a question, in a new pool if the last one is broken."""
        try:
            return self._workers.submit(question)
        except BrokenProcessPool:
            self.__exit__()
            self._workers = Workers(self.count, self.folder)
            return self._workers.submit(question)

    def result(self, future: Future[Evidence | Failed]) -> Evidence | Failed:
        """The answer that a finished future holds, or why there is none."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            raise WorkerLost from error

    def __exit__(self, *_: object) -> None:
        self._workers.__exit__()
