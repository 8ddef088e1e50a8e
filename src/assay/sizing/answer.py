"""What `assay size` says: one answer, and the statements that it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from assay.frames import Framed


@dataclass(frozen=True)
class Statement:
    """One statement of an answer.

    Attributes:
        name: what it speaks of: `necessary`, `enough`, `most sets`, `training`, ...
        says: one sentence.
        amount: the number in it that decides, such as dimensions; None where there is none.
        justification: the theorem, construction, simulation or law behind it.
    """

    name: str
    says: str
    amount: float | None
    justification: str


@dataclass(frozen=True, repr=False)
class Sized(Framed):
    """An answer to a question of size.

    Attributes:
        question: what was asked, by the names of the arguments.
        answer: one or two sentences.
        fits: whether what was given is enough; None where nothing was given that could be, or it is left open.
        statements: what the answer rests on.
        change: the smallest change with which it would fit; empty where it fits, or none is known.
        warnings: what a reader should not overlook, such as numbers near a threshold.
    """

    question: dict[str, int | float | str]
    answer: str
    fits: bool | None
    statements: tuple[Statement, ...]
    change: str = ""
    warnings: tuple[str, ...] = field(default=())

    def amount(self, name: str) -> float | None:
        """The amount of the first statement of this name; None where there is none."""
        return next((one.amount for one in self.statements if one.name == name), None)

    @property
    def line(self) -> str:
        """The answer."""
        return self.answer

    def rows(self) -> Iterable[object]:
        """A row for each statement."""
        return self.statements
