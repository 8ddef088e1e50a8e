"""C-RASP: programs that count, as straight lines of Boolean statements about each place of a word.

A word of n letters has n + 1 places, the last with an end marker, at which the answer is read. A line is true or false
at every place: whether a letter stands there, a gate of earlier lines, or whether a sum of counts of earlier lines is
not negative. A count is of the places before this one. (Counting this place, too, as some papers do, makes no
difference to what can be computed: a line is known where it is counted.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import require


@dataclass(frozen=True)
class Letter:
    """True where this letter, by its number, stands; nowhere for the end marker."""

    letter: int


@dataclass(frozen=True)
class Gate:
    """All or any of earlier lines, or not the one given."""

    kind: Literal["all", "any", "not"]
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Compare:
    """True where the sum of factor times count of an earlier line, plus the constant, is at least 0."""

    terms: tuple[tuple[int, int], ...]
    constant: int

    @property
    def weight(self) -> Fraction:
        """A: the sum of the factors' sizes, and that of the constant plus a half; what precision is bounded by."""
        return sum(abs(factor) for factor, _ in self.terms) + abs(Fraction(2 * self.constant + 1, 2))


Line = Letter | Gate | Compare


@dataclass(frozen=True)
class Program:
    """A program over an alphabet.

    Attributes:
        letters: the alphabet.
        lines: each refers to earlier ones by their numbers.
        answer: the line that is read at the end marker.
    """

    letters: str
    lines: tuple[Line, ...]
    answer: int

    @property
    def levels(self) -> tuple[int, ...]:
        """Of each line, how deep counts are nested in it."""
        levels: list[int] = []
        for line in self.lines:
            if isinstance(line, Compare):
                levels.append(1 + max((levels[one] for _, one in line.terms), default=0))
            else:
                levels.append(max((levels[one] for one in line.inputs), default=0) if isinstance(line, Gate) else 0)
        return tuple(levels)

    @property
    def depth(self) -> int:
        """How deep counts are nested: the layers of attention that are needed."""
        return max(self.levels, default=0)

    @property
    def weight(self) -> Fraction:
        """The largest A of a comparison; 0 where there is none."""
        return max((line.weight for line in self.lines if isinstance(line, Compare)), default=Fraction(0))

    def run(self, words: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What each line says at each place of a batch of words, in exact integers.

        Args:
            words: numbers of letters, int64 (batch, length).

        Returns:
            bool (lines, batch, length + 1).
        """
        batch, length = words.shape
        said = np.zeros((len(self.lines), batch, length + 1), dtype=np.bool_)
        for number, line in enumerate(self.lines):
            if isinstance(line, Letter):
                said[number, :, :length] = words == line.letter
            elif isinstance(line, Gate):
                inputs = said[list(line.inputs)]
                said[number] = ~inputs[0] if line.kind == "not" else getattr(np, line.kind)(inputs, axis=0)
            else:
                total = np.full((batch, length + 1), line.constant)
                for factor, one in line.terms:
                    total[:, 1:] += factor * np.cumsum(said[one, :, :length], axis=1)
                said[number] = total >= 0
        return said

    def accepts(self, words: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What is read at the end marker: bool (batch,)."""
        return self.run(words)[self.answer, :, -1]

    def __str__(self) -> str:
        return "\n".join(f"{number}: {self._shown(line)}" for number, line in enumerate(self.lines)) + (
            f"\nanswer: {self.answer}"
        )

    def _shown(self, line: Line) -> str:
        if isinstance(line, Letter):
            return self.letters[line.letter]
        if isinstance(line, Gate):
            return f"{line.kind} {' '.join(map(str, line.inputs))}".strip()
        return f"{' '.join(f'{factor:+d} #[{one}]' for factor, one in line.terms)} {line.constant:+d} >= 0".strip()


@dataclass
class Writer:
    """Writes a program line by line; a line that is there already is used again.

    The balanced words of a and b, with never more b than a:

    >>> write = Writer("ab")
    >>> a, b = write.letter("a"), write.letter("b")
    >>> bad = write.all(b, write.at_least([(-1, a), (1, b)], 0))  # b where as many b as a stand before
    >>> same = write.all(write.at_least([(1, a), (-1, b)], 0), write.at_least([(-1, a), (1, b)], 0))
    >>> program = write.program(write.all(same, write.at_least([(-1, bad)], 0)))
    >>> program.depth, program.accepts(np.array([[0, 0, 1, 1], [1, 0, 0, 1]])).tolist()
    (2, [True, False])
    """

    letters: str
    lines: list[Line] = field(default_factory=list)
    _numbers: dict[Line, int] = field(default_factory=dict)

    def letter(self, letter: str) -> int:
        """The line of a letter.

        Raises:
            AssayError: it is not in the alphabet.
        """
        require(len(letter) == 1 and letter in self.letters, "letter", repr(letter), f"one of {self.letters}")
        return self._line(Letter(self.letters.index(letter)))

    def all(self, *inputs: int) -> int:
        """True where all are; with no inputs, everywhere."""
        return self._gate("all", inputs)

    def any(self, *inputs: int) -> int:
        """True where one is; with no inputs, nowhere."""
        return self._gate("any", inputs)

    def no(self, line: int) -> int:
        """True where the line is not."""
        return self._line(Gate("not", (line,)))

    def at_least(self, terms: list[tuple[int, int]], constant: int) -> int:
        """True where the sum of factor times count, of (factor, line), plus the constant, is at least 0."""
        total: dict[int, int] = {}
        for factor, line in terms:
            total[line] = total.get(line, 0) + factor
        return self._line(Compare(tuple((factor, line) for line, factor in sorted(total.items()) if factor), constant))

    def program(self, answer: int) -> Program:
        """The program with this answer, without lines that it does not need."""
        needed, waiting = set(), [answer]
        while waiting:
            number = waiting.pop()
            if number not in needed:
                needed.add(number)
                waiting += _used(self.lines[number])
        place = {number: at for at, number in enumerate(sorted(needed))}
        lines = tuple(_moved(self.lines[number], place) for number in sorted(needed))
        return Program(self.letters, lines, place[answer])

    def _gate(self, kind: Literal["all", "any"], inputs: tuple[int, ...]) -> int:
        used = tuple(sorted(set(inputs)))
        return used[0] if len(used) == 1 else self._line(Gate(kind, used))

    def _line(self, line: Line) -> int:
        number = self._numbers.setdefault(line, len(self.lines))
        if number == len(self.lines):
            self.lines.append(line)
        return number


def _used(line: Line) -> tuple[int, ...]:
    if isinstance(line, Compare):
        return tuple(one for _, one in line.terms)
    return line.inputs if isinstance(line, Gate) else ()


def _moved(line: Line, place: dict[int, int]) -> Line:
    if isinstance(line, Compare):
        return Compare(tuple((factor, place[one]) for factor, one in line.terms), line.constant)
    return Gate(line.kind, tuple(place[one] for one in line.inputs)) if isinstance(line, Gate) else line
