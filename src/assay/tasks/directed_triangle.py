"""Directed triangle: does a node lie on a directed cycle of three edges?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from assay.tasks import TASKS
from assay.tasks.graphs import Adjacency, CycleTask, Gadget, flipped, probability_of_cycles, require_bits


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class DirectedTriangle(CycleTask):
    """y_i = 1 if there are edges i -> j -> k -> i. Row i of the adjacency matrix, token i, has the edges out of i.

    (Sanford, Hsu, Telgarsky, NeurIPS 2023, appendix on graphs.)

    >>> task = DirectedTriangle(length=4)
    >>> graph = [[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]  # 0 -> 1 -> 2 -> 0, and 2 -> 3
    >>> task.targets(task.inputs([graph])).tolist()
    [[1.0, 1.0, 1.0, 0.0]]
    """

    name: ClassVar[str] = "directed-triangle"
    parts: ClassVar[int] = 3
    directed: ClassVar[bool] = True

    @property
    def edge_probability(self) -> float:
        """(N - 1)(N - 2) triangles through a node."""
        return probability_of_cycles((self.length - 1) * (self.length - 2), 3)

    def labels(self, adjacency: Adjacency) -> NDArray[np.bool_]:
        """Diagonal of the third power, in float64, where counts up to N^2 are exact. Time O(N^3)."""
        matrix = adjacency.astype(np.float64)
        return np.einsum("bij,bji->bi", matrix @ matrix, matrix) > 0.5

    def graph(self, alice: NDArray[np.int64], bob: NDArray[np.int64]) -> Adjacency:
        """u_i -> v_j where a_ij = 1, v_j -> w_i where b_ij = 1, w_i -> u_i always; nodes u, v, w in this order.

        An edge out of u leads to v, out of v to w, and out of w_i to u_i, so every cycle of three is u_i v_j w_i.
        """
        n = self.side
        require_bits(alice, bob, n)
        matrix = np.zeros((len(alice), self.length, self.length), dtype=np.int64)
        matrix[:, :n, n : 2 * n] = alice
        matrix[:, n : 2 * n, 2 * n : 3 * n] = bob.transpose(0, 2, 1)
        matrix[:, 2 * n : 3 * n, :n] = np.eye(n, dtype=np.int64)
        return matrix

    def gadget(self) -> Gadget:
        """Alice holds the rows of u, Bob those of v; w and what is left over is known."""
        n = self.side
        return Gadget(tuple(range(n)), tuple(range(n, 2 * n)), tuple(range(2 * n, self.length)))

    def choices(self, position: int) -> int:
        """All sets of edges out of a node."""
        return 1 << (self.length - 1)

    def assemble(self, chosen: torch.Tensor) -> torch.Tensor:
        """Bit k of a node's number is its edge to the k-th other node."""
        others = torch.tensor(
            [[j for j in range(self.length) if j != i] for i in range(self.length)], dtype=torch.int64
        )
        bits = chosen.unsqueeze(2) >> torch.arange(self.length - 1) & 1
        return torch.zeros(len(chosen), self.length, self.length, dtype=torch.int64).scatter_(
            2, others.expand(len(chosen), -1, -1), bits
        )

    def altered(self, inputs: torch.Tensor, count: int, *, seed: int, start: int = 0) -> torch.Tensor:
        return flipped(inputs, count, seed, start, both_ways=False)
