"""A Boolean function whose inputs are split between two parties, and what the split says of one layer of attention.

The layer is that of `assay.booleans.softmax_heads`; Alice has some of the tokens, Bob the others. All bounds here are
of one split; each holds for the function whichever split is taken, so that the best may be.

- **A message.** A head's output depends on Alice's tokens through a weighted sum of values and the sum of weights. If
  her tokens are accumulated first, by online softmax in numbers of p bits, H heads of width d_h are a message of
  H (d_h + 2) p bits (sum, values and largest score); in fixed point of H (d_h + 1) p bits, where a layer counts as
  right only if every output within one step is. Her one-way bits are at most that. A message of b bits, after which
  Bob errs on a share e of uniform inputs, cuts the matrix into 2^(b + 1) rectangles with one answer each, so that
  1 - 2 e <= 2^(b + 1) x discrepancy.
- **Sign-rank, in exact real arithmetic.** The sign is that of sum over h of a_h times the product of Z_g over g != h,
  where a_h and Z_h are sums of a part of Alice's and one of Bob's. Multiplied out, the terms without a part of an a_h
  of Alice's are one product of her and his numbers for each V, a proper subset of the heads: her Z_g of g in V. The
  others are one for each W, not empty: the sum over h in W of her a_h times her Z_g of the rest of W. So the
  sign-rank of the matrix is at most 2 (2^H - 1), and at least sqrt(rows x columns) / its spectral norm (Forster 2002).
- **Behaviours, in exact real arithmetic.** For Q different columns, rows are sign vectors of Q polynomials of degree H
  in 2 H numbers: at most Q + 1 of them for H = 1, at most (2 e Q)^(2 H) for 4 <= 2 H <= Q (Warren 1968).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assay.booleans.function import BooleanFunction
from assay.examine.communication import AnswerTable, CommunicationMatrix, rational_rank, split_vc, two_way, vc_dimension

MOST_INPUTS = 12  # for the balanced cut
MOST_INPUTS_ALL = 8  # for all cuts
_NODES = 2000  # of each search
_EXACT_ROWS = 16  # of the smaller side, for the discrepancy itself
_SLACK = 1e-9  # of a spectral norm, far above the rounding of float64 at these sizes


@dataclass(frozen=True)
class Cut:
    """What is known of one split; bits are of deterministic exact protocols.

    Attributes:
        alice: her inputs; Bob has the others.
        rank: of the 0/1 matrix over the rationals, exact.
        fooling_set: size of a fooling set.
        fooling_set_exact: whether there is no larger one.
        one_way_bits: that Alice must send, and Bob: log2 of different rows and columns, exact.
        vc_dimension: of the columns, a lower bound unless `vc_exact`.
        vc_exact: whether it is exact.
        discrepancy: under uniform inputs; an upper bound unless `discrepancy_exact`.
        discrepancy_exact: whether all rectangles were looked at; else it is spectral norm / sqrt(rows x columns).
        sign_rank_at_least: Forster's bound, rounded up.
        heads_by_sign_rank: the least H with 2 (2^H - 1) at least that.
        heads_by_behaviours: the least H that has as many behaviours as there are rows, and columns.
    """

    alice: tuple[int, ...]
    rank: int
    fooling_set: int
    fooling_set_exact: bool
    one_way_bits: tuple[int, int]
    vc_dimension: int
    vc_exact: bool
    discrepancy: float
    discrepancy_exact: bool
    sign_rank_at_least: int
    heads_by_sign_rank: int
    heads_by_behaviours: int


@dataclass(frozen=True)
class Best:
    """The largest value of one bound over all cuts, and the inputs of Alice in a cut that has it."""

    bound: str
    value: int
    alice: tuple[int, ...]


@dataclass(frozen=True)
class Cuts:
    """The balanced cut, and the best of all cuts up to 8 inputs.

    Attributes:
        balanced: Alice has the first half of the inputs, rounded down.
        best: for rank, one-way bits, sign-rank and both bounds on heads; empty above 8 inputs.
        split_vc: the largest VC dimension over all cuts; None above 8 inputs.
        split_vc_exact: whether it is exact, or a lower bound.
    """

    balanced: Cut
    best: tuple[Best, ...]
    split_vc: int | None
    split_vc_exact: bool


def cuts_of(function: BooleanFunction) -> Cuts | None:
    """Bounds by cuts for 2 to 12 inputs; None otherwise.

    >>> inner = BooleanFunction.of_table("x0 x2 + x1 x3 mod 2", [(i & i >> 2 & 3).bit_count() % 2 for i in range(16)])
    >>> found = cuts_of(inner)
    >>> found.balanced.rank, found.balanced.sign_rank_at_least, found.balanced.discrepancy
    (3, 2, 0.3125)
    """
    if not 2 <= function.inputs <= MOST_INPUTS:
        return None
    table = AnswerTable(function.cube.astype(np.int64), 1.0)
    balanced = _cut(table, tuple(range(function.inputs // 2)))
    if function.inputs > MOST_INPUTS_ALL:
        return Cuts(balanced, (), None, False)
    best: dict[str, Best] = {}
    for alice in _all_cuts(function.inputs):
        for bound, value in _quick(table.split(alice)).items():
            if bound not in best or value > best[bound].value:
                best[bound] = Best(bound, value, alice)
    split = split_vc(table, nodes=_NODES)
    return Cuts(balanced, tuple(best.values()), split.dimension, split.exact)


def _all_cuts(inputs: int) -> Iterator[tuple[int, ...]]:
    """Every set of Alice's but none and all, the most balanced first."""
    for size in sorted(range(1, inputs), key=lambda size: abs(2 * size - inputs)):
        yield from combinations(range(inputs), size)


