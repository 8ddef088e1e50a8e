"""A state with a slot for every value: exact but for the rounding of one mean"""

from __future__ import annotations

import torch

from assay.arithmetic.rounding import ASSUMES, exact, gamma, upper
from assay.proofs import PROOFS
from assay.proofs.averaging import BALL_SLACK
from assay.proofs.proof import Proof, Step, Stored
from assay.tasks.sparse_averaging import SparseAveraging


@PROOFS.register
def recurrent(stored: Stored[SparseAveraging]) -> Proof:
    """Each step adds a value to a slot that holds 0."""
    task = stored.task
    stored.require_tensors({"slots": torch.arange(task.length)})
    steps = (
        Step("each token has a slot of its own", "compared one by one"),
        Step("the last state holds every value", "0 + z is exact"),
        Step(
            "every answer is within the guaranteed error",
            f"gamma({task.sparsity + 2}) for the cast of a value, the sum of q of them and the division, in balls",
        ),
    )
    error = (1 + exact(BALL_SLACK)) * gamma(task.sparsity + 2, stored.dtype)
    return Proof(stored.method, task.to_json(), upper(error), stored.text("dtype"), steps, ASSUMES[:1])
