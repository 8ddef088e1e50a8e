"""A short causal convolution in front of any layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.functional import pad

from assay.errors import require
from assay.layers.kernels.autograd import Context
from assay.layers.layer import Layer
from assay.resources import Averages


class ShortConv(Layer):
    """y = layer(z),  z_t = c + sum over j < k of w_j * x_{t-j}: one kernel for each coordinate, of the last k tokens.

    Time O(length * k * m), and the layer's.

    Args:
        layer: the layer behind it.
        width: m.
        taps: k.
    """

    def __init__(self, layer: Layer, width: int, taps: int = 4) -> None:
        super().__init__()
        require(taps >= 1, "taps", taps, "at least 1")
        self.layer, self.width, self.taps = layer, width, taps
        self.heads, self.causal = layer.heads, layer.causal
        self.family = layer.family
        self.kernel, self.bias = (nn.Parameter(torch.empty(shape)) for shape in ((taps, width), (width,)))
        for parameter in (self.kernel, self.bias):
            nn.init.uniform_(parameter, -(taps**-0.5), taps**-0.5)  # as torch.nn.Conv1d starts

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        return self.layer(self._convolved(self._behind(tokens, None)), last)

    def state(self, tokens: int) -> int | None:
        """The last k - 1 tokens, and what the layer carries on."""
        own = self.layer.state(tokens)
        return None if own is None else (self.taps - 1) * self.width + own

    def averages(self) -> Averages | None:
        """None: an output is made of averages and of several tokens."""
        return None

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of all tokens; the last k - 1 tokens and the layer's state."""
        buffer, own = None, None
        if state is not None:
            kept = (self.taps - 1) * self.width
            buffer, own = state[:, :kept].unflatten(1, (self.taps - 1, self.width)), state[:, kept:]
        seen = self._behind(tokens, buffer)
        outputs, own = self.layer.run(self._convolved(seen), own)
        return outputs, torch.cat([seen[:, seen.shape[1] - self.taps + 1 :].flatten(1), own], dim=1)

    def start_for_pointers(self) -> None:
        """As the layer starts, from the tokens as they are."""
        with torch.no_grad():
            self.kernel.zero_()[0].fill_(1.0)
            self.bias.zero_()
        self.layer.start_for_pointers()

    def _behind(self, tokens: Tensor, buffer: Tensor | None) -> Tensor:
        """Tokens behind the k - 1 before them, zeros at the start."""
        before = tokens.new_zeros(len(tokens), self.taps - 1, self.width) if buffer is None else buffer
        return torch.cat([before, tokens], dim=1)

    def _convolved(self, seen: Tensor) -> Tensor:
        return convolve(seen, self.kernel) + self.bias


def convolve(seen: Tensor, kernel: Tensor) -> Tensor:
    """z_t = sum over j < k of kernel_j * seen_{t+k-1-j}: (batch, length + k - 1, m), (k, m) -> (batch, length, m)."""
    return _Convolution.apply(seen, kernel)


class _Convolution(Function):
    """Sums of shifted tokens; its gradient by the tokens is the same sum with the kernel reversed."""

    generate_vmap_rule = True

    @staticmethod
    def forward(seen: Tensor, kernel: Tensor) -> Tensor:
        """Added up in place: a third of the time of torch's own derivative of shifts."""
        shifts = _shifts(seen, len(kernel))
        z = kernel[0] * shifts[0]
        for tap, shifted in zip(kernel[1:], shifts[1:], strict=True):
            z.addcmul_(tap, shifted)
        return z

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (seen, kernel), (gradient,) = ctx.saved_tensors, gradients
        beyond = len(kernel) - 1
        by_seen = _Convolution.apply(pad(gradient, (0, 0, beyond, beyond)), kernel.flip(0))
        ones = gradient.new_ones(1, gradient.shape[0] * gradient.shape[1])
        by_kernel = [ones @ (gradient * shifted).flatten(0, 1) for shifted in _shifts(seen, len(kernel))]
        return by_seen, torch.cat(by_kernel)


def _shifts(seen: Tensor, taps: int) -> list[Tensor]:
    """What each tap is multiplied with."""
    length = seen.shape[1] - taps + 1
    return [seen[:, first : first + length] for first in reversed(range(taps))]
