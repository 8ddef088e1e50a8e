"""A C-RASP program as a transformer: uniform attention that counts, and clips that decide, exactly 0 and 1.

Places are tokens, after one before the word (BOS) that attention always sees; a place attends to all places before it,
with equal scores. For a line b the average of its values, 0 at BOS, is the fraction #[b] / i at the i-th place, and
that of a flag of BOS is 1 / i. So a comparison is a linear form in them: z = (sum + 1/2) / i, at least 1 / (2 i) in
size. Times a large S, a clip makes it 0 or 1. The translation is that of Yang and Chiang (arXiv 2404.04393), with BOS
and the half, so that no layer norm is needed.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from assay.arithmetic.rounding import unit_roundoff
from assay.arithmetic.torch_settings import dtype_name
from assay.errors import AssayError, Refuted, require_integer
from assay.languages.programs import Compare, Gate, Letter, Program
from assay.languages.weights.guarantee import Guarantee, require_dtype, require_words

_MOST = 1 << 22  # letters; also keeps sums of 0 and 1 exact in float32
_CASES = 12  # inputs of a gate up to which all of its cases are tried


class CountingTransformer(nn.Module):
    """The transformer of a program: one layer of one head for each depth of counting.

    Layer: fractions = average over BOS and the places before. Each comparison of this depth is
    z = sum of factor * fraction + (constant + 1/2) / i, then 1 - relu(1 - relu(S z + 1/2)). Gates are
    relu(sum - m + 1) for all of m, 1 - relu(1 - sum) for any, 1 - x for not. The longest word decides S alone.

    Args:
        program: a C-RASP program.
        longest: the most letters of a word.
        dtype: float32, or float64.

    >>> from assay.languages.expression import automaton_of
    >>> from assay.languages.synthesis import program_of
    >>> network = CountingTransformer(program_of(automaton_of("(ab)*")), 100)
    >>> network(torch.tensor([[0, 1, 0, 1], [0, 1, 1, 0]]))
    tensor([1., 0.])

    Raises:
        AssayError: the words are too long for the arithmetic.
    """

    factors: Tensor
    constants: Tensor

    def __init__(self, program: Program, longest: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        _require_length(program, longest, dtype)
        self.program, self.longest = program, longest
        self.scale = scale_of(longest)
        lines = len(program.lines)
        factors, constants = torch.zeros(lines, lines, dtype=dtype), torch.zeros(lines, dtype=dtype)
        for number, line in enumerate(program.lines):
            if isinstance(line, Compare):
                constants[number] = line.constant + 0.5
                for factor, one in line.terms:
                    factors[number, one] = factor
        self.register_buffer("factors", factors)
        self.register_buffer("constants", constants)
        levels = program.levels
        self._at = [[n for n in range(lines) if levels[n] == depth] for depth in range(program.depth + 1)]

    def forward(self, words: Tensor) -> Tensor:
        """Whether each word is in the language, read at the end marker.

        Args:
            words: numbers of letters, int64 (batch, length).

        Returns:
            0 or 1, (batch,).

        Raises:
            AssayError: a number is no letter's, or the words are too long.
        """
        return self.lines(words)[:, -1, self.program.answer]

    def lines(self, words: Tensor) -> Tensor:
        """The value of every line at every place: (batch, length + 1, lines)."""
        require_words(words, self.program.letters, self.longest)
        batch, length = words.shape
        said = torch.zeros(batch, length + 2, len(self.program.lines), dtype=self.factors.dtype)  # BOS first
        weights = self.attention(length)
        for depth, numbers in enumerate(self._at):
            if depth:
                compared = [n for n in numbers if isinstance(self.program.lines[n], Compare)]
                said[:, 1:, compared] = self._compared(weights, said, compared)
            for number in numbers:
                line = self.program.lines[number]
                if isinstance(line, Letter):
                    said[:, 1:-1, number] = (words == line.letter).to(said.dtype)
                elif isinstance(line, Gate):
                    said[:, 1:, number] = gate(line.kind, said[:, 1:, list(line.inputs)])
        return said[:, 1:]

    def attention(self, length: int) -> Tensor:
        """Uniform weights of each place, over BOS and the places before it: (length + 1, length + 2)."""
        places = torch.arange(length + 2)
        scores = torch.zeros(length + 1, length + 2, dtype=self.factors.dtype)
        return scores.masked_fill(places >= places[1:, None], -torch.inf).softmax(dim=1)

    def _compared(self, weights: Tensor, said: Tensor, numbers: list[int]) -> Tensor:
        fractions = weights @ said
        z = fractions @ self.factors[numbers].T + weights[:, :1] * self.constants[numbers]
        return clip(self.scale * z)

    def guarantee(self) -> Guarantee:
        """Try all cases of the gates in this arithmetic, and compare the comparisons with the program.

        Raises:
            AssayError: the network was cast to an arithmetic that cannot carry its words.
            Refuted: a weight or gate is not as the program says.
        """
        program, cases = self.program, 0
        _require_length(program, self.longest, self.factors.dtype)
        for number, line in enumerate(program.lines):
            if isinstance(line, Compare):
                held = {
                    one: int(self.factors[number, one]) for one in self.factors[number].nonzero().flatten().tolist()
                }
                right = held == {one: factor for factor, one in line.terms}
                if not right or Fraction(float(self.constants[number])) != Fraction(2 * line.constant + 1, 2):
                    raise Refuted(f"the comparison of line {number} is not the program's")
            elif isinstance(line, Gate):
                cases += _check_gate(line, self.factors.dtype)
        return Guarantee(
            "attention that counts",
            dtype_name(self.factors.dtype),
            self.longest,
            program.depth,
            len(program.lines) + 1,
            f"all factors of comparisons, and {cases:,} cases of gates",
            f"|z| >= 1 / (2 (N + 1)), rounding moves it by at most A gamma(N + terms + 8), A = {program.weight}, and "
            f"|S z| >= 1/2 is left with S = {self.scale:,}: there the clip is exactly 0 or 1",
        )


def scale_of(longest: int) -> int:
    """S: the least power of two that is at least 64 (N + 1)."""
    return 64 << longest.bit_length()


def longest_counted(program: Program, dtype: torch.dtype) -> int:
    """The most letters N for which every comparison is proved to be decided right.

    The last place averages N + 1 numbers, so |z| >= 1 / (2 (N + 1)); 1 / (2 S) must be left of it, S >= 64 (N + 1).
    So A gamma(N + terms + 8) <= 63 / (128 (N + 1)) is asked for, with the largest A and number of terms, in exact
    fractions: N is about 2,870 / sqrt A in float32. It is at most 4,194,304.

    >>> from assay.languages.expression import automaton_of
    >>> from assay.languages.synthesis import program_of
    >>> longest_counted(program_of(automaton_of("(ab)*")), torch.float32)
    1530
    """
    require_dtype(dtype)
    unit = unit_roundoff(dtype)
    largest = max(
        [
            *(abs(line.constant) for line in program.lines if isinstance(line, Compare)),
            *(abs(factor) for line in program.lines if isinstance(line, Compare) for factor, _ in line.terms),
        ],
        default=0,
    )
    if Fraction(2 * largest + 1) >= 1 / unit:
        raise AssayError(f"a factor or constant of the program has size {largest}, which {dtype} does not hold exactly")
    terms = max((len(line.terms) for line in program.lines if isinstance(line, Compare)), default=0)

    def proved(length: int) -> bool:
        roundings = (length + terms + 8) * unit
        return roundings < 1 and program.weight * roundings / (1 - roundings) <= Fraction(63, 128 * (length + 1))

    low, high = 0, _MOST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if proved(middle) else (low, middle - 1)
    return low


def clip(x: Tensor) -> Tensor:
    """Exactly 1 where x >= 1/2 and exactly 0 where x <= -1/2, in any arithmetic."""
    return 1 - torch.relu(1 - torch.relu(x + 0.5))


def gate(kind: str, inputs: Tensor) -> Tensor:
    """All, any, or not of 0 and 1 along the last axis, with ReLUs."""
    if kind == "not":
        return 1 - inputs[..., 0]
    total = inputs.sum(dim=-1)
    return torch.relu(total - (inputs.shape[-1] - 1)) if kind == "all" else 1 - torch.relu(1 - total)


def _require_length(program: Program, longest: int, dtype: torch.dtype) -> None:
    require_dtype(dtype)
    most = longest_counted(program, dtype)
    require_integer("longest", longest, 0, most, "the most for this program and arithmetic")


def _check_gate(line: Gate, dtype: torch.dtype) -> int:
    """The number of cases of 0 and 1 that were tried: all, or one for each number of ones, which decides the sum."""
    inputs = len(line.inputs)
    if inputs <= _CASES:
        cases = torch.cartesian_prod(*[torch.tensor([0, 1])] * inputs).view(-1, inputs) if inputs else torch.zeros(1, 0)
    else:
        cases = torch.ones(inputs + 1, inputs).tril(-1)
    cases = cases.to(dtype)
    wanted = cases[..., 0] == 0 if line.kind == "not" else getattr(torch, line.kind)(cases == 1, dim=-1)
    if not torch.equal(gate(line.kind, cases), wanted.to(dtype)):
        raise Refuted(f"a gate of {inputs} inputs is not {line.kind}")
    return len(cases)
