"""The program of a language in C-RASP, written down from the potentials that tell its states apart.

A component is entered once in a word, if at all. From then on, labels of edges are counted: their weights add up to the
potential of the state before a place, as long as the component was not left. The first place at which it is left is
known, since the state there is; whatever is counted later does not matter.
"""

from __future__ import annotations

from assay.errors import AssayError
from assay.languages.automaton import Automaton, components
from assay.languages.potentials import Separation, separate
from assay.languages.programs import Program, Writer


def program_of(automaton: Automaton) -> Program:
    """A program that says, read at the end marker, whether a word is in the language.

    >>> from assay.languages.expression import automaton_of
    >>> program = program_of(automaton_of("(ab)*"))
    >>> program.depth, program.accepts(automaton_of("(ab)*").encode("abab")[None]).tolist()
    (2, [True])

    Raises:
        AssayError: counting does not tell all states apart.
    """
    write = Writer(automaton.letters)
    entered: dict[int, list[int]] = {}  # of each state, the lines of edges that enter its component there
    inside: dict[int, int] = {}
    for part in components(automaton):
        if part == (automaton.dead,):
            continue
        after = _after(write, entered, part)
        states = _alone(write, automaton, part[0], after) if len(part) == 1 else _counted(write, automaton, part, after)
        for state, line in states.items():
            inside[state] = line
            for letter, there in zip(automaton.letters, automaton.table[state].tolist(), strict=True):
                if there not in part and there != automaton.dead:
                    entered.setdefault(there, []).append(write.all(line, write.letter(letter)))
    accepting = [line for state, line in inside.items() if automaton.accepting[state]]
    return write.program(write.any(*accepting))


def _after(write: Writer, entered: dict[int, list[int]], part: tuple[int, ...]) -> dict[int, int]:
    """For each state at which the component can be entered, the line that is true from then on."""
    after = {0: write.all()} if 0 in part else {}
    for state in part:
        if state in entered:
            after[state] = write.at_least([(1, line) for line in entered[state]], -1)
    return after


def _alone(write: Writer, automaton: Automaton, state: int, after: dict[int, int]) -> dict[int, int]:
    """The line of a state that is left for good: it was entered, and no letter since leads away."""
    away = [
        write.all(after[state], write.letter(letter))
        for letter, there in zip(automaton.letters, automaton.table[state].tolist(), strict=True)
        if there != state
    ]
    return {state: _never(write, after[state], away)}


def _counted(write: Writer, automaton: Automaton, part: tuple[int, ...], after: dict[int, int]) -> dict[int, int]:
    """The lines of the states of a component, by their potentials."""
    found = separate(automaton, part)
    if found.same is not None:
        raise AssayError(
            f"the language is not in C-RASP: counting does not tell states {found.same[0]} and {found.same[1]} apart"
        )
    here = _by_potentials(write, automaton, found, after)
    away = [
        write.all(here[state], write.letter(letter))
        for state in part
        for letter, there in zip(automaton.letters, automaton.table[state].tolist(), strict=True)
        if there not in part
    ]
    return {state: _never(write, here[state], away) for state in part}


def _by_potentials(write: Writer, automaton: Automaton, found: Separation, after: dict[int, int]) -> dict[int, int]:
    """For each state, a line that is true before a letter exactly in this state, if the component was never left."""
    lines = {0: write.any(*after.values())}  # of each class of states that are told apart so far
    for number, one in enumerate(found.rounds):
        last = number + 1 == len(found.rounds)
        classes = found.classes if last else found.rounds[number + 1].classes
        labels = {label: write.all(lines[label[0]], write.letter(automaton.letters[label[1]])) for label in one.weights}
        representative = {classes[state]: state for state in reversed(found.component)}
        lines = {}
        for name, state in representative.items():
            ways = []
            for entry, line in after.items():
                exact = [line]
                for column, (start, end) in enumerate(zip(one.potentials[entry], one.potentials[state], strict=True)):
                    terms = [(one.weights[label][column], counted) for label, counted in labels.items()]
                    exact.append(write.at_least(terms, start - end))
                    exact.append(write.at_least([(-factor, counted) for factor, counted in terms], end - start))
                ways.append(write.all(*exact))
            lines[name] = write.any(*ways)
    return {state: lines[found.classes[state]] for state in found.component}


def _never(write: Writer, line: int, events: list[int]) -> int:
    """True where the line is, and none of the events was before."""
    return write.all(line, write.at_least([(-1, event) for event in events], 0)) if events else line
