"""The tables of a study file on networks that learn: recipes, searches, grids."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from assay.errors import AssayError, require, unknown
from assay.models import Option, Shape, check_shape, layer_options, layers_of, shape_of
from assay.models.shape import USUAL, with_field
from assay.results.grids import AXES
from assay.schema import Json
from assay.studies.checks import (
    Must,
    above_of,
    drawable,
    is_of_task,
    varied,
)
from assay.studies.keys import (
    MOST,
    OF_NETWORKS,
    STEPS,
    WIDEST,
    Architecture,
    Blocks,
    Budgets,
    Count,
    FixedWidth,
    HeadWidth,
    Places,
    Positions,
    Rates,
    Share,
    Table,
    Text,
    Values,
    Width,
    Widths,
)
from assay.tasks import TASKS
from assay.training.recipe import Recipe
from assay.training.search import ladder


class RecipeTable(Table):
    """How networks are trained; see `assay.training.recipe.Recipe`."""

    distribution: Annotated[str, Field(min_length=1), Must("a text")] = ""  # the usual one of the task
    steps: Count = STEPS
    batch: Count = Recipe.batch
    warmup: Count = Recipe.warmup
    decay: Share = Recipe.decay
    averaging: Annotated[float, Field(ge=0, lt=1), Must("a number from 0 up to below 1")] = Recipe.averaging
    check_every: Count = Recipe.check_every
    validation: Count = Recipe.validation
    test: Count = Recipe.test
    clip: Annotated[float, Field(gt=0), Must("a finite number above 0")] = Recipe.clip
    shortest: Annotated[int, Field(ge=0, le=MOST), Must(f"an integer from 1 to {MOST}, or 0 for one length")] = 0
    curriculum: bool = False
    test_lengths: Values = []
    test_distribution: Annotated[str, Field(min_length=1), Must("a text")] = ""  # that of all inputs

    def given(self) -> Json:
        """What the file says."""
        return self.model_dump(exclude_unset=True)


def _studys_inputs(recipe: RecipeTable, info: ValidationInfo) -> RecipeTable:
    above_of(info).studys = recipe.distribution
    return recipe


def _inputs(recipe: RecipeTable, info: ValidationInfo) -> RecipeTable:
    """The task has the inputs that this recipe, or else the study's, names."""
    above = above_of(info)
    if above.task:
        kind = TASKS[above.task["name"]]
        above.distribution = recipe.distribution or above.studys or kind.usual_distribution
        if above.distribution not in kind.distributions:
            named, above.distribution = above.distribution, ""
            raise unknown("distribution", named, kind.distributions)
        if recipe.test_distribution and recipe.test_distribution not in kind.distributions:
            raise unknown("test_distribution", recipe.test_distribution, kind.distributions)
    return recipe


StudysRecipe = Annotated[RecipeTable, AfterValidator(_studys_inputs)]
OwnRecipe = Annotated[RecipeTable, AfterValidator(_inputs), Field(validate_default=True)]


class NetworkTable(Table):
    """What is trained."""

    architecture: Architecture
    depth: Blocks = 1
    loops: Blocks = 1
    head_width: HeadWidth = 0
    positions: Positions = ""
    options: Annotated[dict[str, Option], Must("a table of numbers, texts, true or false")] = {}

    @field_validator("depth", "loops", "head_width", "options")
    @classmethod
    def _has_shape(cls, value: object, info: ValidationInfo) -> object:
        if "architecture" in info.data:
            check_shape(info.data["architecture"], **shape_of({str(info.field_name): value}))
        return value

    @property
    def shape(self) -> Shape:
        """What is trained, but for its layers and width."""
        return shape_of(vars(self))


