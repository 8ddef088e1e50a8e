"""The tables of a study file: which keys they have, what stands for a key that is left out, and what values must be.

Keys are checked in the order in which they are defined here, so that what a line says of its task is known when the
keys and tables below it are checked. `assay.studies.faults` puts into words what is wrong.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from assay.boolean.symmetric_heads import MOST_COUNTS
from assay.boolean.training import MOST_HEADS, MOST_INPUTS, MOST_STEPS
from assay.errors import AssayError, require, unknown
from assay.learning.recipe import Recipe
from assay.learning.search import ladder
from assay.networks import Option, Shape, check_shape, layer_options, layers_of, shape_of
from assay.networks.candidates import candidates_of
from assay.networks.fixed_point import MOST_BITS
from assay.networks.shape import USUAL, with_field
from assay.retrieval.learned import Setting
from assay.retrieval.memories import KINDS, LOADS, NUMBER_FORMATS
from assay.retrieval.plan import EXPLICIT
from assay.studies.checks import (
    Must,
    above_of,
    different,
    drawable,
    is_of_task,
    known_architecture,
    known_function,
    known_protocol,
    known_task,
    listed,
    made,
    of_a_task,
    possible,
    solving,
    varied,
    varying,
)
from assay.sweeps import AXES
from assay.tasks import TASKS
from assay.tasks.counter import LARGEST_SEED

STEPS = 1000  # of a run, where neither it nor a recipe says
MOST = 10**9  # steps, or inputs
WIDEST = 100_000
MOST_DIMENSIONS = 512  # of vectors for retrieval, and of memories
MOST_EXPLICIT = 10_000  # documents whose vectors are rounded or trained
MOST_SETTING_STEPS = 1_000_000
MOST_TABLE_BITS = 8  # of functions whose least errors and explicit weights are asked for
_A_FORMAT = "different ones of float64, float32, float16, bfloat16, int8"
OF_NETWORKS = ("width", "depth", "loops", "heads", "head_width")  # what can be varied of any network

OTHERS = ("retrieval", "memory", "boolean")  # what a study may ask instead of lines, or beside
ASKED = ("bounds", "constructions", "certificates", "precision", "sweep")  # by a line, beside searches

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
    Field(min_length=1), AfterValidator(different), Must("different learning rates, above 0 and at most 1"),
]  # fmt: skip
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED), Must(f"an integer from 0 to {LARGEST_SEED}")]
Seeds = Annotated[
    list[Annotated[int, Field(ge=0, le=LARGEST_SEED)]],
    Field(min_length=1), AfterValidator(different), Must(f"a list of different integers from 0 to {LARGEST_SEED}"),
]  # fmt: skip
Places = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    Field(min_length=1), AfterValidator(different), Must("a list of different positive integers"),
    AfterValidator(possible),
]  # fmt: skip
Stated = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    Field(min_length=1), AfterValidator(different), Must("a list of different positive integers"),
    AfterValidator(of_a_task), AfterValidator(possible),
]  # fmt: skip
Values = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    AfterValidator(different), Must("a list of different positive integers"),
]  # fmt: skip
Sizes = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_DIMENSIONS)]],
    Field(min_length=1), AfterValidator(different), Must(f"a list of different integers from 1 to {MOST_DIMENSIONS}"),
]  # fmt: skip
Numbers = Annotated[
    list[Annotated[int, Field(ge=2, le=MOST_EXPLICIT)]],
    AfterValidator(different), Must(f"a list of different integers from 2 to {MOST_EXPLICIT}"),
]  # fmt: skip
Bits = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_INPUTS)]],
    Field(min_length=1), AfterValidator(different), Must(f"a list of different integers from 1 to {MOST_INPUTS}"),
]  # fmt: skip
TableBits = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_TABLE_BITS)]],
    AfterValidator(different), Must(f"a list of different integers from 1 to {MOST_TABLE_BITS}"),
]  # fmt: skip
CountedBits = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_COUNTS)]],
    AfterValidator(different), Must(f"a list of different integers from 1 to {MOST_COUNTS}"),
]  # fmt: skip
Functions = Annotated[
    list[Annotated[Text, AfterValidator(known_function)]], Field(min_length=1), AfterValidator(different)
]
Temperatures = Annotated[
    list[Annotated[float, Field(ge=1e-4, le=1e4)]],
    Field(min_length=1), Must("a list of numbers from 0.0001 to 10000"),
]  # fmt: skip
Positions = Annotated[Literal["", "none", "table", "rotary"], Must("none, table or rotary")]
Widths = Annotated[
    list[Annotated[int, Field(ge=1, le=WIDEST)]],
    BeforeValidator(listed), Field(min_length=1), Must(f"an integer from 1 to {WIDEST}, or a list of them"),
]  # fmt: skip
Budgets = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST)]],
    BeforeValidator(listed), Field(min_length=1), Must(f"an integer from 1 to {MOST}, or a list of them"),
]  # fmt: skip
Method = Annotated[Text, AfterValidator(solving)]
Methods = Annotated[list[Method], Field(min_length=1), AfterValidator(different)]
Architecture = Annotated[Text, AfterValidator(known_architecture)]
TaskParameters = Annotated[dict[str, Any], AfterValidator(known_task)]


class Table(BaseModel):
    """A table of the file; of keys that it may leave out, the default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class RecipeTable(Table):
    """How networks are trained; see `assay.learning.recipe.Recipe`."""

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
        list[Literal["cyclic", "signs", "one-hot-code", "cyclic-code"]], Field(min_length=1), AfterValidator(different),
        Must(f"different ones of {', '.join(EXPLICIT)}"),
    ] = ["cyclic"]  # fmt: skip
    explicit: Numbers = []
    formats: Annotated[
        list[Annotated[Literal["float64", "float32", "float16", "bfloat16", "int8"], Must(_A_FORMAT)]],
        Field(min_length=1), AfterValidator(different), Must(_A_FORMAT),
    ] = ["float64", "float32", "bfloat16", "float16", "int8"]  # fmt: skip
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
        list[Annotated[float, Field(gt=0, le=1000)]], Field(min_length=1), AfterValidator(different),
        Must("different numbers above 0, at most 1000"),
    ] = list(LOADS)  # fmt: skip
    kinds: Annotated[
        list[Literal["correlation", "least-squares", "delta-rule", "softmax"]], Field(min_length=1),
        AfterValidator(different), Must(f"different ones of {', '.join(KINDS)}"),
    ] = list(KINDS)  # fmt: skip
    formats: Annotated[
        list[Literal["float32", "bfloat16", "int8"]], Field(min_length=1), AfterValidator(different),
        Must(f"different ones of {', '.join(NUMBER_FORMATS)}"),
    ] = list(NUMBER_FORMATS)  # fmt: skip


class HeadsTrainingTable(Table):
    """How networks of the bare form are trained on all words, see `assay.boolean.training.train`."""

    inputs: Bits
    restarts: Annotated[int, Field(ge=1, le=1024), Must("an integer from 1 to 1024")] = 64
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS), Must(f"an integer from 1 to {MOST_STEPS}")] = 800
    extra: Annotated[int, Field(ge=0, le=MOST_HEADS - MOST_INPUTS), Must("an integer from 0 to 24")] = 1


class BackboneTable(Table):
    """How the standard backbone is trained on all words, see `assay.boolean.backbone.train_backbone`."""

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
        return backbone


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
