"""Keys of a study file as types: their kinds and ranges, and in words what a value must be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from assay.schema import Json
from assay.studies.checks import (
    Must,
    different,
    known_architecture,
    known_task,
    listed,
    of_a_task,
    possible,
    solving,
)
from assay.tasks.counter import LARGEST_SEED

STEPS = 1000  # of a run, where neither it nor a recipe says
MOST = 10**9  # steps, or inputs
WIDEST = 100_000
MOST_DIMENSIONS = 512  # of vectors for retrieval, and of memories
MOST_EXPLICIT = 10_000  # documents whose vectors are rounded or trained
MOST_SETTING_STEPS = 1_000_000
A_FORMAT = "different ones of float64, float32, float16, bfloat16, int8"
OF_NETWORKS = ("width", "depth", "loops", "heads", "head_width")  # what can be varied of any network

OTHERS = ("comparisons", "retrieval", "memory", "boolean")  # what a study may ask instead of sweeps, or beside
ASKED = ("bounds", "constructions", "certificates", "precision", "grid")  # by a sweep, beside searches

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$"), Must("lower-case letters, digits and dashes")]
Text = Annotated[str, Must("a text")]
Count = Annotated[int, Field(ge=1, le=MOST), Must(f"an integer from 1 to {MOST}")]
Width = Annotated[int, Field(ge=1, le=WIDEST), Must(f"an integer from 1 to {WIDEST}")]
FixedWidth = Annotated[int, Field(ge=0, le=WIDEST), Must(f"an integer from 1 to {WIDEST}")]
HeadWidth = Annotated[int, Field(ge=0, le=WIDEST), Must(f"an integer from 1 to {WIDEST}, or 0 for one head")]
Blocks = Annotated[int, Field(ge=1, le=1000), Must("an integer from 1 to 1000")]
Share = Annotated[float, Field(ge=0, le=1), Must("a number from 0 to 1")]
Rate = Annotated[float, Field(gt=0, le=1), Must("a learning rate, above 0 and at most 1")]
Rates = Annotated[
    list[Annotated[float, Field(gt=0, le=1)]],
    Field(min_length=1),
    AfterValidator(different),
    Must("different learning rates, above 0 and at most 1"),
]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED), Must(f"an integer from 0 to {LARGEST_SEED}")]
Seeds = Annotated[
    list[Annotated[int, Field(ge=0, le=LARGEST_SEED)]],
    Field(min_length=1),
    AfterValidator(different),
    Must(f"a list of different integers from 0 to {LARGEST_SEED}"),
]
Places = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    Field(min_length=1),
    AfterValidator(different),
    Must("a list of different positive integers"),
    AfterValidator(possible),
]
Stated = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    Field(min_length=1),
    AfterValidator(different),
    Must("a list of different positive integers"),
    AfterValidator(of_a_task),
    AfterValidator(possible),
]
Values = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    AfterValidator(different),
    Must("a list of different positive integers"),
]
Sizes = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_DIMENSIONS)]],
    Field(min_length=1),
    AfterValidator(different),
    Must(f"a list of different integers from 1 to {MOST_DIMENSIONS}"),
]
Numbers = Annotated[
    list[Annotated[int, Field(ge=2, le=MOST_EXPLICIT)]],
    AfterValidator(different),
    Must(f"a list of different integers from 2 to {MOST_EXPLICIT}"),
]
Temperatures = Annotated[
    list[Annotated[float, Field(ge=1e-4, le=1e4)]],
    Field(min_length=1),
    Must("a list of numbers from 0.0001 to 10000"),
]
Positions = Annotated[Literal["", "none", "table", "rotary"], Must("none, table or rotary")]
Widths = Annotated[
    list[Annotated[int, Field(ge=1, le=WIDEST)]],
    BeforeValidator(listed),
    Field(min_length=1),
    Must(f"an integer from 1 to {WIDEST}, or a list of them"),
]
Budgets = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST)]],
    BeforeValidator(listed),
    Field(min_length=1),
    Must(f"an integer from 1 to {MOST}, or a list of them"),
]
Method = Annotated[Text, AfterValidator(solving)]
Methods = Annotated[list[Method], Field(min_length=1), AfterValidator(different)]
Architecture = Annotated[Text, AfterValidator(known_architecture)]
TaskParameters = Annotated[Json, AfterValidator(known_task)]


class Table(BaseModel):
    """A table of the file; of keys that it may leave out, the default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
