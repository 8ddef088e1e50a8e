"""Linear attention, a sum of products of keys and values (Katharopoulos et al. 2020)"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import elu, pad

from assay.errors import unknown
from assay.layers import LAYERS
from assay.layers.common.matrix_memory import MatrixMemory
from assay.layers.kernels.linear_attention import linear_attention

_FEATURES = ("elu", "identity")


@LAYERS.register
class Linear(MatrixMemory):
    """S_t = S_{t-1} + f(k_t) v_t^T,  z_t = z_{t-1} + f(k_t),  y_t = f(q_t) S_t / (f(q_t) . z_t) O.

    Time O(length * (64 + m) * m) (arXiv 2006.16236).

    Args:
        width: m.
        heads: that key and value width are split into.
        feature: `elu`, f(x) = elu(x) + 1; or `identity`, without z, and outputs normed by their root mean square.
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        feature: Literal["elu", "identity"] = "elu",
        key_width: int = 0,
        value_width: int = 0,
    ) -> None:
        super().__init__(width, heads, key_width, value_width)
        if feature not in _FEATURES:
            raise unknown("feature", feature, _FEATURES)
        self.feature = feature
        if feature == "elu":
            self.norm = torch.nn.Identity()

    def state(self, tokens: int) -> int:
        """S, and z where there is one."""
        return super().state(tokens) + (self.key_width if self.feature == "elu" else 0)

    def recall(self, tokens: Tensor, last: int, memory: Tensor | None, *, carry: bool) -> tuple[Tensor, Tensor | None]:
        """S and z side by side: z is what S would be of values 1."""
        q, k, v = (self._split(x) for x in (self.query(tokens[:, -last:]), self.key(tokens), self.value(tokens)))
        if self.feature == "identity":
            return linear_attention(q, k, v, None, memory, carry=carry)
        read, memory = linear_attention(elu(q) + 1, elu(k) + 1, pad(v, (0, 1), value=1.0), None, memory, carry=carry)
        return read[..., :-1] / read[..., -1:], memory
