"""Reed-Solomon keys: 0/1 keys of which no q can imitate another, a proof for every pointer set.

Position j is the polynomial of degree at most r over the field of P elements whose coefficients are the base-P digits
of j. Its key lists the polynomial's values at L points, each as a one-hot vector of length P: score width L P (Kautz
and Singleton 1964; DeVore 2007). The query of a pointer set is the coordinate-wise OR of its keys. A key in the set
scores L; two different polynomials agree in at most r points, so any other key scores at most q r. L = q r + 1 leaves
a gap of 1, for every set, in integers. The width is about q^2 log N, against q log N for sign keys.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.averaging_unit import AveragingUnit
from assay.constructions.certificate import Certificate
from assay.constructions.settings import Setting, is_whole
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF, choose_dtype, guaranteed_error, temperature
from assay.errors import require
from assay.tasks.sparse_averaging import SparseAveraging

_MAX_DEGREE = 11
_EXACT_POINTS = 1 << 16  # 16 bits of a score and 8 of the temperature: what a float32 holds exactly


def _is_code(code: object) -> bool:
    """Whether this is [r, L, P], such as `code_parameters` gives."""
    if not (isinstance(code, list) and len(code) == 3 and all(map(is_whole, code[1:]))):
        return False
    return code[2] > 1 and (is_whole(code[0]) or (type(code[0]) is int and code[0] == 0))


@CONSTRUCTIONS.register
class ReedSolomonKeys(AveragingUnit):
    """Attention with Reed-Solomon one-hot keys; one-hot positions are the case of degree 0.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> unit = build(SparseAveraging(length=1024, sparsity=8), method="reed-solomon", tolerance=0.05)
    >>> unit.size.score_width, unit.certificate().guaranteed_error <= 0.05
    (289, True)
    """

    method: ClassVar[str] = "reed-solomon"
    declares: ClassVar[dict[str, Setting]] = {
        **AveragingUnit.declares,
        "code": Setting("[r, L, P]: three whole numbers, r from 0, L from 1 and P from 2 up", _is_code),
    }

    def __init__(
        self, task: SparseAveraging, score_width: int, tolerance: float, temperature: float, dtype: str, code: list[int]
    ) -> None:
        super().__init__(task, score_width, tolerance, temperature, dtype, code=code)
        self.code = code

    @classmethod
    def build(cls, task: SparseAveraging, tolerance: float) -> Self:
        degree, points, prime = code_parameters(task.spec.length, task.sparsity)
        require(points < _EXACT_POINTS, "sparsity", task.sparsity, f"at most {_EXACT_POINTS // 2} for reed-solomon")
        alpha = short_number(temperature(task.sparsity, task.spec.length, 1.0, 0.9 * tolerance))
        guarantee = {
            dtype: guaranteed_error(task.sparsity, task.spec.length, alpha, 0.0, UNIT_ROUNDOFF[dtype])
            for dtype in DTYPES
        }
        dtype = choose_dtype(tolerance, guarantee)
        unit = cls(task, points * prime, tolerance, alpha, dtype_name(dtype), code=[degree, points, prime])
        unit.keys.copy_(_code_words(task.spec.length, degree, points, prime))
        return unit

    def queries(self, pointers: Tensor) -> Tensor:
        """OR of the keys pointed to."""
        queries = self.keys.new_zeros(len(pointers), self.keys.shape[1])
        for column in pointers.unbind(1):
            queries = torch.maximum(queries, self.keys[column])
        return queries

    def certificate(self) -> Certificate:
        """Scores are an 8-bit temperature times integers below 2^16: all exact, so no spread."""
        degree, points, _ = self.code
        justification = (
            f"two polynomials of degree {degree} agree in at most {degree} points, so every pointer set scores "
            f"{points} on its keys and at most {self.task.sparsity * degree} off them, exactly; softmax averaging "
            "bound; a-priori rounding bounds"
        )
        return self.certify(self.temperature, 0.0, justification)


def short_number(number: float) -> float:
    """The least number with an 8-bit significand that is not below `number`: its products with integers stay exact.

    >>> short_number(18.93)
    19.0
    """
    if number == 0:
        return 0.0
    step = 2.0 ** (math.frexp(number)[1] - 8)
    return math.ceil(number / step) * step


def code_parameters(positions: int, sparsity: int) -> tuple[int, int, int]:
    """Degree r, evaluation points L = q r + 1 and prime P >= L with P^(r+1) >= positions that make L P least.

    >>> code_parameters(4096, 8)
    (2, 17, 17)
    """
    choices = []
    for degree in range(_MAX_DEGREE + 1):
        points = sparsity * degree + 1
        prime = max(points, _root_above(positions, degree + 1))
        while degree and not _is_prime(prime):
            prime += 1
        choices.append((points * prime, degree, points, prime))
    return min(choices)[1:]


def code_values(positions: int, degree: int, points: int, prime: int) -> NDArray[np.int64]:
    """Values of each position's polynomial at 0, 1, ..., L - 1: int64 (positions, points), from 0 to P - 1.

    >>> code_values(4, 1, 3, 3).tolist()
    [[0, 0, 0], [1, 1, 1], [2, 2, 2], [0, 1, 2]]
    """
    rest, values = np.arange(positions), np.zeros((positions, points), dtype=np.int64)
    power = np.ones(points, dtype=np.int64)
    for _ in range(degree + 1):
        values = (values + (rest % prime)[:, None] * power) % prime
        rest, power = rest // prime, power * np.arange(points) % prime
    return values


def _code_words(positions: int, degree: int, points: int, prime: int) -> Tensor:
    """One-hot values of each position's polynomial: 0/1, shape (positions, points * prime)."""
    values = torch.from_numpy(code_values(positions, degree, points, prime))
    return torch.nn.functional.one_hot(values, prime).flatten(1).double()


def _root_above(number: int, order: int) -> int:
    root = max(2, math.floor(number ** (1 / order)) - 1)
    while root**order < number:
        root += 1
    return root


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))
