"""Self-attention, one head, no mask (Vaswani et al. 2017)"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from assay.networks import MIXERS
from assay.networks.base import Mixer


@MIXERS.register
class Attention(Mixer):
    """softmax(X Q (X K)^T / sqrt(m)) X V O, for the last rows only. Time O(last * length * m).

    Q and K start as one orthogonal matrix: a token first attends to those that are like it.
    """

    family: ClassVar[str] = "attention"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.orthogonal_(self.key.weight)
        with torch.no_grad():
            self.query.weight.copy_(self.key.weight)

    def weights(self, tokens: Tensor, last: int) -> Tensor:
        """Attention weights of the last tokens: (batch, last, length)."""
        queries = self.query(tokens[:, -last:]) / math.sqrt(tokens.shape[-1])
        # (x Q) K^T x^T: K is applied to the few queries rather than to all tokens.
        return torch.softmax((queries @ self.key.weight) @ tokens.transpose(1, 2), dim=-1)

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        """Outputs of the last tokens."""
        return self.out(self.value(self.weights(tokens, last) @ tokens))
