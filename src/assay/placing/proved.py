"""What lower bounds say of a layer on the rows of the battery, through what it declares."""

from __future__ import annotations

from assay.bounds import bounds_of
from assay.placing.battery import BY_NAME, Row
from assay.placing.card import said
from assay.report.messages import listed
from assay.studies.study import Study
from assay.training.search import Search


def proved(study: Study, undeclared: str = "") -> list[str]:
    """A line for each row and width of which a bound speaks; why there is none, where there is none.

    Args:
        study: the rows that a layer is asked.
        undeclared: how it can declare its state; empty where it does.
    """
    lines = [
        line for sweep in study.sweeps for search in sweep.searches for line in _of_search(BY_NAME[sweep.name], search)
    ]
    if lines:
        return lines
    if undeclared:
        return [f"Nothing, because it declares no state. {undeclared}"]
    return ["Nothing: no bound of Assay speaks of these rows and of what the layer declares."]


def _of_search(row: Row, search: Search) -> list[str]:
    """What each bound requires at the hardest value, and which values it excludes."""
    hardest, lines = search.candidates[0], []
    for bound in bounds_of(hardest.task):
        checks = [
            bound.check(asked.task, asked.networks.resources(asked.task, asked.width)) for asked in search.candidates
        ]
        first = checks[0]
        if first.available is None or first.reason:
            continue
        excluded = [str(value) for value, check in zip(search.values, checks, strict=True) if check.status == "binds"]
        verdict = f"impossible with {listed(excluded)} {row.unit}" if excluded else "none of the row is excluded"
        lines.append(
            f"{said(row)}, width {hardest.width}: {search.values[0]} {row.unit} need at least {first.required:,.0f} "
            f"{bound.resource} at a {bound.error_kind} error of {bound.goal(hardest.task):g} ({bound.name}, "
            f"{bound.justified}), and it declares {first.available:,.0f}: {verdict}"
        )
    return lines
