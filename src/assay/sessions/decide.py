"""What `assay language`, `assay group` and `assay boolean` do: answers that are computed, not trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError, one_line, require_integer
from assay.store.files import require_writable

if TYPE_CHECKING:
    from assay.booleans.answer import BooleanAnswer
    from assay.groups.answer import GroupAnswer
    from assay.languages.answer import LanguageAnswer

Tell = Callable[[str], None]


def language(expression: str, *, alphabet: str | None = None, tell: Tell = lambda _: None) -> LanguageAnswer:
    """Decide what recognises a regular language: its classes, why, and what they say of networks.

    Args:
        expression: a regular expression, or the path of an automaton that ends in `.json`.
        alphabet: all letters; those that the expression names unless given.
        tell: is told what takes long.

    >>> language("a*b").answer.partition(":")[0]
    'a*b is R-trivial'

    Raises:
        AssayError: the expression is none, or the file cannot be read.
    """
    from assay.languages.answer import answer_language
    from assay.languages.reading import read_language

    return answer_language(one_line(expression), read_language(expression, alphabet), tell)


def group(group: str, *, certificate: str | Path | None = None) -> GroupAnswer:
    """What must a layer have to track products in a finite group, at any length?

    Args:
        group: `S5`, `Z2xS3`, permutations that generate it, or the path of a table that ends in `.csv`.
        certificate: a JSON file for the explicit weights with their proof, which `assay.verify` checks.

    >>> group("S3").structure.derived_length
    2

    Raises:
        AssayError: no such group, too large a one, or a path that cannot be used.
    """
    from assay.groups.answer import answer_group
    from assay.groups.reading import group_from
    from assay.placing.trained import trained_on_group

    path = None if certificate is None else Path(certificate)
    require_writable(path)
    asked = group_from(group)
    found = answer_group(asked)
    found = replace(found, facts=(*found.facts, *trained_on_group(asked.name)))
    if path is None:
        return found
    from assay.groups.certificate_file import write_group_certificate

    write_group_certificate(path, asked, found.networks)
    return replace(found, certificate=str(path))


def boolean(
    function: str | None = None,
    *,
    inputs: int | None = None,
    table: str | None = None,
    heads: int | None = None,
    certificate: str | Path | None = None,
    tell: Tell = lambda _: None,
) -> BooleanAnswer:
    """How many heads of one softmax layer does a Boolean function need?

    Args:
        function: its name, such as `parity` or `at-least-3`, or `file.py:f`, a function of a tuple of bits.
        inputs: bits.
        table: in place of a name, 2^n digits 0 and 1; x_0 is the lowest bit of the place.
        heads: how often so many heads are wrong at least is asked, too.
        certificate: a JSON file for the proof of the threshold degree, which `assay.verify` checks.
        tell: is told what takes long.

    >>> boolean("parity", inputs=3).heads_lower_bound
    3

    Raises:
        AssayError: no such function, or a path that cannot be used.
    """
    from assay.booleans.reading import function_from

    path = None if certificate is None else Path(certificate)
    require_writable(path)
    if heads is not None:
        require_integer("heads", heads, 0, None)
    asked = function_from(function, inputs, table)
    from assay.booleans.answer import answer_boolean

    found = answer_boolean(asked, heads, tell)
    if path is None:
        return found
    if found.degree.certificate is None:
        raise AssayError(
            f"certificate = {path} is not allowed for {found.inputs} bits of which only the count matters: above 256 "
            "the degree rests on the theorem"
        )
    found.degree.certificate.write(path)
    return replace(found, certificate=str(path))
