"""Hats and gates: indicators that are whole numbers, and gates that are exactly 0 or let a value through"""

from __future__ import annotations

import torch
from flint import arb

from assay.arithmetic.rounding import ASSUMES, exact, gamma, unit_roundoff, upper
from assay.proofs import PROOFS
from assay.proofs.averaging import BALL_SLACK
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.sparse_averaging import SparseAveraging


@PROOFS.register
def feed_forward(stored: Stored[SparseAveraging]) -> Proof:
    """A gate computes (z + 2) - 2, where only the first sum is rounded; all other gates are 0."""
    task, dtype = stored.task, stored.dtype
    stored.require_tensors({"levels": torch.arange(-1, task.length + 1, dtype=dtype)})
    u = exact(unit_roundoff(dtype))
    require_fact(
        8 * (task.length + 2) * u <= 1, f"whole numbers up to {task.length} and twice their differences are exact"
    )
    steps = (
        Step("the levels are -1 ... N", "compared one by one"),
        Step(
            "second differences of ReLU(y - l) are 1 at l = y and 0 elsewhere; their sum over distinct pointers is the "
            "indicator of the set",
            "whole numbers below the precision of the format, for every pointer set",
        ),
        Step(
            "a gate is exactly 0 off the set, and on it errs by at most 4 units of roundoff",
            "|z| <= 1 + 10^-6, so z + 2 - 4 < 0; on the set fl(z + 2) - 2 is exact (Sterbenz) and |z + 2| < 4; the "
            "value's cast is another unit",
        ),
        Step(
            "every answer is within the guaranteed error",
            f"gamma({task.sparsity + 1}) for the sum and the division; sqrt(d) from numbers to norms; in balls",
        ),
    )
    values = gamma(task.sparsity + 1, dtype) * (1 + exact(BALL_SLACK) + 4 * u)
    error = arb(task.dimension).sqrt() * 4 * u * (1 + gamma(task.sparsity + 1, dtype)) + values
    return Proof(stored.method, task.to_json(), upper(error), stored.text("dtype"), steps, ASSUMES[:1])
