"""Attention whose scores also depend on how far apart two tokens are."""

from __future__ import annotations

import math
from itertools import count

import torch
from torch import Tensor
from torch.nn.functional import linear, pad

from assay.errors import AssayError
from assay.layers.attention import Attention
from assay.layers.common.split_heads import split_heads


class NearAttention(Attention):
    """softmax(Q K^T / sqrt(m / heads) - slope * distance), over tokens at a distance below the head's reach.

    Subclasses set `reach` and `slopes`, one number for each head. It keeps the keys and values of as many tokens as a
    head reaches.
    """

    reach: tuple[int, ...]  # 0: all tokens
    slopes: tuple[float, ...] = ()  # (): no slope

    def state(self, tokens: int) -> int | None:
        """2 m / heads numbers for every token that a head reaches, if none looks ahead."""
        return 2 * self._head_width * sum(self._kept(tokens)) if self.causal else None

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        values = split_heads(linear(tokens, self.value.weight), self.heads)
        return self.join(self.weights(tokens, last) @ values)

    def summary(self, queries: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Not of this layer.

        Raises:
            AssayError: always.
        """
        raise AssayError("scores depend on distances, which a summary of some tokens does not know")

    def _scores(self, queries: Tensor, tokens: Tensor) -> Tensor:
        queries = self.query(queries) * math.sqrt(self.heads / queries.shape[-1])
        return split_heads(queries, self.heads) @ split_heads(self.key(tokens), self.heads).mT

    @property
    def _head_width(self) -> int:
        return self.out.in_features // self.heads

    def _kept(self, tokens: int) -> list[int]:
        """Tokens that each head keeps of so many."""
        return [min(tokens, reach or tokens) for reach in self.reach]

    def _bias(self, scores: Tensor) -> Tensor:
        """-inf behind the reach and, if causal, ahead; else -slope * distance."""
        last, length = scores.shape[-2:]
        places = torch.arange(length, device=scores.device)
        ahead = places - places[length - last :, None]
        distance = ahead.abs()
        reach = torch.tensor([reach or length for reach in self.reach], device=scores.device)
        hidden = distance >= reach[:, None, None]  # (heads, last, length)
        if self.causal:
            hidden = hidden | (ahead > 0)
        slopes = torch.tensor(self.slopes or [0.0], dtype=scores.dtype, device=scores.device)
        return (-slopes[:, None, None] * distance).expand(hidden.shape).masked_fill(hidden, -torch.inf)

    def _packed(self, cache: Tensor) -> Tensor:
        """The heads' last tokens, head after head."""
        length, by_head = cache.shape[3], cache.unbind(2)
        kept = self._kept(length)
        return torch.cat([c[:, :, length - n :].flatten(1) for c, n in zip(by_head, kept, strict=True)], dim=1)

    def _unpacked(self, state: Tensor) -> Tensor:
        """With zeros in front of what is behind a head's reach."""
        kept = self._kept(next(t for t in count(1) if self.state(t) == state.shape[1]))
        parts = state.split([2 * self._head_width * n for n in kept], dim=1)
        by_head = [part.unflatten(1, (2, n, self._head_width)) for part, n in zip(parts, kept, strict=True)]
        return torch.stack([pad(x, (0, 0, max(kept) - x.shape[2], 0)) for x in by_head], dim=2)
