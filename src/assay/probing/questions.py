"""Questions to the keys of one head, and their evidence: what can be singled out, and how long a query must be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from assay.evidence import Evidence
from assay.probing.gaussian_norm import predicted_norm
from assay.probing.geometry import exists, separates
from assay.probing.heads import IN_USE, Heads, read_arrays, write_arrays
from assay.probing.reach import GAP, MASS, needed_norms
from assay.probing.sets import positions_of, sets_text
from assay.probing.uses import LONGEST, QUERIES, uses_of
from assay.question import Question
from assay.size import Size
from assay.store.versions import versions

PROBE_VERSION = 3  # raised when the answers change, so that old ones are not taken for new ones
Asked = Literal["exists", "separates", "norm"]  # of keys; of heads, uses

_HOW = "each outcome proved for the keys as stored, by bounds of rounding errors or in exact fractions"
_RESTS = {
    "exists": f"a query with equal scores on the set and smaller ones elsewhere; {_HOW}",
    "separates": f"a query with larger scores on the set than elsewhere; {_HOW}",
    "norm": f"a query with equal scores on the set and {MASS:.0%} of the softmax on it; its least norm by a convex "
    f"program, bounded from both sides to {GAP:.1%}, rounding errors included",
}


def probe_question(heads: Heads, key_head: int, asked: Asked, sets: dict[str, Any]) -> dict[str, Any]:
    """Which of these sets can a query of this head single out, or how long must it be?

    The keys are the first `sets["length"]` of that key head.
    """
    return {
        "kind": "probe",
        "asked": asked,
        "heads": heads.digest,
        "name": heads.name,
        "key_head": key_head,
        "sets": sets,
        "version": PROBE_VERSION,
    }


def uses_question(
    heads: Heads, head: int, described: Sequence[dict[str, Any]], formats: Sequence[str]
) -> dict[str, Any]:
    """What does this head do with its own queries, and what does it lose in these formats of a cache?

    The keys are the first `length` of the sets described, of one size, kind by kind.
    """
    return {
        "kind": "probe",
        "asked": "uses",
        "heads": heads.digest,
        "name": heads.name,
        "head": head,
        "sets": list(described),
        "formats": list(formats),
        "version": PROBE_VERSION,
    }


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

    `detail` has, by the size of sets as text, for exists and separates the number of sets for which there is a query
    (yes), for which there is none (no) and for which neither was proved (undecided), and how many took exact fractions,
    as float64 did not suffice (rational); for norms both bounds of every set, None where no query was found, and the
    norm predicted for Gaussian keys with the covariance of these. For uses it is that of `assay.probing.uses.uses_of`.
    """
    if question["asked"] == "uses":
        return _uses(question, heads)
    begin = time.process_time()
    described = question["sets"]
    keys = heads.keys[question["key_head"], : described["length"]].astype(np.float64)
    answer = _norms if question["asked"] == "norm" else _existence
    detail, failed, count = {}, 0, 0
    for sparsity, sets in positions_of(described).items():
        detail[str(sparsity)], lacking = answer(question["asked"], keys, sets, heads.scale)
        failed, count = failed + lacking, count + len(sets)
    return Evidence(
        question=question,
        task={
            "name": "sparse-averaging",
            "length": len(keys),
            "sparsity": ", ".join(map(str, described["sparsities"])),
        },
        family="attention",
        architecture="attention",
        source=f"{heads.name}, keys {question['key_head']}: {question['asked']}",
        size=Size(width=heads.width, score_width=heads.width, precision=8 * heads.keys.itemsize),
        verdict="measured",
        error_kind="mean",
        error=failed / count,
        tolerance=0.5,
        rests_on=f"the share of sets without {_RESTS[question['asked']]}; {sets_text(described)}",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=detail,
    )


def _uses(question: dict[str, Any], heads: Heads) -> Evidence:
    begin = time.process_time()
    described = question["sets"]
    detail = uses_of(heads, question["head"], described, question["formats"])
    asked = [one for kind in detail["reach"].values() for one in kind.values()]
    reached, count = sum(one["yes"] for one in asked), sum(sum(one.values()) for one in asked)
    return Evidence(
        question=question,
        task={
            "name": "sparse-averaging",
            "length": described[0]["length"],
            "sparsity": ", ".join(map(str, described[0]["sparsities"])),
        },
        family="attention",
        architecture="attention",
        source=f"{heads.name}, head {question['head']}: uses",
        size=Size(width=heads.width, score_width=heads.width, precision=8 * heads.keys.itemsize),
        verdict="measured",
        error_kind="mean",
        error=1 - reached / count,
        tolerance=0.5,
        rests_on=f"the share of sets for which no query was found with equal scores on the set and {MASS:.0%} of the "
        f"softmax on it, within the ellipsoid of the second moments of the head's queries, sized to hold {IN_USE:.0%} "
        f"of them (a convex program in float64); {'; '.join(map(sets_text, described))}. Losses of a cache: over at "
        f"most {QUERIES} of the head's queries, evenly spaced. Longest contexts: up to {LONGEST} keys, drawn with "
        "replacement from the text's",
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=detail,
    )


def _file(folder: Path, digest: str) -> Path:
    return folder / f"heads-{digest}.npz"


@lru_cache(maxsize=2)
def _kept(folder: Path, digest: str) -> Heads:
    return read_arrays(_file(folder, digest))


def _existence(
    asked: str, keys: NDArray[np.float64], sets: NDArray[np.int64], scale: float
) -> tuple[dict[str, Any], int]:
    decide = exists if asked == "exists" else separates
    found = [decide(keys, chosen.tolist()) for chosen in sets]
    counts = {answer: sum(one.answer == answer for one in found) for answer in ("yes", "no", "undecided")}
    return {**counts, "rational": sum(one.rational for one in found)}, len(sets) - counts["yes"]


def _norms(asked: str, keys: NDArray[np.float64], sets: NDArray[np.int64], scale: float) -> tuple[dict[str, Any], int]:
    found = needed_norms(keys, sets, scale=scale)
    covariance = np.cov(keys, rowvar=False, bias=True).reshape(keys.shape[1], -1)
    spectrum = np.maximum(np.linalg.eigvalsh(covariance), 0)
    detail = {
        "at_least": [_number(norm) for norm in found.at_least],
        "at_most": [_number(norm) for norm in found.at_most],
        "predicted": _number(predicted_norm(spectrum, len(keys), sets.shape[1], mass=MASS, scale=scale)),
    }
    return detail, int(np.isinf(found.at_most).sum())


def _number(value: float) -> float | None:
    return float(f"{value:.9g}") if np.isfinite(value) else None
