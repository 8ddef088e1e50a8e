"""Heads that look up one pointer each: distances of whole numbers, for every pointer set"""

from __future__ import annotations

import math

import torch
from flint import arb

from assay.arithmetic.rounding import ASSUMES, exact, gamma, require_scores, unit_roundoff, upper
from assay.proofs import PROOFS
from assay.proofs.averaging import averaging_bound, averaging_step
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.sparse_averaging import SparseAveraging


@PROOFS.register
def heads(stored: Stored[SparseAveraging]) -> Proof:
    """Scores 2 y j - j^2 = y^2 - (y - j)^2 times the temperature, without rounding; q averages of one value each."""
    task, dtype, alpha = stored.task, stored.dtype, stored.number("temperature")
    q, positions, d = task.sparsity, task.spec.length, task.dimension
    nodes = torch.arange(positions) - positions // 2
    width = d + 2 + q + 1
    query = torch.zeros(q, width, 2, dtype=dtype)
    for head in range(q):
        query[head, d + 2 + head, 0] = 2 * alpha
        query[head, width - 1, 1] = -alpha
    eye = torch.eye(width, dtype=dtype)
    stored.require_tensors(
        {
            "nodes": nodes.to(dtype),
            "query": query,
            "key": eye[:, d : d + 2].expand(q, -1, -1),
            "value": (eye[:, :d] / q).expand(q, -1, -1),
        }
    )
    mantissa, largest = math.frexp(alpha)[0] * 256, 3 * max(1, positions // 2) ** 2
    require_fact(mantissa == int(mantissa), f"the temperature {alpha} has 8 bits")
    require_fact(
        256 * largest * exact(unit_roundoff(dtype)) <= 1, f"whole numbers up to {largest} times 8 bits are exact"
    )
    steps = [
        Step("Q, K, V and the nodes, consecutive whole numbers, are what is claimed", "compared entry by entry"),
        Step(
            "each head scores its pointer's position higher than any other by at least the temperature, unrounded",
            "y^2 - (y - j)^2 with (y - j)^2 >= 1 for j other than y, for every pointer; all partial sums are whole "
            "numbers times a temperature of 8 bits",
        ),
    ]
    gap = require_scores(alpha, largest, dtype)
    one = averaging_bound(1, positions, gap, arb(0), dtype)
    steps.append(averaging_step(gap, arb(0)))
    # 1/q is rounded, its product with a value, and q - 1 sums.
    error = one + (1 + one) * gamma(q + 3, dtype)
    steps.append(Step("the q heads add up", f"gamma({q + 3}) for the sum of q values divided by q"))
    return Proof(stored.method, task.to_json(), upper(error), stored.text("dtype"), tuple(steps), ASSUMES)
