"""minGRU, a gated recurrent unit whose gates do not see the state (Feng et al. 2024)"""

from __future__ import annotations

import torch
from torch import Tensor

from assay.layers import LAYERS
from assay.layers.common.scanned import Scanned


@LAYERS.register
class MinGRU(Scanned):
    """h_t = (1 - z_t) * h_{t-1} + z_t * (x_t H + c),  z_t = sigmoid(x_t Z + d): y_t = h_t.

    Time O(length * m^2) (arXiv 2410.01201).
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, gates=2)

    def rates(self, gates: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """1 - z, and z times the candidate."""
        candidate, z = gates[0], torch.sigmoid(gates[1])
        return 1 - z, z * candidate
