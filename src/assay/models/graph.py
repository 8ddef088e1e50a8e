"""Graph-augmented networks: token i may use its own row of the adjacency matrix in every layer.

The model in which cycle detection is hard for several layers of standard attention: scores and values of layer l are
any functions of token i's state, m numbers of p bits, and of its own row. Rows are not squeezed through the states, so
what the nodes of one party learn of another's rows has to pass through those nodes' states, layer by layer. (After
Sanford, Hsu, Telgarsky, NeurIPS 2023, appendix on graphs.)
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from assay.models.bare import Rounding


class GraphNetwork(Rounding, nn.Module):
    """A network in layers that can be computed for some of the nodes, from their rows and everybody's states.

    Attributes:
        depth: D, the number of layers.

    States are numbers of the format `numbers`, where there is one: `start` and `layer` round what they return.
    They must not depend, in any bit, on which other nodes they are computed with: `layer` may only combine rows in ways
    whose rounding does not depend on the number of rows.
    """

    depth: int

    @abstractmethod
    def start(self, rows: Tensor, nodes: Tensor) -> Tensor:
        """States before the first layer.

        Args:
            rows: adjacency rows of these nodes, int64 (batch, nodes, N).
            nodes: their numbers, int64 (nodes,).

        Returns:
            (batch, nodes, m).
        """

    @abstractmethod
    def layer(self, index: int, rows: Tensor, nodes: Tensor, states: Tensor) -> Tensor:
        """States of these nodes after layer `index`, from all nodes' states before it (batch, N, m)."""

    @abstractmethod
    def answers(self, rows: Tensor, nodes: Tensor, states: Tensor) -> Tensor:
        """Answers of these nodes (batch, nodes), from their own rows and last states (batch, nodes, m)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Answers of all nodes, from adjacency matrices (batch, N, N): (batch, N)."""
        nodes = torch.arange(inputs.shape[1])
        states = self.start(inputs, nodes)
        for index in range(self.depth):
            states = self.layer(index, inputs, nodes, states)
        return self.answers(inputs, nodes, states)
