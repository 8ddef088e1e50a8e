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
    console.print(_sizes(findings["along_length"]))
    console.print(_growth(findings["along_length"]))
    console.print(f"ledger  {findings['ledger']}\nreport  {findings['report']}", soft_wrap=True)
    return text.getvalue().rstrip("\n")


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


def _sizes(boundaries: list[dict[str, Any]]) -> Table:
    lengths = sorted({point["x"] for series in boundaries for point in series["points"]})
    table = Table(title="Width against length N", title_justify="left")
    table.add_column("architecture")
    table.add_column("boundary")
    table.add_column("error")
    for length in lengths:
        table.add_column(str(length), justify="right", no_wrap=True)
    for series in boundaries:
        widths = {point["x"]: width_text(point, series["verdict"]) for point in series["points"]}
        table.add_row(
            series["architecture"], boundary_label(series), series["error_kind"], *[widths.get(n, "") for n in lengths]
        )
    return table


def _growth(boundaries: list[dict[str, Any]]) -> Table:
    table = Table(title="Growth of the width with N", title_justify="left")
    for name in ("architecture", "boundary", "law"):
        table.add_column(name)
    for series in boundaries:
        if any(point["width"] for point in series["points"]):
            table.add_row(series["architecture"], boundary_label(series), growth_text(series["growth"]))
    return table
