"""What a model is that Assay reads from files: tokens of a text, and the heads on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay.errors import AssayError, require
from assay.probing.heads import Heads, make_heads

if TYPE_CHECKING:
    from collections.abc import Sequence


class Model(ABC):
    """A trained model, its weights and its tokenizer.

    Attributes:
        name: for people.
        causal: whether its heads see only positions up to their own.
    """

    causal: ClassVar[bool]
    name: str

    @classmethod
    @abstractmethod
    def reads(cls, path: Path) -> bool:
        """Whether the file or folder looks like one of these; cheap, opens nothing large."""

    @classmethod
    @abstractmethod
    def open(cls, path: Path) -> Self:
        """The model at `path`.

        Raises:
            AssayError: files that are missing, damaged or of another kind, or an extra that is not installed.
        """

    @abstractmethod
    def tokens(self, text: str) -> list[int]:
        """The text as the model was trained to see it, with the special tokens it puts around it."""

    @abstractmethod
    def layers(self, tokens: Sequence[int]) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Queries (heads, N, d) and keys (key heads, N, d) of each layer, and the last layer's output (N, width).

        Raises:
            AssayError: no tokens, tokens the model does not have, or more than it has positions for.
        """

    def heads(self, tokens: Sequence[int]) -> Heads:
        """All heads of all layers on these tokens, float32, as they enter the scores.

        Raises:
            AssayError: see `layers`.
        """
        return gather(self.name, self.layers(tokens)[0], causal=self.causal)


def gather(
    name: str,
    layers: Sequence[tuple[Tensor, Tensor]],
    *,
    causal: bool,
    scale: float | None = None,
    note: str = "",
) -> Heads:
    """Heads from each layer's queries (heads, M, d) and keys (key heads, N, d); equally many heads share a key head.

    Raises:
        AssayError: layers with different numbers of positions or different widths.
    """
    for what, tensors in (("queries", [q for q, _ in layers]), ("keys", [k for _, k in layers])):
        shapes = sorted({tuple(tensor.shape[1:]) for tensor in tensors})
        require(len(shapes) == 1, f"(positions, width) of {what} by layer", shapes, "the same in all layers")
    key_head: list[int] = []
    first = 0
    for queries, keys in layers:
        require(len(queries) % len(keys) == 0, "heads", len(queries), f"a multiple of the {len(keys)} key heads")
        key_head += [first + head // (len(queries) // len(keys)) for head in range(len(queries))]
        first += len(keys)
    return make_heads(
        name, _array([keys for _, keys in layers]), _array([queries for queries, _ in layers]), scale=scale,
        causal=causal, key_head=tuple(key_head), note=note,
        layer=tuple(layer for layer, (queries, _) in enumerate(layers) for _ in queries),
        place=tuple(place for queries, _ in layers for place in range(len(queries))),
    )  # fmt: skip


def check_tokens(tokens: Sequence[int], vocabulary: int, positions: int) -> Tensor:
    """Tokens as int64 (N,).

    Raises:
        AssayError: none, too many, or tokens that are not there.
    """
    allowed = f"from 1 to {positions}, which the model has positions for"
    require(1 <= len(tokens) <= positions, "number of tokens", len(tokens), allowed)
    worst = max(tokens, key=lambda token: abs(token - (vocabulary - 1) / 2))
    require(0 <= worst < vocabulary, "token", worst, f"from 0 to {vocabulary - 1}")
    return torch.tensor(list(tokens), dtype=torch.int64)


def needs(module: str, what: str) -> Any:
    """The module of an optional dependency.

    Raises:
        AssayError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise AssayError(f"{what} needs the extra 'probe': pip install 'assay-attention[probe]'") from None


def _array(tensors: list[Tensor]) -> np.ndarray:
    return torch.cat(tensors).detach().cpu().numpy()
