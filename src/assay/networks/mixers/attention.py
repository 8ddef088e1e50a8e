"""Self-attention, no mask (Vaswani et al. 2017)"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from assay.networks import MIXERS
from assay.networks.base import Mixer
from assay.networks.heads import join_heads, require_divisor, split_heads
from assay.resources import Averages


@MIXERS.register
class Attention(Mixer):
    """sum over heads of softmax(X Q (X K)^T / sqrt(m / heads)) X V O, for the last rows only.

    Time O(last * length * m * heads).

    Args:
        width: m.
        heads: a divisor of m.
    """

    family: ClassVar[str] = "attention"
    causal = False

    def __init__(self, width: int, heads: int = 1) -> None:
        super().__init__()
        require_divisor(heads, width)
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        for projection in (self.query, self.key):
            nn.init.orthogonal_(projection.weight)

    def start_for_pointers(self) -> None:
        """Q = K."""
        with torch.no_grad():
            self.query.weight.copy_(self.key.weight)

    def averages(self) -> Averages:
        """Heads that split the width."""
        return Averages(self.heads, self.key.weight.shape[0] // self.heads)

    def weights(self, tokens: Tensor, last: int) -> Tensor:
        """Attention weights of the last tokens: (batch, heads, last, length)."""
        return torch.softmax(self._towards(tokens[:, -last:]) @ tokens.unsqueeze(1).transpose(2, 3), dim=-1)

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        """Outputs of the last tokens."""
        attended = self.weights(tokens, last) @ tokens.unsqueeze(1)  # (batch, heads, last, m)
        return self.join(attended @ self._value_by_head())

    def summary(self, asking: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What the asking tokens (batch, asking, m) find among some tokens (batch, some, m).

        For each head the logarithm of the sum of exponentials of their scores (batch, heads, asking, 1) and their mean
        value without bias (batch, heads, asking, m / heads). Means of disjoint parts of a sequence, weighted by the
        sums, are the mean of the whole.
        """
        scores = self._towards(asking) @ tokens.unsqueeze(1).transpose(2, 3)
        mean = torch.softmax(scores, dim=-1) @ tokens.unsqueeze(1) @ self._value_by_head()
        return torch.logsumexp(scores, dim=-1, keepdim=True), mean

    def join(self, means: Tensor) -> Tensor:
        """Outputs from each head's mean value (batch, heads, asking, m / heads)."""
        return self.out(join_heads(means) + self.value.bias)

    def _towards(self, asking: Tensor) -> Tensor:
        """(x Q) K^T: K is applied to the queries, which may be few, rather than to all tokens."""
        queries = self.query(asking) * math.sqrt(self.heads / asking.shape[-1])
        return split_heads(queries, self.heads) @ self.key.weight.unflatten(0, (self.heads, -1))

    def _value_by_head(self) -> Tensor:
        return self.value.weight.unflatten(0, (self.heads, -1)).transpose(1, 2)
