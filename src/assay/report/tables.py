"""The findings as tables for the terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

_WIDTH = 118


def terminal_text(findings: dict[str, Any]) -> str:
    """Smallest sizes and growth laws, and where the report is."""
    text = io.StringIO()
    console = Console(file=text, width=_WIDTH, highlight=False, emoji=False)
    task = findings["task"]
    console.print(
        f"\n{findings['title']}\nsparsity {task['sparsity']}, dimension {task['dimension']}, layout {task['layout']}; "
        f"tolerance {findings['tolerance']:g}; mean errors over {findings['distribution']} inputs"
    )
    for family in sorted({series["family"] for series in findings["along_length"]}):
        console.print(_sizes(family, [s for s in findings["along_length"] if s["family"] == family]))
    console.print(_growth(findings["along_length"]))
    console.print(consistency_text(findings["contradictions"]), soft_wrap=True)
    console.print(f"ledger  {findings['ledger']}\nreport  {findings['report']}", soft_wrap=True)
    return text.getvalue().rstrip("\n")


def consistency_text(contradictions: list[str]) -> str:
    """Whether what was constructed and learned respects the bounds."""
    if contradictions:
        return "\n".join(["REFUTED:", *contradictions])
    return (
        "no construction is narrower than a worst-case bound allows, and nothing learned than a mean-error bound allows"
    )


def boundary_label(series: dict[str, Any]) -> str:
    """`learned`, `constructed (sign)`, `impossible (recurrent-state)`."""
    return "learned" if series["verdict"] == "learned" else f"{series['verdict']} ({series['source']})"


def width_text(point: dict[str, Any], verdict: str) -> str:
    """A width as it is said: `<= 7` impossible, `> 80` not learned, with the spread over seeds where there is one."""
    if verdict == "impossible":
        return f"<= {point['width']}" if point["width"] else "none"
    if point["censored"]:
        return f"> {point['width']}"
    seeds = [width for width in point["seeds"] if width is not None]
    spread = f" ({min(seeds)}-{max(seeds)})" if seeds and min(seeds) != max(seeds) else ""
    return f"{point['width']}{spread}"


def growth_text(growth: dict[str, Any]) -> str:
    """The power law with its interval, and which law the data prefer."""
    if growth["power"] is None:
        return growth["note"]
    note = f"; {growth['note']}" if growth["note"] else ""
    if growth["preferred"] == "constant":
        return f"constant{note}"
    (scale, exponent), (low, high) = growth["power"], growth["exponent_interval"]
    interval = "" if low == high else f" [{low:.2f}, {high:.2f}]"
    preferred = {"undecided": "either law fits"}.get(growth["preferred"], f"{growth['preferred']} fits better")
    return f"{scale:.3g} N^{exponent:.2f}{interval}; {preferred}{note}"


def _sizes(family: str, boundaries: list[dict[str, Any]]) -> Table:
    """Widths of one family: a row for each length, a column for each boundary."""
    table = Table(title=f"{family}: width against N", title_justify="left")
    table.add_column("N", justify="right")
    for series in boundaries:
        name = series["architecture"] if series["verdict"] == "learned" else series["source"]
        table.add_column(f"{series['verdict']}\n{name}\n{series['error_kind']} error", justify="right")
    columns = [
        {point["x"]: width_text(point, series["verdict"]) for point in series["points"]} for series in boundaries
    ]
    for length in sorted(set().union(*columns)):
        table.add_row(str(length), *[column.get(length, "") for column in columns])
    if family == "recurrent":
        table.caption = "impossible and constructed: numbers of state; an LSTM of width m keeps 2m, a GRU m"
        table.caption_justify = "left"
    return table


def _growth(boundaries: list[dict[str, Any]]) -> Table:
    table = Table(title="Growth of the width with N", title_justify="left")
    for name in ("architecture", "boundary", "law"):
        table.add_column(name)
    for series in boundaries:
        if any(point["width"] for point in series["points"]):
            table.add_row(series["architecture"], boundary_label(series), growth_text(series["growth"]))
    return table
