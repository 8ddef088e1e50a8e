"""Keys on the moment curve, in exact integers: score width exactly 2q, the least that fixed keys allow.

Theorem 3 of Sanford, Hsu, Telgarsky (NeurIPS 2023): points (t, t^2, ..., t^2q) are the vertices of a cyclic polytope,
of which every q span a face. The query of a pointer set y holds the coefficients of P_y(t) = -prod over i in y of (t -
t_i)^2 without the constant, which a softmax does not see: P_y is 0 at the nodes of y and at most -1 at other integers.
The width does not grow with N, but the numbers do: each doubling of N adds 2q bits. Scores are therefore dot products
of integers of any size, exact; the softmax of their differences is taken in float64.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.arithmetic.torch_settings import differentiated
from assay.constructions import CONSTRUCTIONS
from assay.constructions.big_integers import LARGEST_SUM, LIMB_BITS, limbs, product_digits, to_float
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.heads import centred
from assay.constructions.settings import NOT_NEGATIVE, Setting
from assay.constructions.softmax_bound import UNIT_ROUNDOFF, gamma, guaranteed_error, rounding_of_average, temperature
from assay.errors import require
from assay.models.structured import SHORTEST
from assay.models.structured.positions import moment_averages
from assay.sizes import Size
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs

_MAX_SPARSITY = 100  # the margin, about (q/2)!^4, is a float64 up to here
_DIGITS_AT_ONCE = 1 << 23  # scores are computed in blocks of rows of about this many digits: 64 MB


@CONSTRUCTIONS.register
class CyclicPolytope(Construction[SparseAveraging]):
    """Attention with score width 2q.

    Scores formed as dot products take time O(queries * positions * q * b^2) for integers of b limbs, 2q log2 N bits. In
    the plain forward pass of SHORTEST positions or more they are not formed: the nodes are consecutive whole numbers,
    the score of one is -prod (t - t_i)^2, and only nodes next to a pointer have a weight: time O(queries q^2). For
    finite values it is the same function, as differences of nodes are exact and what is left out is below 2^-60 of the
    set's weight; 2q + 1 roundings of a score are fewer than those of its digits, of which the certificate speaks. It
    has no derivatives: where they are asked for, dot products are taken.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> unit = build(SparseAveraging(length=1024, sparsity=8), method="cyclic", tolerance=0.05)
    >>> unit.size.score_width, unit.size.precision, unit.certificate().dtype
    (16, 162, 'integers')
    """

    method: ClassVar[str] = "cyclic"
    model: ClassVar[str] = "bare-attention"
    declares: ClassVar[dict[str, Setting]] = {**Construction.declares, "temperature": NOT_NEGATIVE}
    nodes: Tensor

    def __init__(self, task: SparseAveraging, tolerance: float, temperature: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.temperature = task, tolerance, temperature
        self.settings = {"tolerance": tolerance, "temperature": temperature}
        self.register_buffer("nodes", centred(task.spec.length))
        self._bits = integer_bits(task.spec.length, task.sparsity)

    @classmethod
    def build(cls, task: SparseAveraging, tolerance: float) -> Self:
        require(task.sparsity <= _MAX_SPARSITY, "sparsity", task.sparsity, f"at most {_MAX_SPARSITY} for cyclic")
        terms = 2 * task.sparsity * (integer_bits(task.spec.length, task.sparsity) // LIMB_BITS + 1)
        require(terms <= LARGEST_SUM, "sparsity", task.sparsity, "smaller for exact sums at this length")
        unit = cls(
            task, tolerance, temperature(task.sparsity, task.spec.length, _margin(task.sparsity), 0.9 * tolerance)
        )
        best = unit.certificate().guaranteed_error
        require(
            best <= tolerance, "tolerance", tolerance, f"at least {rounding_of_average(task.spec.length, 2.0**-53):.3g}"
        )
        return unit

    @property
    def size(self) -> Size:
        """Width d + 4q: data, key and query. Precision: bits that hold every key, query and score exactly."""
        q = self.task.sparsity
        return Size(
            width=self.task.dimension + 4 * q,
            precision=self._bits,
            score_width=2 * q,
            parameters=self.nodes.numel(),
        )

    def position_keys(self) -> Tensor:
        """(t, t^2) with both columns scaled to at most 1: neighbours on the curve are what is hard to tell apart."""
        nodes = self.nodes.double() / max(1.0, self.nodes.abs().max().item())
        return torch.stack([nodes, nodes**2], dim=1)

    def integer_keys(self) -> NDArray[np.object_]:
        """Keys (t, ..., t^2q), Python integers: shape (positions, 2q)."""
        nodes = self.nodes.numpy().astype(object)
        return nodes[:, None] ** np.arange(1, 2 * self.task.sparsity + 1).astype(object)

    def integer_queries(self, pointers: Tensor) -> NDArray[np.object_]:
        """Coefficients of t, ..., t^2q of P_y for pointer sets (rows, q), Python integers: shape (rows, 2q)."""
        nodes = self.nodes[pointers].numpy().astype(object)
        product = np.zeros((len(nodes), 2 * self.task.sparsity + 1), dtype=object)
        product[:, 0] = -1
        for column in np.repeat(nodes, 2, axis=1).T:
            product = np.roll(product, 1, axis=1) - column[:, None] * product
        return product[:, 1:]

    def scores(self, pointers: Tensor) -> NDArray[np.float64]:
        """Scores of pointer sets (rows, q) less the common score of the set: shape (rows, positions).

        The difference is exact, 0 on the set; it is rounded once when it is turned into float64.
        """
        keys, queries = limbs(self.integer_keys()), limbs(self.integer_queries(pointers))
        rows = max(1, _DIGITS_AT_ONCE // (len(keys) * len(self.nodes) * 2))
        blocks = []
        for first in range(0, len(pointers), rows):
            digits = product_digits(queries[:, first : first + rows], keys)
            on_set = pointers[first : first + rows, :1].numpy()
            blocks.append(to_float(digits - np.take_along_axis(digits, on_set[None], axis=2)))
        return np.concatenate(blocks)

    def attention(self, inputs: SparseAveragingInputs) -> Tensor:
        """Attention weights, float64 (batch, 1, queries, positions)."""
        pointers = inputs[1]
        sets = pointers.flatten(0, 1)
        logits = self._fixed_logits(sets, self.numbers) if self.numbers else self.temperature * self.scores(sets)
        weights = self.rounded(torch.softmax(torch.from_numpy(logits), dim=1))
        return weights.view(*pointers.shape[:2], -1).unsqueeze(1)

    def forward(self, inputs: SparseAveragingInputs) -> Tensor:
        """Outputs of the query tokens, float64 (batch, queries, d)."""
        values = self.rounded(inputs[0].double())
        formed = self.numbers is not None or self.task.spec.length < SHORTEST or differentiated(values)
        if not formed and self._has_its_nodes():
            plain, pointers = values.detach().numpy(), inputs[1].numpy()
            return torch.from_numpy(moment_averages(plain, pointers, len(self.nodes), self.temperature))
        weights = self.attention(inputs).squeeze(1)
        return self.rounded(weights[..., : self.task.length] @ values)

    def numbers_at_work(self) -> int:
        """Values and pointers and, where they are formed, scores."""
        if self.task.spec.length >= SHORTEST:
            return self.task.spec.length * self.task.dimension + self.task.spec.queries * (
                self.task.sparsity + self.task.dimension
            )
        return super().numbers_at_work()

    def _has_its_nodes(self) -> bool:
        return torch.equal(self.nodes, centred(self.task.spec.length))

    def _fixed_logits(self, pointers: Tensor, numbers: FixedPoint) -> NDArray[np.float64]:
        """Scores less the largest of their row, of keys, queries and scores in fixed point: (rows, positions).

        The temperature, raised to a whole number, is part of the query. All is exact but for that format.
        """
        keys = numbers.round_exactly(self.integer_keys())
        queries = numbers.round_exactly(math.ceil(self.temperature) * self.integer_queries(pointers))
        scores = numbers.round_exactly(queries @ keys.T, scale=2 * numbers.fraction)
        below = scores - scores.max(axis=1, keepdims=True)
        return np.ldexp(np.maximum(below, -(1 << 900)).astype(np.float64), -numbers.fraction)

    def certificate(self) -> Certificate:
        q, positions = self.task.sparsity, self.task.spec.length
        roundoff = UNIT_ROUNDOFF[torch.float64]
        gap = self.temperature * _margin(q) * (1 - gamma(self._bits, roundoff))
        error = guaranteed_error(q, positions, gap, 0.0, roundoff)
        return Certificate(
            method=self.method,
            guaranteed_error=error,
            justification=f"scores are equal on the pointers and lower by an integer >= {_margin(q)} off them, in "
            "exact integer arithmetic, for every pointer set; softmax averaging bound; a-priori rounding bounds in "
            "float64",
            size=self.size,
            dtype="integers",
            temperature=self.temperature,
        )


def _margin(sparsity: int) -> int:
    """Least product of (t - t_i)^2 over q distinct integers t_i other than t: they lie as close to t as they can."""
    half = sparsity // 2
    return (math.factorial(half) * math.factorial(sparsity - half)) ** 2


def integer_bits(positions: int, sparsity: int) -> int:
    """Bits, sign included, of the largest intermediate of any query, key or score.

    Coefficients are largest, in absolute value, for the q nodes farthest from 0 taken with one sign, where they are
    those of prod (t + |t_i|)^2; a score is at most that product at the farthest node.

    >>> integer_bits(1024, 8), integer_bits(50_000, 2)
    (162, 65)
    """
    even = 1 - positions % 2  # then one node has the largest size, else two
    magnitudes = [positions // 2 - (place + even) // 2 for place in range(sparsity)]
    coefficients = [1]
    for magnitude in magnitudes:
        for _ in range(2):
            scaled = [magnitude * coefficient for coefficient in coefficients]
            coefficients = [a + b for a, b in zip([*scaled, 0], [0, *coefficients], strict=True)]
    farthest = magnitudes[0]
    score = sum(coefficient * farthest**power for power, coefficient in enumerate(coefficients))
    return (2 * score).bit_length() + 1
