"""Tasks and networks as they are given in Python: objects, or names with parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError, ParameterError
from assay.examine.subject import Subject, open_subject, subject_of
from assay.models.shape import Option, parse_options
from assay.tasks import Task, make_task

if TYPE_CHECKING:
    from assay.constructions.construction import Construction
    from assay.sessions.build import Built
    from assay.training.single import Trained

    Network = Subject | Construction | Built | Trained | str | Path

Tell = Callable[[str], None]


def silent(line: str) -> None:
    """Says nothing about progress."""


def task_from(task: Task | str, parameters: dict[str, object]) -> Task:
    """A task, or the one of this name, or of `file.py:Class`, with these parameters.

    >>> task_from("match2", {"length": 8, "modulus": 5}).modulus
    5

    Raises:
        AssayError: no such task or parameter, or parameters beside a task that has its own.
    """
    if isinstance(task, str):
        return make_task(task, **parameters)
    if parameters:
        raise AssayError(f"{next(iter(parameters))} is not known here: the task is given, and has its own parameters")
    return task


def options_from(options: str | dict[str, Option] | None) -> dict[str, Option]:
    """Options of layers, which may be given as `name=value,name=value`."""
    return parse_options(options) if isinstance(options, str) else dict(options or {})


def subject_from(
    network: Network,
    task: Task | str | None,
    parameters: dict[str, object],
    *,
    width: int | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    code: Iterable[str] = (),
    tell: Tell = silent,
) -> Subject:
    """The network that is to be examined; see `assay.examine.subject.open_subject` for names.

    Raises:
        AssayError: what is named is not there, or more is given than what is there needs.
    """
    from assay.constructions.construction import Construction
    from assay.sessions.build import Built
    from assay.training.single import Trained

    if task is None and parameters:
        raise ParameterError("{} is not known here; parameters of a task need {task}", next(iter(parameters)))
    if isinstance(network, str | Path):
        chosen = None if task is None else task_from(task, parameters)
        return open_subject(network, chosen, width=width, weights=weights, seed=seed, code=code, tell=tell)
    if task is not None or width is not None or weights is not None:
        raise ParameterError("a network has its own task, width and weights; leave out {task}, {width} and {weights}")
    if isinstance(network, Subject):
        return network
    if isinstance(network, Trained):
        inner = network.network
        name = network.file or network.architecture
        return Subject(name, "trained", inner, network.task, inner.family, inner.size, network.task.tolerance)
    built = network.network if isinstance(network, Built) else network
    assert isinstance(built, Construction)
    return subject_of(built)
