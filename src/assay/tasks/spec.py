"""What a task asks of a network, whatever the network: its tokens, its answers, and where these are wanted.

A network that learns is made for a spec and knows no task. The last fields are what it may be started with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from assay.errors import require, require_integer
from assay.tasks.answers import Answer

Order = Literal["causal", "any"]


@dataclass(frozen=True)
class Symbols:
    """A token is one symbol of each of these vocabularies: int64 (batch, length), or (batch, length, vocabularies).

    >>> Symbols(5).counts, Symbols(5, 3).counts  # the second: a token is a pair
    ((5,), (5, 3))
    """

    counts: tuple[int, ...]

    def __init__(self, *counts: int) -> None:
        require(len(counts) > 0, "vocabularies", len(counts), "at least 1")
        for count in counts:
            require_integer("symbols", count, 1, None)
        object.__setattr__(self, "counts", counts)

    def offsets(self, device: torch.device) -> torch.Tensor:
        """Where each vocabulary begins if they stand one after another: int64 (vocabularies,)."""
        return torch.tensor([sum(self.counts[:place]) for place in range(len(self.counts))], device=device)


@dataclass(frozen=True)
class Vectors:
    """A token is a vector of `width` numbers: float (batch, length, width)."""

    width: int


@dataclass(frozen=True)
class Pointing:
    """Query tokens name positions, so that a network can start with one code for a position and its name.

    Of a token's features the first `value_width` are numbers, the others indicators of the positions 0 ... N-1 that a
    query token names.

    Attributes:
        names: positions that one query token names.
        value_width: d.
        positions: N, the first tokens of the sequence.
    """

    names: int
    value_width: int
    positions: int


@dataclass(frozen=True)
class Spec:
    """Tokens, answers and query positions.

    Attributes:
        tokens: what `Task.encode` gives.
        answer: the kind of the answers.
        length: tokens in the sequence.
        queries: query positions, always the last ones; all of them unless given. Some may not be scored.
        order: `causal` where an answer depends on its own and earlier tokens only; no layer then sees later ones.
            `any` where it may depend on all tokens: causal layers then see the sequence twice.
        sink: whether networks start a sequence with one constant token more, where a token that finds nothing may look.
        cyclic: whether symbols are residues, whose codes start on circles.
        pointing: which features name positions; None where none do.

    >>> from assay.tasks.answers import Classes
    >>> Spec(Symbols(8), Classes(8), length=16).queries
    16
    """

    tokens: Symbols | Vectors
    answer: Answer
    length: int
    queries: int = 0
    order: Order = "causal"
    sink: bool = False
    cyclic: bool = False
    pointing: Pointing | None = None

    def __post_init__(self) -> None:
        require_integer("length", self.length, 1, None)
        if self.queries == 0:
            object.__setattr__(self, "queries", self.length)
        require_integer("queries", self.queries, 1, self.length, "length")

    @property
    def numbers(self) -> int:
        """Numbers, or symbols, in one sequence."""
        return self.length * (self.tokens.width if isinstance(self.tokens, Vectors) else len(self.tokens.counts))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of a network's outputs for one example."""
        return self.queries, *self.answer.output_shape

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of the exact answers to one example."""
        return self.queries, *self.answer.target_shape
