"""Answers to questions on Boolean functions, as evidence."""

from __future__ import annotations

import time
from typing import Any

from assay.boolean.backbone import train_backbone
from assay.boolean.function import BooleanFunction
from assay.boolean.mean import least_error
from assay.boolean.plan import Question, degree_of, known_function
from assay.boolean.rounded import bits_of
from assay.boolean.softmax_heads import constructed_heads
from assay.boolean.symmetric_heads import symmetric_heads
from assay.boolean.trained import train
from assay.errors import AssayError
from assay.evidence import Evidence
from assay.size import Size
from assay.store.versions import versions

_FIXED_INPUTS = 16  # up to which the smallest fixed-point format is sought: seconds


def answer_boolean(question: Question) -> Evidence:
    """The answer to a question of `assay.boolean.plan.BooleanPlan`."""
    answers = {
        "impossible": _impossible,
        "constructed": _constructed,
        "learned": _learned,
        "backbone": _backbone,
    }
    return answers[question["asked"]](question)


def _impossible(question: Question) -> Evidence:
    """Detail: `at_least` and `at_most` of the threshold degree, `errors` of 0, 1, ... heads, all below `at_least`."""
    begin = time.process_time()
    function, degree = _function(question), degree_of(question["function"], question["inputs"])
    errors = [least_error(function, heads, degree) for heads in range(degree.at_least)]
    return _evidence(
        question,
        "bare heads",
        max(1, degree.at_least - 1),
        error=float(errors[-1].error) if errors else 0.0,
        rests_on=f"fewer heads than the threshold degree are wrong somewhere, in exact arithmetic: {degree.rests_on}",
        detail={
            "at_least": degree.at_least,
            "at_most": degree.at_most,
            "errors": [{"error": float(one.error), "rests_on": one.rests_on} for one in errors],
        },
        begin=begin,
    )


def _constructed(question: Question) -> Evidence:
    """Detail: `heads`; `margin` as a fraction and `bits` = log2 of 1 / margin; of symmetric functions also formats."""
    begin = time.process_time()
    function = _function(question)
    if function.by_count is not None:
        found = symmetric_heads(function)
        fixed = found.smallest_fixed_point if function.inputs <= _FIXED_INPUTS else None
        heads, margin = found.heads, found.margin
        rests_on = f"the sign of the output at all {function.inputs + 1} counts, in rationals; sum of coefficients 1"
        formats = {
            "proved_format": found.proved_format,
            "right_format": found.smallest_format,
            "fixed_bits": None if fixed is None else fixed.bits,
            "certificate": found.certificate,
        }
    else:
        explicit = constructed_heads(function, degree_of(question["function"], question["inputs"]).at_least)
        if explicit is None or explicit.layer is None:
            raise AssayError(f"no explicit weights of {function.name} of {function.inputs} bits are checked")
        heads, margin, rests_on = explicit.heads, explicit.layer.margin, explicit.rests_on
        formats = {
            "proved_format": None,
            "right_format": None,
            "fixed_bits": None,
            "certificate": explicit.layer.to_json(),
        }
    return _evidence(
        question,
        "bare heads",
        max(1, heads),
        error=0.0,
        rests_on=rests_on,
        detail={"heads": heads, "margin": str(margin), "bits": bits_of(margin), **formats},
        begin=begin,
    )


def _learned(question: Question) -> Evidence:
    """Detail: for each seed `wrong` words, `steps`, and whether the answers are `exact`."""
    begin = time.process_time()
    function, heads = _function(question), question["heads"]
    found = train(function, [heads], question["seeds"], restarts=question["restarts"], steps=question["steps"])
    words = 1 << function.inputs
    return _evidence(
        question,
        "bare heads",
        heads,
        error=min(one.wrong for one in found) / words,
        rests_on=f"the fewest wrong of all {words} words, over {len(found)} seeds of {question['restarts']} starts, "
        f"at most {question['steps']} steps; answers held against exact arithmetic",
        detail={
            "seeds": [
                {"seed": one.seed, "wrong": one.wrong, "steps": one.steps, "exact": one.exactness.held} for one in found
            ]
        },
        begin=begin,
    )


def _backbone(question: Question) -> Evidence:
    """Detail: `wrong` words and `steps`."""
    begin = time.process_time()
    function = _function(question)
    found = train_backbone(
        function, question["seed"], heads=question["heads"], width=question["width"], steps=question["steps"]
    )
    words = 1 << function.inputs
    return _evidence(
        question,
        "standard backbone",
        question["heads"],
        error=found.wrong / words,
        width=question["width"],
        rests_on=f"the fewest wrong of all {words} words at any look, every 20 steps; it has an MLP and normalisation, "
        "so that bounds on heads do not speak of it",
        detail={"wrong": found.wrong, "steps": found.steps, "parameters": found.parameters},
        begin=begin,
        precision=32,
    )


def _function(question: Question) -> BooleanFunction:
    return known_function(question["function"], question["inputs"])


def _evidence(
    question: Question,
    architecture: str,
    heads: int,
    *,
    error: float,
    rests_on: str,
    detail: dict[str, Any],
    begin: float,
    width: int = 1,
    precision: int = 64,
) -> Evidence:
    return Evidence(
        question=question,
        task={"name": question["function"], "bits": question["inputs"]},
        family="attention",
        architecture=architecture,
        source=f"boolean {question['asked']}",
        size=Size(width=width, heads=heads, precision=precision),
        verdict="measured",
        error_kind="mean",
        error=error,
        tolerance=0.0,
        rests_on=rests_on,
        seconds=time.process_time() - begin,
        versions=versions(),
        detail=detail,
    )
