"""All charts of a study's page, in its order."""

from __future__ import annotations

from collections.abc import Iterator

from assay.report.attention_maps import attention_charts
from assay.report.boolean import boolean_charts
from assay.report.curves import curve_charts
from assay.report.error_charts import error_charts
from assay.report.findings import Findings
from assay.report.looks import looks
from assay.report.retrieval import memory_charts, retrieval_charts
from assay.report.size_charts import size_charts
from assay.report.theorem import theorem_chart
from assay.report.vega import VegaChart


def charts(findings: Findings) -> list[VegaChart]:
    """All that these findings have data for. Names of a sweep's charts begin with that of the sweep and a dot."""
    return list(_charts(findings))


def _charts(findings: Findings) -> Iterator[VegaChart]:
    look = looks(findings.sweeps)
    for sweep in findings.sweeps:
        picture = theorem_chart(sweep, look)
        if picture is not None:
            yield picture
        yield from size_charts(sweep, look, len(findings.seeds))
        yield from error_charts(sweep, look)
        yield from curve_charts(sweep)
    if findings.retrieval:
        yield from retrieval_charts(findings.retrieval)
    if findings.memory:
        yield from memory_charts(findings.memory)
    if findings.boolean:
        yield from boolean_charts(findings.boolean)
    yield from attention_charts(findings.attention_maps)
