"""Long short-term memory (Hochreiter and Schmidhuber 1997)"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assay.layers import LAYERS
from assay.layers.layer import Layer

_GAIN, _INPUT_BIAS, _FORGET_BIAS, _OUTPUT_BIAS = 12.0, -7.0, 6.0, -6.0


@LAYERS.register
class LSTM(Layer):
    """torch.nn.LSTM of hidden width m: state h and c, 2m numbers. Time O(length * m^2)."""

    family = "recurrent"
    causal = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.recurrence = nn.LSTM(width, width, batch_first=True)

    def start_for_pointers(self) -> None:
        """Start as a memory.

        A cell keeps what it holds, and its input and output gates are closed but for tokens that are large on the
        cell's own axis, as the standard backbone's position codes are. With gates half open, as is usual, the gradients
        of what was stored long ago vanish: width 40 did not learn to store 32 values within the budgets tried.
        """
        width = self.recurrence.hidden_size
        axes = torch.eye(width) / width**0.5
        with torch.no_grad():
            weights = dict(self.recurrence.named_parameters())
            weights["weight_hh_l0"].zero_()
            weights["bias_hh_l0"].zero_()
            inputs, forget, _, outputs = weights["weight_ih_l0"].chunk(4)  # views of the parameter
            inputs.copy_(_GAIN * axes)
            outputs.copy_(_GAIN * axes)
            forget.mul_(0.1)
            biases = torch.tensor([_INPUT_BIAS, _FORGET_BIAS, 0.0, _OUTPUT_BIAS])
            weights["bias_ih_l0"].copy_(biases.repeat_interleave(width))

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        return self.recurrence(tokens)[0][:, -last:]

    def state(self, tokens: int) -> int:
        """h and c, 2m numbers."""
        return 2 * self.recurrence.hidden_size

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of all tokens, and h and c side by side: (batch, 2m)."""
        parts = None if state is None else tuple(part.contiguous() for part in state.unsqueeze(0).chunk(2, dim=2))
        outputs, (hidden, cell) = self.recurrence(tokens, parts)
        return outputs, torch.cat([hidden[0], cell[0]], dim=1)
