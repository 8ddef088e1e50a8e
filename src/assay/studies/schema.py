"""The tables of a study file: which keys they have, what stands for a key that is left out, and what values must be.

Keys are checked in the order in which they are defined here, so that what a line says of its task is known when the
keys and tables below it are checked. `assay.studies.faults` puts into words what is wrong.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from assay.arithmetic.fixed_point import MOST_BITS
from assay.errors import AssayError, require, unknown
from assay.evidence import canonical
from assay.models import Option, Shape, check_shape, layer_options, layers_of, shape_of
from assay.models.candidates import candidates_of
from assay.models.shape import USUAL, with_field
from assay.results.sweeps import AXES
from assay.studies.checks import (
    Must,
    above_of,
    different,
    drawable,
    is_of_task,
    known_protocol,
    made,
    varied,
    varying,
)
from assay.studies.keys import (
    ASKED,
    MOST,
    OF_NETWORKS,
    OTHERS,
    STEPS,
    WIDEST,
    Architecture,
    Blocks,
    Budgets,
    Count,
    FixedWidth,
    HeadWidth,
    Method,
    Methods,
    Name,
    Places,
    Positions,
    Rate,
    Rates,
    Seed,
    Seeds,
    Share,
    Stated,
    Table,
    TaskParameters,
    Text,
    Values,
    Width,
    Widths,
)
from assay.studies.schema_boolean import BooleanTable
from assay.studies.schema_vectors import MemoryTable, RetrievalTable
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

    def given(self) -> dict[str, Any]:
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
    def _has_shape(cls, value: Any, info: ValidationInfo) -> Any:
        if "architecture" in info.data:
            check_shape(info.data["architecture"], **shape_of({str(info.field_name): value}))
        return value

    @property
    def shape(self) -> Shape:
        """What is trained, but for its layers and width."""
        return shape_of(vars(self))


class VariedTable(NetworkTable):
    """Networks, or tasks, that differ in one field, at each of several places of a line."""

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
            raise AssayError("left out: the line goes along it; vary another field")
        if vary == "width" or along == "width":
            require(width == 0, "width", width, "left out: the line goes along it, or it is what varies")
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
    """A search at each of several places of its line: for the smallest size that learns, or the largest task."""

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


class SweepTable(VariedTable):
    """Every value at every place, by every seed at every rate; and what its chart has as the horizontal axis."""

    axis: Annotated[Literal["", "state bits", "parameters", "width"], Must(f"one of {', '.join(AXES)}")] = ""


class PrecisionTable(Table):
    """How few bits constructions need."""

    at: Stated
    methods: Methods
    draws: Count = 20


class _OfTask(Table):
    task: TaskParameters

    @model_validator(mode="before")
    @classmethod
    def _begin(cls, table: Any, info: ValidationInfo) -> Any:
        above = above_of(info)
        above.task, above.along, above.distribution = {}, "", ""
        return table


class LineTable(_OfTask):
    """Questions about one task along one of its parameters."""

    title: Text = ""
    along: Annotated[Text, AfterValidator(varying)] = Field("length", validate_default=True)
    recipe: OwnRecipe = RecipeTable()
    bounds: Stated = []
    methods: Methods = []
    constructions: Stated = []
    certificates: Stated = []
    precision: PrecisionTable | None = None
    sweep: list[SweepTable] = []
    search: list[SearchTable] = Field([], validate_default=True)

    @field_validator("constructions", "certificates")
    @classmethod
    def _by_methods(cls, places: list[int], info: ValidationInfo) -> list[int]:
        if info.data.get("methods", True) == []:
            raise AssayError("needs methods, the constructions to be asked about")
        return places

    @field_validator("search")
    @classmethod
    def _asks(cls, searches: list[SearchTable], info: ValidationInfo) -> list[SearchTable]:
        asked = [info.data.get(key, True) for key in ASKED]
        if not any([*asked, searches]):
            raise AssayError(f"nothing is asked; a line has {', '.join(ASKED)} or search")
        if info.data.get("methods") and not any(asked[1:3]):
            raise AssayError("methods are asked about nowhere; they need constructions or certificates")
        for key, tables in (("search", searches), ("sweep", info.data.get("sweep", []))):
            names = [(candidates_of(vars(table)).name, table.vary, table.width) for table in tables]
            require(len(set(names)) == len(names), key, names, "different architectures or shapes")
        return searches


class ComparedTable(NetworkTable):
    """A network that is trained on every task of a comparison."""

    width: Width
    rates: Rates = [0.01]
    steps: Count | None = None

    @field_validator("width")
    @classmethod
    def _is_split(cls, width: int, info: ValidationInfo) -> int:
        split = info.data.get("head_width", 0) or 1
        require(width % split == 0, "width", width, f"a multiple of head_width = {split}")
        return width


def _one_kind(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All can be made, and differ in parameters alone."""
    for task in tasks:
        made(task)
    if len({task["name"] for task in tasks}) > 1:
        raise AssayError(f"must have one name, got {', '.join(dict.fromkeys(task['name'] for task in tasks))}")
    different([canonical(task) for task in tasks])
    return tasks


