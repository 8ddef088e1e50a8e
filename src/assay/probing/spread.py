"""A figure of a head on several texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Spread:
    """A figure over the texts that have it.

    Attributes:
        median: the lower one.
        least: of the texts.
        most: of the texts.
        texts: how many have the figure.
    """

    median: float
    least: float
    most: float
    texts: int

    def differs(self, limit: float) -> bool:
        """Whether it is below this limit on some texts only.

        >>> spread([1, 2]).differs(2), spread([1, 2]).differs(1)
        (True, False)
        """
        return self.least < limit <= self.most


def spread(figures: Iterable[float | None]) -> Spread | None:
    """The spread of a figure over texts; those without it (None) do not count, and there is none if none has it.

    >>> spread([3.0, None, 1.0, 2.0, 7.0])
    Spread(median=2.0, least=1.0, most=7.0, texts=4)
    """
    known = sorted(figure for figure in figures if figure is not None)
    return Spread(known[(len(known) - 1) // 2], known[0], known[-1], len(known)) if known else None


def over_texts(records: Sequence[Any]) -> Any:
    """One dataclass of the spreads of the fields of several ones of its kind.

    >>> from assay.probing.caches import Fewest
    >>> over_texts([Fewest(3, None, 4), Fewest(2, None, 4)]).weights
    Spread(median=2, least=2, most=3, texts=2)
    """
    return each_field(lambda *figures: spread(figures), *records)


def each_field(change: Callable[..., Any], *records: Any) -> Any:
    """A dataclass each field of which is made from this field of those given, which are of one kind.

    >>> from assay.probing.caches import Fewest
    >>> each_field(lambda bits: 2 * bits, Fewest(1, 2, 3))
    Fewest(weights=2, keys=4, values=6)
    """
    return type(records[0])(
        **{field.name: change(*(getattr(one, field.name) for one in records)) for field in fields(records[0])}
    )
