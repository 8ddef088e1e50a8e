"""Charts of training: the validation error of every seed against its steps, at the size that is reported."""

from __future__ import annotations

from collections.abc import Iterator

from assay.report.findings import Findings
from assay.report.sweeps import Sweep
from assay.report.vega import BELOW, Spec, VegaChart, data, names, numbers, side_by_side, tooltip, whole_numbers

_FLOOR = 1e-5  # of errors on a logarithmic axis: those that are kept have five digits
_CAPTION = (
    "Each curve is one seed's best run at the reported size, or at the last size that was tried. The error is measured "
    "on validation inputs. The dashed rule is the tolerance; a run stops once it is below it."
)


def curve_charts(findings: Findings) -> list[VegaChart]:
    """One chart for each sweep whose runs kept their curves, in the order of the sweeps."""
    return [chart for sweep in findings.sweeps for chart in _of_sweep(sweep)]


def _of_sweep(sweep: Sweep) -> Iterator[VegaChart]:
    if not sweep.curves:
        return
    shown = list(dict.fromkeys(curve.architecture for curve in sweep.curves))
    at = sorted({curve.x for curve in sweep.curves})
    common = max(at, key=lambda x: (len({curve.architecture for curve in sweep.curves if curve.x == x}), x))
    rows = [
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
    lines: Spec = {
        "mark": {"type": "line", "point": {"size": 12}, "strokeWidth": 1.2},
        "encoding": {
            "x": whole_numbers("steps", "steps"),
            "y": numbers("error", sweep.mean_error_name, scale=scale),
            "color": names("seed", title="seed", legend=BELOW),
            "tooltip": tooltip("architecture", "size", "seed", "rate", "steps", "error", "run"),
        },
    }
    rule: Spec = {
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#808890"},
        "encoding": {"y": numbers("tolerance", sweep.mean_error_name, scale=scale, aggregate="min")},
    }
    spec: Spec = {
        "data": data(rows),
        **_choice(sweep.symbol, at, common),
        **side_by_side("architecture", shown, 200, [lines, rule], 150),
    }
    title = f"{sweep.title}: validation error against steps"
    yield VegaChart(f"{sweep.name}.curves", title, _CAPTION, spec, "curves", sweep.name)


def _choice(symbol: str, at: list[int], common: int) -> Spec:
    """A menu of the values of the parameter that the sweep goes along; it begins with `common`."""
    menu = {"bind": {"input": "select", "options": at, "name": f"{symbol} = "}} if len(at) > 1 else {}
    return {"params": [{"name": "at", "value": common, **menu}], "transform": [{"filter": "datum.x == at"}]}
