"""What the studies of retrieval and of linear memories ask: settings, and the questions they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.retrieval.learned import Setting
from assay.retrieval.memories import Kind, NumberFormat, pairs_at_load

RETRIEVAL_VERSION = 1  # raised when answers change, so that old ones are not taken for new ones
MEMORY_VERSION = 1

EXPLICIT = ("cyclic", "signs", "one-hot-code", "cyclic-code")

Question = dict[str, Any]


@dataclass(frozen=True)
class Course:
    """A setting of training, and the dimensions at which the largest number of documents is sought."""

    setting: Setting
    dimensions: tuple[int, ...]


@dataclass(frozen=True)
class RetrievalPlan:
    """How many documents d dimensions serve, for all sets of k.

    Attributes:
        top: k.
        seeds: of what is trained.
        courses: what is trained.
        vectors: explicit documents that are rounded, names in `EXPLICIT`.
        explicit: numbers of documents at which they are.
        formats: number formats to which they are.
        margins: dimensions at which least margins are sought after all steps of training, and
        documents: the numbers of documents at which they are; those with an optimum in fewer dimensions are left out.
        margin_setting: of training for margins.
    """

    top: int
    seeds: tuple[int, ...]
    courses: tuple[Course, ...]
    vectors: tuple[str, ...]
    explicit: tuple[int, ...]
    formats: tuple[str, ...]
    margins: tuple[int, ...]
    documents: tuple[int, ...]
    margin_setting: Setting

    def questions(self) -> Iterator[Question]:
        """All of them: what takes longest first."""
        for course in self.courses:
            for dimensions in sorted(course.dimensions, reverse=True):
                for seed in self.seeds:
                    yield self.learned(course.setting, dimensions, seed)
        for documents in sorted(self.explicit, reverse=True):
            for vectors in self.vectors:
                for number_format in self.formats:
                    yield self.rounded(documents, number_format, vectors)
        for dimensions in self.margins:
            for documents in self.documents_at(dimensions):
                for seed in self.seeds:
                    yield self.margin(dimensions, documents, seed)

    def documents_at(self, dimensions: int) -> list[int]:
        """Numbers of documents at which margins are sought in d dimensions: in n - 1 the optimum is known."""
        return [documents for documents in self.documents if documents > max(dimensions + 1, self.top)]

    def learned(self, setting: Setting, dimensions: int, seed: int) -> Question:
        """The largest number of documents that training solves."""
        return {**self._question("learned"), "dimensions": dimensions, "seed": seed, "setting": _described(setting)}

    def rounded(self, documents: int, number_format: str, vectors: str = "cyclic") -> Question:
        """The share of sets that explicit documents still serve in a number format; of cyclic ones the margin, too."""
        return {
            **self._question("rounded"),
            "documents": documents,
            "number_format": number_format,
            "vectors": vectors,
        }

    def margin(self, dimensions: int, documents: int, seed: int) -> Question:
        """The least margin after training."""
        return {
            **self._question("margin"),
            "dimensions": dimensions,
            "documents": documents,
            "seed": seed,
            "setting": _described(self.margin_setting),
        }

    def _question(self, asked: str) -> Question:
        return {"kind": "retrieval", "asked": asked, "top": self.top, "version": RETRIEVAL_VERSION}


@dataclass(frozen=True)
class MemoryPlan:
    """How many pairs linear memories hold.

    Attributes:
        dimensions: d.
        loads: 2 n ln n / d^2.
        kinds: of memories.
        formats: number formats of what they store.
        seeds: of the draws.
    """

    dimensions: tuple[int, ...]
    loads: tuple[float, ...]
    kinds: tuple[Kind, ...]
    formats: tuple[NumberFormat, ...]
    seeds: tuple[int, ...]

    def questions(self) -> Iterator[Question]:
        """One for each kind of memory, dimension and load: what takes longest first."""
        for dimensions in sorted(self.dimensions, reverse=True):
            for pairs in sorted({pairs_at_load(dimensions, load) for load in self.loads}, reverse=True):
                for kind in self.kinds:
                    yield {
                        "kind": "memory",
                        "memory": kind,
                        "dimensions": dimensions,
                        "pairs": pairs,
                        "formats": list(self.formats),
                        "seeds": list(self.seeds),
                        "version": MEMORY_VERSION,
                    }


def _described(setting: Setting) -> dict[str, Any]:
    return {**vars(setting), "temperatures": list(setting.temperatures)}


def setting_of(described: dict[str, Any]) -> Setting:
    """The setting in a question."""
    temperatures = tuple(described["temperatures"])
    return Setting(described["loss"], temperatures, described["steps"], described["rate"])
