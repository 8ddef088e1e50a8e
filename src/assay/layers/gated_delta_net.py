"""Gated DeltaNet, the delta rule on a memory that decays (Yang et al. 2024)"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import softplus

from assay.layers import LAYERS
from assay.layers.common.rates import draw_rates
from assay.layers.delta_net import DeltaNet, Eigenvalues


@LAYERS.register
class GatedDeltaNet(DeltaNet):
    """S_t = a_t (I - b_t k_t k_t^T) S_{t-1} + b_t k_t v_t^T,  y_t = norm(q_t S_t) O,  a_t = exp(-softplus(x_t A + c)).

    |k_t| = 1. Time O(length * (64 + m) * m) (arXiv 2412.06464). a starts between exp(-0.1) and exp(-0.001).

    Args:
        width: m.
        heads: that key and value width are split into.
        eigenvalues: `positive`, b in (0, 1); or `signed`, b in (0, 2).
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        eigenvalues: Eigenvalues = "positive",
        key_width: int = 0,
        value_width: int = 0,
    ) -> None:
        super().__init__(width, heads, eigenvalues, key_width, value_width)
        self.decay = nn.Linear(width, heads)
        draw_rates(self.decay)

    def log_decay(self, tokens: Tensor) -> Tensor:
        return -softplus(self.decay(tokens)).mT
