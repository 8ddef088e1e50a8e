"""The words of a language: all of one length, and uniform draws by counts in exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer
from assay.languages.automaton import Automaton

_MOST_WORDS = 1 << 24


def all_words(letters: int, length: int) -> NDArray[np.int64]:
    """All words of one length over numbered letters, in order: int64 (letters ** length, length).

    >>> all_words(2, 2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]

    Raises:
        AssayError: there are more than 16,777,216.
    """
    require_integer("length", length, 0, None)
    require(letters**length <= _MOST_WORDS, "words", f"{letters}^{length}", f"at most {_MOST_WORDS:,}")
    numbers = np.arange(letters**length)[:, None]
    return numbers // letters ** np.arange(length - 1, -1, -1) % letters


@dataclass(frozen=True, eq=False)
class AcceptedWords:
    """The words of a language that have one length; where there is none, the beginnings of the next longer ones.

    Attributes:
        whole: the length of the words that are begun; -1 where the language has none so long.
        table: the next state at [state, letter].
        chances: float64 (length, states, letters), the chance that a letter or an earlier one comes at a place, behind
            a word that has led to a state: numbers of words, divided as integers, so within 2^-53 of a uniform draw.
    """

    whole: int
    table: NDArray[np.int64]
    chances: NDArray[np.float64]

    @classmethod
    @lru_cache(maxsize=512)  # training with many lengths asks for each of them again and again
    def of(cls, automaton: Automaton, length: int) -> AcceptedWords:
        """Those of an automaton. Time and memory O(length x states x letters), on integers of O(length) bits.

        Raises:
            AssayError: a length that is no integer from 0 on.
        """
        ways, rows = _ways(automaton, length + automaton.states), automaton.table.tolist()
        # A word of at least `length` letters, without a circle behind that many, is shorter than this.
        whole = next((longer for longer in range(length, length + automaton.states) if ways[longer][0]), -1)
        chances = np.zeros((length, *automaton.table.shape))
        for place in range(length if whole >= 0 else 0):
            here, left = ways[whole - place], ways[whole - place - 1]
            for state, row in enumerate(rows):
                if here[state]:
                    chances[place, state] = [count / here[state] for count in accumulate(left[q] for q in row)]
        return cls(whole, automaton.table, chances)

    @property
    def exist(self) -> bool:
        """Whether there is any."""
        return self.whole >= 0

    def words(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """A word for each row of numbers in [0, 1), one number for each letter: numbers of letters, int64."""
        words = np.empty(uniforms.shape, dtype=np.int64)
        states = np.zeros(len(uniforms), dtype=np.int64)
        for place, chances in enumerate(self.chances):
            words[:, place] = (uniforms[:, place, None] >= chances[states]).sum(axis=1)
            states = self.table[states, words[:, place]]
        return words


def _ways(automaton: Automaton, length: int) -> list[list[int]]:
    """At [t][q], how many words of length t lead from state q to one that accepts."""
    require_integer("length", length, 0, None)
    rows = automaton.table.tolist()
    ways = [[int(one) for one in automaton.accepting]]
    for _ in range(length):
        ways.append([sum(ways[-1][there] for there in row) for row in rows])
    return ways
