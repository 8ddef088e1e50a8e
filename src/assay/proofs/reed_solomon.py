"""Reed-Solomon keys: every pointer set by counting agreements of polynomials"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from assay.arithmetic.rounding import ASSUMES, arb, exact, require_scores, unit_roundoff, upper
from assay.proofs import PROOFS
from assay.proofs.averaging import BLOCKS, averaging_bound, averaging_step, require_blocks
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.sparse_averaging import SparseAveraging

_ALL_PAIRS = 1 << 12  # positions up to which all pairs of keys are compared as well


@PROOFS.register
def reed_solomon(stored: Stored[SparseAveraging]) -> Proof:
    """Two keys share at most r ones, so q others cover at most q r of a key's L ones. Time O(N L), or O(N^2 L P)."""
    task = stored.task
    code = stored.settings["code"]
    assert isinstance(code, list)
    degree, points, prime = code
    a_field = prime > 1 and all(prime % divisor for divisor in range(2, math.isqrt(prime) + 1))
    require_fact(degree == 0 or a_field, f"{prime} is prime")
    require_fact(prime ** (degree + 1) >= task.spec.length, "different positions have different polynomials")
    require_fact(points <= prime and points > task.sparsity * degree, f"{points} points are above q r and at most P")
    keys = _evaluations(task.spec.length, degree, points, prime).to(stored.dtype)
    require_blocks(stored, keys)
    steps = [
        BLOCKS,
        Step(
            f"two keys share at most {degree} ones, and each has {points}",
            f"keys are the values of different polynomials of degree at most {degree} over the field of {prime} "
            f"elements at {points} points, compared entry by entry; two such polynomials agree in at most {degree}",
        ),
    ]
    if task.spec.length <= _ALL_PAIRS:
        shared = (keys @ keys.T).fill_diagonal_(0).max().item() if task.spec.length > 1 else 0.0
        require_fact(shared <= degree, f"two keys share {shared:g} ones, more than {degree}")
        pairs = math.comb(task.spec.length, 2)
        steps.append(Step(f"no two keys share more than {degree} ones", f"exhaustive over {pairs} pairs, in integers"))
    alpha = stored.number("temperature")
    _require_exact(alpha, points, stored.dtype)
    steps.append(
        Step(
            f"the query, the OR of its keys, scores {points} times the temperature on every pointer set and at most "
            f"{task.sparsity * degree} times the temperature off it, without rounding",
            "counting, for every pointer set; the temperature has 8 bits, so that its multiples are exact",
        )
    )
    gap = require_scores(alpha, points, stored.dtype) * (points - task.sparsity * degree)
    error = averaging_bound(task.sparsity, task.spec.length, gap, arb(0), stored.dtype)
    steps.append(averaging_step(gap, arb(0)))
    return Proof(stored.method, task.to_json(), upper(error), stored.text("dtype"), tuple(steps), ASSUMES)


def _require_exact(alpha: float, points: int, dtype: torch.dtype) -> None:
    mantissa = math.frexp(alpha)[0] * 256
    require_fact(mantissa == int(mantissa), f"the temperature {alpha} has 8 bits")
    require_fact(256 * points * exact(unit_roundoff(dtype)) <= 1, f"{points} times 8 bits are exact")


def _evaluations(positions: int, degree: int, points: int, prime: int) -> Tensor:
    """One-hot values at 0 ... points-1 of the polynomial with the base-P digits of each position, by Horner's rule."""
    numbers, at = torch.arange(positions), torch.arange(points)
    values = torch.zeros(positions, points, dtype=torch.int64)
    for place in range(degree, -1, -1):
        digit = numbers // prime**place % prime
        values = (values * at + digit.unsqueeze(1)) % prime
    keys = torch.zeros(positions, points, prime, dtype=torch.float64)
    return keys.scatter_(2, values.unsqueeze(2), 1.0).flatten(1)
