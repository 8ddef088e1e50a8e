"""Attention with linear biases, whose scores fall with distance (ALiBi, Press et al. 2021)"""

from __future__ import annotations

from typing import ClassVar

from assay.layers import LAYERS
from assay.layers.common.near_attention import NearAttention


@LAYERS.register
class Alibi(NearAttention):
    """Attention with 2^(-8 h / heads) times the distance of two tokens taken from their score, in heads h = 1, 2, ...

    Time O(last * length * m * heads) (arXiv 2108.12409).

    Args:
        width: m.
        heads: a divisor of m.
        causal: whether a token looks at itself and earlier ones only.
    """

    version: ClassVar[int] = 1

    def __init__(self, width: int, heads: int = 1, causal: bool = False) -> None:
        super().__init__(width, heads, causal)
        self.reach = (0,) * heads
        self.slopes = tuple(2.0 ** (-8 * head / heads) for head in range(1, heads + 1))
