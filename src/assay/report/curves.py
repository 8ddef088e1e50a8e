"""Charts of training: the validation error of every seed against its steps, at the size that is reported."""

from __future__ import annotations

from collections.abc import Iterator

from assay.report.looks import GREY, SERIES
from assay.report.messages import listed
from assay.report.sweeps import Sweep
from assay.report.vega import DECADES, Row, Spec, VegaChart, names, numbers, panels, tooltip, whole_numbers
from assay.report.words import file_name

_FLOOR = 1e-5  # of errors on a logarithmic axis: those that are kept have five digits
_CAPTION = "The error is measured on validation inputs; a run stops once it is below the tolerance."


def curve_charts(sweep: Sweep) -> Iterator[VegaChart]:
    """Of a sweep whose runs kept their curves."""
    if not sweep.curves:
        return
    shown = list(dict.fromkeys(curve.architecture for curve in sweep.curves))
    at = sorted({curve.x for curve in sweep.curves})
    common = max(at, key=lambda x: (len({curve.architecture for curve in sweep.curves if curve.x == x}), x))
    seeds = sorted({curve.seed for curve in sweep.curves})
    rows: list[Row] = [
        {
            "x": curve.x,
            "architecture": curve.architecture,
            "size": f"{curve.field} {curve.width}",
            "seed": curve.seed,
            "run": "learned" if curve.learned else "not learned",
            "rate": curve.rate,
            "steps": step,
            "error": max(error, _FLOOR),
            "tolerance": curve.tolerance,
        }
        for curve in sweep.curves
        for step, error in zip(curve.steps, curve.errors, strict=True)
    ]
    scale: Spec = {"type": "log"}
    colours: Spec = {"domain": seeds, "range": [SERIES[place % len(SERIES)] for place in range(len(seeds))]}
    lines: Spec = {
        "mark": {"type": "line", "point": {"size": 18}, "strokeWidth": 1.2},
        "encoding": {
            "x": whole_numbers("steps", "steps"),
            "y": numbers("error", sweep.mean_error_name, scale=scale, axis=DECADES),
            "color": names("seed", title="seed", scale=colours, legend={"columns": len(seeds)}),
            "tooltip": tooltip(
                *("architecture", "x", "size", "seed", "run", "rate", "steps", "error"),
                x={"title": sweep.symbol},
                steps={"format": ",d"},
            ),
        },
    }
    rule: Spec = {
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": GREY, "strokeWidth": 1.4},
        "encoding": {"y": numbers("tolerance", sweep.mean_error_name, scale=scale, axis=DECADES, aggregate="min")},
    }
    spec: Spec = {**_choice(sweep.symbol, at, common), **panels("architecture", shown, 200, [lines, rule])}
    yield VegaChart(
        file_name(f"{sweep.name}.curves"),
        _message(sweep, shown, common),
        f"{sweep.mean_error_name.capitalize()} against steps at {sweep.symbol} = {common}: each curve is one seed's "
        "best run, at the reported size or the last that was tried; dashed: the tolerance.",
        _CAPTION,
        spec,
        rows,
        "curves",
        sweep.name,
        panel=220,
    )


def _message(sweep: Sweep, shown: list[str], x: int) -> str:
    """How many runs learned at this x, and in how many steps."""
    said = []
    for name in shown:
        runs = [curve for curve in sweep.curves if (curve.architecture, curve.x) == (name, x)]
        steps = [curve.steps[-1] for curve in runs if curve.learned]
        within = f" within {max(steps):,} steps" if steps else ""
        if runs:
            said.append(f"{len(steps)} of {len(runs)} runs of {name} learned{within}")
    return f"At {sweep.symbol} = {x:,}, {listed(said)}"


def _choice(symbol: str, at: list[int], common: int) -> Spec:
    """A menu of the values of the parameter that the sweep goes along; it begins with `common`."""
    menu = {"bind": {"input": "select", "options": at, "name": f"{symbol} = "}} if len(at) > 1 else {}
    return {"params": [{"name": "at", "value": common, **menu}], "transform": [{"filter": "datum.x == at"}]}
