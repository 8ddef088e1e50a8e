"""Directed triangles by pairs: three edges, a sink half an edge below, and fewer than three"""

from __future__ import annotations

import torch
from flint import arb

from assay.arithmetic.rounding import ASSUMES, gamma, read_number, upper, weight_roundings
from assay.arithmetic.torch_settings import dtype_name
from assay.proofs import PROOFS
from assay.proofs.presence import HasArithmetic, presence_bound, presence_step, restored
from assay.proofs.proof import Proof, Step, Stored
from assay.tasks.directed_triangle import DirectedTriangle


@PROOFS.register
def graph_third_order(stored: Stored[DirectedTriangle]) -> Proof:
    """Scores c s for whole s <= 0 and -c/2: those of triangles are exactly 0."""
    task = stored.task
    network = restored(stored, "directed-triangle", HasArithmetic)
    dtype, entries = network.arithmetic.dtype, task.length**2
    # The temperature of the settings, made again; the tensor must be that number.
    stored.require_tensors({"temperature": torch.tensor(network.arithmetic.temperature, dtype=torch.float64)})
    steps = [
        Step("the temperature is the one that the tolerance asks for", "compared exactly"),
        Step(
            "a pair scores 0 on a triangle and at most -c elsewhere, the sink -c/2",
            "x_ij + x_jk + x_ki - 3 is a whole number from -3 to 0, exact; its product with c is rounded once, and c "
            "itself when it is cast",
        ),
    ]
    gap = read_number(network.arithmetic.temperature) / 2 * (1 - gamma(4, dtype))
    roundings = weight_roundings(entries + 1) + entries
    error = presence_bound(entries, gap, arb(0), roundings, dtype)
    steps.append(presence_step(entries, gap, dtype))
    return Proof(stored.method, task.to_json(), upper(error), dtype_name(dtype), tuple(steps), ASSUMES)
