"""What is to be computed: functions on sequences with exact answers, an error measure and named input distributions."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from assay.errors import AssayError, unknown
from assay.registry import Registry
from assay.tasks.base import Batch, Task

TASKS: Registry[type[Task]] = Registry("task", "assay.tasks", "assay.tasks")


def make_task(name: str, **parameters: Any) -> Task:
    """The task called `name` with these parameters.

    >>> make_task("sparse-averaging", length=8, sparsity=2).tolerance
    0.25
    """
    task = TASKS[name]
    accepted = {field.name: field.default is MISSING for field in fields(task)}  # ty: ignore[invalid-argument-type]
    for parameter in parameters:
        if parameter not in accepted:
            raise unknown(f"parameter of {name}", parameter, accepted)
    missing = [parameter for parameter, needed in accepted.items() if needed and parameter not in parameters]
    if missing:
        raise AssayError(f"{name} needs {' and '.join(missing)}")
    return task(**parameters)


def parameters_of(name: str) -> dict[str, type]:
    """The parameters of the task called `name`, with the type of their values: int, float or str.

    >>> parameters_of("match2")
    {'length': <class 'int'>, 'modulus': <class 'int'>, 'notation': <class 'str'>}
    """
    kinds = {"int": int, "float": float}
    return {field.name: kinds.get(str(field.type), str) for field in fields(TASKS[name])}  # ty: ignore[invalid-argument-type]


def task_from_json(description: dict[str, Any]) -> Task:
    """The task that `Task.to_json` described."""
    parameters = dict(description)
    return make_task(parameters.pop("name"), **parameters)


def stored_task(description: object) -> Task:
    """The task that a file describes: nothing is imported that is not installed under a name.

    >>> stored_task({"name": "os:system", "length": 3})
    Traceback (most recent call last):
    assay.errors.AssayError: task 'os:system' is not known. Known: directed-triangle, five-cycle, ...

    Raises:
        AssayError: no such task is installed, or it cannot be made of these parameters.
    """
    name = description.get("name") if isinstance(description, dict) else description
    if not isinstance(name, str) or name not in TASKS:
        raise unknown("task", str(name), TASKS.names())
    try:
        return task_from_json(description)  # ty: ignore[invalid-argument-type]
    except (TypeError, ValueError, OverflowError) as error:  # a parameter that is no number, or too large a one
        raise AssayError(f"task {name} cannot be made: {error}") from None


__all__ = ["TASKS", "Batch", "Task", "make_task", "parameters_of", "stored_task", "task_from_json"]
