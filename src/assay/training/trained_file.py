"""Trained networks as safetensors files: parameters, and the question whose answer they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from warnings import warn

from assay.errors import AssayError, one_line
from assay.evidence import canonical
from assay.models import layers_of, make_network
from assay.models.task_network import TaskNetwork
from assay.schema import Json
from assay.store.files import parse_json
from assay.store.source import require_named
from assay.store.tensors import read_tensors, write_tensors
from assay.tasks import Task, stored_task
from assay.training.loop import code_of_run


def save_trained(
    network: TaskNetwork, path: str | Path, *, task: Task, architecture: str, shape: Json, training: object
) -> None:
    """Write a trained network to `path`, whole or not at all.

    Args:
        network: what was trained.
        path: of the safetensors file.
        task: that it was trained on.
        architecture: the name that `make_network` takes.
        shape: its width, the fields of its `assay.models.shape.Shape` and perhaps `longest`: see `make_network`.
        training: how it was trained and what it reached, as plain JSON values.
    """
    metadata = {
        "architecture": architecture,
        "task": canonical(task.to_json()),
        "code": canonical(code_of_run(architecture, task)),
        "shape": canonical(shape),
        "training": canonical(training),
    }
    write_tensors(path, network.network.state_dict(), metadata)


def load_trained(path: str | Path, tell: Callable[[str], None] = warn) -> tuple[TaskNetwork, Json]:
    """The network that `save_trained` wrote, and how it was trained.

    Nothing that the file names is imported: a user's own architecture and task must have been named in this process.

    Where the architecture or the task has changed since, the weights are put into what it is now, and `tell` hears so.

    Raises:
        AssayError: the file cannot be read, was altered, holds no trained network, or needs code that was not named.
    """
    metadata, tensors = read_tensors(path)
    if "architecture" not in metadata:
        raise AssayError(f"{path} holds no trained network")
    architecture = metadata["architecture"]
    described, shape, training, code = (
        parse_json(metadata.get(name, absent), f"{name} in {path}")
        for name, absent in (("task", ""), ("shape", ""), ("training", ""), ("code", "{}"))
    )
    require_named(path, *layers_of(architecture), described)
    task = stored_task(described)
    try:
        network = make_network(architecture, task, seed=0, **shape)
        network.network.load_state_dict(tensors)
    except (TypeError, ValueError, RuntimeError) as error:  # what a file states may be anything
        raise AssayError(f"{path} holds no network that can be used: {one_line(str(error))}") from None
    for part, now in code_of_run(architecture, task).items():
        if isinstance(code, dict) and code.get(part, now) != now:
            named = architecture if part == "architecture" else described["name"]
            tell(f"{named} has changed since {path} was trained: its weights are put into what it is now")
    return network.requires_grad_(False), training
