"""A module of a user's own as a layer."""

from __future__ import annotations

from inspect import signature

import torch
from torch import Tensor, nn

from assay.errors import AssayError
from assay.layers.layer import Layer
from assay.resources import Averages


class UsersLayer(Layer):
    """Any module that takes tokens (batch, length, width) and gives as many: outputs, or a tuple that begins with them.

    It may say more by attributes and methods with the names and meanings of a `Layer`'s: `causal`, `heads`, `block`,
    `state(tokens)`, `averages()`. If its `forward` has a parameter `mask`, that is given a mask to be added to scores
    (length, length): 0 where a token may look, minus infinity at later ones, or None where the order is any.

    Attributes:
        masked: whether it has that parameter.
    """

    def __init__(self, module: nn.Module, *, ordered: bool = False) -> None:
        super().__init__()
        self.module, self._ordered = module, ordered
        self.masked = "mask" in signature(module.forward).parameters
        said = getattr(module, "causal", None)
        self.causal = said if isinstance(said, bool) else None
        self.heads = getattr(module, "heads", 1) if isinstance(getattr(module, "heads", 1), int) else 1
        self.block = bool(getattr(module, "block", False))

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        """Outputs of the last tokens, of which all are computed."""
        outputs = self.module(tokens, mask=self._mask(tokens)) if self.masked else self.module(tokens)
        first = outputs[0] if isinstance(outputs, tuple) and outputs else outputs
        if not isinstance(first, Tensor):
            kind = f"{type(self.module).__name__} gives a {type(first).__name__}"
            raise AssayError(f"{kind}; it must be a tensor, or a tuple that begins with one")
        return first[:, -last:]

    def state(self, tokens: int) -> int | None:
        said = getattr(self.module, "state", None)
        return said(tokens) if callable(said) else None

    def averages(self) -> Averages | None:
        said = getattr(self.module, "averages", None)
        return said() if callable(said) else None

    def _mask(self, tokens: Tensor) -> Tensor | None:
        if not self._ordered:
            return None
        length = tokens.shape[1]
        return torch.full((length, length), -torch.inf, dtype=tokens.dtype, device=tokens.device).triu(1)


def as_layer(made: nn.Module, *, ordered: bool) -> Layer:
    """What a factory has made, as a layer. `ordered`: no token is to see later ones."""
    return made if isinstance(made, Layer) else UsersLayer(made, ordered=ordered)