class ComparisonTable(Table):
    """Every one of some tasks, learned by every one of some networks."""

    title: Text
    tasks: Annotated[list[TaskParameters], Field(min_length=1), AfterValidator(_one_kind)]
    recipe: OwnRecipe = RecipeTable()
    networks: Annotated[list[ComparedTable], Field(min_length=1)]

    @field_validator("recipe")
    @classmethod
    def _drawable(cls, recipe: RecipeTable, info: ValidationInfo) -> RecipeTable:
        above = above_of(info)
        longest = max((made(task).length for task in info.data.get("tasks", [])), default=0)
        for length in recipe.test_lengths if longest else []:
            require(length > longest, "test_lengths", length, f"above the length of training, {longest}")
        for task in info.data.get("tasks", []) if above.distribution else []:
            if lacking := made(task).lacks(above.distribution):
                raise AssayError(f"{above.distribution!r} inputs of {task} need {lacking}")
        return recipe

    @field_validator("networks")
    @classmethod
    def _told_apart(cls, networks: list[ComparedTable]) -> list[ComparedTable]:
        names = [(candidates_of(vars(table)).name, table.width) for table in networks]
        require(len(set(names)) == len(names), "networks", names, "different architectures or shapes")
        return networks


class _OfWholeTask(_OfTask):
    @field_validator("task")
    @classmethod
    def _whole(cls, task: dict[str, Any]) -> dict[str, Any]:
        made(task)
        return task


class PortraitTable(_OfWholeTask):
    """An attention unit that is constructed and one that is trained, to be looked at."""

    method: Method
    draws: Count = 30
    architecture: Architecture
    width: Width
    rate: Rate = 0.01
    recipe: OwnRecipe = RecipeTable()


class TrainedTable(NetworkTable):
    """A network to run a protocol on."""

    width: Width
    rate: Rate = 0.01
    seed: Seed = 0
    recipe: OwnRecipe = RecipeTable()

    @field_validator("width")
    @classmethod
    def _is_split(cls, width: int, info: ValidationInfo) -> int:
        split = info.data.get("head_width", 0) or 1
        require(width % split == 0, "width", width, f"a multiple of head_width = {split}")
        return width


class ProtocolTable(_OfWholeTask):
    """A protocol on a network that is constructed or trained."""

    protocol: Annotated[Text, AfterValidator(known_protocol)]
    title: Text = ""
    constructed: Method | None = None
    trained: TrainedTable | None = Field(None, validate_default=True)
    bits: Annotated[int, Field(ge=1, le=MOST_BITS), Must(f"an integer from 1 to {MOST_BITS}")] | None = None
    fraction: Annotated[int, Field(ge=-1000, le=1000), Must("an integer from -1000 to 1000")] | None = Field(
        None, validate_default=True
    )
    instances: Count = 4096

    @field_validator("trained")
    @classmethod
    def _one_network(cls, trained: TrainedTable | None, info: ValidationInfo) -> TrainedTable | None:
        if "constructed" in info.data and (info.data["constructed"] is None) is (trained is None):
            raise AssayError("there must be a network that is constructed or one that is trained, not both")
        return trained

    @field_validator("fraction")
    @classmethod
    def _a_format(cls, fraction: int | None, info: ValidationInfo) -> int | None:
        if "bits" in info.data and (info.data["bits"] is None) is not (fraction is None):
            raise AssayError("there must be bits and fraction, or neither")
        return fraction


class StudyTable(Table):
    """The whole file, but for its table `quick`."""

    name: Name
    title: Text = ""
    seeds: Seeds = [0, 1, 2]
    ratio: Annotated[float, Field(gt=1, le=1000), Must("a number above 1, at most 1000")] = 1.25
    precision: Annotated[int, Field(ge=1, le=64), Must("an integer from 1 to 64")] = 32
    draws: Count = 30
    recipe: StudysRecipe = RecipeTable()
    retrieval: RetrievalTable | None = None
    memory: MemoryTable | None = None
    comparisons: list[ComparisonTable] = []
    boolean: BooleanTable | None = None
    lines: dict[Name, LineTable] = Field({}, validate_default=True)
    portraits: list[PortraitTable] = []
    protocols: list[ProtocolTable] = []

    @field_validator("lines")
    @classmethod
    def _asks(cls, lines: dict[str, LineTable], info: ValidationInfo) -> dict[str, LineTable]:
        if not lines and not any(info.data.get(key, True) for key in OTHERS):
            raise AssayError(f"a study has lines, {', '.join(OTHERS[:-1])} or {OTHERS[-1]}; this one has none of them")
        return lines
