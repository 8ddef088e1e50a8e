"""Five-cycle: does a node of an undirected graph lie on a cycle of five different nodes?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import AssayError
from assay.tasks import TASKS
from assay.tasks.graphs import Adjacency, CycleTask, Gadget, flipped, probability_of_cycles, require_bits


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class FiveCycle(CycleTask):
    """y_i = 1 if there is a simple cycle i, a, b, c, d, i. The adjacency matrix is symmetric.

    (Sanford, Hsu, Telgarsky, NeurIPS 2023, appendix on graphs.)

    >>> task = FiveCycle(length=6)
    >>> ring = [[int((i - j) % 5 in (1, 4) and max(i, j) < 5) for j in range(6)] for i in range(6)]
    >>> task.targets(task.inputs([ring])).tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0, 0.0]]
    """

    name: ClassVar[str] = "five-cycle"
    parts: ClassVar[int] = 5
    directed: ClassVar[bool] = False

    @property
    def edge_probability(self) -> float:
        """(N - 1)(N - 2)(N - 3)(N - 4) / 2 five-cycles through a node."""
        n = self.length
        return probability_of_cycles((n - 1) * (n - 2) * (n - 3) * (n - 4) / 2 if n > 4 else 0, 5)

    def check_direction(self, adjacency: torch.Tensor) -> None:
        if not torch.equal(adjacency, adjacency.transpose(1, 2)):
            raise AssayError("adjacency is not symmetric; five-cycle is about undirected graphs")

    def labels(self, adjacency: Adjacency) -> NDArray[np.bool_]:
        """Exact: for each node i, edges b - c with a common neighbour a of i and b, and another one d of i and c.

        There are different ones unless both have just one to choose from, and it is the same. Time O(N^4).
        """
        return np.stack([_on_five_cycles(matrix) for matrix in adjacency.astype(np.float64)])

    def graph(self, alice: NDArray[np.int64], bob: NDArray[np.int64]) -> Adjacency:
        """Nodes a1, b1 (Alice), a2, b2 (Bob), c, n of each, in this order.

        a1_i - b1_j where a_ij = 1, a2_i - b2_j where b_ij = 1; b1_j - b2_j, a1_i - c_i and c_i - a2_i always. Without
        the c the graph is bipartite (a1, b2 against b1, a2), so an odd cycle passes some c_i, hence a1_i and a2_i, and
        one of five is a1_i b1_j b2_j a2_i c_i.
        """
        n = self.side
        require_bits(alice, bob, n)
        half = np.zeros((len(alice), self.length, self.length), dtype=np.int64)
        same = np.eye(n, dtype=np.int64)
        part = [slice(k * n, (k + 1) * n) for k in range(5)]
        half[:, part[0], part[1]], half[:, part[2], part[3]] = alice, bob
        half[:, part[1], part[3]], half[:, part[0], part[4]], half[:, part[4], part[2]] = same, same, same
        return half + half.transpose(0, 2, 1)

    def gadget(self) -> Gadget:
        """Alice holds the rows of a1 and b1, Bob those of a2 and b2; c and what is left over is known."""
        n = self.side
        return Gadget(tuple(range(2 * n)), tuple(range(2 * n, 4 * n)), tuple(range(4 * n, self.length)))

    def altered(self, inputs: torch.Tensor, count: int, *, seed: int, start: int = 0) -> torch.Tensor:
        return flipped(inputs, count, seed, start, both_ways=True)

    def _kept(self, edges: Adjacency) -> Adjacency:
        upper = np.triu(edges, 1)
        return upper + upper.transpose(0, 2, 1)


def _on_five_cycles(matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which nodes of one graph (N, N) lie on a simple cycle of five; counts are exact in float64."""
    paths = matrix @ matrix
    found = np.zeros(len(matrix), dtype=bool)
    for i, row in enumerate(matrix):
        # Of an edge b - c: a is a common neighbour of i and b other than c, d one of i and c other than b.
        for_b = paths[i][:, None] - row[None, :]
        for_c = for_b.T
        common = (matrix * row) @ matrix.T  # neighbours of i, b and c
        edges = matrix > 0
        edges[i], edges[:, i] = False, False
        clash = (for_b == 1) & (for_c == 1) & (common > 0)
        found[i] = (edges & (for_b > 0) & (for_c > 0) & ~clash).any()
    return found
