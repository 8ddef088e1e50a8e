"""What is said of a group, as text: the answer on the first line, then why."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.groups.answer import GroupAnswer, Steps
    from assay.groups.certify import WeightsCertificate

_COLUMNS = 118
_LISTED = 24  # conjugacy classes, generators


def headline(found: GroupAnswer) -> str:
    """One or two sentences that decide.

    >>> from assay.groups import named_group
    >>> from assay.groups.answer import answer_group
    >>> headline(answer_group(named_group("S3")))
    'S3, of order 6, is solvable of derived length 2: its words are tracked by 2 diagonal complex layers, or by one
    DeltaProduct layer with 2 Householder steps a token (1 where the letters are generators) and eigenvalues in
    [-1, 1].'
    """
    structure = found.structure
    if structure.order == 1:
        return f"{found.name}, of order 1, asks nothing: every product is 1."
    kind = f"is solvable of derived length {structure.derived_length}" if structure.solvable else "is not solvable"
    start = f"{found.name}, of order {structure.order}, {'is Abelian' if structure.abelian else kind}"
    if structure.solvable:
        count = structure.derived_length
        diagonal = f"{count} diagonal complex layer{'s' * (count != 1)}"
        rest = f", or by one DeltaProduct layer with {_counts(found)} and eigenvalues in [-1, 1]" if found.steps else ""
        return f"{start}: its words are tracked by {diagonal}{rest}."
    no_depth = "no number of diagonal layers does it (published), nor attention of fixed depth unless TC0 = NC1"
    if found.steps is None:
        return f"{start}: {no_depth}."
    return (
        f"{start}: its words are tracked by one DeltaProduct layer with {_counts(found)} and eigenvalues in [-1, 1]; "
        f"{no_depth}."
    )


def _counts(found: GroupAnswer) -> str:
    assert found.steps is not None
    assert found.steps_generators is not None
    count, fewer = found.steps.count, found.steps_generators.count
    generators = f" ({fewer} where the letters are generators)" if fewer < count else ""
    return f"{count} Householder step{'s' * (count != 1)} a token{generators}"


def group_text(found: GroupAnswer) -> str:
    """The answer, the structure, the steps, the weights, and what is known, each with what it rests on."""
    rows = [*_structure(found)]
    if found.structure.order > 1:
        rows += _steps(found.steps, "all letters") + _steps(found.steps_generators, "generators")
    rows += [("weights", _weights(found, one), one.justification) for one in found.weights]
    rows += [(one.status, f"{one.name}: {one.says}", one.justification) for one in found.facts]
    rows += [("not done", one, "") for one in found.left_out]
    width = max(len(name) for name, _, _ in rows)
    lines = textwrap.wrap(headline(found), _COLUMNS, break_long_words=False, break_on_hyphens=False)
    before = ""
    for name, says, rests in rows:
        lines += _wrapped(f"{name:<{width}}  ", says)
        lines += _wrapped(" " * (width + 2), f"({rests})") if rests and rests != before else []
        before = rests
    return "\n".join(lines)


def _structure(found: GroupAnswer) -> list[tuple[str, str, str]]:
    structure = found.structure
    series = " > ".join(map(str, structure.derived_series))
    names = {"Abelian": structure.abelian, "nilpotent": structure.nilpotent, "solvable": structure.solvable}
    kinds = ", ".join(f"{'' if holds else 'not '}{name}" for name, holds in names.items())
    said = (
        f"order {structure.order}, exponent {structure.exponent}, centre {structure.centre}; {kinds}; "
        f"derived series {series}{'' if structure.solvable else ', which stays'}"
    )
    listed = "; ".join(f"{one.representative}: {one.size} of order {one.order}" for one in found.classes[:_LISTED])
    more = len(found.classes) - _LISTED
    classes = f"{len(found.classes)}: {listed}{f'; and {more} more' if more > 0 else ''}"
    return [("group", said, "from its table"), ("classes", classes, "")]


def _steps(steps: Steps | None, name: str) -> list[tuple[str, str, str]]:
    if steps is None:
        return []
    least = "no faithful orthogonal representation has fewer"
    if steps.least < steps.count:
        least = f"no faithful orthogonal representation has fewer than {steps.least}"
    parts = " + ".join(f"{part.dimension} ({part.kind})" for part in steps.parts)
    says = (
        f"{_listed(steps.letters)}{steps.count} Householder step{'s' * (steps.count != 1)} a token "
        f"{'is' if steps.count == 1 else 'are'} enough, in dimension {parts}; {least}"
    )
    rests = (
        "exact characters; an orthogonal A takes rank(A - I) reflections and no fewer, Cartan and Dieudonné. Whether "
        "weights that are not orthogonal do with fewer is not decided here"
    )
    return [(name, says, rests)]


def _listed(letters: tuple[str, ...]) -> str:
    if not letters:
        return ""
    return f"{', '.join(letters[:_LISTED])}{', ...' if len(letters) > _LISTED else ''}: "


def _weights(found: GroupAnswer, one: WeightsCertificate) -> str:
    count = f"{one.steps} step{'s' * (one.steps != 1)}" if one.steps else f"{one.layers} layer{'s' * (one.layers != 1)}"
    letters = "all letters" if one.letters == found.structure.order else "generators"
    end = f"on words of up to {one.horizon:,} tokens" if one.horizon is not None else "at any length"
    return f"{one.weights}: {count}, {letters}, {one.state} numbers of state; right {end} in {one.arithmetic}"


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
