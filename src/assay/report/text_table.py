"""Tables of texts, which the page and the terminal show alike."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

_LONGEST = 100  # characters of a title for which a table is made as wide


@dataclass(frozen=True)
class TextTable:
    """A table of texts.

    Attributes:
        title: what it shows.
        columns: their names.
        rows: a text for each column.
        left: places of the columns that start at the left; what stands in others is a number, or like one.
        whole: whether the cells of these others stay on one line.
        note: below it, in the terminal.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    left: tuple[int, ...] = (0,)
    whole: bool = False
    note: str = ""

    def rich(self) -> Table:
        """For the terminal."""
        table = Table(title=self.title, title_justify="left", min_width=min(len(self.title), _LONGEST))
        for place, name in enumerate(self.columns):
            starts = place in self.left
            table.add_column(name, justify="left" if starts else "right", no_wrap=self.whole and not starts)
        for row in self.rows:
            table.add_row(*row)
        table.caption, table.caption_justify = self.note or None, "left"
        return table
