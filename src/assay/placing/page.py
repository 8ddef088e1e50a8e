"""The card as one HTML page."""

from __future__ import annotations

from pathlib import Path

from assay.files import write_whole
from assay.placing.card import Card


def write_card(card: Card, path: Path) -> None:
    """Write the page."""
    write_whole(path, lambda temporary: temporary.write_text(card.headline, "utf-8"))
