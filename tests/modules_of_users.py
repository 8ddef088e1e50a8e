"""Layers as users write them, for tests: modules and functions that know nothing of Assay."""

import torch
from torch import nn


class Linear(nn.Module):
    """Linear attention without a feature map."""

    causal = True

    def __init__(self, width, key_width=4):
        super().__init__()
        self.query, self.key = nn.Linear(width, key_width), nn.Linear(width, key_width)
        self.value, self.numbers = nn.Linear(width, width), width * key_width

    def state(self, tokens):
        return self.numbers

    def forward(self, x):
        return (self.query(x) @ self.key(x).mT).tril() @ self.value(x)


class Delta(nn.Module):
    """The delta rule, token by token."""

    causal = True

    def __init__(self, width, signed=False):
        super().__init__()
        self.parts, self.beta, self.most = nn.Linear(width, 3 * width), nn.Linear(width, 1), 2.0 if signed else 1.0

    def state(self, tokens):
        return self.beta.in_features**2

    def forward(self, x):
        query, key, value = self.parts(x).chunk(3, dim=-1)
        key, beta = nn.functional.normalize(key, dim=-1), self.most * torch.sigmoid(self.beta(x))
        memory, outputs = x.new_zeros(len(x), x.shape[-1], x.shape[-1]), []
        for t in range(x.shape[1]):
            k = key[:, t].unsqueeze(2)
            memory = memory + beta[:, t].unsqueeze(2) * (value[:, t].unsqueeze(2) - memory @ k) @ k.mT
            outputs.append((memory @ query[:, t].unsqueeze(2)).squeeze(2))
        return torch.stack(outputs, dim=1)


class Encoder(nn.Module):
    """A whole block of torch's."""

    block = True

    def __init__(self, width, heads=1):
        super().__init__()
        self.inner = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True)

    def forward(self, x, mask):
        return self.inner(x, src_mask=mask)


def multihead(width, heads=1):
    """torch.nn.MultiheadAttention."""

    class Multihead(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.MultiheadAttention(width, heads, batch_first=True)

        def forward(self, x, mask):
            return self.inner(x, x, x, attn_mask=mask)

    return Multihead()


class Placed(nn.Module):
    """It asks for the length and the number of its block."""

    causal = True

    def __init__(self, width, length, index):
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, width))
        self.index, self.length = index, length

    def forward(self, x):
        return x.cumsum(dim=1) * self.table[: x.shape[1]]


class Bounded(Linear):
    """A state of so many numbers that it takes 70 tokens to be measured, and a table of as many as it was told."""

    def __init__(self, width, length):
        super().__init__(width, key_width=32)
        self.table = nn.Parameter(torch.randn(length, width))

    def forward(self, x):
        return super().forward(x + self.table[: x.shape[1]])


class Deaf(nn.Module):
    """It takes a mask and looks ahead all the same."""

    def __init__(self, width):
        super().__init__()
        self.out = nn.Linear(width, width)

    def forward(self, x, mask):
        return self.out(x.mean(dim=1, keepdim=True).expand_as(x))


class Alternating(nn.Module):
    """Each token by itself in even blocks; the mean of all, later ones too, in odd ones. It declares nothing but 0."""

    def __init__(self, width, index):
        super().__init__()
        self.out, self.odd = nn.Linear(width, width), index % 2

    def state(self, tokens):
        return 0 if not self.odd else None

    def forward(self, x):
        return self.out(x.mean(dim=1, keepdim=True).expand_as(x) if self.odd else x)


class Lists(nn.Module):
    """It gives no tensor."""

    def __init__(self, width, conv=7):
        super().__init__()
        self.out, self.conv = nn.Linear(width, width), conv

    def forward(self, x):
        return [self.out(x)]
