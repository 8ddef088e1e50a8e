"""An answer about a language as text: the answer, then the decisions and why, then what follows for networks."""

from __future__ import annotations

import textwrap

from assay.languages.answer import LanguageAnswer
from assay.languages.classes import Decision

_COLUMNS = 118
_NAMES = {
    "finite": "finite",
    "r_trivial": "R-trivial",
    "c_rasp": "C-RASP",
    "last_letter": "  read at the last letter",
    "star_free": "star-free",
    "ac0": "in AC0",
    "solvable": "solvable",
}
_VERDICTS = {True: "yes", False: "no", None: "open"}


def language_text(answer: LanguageAnswer) -> str:
    """The answer on the first line, the decisions, and the facts by kind.

    >>> from assay.languages.answer import answer_language
    >>> from assay.languages.expression import automaton_of
    >>> print("\\n".join(language_text(answer_language("(ab)*", automaton_of("(ab)*"))).splitlines()[:5]))
    (ab)* is in C-RASP but not R-trivial: ...
    <BLANKLINE>
    states                     3 over the letters ab, in 2 components; 6 elements in the transition monoid
    finite                     no    all words (ab)* are accepted
    R-trivial                  no    states 0 and 1 lead to each other, by a and b
    """
    classes = answer.classes
    width = max(map(len, _NAMES.values()))
    size = "more elements than were listed" if classes.monoid_size is None else f"{classes.monoid_size:,} elements"
    components = "1 component" if len(classes.components) == 1 else f"{len(classes.components)} components"
    lines = [answer.answer, ""]
    lines += _wrapped(
        f"{'states':<{width}}  ",
        f"{classes.automaton.states} over the letters {classes.automaton.letters}, in {components}; {size} in the "
        "transition monoid",
    )
    for name, shown in _NAMES.items():
        decision: Decision = getattr(classes, name)
        lines += _wrapped(f"{shown:<{width}}  {_VERDICTS[decision.holds]:<4}  ", decision.why)
    for fact in answer.facts:
        condition = f" if {fact.condition}" if fact.condition else ""
        start = f"{fact.kind}{condition}"
        lines += ["", *_wrapped(f"{start:<{width}}  ", f"{fact.architecture}: {fact.says}")]
        lines += _wrapped(" " * (width + 2), f"({fact.setting}; {fact.source})")
    return "\n".join(lines)


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
