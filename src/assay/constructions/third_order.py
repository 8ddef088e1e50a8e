"""Match3 by one unit of third-order attention of width 5: cosines of sums of three angles, and a sink.

Theorem 18 of Sanford, Hsu, Telgarsky (NeurIPS 2023): what no layer of standard attention of small size can do
(Theorem 7), a softmax over pairs of tokens does at a size that does not depend on N.
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.presence import sink_gap
from assay.constructions.s_order_unit import match_factors, s_order_attention, tuple_arithmetic
from assay.layers.kernels.third_order import third_order_attention
from assay.models.structured import SHORTEST
from assay.models.structured.profile import Profile
from assay.models.structured.triples import triple_mass
from assay.sizes import Size
from assay.tasks.match3 import Match3

_WIDTH = 5
_NUMBERS_OF_A_TOKEN = 64  # where sums of residues are counted


@CONSTRUCTIONS.register
class ThirdOrderUnit(Construction[Match3]):
    """One third-order unit; called on residues (batch, N), it returns (batch, N).

        query = c (cos a, -cos a, -sin a, -sin a, 1 - gap),  key1 = (cos b, sin b, sin b, cos b, 0),
        key2 = (cos d, sin d, cos d, sin d, 0),  sink keys (0, 0, 0, 0, 1),  value 1, of the sink 0

    up to the order of the coordinates. The weight of a pair depends on x_i + x_j + x_k mod M alone: for SHORTEST tokens
    or more, the plain forward pass counts the pairs of sums near a match, exactly, time O(min(N^2, N + M log M)), and
    adds up their weights in float64. It is the same function, of the temperature and sink as rounded to the dtype,
    without the roundings of cosines, scores and sums over N^2 pairs that the certificate allows for. Shorter sequences
    and fixed point take the kernel, time O(N^3) and memory O(N) blocks. float32 up to M of about 890, float64 up to
    about 9 million.

    >>> from assay import Match3
    >>> from assay.constructions import build
    >>> unit = build(Match3(length=4, modulus=23), method="third-order")
    >>> (unit(torch.tensor([[3, 7, 13, 4]])) > 0.5).tolist(), unit.size.width  # 3 + 7 + 13 = 23
    ([[True, True, True, False]], 5)
    """

    method: ClassVar[str] = "third-order"
    model: ClassVar[str] = "bare-third-order"
    solves: ClassVar[tuple[str, ...]] = ("match3",)

    def __init__(self, task: Match3, tolerance: float) -> None:
        super().__init__()
        self.task, self.tolerance, self.settings = task, tolerance, {"tolerance": tolerance}
        self.arithmetic = tuple_arithmetic(3, task.length, task.modulus, tolerance)
        self.register_buffer("temperature", torch.tensor(self.arithmetic.temperature, dtype=torch.float64))

    @classmethod
    def preferred(cls, task: Match3) -> bool:
        return True

    @classmethod
    def build(cls, task: Match3, tolerance: float) -> Self:
        return cls(task, tolerance)

    @property
    def size(self) -> Size:
        """Width and score width 5; four of Q, K1, K2's columns pick a cosine or a sine."""
        bits = torch.finfo(self.arithmetic.dtype).bits
        return Size(width=_WIDTH, precision=bits, score_width=_WIDTH, parameters=5 * _WIDTH**2)

    def numbers_at_work(self) -> int:
        """Scores of all pairs, for one query token, where they are formed."""
        if self.task.length >= SHORTEST:
            return self.task.spec.length * _NUMBERS_OF_A_TOKEN
        return (self.task.length + 1) ** 2

    def forward(self, inputs: Tensor) -> Tensor:
        """The mass on pairs of residues, to be compared with 1/2: (batch, N); float64 where scores are not formed."""
        if self.numbers is None and self.task.length >= SHORTEST:
            return self._structured(inputs)
        query, keys, value = match_factors(inputs, self.task.modulus, 3, self.arithmetic)
        if self.numbers is not None:
            return s_order_attention(query, keys, [value, value], self.numbers).squeeze(2)
        return third_order_attention(query, *keys, value, value).squeeze(2)

    def _structured(self, inputs: Tensor) -> Tensor:
        dtype, gap = self.arithmetic.dtype, sink_gap(self.task.modulus)
        temperature = torch.tensor(self.arithmetic.temperature, dtype=dtype).item()
        sink = temperature * (1 - torch.tensor(1 - gap, dtype=dtype).item())
        profile = Profile(self.task.modulus, temperature)
        return torch.from_numpy(triple_mass(inputs.numpy(), profile, sink, mixed=temperature))

    def certificate(self) -> Certificate:
        return Certificate(
            method=self.method,
            guaranteed_error=self.arithmetic.error,
            justification=f"cos(2 pi s / M) is 1 at s = 0 mod M and at most 1 - {2 * sink_gap(self.task.modulus):.4g} "
            "elsewhere, for all residues; the sink pair scores half-way, mixed pairs 0; (N + 1)^2 exp(-gap) bounds "
            "the wrong mass; a-priori rounding bounds",
            size=self.size,
            dtype=dtype_name(self.arithmetic.dtype),
            temperature=self.arithmetic.temperature,
        )
