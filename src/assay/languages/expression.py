"""From a regular expression to the minimal automaton of its language.

`greenery` reads the expression: the syntax is that of regular expressions in Python, matched against the whole word,
without anchors, look-ahead and references. The automaton is made here, since the number of its states must be bounded
while it grows: positions of letters in the expression (Glushkov 1961), then the sets of them that can be reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from greenery import Charclass, Pattern, parse
from greenery.parse import NoMatch
from greenery.rxelems import Conc, Mult

from assay.errors import AssayError, ParameterError, require
from assay.languages.automaton import MOST_LETTERS, MOST_STATES, Automaton, make_automaton

_MOST_CHARACTERS = 2000
_MOST_POSITIONS = 2048


@dataclass(frozen=True)
class _Piece:
    """A part of the expression: sets of positions are integers with a bit for each."""

    empty: bool  # whether it matches the empty word
    first: int
    last: int


class _Positions:
    """What each position may be followed by, filled while the expression is walked through."""

    def __init__(self, letters: str) -> None:
        self.letters = letters
        self.at = [0] * len(letters)  # the positions of each letter
        self.after: list[int] = []  # of each position, those that may come next

    def piece(self, part: Charclass | Conc | Pattern) -> _Piece:
        """The piece of a part, whose positions are new."""
        if isinstance(part, Charclass):
            bit = 1 << len(self.after)
            self.after.append(0)
            for place, letter in enumerate(self.letters):
                if part.accepts(letter):
                    self.at[place] |= bit
            return _Piece(False, bit, bit)
        if isinstance(part, Conc):
            joined = _Piece(True, 0, 0)
            for mult in part.mults:
                joined = self._join(joined, self._repeated(mult))
            return joined
        pieces = [self.piece(conc) for conc in sorted(part.concs, key=str)]
        either = _Piece(False, 0, 0)
        for one in pieces:
            either = _Piece(either.empty or one.empty, either.first | one.first, either.last | one.last)
        return either

    def _repeated(self, mult: Mult) -> _Piece:
        part, least, most = mult.multiplicand, mult.multiplier.min.v or 0, mult.multiplier.max.v
        joined = _Piece(True, 0, 0)
        for number in range(max(least, 1) if most is None else most):
            one = self.piece(part)
            if most is None and number == max(least, 1) - 1:
                self._follow(one.last, one.first)
            joined = self._join(joined, one if number < least else _Piece(True, one.first, one.last))
        return joined

    def _join(self, left: _Piece, right: _Piece) -> _Piece:
        self._follow(left.last, right.first)
        first = left.first | (right.first if left.empty else 0)
        last = right.last | (left.last if right.empty else 0)
        return _Piece(left.empty and right.empty, first, last)

    def _follow(self, before: int, after: int) -> None:
        for position in _bits(before):
            self.after[position] |= after


@lru_cache(maxsize=256)  # tasks ask for theirs again and again
def automaton_of(expression: str, alphabet: str | None = None) -> Automaton:
    """The minimal automaton of the words that an expression matches.

    Args:
        expression: such as `(ab)*|c+`; `|`, `*`, `+`, `?`, `{2,3}`, `[ab]`, `[^a]`, `.` and `()`, the empty word, are
            as in Python; blanks, `^` and `$` are letters like others.
        alphabet: the letters of all words; those that the expression names unless given.

    >>> automaton_of("(ab)*").table.tolist()
    [[1, 2], [2, 0], [2, 2]]
    >>> automaton_of("(ab", "ab")
    Traceback (most recent call last):
    assay.errors.AssayError: (ab is no regular expression: it cannot be read beyond character 1, '('

    Raises:
        AssayError: it is no expression, the alphabet is empty or lacks a letter, or there are too many states.
    """
    pattern = _parsed(expression)
    letters = _letters(expression, pattern, alphabet)
    needed = _size(pattern)
    if needed > _MOST_POSITIONS:
        raise AssayError(
            f"{_short(expression)} has {needed} letters, repeated ones counted; {_MOST_POSITIONS} are allowed"
        )
    positions = _Positions(letters)
    whole = positions.piece(pattern)
    return _determinised(expression, positions, whole)


def _parsed(expression: str) -> Pattern:
    length = len(expression)
    require(length <= _MOST_CHARACTERS, "length of the expression", length, f"at most {_MOST_CHARACTERS}")
    name = _short(expression)
    try:
        return parse(expression)
    except NoMatch as error:
        words = str(error).split()
        place = int(words[-1]) if words and words[-1].isdigit() else 0
        there = f", {expression[place]!r}" if place < length else ""
        raise AssayError(
            f"{name} is no regular expression: it cannot be read beyond character {place + 1}{there}"
        ) from None
    except RecursionError:
        raise AssayError(f"{name} is nested too deeply") from None
    except (ValueError, IndexError) as error:
        why = "it ends within a bracket" if isinstance(error, IndexError) else _plain(str(error))
        raise AssayError(f"{name} is no regular expression: {why}") from None


def _plain(text: str) -> str:
    return text.replace("Bound(", "").replace(")", "") if "Bound(" in text else text


def _short(expression: str) -> str:
    return (expression if len(expression) <= 60 else f"{expression[:57]}...") or "''"


def _letters(expression: str, pattern: Pattern, alphabet: str | None) -> str:
    """The alphabet, with all letters that the expression names in it."""
    named: set[str] = set()
    for one in _classes(pattern):
        stated = ~one if one.negated else one
        if stated.num_chars() + len(named) > 2 * MOST_LETTERS and alphabet is None:
            raise AssayError(f"{_short(expression)} names more than {MOST_LETTERS} letters, which is the most allowed")
        if stated.num_chars() <= 2 * MOST_LETTERS:
            named.update(stated.get_chars())
    if alphabet is not None:
        outside = sorted(named - set(alphabet))
        if outside and alphabet:
            raise AssayError(f"letter {outside[0]!r} of {_short(expression)} is not in the alphabet {alphabet}")
        return alphabet
    strange = sorted(letter for letter in named if not letter.isalnum())
    if strange:
        line = "{!r} in {} is no letter or digit; {alphabet} must name it if it is meant"
        raise ParameterError(line, strange[0], _short(expression))
    if not named:
        raise ParameterError("{} names no letter; {alphabet} must say which there are", _short(expression))
    return "".join(sorted(named))


def _classes(pattern: Pattern) -> Iterator[Charclass]:
    for conc in pattern.concs:
        for mult in conc.mults:
            inner = mult.multiplicand
            yield from (inner,) if isinstance(inner, Charclass) else _classes(inner)


def _size(part: Charclass | Pattern) -> int:
    """How many positions of letters there are, with repeated ones."""
    if isinstance(part, Charclass):
        return 1
    total = 0
    for conc in part.concs:
        for mult in conc.mults:
            times = mult.multiplier.max.v
            total += _size(mult.multiplicand) * (max(mult.multiplier.min.v or 0, 1) if times is None else times)
    return total


def _determinised(expression: str, positions: _Positions, whole: _Piece) -> Automaton:
    """The automaton whose states are: whether the word may end here, and the positions that may come next."""
    start = (whole.empty, whole.first)
    numbers, order, rows = {start: 0}, [start], []
    for _, after in order:
        row = []
        for at in positions.at:
            read = after & at
            following = 0
            for position in _bits(read):
                following |= positions.after[position]
            key = (bool(read & whole.last), following)
            if key not in numbers:
                if len(order) == MOST_STATES:
                    raise AssayError(f"{_short(expression)} needs more than {MOST_STATES} states, the most allowed")
                numbers[key] = len(order)
                order.append(key)
            row.append(numbers[key])
        rows.append(row)
    accepting = [number for number, (ends, _) in enumerate(order) if ends]
    return make_automaton(positions.letters, rows, 0, accepting)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
