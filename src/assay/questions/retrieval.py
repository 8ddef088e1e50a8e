"""Questions on retrieval of sets of documents, their evidence, and which of them a study asks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Self

from assay.evidence import Json, Statement
from assay.question import Question
from assay.retrieval.explicit import cyclic_margin, explicit_documents
from assay.retrieval.learned import Setting, largest_learned, least_margins, train
from assay.retrieval.rounded_documents import STORED_BITS, retrieved
from assay.sizes import Size

RETRIEVAL_VERSION = 1  # raised when answers change, so that old ones are not taken for new ones


@dataclass(frozen=True)
class RetrievalQuestion(Question):
    """Something that is asked of documents of which all sets of `top` are to be retrieved."""

    kind: ClassVar[str] = "retrieval"
    top: int
    version: int = field(default=RETRIEVAL_VERSION, kw_only=True)

    @classmethod
    def from_json(cls, described: Json) -> Self:
        """From `to_json`."""
        if one := described.get("setting"):
            setting = Setting(one["loss"], tuple(one["temperatures"]), one["steps"], one["rate"])
            return super().from_json({**described, "setting": setting})
        return super().from_json(described)

    def of_vectors(
        self,
        documents: int,
        vectors: str,
        dimensions: int,
        error: float,
        justification: str,
        detail: Json,
        bits: int = 32,
    ) -> Statement:
        """What was measured of so many documents in so many dimensions, of numbers of so many bits."""
        return Statement(
            task={"name": "subset-retrieval", "documents": documents, "top": self.top},
            family="vectors",
            architecture=vectors,
            source=self.kind,
            size=Size(width=dimensions, precision=bits),
            verdict="measured",
            error_kind="mean",
            error=error,
            tolerance=0.0,
            justification=justification,
            detail=detail,
        )


@dataclass(frozen=True)
class LearnedDocuments(RetrievalQuestion):
    """How many documents does training of free vectors solve?"""

    asked: ClassVar[str] = "learned"
    dimensions: int
    seed: int
    setting: Setting

    def find(self) -> Statement:
        """The largest number, and what was tried."""
        found = largest_learned(self.dimensions, self.top, self.setting, self.seed)
        tried = [{key: value for key, value in asdict(one).items() if key != "seconds"} for one in found.tried]
        return self.of_vectors(
            found.largest,
            "free vectors",
            self.dimensions,
            0.0,
            f"{self.setting.text}; all {math.comb(found.largest, self.top)} sets ranked first by their queries in "
            "float64; the search ends at the second number of documents in a row that is not solved",
            {"largest": found.largest, "open": found.open, "margin": found.margin, "tried": tried},
        )


@dataclass(frozen=True)
class RoundedDocuments(RetrievalQuestion):
    """Which share of sets do explicit documents still serve in a number format; of cyclic ones, with which margin?"""

    asked: ClassVar[str] = "rounded"
    documents: int
    number_format: str
    vectors: str = "cyclic"

    def find(self) -> Statement:
        """All sets, or random ones where there are too many."""
        explicit = explicit_documents(self.vectors, self.documents, self.top, self.number_format)
        found = retrieved(explicit, self.number_format)
        margin = cyclic_margin(explicit.documents, explicit.top) if self.vectors == "cyclic" else None
        said = f"all {found.tried:,} sets" if found.exhaustive else f"{found.tried:,} random sets"
        return self.of_vectors(
            explicit.documents,
            f"{self.vectors} documents",
            explicit.dimensions,
            1 - found.share,
            f"the share of {said} that the query does not retrieve, documents and queries rounded to "
            f"{self.number_format}, scores in float64",
            {**asdict(found), "share": found.share, "margin": margin, "dimensions": explicit.dimensions},
            STORED_BITS[self.number_format],
        )


@dataclass(frozen=True)
class LearnedMargin(RetrievalQuestion):
    """With which least margin does training end?"""

    asked: ClassVar[str] = "margin"
    dimensions: int
    documents: int
    seed: int
    setting: Setting

    def find(self) -> Statement:
        """After all steps."""
        found = train(self.documents, self.dimensions, self.top, self.setting, self.seed, to_the_end=True)
        margins = least_margins(found.documents, found.queries, found.sets)
        return self.of_vectors(
            self.documents,
            "free vectors",
            self.dimensions,
            float((margins <= 0).mean()),
            f"{self.setting.text}, all made; the least margin of all sets, documents and queries of length 1",
            {"margin": float(margins.min())},
        )


@dataclass(frozen=True)
class Learning:
    """A setting of training, and the dimensions at which the largest number of documents is sought."""

    setting: Setting
    dimensions: tuple[int, ...]


@dataclass(frozen=True)
class RetrievalPlan:
    """How many documents d dimensions serve, for all sets of k.

    Attributes:
        top: k.
        seeds: of what is trained.
        learning: what is trained.
        vectors: explicit documents that are rounded, names in `assay.retrieval.explicit.EXPLICIT`.
        explicit: numbers of documents at which they are.
        formats: number formats to which they are.
        margins: dimensions at which least margins are sought after all steps of training, and
        documents: the numbers of documents at which they are; those with an optimum in fewer dimensions are left out.
        margin_setting: of training for margins.
    """

    top: int
    seeds: tuple[int, ...]
    learning: tuple[Learning, ...]
    vectors: tuple[str, ...]
    explicit: tuple[int, ...]
    formats: tuple[str, ...]
    margins: tuple[int, ...]
    documents: tuple[int, ...]
    margin_setting: Setting

    def questions(self) -> Iterator[RetrievalQuestion]:
        """All of them: what takes longest first."""
        for one in self.learning:
            for dimensions in sorted(one.dimensions, reverse=True):
                for seed in self.seeds:
                    yield self.learned(one.setting, dimensions, seed)
        for documents in sorted(self.explicit, reverse=True):
            for vectors in self.vectors:
                for number_format in self.formats:
                    yield RoundedDocuments(self.top, documents, number_format, vectors)
        for dimensions in self.margins:
            for documents in self.documents_at(dimensions):
                for seed in self.seeds:
                    yield self.margin(dimensions, documents, seed)

    def documents_at(self, dimensions: int) -> list[int]:
        """Numbers of documents at which margins are sought in d dimensions: in n - 1 the optimum is known."""
        return [documents for documents in self.documents if documents > max(dimensions + 1, self.top)]

    def learned(self, setting: Setting, dimensions: int, seed: int) -> LearnedDocuments:
        """The largest number of documents that training solves."""
        return LearnedDocuments(self.top, dimensions, seed, setting)

    def margin(self, dimensions: int, documents: int, seed: int) -> LearnedMargin:
        """The least margin after training."""
        return LearnedMargin(self.top, dimensions, documents, seed, self.margin_setting)
