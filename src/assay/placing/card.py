"""The card of a layer: its rows beside those of known layers, and what it does that others of its state do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from assay.frames import Framed
from assay.placing.battery import BY_NAME, RATES, Row
from assay.placing.rows import Placed, about_the_same_state, score


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
        """What this layer does that others of its state do not, and the reverse."""
        return headline(self)

    def beside(self, placed: Placed) -> list[tuple[Known, Placed]]:
        """Known layers' rows at the same place."""
        return [(known, theirs) for known in self.known for theirs in known.placed if theirs.at == placed.at]

    def to_json(self) -> dict[str, object]:
        """The fields and the first line as plain JSON values."""
        return {"headline": self.headline, **_CARD.dump_python(self, mode="json")}


_CARD = TypeAdapter(Card)
_MOST = 5  # phrases of a sentence


def headline(card: Card) -> str:
    """The first line of a card, in plain words."""
    compared = list(dict.fromkeys(known.name for placed in card.placed for known, _ in _comparable(card, placed)))
    declares = any(placed.compared_bits for placed in card.placed)
    state = "of about its state" if declares else "(it declares no state)"
    if not compared:
        return f"{card.layer}: no known layer {state} was placed on the same rows."
    does = _sentence(
        _differences(card, ahead=True),
        f"learns what known layers {state} do not within this budget",
        f"is ahead of no known layer {state}",
    )
    reverse = _sentence(_differences(card, ahead=False), "The reverse", "None of them is ahead of it")
    silent = sum(bool(placed.failed) for placed in card.placed)
    said = [f"{card.layer} {does}", reverse, f"Compared: {', '.join(compared)}"]
    said += [f"Rows without an answer: {silent}"] * bool(silent)
    said += [f"It was tried at {len(card.rates)} rates, they at {len(RATES)}"] * (len(card.rates) > len(RATES))
    return ". ".join(said) + "."


def _sentence(phrases: list[str], start: str, nothing: str) -> str:
    if not phrases:
        return nothing
    more = [f"and {len(phrases) - _MOST} rows more"] * (len(phrases) > _MOST)
    return f"{start}: {'; '.join([*phrases[:_MOST], *more])}"


def _differences(card: Card, *, ahead: bool) -> list[str]:
    """A phrase for each row on which others are behind, or ahead, those first where most are; of rows at several
    widths, the one where most are.
    """
    most: dict[str, tuple[Placed, list[tuple[Known, Placed]]]] = {}
    for placed in card.placed:
        row = BY_NAME[placed.row]
        mine = score(row, placed)
        there = [
            pair
            for pair in _comparable(card, placed)
            if (mine > score(row, pair[1]) if ahead else mine < score(row, pair[1]))
        ]
        if len(there) > len(most.get(row.name, (placed, []))[1]):
            most[row.name] = placed, there
    ordered = sorted(most.items(), key=lambda item: -len(item[1][1]))  # stable: rows keep their order otherwise
    return [_phrase(BY_NAME[name], placed, there) for name, (placed, there) in ordered]


def _phrase(row: Row, placed: Placed, others: list[tuple[Known, Placed]]) -> str:
    """`recall at width 32, 16 pairs (linear: 8 pairs)`."""
    where = f" at width {placed.width}" if len(row.search["at"]) > 1 else ""
    theirs: dict[str, list[str]] = {}
    for known, other in others:
        theirs.setdefault(_with_seeds(row, other), []).append(known.name)
    said = "; ".join(f"{', '.join(names)}: {text}" for text, names in theirs.items())
    return f"{row.short}{where}, {_with_seeds(row, placed)} ({said})"


def _with_seeds(row: Row, placed: Placed) -> str:
    """What was reached, and by how many seeds where they disagree."""
    divided = 0 < placed.learned < placed.seeds
    return reached_text(row, placed) + f" [{placed.learned} of {placed.seeds} seeds]" * divided


def _comparable(card: Card, placed: Placed) -> list[tuple[Known, Placed]]:
    """Today's rows of other layers there, of about the same declared state; of a layer that declares none, of any."""
    if placed.failed:
        return []
    there = [pair for pair in card.beside(placed) if not (pair[0].stale or pair[1].failed)]
    if placed.compared_bits is None:
        return there
    return [pair for pair in there if about_the_same_state(placed, pair[1])]


def reached_text(row: Row, placed: Placed) -> str:
    """What was reached, in a few words.

    >>> reached_text(BY_NAME["recall"], Placed("recall", 32, value=16, ladder=(32, 16, 8), learned=3, seeds=3))
    '16 pairs'
    >>> reached_text(BY_NAME["s3"], Placed("s3", 32, ladder=(32,), seeds=3))
    'not learned'
    >>> reached_text(BY_NAME["two-hops"], Placed("two-hops", 32, value=1, ladder=(1, 2, 3)))
    '1 layer'
    """
    if placed.failed:
        return "no answer"
    if row.seeks == "learned":
        if placed.value is None:
            return "not learned"
        return f"learned, to {placed.reach} times the length" if placed.reach > 1 else "learned"
    if placed.value is None:
        return (
            f"fewer than {placed.ladder[-1]} {row.unit}"
            if row.seeks == "largest"
            else (f"not with {placed.ladder[-1]} {row.unit}")
        )
    least = "at least " if row.seeks == "largest" and placed.whole else ""
    return f"{least}{placed.value} {row.unit[:-1] if placed.value == 1 else row.unit}"
