"""Directed triangles by standard attention on a graph, block by block: depth 2N/m, width m + 1, log2 N + O(1) bits.

Two layers for each block of m nodes i: first every node j averages over its out-neighbours k whether there is an edge
k -> i, which is in the state of k, then node i averages over its out-neighbours j whether that was above 0. So m p D is
of the order of N log N, where a bound by set disjointness asks for the order of N (Sanford, Hsu, Telgarsky, NeurIPS
2023, appendix on graphs). The weights are our own.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.settings import WHOLE, Setting
from assay.models.graph import GraphNetwork
from assay.sizes import Size
from assay.tasks.directed_triangle import DirectedTriangle


@CONSTRUCTIONS.register
class GraphBlocks(GraphNetwork, Construction[DirectedTriangle]):
    """Called on adjacency matrices (batch, N, N), it returns 0 or 1 (batch, N). Time O(N^3 + D N^2) for a graph.

    The state of a node holds m flags of the block at hand, and whether the node was found on a triangle. Attention is
    uniform over out-neighbours: scores 0 on them and minus the temperature elsewhere, weights rounded to the format.
    Nodes without out-neighbours, whose weights are uniform over all, ignore what they get.

    >>> from assay.constructions import build
    >>> network = build(DirectedTriangle(length=4), method="graph-blocks")
    >>> ring = torch.tensor([[[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]])
    >>> network(ring).tolist(), network.size.depth, network.size.width, network.size.precision
    ([[1.0, 1.0, 1.0, 0.0]], 4, 3, 5)
    """

    method: ClassVar[str] = "graph-blocks"
    model: ClassVar[str] = "graph-attention"
    solves: ClassVar[tuple[str, ...]] = ("directed-triangle",)
    declares: ClassVar[dict[str, Setting]] = {**Construction.declares, "block": WHOLE}
    targets: Tensor

    def __init__(self, task: DirectedTriangle, tolerance: float, block: int) -> None:
        super().__init__()
        self.task, self.tolerance, self.block = task, tolerance, block
        self.settings = {"tolerance": tolerance, "block": block}
        self.depth = 2 * math.ceil(task.length / block)
        bits = 2 + task.length.bit_length()
        self.numbers = FixedPoint(bits, bits - 2)
        self.register_buffer("targets", torch.arange(task.length))

    @classmethod
    def build(cls, task: DirectedTriangle, tolerance: float) -> Self:
        """Blocks of about the square root of N nodes; it is exact, whatever the tolerance."""
        return cls(task, tolerance, block=math.ceil(math.sqrt(task.length)))

    @property
    def size(self) -> Size:
        """Width m + 1, depth 2N/m; bits of one number."""
        assert self.numbers is not None
        return Size(
            width=self.block + 1,
            depth=self.depth,
            precision=self.numbers.bits,
            score_width=self.task.length,
            parameters=self.targets.numel(),
        )

    def numbers_at_work(self) -> int:
        return 2 * self.task.length**2

    @property
    def temperature(self) -> float:
        """At which what is not a neighbour has a weight that rounds to 0: below half a step, with one neighbour."""
        assert self.numbers is not None
        return (self.numbers.fraction + 2) * math.log(2)

    def start(self, rows: Tensor, nodes: Tensor) -> Tensor:
        """Edges to the first block; nobody was found yet."""
        return self._with_edges(torch.zeros(len(rows), len(nodes), self.block + 1, dtype=torch.float64), rows, 0)

    def layer(self, index: int, rows: Tensor, nodes: Tensor, states: Tensor) -> Tensor:
        """Even layers: has an out-neighbour an edge to the block's nodes? Odd ones: has one such an out-neighbour?

        Sums are of whole multiples of one step that stay below 2^53, exact in any order.
        """
        weights = self.rounded(torch.softmax(self.temperature * (rows.double() - 1), dim=2))
        above = self.rounded(weights @ states[:, :, :-1]) > 0
        found = (above & (rows.sum(dim=2, keepdim=True) > 0)).double()
        known = states[:, nodes, -1:]
        if index % 2 == 0:
            return self.rounded(torch.cat([found, known], dim=2))
        mine = (nodes.unsqueeze(1) == self._of_block(index // 2)).double()
        known = torch.maximum(known, (found[:, :, : mine.shape[1]] * mine).amax(dim=2, keepdim=True))
        return self._with_edges(torch.cat([torch.zeros_like(found), known], dim=2), rows, index // 2 + 1)

    def _of_block(self, number: int) -> Tensor:
        return self.targets[number * self.block :][: self.block]

    def _with_edges(self, states: Tensor, rows: Tensor, number: int) -> Tensor:
        """The states, rounded, with each node's own edges to a block written into the flags."""
        block = self._of_block(number)
        states[:, :, : len(block)] = rows[:, :, block].double()
        return self.rounded(states)

    def answers(self, rows: Tensor, nodes: Tensor, states: Tensor) -> Tensor:
        return states[:, :, -1]

    def certificate(self) -> Certificate:
        assert self.numbers is not None
        return Certificate(
            method=self.method,
            guaranteed_error=0.0,
            justification=f"an average of 0 and 1 over at most {self.task.length} out-neighbours is 0 or at least 1/N, "
            f"which is no 0 in steps of 2^-{self.numbers.fraction}; weights elsewhere round to 0; for all graphs",
            size=self.size,
            dtype=f"{self.numbers.bits}-bit fixed point",
            temperature=self.temperature,
        )
