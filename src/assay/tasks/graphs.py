"""Shared by tasks on graphs: token i holds row i of the adjacency matrix and asks whether node i lies on a cycle.

Sanford, Hsu, Telgarsky, "Representational Strengths and Limitations of Transformers" (NeurIPS 2023), appendix on graphs
and several layers. Cycles of these lengths hide set disjointness of n^2 bits between nodes that two parties hold.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from assay.errors import AssayError, require, require_integer
from assay.tasks import counter
from assay.tasks.answers import Bits
from assay.tasks.counter import Words
from assay.tasks.graph_features import edge_features
from assay.tasks.spec import Spec, Vectors
from assay.tasks.task import Task

Adjacency = NDArray[np.int64]
MOST_NODES = 1 << 10  # labels and networks take products of N x N matrices


@dataclass(frozen=True)
class Gadget:
    """Which nodes of a disjointness instance belong to whom.

    Attributes:
        alice: nodes whose rows depend on Alice's bits.
        bob: nodes whose rows depend on Bob's bits.
        fixed: nodes whose rows both know.
    """

    alice: tuple[int, ...]
    bob: tuple[int, ...]
    fixed: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class CycleTask(Task[torch.Tensor]):
    """A cycle task. Inputs are int64 adjacency matrices (batch, N, N) of 0 and 1 without loops, answers 0 or 1.

    Attributes:
        length: N, the number of nodes.
    """

    distributions: ClassVar[dict[str, str]] = {
        "uniform": "each edge with the same probability, at which some of the nodes lie on a cycle and some do not",
        "dense": "all edges but about one for each node",
        "hard": "set disjointness of n^2 bits: there is a cycle if and only if two bit strings meet",
    }
    all_inputs: ClassVar[str] = "over all graphs"
    parts: ClassVar[int]  # groups of n nodes that the gadget has
    directed: ClassVar[bool]

    length: int

    def __post_init__(self) -> None:
        require_integer("length", self.length, 1, MOST_NODES)

    @property
    def spec(self) -> Spec:
        """A token is its row; a cycle may lead anywhere."""
        return Spec(Vectors(self.length), Bits(), self.length, order="any")

    @property
    @abstractmethod
    def edge_probability(self) -> float:
        """Of the `uniform` distribution."""

    @abstractmethod
    def labels(self, adjacency: Adjacency) -> NDArray[np.bool_]:
        """Exact answers (batch, N)."""

    @abstractmethod
    def graph(self, alice: NDArray[np.int64], bob: NDArray[np.int64]) -> Adjacency:
        """The graph (batch, N, N) that has a cycle if and only if bits a_ij = b_ij = 1 for some i, j; both n x n."""

    @abstractmethod
    def gadget(self) -> Gadget:
        """Who holds which rows of `graph`."""

    @property
    def side(self) -> int:
        """n, the side of the parties' bit matrices: N / 3 or N / 5, rounded down."""
        return self.length // self.parts

    def inputs(self, adjacency: ArrayLike | torch.Tensor) -> torch.Tensor:
        """Inputs made of a user's own adjacency matrices (batch, N, N), checked; int64.

        Raises:
            AssayError: a wrong shape, entries other than 0 and 1, a loop, or a direction where there is none.
        """
        matrices = self.checked(torch.as_tensor(adjacency, device="cpu"))
        require(len(matrices) > 0, "batch", 0, "at least 1")
        return matrices

    def checked(self, inputs: torch.Tensor) -> torch.Tensor:
        """Adjacency matrices (batch, N, N) of any dtype that holds 0 and 1, as int64."""
        if inputs.ndim != 3 or inputs.shape[1:] != (self.length, self.length):
            shape = tuple(inputs.shape)
            raise AssayError(f"adjacency has shape {shape}; it must be (batch, {self.length}, {self.length})")
        if not ((inputs == 0) | (inputs == 1)).all():
            raise AssayError("adjacency has entries other than 0 and 1")
        if inputs.diagonal(dim1=1, dim2=2).any():
            raise AssayError("adjacency has a loop; its diagonal must be 0")
        self.check_direction(inputs)
        return inputs.detach().to(torch.int64)

    def check_direction(self, adjacency: torch.Tensor) -> None:
        """Refuse an adjacency matrix that is not of this task's kind of graph."""

    def draw(self, example_keys: Words, distribution: str) -> torch.Tensor:
        shares = {"uniform": self.edge_probability, "dense": 1 - 1 / self.length}
        hard = distribution == "hard"
        return torch.from_numpy(self._hard(example_keys) if hard else self._random(example_keys, shares[distribution]))

    def lacks(self, distribution: str) -> str:
        return f"a length of at least {self.parts}" if distribution == "hard" and not self.side else ""

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.labels(inputs.numpy())).double()

    def encode(self, inputs: torch.Tensor) -> torch.Tensor:
        """The rows, float32 (batch, N, N)."""
        return inputs.float()

    def baseline_features(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Counts of edges, degrees and walks of a few steps."""
        return edge_features(inputs, directed=self.directed)

    def _random(self, example_keys: Words, share: float) -> Adjacency:
        random = counter.uniforms(counter.words(example_keys, 0, self.length**2))
        edges = (random < share).reshape(-1, self.length, self.length)
        return self._kept(edges.astype(np.int64))

    def _kept(self, edges: Adjacency) -> Adjacency:
        """Edges without loops."""
        return edges * (1 - np.eye(self.length, dtype=np.int64))

    def _hard(self, example_keys: Words) -> Adjacency:
        bits = self.side**2
        alice, bob = counter.disjointness(counter.words(example_keys, 0, 2 * bits + 1))
        shape = (-1, self.side, self.side)
        return self.graph(alice.reshape(shape), bob.reshape(shape))


def probability_of_cycles(cycles: float, edges: int) -> float:
    """Of an edge, at which a node lies on ln 2 cycles on average: cycles p^edges = ln 2.

    Cycles share edges and so come together: less than half of the nodes lie on one. Sampled shares are 0.42 to 0.48
    for triangles (N = 4 ... 256; 0.57 at N = 3) and 0.28 to 0.35 for five-cycles (N = 5 ... 256).

    >>> round(probability_of_cycles(cycles=100.0, edges=3), 4)
    0.1907
    """
    return min(1.0, (math.log(2) / cycles) ** (1 / edges)) if cycles > 0 else 0.5


def require_bits(alice: NDArray[np.int64], bob: NDArray[np.int64], side: int) -> None:
    """Refuse bit matrices of another shape than (batch, n, n)."""
    fits = alice.shape == bob.shape and alice.shape[1:] == (side, side)
    require(fits, "bits", f"of shapes {alice.shape} and {bob.shape}", f"of shape (batch, {side}, {side})")


def flipped(inputs: torch.Tensor, count: int, seed: int, start: int, *, both_ways: bool) -> torch.Tensor:
    """Copies (count, N, N) of the first graph, each with one random pair of nodes joined or parted."""
    length = inputs.shape[1]
    graphs = inputs[:1].repeat(count, 1, 1)
    if length == 1:
        return graphs
    random = counter.words(counter.example_keys(seed, "train", start, count), 0, 2)
    first = torch.from_numpy(counter.integers(random[:, 0], length))
    second = (first + 1 + torch.from_numpy(counter.integers(random[:, 1], length - 1))) % length
    rows = torch.arange(count)
    graphs[rows, first, second] ^= 1
    if both_ways:
        graphs[rows, second, first] = graphs[rows, first, second]
    return graphs
