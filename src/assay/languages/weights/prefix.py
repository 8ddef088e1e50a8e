"""Any automaton by causal attention in ceil(log2 n) layers: maps of states are composed in pairs (arXiv 2210.10749).

Before layer l = 0, 1, ... the token at place i holds the map of states that the last 2^l letters up to i induce, as
one-hot rows; the token before the word holds the identity. In layer l it reads, by its position alone, the map at place
i - 2^l, or the identity where there is none, and composes the two: then it has the map of 2^(l+1) letters.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from assay.arithmetic.rounding import exact, gamma
from assay.arithmetic.torch_settings import dtype_name
from assay.errors import Refuted, require_integer
from assay.languages.automaton import Automaton
from assay.languages.monoid import transition_monoid
from assay.languages.weights.guarantee import Guarantee, one_hot_maps, require_dtype, require_words

TEMPERATURE = 4  # a power of two, so that scores times it are exact
_MOST_PAIRS = 1 << 20
_INTEGERS = {torch.float32: 1 << 24, torch.float64: 1 << 53}


class PrefixAutomaton(nn.Module):
    """Attention of logarithmic depth, one head a layer, that composes maps of states.

    Layer l at place i: score -4 (p - j)^2 + const for place j, with p = max(i - 2^l, 0), as a product of (2 a, -1) and
    (b, b^2), a and b being p and j less the middle; what is read is rounded to 0 and 1 by
    1 - relu(1 - relu(3 x - 1)), and composed with the map held: M'[q, s] = sum over r of relu(old[q, r] + M[r, s] - 1).

    Args:
        automaton: of the language.
        longest: the most letters of a word, at least 1.
        dtype: float32, or float64.

    >>> from assay.languages.expression import automaton_of
    >>> network = PrefixAutomaton(automaton_of("(ab)*"), 4)
    >>> network.layers, network(torch.tensor([[0, 1, 0, 1]]))
    (2, tensor([[0., 1., 0., 1.]]))

    Raises:
        AssayError: the words are too long for the arithmetic.
    """

    maps: Tensor
    accepting: Tensor

    def __init__(self, automaton: Automaton, longest: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        _require_length(longest, dtype)
        self.automaton, self.longest = automaton, longest
        self.layers = (longest - 1).bit_length()
        self.register_buffer("maps", one_hot_maps(automaton, dtype))
        self.register_buffer("accepting", torch.tensor(automaton.accepting.copy()).to(dtype))

    def forward(self, words: Tensor) -> Tensor:
        """Whether the word is in the language after each letter.

        Args:
            words: numbers of letters, int64 (batch, length).

        Returns:
            0 or 1, (batch, length).

        Raises:
            AssayError: a number is no letter's, or the words are too long.
        """
        require_words(words, self.automaton.letters, self.longest)
        batch, length = words.shape
        states = self.automaton.states
        identity = torch.eye(states, dtype=self.maps.dtype).expand(batch, 1, states, states)
        held = torch.cat([identity, self.maps[words]], dim=1)
        for layer in range((length - 1).bit_length() if length else 0):
            weights = self.attention(length, 2**layer)
            read = (weights @ held.flatten(2)).view_as(held)
            held = compose(restore(read), held)
        return held[:, 1:, 0] @ self.accepting

    def attention(self, length: int, back: int) -> Tensor:
        """The weights of one layer, which do not depend on the word: (length + 1, length + 1), rows are queries."""
        places = torch.arange(length + 1, dtype=self.maps.dtype)
        middle = (self.longest + 1) // 2
        wanted, there = (places - back).clamp(min=0) - middle, places - middle
        queries = TEMPERATURE * torch.stack([2 * wanted, -torch.ones_like(wanted)], dim=1)
        keys = torch.stack([there, there**2], dim=1)
        scores = (queries @ keys.T).masked_fill(places > places[:, None], -torch.inf)
        return scores.softmax(dim=1)

    def guarantee(self) -> Guarantee:
        """Compose all pairs of maps, or as many as determine the others, in this arithmetic.

        Raises:
            AssayError: the network was cast to an arithmetic that cannot carry its words.
            Refuted: a composition is wrong.
        """
        states, dtype = self.automaton.states, self.maps.dtype
        _require_length(self.longest, dtype)
        monoid = transition_monoid(self.automaton, most=1024)
        if monoid.complete and monoid.size**2 <= _MOST_PAIRS:
            hot = torch.nn.functional.one_hot(torch.from_numpy(monoid.maps.astype("int64")), states).to(dtype)
            chunk = max(1, (1 << 24) // (monoid.size * states**3))
            for first in range(0, monoid.size, chunk):
                old = hot[first : first + chunk, None]
                _require_right(compose(old, hot[None]), old @ hot[None])
            enumerated = f"all {monoid.size**2:,} compositions of two of the {monoid.size:,} maps that words induce"
        else:  # a row of the product is the row of the second map that the first one's row points to
            rows = torch.eye(states, dtype=dtype)
            for row in rows:  # a first map all of whose rows are this one, with every second map of one-hot rows
                for target in rows:
                    second = target.expand(states, states)
                    _require_right(compose(row.expand(1, states, states), second[None]), second[None])
            enumerated = f"all {states**2:,} compositions of one row with rows that point to one state"
        return Guarantee(
            "attention of logarithmic depth",
            dtype_name(dtype),
            self.longest,
            self.layers,
            states**2,
            enumerated,
            f"scores are integers times {TEMPERATURE}, exact below {_INTEGERS[dtype]:,}; the softmax leaves at most "
            "2 x / (1 + 2 x), x = e^-4 / (1 - e^-12), on wrong places, whatever the length, and rounding adds less "
            "than is left to 1/3; rounding to 0 and 1 is then exact, and so are the compositions",
        )


def longest_word(dtype: torch.dtype) -> int:
    """The most letters n for which reads are proved to be within 1/3.

    With c = (n + 1) // 2 scores over the temperature, and their parts, are integers of at most 3 c^2; they are exact up
    to 2^24 or 2^53. What is left is the rounding of a softmax average, gamma(2 n + 16). At most 16,777,216.

    >>> longest_word(torch.float32)
    4728
    """
    require_dtype(dtype)
    middle = int((Fraction(_INTEGERS[dtype], 3)) ** 0.5)
    while 3 * middle**2 > _INTEGERS[dtype]:
        middle -= 1
    n = min(2 * middle, 1 << 24)
    leak = 2 * (-exact(4)).exp() / (1 - (-exact(12)).exp())
    if not leak / (1 + leak) + gamma(2 * n + 16, dtype) * 2 < exact(Fraction(1, 3)):
        raise AssertionError("rounding needs shorter words")
    return n


def restore(read: Tensor) -> Tensor:
    """0 and 1 for numbers within 1/3 of them, exactly, in any arithmetic."""
    return 1 - torch.relu(1 - torch.relu(3 * read - 1))


def compose(old: Tensor, new: Tensor) -> Tensor:
    """The map of `old` and then `new`, both with one-hot rows (..., states, states), by one hidden layer."""
    hidden = torch.relu(old[..., :, :, None] + new[..., None, :, :] - 1)
    return hidden.sum(dim=-2)


def _require_length(longest: int, dtype: torch.dtype) -> None:
    require_dtype(dtype)
    require_integer("longest", longest, 1, longest_word(dtype), "the most for this arithmetic")


def _require_right(found: Tensor, wanted: Tensor) -> None:
    if not torch.equal(found, wanted.expand_as(found)):
        raise Refuted("a composition of two maps is wrong")
