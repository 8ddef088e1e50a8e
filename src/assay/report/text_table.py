"""Tables of texts, which the page and the terminal show alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

    def condensed(self) -> tuple[TextTable, list[tuple[str, str]]]:
        """The table without columns that say the same in all of several rows, and what these say.

        The first column stays. A column of empty cells goes and says nothing.

        >>> table = TextTable("", ["name", "seeds", "note"], [["a", "3", ""], ["b", "3", ""]])
        >>> shown, same = table.condensed()
        >>> shown.columns, shown.rows, same
        (['name'], [['a'], ['b']], [('seeds', '3')])
        """
        values = [[row[place] for row in self.rows] for place in range(len(self.columns))]
        equal = [place > 0 and len(self.rows) > 1 and len(set(cells)) == 1 for place, cells in enumerate(values)]
        kept = [place for place, gone in enumerate(equal) if not gone]
        shown = replace(
            self,
            columns=[self.columns[place] for place in kept],
            rows=[[row[place] for place in kept] for row in self.rows],
            left=tuple(at for at, place in enumerate(kept) if place in self.left),
        )
        same = [(self.columns[place], values[place][0]) for place, gone in enumerate(equal) if gone]
        return shown, [(name, value) for name, value in same if value]

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
