"""A symmetric function of any number of sign changes in two layers of one head: the first counts, the second looks up.

`CountAndLookUp` has position codes and a scale that depend on the length n, and a temperature that does not.
`UniformLookUp` has nothing that depends on n: one set of weights for all lengths. Values of the function are +-1, and
an answer is right while the output errs by less than 1. The proofs bound the share of the softmax that goes to wrong
positions, in exact arithmetic, and then what rounding adds: `error_bound` is rigorous in float32 and float64 for the
machine that `assay.arithmetic.rounding` assumes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from flint import arb
from torch import Tensor, nn

from assay.arithmetic.rounding import exact, gamma, underflow, unit_roundoff, upper, weight_roundings
from assay.booleans.function import BooleanFunction
from assay.errors import AssayError, require

LONGEST = 1 << 26  # bits of a word of which anything is claimed
TEMPERATURE = 4.0
CURVATURE = 8.0  # kappa, of the uniform network's second layer
LEAK = 8.0  # B: how far a zero's score lies below a one's, in its first layer

_TERMS = 64  # of a sum of exponentials; the rest is bounded by a geometric series
_DTYPES = (torch.float32, torch.float64)


class _LookUp(nn.Module, ABC):
    """What both networks share: words in, outputs about +-1 out."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        require(dtype in _DTYPES, "dtype", dtype, " or ".join(map(str, _DTYPES)))
        self.dtype = dtype

    def forward(self, words: Tensor) -> Tensor:
        """About 1 where the function is 1, about -1 where it is 0.

        Args:
            words: bits, int64 (batch, n).

        Returns:
            (batch,), in the network's dtype.

        Raises:
            AssayError: it is another tensor, or a number is not 0 or 1.
        """
        if words.ndim != 2 or words.dtype != torch.int64:
            raise AssayError(
                f"words of shape {tuple(words.shape)} and {words.dtype}: they must be int64 (batch, length)"
            )
        inside = words.numel() == 0 or bool(((words >= 0) & (words <= 1)).all())
        require(inside, "bits of words", "another number", "0 or 1")
        return self._outputs(words)

    def answers(self, words: Tensor) -> Tensor:
        """Whether the output is above 0, bool (batch,)."""
        return self(words) > 0

    @abstractmethod
    def _outputs(self, words: Tensor) -> Tensor:
        """Of words that are known to be bits."""


