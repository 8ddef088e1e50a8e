"""The theorem in one picture: width against N, a panel for each family, with all three sides on the same axes.

Both axes are logarithmic, so that what is proportional to N rises along the diagonal and a logarithm bends away below.
"""

from __future__ import annotations

import math

from assay.report import boundaries, messages, words
from assay.report.boundaries import Axes, Drawn
from assay.report.looks import DASHES, MARKERS, Look
from assay.report.sweeps import ORDER, Sweep
from assay.report.vega import Spec, VegaChart, where
from assay.results.frontier import Point, Series

MINUS = "\N{MINUS SIGN}"
_HEIGHT, _LEAST = 300, 300  # pixels of a panel
_IN_A_ROW = 3  # panels


def theorem_chart(sweep: Sweep, look: dict[str, Look]) -> VegaChart | None:
    """The picture of one sweep; None unless it goes along several lengths and at least two families learn there."""
    learned = {series.family for series in _of(sweep, "learned")}
    drawn = sweep.along == "length" and len(_lengths(sweep)) > 1 and len(learned) > 1
    return _picture(sweep, look) if drawn else None


def message(sweep: Sweep) -> str:
    """How learned widths grow; or the learned widths of all families at one N, where no two of one are known."""
    learned = _of(sweep, "learned")
    return messages.growing(learned, sweep.symbol) or messages.compared(learned, sweep.symbol) or sweep.title


def _picture(sweep: Sweep, look: dict[str, Look]) -> VegaChart:
    families = _families(sweep)
    drawn = {family: _drawn(sweep, family, look) for family in families}
    every = [one for family in families for one in drawn[family]]
    axes = boundaries.axes(every, sweep, "width", linear=False)
    hollow = any(one.series.verdict == "constructed" for one in every)
    caption = [
        f"Filled: learned, a {sweep.mean_error_name} within the tolerance on {sweep.distribution} inputs"
        f"{'; hollow: explicit weights, certified for every input' * hollow}."
    ]
    if any(one.series.verdict == "impossible" for one in every):
        caption.append("Grey: impossible for every architecture of the panel, paler for the worst case.")
    if any(_needed_bits(sweep, family) for family in families):
        caption.append("Bits are those of one embedding; where they are named, bounds exclude no width.")
    spec: Spec = {
        "concat": [_panel(sweep, family, drawn[family], axes) for family in families],
        "columns": _IN_A_ROW,
        "resolve": {"scale": dict.fromkeys(("stroke", "fill", "shape", "strokeDash"), "independent")},
    }
    signs = boundaries.signs_text(every)
    return VegaChart(
        words.file_name(f"{sweep.name}.theorem"),
        message(sweep),
        f"{sweep.title} (task {sweep.task['name']}): width against {sweep.symbol} on logarithmic axes, a panel for "
        "each family; dashed: fitted laws"
        f"{'; ' + signs if signs else ''}.",
        " ".join(caption),
        spec,
        boundaries.rows(every),
        "theorem",
        sweep.name,
        panel=_LEAST,
    )


def _panel(sweep: Sweep, family: str, drawn: list[Drawn], axes: Axes) -> Spec:
    needed = _needed_bits(sweep, family)
    said = ""
    if needed is not None:
        said = f"worst case needs {math.ceil(needed.required):,} bits at {sweep.symbol} = {needed.x:,}"
    title: Spec = {"text": family, **({"subtitle": said} if said else {})}
    layers = boundaries.layers(drawn, axes, "width", columns=1)
    return {"title": title, "height": _HEIGHT, **where(panel=family), "layer": layers}


def _drawn(sweep: Sweep, family: str, look: dict[str, Look]) -> list[Drawn]:
    found = [
        Drawn(
            series,
            _learned_label(series, sweep.symbol),
            look[series.architecture],
            panel=family,
            line=_law(series),
        )
        for series in _of(sweep, "learned")
        if series.family == family
    ]
    for series, marker, dash in zip(_shown(sweep, family), MARKERS, DASHES, strict=False):
        name = f"constructed: {_with_bits(series)}, {_law_text(series, sweep.symbol)}"
        line = _law(series) if series.growth.preferred == "logarithm" else []
        found.append(Drawn(series, name, Look(look[series.architecture].colour, marker), dash, family, line))
    regions = [_region(sweep, family, kind) for kind in ("worst", "mean")]
    return [*found, *boundaries.impossible([region for region in regions if region], panel=family)]


def _learned_label(series: Series, symbol: str) -> str:
    """Which architecture of the panel's family learned, and its last width."""
    variant = "" if series.architecture == series.family else series.architecture.removeprefix(f"{series.family}, ")
    known = messages.known(series)
    start = f"learned{', ' + variant if variant else ''}"
    return f"{start}: {known[-1].width:,} at {symbol} = {known[-1].x:,}" if known else f"not {start}"


