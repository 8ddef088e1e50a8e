"""Charts and tables of what a study of Boolean functions found."""

from __future__ import annotations

from dataclasses import asdict, replace

from assay.report.boolean_findings import BooleanFindings
from assay.report.text_table import TextTable
from assay.report.vega import BELOW, Spec, VegaChart, data, names, numbers, side_by_side, tooltip, whole_numbers

_GREY, _BLUE, _RED = "#8a8f98", "#3b6fb6", "#d1342b"
_FUNCTIONS = ["#3b6fb6", "#d1342b", "#c27c1f", "#6aa84f", "#8e63b5", "#4aa3a2", "#b0609a"]
_SIGNIFICANDS = [{"name": "float32", "bits": 24}, {"name": "float64", "bits": 53}]
_KINDS = ["impossible below", "constructed", "learned", "not learned up to"]


def boolean_charts(found: BooleanFindings) -> list[VegaChart]:
    """Heads against bits, errors of fewer heads, and margins; those that there are answers for."""
    drawn = [_heads_chart(found)] if any(one.needed is not None for one in found.heads) else []
    if any(one.least for one in found.errors):
        drawn.append(_errors_chart(found))
    if found.margins:
        drawn.append(_margins_chart(found))
    return drawn


def _heads_chart(found: BooleanFindings) -> VegaChart:
    values = []
    for one in found.heads:
        learned = ("learned", one.learned) if one.learned else ("not learned up to", one.tried or None)
        for kind, heads in (("impossible below", one.needed), ("constructed", one.constructed), learned):
            if heads is not None:
                values.append({"function": one.function, "n": one.inputs, "kind": kind, "heads": heads})
    functions = list(dict.fromkeys(str(value["function"]) for value in values))
    x = whole_numbers("n", "bits n", scale={"zero": False, "padding": 12})
    y = whole_numbers("heads", "heads H", scale={"domainMin": 0})
    shapes: Spec = {"domain": _KINDS, "range": ["stroke", "circle", "cross", "triangle-up"]}
    colours: Spec = {"domain": _KINDS, "range": [_GREY, _BLUE, _RED, _RED]}
    layers: list[Spec] = [
        {
            "transform": [{"filter": "datum.kind == 'impossible below'"}],
            "mark": {"type": "line", "interpolate": "step", "strokeWidth": 2, "color": _GREY},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "point", "size": 110, "strokeWidth": 2, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "shape": names("kind", sort=_KINDS, scale=shapes, legend=BELOW),
                "color": names("kind", sort=_KINDS, scale=colours, legend=BELOW),
                "tooltip": tooltip("function", "n", "kind", "heads"),
            },
        },
    ]
    spec = {"data": data(values), **side_by_side("function", functions, 260, layers, least=120)}
    caption = (
        "Heads of one softmax layer with a fixed query and a linear threshold. Below the grey line (threshold degree) "
        "no heads compute the function, in exact arithmetic. Circles: explicit weights, checked in rationals. Crosses: "
        "the fewest heads with which training was right on all words, and exactly so. Triangles: the most "
        "that were tried, in vain; that says nothing of what is possible."
    )
    return VegaChart("boolean-heads", "Heads against bits", caption, spec, "boolean")


def _errors_chart(found: BooleanFindings) -> VegaChart:
    functions = list(dict.fromkeys(one.function for one in found.errors if one.least))
    values = [
        {**asdict(one), "n": f"n = {one.inputs}"}
        for one in found.errors
        if one.function in functions and one.least is not None
    ]
    axis: Spec = {"values": [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4], "format": ".2~f"}
    y: Spec = {"title": "share of words wrong", "scale": {"type": "sqrt"}, "axis": axis}
    shared: Spec = {"x": whole_numbers("heads", "heads H"), "color": names("n", legend=BELOW)}
    told: Spec = {"format": ".4f"}
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 2, "strokeDash": [4, 3]},
            "encoding": {**shared, "y": numbers("least", **y)},
        },
        {
            "transform": [{"filter": "datum.trained != null"}],
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {
                **shared,
                "y": numbers("trained", **y),
                "tooltip": tooltip("function", "n", "heads", "trained", "least", trained=told, least=told),
            },
        },
    ]
    spec = {"data": data(values), **side_by_side("function", functions, 280, layers, least=160)}
    caption = (
        "On uniform bits. Dashed: no network with so many heads is wrong less often, in exact arithmetic. Points: the "
        "best seed, its answers held against exact arithmetic; none may lie below its line. The axis is a square root."
    )
    return VegaChart("boolean-errors", "What fewer heads get wrong", caption, spec, "boolean")


