"""Networks as safetensors files: tensors, what made them, and a digest of it all."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from assay.errors import AssayError
from assay.evidence import canonical
from assay.store.files import open_regular, write_whole

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "1"
LARGEST = 1 << 36  # bytes of a file with tensors


def write_tensors(path: str | Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and texts about them to `path`, whole or not at all.

    Raises:
        AssayError: `path` cannot be written.
    """
    kept = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    texts = {"assay": FORMAT, **metadata}
    texts["digest"] = _digest(texts, kept)
    write_whole(path, lambda temporary: temporary.write_bytes(save(kept, metadata=texts)))


def read_tensors(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The texts and tensors that `write_tensors` wrote.

    Raises:
        AssayError: no such file, not a whole safetensors file, not written by Assay, or altered since.
    """
    metadata, tensors = read_any_tensors(path)
    if metadata.get("assay") != FORMAT:
        found = f"format {metadata['assay']!r}" if "assay" in metadata else "no Assay network"
        raise AssayError(f"{path} holds {found}; this version reads format {FORMAT!r}, written by 'assay build'")
    stated = metadata.pop("digest", "")
    if stated != _digest(metadata, tensors):
        raise AssayError(f"{path} was altered after it was written: its contents do not match their digest")
    return metadata, tensors


def read_any_tensors(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Texts and tensors of any safetensors file.

    Raises:
        AssayError: no such file, or not a whole safetensors file.
    """
    open_regular(path, LARGEST).close()
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise AssayError(f"{path} is not a whole safetensors file: {str(error).splitlines()[0]}") from error


def _digest(metadata: dict[str, str], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(canonical(metadata).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())  # NumPy lacks some of the types
    return digest.hexdigest()
