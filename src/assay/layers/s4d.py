"""S4D, a diagonal state space that is the same at every token (Gu et al. 2022)"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from assay.errors import require
from assay.layers import LAYERS
from assay.layers.common.rates import log_rates
from assay.layers.layer import Layer


@LAYERS.register
class S4D(Layer):
    """h_t = exp(D A) h_{t-1} + x_t,  y_t = (2 Re(C' . h_t) + F x_t) O,  C' = C (exp(D A) - 1) / A,  by coordinate of x.

    A, C and h are n / 2 complex numbers a coordinate, D and F one number; A starts at -1/2 + i pi j, D between 0.001
    and 0.1. All tokens at once are a convolution with 2 Re(C' . exp(t D A)), by FFT: time
    O(length * (n + log length + m) * m) (arXiv 2206.11893).

    Args:
        width: m.
        states: n, real numbers of state a coordinate; even.
    """

    family = "state-space"
    causal = True

    def __init__(self, width: int, states: int = 8) -> None:
        super().__init__()
        require(states >= 2 and states % 2 == 0, "states", states, "an even number of at least 2")
        pairs = states // 2
        self.width, self.pairs = width, pairs
        self.log_step = nn.Parameter(log_rates(width))
        self.log_rate = nn.Parameter(torch.full((width, pairs), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(pairs).float().repeat(width, 1))
        self.c = nn.Parameter(torch.randn(width, pairs, 2) * 0.5**0.5)
        self.skip = nn.Parameter(torch.randn(width))
        self.out = nn.Linear(width, width)

    def state(self, tokens: int) -> int:
        """h: n numbers a coordinate."""
        return 2 * self.pairs * self.width

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        log_decay, c = self._at_steps()
        length = tokens.shape[1]
        kernel = 2 * torch.einsum("mp,mpt->mt", c, powers(log_decay, length)).real
        y = convolve(tokens.mT, kernel)[..., -last:].mT
        return self._outputs(y, tokens[:, -last:])

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of all tokens, and h: real parts, then imaginary ones."""
        log_decay, c = self._at_steps()
        length = tokens.shape[1]
        power = powers(log_decay, length + 1)  # (m, pairs, length + 1)
        inputs = tokens.mT.to(power.real.dtype)
        h = torch.einsum("bmt,mpt->bmp", inputs.to(power.dtype), power[..., :-1].flip(-1))
        y = convolve(inputs, 2 * torch.einsum("mp,mpt->mt", c, power[..., :-1]).real)
        if state is not None:
            before = torch.complex(*state.to(inputs.dtype).unflatten(1, (2, self.width, self.pairs)).unbind(1))
            h = h + before * power[..., -1]
            y = y + 2 * torch.einsum("bmp,mp,mpt->bmt", before, c, power[..., 1:]).real
        handed = torch.cat([h.real.flatten(1), h.imag.flatten(1)], dim=1)
        return self._outputs(y.mT.to(tokens.dtype), tokens), handed.to(tokens.dtype)

    def _at_steps(self) -> tuple[Tensor, Tensor]:
        """D A and C', both (m, n / 2), at least in single precision."""
        given = (self.log_rate, self.frequency, self.log_step, self.c)
        log_rate, frequency, log_step, c = (x if x.dtype.itemsize >= 4 else x.float() for x in given)
        a = torch.complex(-log_rate.exp(), frequency)
        log_decay = a * log_step.exp().unsqueeze(1)
        return log_decay, torch.view_as_complex(c.contiguous()) * torch.expm1(log_decay) / a

    def _outputs(self, y: Tensor, tokens: Tensor) -> Tensor:
        return self.out(y + self.skip * tokens)


def powers(log_decay: Tensor, count: int) -> Tensor:
    """exp(t log_decay) for t = 0 ... count-1, in a last axis."""
    return torch.exp(log_decay.unsqueeze(-1) * torch.arange(count, device=log_decay.device))


def convolve(inputs: Tensor, kernel: Tensor) -> Tensor:
    """y_t = sum over s of kernel_s inputs_{t-s}: (batch, m, length), (m, length) -> (batch, m, length)."""
    length = inputs.shape[-1]
    size = 2 * length
    product = torch.fft.rfft(inputs.to(kernel.dtype), n=size) * torch.fft.rfft(kernel, n=size)
    return torch.fft.irfft(product, n=size)[..., :length].to(inputs.dtype)
