"""A state with a slot for every residue: whole numbers, exact"""

from __future__ import annotations

import torch

from assay.proofs import PROOFS
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.matching import Matching


@PROOFS.register
def store_residues(stored: Stored[Matching]) -> Proof:
    """Each step adds a residue to a slot that holds 0; the answer is read off all of them."""
    task = stored.task
    require_fact(isinstance(task, Matching), f"{task.name} is a matching task")
    stored.require_tensors({"slots": torch.arange(task.length)})
    steps = (
        Step("each token has a slot of its own", "compared one by one"),
        Step("the last state holds every residue", "0 + x in int64, for all residues below 2^63"),
        Step("every answer is exact", "the second pass reads the task's own exact answer off the state, any map"),
    )
    return Proof(stored.method, task.to_json(), 0.0, "int64", steps, ("int64 arithmetic",))
