"""What a layer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

from assay.errors import AssayError
from assay.resources import Averages


class Layer(nn.Module, ABC):
    """The part of an architecture that moves information between positions. `Layer(width)` makes one.

    What it declares decides which lower bounds speak of it. Causality and state are measured before a layer that is not
    shipped is trained (`assay.layers.common.check`); averages are taken at its word. Of a state that it does not
    declare no bound speaks.

    Attributes:
        family: whose colour it has in charts; its own name if empty. It decides nothing else.
        causal: whether no output depends on later tokens; None if that is not declared, and then it is measured.
        heads: heads whose outputs are added up.
        block: whether it is a whole block, with residuals and an MLP of its own, and the backbone adds none.
        version: raised when what it computes changes, so that old results are not taken for new ones.
    """

    family: str = ""
    version: ClassVar[int] = 1
    causal: bool | None = None
    heads: int = 1
    block: bool = False

    @abstractmethod
    def forward(self, tokens: Tensor, last: int) -> Tensor:
        """Outputs of the last `last` tokens: (batch, length, width) -> (batch, last, width)."""

    def state(self, tokens: int) -> int | None:
        """Numbers that its streaming form carries on after this many tokens; None if it has none or does not say."""
        return None

    def averages(self) -> Averages | None:
        """Its heads, if an output is made of nothing but the token itself and each head's average; else None."""
        return None

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """A recurrent layer's outputs of all tokens, and the state that it then hands on: (batch, numbers).

        (batch, length, width) -> (batch, length, width). `state` is what an earlier part of the sequence left; None at
        its start. Protocols that cut a sequence in two need it, nothing else does.

        Raises:
            AssayError: a layer that does not say.
        """
        raise AssayError(f"{type(self).__name__} does not give its state: it has no run(tokens, state)")

    def start_for_pointers(self) -> None:
        """Change the initial weights for tasks whose tokens name positions, where a name's code is the position's.

        Attention may start with looking for what is like a token, memory with keeping what is large on an axis.
        """


@runtime_checkable
class HasWeights(Protocol):
    """A layer that has an attention map of its last tokens: (batch, heads, last, length)."""

    def weights(self, tokens: Tensor, last: int) -> Tensor: ...


@runtime_checkable
class SumsUp(Protocol):
    """A layer that is made of its heads' averages: see `assay.layers.attention.Attention`."""

    def summary(self, queries: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]: ...

    def join(self, means: Tensor) -> Tensor: ...
