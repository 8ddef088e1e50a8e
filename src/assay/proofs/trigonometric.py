"""One frequency: a match and the nearest miss differ by 1 - cos(2 pi / M) = 2 sin^2(pi / M), for all residues"""

from __future__ import annotations

import torch

from assay.arithmetic.rounding import ASSUMES, upper
from assay.arithmetic.torch_settings import dtype_name
from assay.proofs import PROOFS
from assay.proofs.presence import COSINE_WEIGHTS, cosine_bound, nearest_miss
from assay.proofs.proof import Proof, Step, Stored
from assay.tasks.match2 import Match2


@PROOFS.register
def trigonometric(stored: Stored[Match2]) -> Proof:
    """cos(2 pi s / M) is 1 at s = 0 mod M and largest elsewhere at s = 1 and -1. Time O(1)."""
    stored.require_tensors({**stored.tensors, "frequencies": torch.ones(1, dtype=torch.int64)})
    modulus = stored.task.modulus
    worst = nearest_miss(modulus)
    error, last = cosine_bound(stored, worst)
    steps = (
        COSINE_WEIGHTS,
        Step(
            f"the cosine of a miss is at least {float((1 - worst).lower()):.6g} below that of a match",
            f"1 - cos(2 pi s / {modulus}) = 2 sin^2(pi s / {modulus}) >= 2 sin^2(pi / {modulus}) for all s that are "
            "not 0 modulo M",
        ),
        last,
    )
    arithmetic = dtype_name(stored.tensors["query"].dtype)
    return Proof(stored.method, stored.task.to_json(), upper(error), arithmetic, steps, ASSUMES)
