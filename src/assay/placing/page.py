"""The card as one HTML page that needs nothing beside itself: charts, tables, how it was obtained, and its data."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assay.placing.battery import BY_NAME, RATES, SEEDS
from assay.placing.card import Card, reached_text
from assay.placing.charts import charts
from assay.placing.rows import Placed
from assay.placing.text import error_text, seeds_text
from assay.report.vega import TEMPLATES, in_script, script, style
from assay.store.files import write_whole

_HERE = Path(__file__).parent


def write_card(card: Card, path: Path) -> None:
    """Write the page.

    Raises:
        AssayError: it cannot be written.
    """
    text = page_text(card)
    write_whole(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))


def page_text(card: Card) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader([_HERE, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = charts(card)
    names = dict.fromkeys(placed.row for placed in card.placed)
    return environment.get_template("card.html").render(
        card=card,
        charts=drawn,
        rows=[_row(placed) for placed in card.placed],
        beside=[_beside(card, placed) for placed in card.placed],
        theorems=[BY_NAME[name] for name in names],
        seeds=SEEDS,
        rates=RATES,
        data=in_script(card.to_json()),
        script=script(drawn),
        css=(_HERE / "card.css").read_text("utf-8") + style(),
    )


def _row(placed: Placed) -> dict[str, object]:
    row, limit = BY_NAME[placed.row], placed.limit
    said = ""
    if limit is not None:
        has = "" if limit.available is None else f", has {limit.available:,}"
        said = f"{limit.bound}: at least {limit.required:,.0f} {limit.resource}{has}"
    return {
        "short": row.short,
        "title": row.title,
        "width": placed.width,
        "reached": reached_text(row, placed),
        "seeds": seeds_text(placed),
        "error": error_text(placed),
        "state": "" if placed.state_bits is None else f"{placed.state_bits:,}",
        "parameters": f"{placed.parameters:,}" if placed.parameters else "",
        "seconds": f"{1000 * placed.seconds:.2g}" if placed.seconds else "",
        "seen": f"{100 * placed.seen:.2g} %" if placed.seen else "",
        "steps": "" if placed.steps is None else f"{placed.steps:,}",
        "settings": f"{placed.positions}, {placed.rate:g}" if placed.positions else "",
        "limit": said,
        "failed": placed.failed,
    }


def _beside(card: Card, placed: Placed) -> dict[str, object]:
    row = BY_NAME[placed.row]
    found = {known.name: (known, theirs) for known, theirs in card.beside(placed)}
    cells = []
    for known in card.known:
        _, theirs = found.get(known.name, (None, None))
        cells.append(
            {
                "text": "" if theirs is None else reached_text(row, theirs),
                "state": f"{theirs.state_bits:,}" if theirs is not None and theirs.state_bits else "",
                "stale": bool(known.stale),
            }
        )
    return {"short": row.short, "width": placed.width, "own": reached_text(row, placed), "cells": cells}
