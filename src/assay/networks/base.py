"""What a mixer and a network are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from assay.errors import AssayError
from assay.size import Size


class Mixer(nn.Module, ABC):
    """The part of an architecture that moves information between positions. `Mixer(width)` makes one.

    Attributes:
        family: attention, third-order, strassen, recurrent, feed-forward, ...: whose bounds apply to it.
        state_per_width: numbers carried from one position to the next per unit of width; 0 if nothing is carried.
        heads: heads whose outputs are added up.
        version: raised when what it computes changes, so that old results are not taken for new ones.
    """

    family: ClassVar[str]
    version: ClassVar[int] = 1
    state_per_width: ClassVar[int] = 0
    heads: int = 1

    @abstractmethod
    def forward(self, tokens: Tensor, last: int) -> Tensor:
        """Outputs of the last `last` tokens: (batch, length, width) -> (batch, last, width)."""

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """A recurrent mixer's outputs of all tokens, and the state that it then hands on: (batch, numbers).

        (batch, length, width) -> (batch, length, width). `state` is what an earlier part of the sequence left; None at
        its start. Protocols that cut a sequence in two need it, nothing else does.

        Raises:
            AssayError: a mixer that does not say.
        """
        raise AssayError(f"{type(self).__name__} does not give its state: it has no run(tokens, state)")

    def start_for_pointers(self) -> None:
        """Change the initial weights for tasks whose tokens name positions, where a name's code is the position's.

        Attention may start with looking for what is like a token, memory with keeping what is large on an axis.
        """


class Network(nn.Module, ABC):
    """A trainable network for a task, called on the task's inputs.

    Attributes:
        family: attention, third-order, strassen, recurrent, feed-forward, ...
        size: the size that it declares.
        version: as for a mixer.
    """

    family: ClassVar[str]
    version: ClassVar[int] = 1
    size: Size

    @abstractmethod
    def forward(self, inputs: Any) -> Tensor:
        """Answers of the asking tokens: (batch, *answer shape)."""
