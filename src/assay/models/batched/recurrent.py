"""Recurrences of many networks step by step, in place of torch's own, which torch.func.vmap cannot map over.

The parameters keep the names and the meaning that they have in `torch.nn.GRU` and `torch.nn.LSTM`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from assay.layers.kernels.autograd import Context, Mapped, at_front
from assay.models.batched.linear import MappedBag, MappedLinear, linear
from assay.models.batched.own_products import rows_by

_PARAMETERS = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
Scan = Callable[[Tensor, Tensor, Tensor], Tensor]


def _scan_gru(given: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """States (networks, batch, length, m) from what each token adds to the gates (networks, batch, length, 3m)."""
    width = weight.shape[2]
    hidden = given.new_zeros(*given.shape[:2], width)
    outputs = []
    for gates, fresh in zip(given[..., : 2 * width].unbind(2), given[..., 2 * width :].unbind(2), strict=True):
        old = rows_by(hidden, weight) + bias
        reset, update = torch.sigmoid(gates + old[..., : 2 * width]).chunk(2, dim=2)
        fresh = torch.tanh(torch.addcmul(fresh, reset, old[..., 2 * width :]))
        hidden = torch.lerp(fresh, hidden, update)
        outputs.append(hidden)
    return torch.stack(outputs, dim=2)


def _scan_lstm(given: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same from (networks, batch, length, 4m)."""
    width = weight.shape[2]
    hidden = cell = given.new_zeros(*given.shape[:2], width)
    outputs = []
    for gates in (given + bias.unsqueeze(2)).unbind(2):  # unbind: the gradient of indexing is dear
        enter, forget, fresh, leave = (gates + rows_by(hidden, weight)).chunk(4, dim=2)
        cell = torch.addcmul(torch.sigmoid(forget) * cell, torch.sigmoid(enter), torch.tanh(fresh))
        hidden = torch.sigmoid(leave) * torch.tanh(cell)
        outputs.append(hidden)
    return torch.stack(outputs, dim=2)


class _Mapped(torch.autograd.Function):
    """A scan, which is only ever computed for many networks: for these it is written out, with its gradient."""

    @staticmethod
    def forward(given: Tensor, weight: Tensor, bias: Tensor, scan: Scan) -> Tensor:
        return scan(*(x.unsqueeze(0) for x in (given, weight, bias.unsqueeze(0))))[0]

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Tensor | Scan, ...], output: Tensor) -> None:
        """Nothing is kept: there is no gradient of one network by itself."""

    @staticmethod
    def vmap(info: Mapped, in_dims: tuple[int | None, ...], *given: Any) -> tuple[Tensor, int]:
        *tensors, scan = given
        tokens, weight, bias = (at_front(x, axis, info) for x, axis in zip(tensors, in_dims, strict=False))
        return scan(tokens, weight, bias.unsqueeze(1)), 0


class _Recurrence(nn.Module):
    """One layer, one direction, batch first; takes the place of a torch.nn recurrence of the same parameters."""

    def __init__(self, replaced: nn.RNNBase) -> None:
        super().__init__()
        self.hidden_size = replaced.hidden_size
        self.weight_ih_l0: Tensor
        self.bias_ih_l0: Tensor
        self._scan: Scan = _scan_gru if isinstance(replaced, nn.GRU) else _scan_lstm
        for name, parameter in replaced.named_parameters():
            self.register_parameter(name, nn.Parameter(parameter.detach()))

    def forward(self, tokens: Tensor) -> tuple[Tensor, None]:
        """All states h (batch, length, m); the last state is not handed on."""
        given = linear(tokens, self.weight_ih_l0) + self.bias_ih_l0
        return _Mapped.apply(given, self.weight_hh_l0, self.bias_hh_l0, self._scan), None


def replace_parts(network: nn.Module) -> None:
    """Inside a network: GRUs and LSTMs of one layer and direction, batch first, linear maps and sums over tables."""
    twins: dict[type[nn.Module], Callable[..., nn.Module]] = {
        nn.GRU: _Recurrence,
        nn.LSTM: _Recurrence,
        nn.Linear: MappedLinear,
        nn.EmbeddingBag: MappedBag,
    }
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            twin = twins.get(type(child))
            if twin and _is_plain(child):
                setattr(module, name, twin(child))


def _is_plain(module: nn.Module) -> bool:
    """Whether it is of the kind that its twin stands for; others are mapped over as they are."""
    if isinstance(module, nn.Linear):
        return True
    if isinstance(module, nn.EmbeddingBag):
        return module.mode == "sum" and module.padding_idx is None and module.max_norm is None
    return {name for name, _ in module.named_parameters()} == _PARAMETERS and bool(module.batch_first)
