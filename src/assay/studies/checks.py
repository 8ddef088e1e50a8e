"""What keys of a study file are checked for beyond their kind and range: names, and that a sweep's task can be made.

Each check is given a value of the right kind, and returns it or raises an `AssayError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import GetCoreSchemaHandler, ValidationError, ValidationInfo
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from assay.booleans.named import named_function
from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError, require, unknown
from assay.evidence import Json
from assay.examine.protocols import PROTOCOLS
from assay.models import check_shape, family, named_architecture
from assay.tasks import TASKS, Task, parameters_of, task_from_json

_KINDS: dict[type, str] = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}

T = TypeVar("T")


@dataclass(frozen=True)
class Must:
    """Says what a value must be, whatever is wrong with it."""

    be: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), "must", custom_error_message="{be}", custom_error_context={"be": self.be}
        )


class CannotBe(AssayError):
    """A sweep's task cannot be made at a place. Every key of the sweep that asks about the place finds it."""


@dataclass
class Above:
    """What a file says above the key that is being checked: the study's and the sweep's inputs, the sweep's task.

    Paths to a user's own code start from `folder`.
    """

    folder: Path
    studys: str = ""
    task: Json = field(default_factory=dict)
    along: str = ""
    distribution: str = ""
    tried: list[dict[str, int]] = field(default_factory=lambda: [{}])

    def at(self, x: int, **tried: int) -> Task:
        """The sweep's task there; `tried` is a parameter that a search of the sweep varies."""
        try:
            return made({**self.task, **at_place(self.along, x), **tried})
        except AssayError as error:
            symbols = varied(self.task["name"])
            said = {self.symbol: x, **{symbols.get(name, name): value for name, value in tried.items()}}
            raise CannotBe(f"at {', '.join(f'{name} = {value}' for name, value in said.items())}: {error}") from error

    @property
    def symbol(self) -> str:
        """Of what varies."""
        return varied(self.task["name"]).get(self.along, WIDTH_SYMBOL)


WIDTH_SYMBOL = "m"


def at_place(along: str, x: int) -> dict[str, int]:
    """What a place on a sweep adds to its task: nothing where the sweep goes along the networks' width."""
    return {} if along == "width" else {along: x}


def varied(task: str) -> dict[str, str]:
    """Parameters of a task that a sweep can go along, and their symbols."""
    return {name: symbol for name, symbol in TASKS[task].symbols.items() if name in parameters_of(task)}


def is_of_task(field: str, task: Json, along: str) -> bool:
    """Whether a field that a search varies is a parameter of the sweep's task, rather than of its networks."""
    return field in varied(task["name"]) and field != along and field not in task


def above_of(info: ValidationInfo) -> Above:
    """What stands above the key."""
    assert isinstance(info.context, Above)
    return info.context


def different(values: list[T]) -> list[T]:
    """No entry stands there twice."""
    if len(set(values)) < len(values):
        raise AssayError(f"{values} has an entry twice")
    return values


def imported(find: Callable[[], T], name: str) -> T:
    """What a name stands for; it may be code of a user's own, which may raise anything when it is imported."""
    try:
        return find()
    except AssayError:
        raise
    except Exception as error:
        raise AssayError(f"{name!r} cannot be used: {type(error).__name__}: {error}") from error


def made(description: Json) -> Task:
    """The task; whatever it says where it cannot be made is a refusal."""
    try:
        return task_from_json(description)
    except (TypeError, ValueError, OverflowError) as error:  # a task of a user's own need not say it well
        raise error if isinstance(error, AssayError) else AssayError(str(error)) from error


def known_task(table: Json, info: ValidationInfo) -> Json:
    """There is such a task, and it has these parameters; each fault is named."""
    name = table.get("name")
    if not isinstance(name, str):
        raise AssayError("task has no name")
    name = imported(lambda: TASKS.named(name, above_of(info).folder), name)
    table = {**table, "name": name}
    known: Json = {"name": str, **parameters_of(name)}
    refusals: list[InitErrorDetails] = []
    for key, value in table.items():
        try:
            if key not in known:
                raise unknown(f"parameter of {name}", key, known, {v: k for k, v in TASKS[name].symbols.items()})
            fits, allowed = _fits(value, known[key])
            require(fits, key, repr(value), allowed)
        except AssayError as error:
            refusals.append({"type": "value_error", "loc": (key,), "input": value, "ctx": {"error": error}})
    if refusals:
        raise ValidationError.from_exception_data("task", refusals)
    above_of(info).task = table
    return table


def _fits(value: object, declared: Any) -> tuple[bool, str]:
    """Whether a value is of the type that a parameter is declared with, and what that is in words."""
    kind = str if get_origin(declared) is Literal else next(iter(get_args(declared)), declared)
    if kind not in _KINDS:
        return True, ""  # the task says
    fits = isinstance(value, int | float if kind is float else kind) and isinstance(value, bool) is (kind is bool)
    return fits, _KINDS[kind]


def varying(along: str, info: ValidationInfo) -> str:
    """The sweep can go along this parameter of its task."""
    above = above_of(info)
    known = [*varied(above.task["name"]), "width"] if above.task else []
    if above.task and along not in known:
        raise unknown(f"parameter of {above.task['name']} to go along", along, known)
    if along in above.task:
        raise AssayError(f"task.{along} must not be given, since the sweep goes along it")
    above.along = along if above.task else ""
    return along


def of_a_task(places: list[int], info: ValidationInfo) -> list[int]:
    """What is stated goes along a parameter of the task: along the width it would say the same everywhere."""
    if places and above_of(info).along == "width":
        raise AssayError("must be left out, since the sweep goes along the width")
    return places


def possible(places: list[int], info: ValidationInfo) -> list[int]:
    """The sweep's task can be made there."""
    above = above_of(info)
    for x in places if above.along else []:
        for tried in above.tried:
            above.at(x, **tried)
    return places


def drawable(places: list[int], info: ValidationInfo) -> list[int]:
    """Inputs to learn from can be drawn there."""
    above = above_of(info)
    for x in places if above.along and above.distribution else []:
        for tried in above.tried:
            if lacking := above.at(x, **tried).lacks(above.distribution):
                raise AssayError(f"{above.distribution!r} inputs at {above.symbol} = {x} need {lacking}")
    return places


def solving(method: str, info: ValidationInfo) -> str:
    """There is such a construction, and it solves the task."""
    above = above_of(info)
    method = imported(lambda: CONSTRUCTIONS.named(method, above.folder), method)
    solved, task = CONSTRUCTIONS[method].solves, above.task
    if task and TASKS[task["name"]].name not in solved:
        raise AssayError(f"construction {method!r} solves {', '.join(solved)}, not {task['name']}")
    return method


def known_function(name: str) -> str:
    """A name of Boolean functions, of 4,096 bits or, as the multiplexer has to be, of 6."""
    try:
        named_function(name, 6)
    except AssayError:
        named_function(name, 4096)
    return name


def known_protocol(protocol: str, info: ValidationInfo) -> str:
    """There is such a protocol."""
    return imported(lambda: PROTOCOLS.named(protocol, above_of(info).folder), protocol)


def known_architecture(architecture: str, info: ValidationInfo) -> str:
    """There is such an architecture."""
    name = imported(lambda: named_architecture(architecture, above_of(info).folder), architecture)
    imported(lambda: (check_shape(name), family(name)), name)
    return name


def listed(numbers: object) -> object:
    """A number may stand for a list of it."""
    return [numbers] if isinstance(numbers, int) else numbers
