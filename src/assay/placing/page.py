"""The card as one HTML page that needs nothing beside itself: charts, tables, how it was obtained, and its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assay.placing.battery import BY_NAME, RATES, SEEDS, WIDTH
from assay.placing.card import Card, reached_text, said, short_text
from assay.placing.charts import charts
from assay.placing.rows import Placed
from assay.placing.text import error_text, seeds_text
from assay.report.text_table import TextTable
from assay.report.vega import TEMPLATES, in_script, script, style
from assay.store.files import write_whole

_HERE = Path(__file__).parent
_STYLES = ((TEMPLATES, "report.css"), (_HERE, "card.css"))


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
        rows=_rows_table(card),
        beside=_known_table(card),
        theorems=[BY_NAME[name] for name in names],
        seeds=SEEDS,
        rates=RATES,
        data=in_script(card.to_json()),
        script=script(drawn),
        css="".join((folder / name).read_text("utf-8") for folder, name in _STYLES) + style(),
    )


def _rows_table(card: Card) -> TextTable:
    """All that is known of the layer on each row."""
    columns = {
        "row": lambda placed: BY_NAME[placed.row].title,
        "width": lambda placed: str(placed.width),
        "reached": lambda placed: reached_text(BY_NAME[placed.row], placed),
        "seeds": seeds_text,
        "error rate": error_text,
        "seen in training": lambda placed: f"{100 * placed.seen:.2g} %" if placed.seen else "",
        "state bits": lambda placed: "" if placed.state_bits is None else f"{placed.state_bits:,}",
        "parameters": lambda placed: f"{placed.parameters:,}" if placed.parameters else "",
        "ms a step, measurements in it": lambda placed: f"{1000 * placed.seconds:.2g}" if placed.seconds else "",
        "steps to learn": lambda placed: "" if placed.steps is None else f"{placed.steps:,}",
        "positions, rate": lambda placed: f"{placed.positions}, {placed.rate:g}" if placed.positions else "",
    }
    rows = [[cell(placed) for cell in columns.values()] for placed in card.placed]
    return TextTable("Rows", list(columns), rows, left=(0, 2, 3, 4, 10))


def _known_table(card: Card) -> TextTable:
    """A line for each layer, the card's own first, and a column for each row."""
    columns = [_column(card, placed) for placed in card.placed]
    own = [card.layer, _bits(card.placed), *[short_text(placed) for placed in card.placed]]
    lines = [own]
    for known in card.known:
        rows = {theirs.at: theirs for theirs in known.placed}
        cells = [short_text(rows[placed.at]) if placed.at in rows else "" for placed in card.placed]
        lines.append([known.name + " (older code)" * bool(known.stale), _bits(known.placed), *cells])
    return TextTable("Known layers on the same rows", ["layer", "state bits", *columns], lines)


def _column(card: Card, placed: Placed) -> str:
    several = sum(other.row == placed.row for other in card.placed) > 1
    return said(BY_NAME[placed.row]) + f", width {placed.width}" * several


def _bits(rows: Sequence[Placed]) -> str:
    """What layers are compared by, on the first row that a layer is asked."""
    first = next((placed.compared_bits for placed in rows if placed.width == WIDTH and placed.compared_bits), None)
    return "not declared" if first is None else f"{first:,}"
