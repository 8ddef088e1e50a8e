"""q heads that look up one pointer each: score width 2 per head, at 2 log2 N bits a number.

Head h scores position j by 2 y j - j^2 for its pointer y, which is y^2 - (y - j)^2: largest at j = y, by a gap of at
least 1. Its value is z / q; the heads are summed. All scores are integers times a short temperature, hence exact.
Compare one head that does it all: 2 coordinates per pointer too, but about q times the bits (`cyclic`).
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.reed_solomon import short_number
from assay.constructions.settings import FLOAT_DTYPE, NOT_NEGATIVE, Setting
from assay.constructions.softmax_bound import UNIT_ROUNDOFF, choose_dtype, gamma, guaranteed_error, temperature
from assay.models.bare import BareUnit, Blocks
from assay.sizes import Size
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs


@CONSTRUCTIONS.register
class OnePointerHeads(BareUnit[SparseAveragingInputs], Construction[SparseAveraging]):
    """Attention with q heads; the embedding holds the value, (j, j^2) and the q pointers: width d + q + 3.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> unit = build(SparseAveraging(length=4096, sparsity=16), method="heads", tolerance=0.05)
    >>> unit.size.width, unit.size.heads, unit.certificate().dtype
    (20, 16, 'float64')
    """

    method: ClassVar[str] = "heads"
    model: ClassVar[str] = "bare-attention"
    declares: ClassVar[dict[str, Setting]] = {
        **Construction.declares,
        "temperature": NOT_NEGATIVE,
        "dtype": FLOAT_DTYPE,
    }
    nodes: Tensor

    def __init__(self, task: SparseAveraging, tolerance: float, temperature: float, dtype: str) -> None:
        super().__init__()
        self.task, self.tolerance, self.temperature = task, tolerance, temperature
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.settings = {"tolerance": tolerance, "temperature": temperature, "dtype": dtype}
        self.blocks = Blocks({"data": task.dimension, "key": 2, "pointers": task.sparsity, "one": 1})
        width, q = self.blocks.width, task.sparsity
        query = torch.zeros(q, width, 2, dtype=self.dtype)
        first_pointer = self.blocks["pointers"].start
        query[torch.arange(q), first_pointer + torch.arange(q), 0] = 2 * temperature
        query[:, self.blocks["one"].start, 1] = -temperature
        key = self.blocks.selector("key", self.dtype).expand(q, -1, -1).clone()
        value = (self.blocks.selector("data", self.dtype) / q).expand(q, -1, -1).clone()
        self.set_weights(query, key, value)
        self.register_buffer("nodes", centred(task.spec.length).to(self.dtype))

    @classmethod
    def build(cls, task: SparseAveraging, tolerance: float) -> Self:
        alpha = short_number(temperature(1, task.spec.length, 1.0, 0.9 * tolerance))
        guarantee = {torch.float64: _guarantee(task, alpha, torch.float64)}
        # 2 y j - j^2 and its terms are at most 3 (positions / 2)^2 < 2^40, the temperature has 8 bits; float64 holds 53
        # bits exactly, float32 24.
        fits = 3 * (task.spec.length // 2) ** 2 << 8 <= 1 << 24
        guarantee[torch.float32] = _guarantee(task, alpha, torch.float32) if fits else float("inf")
        return cls(task, tolerance, alpha, dtype_name(choose_dtype(tolerance, guarantee)))

    @property
    def query_count(self) -> int:
        return self.task.spec.queries

    @property
    def size(self) -> Size:
        """Width d + q + 3, q heads of score width 2."""
        return Size(
            width=self.blocks.width,
            heads=self.task.sparsity,
            precision=torch.finfo(self.dtype).bits,
            score_width=2,
            parameters=sum(buffer.numel() for buffer in self.buffers()),
        )

    def position_keys(self) -> Tensor:
        """(j, j^2) with both columns scaled to at most 1."""
        nodes = self.nodes.double() / max(1.0, self.nodes.abs().max().item())
        return torch.stack([nodes, nodes**2], dim=1)

    def embed(self, inputs: SparseAveragingInputs) -> Tensor:
        """phi: value, (j, j^2), pointers as node numbers, 1; shape (batch, positions, m)."""
        values, pointers = inputs
        embedded = torch.zeros(values.shape[0], self.task.spec.length, self.blocks.width, dtype=self.dtype)
        embedded[:, : self.task.length, self.blocks["data"]] = values.to(self.dtype)
        embedded[:, :, self.blocks["key"]] = torch.stack([self.nodes, self.nodes**2], dim=1)
        embedded[:, -self.query_count :, self.blocks["pointers"]] = self.nodes[pointers]
        embedded[:, :, self.blocks["one"]] = 1.0
        return embedded

    def certificate(self) -> Certificate:
        """Guarantee for every pointer set: each head errs by at most 1/q of the one-pointer bound."""
        return Certificate(
            method=self.method,
            guaranteed_error=_guarantee(self.task, self.temperature, self.dtype),
            justification="(y - j)^2 >= 1 for j != y, all scores exact integers times an 8-bit temperature; softmax "
            "averaging bound for one pointer; a-priori rounding bounds; for every pointer set",
            size=self.size,
            dtype=dtype_name(self.dtype),
            temperature=self.temperature,
        )


def centred(positions: int) -> Tensor:
    """Consecutive integers around 0, one per position, int64."""
    return torch.arange(positions) - positions // 2


def _guarantee(task: SparseAveraging, alpha: float, dtype: torch.dtype) -> float:
    roundoff = UNIT_ROUNDOFF[dtype]
    return guaranteed_error(1, task.spec.length, alpha, 0.0, roundoff) + gamma(task.sparsity + 2, roundoff)
