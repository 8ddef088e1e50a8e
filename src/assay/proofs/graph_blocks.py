"""Directed triangles block by block: averages of flags that are 0 or above half a step"""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch

from assay.arithmetic.fixed_point import FixedPoint
from assay.arithmetic.rounding import ASSUMES, exact, read_number
from assay.proofs import PROOFS
from assay.proofs.presence import restored
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.directed_triangle import DirectedTriangle


@runtime_checkable
class _InFixedPoint(Protocol):
    numbers: FixedPoint
    temperature: float
    depth: int


@PROOFS.register
def graph_blocks(stored: Stored[DirectedTriangle]) -> Proof:
    """Uniform attention over out-neighbours, in fixed point: what is not a neighbour has weight 0, a neighbour some."""
    task, block = stored.task, stored.number("block")
    length = task.length
    stored.require_tensors({"targets": torch.arange(length)})
    network = restored(stored, "directed-triangle", _InFixedPoint)
    fraction, layers = network.numbers.fraction, 2 * math.ceil(length / block)
    require_fact(network.depth == layers, f"there are two layers for each of the blocks of {block} nodes")
    require_fact(network.numbers.bits == fraction + 2, "the format holds numbers up to 1")
    step, far = exact(1) / 2**fraction, (-read_number(network.temperature)).exp()
    error = exact(1) / 2**48  # of a softmax in float64, which is trusted with far more
    require_fact(far + error < step / 2, "the weight of what is not an out-neighbour rounds to 0")
    require_fact(1 / (length + length * far) - error > step / 2, "the weight of an out-neighbour does not")
    steps = (
        Step("nodes are numbered 0 ... N-1, so that each belongs to one block", "compared one by one"),
        Step(
            f"weights on out-neighbours are at least one step of 2^-{fraction}, and 0 on other nodes",
            f"1/N and exp(-{float(network.temperature):.4g}) against half a step, for every number of out-neighbours; "
            "in balls of 160 bits; nodes without any ignore what they get",
        ),
        Step(
            "flags after an even layer say j -> k -> i for some k, and after the odd one i -> j -> k -> i for some j",
            "sums of whole multiples of a step that are 0 only if all terms are; exact in any order, below 2^53",
        ),
    )
    return Proof(stored.method, task.to_json(), 0.0, f"{network.numbers.bits}-bit fixed point", steps, ASSUMES)
