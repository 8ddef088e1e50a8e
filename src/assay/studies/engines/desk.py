"""The desk between a study and an engine: questions in flight, and those asked again because their worker died."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from assay.errors import AssayError
from assay.evidence import Evidence
from assay.studies.engines.base import Engine, WorkerLost

ATTEMPTS = 3  # at one question, before its worker's death is taken to be the question's doing


@dataclass(frozen=True)
class _Asked:
    key: str
    question: dict[str, Any]
    attempt: int


class Desk:
    """Submits questions to an engine and collects their answers.

    Attributes:
        engine: where they are answered; it must have been started.
        lost: how many times a question was asked again because its worker had died.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.lost = engine, 0
        self._running: dict[Future[Evidence], _Asked] = {}

    @property
    def room(self) -> int:
        """How many more questions the engine can answer at this time; negative where it has shrunk."""
        return self.engine.slots - len(self._running)

    def submit(self, key: str, question: dict[str, Any]) -> None:
        """Ask a question whose answer will be known by `key`."""
        self._submit(_Asked(key, question, 1))

    def collect(self, timeout: float) -> Iterator[tuple[str, Evidence]]:
        """Keys and answers that there are, once there is one or `timeout` seconds have passed.

        Raises:
            AssayError: a question lost its worker `ATTEMPTS` times.
            Exception: whatever a question raised in its worker.
        """
        ready, _ = wait(self._running, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in ready:
            asked = self._running.pop(future)
            try:
                evidence = self.engine.result(future)
            except WorkerLost as error:
                self._again(asked, error)
            else:
                yield asked.key, evidence

    def _again(self, asked: _Asked, error: WorkerLost) -> None:
        if asked.attempt == ATTEMPTS:
            raise AssayError(
                f"a worker process died {ATTEMPTS} times over one {asked.question['kind']} question, perhaps for want "
                "of memory (fewer --workers need less); what is finished is kept, and the same command goes on from "
                "there"
            ) from error
        self.lost += 1
        self._submit(_Asked(asked.key, asked.question, asked.attempt + 1))

    def _submit(self, asked: _Asked) -> None:
        self._running[self.engine.submit(asked.question)] = asked
