"""The classes of regular languages that say what networks need, each decided with a witness.

R-trivial and C-RASP are decided in polynomial time from the components of the automaton; star-free and solvable from
its transition monoid, which may be too large to be listed: then they are left open, unless something smaller decides.

C-RASP means that the answer is read at an end marker behind the word. There the criterion of `potentials` is necessary
and sufficient as reported in arXiv 2608.13433. That it is sufficient is seen here too, since `synthesis` writes down
the program. Read at the last letter, as other papers do, a few more languages are in C-RASP, such as `(a|b)*a`.

In AC0 means decided by circuits of constant depth and polynomial size. A regular language is, exactly if words of one
length induce no group in its syntactic monoid but single elements (Barrington et al. 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from assay.languages.automaton import Automaton, components
from assay.languages.monoid import (
    MOST_ELEMENTS,
    Group,
    Monoid,
    counting_element,
    group_of_letters,
    inner_groups,
    moving_element,
    transition_monoid,
)
from assay.languages.potentials import Separation, separate


@dataclass(frozen=True)
class Loop:
    """Two states that lead to each other; or one that leads to itself and on to acceptance: there is no longest word.

    Attributes:
        states: here and there.
        reach: a shortest word from the start to here.
        words: from here to there, and back.
        on: a shortest word from there to acceptance; None where it was not asked for.
    """

    states: tuple[int, int]
    reach: str
    words: tuple[str, str]
    on: str | None = None


@dataclass(frozen=True)
class Unseparated:
    """Two states of one component that counting does not tell apart.

    Attributes:
        component: its states.
        states: the two: all labels of the edges that leave them, letter and class of the source, are the same.
        reach: shortest words from the start to each of them.
        rounds: how often labels were made finer before.
    """

    component: tuple[int, ...]
    states: tuple[int, int]
    reach: tuple[str, str]
    rounds: int


@dataclass(frozen=True)
class Counter:
    """A word that counts: it leads some states around in a circle.

    Attributes:
        word: a shortest such word.
        states: the circle, in order.
    """

    word: str
    states: tuple[int, ...]


Witness = Loop | Unseparated | Separation | Counter | Group


@dataclass(frozen=True)
class Decision:
    """Whether a language is in a class.

    Attributes:
        holds: None where it is left open.
        why: one sentence without its end, with the witness in words.
        witness: what shows it: for R-trivial and finite a `Loop`, for C-RASP an `Unseparated` or the `Separation` of
            each component, for star-free and AC0 a `Counter`, for solvable the `Group`; empty where there is nothing
            to show.
    """

    holds: bool | None
    why: str
    witness: tuple[Witness, ...] = ()


@dataclass(frozen=True)
class Classes:
    """All decisions of one language.

    Attributes:
        automaton: the minimal one.
        components: its strongly connected components, in order from the start.
        monoid_size: elements of the transition monoid; None where there are more than were listed.
        groups: the maximal groups in it with more than one element; None where it was not listed.
        finite, r_trivial, c_rasp, star_free, ac0, solvable: the decisions.
        last_letter: C-RASP, if the answer is read at the last letter instead of at an end marker behind it.
    """

    automaton: Automaton
    components: tuple[tuple[int, ...], ...]
    monoid_size: int | None
    groups: tuple[Group, ...] | None
    finite: Decision
    r_trivial: Decision
    c_rasp: Decision
    last_letter: Decision
    star_free: Decision
    ac0: Decision
    solvable: Decision

    @property
    def length_alone(self) -> bool:
        """Whether the length of a word tells its state: all letters lead to the same states."""
        return _by_length(self.automaton)

    @property
    def even_letter(self) -> str | None:
        """A letter that leads an even number of states around in a circle; None where there is none."""
        automaton = self.automaton
        for letter, image in zip(automaton.letters, automaton.table.T.tolist(), strict=True):
            for first in range(automaton.states):
                state, steps = image[first], 1
                while state != first and steps < automaton.states:
                    state, steps = image[state], steps + 1
                if state == first and steps % 2 == 0:
                    return letter
        return None


def classify(automaton: Automaton, most: int = MOST_ELEMENTS, tell: Callable[[str], None] = lambda _: None) -> Classes:
    """Decide all classes.

    Args:
        automaton: a minimal one.
        most: elements of the transition monoid that are listed at most.
        tell: is given lines about progress.

    >>> from assay.languages.expression import automaton_of
    >>> classes = classify(automaton_of("(ab)*"))
    >>> classes.r_trivial.holds, classes.c_rasp.holds, classes.star_free.holds
    (False, True, True)
    """
    parts = components(automaton)
    c_rasp = decide_c_rasp(automaton, parts)
    monoid = transition_monoid(automaton, most, tell)
    star_free = _star_free(monoid, c_rasp)
    groups, solvable, size = _groups(automaton, monoid, star_free)
    return Classes(
        automaton,
        parts,
        size,
        groups,
        decide_finite(automaton, parts),
        decide_r_trivial(automaton, parts),
        c_rasp,
        decide_last_letter(automaton),
        star_free,
        _ac0(automaton, monoid, star_free),
        solvable,
    )


def decide_finite(automaton: Automaton, parts: tuple[tuple[int, ...], ...]) -> Decision:
    """Whether there is a longest word: no state on a cycle leads to acceptance."""
    dead = automaton.dead
    for part in parts:
        here = part[0]
        inside = [letter for letter, there in enumerate(automaton.table[here]) if there in part]
        if here == dead or not inside:
            continue
        letter = inside[0]
        back = automaton.word_between(int(automaton.table[here, letter]), here) or ""
        loop = Loop((here, here), _reach(automaton, here), ("", automaton.letters[letter] + back), _on(automaton, here))
        why = f"all words {loop.reach}({loop.words[1]})*{loop.on} are accepted"
        return Decision(False, why, (loop,))
    return Decision(True, "no state on a cycle leads to acceptance")


def decide_r_trivial(automaton: Automaton, parts: tuple[tuple[int, ...], ...]) -> Decision:
    """Whether a state that is left is never entered again, which is R-triviality of the transition monoid."""
    large = next((part for part in parts if len(part) > 1), None)
    if large is None:
        return Decision(True, "a state that is left is never entered again")
    here, there = large[:2]
    words = (automaton.word_between(here, there) or "", automaton.word_between(there, here) or "")
    loop = Loop((here, there), _reach(automaton, here), words)
    return Decision(False, f"states {here} and {there} lead to each other, by {words[0]} and {words[1]}", (loop,))


def decide_c_rasp(automaton: Automaton, parts: tuple[tuple[int, ...], ...]) -> Decision:
    """Whether counting tells all states of every component apart; see `potentials`."""
    separations = []
    for part in parts:
        if len(part) > 1:
            found = separate(automaton, part)
            if found.same is not None:
                reach = (_reach(automaton, found.same[0]), _reach(automaton, found.same[1]))
                here, there = found.same
                return Decision(
                    False,
                    f"counting does not tell states {here} and {there} apart, which {_shown(reach[0])} and "
                    f"{_shown(reach[1])} lead to",
                    (Unseparated(part, found.same, reach, len(found.rounds)),),
                )
            separations.append(found)
    if not separations:
        return Decision(True, "every component has one state, so there is nothing to count", ())
    most = max(len(found.rounds) for found in separations)
    rounds = "one round" if most == 1 else f"{most} rounds"
    return Decision(True, f"{rounds} of counting tell all states of every component apart", tuple(separations))


def decide_last_letter(automaton: Automaton) -> Decision:
    """C-RASP for answers read at the last letter: for each letter, the words before it must be decided without it.

    For a letter s, the words w such that w s is in the language are those of the same automaton with other accepting
    states. A program that is read at the last letter knows that letter, and counts what it needs of the words before.
    """
    from assay.languages.automaton import make_automaton

    rows = automaton.table.tolist()
    for letter, name in enumerate(automaton.letters):
        accepting = np.flatnonzero(automaton.accepting[automaton.table[:, letter]]).tolist()
        before = make_automaton(automaton.letters, rows, 0, accepting)
        decision = decide_c_rasp(before, components(before))
        if not decision.holds:
            return Decision(False, f"of the words before a last {name}: {decision.why}", decision.witness)
    return Decision(True, "counting decides the words before each last letter")


def _star_free(monoid: Monoid, c_rasp: Decision) -> Decision:
    """Whether no word counts (Schützenberger 1965). C-RASP is enough: a word that leads states around in a circle adds
    the same to a potential at each of them, so nothing, and they are never told apart."""
    element = None if c_rasp.holds else counting_element(monoid)
    if element is not None:
        circle = _circle(monoid.maps[element].tolist())
        word = monoid.word(element)
        return Decision(False, f"{word} leads states {_list(circle)} around in a circle", (Counter(word, circle),))
    if c_rasp.holds:
        return Decision(True, "counting tells apart all states that lead to each other, so no word permutes any")
    if monoid.complete:
        return Decision(True, f"none of the {monoid.size:,} elements of the transition monoid permutes states")
    return Decision(None, f"left open: the transition monoid has more than {monoid.size:,} elements")


def _ac0(automaton: Automaton, monoid: Monoid, star_free: Decision) -> Decision:
    """Whether no two words of one length differ by a permutation of states that they otherwise keep."""
    if star_free.holds:
        return Decision(True, "it is star-free")
    if _by_length(automaton):
        return Decision(True, "the length of a word alone tells its state")
    if monoid.complete:
        element = moving_element(monoid)
        if element is None:
            why = "where one word permutes states and another of its length leaves them in place, so does the first"
            return Decision(True, why)
        circle = _circle(monoid.maps[element].tolist())
        word = monoid.word(element)
        why = (
            f"of two words of one length, one leads states {_list(circle)} around in a circle, as {word} does, and the "
            "other leaves them where they are"
        )
        return Decision(False, why, (Counter(word, circle),))
    columns = automaton.table.T.tolist()
    if all(len(set(column)) == automaton.states for column in columns):
        other = next(letter for letter, column in zip(automaton.letters, columns, strict=True) if column != columns[0])
        return Decision(False, f"{automaton.letters[0]} and {other} permute the states in different ways")
    return Decision(None, f"left open: the transition monoid has more than {monoid.size:,} elements")


def _by_length(automaton: Automaton) -> bool:
    return bool((automaton.table == automaton.table[:, :1]).all())


def _circle(image: list[int]) -> tuple[int, ...]:
    """The states of the first circle of more than one."""
    for first in range(len(image)):
        circle, state = [first], image[first]
        while state not in circle:
            circle.append(state)
            state = image[state]
        if state == first and len(circle) > 1:
            return tuple(circle)
    raise AssertionError("an element that counts has a circle")


def _groups(
    automaton: Automaton, monoid: Monoid, star_free: Decision
) -> tuple[tuple[Group, ...] | None, Decision, int | None]:
    """The groups, whether all are solvable, and the size of the monoid."""
    size = monoid.size if monoid.complete else None
    if star_free.holds:
        return (), Decision(True, "there is no group in the transition monoid with more than one element"), size
    groups: tuple[Group, ...] | None = None
    if monoid.complete:
        groups = inner_groups(monoid)
    elif (whole := group_of_letters(automaton)) is not None:  # then the monoid is this group
        groups, size = (whole,), whole.order
    if groups is None:
        return None, Decision(None, f"left open: the transition monoid has more than {monoid.size:,} elements"), size
    bad = next((group for group in groups if not group.solvable), None)
    if bad is not None:
        what = f"a group of order {bad.order:,} on states {_list(bad.states)}, generated by {_list(bad.words)}"
        return groups, Decision(False, f"{what}, is not solvable", (bad,)), size
    orders = sorted({group.order for group in groups})
    return groups, Decision(True, f"the groups in the transition monoid, of order {_list(orders)}, are solvable"), size


def _reach(automaton: Automaton, state: int) -> str:
    return automaton.word_between(0, state) or ""


def _on(automaton: Automaton, state: int) -> str:
    """A shortest word from a state to acceptance."""
    words = [automaton.word_between(state, int(end)) for end in np.flatnonzero(automaton.accepting)]
    return min((word for word in words if word is not None), key=len)


def _shown(word: str) -> str:
    return word or "the empty word"


def _list(items: Iterable[object]) -> str:
    words = [str(one) for one in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
