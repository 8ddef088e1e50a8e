"""A network to be examined: a file that Assay wrote, or a user's own module.

Whatever attacks, measures or splits a network takes it in this form and asks nothing about where it came from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from warnings import warn

import torch
from torch import nn

from assay.arithmetic.torch_settings import in_float32
from assay.constructions.construction import Construction
from assay.constructions.weights_file import load_network
from assay.errors import AssayError, require
from assay.layers.layer import Layer
from assay.models import make_network
from assay.models.task_network import TaskNetwork
from assay.size import Size
from assay.store.source import entry_at, name_code
from assay.store.tensors import read_any_tensors
from assay.tasks.task import Task
from assay.training.trained_file import load_trained


@dataclass(frozen=True)
class Subject:
    """A network and the task it is examined on.

    Attributes:
        name: of the file, or `label:Class`.
        origin: `constructed`, `trained` or `user's`.
        network: called on the task's inputs, returns (batch, *answer shape).
        task: with its parameters.
        family: whose colour it has; empty where a user's module does not say.
        size: that it declares; None where a user's module does not say.
        tolerance: the worst-case error that it is held against: what a construction was built for, else the task's own.
        guaranteed: a construction's guaranteed error; None for others.
        guarantee_stated_by: whose word that is: `build`, or `file` where it follows from the settings in a file, which
            only a proof compares with the weights; None where nothing is guaranteed.
    """

    name: str
    origin: str
    network: nn.Module
    task: Task
    family: str
    size: Size | None
    tolerance: float
    guaranteed: float | None = None
    guarantee_stated_by: Literal["build", "file"] | None = None


@in_float32()
def open_subject(
    name: str | Path,
    task: Task | None = None,
    *,
    width: int | None = None,
    seed: int = 0,
    weights: str | Path | None = None,
    code: Iterable[str] = (),
    tell: Callable[[str], None] = warn,
) -> Subject:
    """The network of a file that `assay build` or `assay train` wrote, or of a user's class.

    A class is named as `path/to/file.py:Class` or `package.module:Class`. It is called with the task and must give a
    torch module that is called on the task's inputs; a `Layer` is put into the standard backbone at this `width`. Its
    weights come from `seed`, or from the safetensors file `weights` with the names of its state dictionary.

    A file is data: of a user's own architecture, construction or task in it, the Python file or module is imported only
    if `code` names it. `tell` hears of what has changed since a network was trained.

    Raises:
        AssayError: no such file or class, one that cannot be imported, or a task or width is missing or given where the
            file has its own.
    """
    for where in code:
        name_code(where)
    if ":" in str(name) and not os.path.exists(name):  # Path.exists raises for names that are too long
        return _users(str(name), task, width, seed, weights)
    if task is not None or width is not None or weights is not None:
        raise AssayError(f"{name} is a file and says its own task, width and weights; give none")
    if "method" in read_any_tensors(name)[0]:
        return subject_of(load_network(name), str(name))
    trained: Any = load_trained(name, tell)[0]
    return Subject(str(name), "trained", trained, trained.task, trained.family, trained.size, trained.task.tolerance)


def subject_of(network: Construction, name: str = "") -> Subject:
    """A construction as a subject; `name` is the file that it was read from, if it was."""
    guaranteed = network.certificate().guaranteed_error
    return Subject(
        name or network.method,
        "constructed",
        network,
        network.task,
        network.family,
        network.size,
        network.tolerance,
        guaranteed,
        "file" if name else "build",
    )


def _users(name: str, task: Task | None, width: int | None, seed: int, weights: str | Path | None) -> Subject:
    if task is None:
        raise AssayError(f"{name} is a class; name the task that its networks are for, and the task's parameters")
    where, _, attribute = name.rpartition(":")
    name = f"{name_code(where)}:{attribute}"
    kind: Any = entry_at(name, nn.Module, functions=width is not None)
    if width is not None or issubclass(kind, Layer):
        require(width is not None, "width", width, f"given for the layer {name}")
        network: nn.Module = make_network(name, task, width or 1, seed=seed)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            try:
                network = kind(task)
            except Exception as error:
                raise AssayError(f"{name}(task) fails: {type(error).__name__}: {error}") from error
    if weights is not None:
        try:
            (network.network if isinstance(network, TaskNetwork) else network).load_state_dict(
                read_any_tensors(weights)[1]
            )
        except RuntimeError as error:
            raise AssayError(f"{weights} does not hold the weights of {name}: {' '.join(str(error).split())}") from None
    network.requires_grad_(False).eval()
    return Subject(
        name, "user's", network, task, getattr(network, "family", ""), getattr(network, "size", None), task.tolerance
    )
