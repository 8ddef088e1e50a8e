"""What layers share whose state is one number a coordinate, decayed and added to by gates that do not see it."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from assay.layers.kernels.scan import scan
from assay.layers.layer import Layer


class Scanned(Layer):
    """h_t = a_t * h_{t-1} + b_t, y_t = h_t, where a layer says in `rates` what a and b are.

    Args:
        width: m.
        gates: linear maps of a token, m x m each, that these are made of.
    """

    family = "recurrent"
    causal = True

    def __init__(self, width: int, gates: int) -> None:
        super().__init__()
        self.gates = nn.Linear(width, gates * width)

    @abstractmethod
    def rates(self, gates: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """a and b from the maps of all tokens; all are (length, batch, m)."""

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        return self._states(tokens, None)[-last:].transpose(0, 1)

    def state(self, tokens: int) -> int:
        return self.gates.in_features

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        states = self._states(tokens, state)
        return states.transpose(0, 1), states[-1]

    def _states(self, tokens: Tensor, start: Tensor | None) -> Tensor:
        """h of all tokens, (length, batch, m)."""
        maps = self.gates(tokens.transpose(0, 1)).chunk(self.gates.out_features // self.gates.in_features, dim=2)
        return scan(*self.rates(maps), start)
