"""Constructions as safetensors files: buffers, what made them, the certificate, and a digest of it all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError
from assay.evidence import canonical
from assay.files import write_whole
from assay.tasks import task_from_json

if TYPE_CHECKING:
    from torch import Tensor

    from assay.constructions.base import Construction

FORMAT = "1"


def save_network(network: Construction, path: str | Path) -> None:
    """Write `network` to `path`, whole or not at all."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    metadata = {
        "assay": FORMAT,
        "method": network.method,
        "task": canonical(network.task.to_json()),
        "settings": canonical(network.settings),
        "certificate": canonical(network.certificate().to_json()),
    }
    metadata["digest"] = _digest(metadata, tensors)
    write_whole(path, lambda temporary: temporary.write_bytes(save(tensors, metadata=metadata)))


def load_network(path: str | Path) -> Construction:
    """See `assay.load`."""
    metadata, tensors = _read(Path(path))
    if metadata.get("assay") != FORMAT:
        found = f"format {metadata['assay']!r}" if "assay" in metadata else "no Assay network"
        raise AssayError(f"{path} holds {found}; this version reads format {FORMAT!r}, written by 'assay build'")
    stated = metadata.pop("digest", "")
    if stated != _digest(metadata, tensors):
        raise AssayError(f"{path} was altered after it was written: its contents do not match their digest")
    network = CONSTRUCTIONS[metadata["method"]](
        task_from_json(json.loads(metadata["task"])), **json.loads(metadata["settings"])
    )
    network.load_state_dict(tensors)
    if canonical(network.certificate().to_json()) != metadata["certificate"]:
        raise AssayError(f"{path} states a certificate that this version does not derive from its weights")
    return network


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise AssayError(f"{path} is not a file")
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise AssayError(f"{path} is not a whole safetensors file: {str(error).splitlines()[0]}") from error


def _digest(metadata: dict[str, str], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(canonical(metadata).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()
