"""All rows to all nodes: entries of an average that are 0 or above half a step"""

from __future__ import annotations

import torch

from assay.arithmetic.rounding import ASSUMES, exact
from assay.proofs import PROOFS
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.graphs import CycleTask


@PROOFS.register
def graph_gather(stored: Stored[CycleTask]) -> Proof:
    """Each entry of the average is one entry of one row, times a weight of about 1/N that does not round to 0."""
    task = stored.task
    stored.require_tensors({"places": torch.arange(task.length)})
    fraction = task.length.bit_length()
    require_fact(exact(1) / task.length > exact(1) / 2 ** (fraction + 1), "1/N does not round to 0")
    steps = (
        Step("each node has a block of coordinates of its own", "compared one by one"),
        Step(
            f"an entry of the average is above 0 if and only if the edge is there, in steps of 2^-{fraction}",
            "all but one term of its sum are exactly 0; 1/N is above half a step",
        ),
        Step("the answer is the task's own exact one", "an arbitrary map of the state, which holds the graph"),
    )
    return Proof(stored.method, task.to_json(), 0.0, f"{fraction + 2}-bit fixed point", steps, ASSUMES[:1])
