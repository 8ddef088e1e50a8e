"""Keys on the moment curve: a polynomial that vanishes on the set, in whole numbers"""

from __future__ import annotations

import math

import torch
from flint import arb
from torch import Tensor

from assay.arithmetic.rounding import ASSUMES, gamma, require_scores, upper
from assay.proofs import PROOFS
from assay.proofs.averaging import averaging_bound, averaging_step
from assay.proofs.proof import EVERY_SET, Proof, Step, Stored, require_fact
from assay.tasks.sparse_averaging import SparseAveraging

_DIGIT_BITS = 20
_AT_ONCE = 1 << 22
_MOST_PRODUCTS = 1 << 31  # of a set with a node off it, that are enumerated


@PROOFS.register
def cyclic(stored: Stored[SparseAveraging]) -> Proof:
    """Scores are -prod (t - t_i)^2 up to a constant: 0 on the set, else at most minus the least such product.

    Time O(C(N, q) N q) where all sets are listed.
    """
    task = stored.task
    q, positions = task.sparsity, task.spec.length
    stored.require_tensors({"nodes": torch.arange(positions) - positions // 2})
    half = q // 2
    margin = (math.factorial(half) * math.factorial(q - half)) ** 2
    steps = [
        Step("the nodes are consecutive whole numbers", "compared one by one"),
        Step(
            f"scores are 0 on the set and at most -{margin} off it, up to a constant of the row, in whole numbers",
            "(t, ..., t^2q) . (coefficients of -prod (t - t_i)^2) is that product less its constant term; q distinct "
            "whole numbers other than t have distances of at least 1, 1, 2, 2, ... from it; for every pointer set",
        ),
    ]
    count = math.comb(task.length, q)
    exactly = q * math.isqrt(margin) < 1 << 51
    if exactly and count <= EVERY_SET and count * positions * q <= _MOST_PRODUCTS and positions > q:
        least = _least_product(stored.tensors["nodes"], task.all_sets())
        require_fact(least >= math.isqrt(margin), f"the products of distances are at least {math.isqrt(margin)}")
        steps.append(
            Step(
                f"no pointer set has a product of distances below {math.isqrt(margin)} anywhere off it",
                f"exhaustive over all {count} pointer sets and the nodes off them; products in float64, whose rounding "
                "is allowed for",
            )
        )
    bits = _score_bits(stored.tensors["nodes"], q)
    digits = bits // _DIGIT_BITS + 3
    kept = 1 - gamma(2 * digits + 2, torch.float64)
    steps.append(
        Step(
            f"the scores' differences keep all but {float((1 - kept).upper()):.3g} of themselves",
            f"whole numbers of at most {bits} bits, exact until they are turned into float64 digit by digit and "
            "multiplied by the temperature",
        )
    )
    gap = require_scores(stored.number("temperature"), 1, torch.float64) * margin * kept
    error = averaging_bound(q, positions, gap, arb(0), torch.float64)
    steps.append(averaging_step(gap, arb(0)))
    return Proof(stored.method, task.to_json(), upper(error), "integers", tuple(steps), ASSUMES)


def _score_bits(nodes: Tensor, sparsity: int) -> int:
    """Bits of a bound on every score and partial sum: (2 max |t|)^(2q) (1 + 2q)."""
    farthest = max(1, int(nodes.abs().max()))
    return 2 * sparsity * (2 * farthest).bit_length() + (1 + 2 * sparsity).bit_length() + 1


def _least_product(nodes: Tensor, sets: Tensor) -> int:
    """A lower bound on the whole number prod |t - t_i| over all sets and all t off them."""
    points = nodes.double()
    least = math.inf
    for chosen in sets.split(max(1, _AT_ONCE // len(nodes))):
        products = torch.ones(len(chosen), len(nodes), dtype=torch.float64)
        for column in chosen.unbind(1):
            products *= (points - points[column].unsqueeze(1)).abs()
        least = min(least, products.scatter(1, chosen, math.inf).min().item())
    return math.ceil(least * (1 - sets.shape[1] * 2.0**-52))
