"""What a network of an architecture is made with, beside its width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from assay.errors import AssayError

Option = bool | int | float | str


class Shape(TypedDict, total=False):
    """Fields that may be left out.

    Attributes:
        depth: how many times the architecture's layers follow each other, each time with weights of their own; 1.
        loops: how often all of these blocks are run, with the same weights; 1.
        head_width: of heads that split the width; 0 for one head.
        positions: `none`, `table` or `rotary`; the usual ones of the task unless given.
        options: of the layers, by name.
    """

    depth: int
    loops: int
    head_width: int
    positions: str
    options: Mapping[str, Option]


USUAL: Shape = {"depth": 1, "loops": 1, "head_width": 0, "positions": "", "options": {}}


def shape_of(described: Mapping[str, Any]) -> Shape:
    """The shape in the key of a question, or among a table's entries; what is left out is usual.

    >>> shape_of({"kind": "training", "depth": 2})["depth"]
    2
    """
    return {**USUAL, **{name: described[name] for name in USUAL if name in described}}


def with_field(described: Mapping[str, Any], field: str, value: Any, *, width: int = 0) -> Shape:
    """The shape with another value of one of its fields, of `heads` at this width, or of an option of its layers.

    >>> with_field({}, "loops", 3)["loops"], with_field({}, "states", 4)["options"]
    (3, {'states': 4})
    >>> [with_field({}, "heads", heads, width=12)["head_width"] for heads in (1, 3)]
    [0, 4]
    """
    if field == "heads":
        return shape_of({**described, "head_width": width // value if value > 1 else 0})
    if field in USUAL:
        return shape_of({**described, field: value})
    return shape_of({**described, "options": dict(sorted({**described.get("options", {}), field: value}.items()))})


def options_text(options: Mapping[str, Option]) -> str:
    """Options as the command line takes them.

    >>> options_text({"key_width": 16, "signed": True})
    'key_width=16,signed=true'
    """
    said = {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items()}
    return ",".join(f"{name}={value}" for name, value in said.items())


def parse_options(text: str) -> dict[str, Option]:
    """The options that the command line was given, in the order of their names.

    >>> parse_options("key_width=16,eigenvalues=signed,bias=false")
    {'bias': False, 'eigenvalues': 'signed', 'key_width': 16}

    Raises:
        AssayError: not name=value, or a name twice.
    """
    found: dict[str, Option] = {}
    for word in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not (equals and value and name.isidentifier()) or name in found:
            raise AssayError(f"options = {text} is not allowed; it must be name=value,name=value with different names")
        found[name] = _value(value)
    return dict(sorted(found.items()))


def _value(word: str) -> Option:
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            pass
    return word
