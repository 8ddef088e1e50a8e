"""Bounds on heads hold in exact arithmetic: a float network may beat them by rounding alone, and when it does not.

Between the scores and the sign nothing may be rounded. `parity_by_rounding` has one head that computes the parity of 7
bits in float32, though its threshold degree is 7: rounding makes steps of a sum, which no polynomial of low degree has.
So a network is held against such a bound only if `answers_are_exact`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from assay.booleans.bare import BareHeads, all_words

COUNTED = 7  # bits whose parity one rounded head computes
_STEP = 0.25  # that a one adds to the average
_BASE = float((1 << 24) + 4)  # around it float32 has only multiples of 2


@dataclass(frozen=True)
class Exactness:
    """Whether a network's answers are those of exact arithmetic.

    Attributes:
        words: on which it was tried.
        differing: whose answers are others than those of the same weights in exact arithmetic.
        undecided: whose exact output cannot be told from 0.
    """

    words: int
    differing: int
    undecided: int

    @property
    def held(self) -> bool:
        """Whether bounds in exact arithmetic speak of this network, on these words."""
        return self.differing == 0 and self.undecided == 0

    @property
    def justification(self) -> str:
        """How it is known, in words."""
        if self.held:
            return f"the signs of all {self.words} outputs are those of the same weights in exact arithmetic (balls)"
        undecided = f", and {self.undecided} cannot be told from 0" if self.undecided else ""
        return (
            f"{self.differing} of {self.words} answers come from rounding: the same weights in exact arithmetic give "
            f"others{undecided}; bounds in exact arithmetic do not speak of this network"
        )


def answers_are_exact(network: BareHeads, words: Tensor | None = None) -> Exactness:
    """Hold a network's answers, in its own dtype, against those of the same weights in exact arithmetic.

    Balls of 128 bits, and more where an output is near 0, decide every sign: nothing rests on a margin.

    Args:
        network: of any dtype.
        words: int64 (batch, n); all 2^n unless given.

    >>> answers_are_exact(parity_by_rounding()).held
    False

    Raises:
        AssayError: words are not given, and n is above 16.
    """
    words = all_words(network.inputs) if words is None else words
    with torch.no_grad():
        got = network.answers(words).tolist()
    exact = network.exact_answers(words)
    undecided = sum(answer is None for answer in exact)
    differing = sum(answer is not None and answer != here for answer, here in zip(exact, got, strict=True))
    return Exactness(len(words), differing, undecided)


def parity_by_rounding(dtype: torch.dtype = torch.float32) -> BareHeads:
    """One head that computes the parity of 7 bits in float32, and is wrong on half of all words in float64.

    All scores are 0, so that each of the 8 tokens weighs 1/8. Coordinate j = 1 ... 8 of the average is
    2^24 + 4 + x_j with x_j = 9/8 + (c - j) / 4, c the number of ones: float32 rounds it to 2^24 + 4, or to 2 more if
    x_j > 1, which is if c >= j. Coordinates are added with signs + - + - ..., and 1/2 taken off: twice the parity less
    1/2. Exactly, the sum is 1 for every c, so that the answer is always yes.

    >>> network, words = parity_by_rounding(), all_words(7)
    >>> bool((network.answers(words) == (words.sum(dim=1) % 2 == 1)).all())
    True
    """
    tokens, coordinates = COUNTED + 1, torch.arange(1, COUNTED + 2, dtype=torch.float64)
    values = torch.zeros(1, tokens, 2, len(coordinates), dtype=torch.float64)
    values[:, :COUNTED, 1] = tokens * _STEP
    values[:, 0] += tokens * (1 + _STEP / 2 - _STEP * coordinates)
    values[:, COUNTED] = tokens * _BASE
    readout = (-1.0) ** (coordinates + 1)
    return BareHeads(
        torch.zeros(1, tokens, 2, dtype=dtype),
        values.to(dtype),
        readout[None].to(dtype),
        torch.tensor(-0.5, dtype=dtype),
    )
