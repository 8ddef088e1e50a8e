"""Gated linear attention, with a decay that tokens set (GLA, Yang et al. 2023; Mamba-2: Dao and Gu 2024)"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from assay.errors import unknown
from assay.layers import LAYERS
from assay.layers.common.matrix_memory import MatrixMemory
from assay.layers.kernels.linear_attention import linear_attention

_GATES = ("scalar", "vector")
_TEMPERATURE = 16.0


@LAYERS.register
class GatedLinear(MatrixMemory):
    """S_t = a_t S_{t-1} + k_t v_t^T,  y_t = norm(q_t S_t) O,  with a_t = sigmoid(x_t A + c)^(1/16).

    Time O(length * (64 + m) * m) with a scalar gate (arXiv 2312.06635, 2405.21060).

    Args:
        width: m.
        heads: that key and value width are split into.
        gate: `scalar`, one a for each head (Mamba-2); or `vector`, one for each row of its S (GLA).
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        gate: Literal["scalar", "vector"] = "scalar",
        key_width: int = 0,
        value_width: int = 0,
    ) -> None:
        super().__init__(width, heads, key_width, value_width)
        if gate not in _GATES:
            raise unknown("gate", gate, _GATES)
        self.decay = nn.Linear(width, heads if gate == "scalar" else self.key_width)

    def recall(self, tokens: Tensor, last: int, memory: Tensor | None, *, carry: bool) -> tuple[Tensor, Tensor | None]:
        """With log a of every token."""
        q, k, v = (self._split(x) for x in (self.query(tokens[:, -last:]), self.key(tokens), self.value(tokens)))
        log_a = self._split(logsigmoid(self.decay(tokens)) / _TEMPERATURE)  # (batch, heads, length, 1 or d)
        if self.decay.out_features == self.heads:
            log_a = log_a.squeeze(-1)
        return linear_attention(q, k, v, log_a, memory, carry=carry)
