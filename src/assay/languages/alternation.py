"""Alternations: L_1 = a+, and L_(k+1) adds b+ or a+ in turn. They need one layer of counting more with each k."""

from __future__ import annotations

from assay.languages.automaton import Automaton


def alternation(blocks: int) -> str:
    """The expression of words of so many blocks of a and b in turn.

    >>> alternation(3)
    'a+b+a+'
    """
    return "".join("ab"[place % 2] + "+" for place in range(blocks))


def blocks_of(automaton: Automaton) -> int | None:
    """Of the language of an alternation, how many blocks its words have; None for other languages.

    >>> from assay.languages.expression import automaton_of
    >>> blocks_of(automaton_of("aa*b+")), blocks_of(automaton_of("(ab)*"))
    (2, None)
    """
    from assay.languages.expression import automaton_of

    blocks = automaton.states - 2  # beside the start and a state from which nothing is accepted
    if blocks < 2 or automaton != automaton_of(alternation(blocks), "ab"):
        return None
    return blocks