def _law(series: Series) -> list[tuple[float, float]]:
    """The line of the law that fits better; of the power law where that is open."""
    return boundaries.law(series, logarithm=series.growth.preferred == "logarithm")


def _law_text(series: Series, symbol: str) -> str:
    """What explicit weights take: by the fitted logarithm, or at the last place."""
    law = series.growth.logarithm
    if law is None or series.growth.preferred != "logarithm":
        return f"{series.points[-1].width:,} at {symbol} = {series.points[-1].x:,}"
    offset, slope = law
    return f"{slope * math.log(2):.0f} log2 {symbol} {'+' if offset > 0 else MINUS} {abs(offset):.0f}"


def _lengths(sweep: Sweep) -> set[int]:
    """Every N at which something was trained or has explicit weights: bounds may be asked far beyond."""
    shown = [*_of(sweep, "learned"), *_of(sweep, "constructed")]
    return {point.x for series in shown for point in series.points}


def _families(sweep: Sweep) -> list[str]:
    """Families that learned something, or have explicit weights, in the order of charts."""
    shown = {series.family for verdict in ("learned", "constructed") for series in _of(sweep, verdict)}
    order = {name: place for place, name in enumerate(ORDER)}
    return sorted(shown, key=lambda family: (order.get(family, len(order)), family))


def _of(sweep: Sweep, verdict: str) -> list[Series]:
    return [series for series in sweep.of(verdict) if series.field == "width"]


def _in_float32(series: Series) -> bool:
    """Whether it is built of numbers of at most 32 bits everywhere."""
    return all(point.precision <= 32 for point in series.points)


def _needed_bits(sweep: Sweep, family: str) -> Point | None:
    """The last point of the strongest worst-case bound on one embedding, where no bound excludes a width.

    It holds for every architecture that is drawn: the least of what each needs.
    """
    needed = []
    for architecture in _architectures(sweep, family):
        bounds = [*_bounds(sweep, architecture, "worst"), *_bounds(sweep, architecture, "mean")]
        if any(point.width for series in bounds for point in series.points):
            return None
        bits = [one for one in bounds if one.resource == "embedding bits" and one.error_kind == "worst"]
        needed.append(max((series.points[-1] for series in bits), key=lambda point: point.required, default=None))
    known = [point for point in needed if point is not None and point.required]
    return min(known, key=lambda point: point.required) if known and len(known) == len(needed) else None


def _architectures(sweep: Sweep, family: str) -> list[str]:
    """Whose widths a family's panel shows."""
    drawn = [*(one for one in _of(sweep, "learned") if one.family == family), *_shown(sweep, family)]
    return list(dict.fromkeys(series.architecture for series in drawn))


def _bounds(sweep: Sweep, architecture: str, kind: str) -> list[Series]:
    found = [one for one in _of(sweep, "impossible") if one.architecture == architecture]
    return [one for one in found if one.error_kind == kind]


def _shown(sweep: Sweep, family: str) -> list[Series]:
    """Constructions that are drawn: of those in 32 bits one, a logarithm if there is one, and all in more bits."""
    every = [one for one in _of(sweep, "constructed") if one.family == family]
    within = [one for one in every if _in_float32(one)]
    best = min(within, key=lambda one: (one.growth.preferred != "logarithm", one.points[-1].width), default=None)
    shown = [*([best] if best else []), *(one for one in every if one not in within)]
    return sorted(shown, key=lambda one: -one.points[-1].width)


def _region(sweep: Sweep, family: str, kind: str) -> Series | None:
    """The widths that are impossible, with this kind of error, for every architecture that is drawn in the panel.

    Bounds speak of the resources that an architecture declares: what they exclude of one of a family another may have.
    """
    for_each = []
    for architecture in _architectures(sweep, family):
        excluded: dict[int, tuple[int, str]] = {}
        for series in _bounds(sweep, architecture, kind):
            for point in series.points:
                excluded[point.x] = max(excluded.get(point.x, (0, "")), (point.width, series.source))
        for_each.append(excluded)
    places = sorted(_lengths(sweep).intersection(*for_each)) if for_each else []
    least = [(place, *min(excluded[place] for excluded in for_each)) for place in places]
    if not any(width for _, width, _ in least):
        return None
    points = tuple(Point(place, width) for place, width, _ in least)
    source = ", ".join(dict.fromkeys(name for _, width, name in least if width))
    return Series(family, family, source, "impossible", kind, points)


def _with_bits(series: Series) -> str:
    """A construction's name, with the bits per number that it has at the end where these are more than a float32's."""
    bits = series.points[-1].precision
    return series.source + (f" ({bits} bits)" if bits > 32 else "")
