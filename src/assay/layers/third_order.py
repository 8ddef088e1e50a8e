"""Third-order attention, a softmax over pairs of positions (Clift et al. 2019; Sanford, Hsu, Telgarsky 2023)"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from assay.layers import LAYERS
from assay.layers.common.split_heads import join_heads, require_divisor, split_heads
from assay.layers.kernels.third_order import third_order_attention
from assay.layers.layer import Layer


@LAYERS.register
class ThirdOrder(Layer):
    """y_i = sum_jk w_ijk (v1_j * v2_k) O,  w_i = softmax over pairs (j, k) of sum_t q_it k1_jt k2_kt / sqrt(m / heads).

    q, k1, k2, v1 and v2 are affine images of the tokens; heads split the width. Time O(last * length^2 * m).
    (Clift et al. 2019, "2-simplicial attention"; Sanford, Hsu, Telgarsky, NeurIPS 2023, tensor attention of order 3;
    Alman and Song 2023 on its cost.)

    Args:
        width: m.
        heads: a divisor of m.
        causal: pairs of positions up to the token's own.
        window: pairs of positions at a distance of at most this.
    """

    version: ClassVar[int] = 2
    family = "third-order"

    def __init__(self, width: int, heads: int = 1, causal: bool = False, window: int | None = None) -> None:
        super().__init__()
        require_divisor(heads, width)
        self.heads, self.causal, self.window = heads, causal, window
        self.query, self.key1, self.key2 = (nn.Linear(width, width) for _ in range(3))
        self.value1, self.value2, self.out = (nn.Linear(width, width) for _ in range(3))
        for projection in (self.query, self.key1, self.key2):
            nn.init.orthogonal_(projection.weight)
            nn.init.zeros_(projection.bias)

    def start_for_pointers(self) -> None:
        """q = k1, and 1 added to k2 and v2: near ordinary attention, with the terms of third order beside it."""
        with torch.no_grad():
            self.query.weight.copy_(self.key1.weight)
        for projection in (self.key2, self.value2):
            nn.init.ones_(projection.bias)

    def state(self, tokens: int) -> int | None:
        """k1, k2, v1 and v2 of the tokens that a later one may look at, if none looks ahead."""
        kept = tokens if self.window is None else min(tokens, self.window)
        return 4 * self.out.in_features * kept if self.causal else None

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        query = self.query(tokens[:, -last:]) * (self.heads / tokens.shape[-1]) ** 0.5
        others = (linear(tokens) for linear in (self.key1, self.key2, self.value1, self.value2))
        heads = (split_heads(x, self.heads) for x in (query, *others))
        outputs = third_order_attention(*heads, causal=bool(self.causal), window=self.window)
        return self.out(join_heads(outputs))
