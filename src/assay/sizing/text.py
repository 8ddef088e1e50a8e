"""An answer of size as text: the answer, the change that would help, warnings, and what it rests on."""

from __future__ import annotations

import textwrap

from assay.sizing.answer import Sized, Statement

_COLUMNS = 118


def sized_text(sized: Sized) -> str:
    """The answer on the first line, and then why.

    >>> from assay.sizing.answer import Statement
    >>> print(sized_text(Sized({}, "Yes.", True, (Statement("necessary", "2 bits", 2, "counted"),))))
    Yes.
    <BLANKLINE>
    necessary  2 bits
               (counted)
    """
    lines = [sized.answer]
    if sized.change:
        lines += _wrapped("Smallest change: ", f"{sized.change}.")
    for warning in sized.warnings:
        lines += _wrapped("Mind: ", f"{warning}.")
    width = max((len(one.name) for one in sized.statements), default=0)
    rests = ""
    for place, one in enumerate(sized.statements):
        lines += [""] if not place else []
        lines += _statement(one, width, one.justification != rests)
        rests = one.justification
    return "\n".join(lines)


def _statement(one: Statement, width: int, new: bool) -> list[str]:
    lines = _wrapped(f"{one.name:<{width}}  ", one.says)
    return lines + (_wrapped(" " * (width + 2), f"({one.justification})") if new else [])


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
