"""Answers to questions on retrieval and linear memories, as evidence."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from assay.embeddings.documents import Documents as Given
from assay.embeddings.hulls import nearest
from assay.errors import AssayError
from assay.evidence import Evidence
from assay.retrieval.documents import (
    CyclicCodeDocuments,
    CyclicDocuments,
    Documents,
    OneHotCodeDocuments,
    SignDocuments,
)
from assay.retrieval.learned import Setting, largest_learned, least_margins, train
from assay.retrieval.memories import recall_each
from assay.retrieval.plan import Question, setting_of
from assay.retrieval.random_documents import dimensions_for_all
from assay.retrieval.rounded_documents import INTEGER_BITS, STORED_BITS, retrieved
from assay.size import Size
from assay.store.versions import versions

_MOST_SETS = 10_000
_LOST = 1e-12


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
        question,
        {"name": "pairs", "pairs": pairs},
        f"{question['memory']} memory",
        dimensions,
        error=wrong,
        rests_on=f"the share of all {pairs} pairs that is read wrongly, in the format with the largest; "
        f"{len(question['seeds'])} draws of unit keys and values",
        detail={one.number_format: {"shares": list(one.shares), "bits": one.bits} for one in found},
        begin=begin,
    )


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
        question,
        _task(found.largest, question["top"]),
        "free vectors",
        dimensions,
        error=0.0,
        rests_on=f"{setting_text(setting)}; all {math.comb(found.largest, question['top'])} sets ranked first by their "
        "queries in float64; the search ends at the second number of documents in a row that is not solved",
        detail={"largest": found.largest, "open": found.open, "margin": found.margin, "tried": tried},
        begin=begin,
    )


def _rounded(question: Question) -> Evidence:
    begin = time.process_time()
    explicit = explicit_documents(question)
    found = retrieved(explicit, question["number_format"])
    margin = cyclic_margin(explicit.documents, explicit.top) if question["vectors"] == "cyclic" else None
    said = f"all {found.tried:,} sets" if found.exhaustive else f"{found.tried:,} random sets"
    return _evidence(
        question,
        _task(explicit.documents, explicit.top),
        f"{question['vectors']} documents",
        explicit.dimensions,
        error=1 - found.share,
        rests_on=f"the share of {said} that the query does not retrieve, documents and queries rounded to "
        f"{question['number_format']}, scores in float64",
        detail={**asdict(found), "share": found.share, "margin": margin, "dimensions": explicit.dimensions},
        begin=begin,
        precision=STORED_BITS[question["number_format"]],
    )


def explicit_documents(question: Question) -> Documents:
    """The documents in a question.

    Signs have 1.3 times the dimensions in which random documents serve all sets with probability 1/2. The cyclic code
    is the smallest for the integers that the number format holds.

    Raises:
        AssayError: no code serves so many documents in this format.
    """
    documents, top, kind = question["documents"], question["top"], question["vectors"]
    if kind == "cyclic":
        return CyclicDocuments(documents, top)
    if kind == "signs":
        return SignDocuments(documents, top, math.ceil(1.3 * dimensions_for_all(documents, top)))
    if kind == "one-hot-code":
        return OneHotCodeDocuments(documents, top)
    code = CyclicCodeDocuments.smallest(documents, top, INTEGER_BITS[question["number_format"]])
    if code is None:
        raise AssayError(f"no code for {documents:,} documents is proved in {question['number_format']}")
    return code


def cyclic_margin(documents: int, top: int) -> float | None:
    """The least of the sets' largest margins, of cyclic documents and queries of length 1; within .1 % below it.

    Documents can be turned into each other, so that sets which contain the first stand for all. None where these are
    more than 10,000, or where the margin is lost in rounding.

    >>> round(cyclic_margin(9, 2), 3)
    0.077
    """
    if math.comb(documents - 1, top - 1) > _MOST_SETS:
        return None
    vectors = Given(CyclicDocuments(documents, top).vectors())
    sets = [np.array((0, *rest), dtype=np.intp) for rest in combinations(range(1, documents), top - 1)]
    with ThreadPoolExecutor(1) as pool:
        found = nearest(vectors, sets, pool)
    least = min((one.lowest - one.highest) / float(np.linalg.norm(one.query)) for one in found)
    return least if least > _LOST else None


def _margin(question: Question) -> Evidence:
    begin = time.process_time()
    setting, dimensions, documents = setting_of(question["setting"]), question["dimensions"], question["documents"]
    found = train(documents, dimensions, question["top"], setting, question["seed"], to_the_end=True)
    margins = least_margins(found.documents, found.queries, found.sets)
    return _evidence(
        question,
        _task(documents, question["top"]),
        "free vectors",
        dimensions,
        error=float((margins <= 0).mean()),
        rests_on=f"{setting_text(setting)}, all made; the least margin of all sets, documents and queries of length 1",
        detail={"margin": float(margins.min())},
        begin=begin,
    )


def _task(documents: int, top: int) -> dict[str, Any]:
    return {"name": "subset-retrieval", "documents": documents, "top": top}


def _evidence(
    question: Question,
    task: dict[str, Any],
    vectors: str,
    dimensions: int,
    *,
    error: float,
    rests_on: str,
    detail: dict[str, Any],
    begin: float,
    precision: int = 32,
) -> Evidence:
    return Evidence(
        question=question,
        task=task,
        family="vectors",
        architecture=vectors,
        source=question["kind"],
        size=Size(width=dimensions, precision=precision),
        verdict="measured",
        error_kind="mean",
        error=error,
        tolerance=0.0,
        rests_on=rests_on,
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=detail,
    )
