"""Directed triangles by one unit of third-order attention on a graph: width 3N + 1, one layer.

Node i scores a pair (j, k) by c (x_ij + x_jk + x_ki - 3), where x_jk compares j's row with k, and a sink by -c/2: a
triangle is c/2 above the sink, anything else c/2 below. Scores are whole numbers and halves, exact.
(Graph-augmented networks: Sanford, Hsu, Telgarsky, NeurIPS 2023, appendix on graphs.)
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.presence import choose_arithmetic
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF
from assay.models.bare import SCORES_AT_ONCE
from assay.sizes import Size
from assay.tasks.directed_triangle import DirectedTriangle


@CONSTRUCTIONS.register
class GraphThirdOrder(Construction[DirectedTriangle]):
    """Called on adjacency matrices (batch, N, N), it returns (batch, N). Time O(N^3) for a graph, in blocks.

    >>> from assay.constructions import build
    >>> unit = build(DirectedTriangle(length=4))
    >>> ring = torch.tensor([[[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]])
    >>> (unit(ring) > 0.5).tolist(), unit.size.depth, unit.size.width
    ([[True, True, True, False]], 1, 13)
    """

    method: ClassVar[str] = "graph-third-order"
    model: ClassVar[str] = "graph-third-order"
    solves: ClassVar[tuple[str, ...]] = ("directed-triangle",)
    temperature: Tensor

    def __init__(self, task: DirectedTriangle, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        # The temperature, its product with a whole number, and that of the sink are rounded.
        rounding = {dtype: 8 * UNIT_ROUNDOFF[dtype] for dtype in DTYPES}
        what = f"directed triangles at N = {task.length}"
        self.arithmetic = choose_arithmetic(what, task.length**2, 0.5, rounding, tolerance)
        self.register_buffer("temperature", torch.tensor(self.arithmetic.temperature, dtype=torch.float64))

    @classmethod
    def preferred(cls, task: DirectedTriangle) -> bool:
        return True

    @classmethod
    def build(cls, task: DirectedTriangle, tolerance: float) -> Self:
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width and score width 3N + 1: N products for each edge, a row's entry times an indicator, and the sink."""
        width = 3 * self.task.length + 1
        return Size(
            width=width, precision=torch.finfo(self.arithmetic.dtype).bits, score_width=width, parameters=5 * width**2
        )

    def numbers_at_work(self) -> int:
        return self.task.length**2 + 1

    def forward(self, inputs: Tensor) -> Tensor:
        """The mass on pairs, to be compared with 1/2: (batch, N)."""
        dtype = self.arithmetic.dtype
        temperature = self.rounded(self.temperature.to(dtype))
        edges = inputs.to(dtype)
        rows = max(1, SCORES_AT_ONCE // (len(edges) * self.task.length**2))
        masses = []
        for some in torch.arange(self.task.length).split(rows):
            out, back = edges[:, some], edges[:, :, some].transpose(1, 2)
            sums = out.unsqueeze(3) + edges.unsqueeze(1) + back.unsqueeze(2) - 3
            scores = self.rounded(temperature * sums.flatten(2))
            sink = self.rounded(-temperature / 2).expand(*scores.shape[:2], 1)
            weights = self.rounded(torch.softmax(torch.cat([scores, sink], dim=2), dim=2))
            masses.append(self.rounded(weights[:, :, :-1].sum(dim=2)))
        return torch.cat(masses, dim=1)

    def certificate(self) -> Certificate:
        return Certificate(
            method=self.method,
            guaranteed_error=self.arithmetic.error,
            justification="x_ij + x_jk + x_ki is 3 on a triangle and at most 2 elsewhere; the sink scores half-way; "
            "N^2 exp(-gap) bounds the wrong mass; a-priori rounding bounds; for all graphs",
            size=self.size,
            dtype=dtype_name(self.arithmetic.dtype),
            temperature=self.arithmetic.temperature,
        )
