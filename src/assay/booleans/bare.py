"""The bare form: one softmax layer, read at a fixed query token, before a linear threshold.

A word is n bits, a token each, and one more token that holds no bit: the query token, whose query is fixed. Then the
score that head h gives to token j, and the value it reads there, depend on j and the bit alone: two free numbers for
each (head, token), one of each for the query token. With w = e^score the answer is whether

    c + sum over heads h of N_h / D_h > 0,    D_h = sum_j w_hj(x_j),    N_h = sum_j w_hj(x_j) v_hj(x_j)

and no residual, normalisation or MLP stands between. Any width, position code, mask or temperature of one softmax layer
comes to this. N_h and D_h are affine in the bits and D_h > 0, so that times all D_h it is the sign of a polynomial of
degree at most H: in exact arithmetic no fewer heads than the threshold degree of a function compute it (Minsky and
Papert, 1969, for the degree; with heads: arXiv 2605.12171).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from flint import arb, ctx
from torch import Tensor, nn

from assay.errors import AssayError, require, require_integer

MOST_WORDS = 16  # bits, of all words in one batch
FIRST_BITS = 128  # in which exact answers are sought first
_MOST_BITS = 1 << 14  # and at most


class BareHeads(nn.Module):
    """A network of this form, of any values' width d; the readout is a vector of d for each head.

    Sums over tokens, coordinates and heads are made one term after the other, the query token last. So a float network
    gives the same answers on every machine whose exponential is the same.

    Args:
        scores: (heads, n + 1, 2), of tokens with bit 0 and 1. The query token is the last token, and its bit is 0.
        values: (heads, n + 1, 2, d).
        readout: (heads, d).
        constant: c, of one number.

    >>> first = BareHeads(torch.zeros(1, 3, 2), torch.tensor([[[-1.0, 1], [0, 0], [0, 0]]]).unsqueeze(3),
    ...                   torch.ones(1, 1), torch.zeros(()))
    >>> first.answers(all_words(2))
    tensor([False,  True, False,  True])

    Raises:
        AssayError: shapes that do not fit, or numbers that are not finite.
    """

    def __init__(self, scores: Tensor, values: Tensor, readout: Tensor, constant: Tensor) -> None:
        super().__init__()
        heads, tokens = scores.shape[:2]
        wanted = [(heads, tokens, 2), (heads, tokens, 2, readout.shape[-1]), (heads, readout.shape[-1]), ()]
        for name, given, shape in zip(
            ("scores", "values", "readout", "constant"), (scores, values, readout, constant), wanted, strict=True
        ):
            if tuple(given.shape) != shape:
                raise AssayError(f"{name} of shape {tuple(given.shape)} do not fit; {shape} would")
            require(bool(given.isfinite().all()), name, "a number that is not finite", "finite")
            setattr(self, name, nn.Parameter(given.clone(), requires_grad=False))

    scores: nn.Parameter
    values: nn.Parameter
    readout: nn.Parameter
    constant: nn.Parameter

    @property
    def inputs(self) -> int:
        """n."""
        return self.scores.shape[1] - 1

    @property
    def heads(self) -> int:
        """H."""
        return self.scores.shape[0]

    def forward(self, words: Tensor) -> Tensor:
        """c + sum of N_h / D_h, as a softmax and sums in the weights' dtype.

        Args:
            words: bits, int64 (batch, n).

        Returns:
            (batch,); the answer is whether it is above 0.
        """
        bits = self._with_asker(words)
        token = torch.arange(bits.shape[1])
        weights = torch.softmax(self.scores[:, token, bits], dim=-1)  # (heads, batch, n + 1)
        total = torch.zeros(len(bits), dtype=self.scores.dtype)
        for head in range(self.heads):
            read = torch.zeros(len(bits), self.readout.shape[1], dtype=self.scores.dtype)
            for j in range(bits.shape[1]):
                read = read + weights[head, :, j, None] * self.values[head, j][bits[:, j]]
            for coordinate in range(self.readout.shape[1]):
                total = total + self.readout[head, coordinate] * read[:, coordinate]
        return total + self.constant

    def answers(self, words: Tensor) -> Tensor:
        """Whether the output is above 0, bool (batch,)."""
        return self(words) > 0

    def exact_outputs(self, words: Tensor, bits: int = FIRST_BITS) -> list[arb]:
        """The outputs in exact arithmetic, as balls that hold them, of numbers of so many bits.

        The weights are taken for the real numbers that they are, whatever their dtype.
        """
        require_integer("bits", bits, 2, _MOST_BITS)
        rows = self._with_asker(words).tolist()
        with ctx.workprec(bits):
            parts = [self._affine(head) for head in range(self.heads)]
            constant = arb(self.constant.item())
            return [sum((_quotient(part, row) for part in parts), constant) for row in rows]

    def exact_answers(self, words: Tensor) -> list[bool | None]:
        """Whether the outputs are above 0 in exact arithmetic; None where 16,384 bits do not tell them from 0.

        Words whose sign is not certain are taken again with twice the bits.
        """
        found: list[bool | None] = [None] * len(words)
        open_, bits = list(range(len(words))), FIRST_BITS
        while open_ and bits <= _MOST_BITS:
            for place, output in zip(open_, self.exact_outputs(words[open_], bits), strict=True):
                found[place] = True if output > 0 else False if output < 0 else None
            open_, bits = [place for place in open_ if found[place] is None], 2 * bits
        return found

    def _with_asker(self, words: Tensor) -> Tensor:
        if words.ndim != 2 or words.dtype != torch.int64 or words.shape[1] != self.inputs:
            raise AssayError(
                f"words of shape {tuple(words.shape)} and {words.dtype}: they must be int64 (batch, {self.inputs})"
            )
        inside = words.numel() == 0 or bool(((words >= 0) & (words <= 1)).all())
        require(inside, "bits of words", "another number", "0 or 1")
        return torch.cat([words, torch.zeros(len(words), 1, dtype=torch.int64)], dim=1)

    def _affine(self, head: int) -> tuple[list[list[arb]], list[list[arb]]]:
        """For every token and bit its weight, and weight times value times readout."""
        readout = [arb(one) for one in self.readout[head].tolist()]
        weights = [[arb(score).exp() for score in pair] for pair in self.scores[head].tolist()]
        read = [
            [
                weight * sum((arb(v) * r for v, r in zip(value, readout, strict=True)), arb(0))
                for weight, value in zip(pair, values, strict=True)
            ]
            for pair, values in zip(weights, self.values[head].tolist(), strict=True)
        ]
        return weights, read


def all_words(inputs: int) -> Tensor:
    """All 2^n words, int64 (2^n, n): bit j of number i is letter j of word i, as in a function's table.

    Raises:
        AssayError: n is not from 1 to 16.
    """
    require_integer("inputs", inputs, 1, MOST_WORDS)
    return (torch.arange(1 << inputs)[:, None] >> torch.arange(inputs)) & 1


def counted_words(inputs: int) -> Tensor:
    """One word for every number of ones, which come first: int64 (n + 1, n)."""
    return (torch.arange(inputs) < torch.arange(inputs + 1)[:, None]).long()


def _quotient(part: tuple[list[list[arb]], list[list[arb]]], row: Sequence[int]) -> arb:
    weights, read = part
    below = sum((pair[bit] for pair, bit in zip(weights, row, strict=True)), arb(0))
    return sum((pair[bit] for pair, bit in zip(read, row, strict=True)), arb(0)) / below
