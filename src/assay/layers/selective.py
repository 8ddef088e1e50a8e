"""Selective state space, the recurrence S6 of Mamba (Gu and Dao 2023)"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from assay.errors import require, unknown
from assay.layers import LAYERS
from assay.layers.common.rates import draw_rates
from assay.layers.kernels.scan import scan
from assay.layers.layer import Layer

_EIGENVALUES = ("positive", "signed")


@LAYERS.register
class Selective(Layer):
    """h_t = exp(D_t A) * h_{t-1} + D_t u_t B_t^T,  y_t = (h_t C_t + F * u_t) O,  with D_t = softplus(x_t W + c).

    u_t = x_t U; B_t and C_t (n numbers) are linear in the token; h and A are m x n. A starts at -1 ... -n, D between
    0.001 and 0.1. Time O(length * m * (m + n)), memory O(length * m * n) (arXiv 2312.00752, without the gate and the
    convolution of its block; signed as in Grazzi et al., 2411.12537).

    Args:
        width: m.
        states: n.
        eigenvalues: factors of h: `positive`, exp(D A) in (0, 1); or `signed`, 2 exp(D A) - 1 in (-1, 1).
    """

    family = "state-space"
    causal = True

    def __init__(self, width: int, states: int = 8, eigenvalues: Literal["positive", "signed"] = "positive") -> None:
        super().__init__()
        require(states >= 1, "states", states, "at least 1")
        if eigenvalues not in _EIGENVALUES:
            raise unknown("eigenvalues", eigenvalues, _EIGENVALUES)
        self.width, self.states, self.signed = width, states, eigenvalues == "signed"
        self.log_a = nn.Parameter(torch.arange(1, states + 1).float().log().repeat(width, 1))
        self.input, self.step = nn.Linear(width, width), nn.Linear(width, width)
        self.b, self.c = (nn.Linear(width, states, bias=False) for _ in range(2))
        self.skip = nn.Parameter(torch.ones(width))
        self.out = nn.Linear(width, width)
        draw_rates(self.step)

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        return self._run(tokens, last, None)[0]

    def state(self, tokens: int) -> int:
        """h, m n numbers."""
        return self.width * self.states

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start = None if state is None else state.view(-1, self.width, self.states)
        outputs, h = self._run(tokens, tokens.shape[1], start)
        return outputs, h.flatten(1)

    def _run(self, tokens: Tensor, last: int, start: Tensor | None) -> tuple[Tensor, Tensor]:
        """Outputs of the last tokens, and h after all."""
        x = tokens.transpose(0, 1)  # (length, batch, m)
        step, u = softplus(self.step(x)), self.input(x)
        decay = torch.exp(step.unsqueeze(-1) * -self.log_a.exp())  # (length, batch, m, n)
        if self.signed:
            decay = 2 * decay - 1
        h = scan(decay, (step * u).unsqueeze(-1) * self.b(x).unsqueeze(-2), start)
        asked = h if last == len(h) else h[-last:]
        y = (asked * self.c(x[-last:]).unsqueeze(-2)).sum(dim=-1) + self.skip * u[-last:]
        return self.out(y).transpose(0, 1), h[-1]
