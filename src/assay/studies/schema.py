"""The tables of a study file: which keys they have, what stands for a key that is left out, and what values must be.

Keys are checked in the order in which they are defined here, so that what a sweep says of its task is known when the
keys and tables below it are checked. `assay.studies.faults` puts into words what is wrong.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from assay.arithmetic.fixed_point import MOST_BITS
from assay.errors import AssayError, require
from assay.evidence import canonical
from assay.models.candidates import candidates_of
from assay.schema import Json
from assay.studies.checks import (
    Must,
    above_of,
    different,
    known_protocol,
    made,
    varying,
)
from assay.studies.keys import (
    ASKED,
    OTHERS,
    Architecture,
    Count,
    Method,
    Methods,
    Name,
    Rate,
    Rates,
    Seed,
    Seeds,
    Stated,
    Table,
    TaskParameters,
    Text,
    Width,
)
from assay.studies.schema_boolean import BooleanTable
from assay.studies.schema_networks import GridTable, NetworkTable, OwnRecipe, RecipeTable, SearchTable, StudysRecipe
from assay.studies.schema_vectors import MemoryTable, RetrievalTable


class PrecisionTable(Table):
    """How few bits constructions need."""

    at: Stated
    methods: Methods
    draws: Count = 20


class _OfTask(Table):
    task: TaskParameters

    @model_validator(mode="before")
    @classmethod
    def _begin(cls, table: object, info: ValidationInfo) -> object:
        above = above_of(info)
        above.task, above.along, above.distribution = {}, "", ""
        return table


class SweepTable(_OfTask):
    """Questions about one task along one of its parameters."""

    title: Text = ""
    along: Annotated[Text, AfterValidator(varying)] = Field("length", validate_default=True)
    recipe: OwnRecipe = RecipeTable()
    bounds: Stated = []
    methods: Methods = []
    constructions: Stated = []
    certificates: Stated = []
    precision: PrecisionTable | None = None
    grid: list[GridTable] = []
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
            raise AssayError(f"nothing is asked; a sweep has {', '.join(ASKED)} or search")
        if info.data.get("methods") and not any(asked[1:3]):
            raise AssayError("methods are asked about nowhere; they need constructions or certificates")
        for key, tables in (("search", searches), ("grid", info.data.get("grid", []))):
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


def _one_kind(tasks: list[Json]) -> list[Json]:
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
    def _whole(cls, task: Json) -> Json:
        made(task)
        return task


class AttentionMapTable(_OfWholeTask):
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
    sweeps: dict[Name, SweepTable] = Field({}, validate_default=True)
    attention_maps: list[AttentionMapTable] = []
    protocols: list[ProtocolTable] = []

    @field_validator("sweeps")
    @classmethod
    def _asks(cls, sweeps: dict[str, SweepTable], info: ValidationInfo) -> dict[str, SweepTable]:
        if not sweeps and not any(info.data.get(key, True) for key in OTHERS):
            raise AssayError(f"a study has sweeps, {', '.join(OTHERS[:-1])} or {OTHERS[-1]}; this one has none of them")
        return sweeps
