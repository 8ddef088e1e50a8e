"""Retention, linear attention with a fixed decay for each head (Sun et al. 2023)"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from assay.errors import require
from assay.layers import LAYERS
from assay.layers.common.matrix_memory import MatrixMemory
from assay.layers.kernels.linear_attention import linear_attention


@LAYERS.register
class RetNet(MatrixMemory):
    """S_t = c S_{t-1} + k_t v_t^T,  y_t = norm(q_t S_t) O,  with c = 1 - 2^-5, 1 - 2^-6, ... in the heads.

    Time O(length * (64 + m) * m) (arXiv 2307.08621, without the rotation of queries and keys).

    Args:
        width: m.
        heads: that key and value width are split into.
        decay: c of all heads; the paper's if it is 0.
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    def __init__(
        self, width: int, heads: int = 1, decay: float = 0.0, key_width: int = 0, value_width: int = 0
    ) -> None:
        super().__init__(width, heads, key_width, value_width)
        require(0 <= decay <= 1, "decay", decay, "from 0 to 1")
        self.decays = tuple(decay or 1 - 2.0 ** (-5 - head) for head in range(heads))

    def recall(self, tokens: Tensor, last: int, memory: Tensor | None, *, carry: bool) -> tuple[Tensor, Tensor | None]:
        """With the same decay at every token."""
        q, k, v = (self._split(x) for x in (self.query(tokens[:, -last:]), self.key(tokens), self.value(tokens)))
        log_c = torch.tensor([math.log(c) for c in self.decays], dtype=tokens.dtype, device=tokens.device)
        return linear_attention(q, k, v, log_c.unsqueeze(1).expand(-1, tokens.shape[1]), memory, carry=carry)
