"""The frontier as tables of LaTeX, with the package booktabs."""

from __future__ import annotations

from assay.report.sweeps import excludes
from assay.results.frontier import Series
from assay.sessions.frontier import Frontier, FrontierSweep, sized

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_RELATIONS = {"=": "", "<=": "", ">=": r"$\geq$ ", ">": "$>$ ", "<": "$<$ "}


def frontier_latex(found: Frontier) -> str:
    r"""A table for each sweep: a row for each boundary, a column for each N. `\usepackage{booktabs}` is needed."""
    return "\n\n".join(map(_table, found.sweeps)) + "\n"


def escaped(text: str) -> str:
    r"""A text with what LaTeX would take for commands escaped.

    >>> print(escaped("50 % of a_b"))
    50 \% of a\_b
    """
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _table(sweep: FrontierSweep) -> str:
    places = sorted({point.x for series in sweep.series for point in series.points})
    symbol = f"${sweep.symbol}$" if len(sweep.symbol) == 1 else escaped(sweep.symbol)
    headings = ["architecture", "boundary", *(f"{symbol} = {place}" for place in places), "exponent"]
    rows = [_cells(series, places) for series in sweep.series if series.verdict != "impossible" or excludes(series)]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_caption(sweep, symbol)}}}",
            rf"\label{{tab:{sweep.study}-{sweep.sweep}}}",
            rf"\begin{{tabular}}{{ll{'r' * len(places)}r}}",
            r"\toprule",
            " & ".join(headings) + r" \\",
            r"\midrule",
            *(" & ".join(row) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _caption(sweep: FrontierSweep, symbol: str) -> str:
    fields = " or ".join(dict.fromkeys(escaped(series.field) for series in sweep.series))
    seeds = f"seeds {', '.join(map(str, sweep.seeds))}" if sweep.seeds else "no seeds"
    told = ", ".join(f"{name} {value}" for name, value in sweep.task.items() if name != "name")
    task = escaped(f"{sweep.task['name']}{f' ({told})' if told else ''}")
    return (
        f"Study {escaped(sweep.study)}, {escaped(sweep.title or sweep.sweep)}. Smallest {fields} against {symbol} on "
        f"{task}; {seeds}. Learned: most seeds reach a mean error of at most {_range(sweep.mean_tolerance)}; "
        f"constructed: the worst-case error is at most {_range(sweep.tolerance)}; $>$: not learned within the budget; "
        "$\\geq$: smaller ones are impossible. Bounds that exclude nothing are left out. Exponents are of power laws, "
        "with intervals of 95\\,\\%."
    )


def _range(tolerance: tuple[float, float]) -> str:
    low, high = tolerance
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _cells(series: Series, places: list[int]) -> list[str]:
    by = "" if series.verdict == "learned" else f" ({series.source}, {series.error_kind})"
    told = {}
    for point in series.points:
        relation, size = sized(series, point)
        told[point.x] = (
            "--" if series.verdict == "impossible" and not point.width else f"{_RELATIONS[relation]}{size:,}"
        )
    growth = series.growth
    law = ""
    if growth.power is not None and growth.exponent_interval is not None:
        low, high = growth.exponent_interval
        law = f"{growth.power[1]:.2f} [{low:.2f}, {high:.2f}]"
    return [escaped(series.architecture), escaped(f"{series.verdict}{by}"), *(told.get(x, "") for x in places), law]
