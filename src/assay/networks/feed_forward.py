"""Feed-forward network on the flattened input; its width is that of the first layer"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from assay.errors import require
from assay.networks import NETWORKS
from assay.networks.base import Network
from assay.networks.codes import MOST_SYMBOLS
from assay.resources import Resources
from assay.size import Size
from assay.tasks.base import Features, Symbols, Task

_LATER_WIDTH = 256


@NETWORKS.register
class FeedForward(Network):
    """f(x) = g(W x): W has `width` rows, the resource of Theorem 10; g is a generous network of fixed size."""

    family: ClassVar[str] = "feed-forward"

    def __init__(self, task: Task[Any], width: int) -> None:
        super().__init__()
        self.task = task
        shown = task.shown
        if isinstance(shown, Features):
            first: nn.Module = _first_of_numbers(shown, task.length, task.asking, width)
        else:
            first = _first_of_symbols(shown, task.length, width)
        self.layers = nn.Sequential(
            first,
            nn.GELU(),
            nn.Linear(width, _LATER_WIDTH),
            nn.GELU(),
            nn.Linear(_LATER_WIDTH, math.prod(task.answer_shape)),
        )
        self.size = Size(width=width, depth=2, parameters=sum(p.numel() for p in self.parameters()))

    @property
    def first(self) -> nn.Module:
        """The first layer, W."""
        return self.layers[0]

    @property
    def resources(self) -> Resources:
        """The rows of W, which alone sees the input."""
        return Resources(precision=32, first_layer=self.size.width)

    def forward(self, inputs: Any) -> Tensor:
        """Answers of the asking tokens: (batch, *answer shape)."""
        return self.layers(self.task.flat(inputs)).unflatten(1, self.task.answer_shape)


@torch.no_grad()
def _first_of_numbers(shown: Features, length: int, asking: int, width: int) -> nn.Linear:
    """Where a feature names a position, its column starts as that of the position's value, scaled to like size."""
    layer, pointing = nn.Linear(shown.flat, width), shown.pointing
    nn.init.normal_(layer.weight, std=1 / math.sqrt(length))
    if pointing is not None:
        values = layer.weight[:, pointing.flat_values].unflatten(1, (length, pointing.value_width)).sum(dim=2)
        scale = math.sqrt(length / (pointing.names * pointing.value_width))
        layer.weight[:, pointing.flat_names] = (scale * values).repeat(1, asking)
    return layer


def _first_of_symbols(shown: Symbols, length: int, width: int) -> nn.EmbeddingBag:
    """The rows of W that belong to the symbols present, summed: W times the one-hot input, at less cost."""
    most = MOST_SYMBOLS // length
    require(shown.modulus <= most, "modulus", shown.modulus, f"at most {most} where {length} residues are symbols")
    layer = nn.EmbeddingBag(length * shown.modulus, width, mode="sum")
    nn.init.normal_(layer.weight, std=1 / math.sqrt(length))
    return layer
