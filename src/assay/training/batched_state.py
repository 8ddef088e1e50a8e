"""Weights of many networks of one shape in one buffer, with one optimizer for all of them."""

from __future__ import annotations

import torch
from torch import Tensor

from assay.models.batched.own_products import ALIGNED
from assay.models.network import Network
from assay.training.adam import take_step
from assay.training.recipe import Recipe

_ROW = 64  # so that no network's numbers are the odd ones at the end of a vectorised loop
_NORM_EPS = 1e-6  # of torch's clip_grad_norm_


class State:
    """Weights (networks, numbers), their running average, and what Adam remembers: one row for each network.

    Args:
        networks: of one shape, with the weights to begin with.
        rates: of learning, one for each.
        device: where the rows are kept.

    `parameters` are the weights by name, (networks, *shape); `gradient` has a row for each network.
    """

    def __init__(self, networks: list[Network], rates: list[float], device: str) -> None:
        self.rates = rates
        named = list(networks[0].named_parameters())
        self.names = [name for name, _ in named]
        self.shapes = [parameter.shape for _, parameter in named]
        self.sizes = [-(-parameter.numel() // ALIGNED) * ALIGNED for _, parameter in named]
        self.weights = torch.zeros(
            len(networks), -(-sum(self.sizes) // _ROW) * _ROW, device=device, dtype=named[0][1].dtype
        )
        views = self.rows(self.weights)
        for index, network in enumerate(networks):
            for name, parameter in network.named_parameters():
                views[name][index] = parameter.detach().to(device)
        self.averaged = self.weights.clone()
        self._moments = [torch.zeros_like(self.weights) for _ in range(2)]
        self._differentiable()

    def rows(self, buffer: Tensor) -> dict[str, Tensor]:
        """A buffer's numbers as parameters: name -> (networks, *shape), views."""
        parts = buffer.split([*self.sizes, buffer.shape[1] - sum(self.sizes)], dim=1)
        return {
            name: part[:, : shape.numel()].view(-1, *shape)
            for name, part, shape in zip(self.names, parts, self.shapes, strict=False)  # but the empty end
        }

    def differentiate(self, losses: Tensor) -> None:
        """Write each network's gradient of its loss into `gradient`; losses are (networks,)."""
        found = torch.autograd.grad(
            losses.sum(), list(self.parameters.values()), allow_unused=True, materialize_grads=True
        )
        for rows, part in zip(self.rows(self.gradient).values(), found, strict=True):
            rows.copy_(part)

    @torch.no_grad()
    def step(self, step: int, recipe: Recipe) -> None:
        """One step of Adam along the gradient of `weights`, each network's clipped by itself; then the average."""
        gradient = self.gradient
        norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        gradient.mul_((recipe.clip / (norms + _NORM_EPS)).clamp_(max=1.0))
        share = recipe.share_of_rate(step)
        first, second = self._moments
        weights = self.weights
        for rate in dict.fromkeys(self.rates):
            chosen = [row for row, other in enumerate(self.rates) if other == rate]
            steps = [torch.tensor(float(step), device=weights.device) for _ in chosen]
            rows = ([buffer[row] for row in chosen] for buffer in (weights, gradient, first, second))
            take_step(*rows, steps, rate * share)
        self.averaged.lerp_(weights, recipe.share_of_newest(step + 1))

    @torch.no_grad()
    def keep(self, rows: list[int]) -> None:
        """Go on with these networks only."""
        self.rates = [self.rates[row] for row in rows]
        self.weights = self.weights[rows]
        self.averaged = self.averaged[rows]
        self._moments = [moment[rows] for moment in self._moments]
        self._differentiable()

    def _differentiable(self) -> None:
        self.gradient = torch.zeros_like(self.weights)
        self.parameters = {name: rows.detach().requires_grad_() for name, rows in self.rows(self.weights).items()}
