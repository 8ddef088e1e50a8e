"""A symmetric function of s sign changes in exactly s heads of one softmax layer, without positions: explicit weights.

The query token weighs t, a one weighs 1 and a zero weighs z, nearly 0; only the query token has a value, 1. So at c
ones a head reads t / (t + c + z (n - c)), and a mirrored one, where zeros weigh 1, t / (t + n - c + z c). In c these
have one pole each, left of 0 or right of n. s of them and a constant span all P / Q, with Q the product of the
denominators and P any polynomial of degree s: one that changes sign where f does. s is also the threshold degree
(Minsky and Papert, 1969), so that fewer heads compute f in no exact arithmetic: see `assay.booleans.bare`.

Everything about the weights is exact: t and z are rational, and the outputs at all n + 1 counts are evaluated in
rationals. The margin is the least |output| with coefficients whose absolute values sum to 1. It falls off quickly,
about 2.1 bits for each bit of parity; poles on both sides, in geometric sequence, keep most of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from flint import fmpq, fmpq_mat

from assay.arithmetic.fixed_point import FixedPoint, fixed_point
from assay.arithmetic.rounding import exact, gamma, unit_roundoff, upper
from assay.booleans.bare import BareHeads, all_words, counted_words
from assay.booleans.function import BooleanFunction
from assay.errors import AssayError, Refuted, require_integer
from assay.schema import Json

MOST_COUNTS = 4096  # inputs of a function
MOST_HEADS = 40
HIDDEN = Fraction(1, 1 << 12)  # z
DTYPES = {"float32": torch.float32, "float64": torch.float64}

_POLE_BITS = 6  # significant, of t
_SPARE_BITS = 12  # of coefficients, beyond those of the margin: it loses less than a hundredth
_EXCHANGES = 40
_FINEST = 1.1  # factor by which the ends of the sequence of poles are moved last
_EXP_ROUNDINGS = 4  # 2 units in the last place, see `assay.arithmetic.rounding`
_ALL_WORDS = 12  # bits up to which a network is tried on all words
_MOST_FRACTION = 47  # bits behind the point, beside 5 before it


@dataclass(frozen=True)
class Pole:
    """A head.

    Attributes:
        weight: t, of the query token.
        mirrored: whether zeros are counted instead of ones.
    """

    weight: Fraction
    mirrored: bool

    def output(self, inputs: int, ones: int) -> Fraction:
        """What the head reads."""
        seen = inputs - ones if self.mirrored else ones
        return self.weight / (self.weight + seen + HIDDEN * (inputs - seen))


@dataclass(frozen=True)
class SymmetricHeads:
    """Explicit weights of one softmax layer for a symmetric function.

    Attributes:
        function: f.
        poles: the heads.
        coefficients: of their outputs, in the readout.
        constant: of the readout.
        margin: the least |output| over all counts, divided by the sum of |coefficients| and |constant|.
    """

    function: BooleanFunction
    poles: tuple[Pole, ...]
    coefficients: tuple[Fraction, ...]
    constant: Fraction
    margin: Fraction

    @property
    def heads(self) -> int:
        """How many: the number of sign changes."""
        return len(self.poles)

    @property
    def certificate(self) -> Json:
        """All that `check_symmetric_heads` needs, as plain JSON values: numbers are texts such as `3/64`."""
        assert self.function.by_count is not None
        return {
            "inputs": self.function.inputs,
            "values": "".join("01"[int(value)] for value in self.function.by_count),
            "hidden": str(HIDDEN),
            "poles": [
                {"weight": str(pole.weight), "mirrored": pole.mirrored, "coefficient": str(coefficient)}
                for pole, coefficient in zip(self.poles, self.coefficients, strict=True)
            ],
            "constant": str(self.constant),
            "margin": str(self.margin),
        }

    def network(self, dtype: torch.dtype = torch.float64) -> BareHeads:
        """The layer with these weights. Scores are logarithms, rounded to the dtype."""
        inputs, low = self.function.inputs, math.log(HIDDEN)
        scores = torch.zeros(self.heads, inputs + 1, 2, dtype=torch.float64)
        values = torch.zeros(self.heads, inputs + 1, 2, 1, dtype=torch.float64)
        for number, pole in enumerate(self.poles):
            scores[number, :-1, int(pole.mirrored)] = low
            scores[number, -1] = math.log(pole.weight)
            values[number, -1] = 1
        readout = torch.tensor([[float(one)] for one in self.coefficients], dtype=torch.float64).reshape(-1, 1)
        constant = torch.tensor(float(self.constant), dtype=torch.float64)
        return BareHeads(scores.to(dtype), values.to(dtype), readout.to(dtype), constant.to(dtype))

    def rounding(self, dtype: torch.dtype) -> float:
        """How far an output of `network` may be from the exact one, at most, for coefficients that sum to 1.

        A stored score errs by 2 u S at most, S the largest, its distance from the largest by 2 u S more, an exponential
        by 4 u. So a head's output, a quotient of positive sums, has the relative error
        r = e^(8 u S) (1 + gamma(n + 10)) - 1. The readout adds s + 3 roundings to each term, and the terms' absolute
        values sum to at most 1. The order of the tokens does not matter. See `assay.arithmetic.rounding` for what is
        assumed of the machine.
        """
        weights = [HIDDEN, *(pole.weight for pole in self.poles)]
        largest = max(abs(math.log(weight)) for weight in weights) + 0.01
        unit = exact(unit_roundoff(dtype))
        relative = (8 * unit * exact(largest)).exp() * (1 + gamma(self.function.inputs + 2 * _EXP_ROUNDINGS + 2, dtype))
        return upper(relative * (1 + gamma(self.heads + 3, dtype)) - 1)

    @property
    def proved_format(self) -> str | None:
        """The smaller of float32 and float64 whose rounding is below the margin: right on all words, in any order."""
        return next((name for name, dtype in DTYPES.items() if self.rounding(dtype) < self.margin), None)

    @cached_property
    def smallest_format(self) -> str | None:
        """The smaller of float32 and float64 in which the network is right, measured; None if neither is.

        On all words up to 12 bits. Beyond, on two words of every count, ones first and ones last: a sum of the same
        numbers in another order may be rounded differently, which `proved_format` covers.
        """
        return next((name for name, dtype in DTYPES.items() if self._right(self.network(dtype), self._tried())), None)

    @cached_property
    def smallest_fixed_point(self) -> FixedPoint | None:
        """The fixed-point format with the fewest bits behind the point in which it is right: on a word of every count.

        Weights and every result of an operation are rounded, a softmax as one operation. Before the point are as many
        bits as the largest score needs. None where 47 behind it are not enough.
        """
        network = self.network(torch.float64)
        largest = float(network.scores.abs().max()) if self.heads else 1.0
        whole = 1 + max(1, math.ceil(math.log2(largest + 1)))
        for fraction in range(1, _MOST_FRACTION + 1):
            numbers = FixedPoint(whole + fraction, fraction)
            with fixed_point(network, numbers):
                if self._right(network, counted_words(self.function.inputs)):
                    return numbers
        return None

    def _tried(self) -> torch.Tensor:
        if self.function.inputs <= _ALL_WORDS:
            return all_words(self.function.inputs)
        words = counted_words(self.function.inputs)
        return torch.cat([words, words.flip(1)])

    def _right(self, network: BareHeads, words: torch.Tensor) -> bool:
        wanted = torch.from_numpy(np.asarray(self.function.by_count))[words.sum(dim=1)]
        with torch.no_grad():
            return bool((network.answers(words) == wanted).all())


def symmetric_heads(function: BooleanFunction) -> SymmetricHeads:
    """Explicit weights for a symmetric function, with a margin that was sought, and is exact.

    Poles are geometric sequences of the same ends on both sides; the ends are moved while the margin grows. For given
    poles the coefficients are those of the largest margin: an exchange algorithm in exact rationals, which ends where
    the output is +-1 at one count of every run of equal values, and larger elsewhere.

    >>> found = symmetric_heads(BooleanFunction.symmetric("majority", 5, lambda ones: ones > 2))
    >>> found.heads, found.margin > Fraction(1, 100), found.proved_format
    (1, True, 'float32')

    Raises:
        AssayError: f is not symmetric, has more than 4,096 inputs or changes sign more than 40 times.
    """
    if function.by_count is None:
        raise AssayError(f"{function.name} is not symmetric; these weights are for functions of the count of ones")
    require_integer("inputs", function.inputs, 1, MOST_COUNTS)
    changes = function.sign_changes
    assert changes is not None
    require_integer("sign changes", changes, 0, MOST_HEADS)
    signs = np.where(function.by_count, 1, -1).tolist()
    if changes == 0:
        return SymmetricHeads(function, (), (), Fraction(signs[0]), Fraction(1))
    best = max(
        (_with_best_ends(signs, left, changes - left) for left in {(changes + 1) // 2, changes // 2}),
        key=lambda found: found[0],
    )
    _, poles, solved = best
    total = sum(map(abs, solved), fmpq(0))
    bits = _SPARE_BITS + max(0, math.ceil(-math.log2(_fraction(best[0]))))
    rounded = [Fraction(round(_fraction(one / total) * (1 << bits)), 1 << bits) for one in solved]
    margin = _margin(signs, poles, rounded[:-1], rounded[-1])
    return SymmetricHeads(function, tuple(poles), tuple(rounded[:-1]), rounded[-1], margin)


def check_symmetric_heads(certificate: Json) -> Fraction:
    """Evaluate a certificate at every count, in exact rationals; the margin.

    Raises:
        AssayError: it is no such certificate.
        Refuted: an output has the wrong sign, or the margin is another.
    """
    try:
        inputs, values = certificate["inputs"], certificate["values"]
        signs = [{"0": -1, "1": 1}[value] for value in values]
        hidden, constant = Fraction(certificate["hidden"]), Fraction(certificate["constant"])
        heads = [
            (Fraction(one["weight"]), one["mirrored"], Fraction(one["coefficient"])) for one in certificate["poles"]
        ]
        stated = Fraction(certificate["margin"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise AssayError(f"the certificate cannot be read: {type(error).__name__} {error}") from None
    if len(signs) != inputs + 1 or hidden <= 0 or any(weight <= 0 for weight, _, _ in heads):
        raise AssayError("the certificate cannot be read: it needs a value for each count, and weights above 0")
    total = sum((abs(coefficient) for _, _, coefficient in heads), abs(constant))
    least = None
    for ones, sign in enumerate(signs):
        output = constant
        for weight, mirrored, coefficient in heads:
            zeros = inputs - ones
            others = zeros + hidden * ones if mirrored else ones + hidden * zeros
            output += coefficient * weight / (weight + others)
        if sign * output <= 0:
            raise Refuted(f"at {ones} ones the output {float(output):.3g} has the wrong sign")
        least = abs(output) if least is None else min(least, abs(output))
    margin = (least or Fraction(0)) / total
    if margin != stated:
        raise Refuted(f"the margin is {float(margin):.6g}, not {float(stated):.6g}")
    return margin


def _with_best_ends(signs: list[int], left: int, right: int) -> tuple[fmpq, list[Pole], list[fmpq]]:
    """Margin, poles and coefficients, the constant last: the ends of the sequences are moved while the margin grows."""
    inputs = len(signs) - 1
    low, high = (0.2 if left + right > 4 else inputs / 4), 2.0 * inputs
    best, factor = _fitted(signs, low, high, left, right), 4.0
    while factor > _FINEST:
        moves = ((low * factor, high), (low / factor, high), (low, high * factor), (low, high / factor))
        for new_low, new_high in moves:
            if new_low > new_high:
                continue
            tried = _fitted(signs, new_low, new_high, left, right)
            if tried[0] > best[0]:
                best, low, high = tried, new_low, new_high
                break
        else:
            factor **= 0.5
    return best


def _fitted(signs: list[int], low: float, high: float, left: int, right: int) -> tuple[fmpq, list[Pole], list[fmpq]]:
    """The best coefficients of poles between these ends; margin 0 where two are the same."""
    poles = [Pole(weight, False) for weight in _geometric(low, high, left)]
    poles += [Pole(weight, True) for weight in _geometric(low, high, right)]
    if len(set(poles)) < len(poles):
        return fmpq(0), poles, []
    inputs = len(signs) - 1
    rows = [[*(_rational(pole.output(inputs, ones)) for pole in poles), fmpq(1)] for ones in range(inputs + 1)]
    solved = _exchanged(rows, signs, _product(poles, signs))
    outputs = [sign * _dot(row, solved) for row, sign in zip(rows, signs, strict=True)]
    return min(outputs) / sum(map(abs, solved), fmpq(0)), poles, solved


def _exchanged(rows: list[list[fmpq]], signs: list[int], start: list[fmpq]) -> list[fmpq]:
    """Coefficients whose output is +-1 at a count of each run, and at least that elsewhere if the exchange converges.

    It begins at the counts where `start`, outputs of the right signs, is least. What is returned has the right signs
    in any case: where the exchange ends without, it is the start's coefficients.
    """
    runs = _runs(signs)
    counts = [min(range(*run), key=lambda ones: abs(start[ones])) for run in runs]
    best = _interpolated(rows, list(range(len(runs))), start)
    for _ in range(_EXCHANGES):
        solved = _interpolated(rows, counts, [fmpq(sign) for sign in signs])
        outputs = [sign * _dot(row, solved) for row, sign in zip(rows, signs, strict=True)]
        worst = [min(range(*run), key=lambda ones: outputs[ones]) for run in runs]
        if min(outputs) > 0:
            best = solved
        if all(outputs[new] >= outputs[old] for new, old in zip(worst, counts, strict=True)):
            break
        counts = [new if outputs[new] < outputs[old] else old for new, old in zip(worst, counts, strict=True)]
    return best


def _product(poles: list[Pole], signs: list[int]) -> list[fmpq]:
    """At each count P / Q with P the product of c - k - 1/2 over the sign changes between k and k + 1."""
    inputs = len(signs) - 1
    changes = [ones for ones in range(inputs) if signs[ones] != signs[ones + 1]]
    found = []
    for ones in range(inputs + 1):
        value = Fraction(signs[-1])
        for change, pole in zip(changes, poles, strict=True):
            value *= (ones - change - Fraction(1, 2)) * pole.output(inputs, ones)
        found.append(_rational(value))
    return found


def _interpolated(rows: list[list[fmpq]], counts: list[int], outputs: Sequence[fmpq]) -> list[fmpq]:
    """Coefficients with these outputs at these counts, as many as there are coefficients."""
    wanted = fmpq_mat(len(counts), 1, [outputs[ones] for ones in counts])
    solved = fmpq_mat([rows[ones] for ones in counts]).solve(wanted)
    return [solved[place, 0] for place in range(len(counts))]


def _runs(signs: list[int]) -> list[tuple[int, int]]:
    """Where the sign stays the same: first count, and the one after the last."""
    begins = [0, *(ones for ones in range(1, len(signs)) if signs[ones] != signs[ones - 1]), len(signs)]
    return list(pairwise(begins))


def _margin(signs: list[int], poles: list[Pole], coefficients: list[Fraction], constant: Fraction) -> Fraction:
    inputs = len(signs) - 1
    outputs = [
        sign * sum((a * pole.output(inputs, ones) for a, pole in zip(coefficients, poles, strict=True)), constant)
        for ones, sign in enumerate(signs)
    ]
    return min(outputs) / sum(map(abs, coefficients), abs(constant))


def _geometric(low: float, high: float, count: int) -> list[Fraction]:
    """A geometric sequence, rounded to a few significant bits; of one, the middle."""
    shares = [0.5] if count == 1 else [place / (count - 1) for place in range(count)]
    return [_short(low * (high / low) ** share) for share in shares]


def _short(number: float) -> Fraction:
    mantissa, exponent = math.frexp(number)
    return Fraction(round(mantissa * (1 << _POLE_BITS))) * Fraction(2) ** (exponent - _POLE_BITS)


def _dot(row: list[fmpq], solved: list[fmpq]) -> fmpq:
    return sum((one * two for one, two in zip(row, solved, strict=True)), fmpq(0))


def _rational(number: Fraction) -> fmpq:
    return fmpq(number.numerator, number.denominator)


def _fraction(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))
