"""The card of a layer: its rows beside those of known layers, and on which of them it reaches more or less."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from assay.frames import Framed
from assay.placing.battery import BY_NAME, RATES, Row
from assay.placing.rows import Placed, about_the_same_state, score
from assay.report.messages import listed


@dataclass(frozen=True)
class Known:
    """A layer that the card's own is held against.

    Attributes:
        name: of the layer, with its options.
        placed: its rows.
        stale: why its rows are not those of today's code; empty where they are.
    """

    name: str
    placed: tuple[Placed, ...]
    stale: str = ""


@dataclass(frozen=True, repr=False)
class Card(Framed):
    """Where a layer stands.

    Attributes:
        layer: its name, with its options.
        checks: what was measured of it before anything was trained, a line each.
        undeclared: how to declare its state, and what was measured of it; empty where it declares one.
        proved: what lower bounds say of it through what it declares, a line each.
        placed: its rows.
        known: others.
        rates: learning rates that were tried for it.
        quick: whether it is the quick battery's.
        command: that made it.
        machine: that it was made on.
        versions: of what computed it.
        made: when.
        page: the file that shows it.
    """

    layer: str
    checks: tuple[str, ...]
    placed: tuple[Placed, ...]
    known: tuple[Known, ...]
    rates: tuple[float, ...]
    quick: bool
    command: str
    machine: str
    versions: dict[str, str] = field(default_factory=dict)
    made: str = ""
    page: str = ""
    undeclared: str = ""
    proved: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The headline."""
        return self.headline

    def rows(self) -> Iterable[object]:
        """A row for each row of the battery, of this layer and of the known ones."""
        rows = [(self.layer, placed) for placed in self.placed]
        rows += [(known.name, placed) for known in self.known for placed in known.placed]
        return ({"layer": layer, **placed.to_json()} for layer, placed in rows)

    @property
    def headline(self) -> str:
        """On which rows this layer reaches more than known ones of about its state, and on which less; one sentence."""
        return headline(self)

    @property
    def notes(self) -> list[str]:
        """What there is to know of the headline, a sentence or two each."""
        return notes(self)

    @property
    def unanswered(self) -> list[str]:
        """Rows without an answer."""
        return list(dict.fromkeys(said(BY_NAME[placed.row]) for placed in self.placed if placed.failed))

    @property
    def unasked(self) -> list[str]:
        """Rows of the battery that are not on the card."""
        here = {placed.row for placed in self.placed}
        return [said(row) for row in BY_NAME.values() if row.name not in here]

    @property
    def whole_command(self) -> str:
        """What asks the whole battery."""
        return re.sub(r" --quick| --on \S+", "", self.command)

    def beside(self, placed: Placed) -> list[tuple[Known, Placed]]:
        """Known layers' rows at the same place."""
        return [(known, theirs) for known in self.known for theirs in known.placed if theirs.at == placed.at]

    def to_json(self) -> dict[str, object]:
        """The fields and the first line as plain JSON values."""
        return {"headline": self.headline, **_CARD.dump_python(self, mode="json")}


_CARD = TypeAdapter(Card)
_BARELY = 0.1  # of the tolerance, within which a verdict says little
_SHORT = {
    ", at the length of training only": " at 1x only",
    " times the length": "x",
    "learned, to": "learned to",
    "at least": "\N{GREATER-THAN OR EQUAL TO}",
    "fewer than": "<",
}
_MOST_LEVEL = 3  # rows that are named though nobody is ahead there
_OF_ITS_STATE = " of about its state"


def headline(card: Card) -> str:
    """The first line of a card, in plain words: each row is named once."""
    if not compared(card):
        return f"{card.layer}: no known layer{_OF_ITS_STATE * declares(card)} was placed on the same rows."
    rows: dict[str, list[tuple[Placed, float]]] = {}
    for placed in card.placed:
        mine = score(BY_NAME[placed.row], placed)
        rows.setdefault(placed.row, []).extend(
            (placed, mine - score(BY_NAME[placed.row], theirs)) for _, theirs in comparable(card, placed)
        )
    groups: dict[str, list[str]] = {"ahead": [], "ahead of some and behind others": [], "behind": [], "level": []}
    for name, found in rows.items():
        ahead, behind = any(by > 0 for _, by in found), any(by < 0 for _, by in found)
        group = "ahead of some and behind others" if ahead and behind else "ahead" if ahead else "behind"
        if found:
            best = max((placed for placed, _ in found), key=lambda placed: score(BY_NAME[name], placed))
            groups[group if ahead or behind else "level"].append(said(BY_NAME[name]) + _but(best) * ahead)
    if len(groups["level"]) > _MOST_LEVEL:
        groups["level"] = [f"{len(groups['level'])} other rows"]
    parts = [f"{group} on {listed(names)}" for group, names in groups.items() if names]
    return f"{card.layer}, beside known layers{_OF_ITS_STATE * declares(card)}: {'; '.join(parts)}."


