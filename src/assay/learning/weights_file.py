"""Trained networks as safetensors files: parameters, and the question whose answer they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.evidence import canonical
from assay.networks import make_network
from assay.networks.base import Network
from assay.tasks import Task, task_from_json
from assay.tensors import read_tensors, write_tensors


def save_trained(
    network: Network, path: str | Path, *, task: Task[Any], architecture: str, shape: dict[str, int], training: Any
) -> None:
    """Write a trained network to `path`, whole or not at all.

    Args:
        network: what was trained.
        path: of the safetensors file.
        task: that it was trained on.
        architecture: the name that `make_network` takes.
        shape: its width, depth and head_width.
        training: how it was trained and what it reached, as plain JSON values.
    """
    metadata = {
        "architecture": architecture,
        "task": canonical(task.to_json()),
        "shape": canonical(shape),
        "training": canonical(training),
    }
    write_tensors(path, network.state_dict(), metadata)


def load_trained(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """The network that `save_trained` wrote, and how it was trained.

    Raises:
        AssayError: the file cannot be read, was altered, or holds no trained network.
    """
    metadata, tensors = read_tensors(path)
    if "architecture" not in metadata:
        raise AssayError(f"{path} holds no trained network")
    task, shape = task_from_json(json.loads(metadata["task"])), json.loads(metadata["shape"])
    network = make_network(metadata["architecture"], task, seed=0, **shape)
    network.load_state_dict(tensors)
    return network.requires_grad_(False), json.loads(metadata["training"])
