"""Trained networks as safetensors files: parameters, and the question whose answer they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.errors import AssayError, one_line
from assay.evidence import canonical
from assay.files import parse_json
from assay.networks import MIXERS, NETWORKS, make_network
from assay.networks.base import Network
from assay.tasks import Task, stored_task
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
        AssayError: the file cannot be read, was altered, or holds no trained network; or it names a layer or task that
            is not installed under a name: what a file names is never imported.
    """
    metadata, tensors = read_tensors(path)
    if "architecture" not in metadata:
        raise AssayError(f"{path} holds no trained network")
    architecture = metadata["architecture"]
    if architecture not in MIXERS and architecture not in NETWORKS:
        raise AssayError(
            f"{path} holds a network of {architecture}, and no file is taken for code; name the layer yourself in the "
            f"file's place, with --task and its parameters, --width, and --weights {path}"
        )
    described, shape, training = (
        parse_json(metadata.get(name, ""), f"{name} in {path}") for name in ("task", "shape", "training")
    )
    task = stored_task(described)
    try:
        network = make_network(architecture, task, seed=0, **shape)
        network.load_state_dict(tensors)
    except (TypeError, ValueError, RuntimeError) as error:  # what a file states may be anything
        raise AssayError(f"{path} holds no network that can be used: {one_line(str(error))}") from None
    return network.requires_grad_(False), training
