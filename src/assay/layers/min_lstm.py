"""minLSTM, a long short-term memory whose gates do not see the state (Feng et al. 2024)"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from assay.layers import LAYERS
from assay.layers.common.scanned import Scanned


@LAYERS.register
class MinLSTM(Scanned):
    """h_t = (f_t * h_{t-1} + i_t * (x_t H + c)) / (f_t + i_t),  f_t, i_t = sigmoid of linear maps: y_t = h_t.

    Time O(length * m^2) (arXiv 2410.01201).
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, gates=3)

    def rates(self, gates: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """f / (f + i), and the candidate's share."""
        candidate, f, i = gates
        kept = torch.sigmoid(logsigmoid(f) - logsigmoid(i))  # also where both are nearly 0
        return kept, (1 - kept) * candidate
