"""Whole numbers: -2 (r_i + r_j)^2 is 0 for a match and at most -2 for a miss, for all residues"""

from __future__ import annotations

import torch

from assay.arithmetic.rounding import ASSUMES, upper
from assay.arithmetic.torch_settings import dtype_name
from assay.proofs import PROOFS
from assay.proofs.presence import HasArithmetic, integer_bound, restored
from assay.proofs.proof import Proof, Step, Stored
from assay.tasks.match2 import Match2


@PROOFS.register
def parabola(stored: Stored[Match2]) -> Proof:
    """Scores are exact; what is left is the softmax. Time O(1)."""
    task, arithmetic = stored.task, restored(stored, "match2", HasArithmetic).arithmetic
    stored.require_tensors({"query": torch.tensor([[-4, 0, 0], [0, 0, -1], [0, -1, 0]])})
    error, last = integer_bound(task.length, arithmetic.temperature, task.modulus, arithmetic.dtype)
    steps = (
        Step(
            "the query of (r, 2 r^2, 1) is (-4 r, -1, -2 r^2), so that two residues score -2 (r_i + r_j)^2 and a "
            "residue and the sink (0, 1, 0) score -1",
            "the query's weights are compared entry by entry",
        ),
        Step(
            "x_i has a partner if and only if some r_i + r_j is 0",
            "r is x or x - M, between -M/2 and M/2, and 0 for M/2: 0 and M/2 are partners of themselves, and for all "
            "other r_i, r_i + r_j lies between -M and M, and M/2 is no partner",
        ),
        *last,
    )
    return Proof(stored.method, task.to_json(), upper(error), dtype_name(arithmetic.dtype), steps, ASSUMES)
