"""The report of a probe of attention heads: what it holds, its page and figures, and its text for the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from assay.evidence import Evidence
from assay.probing.findings import Findings, gather_probe
from assay.probing.plan import Plan
from assay.report import probe_tables as tables
from assay.report import probe_words as words
from assay.report.found import Found, evidence_rows, failures
from assay.report.page import render, write_page
from assay.report.probes import probe_charts
from assay.report.summary import sentences
from assay.studies.workers import Failed

_LONGEST = 80  # characters of a name in a title or the name of a file


@dataclass(frozen=True, kw_only=True)
class ProbeFound(Found):
    """What a probe found; `seeds` has that of its sets.

    Attributes:
        name: what the report is filed under: the heads, and how many keys they see.
        probe: a row for each head, and what leads.
    """

    name: str
    probe: Findings


def report_name(plan: Plan) -> str:
    """What a probe's report is filed under."""
    name = re.sub(r"[^a-z0-9]+", "-", plan.heads.name.lower())[:_LONGEST].strip("-")
    return f"probe-{name or 'heads'}-{plan.seen}"


def probe_found(
    plan: Plan, evidence: Iterable[Evidence], command: str, failed: Mapping[str, Failed] = MappingProxyType({})
) -> ProbeFound:
    """What a probe found, of the evidence that answers its questions; `failed` says what has no answer."""
    answers = {piece.key: piece for piece in evidence}
    asked = dict.fromkeys(question.key for question in plan.questions())
    return ProbeFound(
        name=report_name(plan),
        title=f"Attention heads of {plan.heads.name.strip()[:_LONGEST] or 'heads'}",
        command=command,
        seeds=(plan.seed,),
        failures=failures(failed),
        evidence=evidence_rows(answers[key] for key in asked if key in answers),
        probe=gather_probe(plan, answers),
    )


def write_probe(found: ProbeFound, folder: Path) -> Path:
    """Write the page and the figures of a probe, see `write_page`."""
    drawn = list(probe_charts(found.probe))
    said = sentences(found.probe.advice)
    text = render("probe.html", found, results=said, words=words, tables=tables, drawn=drawn)
    return write_page(found.name, text, drawn, folder)


def say_probe(console: Console, found: ProbeFound) -> None:
    """What leads, what is lost in each format of a cache, and what is in reach."""
    for text in (found.probe.advice, words.probe_text(found.probe)):
        console.print(text, soft_wrap=True)
    for table in (tables.loss_table(found.probe), tables.size_table(found.probe)):
        if table.rows:
            console.print(table.rich())
