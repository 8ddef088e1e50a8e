"""Initial rates of decay, spread over two orders of magnitude as in Mamba (Gu and Dao 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_SLOWEST, _FASTEST = 1e-3, 1e-1  # a token


def log_rates(count: int) -> Tensor:
    """Logarithms of random rates, uniform between those of 0.001 and 0.1."""
    return torch.empty(count).uniform_(math.log(_SLOWEST), math.log(_FASTEST))


@torch.no_grad()
def draw_rates(linear: nn.Linear) -> None:
    """Let softplus(linear(x)) start around such rates: its bias is softplus's inverse of them, its weight small."""
    rates = log_rates(linear.out_features).exp()
    linear.bias.copy_(rates + torch.log(-torch.expm1(-rates)))
    linear.weight.mul_(0.1)
