"""Questions to one head on one text, and their evidence: what it does and loses, and which sets exist on its keys."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from assay.evidence import Evidence, Json, Statement
from assay.probing.budget import IN_USE
from assay.probing.geometry import exists
from assay.probing.heads import Heads, read_arrays, write_arrays
from assay.probing.reach import MASS
from assay.probing.sets import DrawnSets
from assay.probing.uses import LONGEST, QUERIES, uses_of
from assay.question import Question
from assay.sizes import Size

PROBE_VERSION = 5  # raised when the answers change, so that old ones are not taken for new ones

_EXISTS = (
    "the share of sets without a query with equal scores on the set and smaller ones elsewhere; each outcome proved "
    "for the keys as stored, by bounds of rounding errors or in exact fractions"
)
_USES = (
    f"the share of sets for which no query was found with equal scores on the set and {MASS:.0%} of the softmax on it, "
    f"within the ellipsoid of the second moments of the head's queries, sized to hold {IN_USE:.0%} of them (a convex "
    f"program in float64). Losses of a cache: over at most {QUERIES} of the head's queries, evenly spaced. Longest "
    f"contexts: up to {LONGEST + 1} keys, drawn with replacement from the text's"
)


@dataclass(frozen=True)
class ProbeQuestion(Question):
    """Something that is asked of a head on a text.

    Attributes:
        heads: digest of the heads, see `assay.probing.heads.Heads.digest`.
        name: of the model.
        sets: of positions, all of as many keys: the first of the head's that many count.
        version: of the routine that answers.
    """

    kind: ClassVar[str] = "probe"
    heads: str
    name: str
    sets: tuple[DrawnSets, ...]
    version: int

    @classmethod
    def from_json(cls, described: Json) -> Self:
        """From `to_json`."""
        sets = [
            DrawnSets(one["kind"], one["count"], tuple(one["sparsities"]), one["length"], one["seed"])
            for one in described["sets"]
        ]
        return super().from_json({**described, "sets": sets})

    def answer(self, folder: Path | None = None) -> Evidence:
        """The answer for heads that `keep_heads` put into `folder`."""
        return self.answer_for(_kept(folder or Path(), self.heads))

    def answer_for(self, heads: Heads) -> Evidence:
        """The answer for these heads."""
        return self.stated(lambda: self.find_for(heads))

    def find(self) -> Statement:
        """For heads that are kept in the current folder."""
        return self.find_for(_kept(Path(), self.heads))

    @abstractmethod
    def find_for(self, heads: Heads) -> Statement:
        """What is found of these heads."""

    def of_sets(self, heads: Heads, of: str, error: float, justification: str, detail: Json) -> Statement:
        """The share of sets that was missed, and what else was found, of a head or its keys."""
        sets = self.sets[0]
        return Statement(
            task={
                "name": "sparse-averaging",
                "length": sets.length,
                "sparsity": ", ".join(map(str, sets.sparsities)),
            },
            family="attention",
            architecture="attention",
            source=", ".join(filter(None, (heads.name, heads.text, of))) + f": {self.asked}",
            size=Size(width=heads.width, score_width=heads.width, precision=8 * heads.keys.itemsize),
            verdict="measured",
            error_kind="mean",
            error=error,
            tolerance=0.5,
            justification="; ".join([justification, *(one.text for one in self.sets)]),
            detail=detail,
        )


@dataclass(frozen=True)
class ExistenceQuestion(ProbeQuestion):
    """Which of these sets exist on the keys of a key head?

    Detail: by the size of sets as text, the number of sets for which there is a query (yes), for which there is none
    (no) and for which neither was proved (undecided), and how many took exact fractions, as float64 did not suffice
    (rational).
    """

    asked: ClassVar[str] = "exists"
    key_head: int

    def find_for(self, heads: Heads) -> Statement:
        """By geometry of the keys alone."""
        (sets,) = self.sets
        keys = heads.keys[self.key_head, : sets.length].astype(np.float64)
        found = {str(size): _existence(keys, chosen.tolist()) for size, chosen in sets.positions().items()}
        error = 1 - float(np.mean([one["yes"] / sets.count for one in found.values()]))
        return self.of_sets(heads, f"keys {self.key_head}", error, _EXISTS, found)


@dataclass(frozen=True)
class UsesQuestion(ProbeQuestion):
    """What does a head do with its own queries, and what does it lose in these formats of a cache?

    Detail: `assay.probing.uses.Uses` as plain JSON values.
    """

    asked: ClassVar[str] = "uses"
    head: int
    formats: tuple[str, ...]

    def find_for(self, heads: Heads) -> Statement:
        """By the head's queries on the text."""
        uses = uses_of(heads, self.head, self.sets, self.formats)
        shares = [one.share for kind in uses.reach.values() for one in kind.values()]
        return self.of_sets(heads, f"head {self.head}", 1 - float(np.mean(shares)), _USES, uses.to_json())


def exists_question(heads: Heads, key_head: int, sets: DrawnSets) -> ExistenceQuestion:
    """Which of these sets exist on the keys of this key head?"""
    return ExistenceQuestion(heads.digest, heads.name, (sets,), PROBE_VERSION, key_head)


def uses_question(heads: Heads, head: int, sets: tuple[DrawnSets, ...], formats: tuple[str, ...]) -> UsesQuestion:
    """What does this head do and lose?"""
    return UsesQuestion(heads.digest, heads.name, sets, PROBE_VERSION, head, formats)


def keep_heads(heads: Heads, folder: Path) -> None:
    """Put heads where those who answer questions find them."""
    path = _file(folder, heads.digest)
    if not path.exists():
        write_arrays(heads, path)


def _file(folder: Path, digest: str) -> Path:
    return folder / f"heads-{digest}.npz"


@lru_cache(maxsize=4)  # one head is asked on all texts, then the next one
def _kept(folder: Path, digest: str) -> Heads:
    return read_arrays(_file(folder, digest))


def _existence(keys: np.ndarray, sets: list[list[int]]) -> dict[str, int]:
    found = [exists(keys, positions) for positions in sets]
    counts = {answer: sum(one.answer == answer for one in found) for answer in ("yes", "no", "undecided")}
    return {**counts, "rational": sum(one.rational for one in found)}