class CountAndLookUp(_LookUp):
    """Two layers for one length n: the count c of ones, then the table of the function at c.

    Tokens are 0 ... n: the query token, then the bits. Layer 1 attends to all alike, and averages (n + 1) x bit: that
    is c. Layer 2 gives position i the score T (2 c i - i^2), largest at i = c, and reads +-1, the function at i ones.

    Proof: a position m away from c lies T m^2 below it. So all wrong ones together weigh at most
    theta = 2 e^-T / (1 - e^-3T) of the right one, whatever n, and the output errs by at most 2 theta / (1 + theta):
    .071 at T = 4. A count that is eps off makes that m^2 - 2 eps m, and rounding takes 6 T u n^2 off the gap: see
    `error_bound`. That proves words of up to 1,125 bits in float32 and 26,125,906 in float64; on 1,000 random words of
    parity float32 was right up to 4,096 bits and wrong at 8,192. (Counting by averages: Chiang and Cholak, ACL 2022.)

    Args:
        function: symmetric.
        dtype: float32 or float64.

    >>> network = CountAndLookUp(BooleanFunction.symmetric("parity", 3, lambda ones: ones % 2))
    >>> network.answers(torch.tensor([[1, 1, 1], [1, 0, 1]]))
    tensor([ True, False])

    Raises:
        AssayError: the function is not symmetric.
    """

    def __init__(self, function: BooleanFunction, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(dtype)
        if function.by_count is None:
            raise AssayError(f"{function.name} is not symmetric; this network looks a count of ones up")
        self.function, self.inputs = function, function.inputs
        place = torch.arange(function.inputs + 1, dtype=dtype)
        self.register_buffer("key", torch.stack([place, place.square()]))
        self.register_buffer("table", torch.from_numpy(function.by_count).to(dtype) * 2 - 1)

    key: Tensor
    table: Tensor

    def counts(self, words: Tensor) -> Tensor:
        """What layer 1 reads: (batch,), the number of ones up to rounding."""
        tokens = self.inputs + 1
        weights = torch.softmax(torch.zeros(tokens, dtype=self.dtype), dim=0)
        values = torch.cat([torch.zeros(len(words), 1, dtype=self.dtype), words.to(self.dtype) * tokens], dim=1)
        return (weights * values).sum(dim=1)

    def _outputs(self, words: Tensor) -> Tensor:
        require(words.shape[1] == self.inputs, "length", words.shape[1], f"{self.inputs}, the function's")
        counts = self.counts(words)
        scores = 2 * TEMPERATURE * counts[:, None] * self.key[0] - TEMPERATURE * self.key[1]
        return (torch.softmax(scores, dim=1) * self.table).sum(dim=1)

    @staticmethod
    def error_bound(inputs: int, dtype: torch.dtype | None = None) -> float:
        """The largest |output - wanted| on any word of n bits, proved; in exact arithmetic where there is no dtype.

        1 or more says nothing.

        >>> round(CountAndLookUp.error_bound(10**9), 3)
        0.071
        """
        if dtype is None:
            return upper(_of_share(_gaussian(exact(TEMPERATURE), exact(0)) * 2))
        unit = exact(unit_roundoff(dtype))
        if _hopeless(inputs, dtype) or inputs**2 * unit_roundoff(dtype) > 1:  # a square that is not held exactly
            return math.inf
        off = inputs * gamma(weight_roundings(inputs + 1) + inputs + 2, dtype)
        if not off < arb(0.5):
            return math.inf
        moved = 6 * exact(TEMPERATURE) * unit * (inputs + 1) ** 2 * (1 + off)
        share = 2 * moved.exp() * _gaussian(exact(TEMPERATURE) * (1 - unit), off)
        return upper(_of_share(share) + _averaging(inputs, dtype))


class UniformLookUp(_LookUp):
    """Two layers without anything that depends on n: one set of weights for words of all lengths.

    Tokens are the query token at position 0, which is also the one that is read, and bits at 1, 2, ... A token of
    position j knows its bit and, of j alone, the numbers B + j, f_j = j^2/2 + j, g_j = j^3/3 + j^2/2 and F(j) = +-1,
    the function's value at j ones. There is no MLP.

    - Layer 1: ones and the query token have score 0, a zero -(B + j); the query token has value 1. With c ones it reads
      w = 1 / (1 + c + d), where the leak d of all zeros is at most e^-B / (e - 1).
    - Layer 2: the query kappa (1 - w, -w), the key (f_j, g_j), the value F(j). With c' = c + d the score is
      kappa (c' f_j - g_j) / (c' + 1), whose derivative kappa (j + 1) (c' - j) / (c' + 1) changes sign at c'.

    Proof: with h = (c + 1) / (c' + 1), position c + m lies at least kappa h (m^2/2 - d m) below position c, and
    position c - m at least kappa h m^2 (1/2 - m / (3 (c + 1))) >= kappa h m^2 (1/2 - m / (3 (m + 1))). Summed over all
    m >= 1 this bounds the weight of wrong positions for every c and n together; `error_bound` has the sums.

    Rounding: w is off by a share of gamma(2 n + 20), which moves c' by `off`. A stored key, products and difference are
    off by at most 4 u kappa f_j and 6 u kappa w g_j. With a = c + 1, j + 1 = a + m, f_j <= (j + 1)^2 / 2 and
    g_j <= (j + 1)^3 / 3 that is at most 12 u kappa a^2 and 24 u of the gap, and 4 u kappa a^2 at j = c: so a gap loses
    16 u kappa (n + 1)^2 at most, and a share of some u. That proves words of up to 513 bits in float32 and of
    11,948,217 in float64; on 1,000 random words of parity float32 was right up to 2,048 bits and wrong at 4,096. (The
    construction of arXiv 2501.02535 has three layers.)

    Args:
        value: F, from the number of ones to whether the function is 1; the same for all n.
        dtype: float32 or float64.

    >>> parity = UniformLookUp(lambda ones: ones % 2)
    >>> parity.answers(torch.tensor([[1, 1, 1], [1, 0, 1]])), parity.answers(torch.ones(1, 101, dtype=torch.int64))
    (tensor([ True, False]), tensor([True]))
    """

    def __init__(self, value: Callable[[int], object], dtype: torch.dtype = torch.float32) -> None:
        super().__init__(dtype)
        self.value = value

    def shares(self, words: Tensor) -> Tensor:
        """What layer 1 reads: w, (batch,), 1 / (1 + number of ones) up to leak and rounding."""
        place = torch.arange(1, words.shape[1] + 1, dtype=self.dtype)
        scores = torch.where(words == 1, torch.zeros((), dtype=self.dtype), -(LEAK + place))
        asker = torch.zeros(len(words), 1, dtype=self.dtype)
        return torch.softmax(torch.cat([asker, scores], dim=1), dim=1)[:, 0]

    def _outputs(self, words: Tensor) -> Tensor:
        place = torch.arange(words.shape[1] + 1, dtype=torch.float64)
        near = (place.square() / 2 + place).to(self.dtype)
        far = (place**3 / 3 + place.square() / 2).to(self.dtype)
        table = torch.tensor([1.0 if self.value(ones) else -1.0 for ones in range(len(place))], dtype=self.dtype)
        share = self.shares(words)[:, None]
        scores = CURVATURE * (1 - share) * near - CURVATURE * share * far
        return (torch.softmax(scores, dim=1) * table).sum(dim=1)

    @staticmethod
    def error_bound(inputs: int | None = None, dtype: torch.dtype | None = None) -> float:
        """The largest |output - wanted| on any word of n bits, proved; for all n in exact arithmetic without a dtype.

        1 or more says nothing.

        >>> round(UniformLookUp.error_bound(), 3)
        0.162
        """
        kappa, leak = exact(CURVATURE), (-exact(LEAK)).exp() / (arb(1).exp() - 1)
        if inputs is None or dtype is None:
            return upper(_of_share(_above(kappa / (1 + leak), leak) + _below(kappa / (1 + leak), arb(0))))
        if _hopeless(inputs, dtype):
            return math.inf
        unit = exact(unit_roundoff(dtype))
        off = (inputs + 1) * gamma(2 * inputs + 20, dtype)  # of c' + 1, by the rounding of w
        if not off < arb(0.25):
            return math.inf
        curvature = kappa * (1 - 52 * unit) / (1 + leak + off)  # c' + 1 <= (c + 1) (1 + leak + off)
        moved = 16 * kappa * unit * (inputs + 1) ** 2 * (1 + off) * (1 + 8 * unit)
        share = moved.exp() * (_above(curvature, (leak + off) * (1 + 100 * unit)) + _below(curvature, off))
        return upper(_of_share(share) + _averaging(inputs, dtype))


def longest_proved(bound: Callable[[int, torch.dtype], float], dtype: torch.dtype) -> int:
    """The most bits n at which a bound is below 1, so that answers are right on all words of up to n bits.

    >>> longest_proved(UniformLookUp.error_bound, torch.float32)
    513

    Raises:
        AssayError: the dtype is not float32 or float64.
    """
    require(dtype in _DTYPES, "dtype", dtype, " or ".join(map(str, _DTYPES)))
    low, high = 0, LONGEST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if bound(middle, dtype) < 1 else (low, middle - 1)
    return low


def _gaussian(rate: arb, off: arb) -> arb:
    """The sum over m >= 1 of e^(-rate (m^2 - 2 off m)), off below 1/2: at least the weight of one side."""
    return _summed([rate * (m * m - 2 * off * m) for m in range(1, _TERMS)])


def _above(curvature: arb, shift: arb) -> arb:
    """The sum over m >= 1 of e^(-curvature (m^2 / 2 - shift m))."""
    return _summed([curvature * (exact(m * m) / 2 - shift * m) for m in range(1, _TERMS)])


def _below(curvature: arb, shift: arb) -> arb:
    """The sum over m >= 1 of e^(-curvature (m^2 (1/2 - m / (3 (m + 1))) - shift m))."""
    gaps = [m * m * (exact(1) / 2 - exact(m) / (3 * (m + 1))) for m in range(1, _TERMS)]
    return _summed([curvature * (gap - shift * m) for m, gap in enumerate(gaps, start=1)])


def _summed(gaps: Sequence[arb]) -> arb:
    """The sum of e^-gap over these, and of all that follow: gaps go on to grow by at least 1 from the last."""
    last = (-gaps[-1]).exp() / (arb(1).exp() - 1)
    return sum(((-gap).exp() for gap in gaps), arb(0)) + last


def _of_share(share: arb) -> arb:
    """The error of an average of +-1 when wrong positions weigh `share` times the right one."""
    return 2 * share / (1 + share)


def _averaging(inputs: int, dtype: torch.dtype) -> arb:
    """What rounding the weights, products and sum of an average of +-1 over n + 1 positions adds."""
    return gamma(weight_roundings(inputs + 1) + inputs + 2, dtype) + underflow(inputs + 1, dtype)


def _hopeless(inputs: int, dtype: torch.dtype) -> bool:
    return (4 * inputs + 40) * unit_roundoff(dtype) >= 1
