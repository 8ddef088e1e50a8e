"""Feed-forward network on the flattened input; its width is that of the first layer"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from assay.networks import NETWORKS
from assay.networks.base import Network
from assay.size import Size
from assay.tasks.base import Task

_LATER_WIDTH = 256


@NETWORKS.register
class FeedForward(Network):
    """f(x) = g(W x): W has `width` rows, the resource of Theorem 10; g is a generous network of fixed size."""

    family: ClassVar[str] = "feed-forward"

    def __init__(self, task: Task[Any], width: int) -> None:
        super().__init__()
        self.task = task
        features = task.flat_features
        self.first = nn.Linear(features, width)
        self.layers = nn.Sequential(
            self.first,
            nn.GELU(),
            nn.Linear(width, _LATER_WIDTH),
            nn.GELU(),
            nn.Linear(_LATER_WIDTH, task.asking * task.output_width),
        )
        self._start()
        self.size = Size(width=width, depth=2, parameters=sum(p.numel() for p in self.parameters()))

    @torch.no_grad()
    def _start(self) -> None:
        """Where a feature names a position, its column starts as that of the position's value, scaled to like size."""
        weight, pointing = self.first.weight, self.task.pointing()
        nn.init.normal_(weight, std=1 / math.sqrt(self.task.length))
        if pointing is not None:
            values = weight[:, pointing.flat_values].unflatten(1, (self.task.length, pointing.value_width)).sum(dim=2)
            scale = math.sqrt(self.task.length / (pointing.names * pointing.value_width))
            weight[:, pointing.flat_names] = (scale * values).repeat(1, self.task.asking)

    def forward(self, inputs: Any) -> Tensor:
        """Answers of the asking tokens: (batch, asking, output width)."""
        return self.layers(self.task.flat(inputs)).unflatten(1, (self.task.asking, self.task.output_width))