class VariedTable(NetworkTable):
    """Networks, or tasks, that differ in one field, at each of several places of a sweep."""

    all_listed: ClassVar[bool] = True  # whether widths are listed, too

    vary: Text = Field("width", validate_default=True)
    values: Values = Field([], validate_default=True)
    width: FixedWidth = Field(0, validate_default=True)
    at: Annotated[Places, AfterValidator(drawable)]
    steps: Budgets | None = None
    rates: Rates = [0.01]

    @field_validator("vary")
    @classmethod
    def _can_vary(cls, vary: str, info: ValidationInfo) -> str:
        above, architecture = above_of(info), info.data.get("architecture")
        above.tried = [{}]
        if architecture is None or not above.task:
            return vary
        own = [name for part in layers_of(architecture) for name in layer_options(part)]
        known = dict.fromkeys([*OF_NETWORKS, *own, *varied(above.task["name"])])
        if vary not in known or (vary not in (*OF_NETWORKS, *own) and vary == above.along):
            raise unknown("field to vary", vary, [name for name in known if name != above.along])
        given = info.data.get("options", {}) if vary in own else above.task
        field = "head_width" if vary == "heads" else vary
        if vary in given or info.data.get(field, USUAL.get(field)) != USUAL.get(field):
            raise AssayError(f"{field} must not be given, since {vary} varies")
        return vary

    @field_validator("values")
    @classmethod
    def _are_rungs(cls, values: list[int], info: ValidationInfo) -> list[int]:
        above, vary = above_of(info), info.data.get("vary")
        if vary is None:  # its fault is said
            return values
        if vary == "width" and not cls.all_listed:
            require(not values, "values", values, "left out where the width varies; say lowest and highest")
            return values
        require(bool(values), "values", values, f"given where {vary} varies")
        most = {"width": WIDEST, "head_width": WIDEST, "heads": WIDEST, "depth": 1000, "loops": 1000}.get(vary)
        require(most is None or max(values) <= most, "values", values, f"integers from 1 to {most}")
        if above.task and is_of_task(vary, above.task, above.along):
            above.tried = [{vary: value} for value in values]
        elif vary not in ("width", "heads") and "architecture" in info.data:
            for value in values:
                check_shape(info.data["architecture"], **with_field(info.data, vary, value))
        return values

    @field_validator("width")
    @classmethod
    def _is_fixed(cls, width: int, info: ValidationInfo) -> int:
        vary, along, values = info.data.get("vary"), above_of(info).along, info.data.get("values", [])
        if vary is None:
            return width
        if along == "width" and vary in ("width", "heads"):
            raise AssayError("left out: the sweep goes along it; vary another field")
        if vary == "width" or along == "width":
            require(width == 0, "width", width, "left out: the sweep goes along it, or it is what varies")
        else:
            require(width > 0, "width", width, f"given where {vary} varies")
        for parts in values if vary in ("heads", "head_width") else []:
            require(width % parts == 0, "width", width, f"a multiple of {vary} = {parts}")
        for one in values if vary == "width" else [width]:
            split = info.data.get("head_width") or 1
            require(one % split == 0, "width", one, f"a multiple of head_width = {split}")
        if vary == "heads" and "architecture" in info.data:
            for heads in values:
                check_shape(info.data["architecture"], **with_field(info.data, vary, heads, width=width))
        return width

    @field_validator("at")
    @classmethod
    def _are_widths(cls, at: list[int], info: ValidationInfo) -> list[int]:
        split = info.data.get("head_width") or 1
        for width in at if above_of(info).along == "width" else []:
            require(
                width <= WIDEST and width % split == 0, "at", width, f"a width, and a multiple of head_width = {split}"
            )
        return at

    @field_validator("start", "steps", check_fields=False)
    @classmethod
    def _one_for_each(cls, numbers: list[int], info: ValidationInfo) -> list[int]:
        at = info.data.get("at", numbers)
        if len(numbers) not in (1, len(at)):
            raise AssayError(f"{info.field_name} = {numbers} must have one entry, or one for each of {at}")
        return numbers * len(at) if len(numbers) == 1 else numbers


class SearchTable(VariedTable):
    """A search at each of several places of its sweep: for the smallest size that learns, or the largest task."""

    all_listed: ClassVar[bool] = False

    start: Widths | None = None
    lowest: Width = 2
    highest: Width = Field(64, validate_default=True)

    @field_validator("highest")
    @classmethod
    def _is_a_ladder(cls, highest: int, info: ValidationInfo) -> int:
        if info.data.get("vary", "width") == "width":
            ladder(info.data.get("lowest", 1), highest, 2.0, info.data.get("head_width", 0) or 1)
        return highest


class GridTable(VariedTable):
    """Every value at every place, by every seed at every rate; and what its chart has as the horizontal axis."""

    axis: Annotated[Literal["", "state bits", "parameters", "width"], Must(f"one of {', '.join(AXES)}")] = ""
