"""What is asked: a question determines its answer, and its hash is the answer's key in the ledger."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from assay.errors import unknown
from assay.evidence import Evidence, Json, Statement, content_hash
from assay.models.candidates import Candidates, candidates_of
from assay.models.shape import USUAL
from assay.store.versions import versions
from assay.tasks import symbol_texts, task_from_json


class Question(ABC):
    """A question. Subclasses are frozen dataclasses of one kind, whose fields are what the answer depends on.

    The code that is to answer is among these, as a version or digest, so that a changed routine is asked anew; a
    question that was read has the code that it was asked of.

    Attributes:
        kind: what all questions of a class have in common.
        asked: which of several questions of a kind it is; empty where there is one.
    """

    kind: ClassVar[str]
    asked: ClassVar[str] = ""

    @cached_property
    def key(self) -> str:
        """Content hash: 32 hexadecimal digits."""
        return content_hash(self.to_json())

    def to_json(self) -> Json:
        """The kind and the fields, those of networks among them, as plain JSON values: what is hashed and stored."""
        described: Json = {"kind": self.kind, "asked": self.asked} if self.asked else {"kind": self.kind}
        for name, value in self._fields().items():
            described |= value.to_json() if isinstance(value, Candidates) else {name: _plain(value)}
        return described

    @classmethod
    def from_json(cls, described: Json) -> Self:
        """From `to_json`.

        Raises:
            AssayError: its task is not known here, or it has a field that such a question does not have.
        """
        names = {one.name for one in fields(cls)}  # ty: ignore[invalid-argument-type]
        of_networks = {"architecture", "heads", *USUAL} if "networks" in names else set()
        known = {"kind", "asked"} | of_networks | names - {"networks"}
        for name in described.keys() - known:
            raise unknown(f"field of a question {cls.kind!r}", name, known)
        given = {name: value for name, value in described.items() if name in names}
        if "architecture" in described:
            given["networks"] = candidates_of(described)
        return cls(**{name: _typed(name, value) for name, value in given.items()})

    @classmethod
    def of(cls, piece: Evidence) -> Self:
        """The question that a piece of evidence answers."""
        return cls.from_json(piece.question)

    @property
    def subject(self) -> str:
        """Whom it is asked of, in a word: a method, a bound, an architecture."""
        return self.asked

    @property
    def about(self) -> Json:
        """The task that it is about, as plain JSON values; empty where it is about none, or the answer says."""
        task = self._fields().get("task")
        return {} if task is None else task.to_json()

    @property
    def label(self) -> str:
        """What it is, for people: `construction sign on sparse-averaging at N = 8, q = 2`."""
        where = f"on {self.about['name']} at {', '.join(symbol_texts(self.about))}" if self.about else ""
        return " ".join(filter(None, [self.kind, self.subject, where]))

    def answer(self, folder: Path | None = None) -> Evidence:
        """The evidence; `folder` is where what is too large for a question is kept: heads."""
        return self.stated(self.find)

    def stated(self, find: Callable[[], Statement]) -> Evidence:
        """What `find` says as evidence for this question, with what is filled in for all kinds."""
        begin = time.process_time()
        found = find()
        given: Json = {**vars(found), "task": found.task or self.about}
        given["seconds"] = found.seconds or time.process_time() - begin
        return Evidence(question=self.to_json(), versions=versions(), **given)

    @abstractmethod
    def find(self) -> Statement:
        """The answer, but for what is filled in for all kinds: the task where it is `about`, and the time it took."""

    def _fields(self) -> Json:
        return {one.name: getattr(self, one.name) for one in fields(self)}  # ty: ignore[invalid-argument-type]

    def _set_code(self, code: object) -> None:
        """To be called once it is made, where its code is not given."""
        object.__setattr__(self, "code", code)


def _plain(value: Any) -> Any:
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _typed(name: str, value: Any) -> Any:
    if name == "task":
        return task_from_json(value)
    return tuple(value) if isinstance(value, list) else value
