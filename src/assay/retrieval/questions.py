"""Answers to questions on retrieval and linear memories, as evidence."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from assay.evidence import Evidence
from assay.retrieval.documents import CyclicDocuments
from assay.retrieval.learned import Setting, largest_learned, least_margins, subsets, train
from assay.retrieval.memories import recall_each
from assay.retrieval.plan import Question, setting_of
from assay.retrieval.rounding import EXHAUSTIVE, STORED_BITS, retrieved
from assay.size import Size
from assay.versions import versions


def answer_retrieval(question: Question) -> Evidence:
    """The answer to a question of `assay.retrieval.plan.RetrievalPlan`."""
    return {"learned": _learned, "rounded": _rounded, "margin": _margin}[question["asked"]](question)


def answer_memory(question: Question) -> Evidence:
    """The answer to a question of `MemoryPlan`: shares read correctly, by number format and seed, in `detail`."""
    begin = time.process_time()
    dimensions, pairs = question["dimensions"], question["pairs"]
    found = recall_each([question["memory"]], dimensions, pairs, question["formats"], question["seeds"])
    wrong = 1 - min(one.share for one in found)
    return _evidence(
        question, {"name": "pairs", "pairs": pairs}, f"{question['memory']} memory", dimensions, error=wrong,
        rests_on=f"the share of all {pairs} pairs that is read wrongly, in the format with the largest; "
        f"{len(question['seeds'])} draws of unit keys and values",
        detail={one.number_format: {"shares": list(one.shares), "bits": one.bits} for one in found}, begin=begin,
    )  # fmt: skip


def setting_text(setting: Setting) -> str:
    """`infonce at .1` or `infonce, .1 to .01`, with the steps."""
    first, last = setting.temperatures[0], setting.temperatures[-1]
    at = f"at temperature {first:g}" if len(setting.temperatures) == 1 else f"from temperature {first:g} to {last:g}"
    name = {"infonce": "InfoNCE", "sigmoid": "sigmoid loss"}[setting.loss]
    return f"{name} {at}, {setting.steps:,} steps"


def _learned(question: Question) -> Evidence:
    begin = time.process_time()
    setting, dimensions = setting_of(question["setting"]), question["dimensions"]
    found = largest_learned(dimensions, question["top"], setting, question["seed"])
    tried = [{key: value for key, value in asdict(one).items() if key != "seconds"} for one in found.tried]
    return _evidence(
        question, _task(found.largest, question["top"]), "free vectors", dimensions, error=0.0,
        rests_on=f"{setting_text(setting)}; all {math.comb(found.largest, question['top'])} sets ranked first by their "
        "queries in float64; the search ends at the second number of documents in a row that is not solved",
        detail={"largest": found.largest, "open": found.open, "margin": found.margin, "tried": tried}, begin=begin,
    )  # fmt: skip


def _rounded(question: Question) -> Evidence:
    begin = time.process_time()
    cyclic = CyclicDocuments(question["documents"], question["top"])
    found = retrieved(cyclic, question["number_format"])
    said = f"all {found.tried:,} sets" if found.exhaustive else f"{found.tried:,} random sets"
    return _evidence(
        question, _task(cyclic.documents, cyclic.top), "cyclic documents", cyclic.dimensions, error=1 - found.share,
        rests_on=f"the share of {said} that the query does not retrieve, documents and queries rounded to "
        f"{question['number_format']}, scores in float64",
        detail={**asdict(found), "share": found.share, "margin": explicit_margin(cyclic)}, begin=begin,
        precision=STORED_BITS[question["number_format"]],
    )  # fmt: skip


def explicit_margin(documents: CyclicDocuments) -> float | None:
    """The least margin of all sets, for their own queries at length 1; None where there are more than 10^6 sets.

    Other queries have larger margins on the same documents: at n = 9, k = 2 the best ones have 0.077.

    >>> round(explicit_margin(CyclicDocuments(9, 2)), 3)
    0.024
    """
    if math.comb(documents.documents, documents.top) > EXHAUSTIVE:
        return None
    sets = subsets(documents.documents, documents.top)
    queries = documents.queries(sets)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return float(least_margins(documents.vectors(), queries, sets).min())


def _margin(question: Question) -> Evidence:
    begin = time.process_time()
    setting, dimensions, documents = setting_of(question["setting"]), question["dimensions"], question["documents"]
    found = train(documents, dimensions, question["top"], setting, question["seed"], to_the_end=True)
    margins = least_margins(found.documents, found.queries, found.sets)
    return _evidence(
        question, _task(documents, question["top"]), "free vectors", dimensions, error=float((margins <= 0).mean()),
        rests_on=f"{setting_text(setting)}, all made; the least margin of all sets, documents and queries of length 1",
        detail={"margin": float(margins.min())}, begin=begin,
    )  # fmt: skip


def _task(documents: int, top: int) -> dict[str, Any]:
    return {"name": "subset-retrieval", "documents": documents, "top": top}


def _evidence(
    question: Question, task: dict[str, Any], vectors: str, dimensions: int, *, error: float, rests_on: str,
    detail: dict[str, Any], begin: float, precision: int = 32,
) -> Evidence:  # fmt: skip
    return Evidence(
        question=question, task=task, family="vectors", architecture=vectors, source=question["kind"],
        size=Size(width=dimensions, precision=precision), verdict="measured", error_kind="mean", error=error,
        tolerance=0.0, rests_on=rests_on, seconds=time.process_time() - begin, versions=versions(), detail=detail,
    )  # fmt: skip
