"""The tables of a study file on vectors without networks: retrieval and linear memories."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from assay.errors import AssayError, require
from assay.retrieval.explicit import EXPLICIT
from assay.retrieval.learned import Setting
from assay.retrieval.memories import KINDS, LOADS, NUMBER_FORMATS
from assay.studies.checks import Must, different
from assay.studies.keys import A_FORMAT, MOST_SETTING_STEPS, Numbers, Rate, Sizes, Table, Temperatures


class SettingTable(Table):
    """How vectors for retrieval are trained, see `assay.retrieval.learned.Setting`; and at which dimensions."""

    loss: Annotated[Literal["infonce", "sigmoid"], Must("infonce or sigmoid")] = Setting.loss
    temperatures: Temperatures = list(Setting.temperatures)
    steps: Annotated[int, Field(ge=1, le=MOST_SETTING_STEPS), Must(f"an integer from 1 to {MOST_SETTING_STEPS}")] = (
        Field(Setting.steps, validate_default=True)
    )
    rate: Rate = Setting.rate
    dimensions: Sizes

    @field_validator("steps")
    @classmethod
    def _enough(cls, steps: int, info: ValidationInfo) -> int:
        require(steps >= len(info.data.get("temperatures", [])), "steps", steps, "at least one for each temperature")
        return steps


class RetrievalTable(Table):
    """How many documents vectors of d numbers serve, for all sets of `top`."""

    top: Annotated[int, Field(ge=1, le=10), Must("an integer from 1 to 10")] = 2
    vectors: Annotated[
        list[Literal["cyclic", "signs", "one-hot-code", "cyclic-code"]],
        Field(min_length=1),
        AfterValidator(different),
        Must(f"different ones of {', '.join(EXPLICIT)}"),
    ] = ["cyclic"]
    explicit: Numbers = []
    formats: Annotated[
        list[Annotated[Literal["float64", "float32", "float16", "bfloat16", "int8"], Must(A_FORMAT)]],
        Field(min_length=1),
        AfterValidator(different),
        Must(A_FORMAT),
    ] = ["float64", "float32", "bfloat16", "float16", "int8"]
    trained: list[SettingTable] = []
    margins: SettingTable | None = None
    documents: Numbers = Field([], validate_default=True)

    @field_validator("explicit", "documents")
    @classmethod
    def _more_than_top(cls, numbers: list[int], info: ValidationInfo) -> list[int]:
        for number in numbers:
            require(number > info.data.get("top", 1), info.field_name or "", number, "more than top")
        return numbers

    @field_validator("documents")
    @classmethod
    def _of_margins(cls, numbers: list[int], info: ValidationInfo) -> list[int]:
        if bool(numbers) is (info.data.get("margins") is None):
            raise AssayError("there must be margins and documents, or neither")
        if not any(info.data.get(key, True) for key in ("explicit", "trained", "margins")):
            raise AssayError("nothing is asked; retrieval has explicit, trained, or margins and documents")
        return numbers


class MemoryTable(Table):
    """How many pairs linear memories of d x d numbers hold, without training."""

    dimensions: Sizes
    loads: Annotated[
        list[Annotated[float, Field(gt=0, le=1000)]],
        Field(min_length=1),
        AfterValidator(different),
        Must("different numbers above 0, at most 1000"),
    ] = list(LOADS)
    kinds: Annotated[
        list[Literal["correlation", "least-squares", "delta-rule", "softmax"]],
        Field(min_length=1),
        AfterValidator(different),
        Must(f"different ones of {', '.join(KINDS)}"),
    ] = list(KINDS)
    formats: Annotated[
        list[Literal["float32", "bfloat16", "int8"]],
        Field(min_length=1),
        AfterValidator(different),
        Must(f"different ones of {', '.join(NUMBER_FORMATS)}"),
    ] = list(NUMBER_FORMATS)
