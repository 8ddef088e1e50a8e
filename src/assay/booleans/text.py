"""What is said of a Boolean function, as text: the answer on the first line, then each number."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from assay.booleans.facts import CONDITIONS
from assay.booleans.rounded import at_least

if TYPE_CHECKING:
    from assay.booleans.answer import BooleanAnswer

_COLUMNS = 118
_LISTED = 16  # inputs, rules


def headline(found: BooleanAnswer) -> str:
    """One or two sentences that decide.

    >>> from assay.booleans.answer import answer_boolean
    >>> from assay.booleans.named import named_function
    >>> headline(answer_boolean(named_function("parity", 8), heads=4))
    'parity of 8 bits has threshold degree 8: one softmax layer with a fixed query and a linear readout needs 8 heads in
    exact arithmetic, and 8 are enough. With 4 heads it is wrong on at least 6.25 % of uniform inputs.'
    """
    degree, least, made = found.degree, found.heads_lower_bound, found.constructed
    name = f"{found.function.name} of {found.inputs} bit{'s' * (found.inputs != 1)}"
    if found.structure.constant:
        return f"{name} is constant: it needs no head."
    shown = degree.degree if degree.degree is not None else f"from {degree.at_least} to {degree.at_most}"
    start = f"{name} has threshold degree {shown}: one softmax layer with a fixed query and a linear readout needs"
    if made is None:
        rest = f"at least {_heads(least)} in exact arithmetic."
    elif made.heads == least:
        rest = f"{_heads(least)} in exact arithmetic, and {least} {'is' if least == 1 else 'are'} enough."
    else:
        rest = f"at least {_heads(least)} in exact arithmetic, and {made.heads} are enough."
    wrong = ""
    if found.least is not None and float(found.least.error) > 0:
        share = f"{at_least(100 * found.least.error)} %"
        wrong = f" With {_heads(found.least.heads)} it is wrong on at least {share} of uniform inputs."
    return f"{start} {rest}{wrong}"


def boolean_text(found: BooleanAnswer) -> str:
    """The answer, its conditions, what the function is, and each number: what is safe to say, and what is not."""
    rows = [("function", _structure(found))]
    rows += [("condition", one) for one in CONDITIONS]
    rows += [("not done", one) for one in found.left_out]
    width = max(len(name) for name, _ in rows)
    lines = _wrapped("", headline(found))
    for name, says in rows:
        lines += _wrapped(f"{name:<{width}}  ", says)
    for claim in found.claims:
        lines += _wrapped(f"{claim.name}: ", f"{claim.safe_to_say} ({claim.status}: {claim.justification})", "  ")
        lines += _wrapped("  not to be said: ", claim.not_to_be_said, "    ")
    return "\n".join(lines)


def _structure(found: BooleanAnswer) -> str:
    structure = found.structure
    names = {
        "symmetric": structure.symmetric,
        "monotone": structure.monotone,
        "unate": structure.unate,
        "a decision list": structure.decision_list is not None,
    }
    said = [f"{'' if holds else 'not '}{name}" for name, holds in names.items()]
    count = len(structure.depends_on)
    if count == found.inputs:
        said.append("depends on all inputs")
    else:
        shown = ", ".join(map(str, structure.depends_on[:_LISTED]))
        said.append(f"depends on {f'inputs {shown}' if count else 'no input'}{', ...' if count > _LISTED else ''}")
    return ", ".join(said)


def _heads(count: int) -> str:
    return f"{count} head{'s' * (count != 1)}"


def _wrapped(start: str, text: str, indent: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=" " * len(start) if indent is None else indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