def _margins_chart(found: BooleanFindings) -> VegaChart:
    functions = list(dict.fromkeys(one.function for one in found.margins))
    values = [replace(one, proved=one.proved or "neither", measured=one.measured or "neither") for one in found.margins]
    y = numbers("bits", "log2 of 1 / margin")
    colours: Spec = {"domain": functions, "range": _FUNCTIONS}
    layers: list[Spec] = [
        {
            "data": data(_SIGNIFICANDS),
            "mark": {"type": "rule", "strokeDash": [4, 4], "color": _GREY},
            "encoding": {"y": y},
        },
        {
            "data": data(_SIGNIFICANDS),
            "mark": {"type": "text", "align": "left", "dy": -7, "color": _GREY},
            "encoding": {"y": y, "x": {"value": 4}, "text": {"field": "name"}},
        },
        {
            "data": data(values),
            "mark": {"type": "line", "strokeWidth": 2, "point": {"filled": True, "size": 50}},
            "encoding": {
                "x": numbers("inputs", "bits n", scale={"zero": False}),
                "y": y,
                "color": names("function", sort=functions, scale=colours, legend=BELOW),
                "tooltip": tooltip(
                    *("function", "inputs", "heads", "bits", "proved", "measured", "fixed_bits"),
                    inputs={"title": "n"},
                    bits={"format": ".1f"},
                    fixed_bits={"title": "fixed-point bits"},
                ),
            },
        },
    ]
    spec: Spec = {"height": 360, "width": "container", "layer": layers}
    caption = (
        "Explicit weights of as many heads as are needed; the margin is the least |output|, in rationals, with "
        "coefficients whose absolute values sum to 1. Dashed: significands of float32 and float64. One sign change "
        "more costs about two bits."
    )
    return VegaChart("boolean-margins", "Margins in bits", caption, spec, "boolean")


def heads_table(found: BooleanFindings) -> TextTable:
    """What is impossible, constructed and learned of each function and n."""
    columns = ["function", "n", "impossible below", "constructed", "learned", "seeds", "standard backbone"]
    rows = []
    for one in found.heads:
        learned, seeds, backbone = "", "", ""
        if one.learned is not None:
            learned, seeds = str(one.learned), f"{one.learned_seeds} of {one.seeds}"
        elif one.tried:
            learned, seeds = f"not up to {one.tried}", f"0 of {one.seeds}"
        if one.backbone is not None:
            backbone = f"{one.backbone} of {one.seeds} seeds"
            if not one.backbone:
                backbone = f"none, {one.backbone_wrong} of {1 << one.inputs} wrong"
        stated = [_shown(one.needed), _shown(one.constructed)]
        rows.append([one.function, str(one.inputs), *stated, learned, seeds, backbone])
    return TextTable("Heads of one softmax layer with a fixed query, before a linear threshold", columns, rows)


def errors_table(found: BooleanFindings) -> TextTable:
    """What was trained, and what is proved of so many heads."""
    columns = ["function", "n", "heads", "wrong at least", "wrong, best seed", "words wrong, by seed"]
    rows = []
    for one in found.errors:
        words = [
            f"{wrong}{'' if exact else ' (by rounding)'}" for wrong, exact in zip(one.wrong, one.exact, strict=True)
        ]
        shares = ["" if share is None else f"{share:.4g}" for share in (one.least, one.trained)]
        rows.append([one.function, str(one.inputs), str(one.heads), *shares, ", ".join(words)])
    return TextTable("What was trained", columns, rows)


def margins_table(found: BooleanFindings) -> TextTable:
    """Margins and number formats of explicit weights of symmetric functions."""
    columns = ["function", "n", "heads", "log2 of 1 / margin", "proved in", "right in", "fixed-point bits"]
    rows = [
        [
            one.function,
            str(one.inputs),
            str(one.heads),
            f"{one.bits:.1f}",
            one.proved or "neither",
            one.measured or "neither",
            _shown(one.fixed_bits),
        ]
        for one in found.margins
    ]
    return TextTable("Explicit weights", columns, rows)


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)