def _cut(table: AnswerTable, alice: tuple[int, ...]) -> Cut:
    matrix = table.split(alice)
    bounds, quick = two_way(matrix, nodes=_NODES), _quick(matrix)
    vc = vc_dimension(matrix, nodes=_NODES)
    discrepancy = _discrepancy(matrix)
    return Cut(
        alice=alice,
        rank=bounds.rank,
        fooling_set=len(bounds.fooling.pairs),
        fooling_set_exact=bounds.fooling.exact,
        one_way_bits=(_bits(bounds.distinct_rows), _bits(bounds.distinct_columns)),
        vc_dimension=vc.dimension,
        vc_exact=vc.exact,
        discrepancy=spectral_discrepancy(matrix) if discrepancy is None else discrepancy,
        discrepancy_exact=discrepancy is not None,
        sign_rank_at_least=quick["sign_rank_at_least"],
        heads_by_sign_rank=quick["heads_by_sign_rank"],
        heads_by_behaviours=quick["heads_by_behaviours"],
    )


def _quick(matrix: CommunicationMatrix) -> dict[str, int]:
    """The bounds that take no search."""
    rows = len(np.unique(matrix.multiples, axis=0))
    columns = len(np.unique(matrix.multiples, axis=1).T)
    constant = rows == columns == 1
    sign_rank = forster(matrix)
    return {
        "rank": rational_rank(matrix),
        "one_way_bits": _bits(rows),
        "sign_rank_at_least": sign_rank,
        "heads_by_sign_rank": 0 if constant else heads_of_sign_rank(sign_rank),
        "heads_by_behaviours": 0 if constant else max(heads_of_rows(rows, columns), heads_of_rows(columns, rows)),
    }


def forster(matrix: CommunicationMatrix) -> int:
    """A lower bound on the sign-rank: sqrt(rows x columns) / spectral norm of the +-1 matrix, rounded up.

    Forster (2002). The norm is computed in float64 and made larger by one part in 10^9.

    >>> from assay.examine.communication import matrix_of
    >>> forster(matrix_of(lambda x: (x[0] & x[1]).bit_count() % 2, [64, 64], [0]))
    8
    """
    signs = _signs(matrix)
    return max(1, math.ceil(math.sqrt(signs.size) / (float(np.linalg.norm(signs, 2)) * (1 + _SLACK)) - _SLACK))


def spectral_discrepancy(matrix: CommunicationMatrix) -> float:
    """An upper bound on the discrepancy under uniform inputs: spectral norm / sqrt(rows x columns)."""
    signs = _signs(matrix)
    return min(1.0, float(np.linalg.norm(signs, 2)) * (1 + _SLACK) / math.sqrt(signs.size))


def heads_of_sign_rank(sign_rank: int) -> int:
    """The least H >= 1 with 2 (2^H - 1) >= sign_rank.

    >>> [heads_of_sign_rank(rank) for rank in (1, 2, 3, 6, 7)]
    [1, 1, 2, 2, 3]
    """
    return max(1, (-(-sign_rank // 2)).bit_length())


def heads_of_rows(rows: int, columns: int) -> int:
    """The least H for which so many different rows on so many different columns are not excluded.

    >>> heads_of_rows(5, 4), heads_of_rows(6, 4), heads_of_rows(1 << 40, 64)
    (1, 2, 3)
    """
    if rows <= columns + 1:
        return 1
    heads = 2
    while 2 * heads <= columns and math.log(rows) > 2 * heads * math.log(2 * math.e * columns):
        heads += 1
    return heads


def _discrepancy(matrix: CommunicationMatrix) -> float | None:
    """The largest |sum of +-1| over a rectangle, as a share of all entries, over all subsets of the smaller side."""
    signs = _signs(matrix).astype(np.int64)
    if signs.shape[0] > signs.shape[1]:
        signs = signs.T
    count = len(signs)
    if count > _EXACT_ROWS:
        return None
    subsets = np.arange(1 << count)[:, None] >> np.arange(count) & 1
    sums = subsets @ signs
    most = max(np.maximum(sums, 0).sum(axis=1).max(), np.maximum(-sums, 0).sum(axis=1).max())
    return int(most) / signs.size


def _signs(matrix: CommunicationMatrix) -> NDArray[np.float64]:
    return (2 * matrix.multiples - 1).astype(np.float64)


def _bits(messages: int) -> int:
    return (messages - 1).bit_length()
