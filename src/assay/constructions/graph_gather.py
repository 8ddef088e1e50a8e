"""Cycles of any kind by one layer of standard attention on a graph that hands all rows to everybody: width N^2.

The trivial upper bound: attention is uniform, the value of node j is its row, in a block of coordinates of its own, and
what follows the attention has the whole graph and may compute anything. (Graph-augmented networks:
Sanford, Hsu, Telgarsky, NeurIPS 2023, appendix on graphs.)
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.errors import require
from assay.models.graph import GraphNetwork
from assay.sizes import Size
from assay.tasks.graphs import CycleTask

MOST_NODES = 1 << 6  # of which each holds N^2 numbers: 128 MB in float64 for 64 graphs


@CONSTRUCTIONS.register
class GraphGather(GraphNetwork, Construction[CycleTask]):
    """Called on adjacency matrices (batch, N, N), it returns 0 or 1 (batch, N). Time and memory O(N^3) for a graph.

    >>> from assay.constructions import build
    >>> from assay.tasks.five_cycle import FiveCycle
    >>> network = build(FiveCycle(length=5), method="graph-gather")
    >>> ring = torch.tensor([[[int((i - j) % 5 in (1, 4)) for j in range(5)] for i in range(5)]])
    >>> network(ring).tolist(), network.size.width, network.size.precision
    ([[1.0, 1.0, 1.0, 1.0, 1.0]], 25, 5)
    """

    method: ClassVar[str] = "graph-gather"
    model: ClassVar[str] = "graph-attention"
    solves: ClassVar[tuple[str, ...]] = ("directed-triangle", "five-cycle")
    places: Tensor
    depth = 1

    def __init__(self, task: CycleTask, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        bits = 2 + task.length.bit_length()
        self.numbers = FixedPoint(bits, bits - 2)
        self.register_buffer("places", torch.arange(task.length))

    @classmethod
    def preferred(cls, task: CycleTask) -> bool:
        return task.name == "five-cycle"

    @classmethod
    def build(cls, task: CycleTask, tolerance: float) -> Self:
        """The network for this task; it is exact, whatever the tolerance."""
        require(task.length <= MOST_NODES, "length", task.length, f"at most {MOST_NODES} for graph-gather")
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width N^2, one layer; bits of one number."""
        assert self.numbers is not None
        return Size(width=self.task.length**2, precision=self.numbers.bits, parameters=self.places.numel())

    def numbers_at_work(self) -> int:
        return self.task.length**3

    def start(self, rows: Tensor, nodes: Tensor) -> Tensor:
        """Each node's own row, in its own block of coordinates."""
        length = self.task.length
        states = torch.zeros(len(rows), len(nodes), length, length, dtype=torch.float64)
        states[:, torch.arange(len(nodes)), self.places[nodes]] = rows.double()
        return self.rounded(states.flatten(2))

    def layer(self, index: int, rows: Tensor, nodes: Tensor, states: Tensor) -> Tensor:
        """The average of all states, the same for all nodes; one entry of each sum is not 0, so that it is exact."""
        weight = self.rounded(torch.tensor(1 / self.task.length, dtype=torch.float64))
        return self.rounded((weight * states).sum(dim=1, keepdim=True)).expand(-1, len(nodes), -1)

    def answers(self, rows: Tensor, nodes: Tensor, states: Tensor) -> Tensor:
        """The task's own exact answer, from each node's state alone."""
        length = self.task.length
        graphs = (states > 0).long().unflatten(2, (length, length))
        same = graphs[:, :1] if bool((graphs == graphs[:, :1]).all()) else graphs
        labels = self.task.targets(same.flatten(0, 1)).unflatten(0, same.shape[:2]).expand(-1, len(nodes), -1)
        return labels.gather(2, nodes.expand(len(labels), -1).unsqueeze(2)).squeeze(2)

    def certificate(self) -> Certificate:
        assert self.numbers is not None
        return Certificate(
            method=self.method,
            guaranteed_error=0.0,
            justification=f"1/N is no 0 in steps of 2^-{self.numbers.fraction}, so that an entry of the average is "
            "above 0 where the edge is there; then the task's own exact answer, an arbitrary map; for all graphs",
            size=self.size,
            dtype=f"{self.numbers.bits}-bit fixed point",
            temperature=0.0,
        )
