"""What the classes of a language say of architectures; what is proved, reported, conditional or measured kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.languages.classes import Classes

Kind = Literal["proved", "reported", "conditional", "measured"]

_REPORTED_COUNTING = "arXiv 2608.13433"
_PERIODIC = (
    "a word w leads states around in a circle, but on u w^n every line of a program is constant from some n on at each "
    "place of w: by induction over lines, since counts grow linearly"
)
_AC0 = "Barrington, Compton, Straubing, Thérien 1992"
_IN_AC0 = f"arXiv 2310.13897 and 2310.03817: it recognises all regular languages in AC0; which these are: {_AC0}"
_NOT_IN_AC0 = f"arXiv 2204.06618: it recognises only languages in AC0; which regular ones are: {_AC0}"
_LOGS = "188 training logs published with arXiv 2608.13433, best configuration of each language"


@dataclass(frozen=True)
class Statement:
    """One statement about one architecture and this language.

    Attributes:
        architecture: what is spoken of.
        setting: arithmetic, positions, and where the answer is read.
        says: one sentence without its end.
        kind: `proved`: by a theorem or by weights that are written down here; `reported`: a theorem of a paper that is
            not proved here; `conditional`: holds unless `condition` fails, and so excludes nothing by itself;
            `measured`: of trained networks.
        source: of the statement.
        condition: of conditional statements; empty otherwise.
    """

    architecture: str
    setting: str
    says: str
    kind: Kind
    source: str
    condition: str = ""


def facts_of(classes: Classes) -> tuple[Statement, ...]:
    """All statements that the decisions allow; nothing is said on what was left open.

    >>> from assay.languages.classes import classify
    >>> from assay.languages.expression import automaton_of
    >>> [fact.kind for fact in facts_of(classify(automaton_of("(ab)*")))]
    ['proved', 'proved', 'proved', 'reported', 'reported', 'measured']
    """
    return (
        *_for_all(classes),
        *_permutations(classes),
        *_counting(classes),
        *_fixed_precision(classes),
        *_hard_attention(classes),
        *_told_positions(classes),
        *_groups(classes),
        *_trained(classes),
    )


def _for_all(classes: Classes) -> tuple[Statement, ...]:
    states, letters = classes.automaton.states, len(classes.automaton.letters)
    return (
        Statement(
            "recurrent layer",
            "any arithmetic, any length",
            f"one layer with a state of {states} numbers and {letters * states**2:,} weights recognises it, exactly",
            "proved",
            "explicit weights: assay.languages.weights.recurrent",
        ),
        Statement(
            "attention whose depth grows with the logarithm of the length",
            "causal softmax with positions; float32 to 4,728 letters, float64 to 16,777,216",
            "ceil(log2 n) layers of one head recognise all words of up to n letters",
            "proved",
            "explicit weights: assay.languages.weights.prefix",
        ),
    )


def _permutations(classes: Classes) -> list[Statement]:
    """Layers for words of the group, where the letters permute the states."""
    if classes.star_free.holds is not False:
        return []
    from assay.languages.weights.permutations import permutation_automata

    found = []
    for one in permutation_automata(classes.automaton):
        proof = one.certificate
        names = "one DeltaProduct layer", f"{proof.steps} Householder step{'s' * (proof.steps != 1)} a token"
        if not proof.steps:
            names = (
                f"{proof.layers} diagonal complex layer{'s' * (proof.layers != 1)}",
                f"{proof.state} numbers of state",
            )
        length = "any length" if proof.horizon is None else f"words of up to {proof.horizon:,} letters"
        found.append(
            Statement(
                names[0],
                f"{proof.arithmetic}, {length}",
                f"its states are tracked with {names[1]}",
                "proved",
                "explicit weights: assay.languages.weights.permutations",
            )
        )
    return found


def _counting(classes: Classes) -> tuple[Statement, ...]:
    name = "attention that counts (C-RASP)"
    setting = "causal softmax of fixed depth without positions, read at an end marker"
    if classes.c_rasp.holds:
        return (
            Statement(
                name,
                setting,
                "a program for all lengths, and weights for each, of about 2 log2 n bits, recognise it",
                "proved",
                "explicit weights: assay.languages.synthesis and assay.languages.weights.counting",
            ),
        )
    says = "no program of any depth recognises it"
    if classes.star_free.holds is False:
        return (Statement(name, setting, says, "proved", _PERIODIC),)
    if classes.last_letter.holds:
        says += "; one exists if the answer is read at the last letter"
    return (Statement(name, setting, says, "reported", _REPORTED_COUNTING),)


def _fixed_precision(classes: Classes) -> tuple[Statement, ...]:
    does = "recognises it at some size" if classes.r_trivial.holds else "does not recognise it at any size"
    return (
        Statement(
            "soft attention of fixed precision throughout",
            "causal softmax without positions",
            does,
            "reported",
            "arXiv 2505.23623: exactly the R-trivial languages",
        ),
    )


def _hard_attention(classes: Classes) -> tuple[Statement, ...]:
    if classes.star_free.holds is None:
        return ()
    does = "recognises it at some size" if classes.star_free.holds else "does not recognise it at any size"
    return (
        Statement(
            "hard attention",
            "causal, one position for each query, without positions",
            does,
            "reported",
            "arXiv 2310.13897: exactly the star-free languages",
        ),
    )


def _told_positions(classes: Classes) -> list[Statement]:
    """What a code of places changes; star-free languages are recognised without."""
    if classes.star_free.holds is not False:
        return []
    found = []
    if classes.length_alone:
        states = classes.automaton.states
        parity = ", such as (-1)^i" if classes.automaton.table[:, 0].tolist() == [1, 0] else ""
        found.append(
            Statement(
                "any network with position encodings",
                "any depth and arithmetic, read at an end marker",
                f"the place of the end marker alone tells the answer: a code of {states} values is enough{parity}",
                "proved",
                "the state behind i letters is a function of i alone; its place in a list of the states is the code",
            )
        )
    if classes.ac0.holds is not None:
        name = "hard attention with position encodings"
        setting, source = "one position for each query, any encoding", _NOT_IN_AC0
        does = "does not recognise it at any size; of softmax attention with them this says nothing"
        if classes.ac0.holds:
            setting = "causal, one position for each query, an encoding of finitely many values"
            does, source = "recognises it at some size", _IN_AC0
        found.append(Statement(name, setting, does, "reported", source))
    return found


def _groups(classes: Classes) -> tuple[Statement, ...]:
    found = []
    if classes.solvable.holds is False:
        found += [
            Statement(
                "attention and diagonal recurrences",
                "fixed depth, numbers of O(log n) bits",
                "does not recognise it: the language is complete for NC1, and these networks are in TC0",
                "conditional",
                "Barrington 1989; Barrington and Thérien 1988",
                "TC0 is not NC1",
            ),
            Statement(
                "diagonal complex recurrences",
                "any depth, finite precision",
                "does not track its states: a group in it is not solvable",
                "reported",
                "arXiv 2603.01959",
            ),
        ]
    letter = classes.even_letter
    if letter is not None:
        found.append(
            Statement(
                "linear recurrences with nonnegative real eigenvalues",
                "any depth, finite precision",
                f"does not recognise it, nor parity: {letter} is counted modulo an even number",
                "reported",
                "arXiv 2411.12537",
            )
        )
    return tuple(found)


def _trained(classes: Classes) -> tuple[Statement, ...]:
    group, accuracy = "outside C-RASP", ".012"
    if classes.r_trivial.holds:
        group, accuracy = "R-trivial", ".997"
    elif classes.c_rasp.holds:
        group, accuracy = "in C-RASP but not R-trivial", ".938"
    return (
        Statement(
            "trained soft attention",
            "trained on words of up to 50 letters, tested on 451 to 500",
            f"languages {group} reached an accuracy of {accuracy} on the average",
            "measured",
            _LOGS,
        ),
    )
