"""Self-attention (Vaswani et al. 2017)"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from assay.errors import AssayError, require
from assay.layers import LAYERS
from assay.layers.common.split_heads import join_heads, require_divisor, split_heads
from assay.layers.layer import Layer
from assay.resources import Averages

_ROTARY_BASE = 10000.0


@LAYERS.register
class Attention(Layer):
    """sum over heads of softmax(X Q (X K)^T / sqrt(m / heads)) X V O, for the last rows only.

    Time O(last * length * m * heads).

    Args:
        width: m.
        heads: a divisor of m.
        causal: whether a token looks at itself and earlier ones only.
        rotary: whether queries and keys are turned by angles in proportion to their positions (RoPE, Su et al. 2021),
            so that a score depends on how far apart they are; the width of a head must be even.
    """

    version: ClassVar[int] = 2
    family = "attention"

    def __init__(self, width: int, heads: int = 1, causal: bool = False, rotary: bool = False) -> None:
        super().__init__()
        require_divisor(heads, width)
        require(not rotary or width // heads % 2 == 0, "width of a head", width // heads, "even where it is rotary")
        self.heads, self.causal, self.rotary = heads, causal, rotary
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        for projection in (self.query, self.key):
            nn.init.orthogonal_(projection.weight)

    def start_for_pointers(self) -> None:
        with torch.no_grad():
            self.query.weight.copy_(self.key.weight)

    def averages(self) -> Averages:
        return Averages(self.heads, self.key.weight.shape[0] // self.heads)

    def state(self, tokens: int) -> int | None:
        """Keys and values of all tokens, 2 m t, if none looks ahead."""
        return 2 * self.out.in_features * tokens if self.causal else None

    def weights(self, tokens: Tensor, last: int) -> Tensor:
        """Attention map of the last tokens: (batch, heads, last, length)."""
        scores = self._rotary_scores(tokens, last) if self.rotary else self._scores(tokens[:, -last:], tokens)
        return self._softmax(scores)

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        attended = self.weights(tokens, last) @ tokens.unsqueeze(1)  # (batch, heads, last, m)
        return self.join(attended @ self._by_head(self.value.weight).mT)

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of all tokens, and keys and values of these and earlier ones: (batch, 2 m t).

        Raises:
            AssayError: it looks ahead.
        """
        if not self.causal:
            raise AssayError(f"{type(self).__name__} looks ahead, so that it has no state; make it with causal=True")
        values = linear(tokens, self.value.weight)
        cache = torch.stack([split_heads(x, self.heads) for x in (self.key(tokens), values)], dim=1)
        if state is not None:
            cache = torch.cat([self._unpacked(state), cache], dim=3)
        keys, values = cache.unbind(1)  # (batch, heads, length, m / heads)
        queries = split_heads(self.query(tokens) * math.sqrt(self.heads / tokens.shape[-1]), self.heads)
        if self.rotary:
            positions = torch.arange(keys.shape[2], device=tokens.device)
            queries, keys = turn(queries, positions[-tokens.shape[1] :]), turn(keys, positions)
        return self.join(self._softmax(queries @ keys.mT) @ values), self._packed(cache)

    def summary(self, queries: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What query tokens (batch, queries, m) find among some tokens (batch, some, m).

        For each head the logarithm of the sum of exponentials of their scores (batch, heads, queries, 1) and their mean
        value without bias (batch, heads, queries, m / heads). Means of disjoint parts of a sequence, weighted by the
        sums, are the mean of the whole.

        Raises:
            AssayError: scores depend on positions.
        """
        if self.rotary:
            raise AssayError("rotary scores depend on positions, which a summary of some tokens does not know")
        scores = self._scores(queries, tokens)
        mean = torch.softmax(scores, dim=-1) @ tokens.unsqueeze(1) @ self._by_head(self.value.weight).mT
        return torch.logsumexp(scores, dim=-1, keepdim=True), mean

    def join(self, means: Tensor) -> Tensor:
        """Outputs from each head's mean value (batch, heads, queries, m / heads)."""
        return self.out(join_heads(means) + self.value.bias)

    def _softmax(self, scores: Tensor) -> Tensor:
        """Of scores (batch, heads, last, length), with what depends on distances added."""
        bias = self._bias(scores)
        return torch.softmax(scores if bias is None else scores + bias, dim=-1)

    def _bias(self, scores: Tensor) -> Tensor | None:
        """What is added to scores, to be broadcast to their shape: -inf where a token may not look."""
        last, length = scores.shape[-2:]
        if not self.causal or last == 1:
            return None
        later = torch.full((last, length), -torch.inf, dtype=scores.dtype, device=scores.device)
        return later.triu(1 + length - last)

    def _packed(self, cache: Tensor) -> Tensor:
        """The state that holds a cache (batch, 2, heads, tokens, m / heads)."""
        return cache.flatten(1)

    def _unpacked(self, state: Tensor) -> Tensor:
        """The cache that a state holds."""
        return state.unflatten(1, (2, self.heads, -1, self.out.in_features // self.heads))

    def _scores(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """(x Q) K^T X^T: K is applied to the queries, which may be few, rather than to all tokens."""
        queries = self.query(queries) * math.sqrt(self.heads / queries.shape[-1])
        towards = split_heads(queries, self.heads) @ self._by_head(self.key.weight)
        return towards @ tokens.unsqueeze(1).transpose(2, 3)

    def _rotary_scores(self, tokens: Tensor, last: int) -> Tensor:
        length, width = tokens.shape[1:]
        positions = torch.arange(length, device=tokens.device)
        queries = self.query(tokens[:, -last:]) * math.sqrt(self.heads / width)
        turned = turn(split_heads(queries, self.heads), positions[-last:])
        return turned @ turn(split_heads(self.key(tokens), self.heads), positions).transpose(2, 3)

    def _by_head(self, weight: Tensor) -> Tensor:
        """(heads, m / heads, m); of one head the matrix itself, by which torch multiplies all tokens at once."""
        return weight if self.heads == 1 else weight.unflatten(0, (self.heads, -1))


def turn(x: Tensor, positions: Tensor) -> Tensor:
    """x (..., length, width) with the coordinates i and i + width/2 turned by the angle position / 10000^(2i/width)."""
    half = x.shape[-1] // 2
    rates = _ROTARY_BASE ** (-torch.arange(half, device=x.device, dtype=torch.float64) / half)
    angles = positions.unsqueeze(1) * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
