"""The matrix of a study with several tasks: what is known of every contender on every line, in a few numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from assay.report.lines import Contender, Line, Series, boundaries_of, contenders

Entry = dict[str, Any]


def task_matrix(lines: list[Line]) -> dict[str, Any] | None:
    """Entries for every line with a contender, by contender; None where all these lines are about one task.

    Returns a dictionary with `lines` and `architectures`, names in order, and `cells`: entries (see `entries`) by line
    and architecture or bare model.
    """
    lines = [line for line in lines if contenders([line])]  # one of sweeps alone has none
    if len({line["task"]["name"] for line in lines}) < 2:
        return None
    columns = contenders(lines)
    return {
        "lines": [line["name"] for line in lines],
        "architectures": [column.name for column in columns],
        "cells": {line["name"]: {column.name: entries(line, column) for column in columns} for line in lines},
    }


def entries(line: Line, contender: Contender) -> list[Entry]:
    """What is known of a contender at the largest x that it was trained at on this line.

    Returns at most one entry each for what was learned (or not), what was constructed, and what a bound on the mean and
    on the worst-case error excludes; with `verdict`, `error_kind`, `width`, `depth` (0: any), `parameters` (0 where no
    single network is spoken of), `at` (the x) and `source`. Where nothing was constructed at that x, an entry is that
    of the largest x below it. Where the contender was not trained, x is the largest that anything was trained at on
    this line. Bounds are asked at their own largest x where they exclude nothing at this one.
    """
    boundaries = boundaries_of(line, contender)
    own = [series for series in boundaries if series["verdict"] == "learned"]
    reach = _reach(own) or _reach(series for series in line["series"] if series["verdict"] == "learned") or math.inf
    said = [_learned(series) for series in own if series["points"]]
    for verdict, kind, best in (
        ("constructed", "worst", min),
        ("impossible", "mean", max),
        ("impossible", "worst", max),
    ):
        fitting = [s for s in boundaries if (s["verdict"], s["error_kind"]) == (verdict, kind)]
        points = [(series, point) for series in fitting for point in series["points"]]
        there = _at_largest([pair for pair in points if pair[1]["x"] <= reach])
        if verdict == "impossible" and not any(point["width"] for _, point in there):
            there = _at_largest(points)
        if there:
            said.append(_entry(verdict, *best(there, key=lambda pair: pair[1]["width"])))
    return said


def _at_largest(points: list[tuple[Series, dict[str, Any]]]) -> list[tuple[Series, dict[str, Any]]]:
    largest = max((point["x"] for _, point in points), default=None)
    return [(series, point) for series, point in points if point["x"] == largest]


def _reach(boundaries: Iterable[Series]) -> int:
    return max((point["x"] for series in boundaries for point in series["points"]), default=0)


def _learned(series: Series) -> Entry:
    last = series["points"][-1]
    return _entry("not learned" if last["censored"] else "learned", series, last)


def _entry(verdict: str, series: Series, point: dict[str, Any]) -> Entry:
    return {
        "verdict": verdict,
        "error_kind": series["error_kind"],
        "width": point["width"],
        "depth": series["depth"],
        "parameters": point["parameters"],
        "at": point["x"],
        "source": series["source"],
        "field": series["field"],
        "largest": series["largest"],
    }
