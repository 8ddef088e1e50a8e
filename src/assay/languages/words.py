"""The words of a language: all of one length, how many there are, and uniform draws, in exact integers."""

from __future__ import annotations

import random

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


def accepted_words(automaton: Automaton, length: int) -> list[str]:
    """The words of one length that are in the language, in order.

    >>> from assay.languages.expression import automaton_of
    >>> accepted_words(automaton_of("(ab)*|c+"), 4)
    ['abab', 'cccc']

    Raises:
        AssayError: there are more than 16,777,216 words of this length, accepted or not.
    """
    words = all_words(len(automaton.letters), length)
    ends = automaton.run(words)[:, -1] if length else np.zeros(1, dtype=np.int64)
    letters = np.array(list(automaton.letters))
    return ["".join(letters[word]) for word in words[automaton.accepting[ends]]]


def count_accepted(automaton: Automaton, length: int) -> int:
    """How many words of one length are in the language.

    >>> from assay.languages.expression import automaton_of
    >>> count_accepted(automaton_of("(a|b)*a"), 100) == 2**99
    True
    """
    return _ways(automaton, length)[-1][0]


def sample_accepted(automaton: Automaton, length: int, size: int, seed: int) -> NDArray[np.int64]:
    """Words drawn uniformly, with replacement, from those of one length in the language.

    A rank is drawn among all of them, and the word of this rank in the order of the letters is written down.

    Returns:
        Numbers of letters, int64 (size, length).

    >>> from assay.languages.expression import automaton_of
    >>> sample_accepted(automaton_of("(ab)*|c+"), 4, 3, seed=0).tolist()
    [[2, 2, 2, 2], [2, 2, 2, 2], [0, 1, 0, 1]]

    Raises:
        AssayError: there is no such word.
    """
    ways, rows = _ways(automaton, length), automaton.table.tolist()
    require(ways[-1][0] > 0, "length", length, "the length of a word of the language")
    draw = random.Random(seed)
    words = np.empty((size, length), dtype=np.int64)
    for word in words:
        rank, state = draw.randrange(ways[-1][0]), 0
        for place in range(length):
            left = ways[length - place - 1]
            for letter, there in enumerate(rows[state]):
                if rank < left[there]:
                    word[place], state = letter, there
                    break
                rank -= left[there]
    return words


def _ways(automaton: Automaton, length: int) -> list[list[int]]:
    """At [t][q], how many words of length t lead from state q to one that accepts."""
    require_integer("length", length, 0, None)
    rows = automaton.table.tolist()
    ways = [[int(one) for one in automaton.accepting]]
    for _ in range(length):
        ways.append([sum(ways[-1][there] for there in row) for row in rows])
    return ways
