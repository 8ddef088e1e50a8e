"""Diagonal linear recurrences h_t = a_t h_{t-1} + b_t, one step after the other, with derivatives of any order."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import Function

from assay.layers.kernels.autograd import Context, Mapped


def scan(decay: Tensor, inputs: Tensor, start: Tensor | None = None) -> Tensor:
    """h_1 ... h_N of h_t = decay_t * h_{t-1} + inputs_t; h_0 is `start`, zeros unless given.

    `decay` and `inputs` are time-major and of one shape, (N, ...). Time and memory O(N) tensors of the state's shape.

    >>> scan(torch.tensor([0.5, 0.5, 2.0]), torch.tensor([1.0, 1.0, 1.0])).tolist()
    [1.0, 1.5, 4.0]
    """
    if start is not None:
        inputs = torch.cat([torch.addcmul(inputs[:1], decay[:1], start.unsqueeze(0)), inputs[1:]])
    return _Scan.apply(decay, inputs, False)


class _Direction(Context, Protocol):
    backwards: bool


class _Scan(Function):
    """h_0 = b_0, h_t = a_t h_{t-1} + b_t; or backwards h_{t-1} = a_t h_t + b_{t-1} from the last. a_0 is not used.

    Its gradient by b is the scan in the other direction with the same a, so that it can be differentiated again.
    """

    @staticmethod
    def forward(decay: Tensor, inputs: Tensor, backwards: bool) -> Tensor:
        """(N, ...), (N, ...) -> (N, ...)."""
        states = torch.empty_like(inputs, memory_format=torch.contiguous_format)
        a, b, h = decay.unbind()[1:], inputs.unbind(), states.unbind()
        if backwards:
            a, b, h = a[::-1], b[::-1], h[::-1]
        h[0].copy_(b[0])
        for t, link in enumerate(a):
            torch.addcmul(b[t + 1], link, h[t], out=h[t + 1])
        return states

    @staticmethod
    def setup_context(ctx: _Direction, inputs: tuple[Tensor, Tensor, bool], output: Tensor) -> None:
        ctx.backwards = inputs[2]
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(ctx: _Direction, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        decay, states = ctx.saved_tensors
        by_inputs = _Scan.apply(decay, *gradients, not ctx.backwards)
        earlier, later = (by_inputs, states) if ctx.backwards else (states, by_inputs)
        by_decay = torch.cat([torch.zeros_like(decay[:1]), later[1:] * earlier[:-1]])
        return by_decay, by_inputs, None

    @staticmethod
    def vmap(info: Mapped, in_dims: tuple[int | None, ...], *given: Any) -> tuple[Tensor, int]:
        *tensors, backwards = given
        pairs = zip(tensors, in_dims, strict=False)
        both = [
            x.unsqueeze(1).expand(-1, info.batch_size, *x.shape[1:]) if at is None else x.movedim(at, 1)
            for x, at in pairs
        ]
        return _Scan.apply(*both, backwards), 1
