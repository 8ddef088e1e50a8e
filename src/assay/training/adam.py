"""Adam without `torch.optim.Adam`, which imports torch's compiler: a second in each process that trains."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adam import adam

_BETAS, _EPS = (0.9, 0.99), 1e-8


class Adam:
    """What Adam remembers of some weights: bit for bit `torch.optim.Adam(weights, betas=(0.9, 0.99), fused=True)`.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> optimizer = Adam([weight])
    >>> (weight * torch.tensor([1.0, -1.0])).sum().backward()
    >>> optimizer.step(0.1)
    >>> weight.tolist()
    [0.89..., 1.10...]

    Args:
        weights: each of them once. A weight without a gradient is left as it is.
    """

    def __init__(self, weights: list[Tensor]) -> None:
        self._weights = weights
        self._remembered: dict[int, tuple[Tensor, Tensor, Tensor]] = {}  # by the weight's place, from its first step on

    def forget_gradients(self) -> None:
        """Leave every weight without a gradient."""
        for weight in self._weights:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step along the weights' gradients, at this rate of learning."""
        moved, gradients, remembered = [], [], []
        for place, weight in enumerate(self._weights):
            if weight.grad is None:
                continue
            if place not in self._remembered:
                begin = torch.zeros((), dtype=torch.float32, device=weight.device)
                self._remembered[place] = torch.zeros_like(weight), torch.zeros_like(weight), begin
            moved.append(weight)
            gradients.append(weight.grad)
            remembered.append(self._remembered[place])
        first, second, steps = (list(part) for part in zip(*remembered, strict=True)) if moved else ([], [], [])
        take_step(moved, gradients, first, second, steps, rate)


def take_step(
    weights: list[Tensor],
    gradients: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    steps: list[Tensor],
    rate: float,
) -> None:
    """Adam's step of each weight along its gradient, with its moments and the number of steps taken, in place."""
    adam(
        weights,
        gradients,
        first,
        second,
        max_exp_avg_sqs=[],
        state_steps=steps,
        fused=True,
        amsgrad=False,
        beta1=_BETAS[0],
        beta2=_BETAS[1],
        lr=rate,
        weight_decay=0.0,
        eps=_EPS,
        maximize=False,
    )
