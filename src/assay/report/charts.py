"""The figures of a report, each with its name, its file's text and its caption."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from matplotlib.figure import Figure

from assay.evidence import canonical
from assay.report import words
from assay.report.drawing import is_linear
from assay.report.figures import (
    attention_chart,
    band_chart,
    grid_chart,
    message_bits_chart,
    precision_chart,
    state_chart,
    summary_chart,
    svg_text,
)
from assay.report.findings import AttentionMap, Findings
from assay.report.sweeps import Sweep, architectures_of
from assay.report.theorem import theorem_chart


@dataclass(frozen=True)
class Chart:
    """A figure of the report.

    Attributes:
        sweep: the sweep it belongs to; empty where there is none, as for attention maps.
        section: where it belongs there: `theorem`, `summary`, `widths`, `grids`, `precision` or `attention-maps`.
        name: of its file, without the ending.
        title: what it shows, for those who do not see it.
        svg: its file's text.
        caption: what it says and rests on; sentences.
        wide: whether it has panels side by side, and needs the page's whole width.
    """

    sweep: str
    section: str
    name: str
    title: str
    svg: str
    caption: list[str]
    wide: bool = False

    @property
    def inline(self) -> str:
        """The SVG as part of an HTML page: scalable, named, and with identifiers of its own."""
        return inline_svg(self.svg, self.name, self.title)


def charts(findings: Findings) -> list[Chart]:
    """All figures that these findings have data for. Their names begin with that of their sweep and a dot."""
    drawn = [chart for sweep in findings.sweeps for chart in _sweep_charts(findings, sweep)]
    for number, maps in enumerate(_same_task(findings.attention_maps), start=1):
        title = f"Attention weights on one example, {maps[0].parameters}"
        name, caption = f"attention-maps-{number}", words.attention_caption(maps)
        drawn.append(_chart("", "attention-maps", name, title, attention_chart(maps), caption))
    return drawn


def inline_svg(svg: str, name: str, title: str) -> str:
    """An SVG file's text as an element of an HTML page; every identifier gets the prefix `name`.

    >>> inline_svg('<?xml version="1.0"?><svg width="9pt" viewBox="0 0 9 9"><g id="a"/></svg>', "figure", "Title")
    '<svg viewBox="0 0 9 9" role="img" aria-label="Title"><g id="figure-a"/></svg>'
    """
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"\s*<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    opening, rest = body.split(">", 1)
    opening = re.sub(r'\s(?:width|height|version|xmlns(?::\w+)?)="[^"]*"', "", opening)
    return f'{opening} role="img" aria-label="{escape(title)}">{rest}'


def file_name(text: str) -> str:
    """The text with a dash for what a file's name had better not have."""
    return re.sub(r"[^\w.-]+", "-", text)


def _sweep_charts(findings: Findings, sweep: Sweep) -> Iterator[Chart]:
    symbol, seeds, learned = sweep.symbol, len(findings.seeds), sweep.of("learned")

    def chart(section: str, name: str, title: str, figure: Figure, caption: list[str]) -> Chart:
        return _chart(
            sweep.name, section, file_name(f"{sweep.name}.{name}"), f"{sweep.title}: {title}", figure, caption
        )

    picture = theorem_chart(sweep)
    if picture is not None:
        name, caption = file_name(f"{sweep.name}.theorem"), [f"{picture.title}.", picture.caption]
        yield Chart(sweep.name, "theorem", name, f"{sweep.title}: {picture.title}", picture.svg, caption, wide=True)
    for sought in dict.fromkeys(map(words.sought_text, learned)):
        title, name = f"learned by all architectures, {sought}", "summary" if sought == "width" else f"summary-{sought}"
        caption = words.summary_caption(seeds, sought)
        yield chart("summary", name, title, summary_chart(findings, sweep, sought), caption)
    for architecture in architectures_of([sweep]):
        sought = next((words.sought_text(one) for one in learned if one.architecture == architecture.name), "width")
        title = f"{sought} of {architecture.name} against {symbol}"
        caption = words.band_caption(sweep, architecture, seeds, linear=is_linear(sweep))
        yield chart("widths", architecture.name, title, band_chart(findings, sweep, architecture), caption)
    for model in architectures_of([sweep]):
        figure = message_bits_chart(findings, sweep, model)
        if figure is not None:
            title = f"{model.name}, bits of one embedding against {symbol}"
            yield chart("widths", f"{model.name}-embedding-bits", title, figure, words.BITS_CAPTION)
    for states in sweep.states:
        title, name = f"state bits against {states.symbol}", f"state-{states.symbol}"
        yield chart("widths", name, title, state_chart(findings, states), words.STATE_CAPTION)
    for grid in sweep.grids:
        title, name = f"error against {grid.axis} at {symbol} = {grid.x}", f"grid-{grid.axis}-{grid.x}"
        yield chart("grids", name, title, grid_chart(findings, sweep, grid), words.grid_caption(grid))
    if sweep.precisions:
        title = f"bits per number against {symbol}"
        yield chart("precision", "precision", title, precision_chart(sweep), words.PRECISION_CAPTION)


def _chart(sweep: str, section: str, name: str, title: str, figure: Figure, caption: list[str]) -> Chart:
    return Chart(sweep, section, name, title, svg_text(figure), caption)


def _same_task(maps: Sequence[AttentionMap]) -> list[list[AttentionMap]]:
    """Grouped by task, and in a group what was constructed first."""

    def task(one: AttentionMap) -> str:
        return canonical(one.task)

    ordered = sorted(maps, key=lambda one: (task(one), one.source == "training"))
    return [list(group) for _, group in groupby(ordered, key=task)]
