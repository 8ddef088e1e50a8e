"""Gated recurrent unit (Cho et al. 2014)"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assay.layers import LAYERS
from assay.layers.layer import Layer

_KEEP_BIAS = 3.0


@LAYERS.register
class GRU(Layer):
    """torch.nn.GRU of hidden width m: state h, m numbers, which it carries on. Time O(length * m^2)."""

    family = "recurrent"
    causal = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.recurrence = nn.GRU(width, width, batch_first=True)

    def start_for_pointers(self) -> None:
        """Start with keeping what the state holds."""
        with torch.no_grad():
            _, update, _ = dict(self.recurrence.named_parameters())["bias_ih_l0"].chunk(3)
            update.fill_(_KEEP_BIAS)

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        return self.recurrence(tokens)[0][:, -last:]

    def state(self, tokens: int) -> int:
        return self.recurrence.hidden_size

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, hidden = self.recurrence(tokens, None if state is None else state.unsqueeze(0).contiguous())
        return outputs, hidden[0]
