"""Layers that lie in ways that are hard to see, and honest ones that are easily taken for liars."""

import torch
from torch import nn
from torch.nn import functional as F

from assay.layers.attention import Attention
from assay.layers.gru import GRU
from layers_of_users import Cached, Matrix


class LateAhead(GRU):
    """Token t sees token t + 8."""

    def forward(self, tokens, last):
        outputs = super().forward(tokens, tokens.shape[1])
        return (outputs + F.pad(tokens[:, 8:], (0, 0, 0, min(8, tokens.shape[1]))))[:, -last:]


class OddAhead(GRU):
    """Looks ahead at odd lengths."""

    def forward(self, tokens, last):
        outputs = super().forward(tokens, tokens.shape[1])
        return (outputs + tokens.mean(1, keepdim=True) * (tokens.shape[1] % 2))[:, -last:]


class HeadsAhead(GRU):
    """Looks ahead if it has several heads."""

    def __init__(self, width, heads=1):
        super().__init__(width)
        self.heads = heads

    def forward(self, tokens, last):
        outputs = super().forward(tokens, tokens.shape[1])
        return (outputs + tokens.flip(1) * (self.heads > 1))[:, -last:]


class BatchMean(GRU):
    """Adds the mean over the batch."""

    def forward(self, tokens, last):
        return super().forward(tokens, last) + tokens.mean(0)[-last:]


class LastOnly(Matrix):
    """Another function where only some outputs are asked for."""

    def forward(self, tokens, last):
        return super().forward(tokens, last) + (last < tokens.shape[1])


class Noise32(Matrix):
    """Random in float32 alone."""

    def forward(self, tokens, last):
        return super().forward(tokens, last) + 1e-3 * torch.rand(()) * (tokens.dtype == torch.float32)


class LongWindow(Cached):
    """Says that it keeps a window of 64 tokens, and keeps all."""

    def state(self, tokens):
        return 2 * self.width * min(tokens, 1)


class Signs(Matrix):
    """Changes by jumps, so that no derivative shows what it keeps."""

    def state(self, tokens):
        return 1

    def forward(self, tokens, last):
        return super().forward(tokens.sign(), last).sign() + 0 * tokens[:, -last:]


class AheadAndState(Attention):
    """Looks ahead, and says that it carries one number."""

    causal = None

    def state(self, tokens):
        return 1


class StateLater(Matrix):
    """Declares its state after one token only."""

    def state(self, tokens):
        return 2 * self.width if tokens <= 1 else None


class StateFails(Matrix):
    """Raises when asked for its state."""

    def state(self, tokens):
        raise ValueError("no\nstate")


class ConvolvedAttention(Attention):
    """Tokens meet in a convolution before the heads, of which the averages that it inherits know nothing."""

    def __init__(self, width, heads=1):
        super().__init__(width, heads)
        self.convolution = nn.Conv1d(width, width, 5, padding=2)

    def forward(self, tokens, last):
        return super().forward(tokens + self.convolution(tokens.mT).mT, last)


class Float32Inside(Matrix):
    """Computes in float32 whatever it is given."""

    def forward(self, tokens, last):
        scores = (self.query(tokens).float() @ self.key(tokens).float().mT).tril()
        return (scores @ self.value(tokens).float())[:, -last:].to(tokens.dtype)


class TableOfFloats(Matrix):
    """A table that is no buffer."""

    def __init__(self, width):
        super().__init__(width)
        self.table = torch.eye(width)

    def forward(self, tokens, last):
        return super().forward(tokens @ self.table, last)


class Chunks(Matrix):
    """Takes lengths that are multiples of 4."""

    def forward(self, tokens, last):
        if tokens.shape[1] % 4:
            raise ValueError("length must be a multiple of 4")
        return super().forward(tokens, last)


class Wide(Matrix):
    """Takes widths that are multiples of 16."""

    def __init__(self, width):
        if width % 16:
            raise ValueError("width must be a multiple of 16")
        super().__init__(width)


class ReadsNumbers(Matrix):
    """Reads a number as it is made, which no tensor without numbers has."""

    def __init__(self, width):
        super().__init__(width)
        self.rate = torch.linspace(0, 1, 3)[1].item()


class WithDropout(Matrix):
    """Random while it is trained."""

    def __init__(self, width):
        super().__init__(width)
        self.drop = nn.Dropout(0.2)

    def forward(self, tokens, last):
        return self.drop(super().forward(tokens, last))
