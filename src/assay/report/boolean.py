"""Charts and tables of what a study of Boolean functions found."""

from __future__ import annotations

from dataclasses import asdict

from assay.report.boolean_findings import BooleanFindings
from assay.report.looks import BLUE, GREY, RED, SERIES
from assay.report.messages import listed
from assay.report.text_table import TextTable
from assay.report.vega import ONCE, Row, Spec, VegaChart, names, numbers, panels, tooltip, where, whole_numbers

_SIGNIFICANDS = {"float32": 24, "float64": 53}
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
    rows: list[Row] = []
    for one in found.heads:
        learned = ("learned", one.learned) if one.learned else ("not learned up to", one.tried or None)
        for kind, heads in (("impossible below", one.needed), ("constructed", one.constructed), learned):
            if heads is not None:
                rows.append({"function": one.function, "n": one.inputs, "kind": kind, "heads": heads})
    functions = list(dict.fromkeys(str(row["function"]) for row in rows))
    x = whole_numbers("n", "bits n", scale={"zero": False, "padding": 12})
    y = whole_numbers("heads", "heads H", scale={"domainMin": 0})
    shapes: Spec = {"domain": _KINDS, "range": ["stroke", "circle", "cross", "triangle-up"]}
    colours: Spec = {"domain": _KINDS, "range": [GREY, BLUE, RED, RED]}
    layers: list[Spec] = [
        {
            **where(kind="impossible below"),
            "mark": {"type": "line", "interpolate": "step", "strokeWidth": 2, "color": GREY},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "point", "size": 110, "strokeWidth": 2, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "shape": names("kind", sort=_KINDS, scale=shapes, legend={}),
                "color": names("kind", sort=_KINDS, scale=colours, legend={}),
                "tooltip": tooltip("function", "n", "kind", "heads"),
            },
        },
    ]
    caption = (
        "Below the grey line (threshold degree) no heads compute the function, in exact arithmetic. Circles: explicit "
        "weights, checked in rationals; crosses: training was right on all words, and exactly so. Triangles: the most "
        "that were tried, in vain; that says nothing of what is possible."
    )
    drawn = (
        "Heads of one softmax layer with a fixed query and a linear threshold, against bits; a panel for each function."
    )
    return VegaChart(
        "boolean-heads",
        _heads_message(found),
        drawn,
        caption,
        panels("function", functions, 260, layers),
        rows,
        "boolean",
        panel=210,
    )


def _heads_message(found: BooleanFindings) -> str:
    """How many heads are needed for each function at its largest n."""
    last = {one.function: one for one in sorted(found.heads, key=lambda one: one.inputs) if one.needed is not None}
    said = [f"{name} takes {one.needed} at n = {one.inputs}" for name, one in last.items()]
    return f"Of the heads of one layer {listed(said)}"


def _errors_chart(found: BooleanFindings) -> VegaChart:
    kept = [one for one in found.errors if one.least is not None]
    functions = list(dict.fromkeys(one.function for one in kept if one.least))
    rows: list[Row] = [{**asdict(one), "n": f"n = {one.inputs}"} for one in kept if one.function in functions]
    axis: Spec = {"values": [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4], "format": ".2~f"}
    y: Spec = {"title": "share of words wrong", "scale": {"type": "sqrt"}, "axis": axis}
    sizes = list(dict.fromkeys(str(row["n"]) for row in rows))
    colour = names("n", scale={"domain": sizes, "range": SERIES[: len(sizes)]}, legend={})
    shared: Spec = {"x": whole_numbers("heads", "heads H"), "color": colour}
    told: Spec = {"format": ".4f"}
    said = tooltip(
        "function",
        "n",
        "heads",
        "trained",
        "least",
        trained={**told, "title": "wrong, trained"},
        least={**told, "title": "wrong at least"},
    )
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 2, "strokeDash": [4, 3], "point": {"size": 20}},
            "encoding": {**shared, "y": numbers("least", **y), "tooltip": said},
        },
        {
            "transform": [{"filter": "datum.trained != null"}],
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {**shared, "y": numbers("trained", **y), "tooltip": said},
        },
    ]
    most = max((one for one in kept if one.least), key=lambda one: (one.least or 0, one.function))
    title = (
        f"With {most.heads} head{'s' * (most.heads != 1)} any network is wrong on {100 * (most.least or 0):.3g} % of "
        f"the words of {most.function}, n = {most.inputs}"
    )
    drawn = "Share of words wrong against heads, a panel for each function, on a square root; words are uniform."
    caption = (
        "Dashed: no network with so many heads is wrong less often, in exact arithmetic. Points: the best seed, its "
        "answers held against exact arithmetic; none may lie below its line."
    )
    spec = panels("function", functions, 280, layers)
    return VegaChart("boolean-errors", title, drawn, caption, spec, rows, "boolean", panel=240)


def _margins_chart(found: BooleanFindings) -> VegaChart:
    functions = list(dict.fromkeys(one.function for one in found.margins))
    rows: list[Row] = [
        {**asdict(one), "proved": one.proved or "neither", "measured": one.measured or "neither"}
        for one in found.margins
    ]
    y = numbers("bits", "log2 of 1 / margin")
    colours: Spec = {"domain": functions, "range": SERIES[: len(functions)]}
    layers: list[Spec] = []
    for name, bits in _SIGNIFICANDS.items():
        at: Spec = {"y": {"datum": bits}}
        text: Spec = {"type": "text", "align": "left", "dy": -7, "color": GREY, "text": f"significand of {name}"}
        layers += [
            {**ONCE, "mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY}, "encoding": at},
            {**ONCE, "mark": text, "encoding": {**at, "x": {"value": 4}}},
        ]
    layers.append(
        {
            "mark": {"type": "line", "strokeWidth": 2, "point": {"filled": True, "size": 50}},
            "encoding": {
                "x": whole_numbers("inputs", "bits n", scale={"zero": False}),
                "y": y,
                "color": names("function", sort=functions, scale=colours, legend={}),
                "tooltip": tooltip(
                    *("function", "inputs", "heads", "bits", "proved", "measured", "fixed_bits"),
                    inputs={"title": "n"},
                    bits={"title": "log2 of 1 / margin", "format": ".1f"},
                    proved={"title": "proved in"},
                    measured={"title": "right in"},
                    fixed_bits={"title": "fixed-point bits"},
                ),
            },
        }
    )
    most = max(found.margins, key=lambda one: one.bits)
    title = f"The margin of {most.function} at n = {most.inputs} takes {most.bits:.1f} bits with {most.heads} heads"
    drawn = "Bits of 1 / margin of explicit weights against bits n; dashed: significands of float32 and float64."
    caption = (
        "Explicit weights of as many heads as are needed. The margin is the least |output|, in rationals, with "
        "coefficients whose absolute values sum to 1. One sign change more costs about two bits."
    )
    spec: Spec = {"height": 360, "layer": layers}
    return VegaChart("boolean-margins", title, drawn, caption, spec, rows, "boolean")


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
