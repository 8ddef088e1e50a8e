"""Questions on linear memories, their evidence, and which of them a study asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from assay.evidence import Statement
from assay.question import Question
from assay.retrieval.memories import Kind, NumberFormat, pairs_at_load, recall_each
from assay.sizes import Size

MEMORY_VERSION = 1  # raised when answers change, so that old ones are not taken for new ones


@dataclass(frozen=True)
class MemoryQuestion(Question):
    """Which share of pairs does a linear memory read correctly, in some number formats, for some draws?"""

    kind: ClassVar[str] = "memory"
    memory: Kind
    dimensions: int
    pairs: int
    formats: tuple[NumberFormat, ...]
    seeds: tuple[int, ...]
    version: int = MEMORY_VERSION

    def find(self) -> Statement:
        """Shares read correctly, by number format and seed, in `detail`."""
        found = recall_each([self.memory], self.dimensions, self.pairs, self.formats, self.seeds)
        return Statement(
            task={"name": "pairs", "pairs": self.pairs},
            family="vectors",
            architecture=f"{self.memory} memory",
            source=self.kind,
            size=Size(width=self.dimensions, precision=32),
            verdict="measured",
            error_kind="mean",
            error=1 - min(one.share for one in found),
            tolerance=0.0,
            justification=f"the share of all {self.pairs} pairs that is read wrongly, in the format with the largest; "
            f"{len(self.seeds)} draws of unit keys and values",
            detail={one.number_format: {"shares": list(one.shares), "bits": one.bits} for one in found},
        )


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

    def questions(self) -> Iterator[MemoryQuestion]:
        """One for each kind of memory, dimension and load: what takes longest first."""
        for dimensions in sorted(self.dimensions, reverse=True):
            for pairs in sorted({pairs_at_load(dimensions, load) for load in self.loads}, reverse=True):
                for kind in self.kinds:
                    yield MemoryQuestion(kind, dimensions, pairs, self.formats, self.seeds)
