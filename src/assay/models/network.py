"""What a network is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from assay.resources import Resources
from assay.sizes import Size
from assay.tasks.spec import Spec


class Network(nn.Module, ABC):
    """A trainable network for a spec: `Network(spec, width)` makes one. It knows no task and is called on tokens.

    Attributes:
        spec: what it is for.
        family: whose colour it has in charts; its own name if empty.
        size: the size that it declares.
        version: as for a layer.
    """

    family: str = ""
    version: ClassVar[int] = 1
    spec: Spec
    size: Size

    @property
    @abstractmethod
    def resources(self) -> Resources:
        """What it declares at the spec's length, at 32 bits a number."""

    @abstractmethod
    def forward(self, tokens: Tensor, queries: int = 0) -> Tensor:
        """Outputs at the last `queries` positions, the spec's unless given: (batch, queries, *output shape)."""
