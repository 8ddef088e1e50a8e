"""What a network declares that it has: the quantities that lower bounds speak of, whatever the network is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Averages:
    """One layer that averages values with positive weights, and is the only one through which tokens meet.

    Attributes:
        heads: H.
        coordinates: numbers that one head averages.
        arithmetic: `float`: in floating point, of which no bound on averages speaks, as exponents hold more than p bits
            do. `fixed`: p-bit fixed point with an exact softmax. `exact`: real numbers, the answer being an affine
            function of the averages that is compared with a threshold, nothing being normalised before or after.
    """

    heads: int
    coordinates: int
    arithmetic: Literal["float", "fixed", "exact"] = "float"


@dataclass(frozen=True)
class Resources:
    """What a network declares for one task, that is at one length. None stands for what it does not declare.

    Attributes:
        precision: bits p of each number.
        passes: how often the sequence is shown; answers are read off in the last pass.
        embedding: numbers that hold all that a token knows before it looks at other tokens.
        state: numbers carried on after t tokens, summed over layers, t counted on through all passes. None where a
            layer looks ahead or does not say.
        averages: the layer of averages, where the network has one layer and that is its kind.
        first_layer: rows of the matrix that alone sees the input as one vector.

    >>> lstm = Resources(precision=32, passes=2, embedding=16, state=lambda tokens: 2 * 16)
    >>> lstm.state_bits(100), lstm.embedding_bits
    (1024, 512)
    """

    precision: int
    passes: int = 1
    embedding: int | None = None
    state: Callable[[int], int | None] | None = None
    averages: Averages | None = None
    first_layer: int | None = None

    @property
    def embedding_bits(self) -> int | None:
        """Bits that hold all that a token knows before it looks at other tokens."""
        return None if self.embedding is None else self.embedding * self.precision

    def state_bits(self, tokens: int) -> int | None:
        """Bits carried on after this many tokens, counted through all passes."""
        numbers = None if self.state is None else self.state(tokens)
        return None if numbers is None else numbers * self.precision
