"""The minimal automaton of a regular language: what every decision, program and network of this package starts from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, require, require_integer

MOST_STATES = 1024  # of an automaton that is given, and of one on the way from an expression
MOST_LETTERS = 64


@dataclass(frozen=True, eq=False)
class Automaton:
    """The minimal complete deterministic automaton of a language; `make_automaton` makes it.

    States are numbered in the order in which a search in breadth meets them, letters in their order: two languages over
    the same letters are equal exactly if their automata are.

    Attributes:
        letters: the alphabet, one character each.
        table: the next state at [state, letter], int64 (states, letters), read-only.
        accepting: which states accept, bool (states,), read-only. State 0 is the start.
    """

    letters: str
    table: NDArray[np.int64]
    accepting: NDArray[np.bool_]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Automaton) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[str, tuple[int, ...], bytes, bytes]:
        return self.letters, self.table.shape, self.table.tobytes(), self.accepting.tobytes()

    @property
    def states(self) -> int:
        """How many states there are, one from which nothing is accepted included."""
        return len(self.table)

    @property
    def dead(self) -> int | None:
        """The state from which nothing is accepted; None where there is none."""
        loops = (self.table == np.arange(self.states)[:, None]).all(axis=1) & ~self.accepting
        return int(loops.argmax()) if loops.any() else None

    def encode(self, word: str) -> NDArray[np.int64]:
        """A word as numbers of its letters, int64 (length,).

        Raises:
            AssayError: a letter is not in the alphabet.
        """
        places = {letter: place for place, letter in enumerate(self.letters)}
        for letter in word:
            require(letter in places, "letter", repr(letter), f"one of {self.letters}")
        return np.array([places[letter] for letter in word], dtype=np.int64)

    def run(self, words: NDArray[np.int64], start: int = 0) -> NDArray[np.int64]:
        """The state after every letter of a batch of words.

        Args:
            words: numbers of letters, (..., length).
            start: the state before the first letter.

        Returns:
            int64, (..., length).
        """
        states = np.empty(words.shape, dtype=np.int64)
        now = np.full(words.shape[:-1], start, dtype=np.int64)
        for place in range(words.shape[-1]):
            now = self.table[now, words[..., place]]
            states[..., place] = now
        return states

    def accepts(self, word: str) -> bool:
        """Whether a word is in the language.

        >>> even = make_automaton("a", [[1], [0]], 0, [0])
        >>> even.accepts("aa"), even.accepts("aaa")
        (True, False)
        """
        now = 0
        for letter in self.encode(word):
            now = self.table[now, letter]
        return bool(self.accepting[now])

    def word_between(self, source: int, target: int, within: Iterable[int] | None = None) -> str | None:
        """A shortest word that leads from one state to another, without leaving `within`; None where there is none.

        A state leads to itself by the empty word.
        """
        allowed = set(range(self.states) if within is None else within)
        rows, came = self.table.tolist(), {source: (source, "")}
        waiting = deque([source])
        while waiting and target not in came:
            here = waiting.popleft()
            for letter, there in zip(self.letters, rows[here], strict=True):
                if there in allowed and there not in came:
                    came[there] = (here, letter)
                    waiting.append(there)
        if target not in came:
            return None
        word = ""
        while target != source:
            target, letter = came[target]
            word = letter + word
        return word

    def to_json(self) -> dict[str, object]:
        """As `automaton_from_json` reads it."""
        return {
            "letters": list(self.letters),
            "start": 0,
            "accepting": np.flatnonzero(self.accepting).tolist(),
            "transitions": self.table.tolist(),
        }


def make_automaton(letters: str, table: Sequence[Sequence[int]], start: int, accepting: Iterable[int]) -> Automaton:
    """The minimal automaton of the language of a complete deterministic one.

    Args:
        letters: the alphabet, different characters.
        table: the next state for each state and letter.
        start: the state before the first letter.
        accepting: the states that accept.

    >>> make_automaton("a", [[1], [2], [1]], 0, [0, 2]).table.tolist()  # states 0 and 2 accept the same words
    [[1], [0]]

    Raises:
        AssayError: the letters, or what should be a state, are not as they should be.
    """
    require(
        0 < len(letters) <= MOST_LETTERS, "letters", f"{letters[:80]!r}", f"1 to {MOST_LETTERS} different characters"
    )
    require(len(set(letters)) == len(letters), "letters", repr(letters), "different from each other")
    require(letters.isprintable(), "letters", ascii(letters), "printable characters")
    require(0 < len(table) <= MOST_STATES, "states", len(table), f"1 to {MOST_STATES}")
    last = len(table) - 1
    rows = [list(row) for row in table]
    for state, row in enumerate(rows):
        if len(row) != len(letters):
            raise AssayError(
                f"state {state} has {len(row)} transitions; it must be {len(letters)}, one for each letter"
            )
        for letter, there in zip(letters, row, strict=True):
            if type(there) is not int or not 0 <= there <= last:
                require_integer(f"transition of state {state} on {letter}", there, 0, last)
    require_integer("start", start, 0, last)
    accepts = set()
    for state in accepting:
        require_integer("accepting state", state, 0, last)
        accepts.add(state)
    return _minimal(letters, rows, start, accepts)


def _minimal(letters: str, rows: list[list[int]], start: int, accepting: set[int]) -> Automaton:
    reached = _in_breadth(rows.__getitem__, start)
    place = {state: number for number, state in enumerate(reached)}
    rows = [[place[there] for there in rows[state]] for state in reached]
    block = _blocks(rows, [state in accepting for state in reached])
    merged: dict[int, list[int]] = {}
    for state, row in enumerate(rows):
        merged.setdefault(block[state], [block[there] for there in row])
    accepts = {block[place[state]] for state in accepting if state in place}
    order = _in_breadth(merged.__getitem__, block[0])
    number = {state: at for at, state in enumerate(order)}
    table = np.array([[number[there] for there in merged[state]] for state in order], dtype=np.int64)
    accept = np.array([state in accepts for state in order])
    table.flags.writeable = accept.flags.writeable = False
    return Automaton(letters, table, accept)


def _in_breadth(after: Callable[[int], Iterable[int]], start: int) -> list[int]:
    """The states that can be reached, in the order of a search in breadth."""
    order, seen = [start], {start}
    for state in order:
        for there in after(state):
            if there not in seen:
                seen.add(there)
                order.append(there)
    return order


def _blocks(rows: list[list[int]], accepting: list[bool]) -> list[int]:
    """The number of each state's class of states that accept the same words (Hopcroft 1971: n log n splits)."""
    size, letters = len(rows), len(rows[0])
    before: list[list[list[int]]] = [[[] for _ in range(size)] for _ in range(letters)]
    for state, row in enumerate(rows):
        for letter, there in enumerate(row):
            before[letter][there].append(state)
    members = [one for wanted in (True, False) if (one := {q for q in range(size) if accepting[q] is wanted})]
    block = [0] * size
    for number, states in enumerate(members):
        for state in states:
            block[state] = number
    waiting = {min(range(len(members)), key=lambda one: len(members[one]))}
    while waiting:
        splitter = list(members[waiting.pop()])
        for sources in before:
            touched: dict[int, set[int]] = {}
            for there in splitter:
                for state in sources[there]:
                    touched.setdefault(block[state], set()).add(state)
            for number, inside in touched.items():
                if len(inside) == len(members[number]):
                    continue
                members[number] -= inside
                new = len(members)
                members.append(inside)
                for state in inside:
                    block[state] = new
                if number in waiting or len(inside) <= len(members[number]):
                    waiting.add(new)
                else:
                    waiting.add(number)
    return block


def components(automaton: Automaton) -> tuple[tuple[int, ...], ...]:
    """The strongly connected components, each with its states in order; none is reached from a later one.

    Tarjan's algorithm (1972), without recursion.

    >>> components(make_automaton("ab", [[1, 2], [2, 0], [2, 2]], 0, [0]))  # (ab)*
    ((0, 1), (2,))
    """
    rows = automaton.table.tolist()
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    found: list[tuple[int, ...]] = []
    done: set[int] = set()
    number[0] = low[0] = 0
    stack.append(0)
    path = [(0, iter(rows[0]))]
    while path:
        state, rest = path[-1]
        for there in rest:
            if there not in number:
                number[there] = low[there] = len(number)
                stack.append(there)
                path.append((there, iter(rows[there])))
                break
            if there not in done:
                low[state] = min(low[state], number[there])
        else:
            path.pop()
            if path:
                low[path[-1][0]] = min(low[path[-1][0]], low[state])
            if low[state] == number[state]:
                cut = stack.index(state)
                found.append(tuple(sorted(stack[cut:])))
                done.update(stack[cut:])
                del stack[cut:]
    return tuple(reversed(found))
