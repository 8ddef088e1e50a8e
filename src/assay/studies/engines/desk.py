"""The desk between a study and an engine: questions in flight, and those asked again because their worker died."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace

from assay.errors import ParameterError
from assay.evidence import Evidence, Json
from assay.studies.engines.engine import Engine, WorkerLost
from assay.studies.workers import Failed

ATTEMPTS = 3  # at one question, before its worker's death is taken to be the question's doing


@dataclass(frozen=True)
class _Asked:
    key: str
    question: Json
    deaths: int = 0  # that only this question can have caused
    alone: bool = False


class Desk:
    """Submits questions to an engine and collects their answers.

    Where one death takes all questions in flight with it, none of them is blamed: they are asked again one at a time,
    and a death counts against the question that was alone.

    Attributes:
        engine: where they are answered; it must have been started.
        lost: how many times a question was asked again because its worker had died.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.lost = engine, 0
        self._running: dict[Future[Evidence | Failed], _Asked] = {}
        self._suspects: list[_Asked] = []

    @property
    def room(self) -> int:
        """How many more questions the engine can answer at this time; 0 or less where it has shrunk."""
        if self._suspects or any(asked.alone for asked in self._running.values()):
            return 0
        return self.engine.slots - len(self._running)

    def submit(self, key: str, question: Json) -> None:
        """Ask a question whose answer will be known by `key`."""
        self._submit(_Asked(key, question))

    def collect(self, timeout: float) -> Iterator[tuple[str, Evidence | Failed]]:
        """Keys and answers that there are, or why there is none, once there is one or `timeout` seconds have passed.

        What is answered is given before anything is raised.

        Raises:
            AssayError: a question lost its worker `ATTEMPTS` times, or the engine cannot go on.
        """
        ready, _ = wait(self._running, timeout=timeout, return_when=FIRST_COMPLETED)
        answers, failures = [], []
        for asked, future in [(self._running.pop(future), future) for future in ready]:
            try:
                answers.append((asked.key, self.engine.result(future)))
            except Exception as error:
                failures.append((asked, error))
        yield from answers
        for asked, error in failures:
            if not isinstance(error, WorkerLost):
                raise error
            self._again(asked, error)
        if self._suspects and not self._running:
            self._submit(replace(self._suspects.pop(0), alone=True))

    def _again(self, asked: _Asked, error: WorkerLost) -> None:
        deaths = asked.deaths + (asked.alone or not self.engine.shares_fate)
        if deaths == ATTEMPTS:
            raise ParameterError(
                "a worker process died {} times over one {} question, perhaps for want of memory (fewer {workers} need "
                "less); what is finished is kept, and asking the same again goes on from there",
                ATTEMPTS,
                asked.question["kind"],
            ) from error
        self.lost += 1
        again = _Asked(asked.key, asked.question, deaths)
        if self.engine.shares_fate:
            self._suspects.append(again)
        else:
            self._submit(again)

    def _submit(self, asked: _Asked) -> None:
        self._running[self.engine.submit(asked.question)] = asked
