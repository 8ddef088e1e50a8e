"""Tables of a probe of attention heads: what is lost in each format, what is in reach, and every head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.probing.cache_formats import MOST_BITS
from assay.probing.findings import Findings, HeadRow
from assay.probing.headline import (
    able,
    figure_of,
    first_to_lose,
    formats_taken,
    head_name,
    lost,
    median,
    off,
    ranked_by,
    with_spread,
)
from assay.probing.sets import KINDS
from assay.probing.spread import Spread
from assay.report.text_table import TextTable

FIGURES = {
    "written": "written error",
    "output": "output error",
    "weights": "attention error",
    "kept": "mass sets keep",
    "output_of_values": "output error of values",
}
STATISTICS = {
    "entropy": "entropy",
    "sink_mass": "sink mass",
    "score_spread": "score spread",
    "output_size": "output size",
}


@dataclass(frozen=True)
class Column:
    """A column of the table of heads: its title, a head's figure in it, and how a number is shown."""

    title: str
    of: Callable[[HeadRow], Spread | int | None]
    shown: Callable[[Spread], str] = with_spread

    def cell(self, row: HeadRow) -> tuple[float | None, str]:
        """What the head is sorted by, and shown text."""
        figure = self.of(row)
        if isinstance(figure, Spread):
            return figure.median, self.shown(figure)
        return figure, "" if figure is None else str(figure)


def columns(found: Findings) -> list[Column]:
    """What is known of every head."""
    made = [Column("layer", lambda row: row.layer), Column("head", lambda row: row.place)]
    known = {"output": found.has_values, "output_of_values": found.has_values, "written": found.has_written}
    for name in formats_taken(found):
        made += [
            Column(f"{title}, {name}", lambda row, name=name, figure=figure: figure_of(row, name, figure))
            for figure, title in FIGURES.items()
            if known.get(figure, True)
        ]
    if found.has_values:
        made += [
            Column(
                f"fewest bits, {part} by {family}",
                lambda row, family=family, part=part: (
                    getattr(row.fewest[family], part) if family in row.fewest else None
                ),
                _bits,
            )
            for family, part in (("channel", "keys"), ("token", "values"))
        ]
    if found.has_queries:
        made.append(Column("longest context, one token", lambda row: row.context, lambda one: with_spread(one, ",")))
        made += [
            Column(f"reach, {kind}, q = {size}", lambda row, kind=kind, size=size: row.reach[kind].get(size))
            for kind in KINDS
            for size in found.sparsities
        ]
        made += [
            Column(title, lambda row, name=name: getattr(row.statistics, name, None))
            for name, title in STATISTICS.items()
        ]
    if found.curve is not None:
        made.append(Column("q at half existence", lambda row: row.half, lambda one: with_spread(one, ".3g")))
    return made


def loss_table(found: Findings) -> TextTable:
    """For each format that heads take what is lost in it, on the median text."""
    rows = []
    for name in formats_taken(found):
        heads = [row.losses[name] for row in found.heads if name in row.losses]
        off_by = [len(off(found, name, part)) if found.has_values else None for part in ("output", "output_of_values")]
        outputs = [one.output.median for one in heads if one.output]
        errors = [median(one.weights.median for one in heads if one.weights), median(outputs) if outputs else None]
        first, loss = first_to_lose(found, name)[0]
        rows.append(
            [
                name,
                f"{len(lost(found, name))} of {len(heads)}",
                *("unknown" if count is None else f"{count} of {len(heads)}" for count in off_by),
                *("unknown" if error is None else f"{error:.2g}" for error in errors),
                f"{head_name(first)}: {FIGURES[ranked_by(found, name)]} {with_spread(loss)}",
            ]
        )
    columns = ["cached in", "heads that\nlose sets"]
    columns += [f"outputs off by\n> 10 %: {part}" for part in ("keys", "values")]
    columns += [f"median head:\n{figure} error" for figure in ("attention", "output")]
    return TextTable("losses by format", [*columns, "first to lose"], rows, left=(0, 6))


def size_table(found: Findings) -> TextTable:
    """For each size of sets how many heads reach most of them, and the head that reaches most random ones."""
    sizes = found.sparsities if found.has_queries else ()
    rows = [
        [str(q), *(f"{len(able(found, q, kind))} of {found.heads_count}" for kind in KINDS), _strongest(found, q)]
        for q in sizes
    ]
    columns = ["size q", *(f"heads that reach most\n{kind} sets" for kind in KINDS), "strongest head\n(random sets)"]
    return TextTable("reach by size", columns, rows, left=(3,))


def _strongest(found: Findings, size: int) -> str:
    shares = [(row, row.reach["random"][size]) for row in found.heads if size in row.reach["random"]]
    row, share = max(shares, key=lambda one: one[1].median, default=(None, None))
    if row is None or share is None or share.median == 0:
        return "none"
    return f"{head_name(row)}: {with_spread(share, '.0%')} of sets"


def _bits(figure: Spread) -> str:
    """Bits, with those that 8 do not suffice for as such."""
    return with_spread(figure, "g").replace(str(MOST_BITS + 1), f"over {MOST_BITS}")
