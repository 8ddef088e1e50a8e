"""minLSTM, a long short-term memory whose gates do not see the state (Feng et al. 2024)"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from assay.networks import MIXERS
from assay.networks.base import Mixer
from assay.networks.scan import scan


@MIXERS.register
class MinLSTM(Mixer):
    """h_t = (f_t * h_{t-1} + i_t * (x_t H + c)) / (f_t + i_t),  f_t, i_t = sigmoid of linear maps: y_t = h_t.

    Time O(length * m^2) (arXiv 2410.01201).
    """

    family: ClassVar[str] = "recurrent"
    causal = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gates = nn.Linear(width, 3 * width)  # of H, f and i

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
        candidate, f, i = self.gates(tokens.transpose(0, 1)).chunk(3, dim=2)
        kept = torch.sigmoid(logsigmoid(f) - logsigmoid(i))  # f / (f + i), also where both are nearly 0
        return scan(kept, (1 - kept) * candidate, start)
