"""Constructions as safetensors files: buffers, what made them, and the certificate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError
from assay.evidence import canonical
from assay.tasks import task_from_json
from assay.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from assay.constructions.base import Construction


def save_network(network: Construction, path: str | Path) -> None:
    """Write `network` to `path`, whole or not at all."""
    metadata = {
        "method": network.method,
        "task": canonical(network.task.to_json()),
        "settings": canonical(network.settings),
        "certificate": canonical(network.certificate().to_json()),
    }
    write_tensors(path, network.state_dict(), metadata)


def load_network(path: str | Path) -> Construction:
    """See `assay.load`. The stated guarantee is compared with the settings; `assay verify` alone looks at weights."""
    metadata, tensors = read_tensors(path)
    if "method" not in metadata:
        raise AssayError(f"{path} holds a trained network, which has no certificate")
    network = CONSTRUCTIONS[metadata["method"]](
        task_from_json(json.loads(metadata["task"])), **json.loads(metadata["settings"])
    )
    network.load_state_dict(tensors)
    if canonical(network.certificate().to_json()) != metadata["certificate"]:
        raise AssayError(f"{path} states a certificate that this version does not derive from its settings")
    return network
