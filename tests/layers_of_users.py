"""Layers as users write them, for tests of what is declared: in a file of their own, named by its path."""

import torch
from torch import nn

from assay.layers.attention import Attention
from assay.layers.layer import Layer
from assay.layers.lstm import LSTM


class Matrix(Layer):
    """Linear attention: a memory of m x m numbers."""

    causal = True

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))

    def state(self, tokens):
        return self.width**2

    def forward(self, tokens, last):
        scores = (self.query(tokens) @ self.key(tokens).mT).tril()
        return (scores @ self.value(tokens))[:, -last:]


class Cached(Layer):
    """Causal attention, whose cache holds a key and a value for each of the last `window` tokens; all if it is 0."""

    causal = True
    window = 0

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def state(self, tokens):
        return 2 * self.width * min(self.window or tokens, tokens)

    def forward(self, tokens, last):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        distance = places[:, None] - places
        seen = (distance >= 0) & (distance <= (self.window or tokens.shape[1]))
        scores = (self.query(tokens) @ self.key(tokens).mT).masked_fill(~seen, -torch.inf)
        return (scores.softmax(-1) @ self.value(tokens))[:, -last:]


class Window(Cached):
    """A window of m / 2 tokens: as many numbers as `Matrix`."""

    def __init__(self, width):
        super().__init__(width)
        self.window = width // 2


class Hybrid(Matrix):
    """Half of the numbers in a matrix, half in a window."""

    def state(self, tokens):
        return self.width**2 // 2 + 2 * self.width * min(self.width // 4, tokens)


class Ahead(Matrix):
    """Says that it is causal, and is not."""

    def forward(self, tokens, last):
        return (self.query(tokens) @ self.key(tokens).mT @ self.value(tokens))[:, -last:]


class TooSmall(Matrix):
    """Keeps m x m numbers and says that it keeps m."""

    def state(self, tokens):
        return self.width


class Random(Matrix):
    """Changes from call to call."""

    def forward(self, tokens, last):
        return super().forward(tokens, last) + torch.rand(())


class Complex(Matrix):
    """One of its parameters is complex."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.phase = nn.Parameter(torch.ones(width, dtype=torch.complex64))


class Undeclared(Matrix):
    """Declares nothing."""

    causal = None

    def state(self, tokens):
        return None


class OneNumber(nn.Module):
    """Not a layer of ours at all."""


class RecurrentAttention(Attention):
    """Unmasked attention that is said to be recurrent, with one number of state."""

    family = "recurrent"

    def __init__(self, width):
        super().__init__(width)
        self.causal = True

    def weights(self, tokens, last):
        self.causal = False
        found = super().weights(tokens, last)
        self.causal = True
        return found

    def state(self, tokens):
        return 1


class Shrinking(Matrix):
    """Its state falls at width 16."""

    def state(self, tokens):
        return self.width**2 if self.width < 16 else self.width


class WrongHalves(LSTM):
    """Hands on a state that it then does not use."""

    def run(self, tokens, state=None):
        return super().run(tokens, None)


# The shipped LSTM, copied under a name that says something else.
Copied = type("Attention", (LSTM,), {"__module__": __name__})


class Masked(nn.Module):
    """An average over earlier tokens with weights for every place up to the length that it was made for."""

    causal = True

    def __init__(self, width, length):
        super().__init__()
        self.places = nn.Parameter(torch.zeros(length, length))
        self.out = nn.Linear(width, width)

    def forward(self, x):
        tokens = x.shape[1]
        if tokens > len(self.places):
            raise RuntimeError(f"made for {len(self.places)} tokens, given {tokens}")
        scores = self.places[:tokens, :tokens].masked_fill(torch.ones(tokens, tokens).triu(1).bool(), -torch.inf)
        return self.out(scores.softmax(1) @ x)
