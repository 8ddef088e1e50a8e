"""Shared by the matching tasks: does a token find partners with which its residue sums to 0 modulo M?

Sanford, Hsu, Telgarsky, "Representational Strengths and Limitations of Transformers" (NeurIPS 2023). An
input is a sequence of N residues 0 ... M-1; every token asks, and its answer is 1 or 0. Networks return (batch, N)
numbers that are compared with 1/2.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from assay.errors import AssayError, require, require_integer, unknown
from assay.tasks import counter
from assay.tasks.answers import Bits
from assay.tasks.counter import Words
from assay.tasks.matching_features import PARTIAL, digit_features, symbol_features
from assay.tasks.spec import Spec, Symbols, Vectors
from assay.tasks.task import Task

MAX_MODULUS = 1 << 60  # sums of three residues stay below 2^63
BASE = 4
_DIGIT_SPREAD, _SQUARE_MEAN, _SQUARE_SPREAD = (2 / 3) ** 0.5, 2 / 3, (2 / 9) ** 0.5  # of -1, 0, 1, each as likely
Residues = NDArray[np.int64]
Notation = Literal["symbol", "digits"]


@dataclass(frozen=True, kw_only=True)
class Matching(Task[torch.Tensor]):
    """A matching task. Inputs are int64 residues (batch, N), answers 0 or 1 as float64 (batch, N).

    Attributes:
        length: N.
        modulus: M, from 2 to 2^60; 0 stands for a default, which then takes its place: the one at which about half of
            the tokens of uniform inputs have a match, or in digits the power of 4 that comes nearest to it for the
            inputs called `digits` (a share of 0.1 to 0.7).
        notation: how networks that learn take a residue. `symbol`: as one of M. `digits`: as the digits -1, 0, 1
            or 2 of its balanced form in base 4 and their squares; M must then be a power of 4.
    """

    symbols: ClassVar[dict[str, str]] = {"length": "N", "modulus": "M", "window": "K"}
    all_inputs: ClassVar[str] = "over all residues"
    digit_agrees: ClassVar[float] = 7 / 27  # share of triples of -1, 0, 1 that sum to 0
    members: ClassVar[int] = 3  # residues in a sum
    partial_baselines: ClassVar[frozenset[str]] = PARTIAL  # they add residues up, as the task does, but coarsely

    length: int
    modulus: int = 0
    notation: Notation = "symbol"

    def __post_init__(self) -> None:
        require_integer("length", self.length, 1, None)
        require(self.length < 1 << 31, "length", self.length, "below 2^31")
        if self.notation not in get_args(Notation):
            raise unknown("notation", self.notation, get_args(Notation))
        if self.modulus == 0:
            object.__setattr__(self, "modulus", self._usual_modulus())
        require_integer("modulus", self.modulus, 2, MAX_MODULUS)
        if self.notation == "digits":
            require(BASE**self.digits == self.modulus, "modulus", self.modulus, f"a power of {BASE}")

    @abstractmethod
    def sums(self) -> float:
        """How many sums a token's answer looks at, for one with all its partners."""

    @property
    def digits(self) -> int:
        """Digits of a residue in base 4."""
        return max(1, ((self.modulus - 1).bit_length() + 1) // 2)

    @abstractmethod
    def labels(self, residues: Residues) -> NDArray[np.bool_]:
        """Exact answers for residues (batch, N)."""

    @abstractmethod
    def planted_groups(self, random: Words) -> NDArray[np.int64]:
        """Disjoint groups of positions (batch, groups, members): the first member finds the others, if they match."""

    @property
    def spec(self) -> Spec:
        """Residues modulo M as symbols, or their digits and the squares of these; a match may be anywhere."""
        digits = self.notation == "digits"
        tokens = Vectors(2 * self.digits) if digits else Symbols(self.modulus)
        return Spec(tokens, Bits(), self.length, order="any", sink=True, cyclic=not digits)

    def inputs(self, residues: ArrayLike | torch.Tensor) -> torch.Tensor:
        """Inputs made of a user's own residues (batch, N), checked; int64.

        Raises:
            AssayError: a wrong shape or kind of number, or a residue outside [0, M).
        """
        checked = self.checked(torch.as_tensor(residues, device="cpu"))
        require(len(checked) > 0, "batch", 0, "at least 1")
        return checked

    def checked(self, inputs: torch.Tensor) -> torch.Tensor:
        """Residues (batch, N) of any integer dtype, as int64."""
        if inputs.dtype != torch.int64:
            if inputs.is_floating_point() or inputs.is_complex() or inputs.dtype == torch.bool:
                raise AssayError(f"residues have dtype {inputs.dtype}; they must be integers")
            inputs = inputs.to(torch.int64)
        if inputs.ndim != 2 or inputs.shape[1] != self.length:
            raise AssayError(f"residues have shape {tuple(inputs.shape)}; it must be (batch, {self.length})")
        if len(inputs):
            least, largest = inputs.aminmax()
            if least.item() < 0 or largest.item() >= self.modulus:
                where = ((inputs < 0) | (inputs >= self.modulus)).nonzero()[0].tolist()
                value = inputs[tuple(where)].item()
                raise AssayError(f"residues{where} = {value} is not allowed; it must be from 0 to {self.modulus - 1}")
        return inputs

    def draw(self, example_keys: Words, distribution: str) -> torch.Tensor:
        return torch.from_numpy(getattr(self, f"_{distribution}")(example_keys))

    def lacks(self, distribution: str) -> str:
        if distribution == "digits" and self.notation != "digits":
            return "the notation in which residues are given in digits"
        return self.hard_unmet() if distribution == "hard" else ""

    def choices(self, position: int) -> int:
        return self.modulus

    def assemble(self, chosen: torch.Tensor) -> torch.Tensor:
        return chosen

    def altered(self, inputs: torch.Tensor, count: int, *, seed: int, start: int = 0) -> torch.Tensor:
        """One residue replaced: by a random one, or by one that makes a random triple or pair match, or miss by 1."""
        random = counter.words(counter.example_keys(seed, "train", start, count), 0, 6)
        residues = inputs[:1].repeat(count, 1)
        rows = torch.arange(count)
        place, first, second = (torch.from_numpy(counter.integers(word, self.length)) for word in random[:, :3].T)
        pair = residues[rows, first] + residues[rows, second] * torch.from_numpy(random[:, 3] >> np.uint64(63) == 1)
        off = torch.from_numpy(counter.integers(random[:, 4], self.modulus))
        near = torch.from_numpy(counter.integers(random[:, 5], 4))
        step = torch.tensor([0, 1, -1])[near.clamp(max=2)]
        residues[rows, place] = torch.where(near < 3, step - pair, off) % self.modulus
        return residues

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.labels(inputs.numpy())).double()

    def encode(self, inputs: torch.Tensor) -> torch.Tensor:
        """The residues themselves (batch, N), or their digits and squares (batch, N, 2 digits)."""
        return self._in_digits(inputs) if self.notation == "digits" else inputs

    def partners(self, tokens: torch.Tensor) -> torch.Tensor:
        """From the Fourier transforms of tokens' coarse residues, (batch, N, ...), to those of partners' sums.

        See `assay.tasks.matching_features.counts_of_zero`. Here: any one token of the sequence.
        """
        return tokens.sum(dim=1, keepdim=True)

    def baseline_features(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The own residue, and histograms that see residues coarsely."""
        if self.notation == "digits":
            return digit_features(self._digits_of(inputs), self.partners)
        return symbol_features(inputs, self.modulus, self.members, self.partners)

    def hard_unmet(self) -> str:
        """What the `hard` distribution lacks at this length and modulus, in words; empty where nothing."""
        return ""

    def hard_residues(self, alice: NDArray[np.int64], bob: NDArray[np.int64]) -> Residues:
        """The encoding (batch, N) of set disjointness on bits (batch, n) by which the lower bound is proved."""
        raise NotImplementedError

    def hard_bits(self) -> int:
        """n, the bits that each party of the disjointness encoding holds."""
        raise NotImplementedError

    def _usual_modulus(self) -> int:
        if self.notation == "symbol":
            return max(2, round(self.sums() / math.log(2)))
        return BASE ** max(2, round(math.log(max(self.sums(), 1) / math.log(2)) / -math.log(self.digit_agrees)))

    def _uniform(self, example_keys: Words) -> Residues:
        return 1 + counter.integers(counter.words(example_keys, 0, self.length), self.modulus - 1)

    def _planted(self, example_keys: Words) -> Residues:
        """Uniform residues; in each group the first member's is changed to a match, or to one off by 1."""
        residues = self._uniform(example_keys)
        groups = self.planted_groups(counter.words(example_keys, self.length, self.length))
        members = np.take_along_axis(residues[:, None, :], groups, axis=2)
        choice = counter.integers(counter.words(example_keys, 2 * self.length, groups.shape[1]), 4)
        off = np.array([0, 0, 1, -1])[choice]
        found = np.mod(off - members[..., 1:].sum(axis=2), self.modulus)
        np.put_along_axis(residues, groups[..., 0], found, axis=1)
        return residues

    def _digits(self, example_keys: Words) -> Residues:
        """Vectors of digits -1, 0, 1, not all 0, uniform.

        At most three of them are added up, to at most 3 in each digit: no carry reaches a multiple of 4, so that a sum
        is 0 modulo 4^k only if it is 0 in every digit.
        """
        vectors, zero = 3**self.digits, (3**self.digits - 1) // 2  # the number whose digits in base 3 are all 1
        chosen = counter.integers(counter.words(example_keys, 0, self.length), vectors - 1)
        chosen += chosen >= zero
        residues = np.zeros_like(chosen)
        for place in range(self.digits):
            residues += (chosen // 3**place % 3 - 1) * BASE**place
        return residues % self.modulus

    def _digits_of(self, residues: torch.Tensor) -> list[torch.Tensor]:
        """Digits of the balanced form in base 4, the lowest first."""
        rest, digits = residues, []
        for _ in range(self.digits):
            digit = (rest + 1) % BASE - 1
            rest = (rest - digit) // BASE
            digits.append(digit)
        return digits

    def _in_digits(self, residues: torch.Tensor) -> torch.Tensor:
        stacked = torch.stack(self._digits_of(residues), dim=2).float()
        return torch.cat([stacked / _DIGIT_SPREAD, (stacked.square() - _SQUARE_MEAN) / _SQUARE_SPREAD], dim=2)

    def _hard(self, example_keys: Words) -> Residues:
        words = counter.words(example_keys, 0, 2 * self.hard_bits() + 1)
        return self.hard_residues(*counter.disjointness(words))


def random_groups(random: Words, members: int) -> NDArray[np.int64]:
    """Positions 0 ... N-1 in random order, in groups; what is left over is left out: (batch, N // members, members)."""
    batch, length = random.shape
    groups = length // members
    return np.argsort(random, axis=1)[:, : groups * members].reshape(batch, groups, members)
