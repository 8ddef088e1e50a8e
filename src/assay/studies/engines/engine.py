"""What an engine is: something that questions are submitted to, and that says when a worker died over one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Future
from typing import ClassVar, Self

from assay.evidence import Evidence, Json
from assay.studies.workers import Failed


class WorkerLost(Exception):
    """The worker that was answering a question is gone, and the question has no answer."""


class Engine(ABC):
    """Answers questions elsewhere; a context manager that leaves nothing running.

    Whatever the engine, an answer depends on its question alone: workers have one thread each and share nothing.

    Attributes:
        shares_fate: whether the death of one worker takes all questions in flight with it.
    """

    shares_fate: ClassVar[bool] = False

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many questions it answers at a time; may change while it runs."""

    @abstractmethod
    def submit(self, question: Json) -> Future[Evidence | Failed]:
        """Start answering a question.

        Raises:
            AssayError: this engine cannot answer questions of that kind.
        """

    @abstractmethod
    def result(self, future: Future[Evidence | Failed]) -> Evidence | Failed:
        """The answer that a finished future holds, or why there is none.

        Raises:
            WorkerLost: the worker died; the question can be submitted again.
            AssayError: the engine itself cannot go on.
        """

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...
