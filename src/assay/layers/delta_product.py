"""DeltaProduct, several writes of the delta rule at every token (Siems et al. 2025)"""

from __future__ import annotations

from torch import nn

from assay.errors import require
from assay.layers import LAYERS
from assay.layers.delta_net import DeltaNet, Eigenvalues


@LAYERS.register
class DeltaProduct(DeltaNet):
    """S <- (I - b_tj k_tj k_tj^T) S + b_tj k_tj v_tj^T for j = 1 ... n,  then y_t = norm(q_t S) O,  with |k_tj| = 1.

    The factor of S at a token is a product of n generalised reflections. Time O(n * length * (64 + m) * m) (arXiv
    2502.10297).

    Args:
        width: m.
        heads: that key and value width are split into.
        steps: n.
        eigenvalues: `positive`, b in (0, 1); or `signed`, b in (0, 2).
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        steps: int = 2,
        eigenvalues: Eigenvalues = "signed",
        key_width: int = 0,
        value_width: int = 0,
    ) -> None:
        super().__init__(width, heads, eigenvalues, key_width, value_width)
        require(steps >= 1, "steps", steps, "at least 1")
        self.steps = steps
        self.key, self.value = (nn.Linear(width, steps * d, bias=False) for d in (self.key_width, self.value_width))
        self.strength = nn.Linear(width, steps * heads)
