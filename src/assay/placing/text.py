"""The card for a terminal."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from assay.placing.battery import BY_NAME
from assay.placing.card import Card, comparable, declares, short_text
from assay.placing.rows import Placed, score
from assay.report.messages import listed
from assay.schema import Json

_WIDTH = 118


def card_text(card: Card) -> str:
    """The first line, a line for each row, and where the page is: no more than 20 lines; the page has all else."""
    written = io.StringIO()
    console = Console(file=written, width=_WIDTH, highlight=False, emoji=False, markup=False)
    console.print(card.headline)
    if not declares(card):
        console.print(
            "It declares no state, so it is compared with layers of any state; the card says how to declare it."
        )
    table = Table(box=None, pad_edge=False)
    for name in ("row", "width", "reached", "seeds", "error", "known above, level, below"):
        table.add_column(name, justify="right" if name in ("width", "error") else "left", no_wrap=True)
    for placed in card.placed:
        found = placed.row, str(placed.width), short_text(placed)
        table.add_row(*found, seeds_text(placed), error_text(placed), others_text(card, placed))
    console.print(table)
    if card.unanswered:
        console.print(f"no answer on {listed(card.unanswered)}: the card says why")
    stale = [known.name for known in card.known if known.stale]
    if stale:
        console.print(f"of older code, so not compared: {listed(stale)}")
    console.print(f"page  {card.page}", soft_wrap=True)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


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
    """How many known layers reached more there, as much, and less: of those that it is compared with."""
    mine, row = score(BY_NAME[placed.row], placed), BY_NAME[placed.row]
    theirs = [score(row, other) for _, other in comparable(card, placed)]
    counts = (sum(one > mine for one in theirs), theirs.count(mine), sum(one < mine for one in theirs))
    return ", ".join(map(str, counts)) if theirs else "none"


def place_listing_text(found: Json) -> str:
    """The battery and the known layers."""
    rows = [
        f"  {row['name']:16} {row['title']} ({row['task']}{', quick too' if row['quick'] else ''})"
        for row in found["rows"]
    ]
    known = [f"  {one['name']}{': ' + one['stale'] if one['stale'] else ''}" for one in found["known"]]
    return "\n".join(["rows", *rows, "known layers", *known])
