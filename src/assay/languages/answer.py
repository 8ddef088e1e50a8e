"""What `assay language` says: one answer, the decisions with their witnesses, and facts about networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from assay.frames import Framed
from assay.languages.automaton import Automaton
from assay.languages.classes import Classes, Decision, Witness, classify
from assay.languages.facts import Statement, facts_of
from assay.languages.potentials import Separation
from assay.schema import plain_object

DECISIONS = ("finite", "r_trivial", "c_rasp", "last_letter", "star_free", "ac0", "solvable")


@dataclass(frozen=True, repr=False)
class LanguageAnswer(Framed):
    """An answer about one language.

    Attributes:
        language: as it was given.
        answer: one or two sentences.
        classes: the decisions.
        facts: what they say of networks.
    """

    language: str
    answer: str
    classes: Classes
    facts: tuple[Statement, ...]

    @property
    def line(self) -> str:
        """The answer."""
        return self.answer

    def rows(self) -> Iterable[object]:
        """A row for each fact about networks."""
        return self.facts

    def to_json(self) -> dict[str, object]:
        """The answer as plain JSON values: each decision true, false, or null where it is left open."""
        classes = self.classes
        decisions: dict[str, Decision] = {name: getattr(classes, name) for name in DECISIONS}
        return plain_object(
            {
                "language": self.language,
                "answer": self.answer,
                "states": classes.automaton.states,
                "components": [list(one) for one in classes.components],
                "monoid": classes.monoid_size,
                **{name: decision.holds for name, decision in decisions.items()},
                "why": {name: decision.why for name, decision in decisions.items()},
                "witnesses": {name: [_plain(one) for one in decision.witness] for name, decision in decisions.items()},
                "groups": None if classes.groups is None else [asdict(one) for one in classes.groups],
                "facts": [asdict(fact) for fact in self.facts],
                "automaton": classes.automaton.to_json(),
            }
        )


def answer_language(
    language: str, automaton: Automaton, tell: Callable[[str], None] = lambda _: None
) -> LanguageAnswer:
    """Decide the classes of a language, and say what follows.

    >>> from assay.languages.expression import automaton_of
    >>> print(answer_language("a*b", automaton_of("a*b")).answer)
    a*b is R-trivial: soft attention of fixed precision recognises it without position encodings (reported).
    """
    classes = classify(automaton, tell=tell)
    return LanguageAnswer(
        language, f"{language or 'The empty word'} is {_headline(classes)}.", classes, facts_of(classes)
    )


def _headline(classes: Classes) -> str:
    if classes.r_trivial.holds:
        first = "finite, and so R-trivial" if classes.finite.holds else "R-trivial"
        return f"{first}: soft attention of fixed precision recognises it without position encodings (reported)"
    if classes.c_rasp.holds:
        return (
            "in C-RASP but not R-trivial: without position encodings, attention that counts recognises it (proved), "
            "and soft attention of fixed precision throughout does not (reported)"
        )
    outside = "attention that counts does not" + " unless it is read at the last letter" * bool(
        classes.last_letter.holds
    )
    if classes.star_free.holds:
        return (
            "star-free but outside C-RASP: without position encodings, hard attention recognises it (reported), and "
            f"{outside} (reported)"
        )
    if classes.star_free.holds is None:
        return f"outside C-RASP: without position encodings, {outside} (reported); whether it is star-free is left open"
    counts = (
        "recurrent layers that count, or attention whose depth grows with the length, recognise it (proved); without "
        "position encodings, attention that counts does not (proved), nor does hard attention (reported)"
        + _told(classes)
    )
    if classes.solvable.holds:
        return f"not star-free, and its groups are solvable: {counts}"
    if classes.solvable.holds is None:
        return f"not star-free; whether its groups are solvable is left open: {counts}"
    return (
        f"not star-free, and has a group that is not solvable: {counts}; nor do attention or diagonal recurrences of "
        "fixed depth, unless TC0 = NC1"
    )


def _told(classes: Classes) -> str:
    """What position encodings change for attention of fixed depth, of a language that is not star-free."""
    if classes.length_alone:
        return "; with them the place alone tells it (proved)"
    if classes.ac0.holds is None:
        return ""
    does = "recognises it" if classes.ac0.holds else "does not recognise it either"
    return f"; with them hard attention {does} (reported)"


def _plain(witness: Witness) -> dict[str, object]:
    """A witness as plain JSON values."""
    if not isinstance(witness, Separation):
        return asdict(witness)
    return {
        "component": list(witness.component),
        "rounds": [
            {
                "weights": [
                    {"class": label[0], "letter": label[1], "weights": list(weights)}
                    for label, weights in one.weights.items()
                ],
                "classes": [one.classes[state] for state in witness.component],
                "potentials": [list(one.potentials[state]) for state in witness.component],
            }
            for one in witness.rounds
        ],
        "classes": [witness.classes[state] for state in witness.component],
    }
