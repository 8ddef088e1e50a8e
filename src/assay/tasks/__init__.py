"""What is to be computed: functions on sequences with exact answers, an error measure and named input distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from assay.errors import AssayError, unknown
from assay.registry import Registry
from assay.schema import Json

if TYPE_CHECKING:
    from assay.tasks import counter
    from assay.tasks.answers import Bits, Classes, Reals
    from assay.tasks.spec import Pointing, Spec, Symbols, Vectors
    from assay.tasks.task import Batch, Task

# What tasks are written with; imported when it is first used, as it needs torch.
_HOMES = {
    **dict.fromkeys(["Bits", "Classes", "Reals"], "answers"),
    **dict.fromkeys(["Batch", "Task"], "task"),
    **dict.fromkeys(["Pointing", "Spec", "Symbols", "Vectors"], "spec"),
}

Solved = TypeVar("Solved", bound="Task")  # what a construction computes, or a bound is about

TASKS: Registry[type[Task]] = Registry("task", "assay.tasks", "assay.tasks.task:Task")


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay.tasks' has no attribute {name!r}")
    return getattr(import_module(f"assay.tasks.{_HOMES[name]}"), name)


def make_task(name: str, **parameters: object) -> Task:
    """The task called `name`, or that of `path/to/file.py:Class`, with these parameters.

    >>> make_task("sparse-averaging", length=8, sparsity=2).tolerance
    0.25
    """
    return _make(TASKS.named(name), parameters)


def parameters_of(name: str) -> dict[str, object]:
    """The parameters of the task called `name`, with the type of their values as the task's class declares it.

    >>> parameters_of("match2")
    {'length': <class 'int'>, 'modulus': <class 'int'>, 'notation': typing.Literal['symbol', 'digits']}
    """
    declared, task = _fields(name), TASKS[name]
    try:
        types = get_type_hints(task)
    except Exception as error:  # whatever a user wrote behind a colon
        raise AssayError(f"types of {name} cannot be told: {type(error).__name__}: {error}") from error
    return {field.name: types[field.name] for field in declared}


def task_from_json(description: Mapping[str, object]) -> Task:
    """The task that `Task.to_json` described. A user's own must have been named in this process."""
    return _make(str(description["name"]), {key: value for key, value in description.items() if key != "name"})


def symbol_texts(task: Json) -> list[str]:
    """The parameters of a task, as `Task.to_json` describes it, that have a symbol, as they are said.

    >>> symbol_texts({"name": "sparse-averaging", "length": 8, "sparsity": 2, "layout": "last"})
    ['N = 8', 'q = 2']
    """
    symbols = TASKS[task["name"]].symbols if task["name"] in TASKS else {}
    return [f"{symbols[name]} = {value}" for name, value in task.items() if name in symbols]


def _make(name: str, parameters: Json) -> Task:
    accepted = {field.name: field.default is field.default_factory is MISSING for field in _fields(name)}
    task = TASKS[name]
    for parameter in parameters:
        if parameter not in accepted:
            raise unknown(f"parameter of {name}", parameter, accepted, {v: k for k, v in task.symbols.items()})
    missing = [parameter for parameter, needed in accepted.items() if needed and parameter not in parameters]
    if missing:
        raise AssayError(f"{name} needs {' and '.join(missing)}")
    return task(**parameters)


def _fields(name: str) -> list[Field]:
    """The parameters that a call of the task's class takes."""
    from assay.tasks.task import Task as Base

    task = TASKS[name]
    if task.__dataclass_fields__ is Base.__dataclass_fields__:
        raise AssayError(f"{name} is no dataclass; a task's parameters are the fields of one")
    return [field for field in fields(task) if field.init]


def stored_task(description: object) -> Task:
    """The task that a file describes: nothing is imported that is not installed under a name.

    >>> stored_task({"name": "os:system", "length": 3})
    Traceback (most recent call last):
    assay.errors.AssayError: task 'os:system' is not known. Known: copy, directed-triangle, ...

    Raises:
        AssayError: no such task is installed, or it cannot be made of these parameters.
    """
    described = description if isinstance(description, dict) else {"name": description}
    name = described.get("name")
    if not isinstance(name, str) or name not in TASKS:
        raise unknown("task", str(name), TASKS.names())
    try:
        return task_from_json(described)
    except (TypeError, ValueError, OverflowError) as error:  # a parameter that is no number, or too large a one
        raise AssayError(f"task {name} cannot be made: {error}") from None


__all__ = [
    "TASKS",
    "Batch",
    "Bits",
    "Classes",
    "Pointing",
    "Reals",
    "Spec",
    "Symbols",
    "Task",
    "Vectors",
    "counter",
    "make_task",
    "parameters_of",
    "stored_task",
    "symbol_texts",
    "task_from_json",
]
