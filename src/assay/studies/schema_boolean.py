"""The tables of a study file on Boolean functions: heads that are needed, written down and learned."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from assay.booleans.named import function_of
from assay.booleans.trained import MOST_HEADS, MOST_INPUTS, MOST_STEPS
from assay.errors import AssayError, require
from assay.studies.checks import Must, different, known_function
from assay.studies.keys import MOST_SETTING_STEPS, WIDEST, Table, Text

MOST_MARGIN_BITS = 256  # of functions whose margins are asked for
MOST_TABLE_BITS = 8  # of functions whose least errors and explicit weights are asked for

Bits = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_INPUTS)]],
    Field(min_length=1),
    AfterValidator(different),
    Must(f"a list of different integers from 1 to {MOST_INPUTS}"),
]
TableBits = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_TABLE_BITS)]],
    AfterValidator(different),
    Must(f"a list of different integers from 1 to {MOST_TABLE_BITS}"),
]
CountedBits = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_MARGIN_BITS)]],
    AfterValidator(different),
    Must(f"a list of different integers from 1 to {MOST_MARGIN_BITS}"),
]
Functions = Annotated[
    list[Annotated[Text, AfterValidator(known_function)]], Field(min_length=1), AfterValidator(different)
]


class HeadsTrainingTable(Table):
    """How networks of the bare form are trained on all words, see `assay.booleans.trained.train`."""

    inputs: Bits
    restarts: Annotated[int, Field(ge=1, le=1024), Must("an integer from 1 to 1024")] = 64
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS), Must(f"an integer from 1 to {MOST_STEPS}")] = 800
    extra: Annotated[int, Field(ge=0, le=MOST_HEADS - MOST_INPUTS), Must("an integer from 0 to 24")] = 1


class BackboneTable(Table):
    """How the standard backbone is trained on all words, see `assay.booleans.backbone.train_backbone`."""

    inputs: Bits
    heads: Annotated[int, Field(ge=1, le=WIDEST), Must(f"an integer from 1 to {WIDEST}")] = 1
    width: Annotated[int, Field(ge=1, le=WIDEST), Must(f"an integer from 1 to {WIDEST}")] = Field(
        16, validate_default=True
    )
    steps: Annotated[int, Field(ge=1, le=MOST_SETTING_STEPS), Must(f"an integer from 1 to {MOST_SETTING_STEPS}")] = 500

    @field_validator("width")
    @classmethod
    def _divided(cls, width: int, info: ValidationInfo) -> int:
        require(width % info.data.get("heads", 1) == 0, "width", width, "a multiple of heads")
        return width


class BooleanTable(Table):
    """How many heads Boolean functions need, have by explicit weights, and learn."""

    functions: Functions
    inputs: TableBits = []
    margins: CountedBits = []
    trained: list[HeadsTrainingTable] = []
    backbone: BackboneTable | None = Field(None, validate_default=True)

    @field_validator("backbone")
    @classmethod
    def _asks(cls, backbone: BackboneTable | None, info: ValidationInfo) -> BackboneTable | None:
        if backbone is None and not any(info.data.get(key, True) for key in ("inputs", "margins", "trained")):
            raise AssayError("nothing is asked; boolean has inputs, margins, trained or backbone")
        tables = [*info.data.get("trained", []), *([] if backbone is None else [backbone])]
        numbers = {*info.data.get("inputs", []), *info.data.get("margins", []), *(n for t in tables for n in t.inputs)}
        functions = info.data.get("functions", [])
        if functions and numbers and not any(function_of(name, n) for name in functions for n in numbers):
            raise AssayError(f"there is none of {', '.join(functions)} of so many bits: {sorted(numbers)}")
        return backbone
