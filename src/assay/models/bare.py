"""The bare backbone: the paper's model of an attention layer, for networks whose weights are written down.

    f(X) = sum over heads h of softmax(phi(X) Q_h K_h^T phi(X)^T) phi(X) V_h

No residual, no normalisation, no 1/sqrt(m), no mask: what a token is to remember has to pass through its own attention
output. phi is an arbitrary map applied to each token alone; its output's width is the embedding dimension m.
(Sanford, Hsu, Telgarsky, NeurIPS 2023, Definitions 1-3.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor, nn

from assay.arithmetic.fixed_point import FixedPoint
from assay.tasks.task import Inputs

SCORES_AT_ONCE = 1 << 22  # rows of attention are computed in blocks of about this many scores: 32 MB in float64


@dataclass(frozen=True)
class Blocks:
    """Named, adjacent blocks of an embedding's coordinates.

    >>> blocks = Blocks({"data": 2, "key": 3})
    >>> blocks.width, blocks["key"]
    (5, slice(2, 5, None))
    """

    widths: dict[str, int]

    @property
    def width(self) -> int:
        """Coordinates in all blocks together."""
        return sum(self.widths.values())

    def __getitem__(self, name: str) -> slice:
        names = list(self.widths)
        start = sum(self.widths[before] for before in names[: names.index(name)])
        return slice(start, start + self.widths[name])

    def selector(self, name: str, dtype: torch.dtype) -> Tensor:
        """The 0/1 matrix (width, width of the block) that picks the block."""
        return torch.eye(self.width, dtype=dtype)[:, self[name]].contiguous()


class Rounding:
    """A network that rounds its own activations where it is told to (see `assay.arithmetic.fixed_point`).

    Attributes:
        numbers: the format of its activations; None where they are what its dtype is.
    """

    numbers: FixedPoint | None = None

    def rounded(self, activations: Tensor) -> Tensor:
        """The activations in the format of `numbers`, if there is one."""
        return activations if self.numbers is None else self.numbers.round(activations)

    def rounded_residues(self, residues: Tensor, modulus: int) -> Tensor:
        """Residues, int64, in that format; what does not fit becomes another residue."""
        return residues if self.numbers is None else self.numbers.round(residues.double()).long() % modulus


class BareUnit(Rounding, nn.Module, ABC, Generic[Inputs]):
    """One layer of bare self-attention with explicit weights; subclasses say what phi is.

    Embeddings, weights, queries, keys, values, scores, attention weights and outputs are rounded where a format is set.

    Buffers:
        query, key: (heads, m, score width); value: (heads, m, output width).
    """

    query: Tensor
    key: Tensor
    value: Tensor

    def set_weights(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        """Register the projection matrices as buffers."""
        self.register_buffer("query", query)
        self.register_buffer("key", key)
        self.register_buffer("value", value)

    @abstractmethod
    def embed(self, inputs: Inputs) -> Tensor:
        """phi(X): shape (batch, positions, m)."""

    @property
    @abstractmethod
    def query_count(self) -> int:
        """Tokens, the last ones, whose output is wanted."""

    def read(self, outputs: Tensor) -> Tensor:
        """psi: what is made of each attention output (batch, queries, output width); as it is, unless overridden."""
        return outputs

    def attention(self, inputs: Inputs) -> Tensor:
        """Attention weights of the query tokens: shape (batch, heads, queries, positions)."""
        embedded = self.embedded(inputs)
        return self._weights(embedded[:, -self.query_count :], self._keys(embedded))

    def forward(self, inputs: Inputs) -> Tensor:
        """Answers of the query tokens. Time O(queries * positions * m)."""
        return self.answers(self.embedded(inputs))

    def embedded(self, inputs: Inputs) -> Tensor:
        """What each token knows before it looks at the others: (batch, positions, m)."""
        return self.rounded(self.embed(inputs))

    def answers(self, embedded: Tensor) -> Tensor:
        """Answers of the query tokens, from all tokens' embeddings (batch, positions, m)."""
        keys = self._keys(embedded)
        values = self.rounded(embedded.unsqueeze(1) @ self.rounded(self.value))
        rows = max(1, SCORES_AT_ONCE // (keys.shape[0] * keys.shape[1] * keys.shape[2]))
        blocks = [
            self.rounded(self._weights(asking, keys) @ values).sum(dim=1)
            for asking in embedded[:, -self.query_count :].split(rows, dim=1)
        ]
        return self.rounded(self.read(self.rounded(torch.cat(blocks, dim=1))))

    def _keys(self, embedded: Tensor) -> Tensor:
        return self.rounded(embedded.unsqueeze(1) @ self.rounded(self.key))

    def _weights(self, asking: Tensor, keys: Tensor) -> Tensor:
        queries = self.rounded(asking.unsqueeze(1) @ self.rounded(self.query))
        return self.rounded(torch.softmax(self.rounded(queries @ keys.transpose(-1, -2)), dim=-1))
