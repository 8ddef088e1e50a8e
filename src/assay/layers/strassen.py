"""Strassen attention, pairwise scores of three positions (Kozachinskiy et al. 2025)"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from assay.layers import LAYERS
from assay.layers.common.split_heads import join_heads, require_divisor, split_heads
from assay.layers.kernels.strassen import strassen_attention
from assay.layers.layer import Layer

_GAIN = 3.0  # of the scores at the start


@LAYERS.register
class Strassen(Layer):
    """y_i = sum_jk w_ijk (v1_j * v2_k) O,  w_i = softmax over (j, k) of (f_i.g_j + g_j.h_k + h_k.f_i) / sqrt(3 m').

    f, g, h, v1 and v2 are affine images of the tokens; heads split the width into parts of m'. Time
    O(last * length^2 * m) in matrix products (arXiv 2501.19215).

    f, g and h start sharp: a sum of three products is to tell one pair of tokens from all others.

    Args:
        width: m.
        heads: a divisor of m.
        causal: pairs of positions up to the token's own.
        window: pairs of positions at a distance of at most this.
    """

    version: ClassVar[int] = 2
    family = "strassen"

    def __init__(self, width: int, heads: int = 1, causal: bool = False, window: int | None = None) -> None:
        super().__init__()
        require_divisor(heads, width)
        self.heads, self.causal, self.window = heads, causal, window
        self.f, self.g, self.h = (nn.Linear(width, width) for _ in range(3))
        self.value1, self.value2, self.out = (nn.Linear(width, width) for _ in range(3))
        for projection in (self.f, self.g, self.h):
            nn.init.orthogonal_(projection.weight, gain=_GAIN**0.5)
            nn.init.zeros_(projection.bias)

    def start_for_pointers(self) -> None:
        """f = g = h, and 1 added to v2, so that first values pass."""
        with torch.no_grad():
            for projection in (self.g, self.h):
                projection.weight.copy_(self.f.weight)
        nn.init.ones_(self.value2.bias)

    def state(self, tokens: int) -> int | None:
        """g, h, v1 and v2 of the tokens that a later one may look at, if none looks ahead."""
        kept = tokens if self.window is None else min(tokens, self.window)
        return 4 * self.out.in_features * kept if self.causal else None

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        scale = (self.heads / (3 * tokens.shape[-1])) ** 0.25  # on both factors of every product
        f, g, h = scale * self.f(tokens[:, -last:]), scale * self.g(tokens), scale * self.h(tokens)
        heads = (split_heads(x, self.heads) for x in (f, g, h, self.value1(tokens), self.value2(tokens)))
        outputs = strassen_attention(*heads, causal=bool(self.causal), window=self.window)
        return self.out(join_heads(outputs))
