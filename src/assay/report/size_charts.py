"""Charts of the sizes on a sweep: of each architecture, of all together, and of the bits of one embedding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assay.report import boundaries, messages, words
from assay.report.boundaries import Axes, Drawn
from assay.report.looks import Look
from assay.report.sweeps import Architecture, Sweep, architectures_of, boundaries_of, rank, references
from assay.report.vega import VegaChart
from assay.results.frontier import Point, Series

_HIGH, _LOW = 360, 300  # pixels of charts that stand alone, and in pairs


def size_charts(sweep: Sweep, look: dict[str, Look], seeds: int) -> Iterator[VegaChart]:
    """All of a sweep: what every kind of learned size came to, then each architecture, then bits."""
    for sought in dict.fromkeys(map(words.sought_text, sweep.of("learned"))):
        yield _summary_chart(sweep, look, seeds, sought)
    for architecture in architectures_of([sweep]):
        yield from _band_chart(sweep, architecture, look, seeds)
    for model in architectures_of([sweep]):
        yield from _bits_chart(sweep, model, look)


def _summary_chart(sweep: Sweep, look: dict[str, Look], seeds: int, sought: str) -> VegaChart:
    """What was looked for and learned by all architectures, with laws, and constructed widths beside them."""
    learned = sorted((one for one in sweep.of("learned") if words.sought_text(one) == sought), key=_rank)
    reach = max(point.x for series in learned for point in series.points)
    within = [
        replace(series, points=tuple(point for point in series.points if point.x <= 2 * reach))
        for series in (_frontiers(sweep) if sought == "width" else [])
    ]
    drawn = [
        *(boundaries.learned(one, look[one.architecture], sweep.symbol, named=True) for one in learned),
        *(
            Drawn(one, f"{one.architecture}, constructed: {one.source}", look[one.architecture], (1, 0))
            for one in within
            if one.points
        ),
    ]
    name = "summary" if sought == "width" else f"summary-{sought}"
    title = messages.compared(learned, sweep.symbol) or f"{sought.capitalize()} was not learned within this budget"
    caption = words.summary_caption(
        seeds, sought, laws=any(one.line for one in drawn), weights=any(one.points for one in within)
    )
    axes = boundaries.axes(drawn, sweep, _vertical(sought))
    return _chart(sweep, "summary", name, title, drawn, axes, sought, caption, _HIGH)


def _band_chart(sweep: Sweep, architecture: Architecture, look: dict[str, Look], seeds: int) -> Iterator[VegaChart]:
    """Widths of one architecture along a sweep: impossible, constructed, learned; or what else was looked for."""
    own = boundaries_of(sweep, architecture)
    sought = next((words.sought_text(series) for series in own if series.verdict == "learned"), "width")
    beside = references(sweep, architecture) if sought == "width" else []
    drawn = [
        *(boundaries.learned(one, look[architecture.name], sweep.symbol, named=False) for one in _of(own, "learned")),
        *boundaries.constructed(_of([*own, *beside], "constructed"), look, within=architecture.name),
        *boundaries.impossible(_of(own, "impossible")),
    ]
    if not drawn:  # bounds that exclude nothing
        return
    title = messages.of_architecture(architecture, [*own, *beside], sweep.symbol)
    caption = words.band_caption(sweep, architecture, seeds)
    axes = boundaries.axes(drawn, sweep, _vertical(sought))
    yield _chart(sweep, "widths", architecture.name, title, drawn, axes, sought, caption, _LOW)


def _bits_chart(sweep: Sweep, model: Architecture, look: dict[str, Look]) -> Iterator[VegaChart]:
    """Bits of one embedding along a sweep: what bounds require, and constructions in a model have; with both only.

    Bounds on the bits say something where the width that they exclude is 0: one number of 32 bits holds a lot.
    """
    own = boundaries_of(sweep, model)
    required = [
        _with_widths(series, "required")
        for series in _of(own, "impossible")
        if series.resource == "embedding bits" and any(point.required for point in series.points)
    ]
    weights = [_with_widths(series, "message_bits") for series in _of(own, "constructed")]
    if not required or not weights:
        return
    drawn = [
        *boundaries.constructed(weights, look, within=model.name),
        *boundaries.impossible(required),
    ]
    title = messages.of_bits(model.name, weights, required, sweep.symbol)
    axes = boundaries.axes(drawn, sweep, "bits m p")
    name = f"{model.name}-embedding-bits"
    yield _chart(sweep, "widths", name, title, drawn, axes, "bits of an embedding", words.BITS_CAPTION, _LOW)


def _chart(
    sweep: Sweep,
    section: str,
    name: str,
    title: str,
    drawn: Sequence[Drawn],
    axes: Axes,
    field: str,
    caption: str,
    height: int,
) -> VegaChart:
    scales = "linear axes" if boundaries.is_linear(sweep) else "logarithmic axes"
    about = f"{field.capitalize()} against {sweep.along} {sweep.symbol}, {scales}"
    said = "; ".join(filter(None, [about, boundaries.signs_text(drawn)]))
    spec = {"height": height, "layer": boundaries.layers(drawn, axes, field)}
    return VegaChart(
        words.file_name(f"{sweep.name}.{name}"),
        title,
        f"{said}.",
        caption,
        spec,
        boundaries.rows(drawn),
        section,
        sweep.name,
    )


def _vertical(sought: str) -> str:
    return "width m" if sought == "width" else sought


def _of(found: list[Series], verdict: str) -> list[Series]:
    return [series for series in found if series.verdict == verdict]


def _with_widths(series: Series, quantity: str) -> Series:
    """The series with another quantity in the place of its widths."""
    return replace(series, points=tuple(replace(point, width=getattr(point, quantity)) for point in series.points))


def _rank(series: Series) -> tuple[int, int, str]:
    return rank(series.architecture)


def _frontiers(sweep: Sweep) -> list[Series]:
    """For each bare model, the smallest constructed width at every x; its source names the methods that reach it."""
    best: dict[str, dict[int, tuple[int, str, Point]]] = defaultdict(dict)
    family = {}
    for series in sweep.of("constructed"):
        family[series.architecture] = series.family
        for point in series.points:
            here, there = (point.width, series.source, point), best[series.architecture]
            there[point.x] = min(there.get(point.x, here), here, key=lambda entry: entry[:2])
    frontiers = [
        Series(
            family=family[model],
            architecture=model,
            source=", ".join(sorted({source for _, source, _ in there.values()})),
            verdict="constructed",
            error_kind="worst",
            points=tuple(there[x][2] for x in sorted(there)),
        )
        for model, there in best.items()
    ]
    return sorted(frontiers, key=_rank)
