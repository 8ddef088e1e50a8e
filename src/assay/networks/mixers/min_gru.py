"""minGRU, a gated recurrent unit whose gates do not see the state (Feng et al. 2024)"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from assay.networks import MIXERS
from assay.networks.base import Mixer
from assay.networks.scan import scan


@MIXERS.register
class MinGRU(Mixer):
    """h_t = (1 - z_t) * h_{t-1} + z_t * (x_t H + c),  z_t = sigmoid(x_t Z + d): y_t = h_t.

    Time O(length * m^2) (arXiv 2410.01201).
    """

    family: ClassVar[str] = "recurrent"
    causal = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gates = nn.Linear(width, 2 * width)  # H and Z

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        """Outputs of the last tokens."""
        return self._states(tokens, None)[-last:].transpose(0, 1)

    def state(self, tokens: int) -> int:
        """h, m numbers."""
        return self.gates.in_features

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of all tokens, and h: (batch, m)."""
        states = self._states(tokens, state)
        return states.transpose(0, 1), states[-1]

    def _states(self, tokens: Tensor, start: Tensor | None) -> Tensor:
        """h of all tokens, (length, batch, m)."""
        candidate, z = self.gates(tokens.transpose(0, 1)).chunk(2, dim=2)
        z = torch.sigmoid(z)
        return scan(1 - z, z * candidate, start)
