"""Questions to one head on one text, and their evidence: what it does and loses, and which sets exist on its keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from assay.evidence import Evidence
from assay.probing.budget import IN_USE
from assay.probing.geometry import exists
from assay.probing.heads import Heads, read_arrays, write_arrays
from assay.probing.reach import MASS
from assay.probing.sets import positions_of, sets_text
from assay.probing.uses import LONGEST, QUERIES, uses_of
from assay.question import Question
from assay.size import Size
from assay.store.versions import versions

PROBE_VERSION = 4  # raised when the answers change, so that old ones are not taken for new ones

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


def exists_question(heads: Heads, key_head: int, sets: dict[str, Any]) -> dict[str, Any]:
    """Which of these sets exist? The keys are the first `sets["length"]` of that key head."""
    return {"asked": "exists", "key_head": key_head, "sets": [sets], **_of(heads)}


def uses_question(
    heads: Heads, head: int, described: Sequence[dict[str, Any]], formats: Sequence[str]
) -> dict[str, Any]:
    """What does this head do with its own queries, and what does it lose in these formats of a cache?

    The keys are the first `length` of the sets described, of one size, kind by kind.
    """
    return {"asked": "uses", "head": head, "sets": list(described), "formats": list(formats), **_of(heads)}


@dataclass(frozen=True)
class ProbeQuestion(Question):
    """What `probe_question` or `uses_question` describe."""

    kind: ClassVar[str] = "probe"
    described: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The description."""
        return self.described

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> ProbeQuestion:
        """The question of a description."""
        return cls(described)

    @property
    def subject(self) -> str:
        """What is asked."""
        return self.described["asked"]

    def answer(self, folder: Path | None = None) -> Evidence:
        """The answer for heads that `keep_heads` put into `folder`."""
        return answer_probe(self.described, folder or Path())

    def find(self) -> Evidence:
        """The same, in the current folder."""
        return self.answer()


def keep_heads(heads: Heads, folder: Path) -> None:
    """Put heads where those who answer questions find them."""
    path = _file(folder, heads.digest)
    if not path.exists():
        write_arrays(heads, path)


def answer_probe(question: dict[str, Any], folder: Path) -> Evidence:
    """The answer for heads that `keep_heads` put into `folder`."""
    return answer_for(question, _kept(folder, question["heads"]))


def answer_for(question: dict[str, Any], heads: Heads) -> Evidence:
    """The answer for these heads.

    `detail` has for exists, by the size of sets as text, the number of sets for which there is a query (yes), for which
    there is none (no) and for which neither was proved (undecided), and how many took exact fractions, as float64 did
    not suffice (rational). For uses it is `assay.probing.uses.Uses` as plain JSON values.
    """
    begin = time.process_time()
    described = question["sets"]
    if question["asked"] == "uses":
        uses = uses_of(heads, question["head"], described, question["formats"])
        shares = [one.share for kind in uses.reach.values() for one in kind.values()]
        detail, error = uses.to_json(), 1 - float(np.mean(shares))
        of, rests_on = f"head {question['head']}", _USES
    else:
        keys = heads.keys[question["key_head"], : described[0]["length"]].astype(np.float64)
        detail = {str(size): _existence(keys, sets.tolist()) for size, sets in positions_of(described[0]).items()}
        error = 1 - float(np.mean([one["yes"] / described[0]["count"] for one in detail.values()]))
        of, rests_on = f"keys {question['key_head']}", _EXISTS
    sizes = ", ".join(map(str, described[0]["sparsities"]))
    return Evidence(
        question=question,
        task={"name": "sparse-averaging", "length": described[0]["length"], "sparsity": sizes},
        family="attention",
        architecture="attention",
        source=", ".join(filter(None, (heads.name, heads.text, of))) + f": {question['asked']}",
        size=Size(width=heads.width, score_width=heads.width, precision=8 * heads.keys.itemsize),
        verdict="measured",
        error_kind="mean",
        error=error,
        tolerance=0.5,
        rests_on=f"{rests_on}; {'; '.join(map(sets_text, described))}",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=detail,
    )


def _of(heads: Heads) -> dict[str, Any]:
    return {"kind": "probe", "heads": heads.digest, "name": heads.name, "version": PROBE_VERSION}


def _file(folder: Path, digest: str) -> Path:
    return folder / f"heads-{digest}.npz"


@lru_cache(maxsize=4)  # one head is asked on all texts, then the next one
def _kept(folder: Path, digest: str) -> Heads:
    return read_arrays(_file(folder, digest))


def _existence(keys: np.ndarray, sets: list[list[int]]) -> dict[str, int]:
    found = [exists(keys, positions) for positions in sets]
    counts = {answer: sum(one.answer == answer for one in found) for answer in ("yes", "no", "undecided")}
    return {**counts, "rational": sum(one.rational for one in found)}
