"""The card for a terminal."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from assay.placing.battery import BY_NAME
from assay.placing.card import Card, reached_text
from assay.placing.rows import Placed
from assay.schema import Json

_WIDTH = 118


def card_text(card: Card) -> str:
    """The first line, a row for each question, and where the page is."""
    written = io.StringIO()
    console = Console(file=written, width=_WIDTH, highlight=False, emoji=False, markup=False)
    console.print(card.headline, soft_wrap=False)
    table = Table(title=f"{card.layer}: {'quick ' if card.quick else ''}battery", title_justify="left")
    for name in ("row", "width", "reached", "seeds", "error", "state bits", "others"):
        table.add_column(name, justify="right" if name in ("width", "error", "state bits") else "left")
    for placed in card.placed:
        row = BY_NAME[placed.row]
        state = "" if placed.state_bits is None else f"{placed.state_bits:,}"
        table.add_row(
            row.short,
            str(placed.width),
            reached_text(row, placed),
            seeds_text(placed),
            error_text(placed),
            state,
            others_text(card, placed),
        )
    console.print(table)
    for placed in card.placed:
        if placed.failed:
            console.print(f"{BY_NAME[placed.row].short}: {placed.failed}", soft_wrap=True)
    for known in card.known:
        if known.stale:
            console.print(f"{known.name}: {known.stale}", soft_wrap=True)
    console.print(f"page  {card.page}", soft_wrap=True)
    return written.getvalue().rstrip("\n")


def seeds_text(placed: Placed) -> str:
    """How many seeds learned, and the values of those that learned others."""
    if placed.failed:
        return ""
    spread = f" ({min(placed.own)}-{max(placed.own)})" if len(set(placed.own)) > 1 else ""
    return f"{placed.learned} of {placed.seeds}{spread}"


def error_text(placed: Placed) -> str:
    """The median error, and at other lengths."""
    if placed.failed:
        return ""
    others = [f"{times}x {errors[len(errors) // 2]:.2g}" for times, errors in placed.lengths.items()]
    return "; ".join([f"{placed.error:.2g}", *others])


def others_text(card: Card, placed: Placed) -> str:
    """What known layers reached there, the names of those that reached the same together."""
    row, found = BY_NAME[placed.row], {}
    for known, theirs in card.beside(placed):
        stale = " (stale)" if known.stale else ""
        found.setdefault(reached_text(row, theirs), []).append(f"{known.name}{stale}")
    return "; ".join(f"{text}: {', '.join(names)}" for text, names in found.items())


def place_listing_text(found: Json) -> str:
    """The battery and the known layers."""
    rows = [
        f"  {row['name']:16} {row['title']} ({row['task']}{', quick too' if row['quick'] else ''})"
        for row in found["rows"]
    ]
    known = [f"  {one['name']}{': ' + one['stale'] if one['stale'] else ''}" for one in found["known"]]
    return "\n".join(["rows", *rows, "known layers", *known])