def notes(card: Card) -> list[str]:
    """What there is to know of the first line."""
    found = []
    if not declares(card):
        found.append(
            "It declares no state, so it is compared with all known layers, whatever their state. "
            f"{card.undeclared}".rstrip()
        )
    if names := compared(card):
        who = "all of them" if len(names) == len(card.known) else listed(names)
        found.append(f"Compared with {who}. Ahead: more than one of them at least, and less than none.")
    if card.unanswered:
        found.append(f"No answer yet on {listed(card.unanswered)}: '{card.command}' asks again.")
    if card.unasked:
        found.append(f"Not asked: {listed(card.unasked)}; '{card.whole_command}' asks all that fits.")
    if len(card.rates) > len(RATES):
        found.append(f"It was tried at {len(card.rates)} learning rates, they at {len(RATES)}.")
    return found


def compared(card: Card) -> list[str]:
    """Names of the known layers that it is held against."""
    return list(dict.fromkeys(known.name for placed in card.placed for known, _ in comparable(card, placed)))


def declares(card: Card) -> bool:
    """Whether the layer declares a state."""
    return any(placed.compared_bits for placed in card.placed)


def said(row: Row) -> str:
    """A row within a sentence.

    >>> said(BY_NAME["induction"])
    'induction in one layer'
    """
    return row.short.replace(", ", " in ")


def _but(placed: Placed) -> str:
    """What is to be known of a row on which it is ahead."""
    parts = ["at the length of training only"] * at_training_length_only(placed) + ["barely"] * barely(placed)
    return f" ({', '.join(parts)})" if parts else ""


def at_training_length_only(placed: Placed) -> bool:
    """Whether it was learned, tried at other lengths, and is not within the tolerance at any of them."""
    return placed.value is not None and bool(placed.lengths) and placed.reach == 1


def barely(placed: Placed) -> bool:
    """Whether the median error is so near the tolerance that the verdict says little."""
    return placed.tolerance > 0 and abs(placed.error - placed.tolerance) <= _BARELY * placed.tolerance


def comparable(card: Card, placed: Placed) -> list[tuple[Known, Placed]]:
    """Today's rows of other layers there, of about the same declared state; of a layer that declares none, of any."""
    if placed.failed:
        return []
    there = [pair for pair in card.beside(placed) if not (pair[0].stale or pair[1].failed)]
    if placed.compared_bits is None:
        return there
    return [pair for pair in there if about_the_same_state(placed, pair[1])]


def reached_text(row: Row, placed: Placed) -> str:
    """What was reached, in a few words; barely, where the error is about the tolerance.

    >>> reached_text(BY_NAME["recall"], Placed("recall", 32, value=16, ladder=(32, 16, 8), learned=3, seeds=3))
    '16 pairs'
    >>> reached_text(BY_NAME["s3"], Placed("s3", 32, ladder=(32,), seeds=3))
    'not learned'
    >>> reached_text(BY_NAME["two-hops"], Placed("two-hops", 32, value=1, ladder=(1, 2, 3)))
    '1 layer'
    """
    if placed.failed:
        return "no answer"
    return _reached(row, placed) + ", barely" * barely(placed)


def _reached(row: Row, placed: Placed) -> str:
    if row.seeks == "learned":
        if placed.value is None:
            return "not learned"
        if at_training_length_only(placed):
            return "learned, at the length of training only"
        return f"learned, to {placed.reach} times the length" if placed.reach > 1 else "learned"
    if placed.value is None:
        hardest = f"{placed.ladder[-1]} {row.unit}"
        return f"fewer than {hardest}" if row.seeks == "largest" else f"not with {hardest}"
    least = "at least " if row.seeks == "largest" and placed.whole else ""
    return f"{least}{placed.value} {row.unit[:-1] if placed.value == 1 else row.unit}"


def short_text(placed: Placed) -> str:
    """What was reached, as short as a cell of a table, and by how many seeds where they disagree.

    >>> short_text(Placed("s3", 32, value=32, ladder=(32,), learned=2, seeds=3, tolerance=0.05, lengths={2: (0, 0, 1)}))
    'learned to 2x [2 of 3]'
    """
    text = reached_text(BY_NAME[placed.row], placed)
    for long, short in _SHORT.items():
        text = text.replace(long, short)
    return text + f" [{placed.learned} of {placed.seeds}]" * (0 < placed.learned < placed.seeds)
